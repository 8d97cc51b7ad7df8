/* Products through CLBlast. It takes matrices whose rows, or columns, are dense, and batches at equal distances; other
 * operands are copied first, where there is no batch. The result's bias and activation are a pass behind it.
 *
 * It compiles its kernels at the first call for a device: a second or so on a GPU. Its answer to sizes of 0 is an error, so
 * those never come here. */
#include "clblast.h"

#ifdef SOCLE_CLBLAST
#include "temp.h"

#include <clblast_c.h>

/* A piece of memory so large has a cl_mem of its own (memory.c), which is what the library's workspace must be. */
#define OWN_BYTES ((int64_t)9 << 20)
/* Multiply-adds from which a copy of an operand pays. */
#define COPY_WORK ((int64_t)1 << 27)

/* A matrix as BLAS has it: ld elements from one row (or column, if transposed) to the next. */
typedef struct blas_matrix {
    CLBlastTranspose transpose;
    size_t at, ld, stride; /* stride: from one item of the batch to the next */
    cl_mem mem;
    ocl_temp copy;
} blas_matrix;

/* Elements from one index to the next where all are equally far, and at least `least`; else 0. */
static int64_t step_of(ocl_side s, int64_t size, int64_t least)
{
    if (size == 1)
        return least;
    bool plain = size <= SOCLE_LANES || s.block == SOCLE_LANES * s.unit;
    return plain && s.unit >= least ? s.unit : 0;
}

static bool is_dense(ocl_side s, int64_t size)
{
    return size == 1 || step_of(s, size, 1) == 1;
}

static bool describe(const ocl_matrix *v, int64_t rows, int64_t columns, blas_matrix *out)
{
    int64_t ld = is_dense(v->column, columns) ? step_of(v->row, rows, columns) : 0;
    out->transpose = CLBlastTransposeNo;
    if (ld == 0) {
        ld = is_dense(v->row, rows) ? step_of(v->column, columns, rows) : 0;
        out->transpose = CLBlastTransposeYes;
    }
    out->ld = (size_t)ld;
    out->at = (size_t)v->at;
    out->mem = v->buffer->mem;
    return ld != 0;
}

/* The distance from item to item, if it is the same for all. */
static bool batch_stride(const ocl_matrix *v, const int64_t *batch, size_t *stride)
{
    int64_t step = -1, next = 0;
    for (int d = OCL_BATCH_DIMS - 1; d >= 0; d--) {
        if (batch[d] == 1)
            continue;
        if (batch[d] > SOCLE_LANES && v->batch[d].block != SOCLE_LANES * v->batch[d].unit)
            return false;
        if (step >= 0 && v->batch[d].unit != next)
            return false;
        if (step < 0)
            step = v->batch[d].unit;
        next = v->batch[d].unit * batch[d];
    }
    *stride = step < 0 ? 0 : (size_t)step;
    return true;
}

static socle_status copy_dense(ocl_device *d, const ocl_product *p, const ocl_matrix *v, int64_t rows,
                               int64_t columns, blas_matrix *out)
{
    socle_status status = ocl_temp_new(d, SOCLE_F32, 2, (int64_t[]){ rows, columns }, 1, &out->copy);
    if (status != SOCLE_OK)
        return status;
    out->transpose = CLBlastTransposeNo;
    out->ld = (size_t)columns;
    out->at = (size_t)ocl_start(&out->copy.view);
    out->mem = out->copy.owned->mem;
    return ocl_product_dense(d, p, v, &out->copy.view);
}

/* v as it is, or a copy of it. */
static socle_status take(ocl_device *d, const ocl_product *p, const ocl_matrix *v, int64_t rows, int64_t columns,
                         blas_matrix *out)
{
    if (describe(v, rows, columns, out))
        return batch_stride(v, p->batch, &out->stride) ? SOCLE_OK : SOCLE_ERR_UNSUPPORTED;
    if (p->batches > 1 || p->m * p->n * p->k < COPY_WORK)
        return SOCLE_ERR_UNSUPPORTED;
    return copy_dense(d, p, v, rows, columns, out);
}

static socle_status answer(CLBlastStatusCode code)
{
    return code == CLBlastSuccess ? SOCLE_OK
                                  : socle_fail(SOCLE_ERR_DEVICE, "opencl: CLBlast answers %d", (int)code);
}

/* One product, with workspace from our pool. Callers hold the lock. */
static CLBlastStatusCode one(ocl_device *d, const ocl_product *p, const blas_matrix *a, const blas_matrix *b,
                             const blas_matrix *c, const ocl_temp *space)
{
    const size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    if (!space->owned || space->owned->at != 0)
        return CLBlastSgemm(CLBlastLayoutRowMajor, a->transpose, b->transpose, m, n, k, p->alpha, a->mem, a->at,
                            a->ld, b->mem, b->at, b->ld, p->beta, c->mem, c->at, c->ld, &d->queue, NULL);
    return CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, a->transpose, b->transpose, m, n, k, p->alpha, a->mem,
                                      a->at, a->ld, b->mem, b->at, b->ld, p->beta, c->mem, c->at, c->ld, &d->queue,
                                      NULL, space->owned->mem);
}

static CLBlastStatusCode batched(ocl_device *d, const ocl_product *p, const blas_matrix *a, const blas_matrix *b,
                                 const blas_matrix *c)
{
    return CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, a->transpose, b->transpose, (size_t)p->m, (size_t)p->n,
                                      (size_t)p->k, p->alpha, a->mem, a->at, a->ld, a->stride, b->mem, b->at, b->ld,
                                      b->stride, p->beta, c->mem, c->at, c->ld, c->stride, (size_t)p->batches,
                                      &d->queue, NULL);
}

static socle_status call(ocl_device *d, const ocl_product *p, const blas_matrix *a, const blas_matrix *b,
                         const blas_matrix *c)
{
    ocl_temp space = { 0 };
    size_t bytes = 0;
    if (p->batches == 1 &&
        CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, a->transpose, b->transpose, (size_t)p->m, (size_t)p->n,
                                   (size_t)p->k, a->at, a->ld, b->at, b->ld, c->at, c->ld, &d->queue,
                                   &bytes) == CLBlastSuccess &&
        bytes > 0) {
        int64_t floats = ((int64_t)bytes > OWN_BYTES ? (int64_t)bytes : OWN_BYTES) / (int64_t)sizeof(float) + 1;
        socle_status status = ocl_temp_new(d, SOCLE_F32, 1, &floats, 1, &space);
        if (status != SOCLE_OK)
            return status;
    }
    (void)pthread_mutex_lock(&d->lock);
    socle_status status = d->late != SOCLE_OK ? socle_fail(d->late, "%s", d->late_text) : SOCLE_OK;
    if (status == SOCLE_OK) {
        d->used_clblast = true;
        d->launches++;
        d->last_kernel = "CLBlast's gemm";
        status = answer(p->batches == 1 ? one(d, p, a, b, c, &space) : batched(d, p, a, b, c));
    }
    (void)pthread_mutex_unlock(&d->lock);
    ocl_temp_free(d, &space);
    return status;
}

/* c is written where it lies, and finished there. */
static socle_status into_c(ocl_device *d, const ocl_product *p, const blas_matrix *a, const blas_matrix *b,
                           const blas_matrix *c)
{
    socle_status status = call(d, p, a, b, c);
    return status == SOCLE_OK && (p->bias || p->relu) ? ocl_product_end(d, p) : status;
}

/* c by way of a dense copy. */
static socle_status around_c(ocl_device *d, const ocl_product *p, const blas_matrix *a, const blas_matrix *b)
{
    blas_matrix c = { 0 };
    socle_status status = ocl_temp_new(d, SOCLE_F32, 2, (int64_t[]){ p->m, p->n }, 1, &c.copy);
    if (status != SOCLE_OK)
        return status;
    const ocl_product part = ocl_product_partial(p, &c.copy.view);
    (void)describe(&part.c, p->m, p->n, &c);
    status = call(d, &part, a, b, &c);
    if (status == SOCLE_OK)
        status = ocl_product_combine(d, p, &c.copy.view, 1);
    ocl_temp_free(d, &c.copy);
    return status;
}

socle_status ocl_multiply_clblast(ocl_device *d, const ocl_product *given)
{
    const ocl_product turned = ocl_product_swapped(given);
    const ocl_product *p = is_dense(given->c.column, given->n) ? given : &turned;
    blas_matrix a = { 0 }, b = { 0 }, c = { 0 };
    if (ocl_product_wide(p))
        return SOCLE_ERR_UNSUPPORTED; /* it counts in 32 bits */
    bool direct = describe(&p->c, p->m, p->n, &c) && c.transpose == CLBlastTransposeNo &&
                  batch_stride(&p->c, p->batch, &c.stride);
    if (!direct && (p->batches > 1 || p->m * p->n * p->k < COPY_WORK))
        return SOCLE_ERR_UNSUPPORTED;
    socle_status status = take(d, p, &p->a, p->m, p->k, &a);
    if (status == SOCLE_OK)
        status = take(d, p, &p->b, p->k, p->n, &b);
    if (status == SOCLE_OK)
        status = direct ? into_c(d, p, &a, &b, &c) : around_c(d, p, &a, &b);
    ocl_temp_free(d, &a.copy);
    ocl_temp_free(d, &b.copy);
    return status;
}

void ocl_clblast_close(ocl_device *d)
{
    if (d->used_clblast)
        (void)CLBlastClearCache();
}

#else

socle_status ocl_multiply_clblast(ocl_device *d, const ocl_product *p)
{
    (void)d;
    (void)p;
    return SOCLE_ERR_UNSUPPORTED;
}

void ocl_clblast_close(ocl_device *d)
{
    (void)d;
}

#endif

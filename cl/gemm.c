/* Matrix products: the slot, the way that always works, and what the ways share. */
#include "gemm.h"
#include "clblast.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>

enum { OPTIONS = 64, NUMBERS = 64 };

/* ---- description ---- */

static ocl_side side_of(socle_in v, int dim)
{
    const int64_t step = v->stride[dim];
    return dim == 0 && v->lanes == SOCLE_LANES ? (ocl_side){ step, 1 } : (ocl_side){ SOCLE_LANES * step, step };
}

static ocl_matrix matrix_of(socle_in v)
{
    const int rows = v->ndim - 2;
    ocl_matrix m = {
        .buffer = v->buffer, .at = ocl_start(v), .row = side_of(v, rows), .column = side_of(v, rows + 1)
    };
    for (int d = 0; d < rows; d++)
        m.batch[d] = side_of(v, d);
    return m;
}

static ocl_matrix transposed(ocl_matrix m)
{
    ocl_side row = m.row;
    m.row = m.column;
    m.column = row;
    return m;
}

ocl_product ocl_product_of(socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    const int rows = c->ndim - 2;
    ocl_product p = { .m = c->dim[rows],
                      .n = c->dim[rows + 1],
                      .k = a->dim[rows + 1],
                      .batches = 1,
                      .alpha = alpha,
                      .beta = beta,
                      .c = matrix_of(c),
                      .a = matrix_of(a),
                      .b = matrix_of(b) };
    for (int d = 0; d < OCL_BATCH_DIMS; d++) {
        p.batch[d] = d < rows ? c->dim[d] : 1;
        p.batches *= p.batch[d];
    }
    return p;
}

ocl_product ocl_product_flat(socle_out c, socle_in a, bool ta, socle_in b, bool tb)
{
    ocl_product p = ocl_product_of(c, a, b, 1, 0);
    p.k = a->dim[ta ? 0 : 1];
    if (ta)
        p.a = transposed(p.a);
    if (tb)
        p.b = transposed(p.b);
    return p;
}

void ocl_product_finish(ocl_product *p, socle_in bias, socle_epilogue e)
{
    p->relu = e == SOCLE_EPILOGUE_RELU;
    if (!bias)
        return;
    p->bias = bias->buffer;
    p->bias_at = ocl_start(bias);
    p->bias_column = 1;
}

ocl_product ocl_product_swapped(const ocl_product *p)
{
    ocl_product s = *p;
    s.m = p->n;
    s.n = p->m;
    s.a = transposed(p->b);
    s.b = transposed(p->a);
    s.c = transposed(p->c);
    s.bias_row = p->bias_column;
    s.bias_column = p->bias_row;
    return s;
}

/* ---- arguments ---- */

static int64_t last_of(ocl_side s, int64_t size)
{
    int64_t last = size - 1;
    return size == 0 ? 0 : last / SOCLE_LANES * s.block + (last >= SOCLE_LANES ? SOCLE_LANES - 1 : last) * s.unit;
}

static bool reaches_far(const ocl_matrix *m, int64_t rows, int64_t columns, const int64_t *batch)
{
    int64_t reach = m->at + last_of(m->row, rows) + last_of(m->column, columns);
    for (int d = 0; d < OCL_BATCH_DIMS; d++)
        reach += last_of(m->batch[d], batch[d]);
    return reach > INT32_MAX / 2;
}

bool ocl_product_wide(const ocl_product *p)
{
    return p->m > INT32_MAX / 2 || p->n > INT32_MAX / 2 || p->k > INT32_MAX / 2 || p->batches > INT32_MAX / 2 ||
           p->bias_at > INT32_MAX / 2 || reaches_far(&p->c, p->m, p->n, p->batch) ||
           reaches_far(&p->a, p->m, p->k, p->batch) || reaches_far(&p->b, p->k, p->n, p->batch);
}

static int put_side(int64_t *to, ocl_side s)
{
    to[0] = s.block;
    to[1] = s.unit;
    return 2;
}

static int put_matrix(int64_t *to, const ocl_matrix *m)
{
    int n = 0;
    to[n++] = m->at;
    n += put_side(to + n, m->row);
    n += put_side(to + n, m->column);
    for (int d = 0; d < OCL_BATCH_DIMS; d++)
        n += put_side(to + n, m->batch[d]);
    return n;
}

/* The kernel's struct product: nothing but numbers of one type. */
void ocl_arg_product(ocl_call *k, bool wide, const ocl_product *p)
{
    int64_t number[NUMBERS];
    int n = 0;
    number[n++] = p->m;
    number[n++] = p->n;
    number[n++] = p->k;
    for (int d = 0; d < OCL_BATCH_DIMS; d++)
        number[n++] = p->batch[d];
    n += put_matrix(number + n, &p->c);
    n += put_matrix(number + n, &p->a);
    n += put_matrix(number + n, &p->b);
    number[n++] = p->bias_at;
    number[n++] = p->bias_row;
    number[n++] = p->bias_column;
    number[n++] = p->bias != NULL;
    number[n++] = p->relu;
    cl_long wide_number[NUMBERS];
    cl_int narrow_number[NUMBERS];
    for (int i = 0; i < n; i++) {
        wide_number[i] = number[i];
        narrow_number[i] = (cl_int)number[i];
    }
    if (wide)
        ocl_arg(k, (size_t)n * sizeof *wide_number, wide_number);
    else
        ocl_arg(k, (size_t)n * sizeof *narrow_number, narrow_number);
}

/* ---- slices of k ---- */

int64_t ocl_product_slices(const ocl_product *p, int64_t *slice_k)
{
    enum { TILE = 64, ENOUGH = 16, SHORTEST = 512 };
    int64_t tiles = (p->m + TILE - 1) / TILE * ((p->n + TILE - 1) / TILE), slices = 1;
    if (p->batches == 1 && tiles < ENOUGH && p->k >= 4 * SHORTEST) {
        int64_t most = p->k / SHORTEST;
        slices = ENOUGH / tiles < most ? ENOUGH / tiles : most;
    }
    *slice_k = ((p->k + slices - 1) / slices + SOCLE_LANES - 1) / SOCLE_LANES * SOCLE_LANES;
    return (p->k + *slice_k - 1) / *slice_k;
}

ocl_product ocl_product_partial(const ocl_product *p, socle_in partial)
{
    ocl_product part = *p;
    part.c = (ocl_matrix){ .buffer = partial->buffer,
                           .at = ocl_start(partial),
                           .row = { SOCLE_LANES * p->n, p->n },
                           .column = { SOCLE_LANES, 1 } };
    part.alpha = 1;
    part.beta = 0;
    part.bias = NULL;
    part.relu = false;
    return part;
}

socle_status ocl_product_combine(ocl_device *d, const ocl_product *p, socle_in partial, int64_t slices)
{
    char options[OPTIONS];
    bool wide = ocl_product_wide(p) || slices * p->m * p->n > INT32_MAX / 2 || ocl_start(partial) > INT32_MAX / 2;
    (void)snprintf(options, sizeof options, "-DINDEX=%s", wide ? "long" : "int");
    ocl_call k = ocl_begin(d, "gemm.cl", "gemm_combine", options);
    ocl_arg_product(&k, wide, p);
    ocl_arg_buffer(&k, p->c.buffer);
    ocl_arg_buffer(&k, partial->buffer);
    ocl_arg_buffer(&k, p->bias ? p->bias : p->c.buffer);
    ocl_arg_index(&k, wide, ocl_start(partial));
    ocl_arg_index(&k, wide, slices);
    ocl_arg_float(&k, p->alpha);
    ocl_arg_float(&k, p->beta);
    return ocl_run(&k, 2, (size_t[]){ (size_t)p->n, (size_t)p->m }, NULL);
}

/* ---- around a library's product ---- */

socle_status ocl_product_end(ocl_device *d, const ocl_product *p)
{
    ocl_call k = ocl_begin(d, "gemm.cl", "gemm_finish", "-DINDEX=int");
    ocl_arg_product(&k, false, p);
    ocl_arg_buffer(&k, p->c.buffer);
    ocl_arg_buffer(&k, p->bias ? p->bias : p->c.buffer);
    ocl_arg_int(&k, p->batches);
    return ocl_run(&k, 3, (size_t[]){ (size_t)p->n, (size_t)p->m, (size_t)p->batches }, NULL);
}

socle_status ocl_product_dense(ocl_device *d, const ocl_product *p, const ocl_matrix *v, socle_out to)
{
    ocl_product as_c = *p; /* whose c is v */
    as_c.m = to->dim[0];
    as_c.n = to->dim[1];
    as_c.c = *v;
    ocl_call k = ocl_begin(d, "gemm.cl", "gemm_dense", "-DINDEX=int");
    ocl_arg_product(&k, false, &as_c);
    ocl_arg_buffer(&k, to->buffer);
    ocl_arg_buffer(&k, v->buffer);
    ocl_arg_int(&k, ocl_start(to));
    return ocl_run(&k, 2, (size_t[]){ (size_t)to->dim[1], (size_t)to->dim[0] }, NULL);
}

/* ---- running ---- */

socle_status ocl_multiply_any(ocl_device *d, const ocl_product *p)
{
    char options[OPTIONS];
    bool wide = ocl_product_wide(p);
    (void)snprintf(options, sizeof options, "-DINDEX=%s", wide ? "long" : "int");
    ocl_call k = ocl_begin(d, "gemm.cl", "gemm_any", options);
    ocl_arg_product(&k, wide, p);
    ocl_arg_buffer(&k, p->c.buffer);
    ocl_arg_buffer(&k, p->a.buffer);
    ocl_arg_buffer(&k, p->b.buffer);
    ocl_arg_buffer(&k, p->bias ? p->bias : p->c.buffer);
    ocl_arg_index(&k, wide, p->batches);
    ocl_arg_float(&k, p->alpha);
    ocl_arg_float(&k, p->beta);
    return ocl_run(&k, 3, (size_t[]){ (size_t)p->n, (size_t)p->m, (size_t)p->batches }, NULL);
}

socle_status ocl_multiply_by(ocl_device *d, ocl_variant v, const ocl_product *p)
{
    static const ocl_tile tiles[OCL_VARIANTS] = {
        [OCL_gemm_cpu_14x32] = { 14, 2 }, [OCL_gemm_cpu_8x48] = { 8, 3 }, [OCL_gemm_cpu_8x32] = { 8, 2 },
        [OCL_gemm_cpu_6x16] = { 6, 1 },   [OCL_gemm_gpu_8x8] = { 8, 8 },  [OCL_gemm_gpu_4x4] = { 4, 4 },
    };
    switch ((int)v) {
    case OCL_gemm_clblast:
        return ocl_multiply_clblast(d, p);
    case OCL_gemm_cpu_14x32:
    case OCL_gemm_cpu_8x48:
    case OCL_gemm_cpu_8x32:
    case OCL_gemm_cpu_6x16:
        return ocl_multiply_cpu(d, p, tiles[v]);
    case OCL_gemm_gpu_8x8:
    case OCL_gemm_gpu_4x4:
        return ocl_multiply_gpu(d, p, tiles[v]);
    default:
        return ocl_multiply_any(d, p);
    }
}

socle_status ocl_multiply(ocl_device *d, const ocl_product *p)
{
    const ocl_size size = { p->m, p->n, p->k, p->batches };
    uint32_t tried = 0;
    for (;;) {
        const ocl_variant v = p->k == 0 ? OCL_gemm_any : ocl_choose_gemm(d, size, tried);
        socle_status status = ocl_multiply_by(d, v, p);
        if (status == SOCLE_OK || v == OCL_gemm_any || (status != SOCLE_ERR_UNSUPPORTED && d->late != SOCLE_OK) ||
            status == SOCLE_ERR_NOMEM)
            return status;
        tried |= 1u << v;
        if (status != SOCLE_ERR_UNSUPPORTED)
            ocl_put_aside(d, v, socle_error(), false);
    }
}

socle_status ocl_gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    const ocl_product p = ocl_product_of(c, a, b, alpha, beta);
    return ocl_multiply(self, &p);
}

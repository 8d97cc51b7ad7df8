/* Matrix products: blocks, packing and threads around the tile of isa/body_gemm.h.
 *
 *     for blocks of C                                                     (chunks)
 *         for k, as many steps as suit the caches
 *             pack the block's rows of A in panels as high as a tile      (the thread's own, in L2)
 *             for panels of B as wide as a tile, for panels of A: one tile
 *
 * The first tile that needs a panel of B reads it where it lies, if columns are neighbours, and leaves it packed for those
 * below; otherwise it is packed before (the thread's own, in L1). So threads never wait for each other, B goes through the
 * core once a block, and there is little packing memory.
 *
 * Blocks are cut by the shape, and each element of C sums over k in order, so many steps at a time. Any strides will do.
 * Batches of small products are shared out whole. */
#include "gemm.h"

#include "isa/kernels_gemm.h"
#include "parallel.h"
#include "whole.h"
#include "workspace.h"

/* Of a block, at most: MC rows of A are half of an L2 cache. */
enum { MC = 256, NC = 2048 };

typedef struct gemm_job {
    const struct cpu_gemm_kernels *kernels;
    int threads;
    int64_t m, n, k;
    float alpha, beta;
    gemm_matrix a, b, c;
    int64_t row_panels, column_panels, passes; /* panels of A, of B; cuts of k */
    int64_t row_blocks, column_blocks;
    float *packed;        /* [thread] { panels of A, a panel of B } */
    int64_t a_size, size; /* floats: of a thread's panels of A, of all a thread has */
} gemm_job;

/* ---- blocks ---- */

/* Where the i-th of `parts` parts of n starts, which differ by at most one. */
static int64_t part(int64_t n, int64_t i, int64_t parts)
{
    return n * i / parts;
}

/* What an element of an operand costs a block: four times as much where it has to be transposed. */
static int64_t cost(int64_t stride_across)
{
    return stride_across == 1 ? 1 : 4;
}

/* How C is cut. Each block reads its rows of A and its columns of B: the sides cost as much as each other. Eight blocks share
 * well among two, four or eight threads; more threads have a use for more where a block stays large. */
static void cut(gemm_job *j)
{
    enum { FEW = 8, MANY = 16 };
    static const int64_t least = 1 << 17, large = 1 << 26; /* multiply-adds of a block, which many pays from */
    const int64_t work = j->m * j->n * j->k, blocks = min64(max64(work / large, FEW), MANY);
    const int64_t rows = cost(j->a.row) * j->m, columns = cost(j->b.column) * j->n;
    j->row_panels = divide_up(j->m, j->kernels->rows);
    j->column_panels = divide_up(j->n, j->kernels->columns);
    j->passes = max64((j->k + j->kernels->steps / 2) / j->kernels->steps, 1);
    j->row_blocks = 1;
    while (j->row_blocks * MC < j->m)
        j->row_blocks *= 2;
    j->column_blocks = max64(divide_up(j->n, NC), 1);
    while (j->row_blocks * j->column_blocks < blocks && work >= 2 * least * j->row_blocks * j->column_blocks) {
        const bool by_rows = rows * j->column_blocks >= columns * j->row_blocks;
        if (by_rows && 2 * j->row_blocks <= j->row_panels)
            j->row_blocks *= 2;
        else if (2 * j->column_blocks <= j->column_panels)
            j->column_blocks *= 2;
        else
            break;
    }
}

/* Rows of panels [p0, p1) of A, k from k0 on. */
static void pack_a(const gemm_job *j, float *to, int64_t p0, int64_t p1, int64_t k0, int64_t k)
{
    for (int64_t p = p0; p < p1; p++, to += k * j->kernels->pitch) {
        const int64_t m0 = part(j->m, p, j->row_panels), m1 = part(j->m, p + 1, j->row_panels);
        j->kernels->pack(to, j->kernels->pitch, j->a.at + m0 * j->a.row + k0 * j->a.column, m1 - m0, k, j->a.row,
                         j->a.column);
    }
}

/* The tiles of panels [p0, p1) of A with the panel of B that starts with column n0: t has what they share. */
static void tiles(const gemm_job *j, gemm_tile *t, const float *a, float *b, int64_t p0, int64_t p1, int64_t n0,
                  int64_t k0)
{
    const int64_t columns = j->kernels->columns;
    const float *from = j->b.at + k0 * j->b.row + n0 * j->b.column;
    t->columns = (int)min64(columns, j->n - n0);
    t->far = t->columns == columns && j->b.column == 1;
    if (t->far) {
        t->b = from;
        t->b_row = j->b.row;
        t->packed = p0 + 1 < p1 ? b : NULL;
    } else {
        t->b = b;
        t->b_row = columns;
        j->kernels->pack(b, columns, from, t->columns, t->k, j->b.column, j->b.row);
    }
    for (int64_t p = p0; p < p1; p++) {
        const int64_t m0 = part(j->m, p, j->row_panels);
        t->rows = (int)(part(j->m, p + 1, j->row_panels) - m0);
        t->a = a + (p - p0) * t->k * j->kernels->pitch;
        t->c = j->c.at + m0 * j->c.row + n0 * j->c.column;
        j->kernels->tile(t);
        t->b = b;
        t->b_row = columns;
        t->far = false;
    }
}

static void block(const gemm_job *j, int64_t p0, int64_t p1, int64_t q0, int64_t q1)
{
    float *a = j->packed + cpu_thread() * j->size, *b = a + j->a_size;
    gemm_tile t = { .alpha = j->alpha, .c_row = j->c.row, .c_column = j->c.column };
    for (int64_t pass = 0; pass < j->passes; pass++) {
        const int64_t k0 = part(j->k, pass, j->passes);
        t.k = part(j->k, pass + 1, j->passes) - k0;
        t.beta = pass == 0 ? j->beta : 1;
        pack_a(j, a, p0, p1, k0, t.k);
        for (int64_t q = q0; q < q1; q++)
            tiles(j, &t, a, b, p0, p1, q * j->kernels->columns, k0);
    }
}

static void blocks(void *arg, int64_t first, int64_t last)
{
    const gemm_job *j = arg;
    for (int64_t i = first; i < last; i++) {
        const int64_t row = i % j->row_blocks, column = i / j->row_blocks;
        block(j, part(j->row_panels, row, j->row_blocks), part(j->row_panels, row + 1, j->row_blocks),
              part(j->column_panels, column, j->column_blocks),
              part(j->column_panels, column + 1, j->column_blocks));
    }
}

/* k = 0, or nothing to add. */
static void scale(const gemm_job *j)
{
    for (int64_t i = 0; i < j->m; i++)
        for (int64_t q = 0; q < j->n; q++) {
            float *at = j->c.at + i * j->c.row + q * j->c.column;
            *at = j->beta == 0 ? 0 : j->beta * *at;
        }
}

static void multiply(const gemm_job *j)
{
    if (j->k == 0)
        scale(j);
    else
        cpu_for(j->threads, j->row_blocks * j->column_blocks, 1, blocks, (void *)j);
}

/* How j is cut, and memory to pack its blocks: for all products of the same shape and strides. */
static socle_status prepare(workspace *ws, gemm_job *j)
{
    enum { ALIGNED = 16 };
    j->kernels = ws->device->kernels->gemm;
    j->threads = ws->device->threads;
    cut(j);
    const int64_t steps = divide_up(j->k, j->passes);
    j->a_size = divide_up(divide_up(j->row_panels, j->row_blocks) * j->kernels->pitch * steps, ALIGNED) * ALIGNED;
    j->size = j->a_size + divide_up(j->kernels->columns * steps, ALIGNED) * ALIGNED;
    j->packed = workspace_floats(ws, j->threads * j->size);
    return j->packed ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

socle_status gemm_matrices(cpu_device *d, int64_t m, int64_t n, int64_t k, float alpha, gemm_matrix a,
                           gemm_matrix b, float beta, gemm_matrix c)
{
    workspace ws = workspace_on(d);
    gemm_job j = { .m = m, .n = n, .k = k, .alpha = alpha, .beta = beta, .a = a, .b = b, .c = c };
    socle_status s = prepare(&ws, &j);
    if (s == SOCLE_OK)
        multiply(&j);
    return workspace_end(&ws, s);
}

/* ---- the slot ---- */

typedef struct batch_job {
    const gemm_job *one;
    socle_in a, b, c;
} batch_job;

/* The matrix of batch item i of v. */
static gemm_matrix matrix_of(socle_in v, int64_t item)
{
    gemm_matrix m = { view_floats(v), v->stride[v->ndim - 2], v->stride[v->ndim - 1] };
    for (int32_t d = v->ndim - 3; d >= 0; d--) {
        m.at += item % v->dim[d] * v->stride[d];
        item /= v->dim[d];
    }
    return m;
}

static void items(void *arg, int64_t first, int64_t last)
{
    const batch_job *batch = arg;
    gemm_job j = *batch->one;
    for (int64_t i = first; i < last; i++) {
        j.a = matrix_of(batch->a, i);
        j.b = matrix_of(batch->b, i);
        j.c = matrix_of(batch->c, i);
        multiply(&j);
    }
}

static socle_status multiply_batch(workspace *ws, socle_in c, socle_in a, socle_in b, float alpha, float beta)
{
    enum {
        SHARED = 1 << 21,
        WORK = 16384
    }; /* multiply-adds of a product worth all threads; of a chunk of small ones */
    const int row = c->ndim - 2, column = c->ndim - 1;
    gemm_job j = {
        .m = c->dim[row],
        .n = c->dim[column],
        .k = a->dim[column],
        .alpha = alpha,
        .beta = beta,
        .a = matrix_of(a, 0),
        .b = matrix_of(b, 0),
        .c = matrix_of(c, 0),
    };
    socle_status s = prepare(ws, &j);
    if (s != SOCLE_OK)
        return s;
    batch_job batch = { .one = &j, .a = a, .b = b, .c = c };
    int64_t count = 1;
    for (int32_t i = 0; i < row; i++)
        count *= c->dim[i];
    const int64_t work = j.m * j.n * (j.k + 1);
    if (count > 1 && work < SHARED)
        cpu_for(j.threads, count, WORK / work + 1, items, &batch);
    else
        items(&batch, 0, count);
    return SOCLE_OK;
}

socle_status cpu_gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    workspace ws = workspace_on(self);
    socle_view ra, rb, rc = *c;
    socle_status s = workspace_format(&ws, a, 1, &ra);
    if (s == SOCLE_OK)
        s = workspace_format(&ws, b, 1, &rb);
    if (s == SOCLE_OK && c->lanes != 1)
        s = beta == 0 ? workspace_like(&ws, c, 1, &rc) : workspace_format(&ws, c, 1, &rc);
    if (s == SOCLE_OK)
        s = multiply_batch(&ws, &rc, &ra, &rb, alpha, beta);
    if (s == SOCLE_OK && c->lanes != 1)
        s = cpu_copy(self, c, &rc);
    return workspace_end(&ws, s);
}

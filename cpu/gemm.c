/* Matrix products: blocks, packing and threads around the tile of isa/body_gemm.h.
 *
 *     for columns of C in steps of NC, for k in steps of KC:
 *         pack KC x NC of B in panels as wide as a tile               (shared; one chunk a few panels)
 *         for blocks of MC rows and NS columns of C                   (chunks)
 *             pack MC x KC of A in panels as high as a tile           (the thread's own, L2)
 *             for each panel of B (L1), for each panel of A: one tile
 *
 * Blocks are cut by the shape, and each element of C sums over k in order, KC at a time. Packing takes any strides.
 * Batches of small products are shared out whole. */
#include "gemm.h"

#include "isa/kernels_gemm.h"
#include "parallel.h"
#include "whole.h"
#include "workspace.h"

/* KC: a panel of B and one of A together fit the L1 cache; MC rows of A, a quarter of the L2. */
enum { KC = 192, MC = 112, NC = 2048, NS = 512 };

typedef struct gemm_job {
    const struct cpu_gemm_kernels *kernels;
    int threads;
    int64_t m, n, k;
    float alpha, beta;
    gemm_matrix a, b, c;
    float *packed_a, *packed_b;            /* packed_a: [thread] */
    int64_t a_size;                        /* floats of a thread */
    int64_t mc, row_blocks, column_blocks; /* of the running step */
    int64_t n0, n1, k0, k1;
} gemm_job;

static int64_t round_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b * b;
}

/* count lines of `length` elements -> [count / width][length][width], zeros beyond count. */
static void pack(float *to, const float *from, int64_t count, int64_t length, int64_t across, int64_t along,
                 int64_t width)
{
    for (int64_t i = 0; i < count; i += width) {
        const int64_t there = min64(width, count - i);
        const float *line = from + i * across;
        for (int64_t j = 0; j < length; j++, to += width) {
            const float *at = line + j * along;
            if (across == 1)
                for (int64_t w = 0; w < there; w++)
                    to[w] = at[w];
            else
                for (int64_t w = 0; w < there; w++)
                    to[w] = at[w * across];
            for (int64_t w = there; w < width; w++)
                to[w] = 0;
        }
    }
}

static void pack_b_panels(void *arg, int64_t first, int64_t last)
{
    const gemm_job *j = arg;
    const int64_t width = j->kernels->columns, from = j->n0 + first * width,
                  to = min64(j->n0 + last * width, j->n1);
    pack(j->packed_b + first * width * (j->k1 - j->k0), j->b.at + from * j->b.column + j->k0 * j->b.row, to - from,
         j->k1 - j->k0, j->b.column, j->b.row, width);
}

/* A tile at the edge of C, or of a C whose columns are not neighbours: through memory of our own. */
static void tile_at_edge(const gemm_job *j, const float *a, const float *b, int64_t rows, int64_t columns, float *c,
                         float beta)
{
    float own[GEMM_MAX_ROWS * GEMM_MAX_COLUMNS];
    j->kernels->tile(j->k1 - j->k0, a, b, own, j->kernels->columns, j->alpha, 0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t q = 0; q < columns; q++) {
            float *at = c + i * j->c.row + q * j->c.column;
            float v = own[i * j->kernels->columns + q];
            *at = beta == 0 ? v : v + beta * *at;
        }
}

/* Rows [m0, m1) and columns [n0, n1) of C, which start a panel of B. */
static void block(const gemm_job *j, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    const int64_t k = j->k1 - j->k0, rows = j->kernels->rows, columns = j->kernels->columns;
    const float beta = j->k0 == 0 ? j->beta : 1;
    float *packed = j->packed_a + cpu_thread() * j->a_size;
    pack(packed, j->a.at + m0 * j->a.row + j->k0 * j->a.column, m1 - m0, k, j->a.row, j->a.column, rows);
    for (int64_t q = n0; q < n1; q += columns) {
        const float *b = j->packed_b + (q - j->n0) * k, *a = packed;
        for (int64_t i = m0; i < m1; i += rows, a += rows * k) {
            float *c = j->c.at + i * j->c.row + q * j->c.column;
            if (i + rows <= m1 && q + columns <= n1 && j->c.column == 1)
                j->kernels->tile(k, a, b, c, j->c.row, j->alpha, beta);
            else
                tile_at_edge(j, a, b, min64(rows, m1 - i), min64(columns, n1 - q), c, beta);
        }
    }
}

static void blocks(void *arg, int64_t first, int64_t last)
{
    const gemm_job *j = arg;
    for (int64_t i = first; i < last; i++) {
        int64_t m0 = i / j->column_blocks * j->mc, n0 = j->n0 + i % j->column_blocks * NS;
        block(j, m0, min64(m0 + j->mc, j->m), n0, min64(n0 + NS, j->n1));
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

/* Rows of a block: eight blocks at least where that leaves each enough to do. */
static int64_t block_rows(const gemm_job *j)
{
    enum { BLOCKS = 8, WORK = 65536 };
    const int64_t rows = j->kernels->rows, work = min64(j->n, NS) * min64(j->k, KC);
    int64_t enough = round_up(WORK / work + 1, rows), share = round_up((j->m + BLOCKS - 1) / BLOCKS, rows);
    return min64(share > enough ? share : enough, round_up(MC, rows));
}

static void multiply(gemm_job *j)
{
    enum { PANELS = 8 }; /* of B to a chunk of packing */
    if (j->k == 0) {
        scale(j);
        return;
    }
    j->mc = block_rows(j);
    j->row_blocks = (j->m + j->mc - 1) / j->mc;
    for (j->n0 = 0; j->n0 < j->n; j->n0 = j->n1) {
        j->n1 = min64(j->n0 + NC, j->n);
        j->column_blocks = (j->n1 - j->n0 + NS - 1) / NS;
        for (j->k0 = 0; j->k0 < j->k; j->k0 = j->k1) {
            j->k1 = min64(j->k0 + KC, j->k);
            cpu_for(j->threads, round_up(j->n1 - j->n0, j->kernels->columns) / j->kernels->columns, PANELS,
                    pack_b_panels, j);
            cpu_for(j->threads, j->row_blocks * j->column_blocks, 1, blocks, j);
        }
    }
}

/* Packing memory for `copies` products at a time. */
static socle_status take_memory(workspace *ws, gemm_job *j, int64_t copies, int64_t *b_size)
{
    const int64_t k = min64(j->k, KC);
    *b_size = k * round_up(min64(j->n, NC), j->kernels->columns);
    j->a_size = k * round_up(min64(j->m, MC), j->kernels->rows) + k * j->kernels->rows;
    j->packed_b = workspace_floats(ws, copies * *b_size);
    j->packed_a = j->packed_b ? workspace_floats(ws, j->threads * j->a_size) : NULL;
    return j->packed_a ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static gemm_job job_on(cpu_device *d, int64_t m, int64_t n, int64_t k, float alpha, float beta)
{
    return (gemm_job){
        .kernels = d->kernels->gemm,
        .threads = d->threads,
        .m = m,
        .n = n,
        .k = k,
        .alpha = alpha,
        .beta = beta,
    };
}

socle_status gemm_matrices(cpu_device *d, int64_t m, int64_t n, int64_t k, float alpha, gemm_matrix a,
                           gemm_matrix b, float beta, gemm_matrix c)
{
    workspace ws = workspace_on(d);
    gemm_job j = job_on(d, m, n, k, alpha, beta);
    int64_t b_size;
    socle_status s = take_memory(&ws, &j, 1, &b_size);
    if (s == SOCLE_OK) {
        j.a = a;
        j.b = b;
        j.c = c;
        multiply(&j);
    }
    return workspace_end(&ws, s);
}

/* ---- the slot ---- */

typedef struct batch_job {
    const gemm_job *one;
    socle_in a, b, c;
    int64_t b_size; /* floats of packed B of a thread */
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
    if (batch->b_size)
        j.packed_b += cpu_thread() * batch->b_size;
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
    cpu_device *d = ws->device;
    gemm_job j = job_on(d, c->dim[row], c->dim[column], a->dim[column], alpha, beta);
    batch_job batch = { .one = &j, .a = a, .b = b, .c = c };
    int64_t count = 1;
    for (int32_t i = 0; i < row; i++)
        count *= c->dim[i];
    const int64_t work = j.m * j.n * (j.k + 1);
    const bool whole = count > 1 && work < SHARED;
    socle_status s = take_memory(ws, &j, whole ? d->threads : 1, &batch.b_size);
    if (s != SOCLE_OK)
        return s;
    if (whole) {
        cpu_for(d->threads, count, WORK / work + 1, items, &batch);
    } else {
        batch.b_size = 0;
        items(&batch, 0, count);
    }
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

/* Kernels of kernels_reduce.h: reductions. Softmax and cross entropy are in body_softmax.h. */
#include "kernels_reduce.h"
#include "loop.h"
#include "math.h"

/* acc after it has met v. */
INLINE vf reduce_step(socle_reduce op, vf acc, vf v)
{
    switch (op) {
    case SOCLE_REDUCE_SUMSQ:
        return acc + v * v;
    case SOCLE_REDUCE_MAX:
        return vf_select((v > acc) | (v != v), v, acc);
    case SOCLE_REDUCE_MIN:
        return vf_select((v < acc) | (v != v), v, acc);
    default:
        return acc + v;
    }
}

INLINE float reduce_step1(socle_reduce op, float acc, float v)
{
    switch (op) {
    case SOCLE_REDUCE_SUMSQ:
        return acc + v * v;
    case SOCLE_REDUCE_MAX:
        return v > acc || v != v ? v : acc;
    case SOCLE_REDUCE_MIN:
        return v < acc || v != v ? v : acc;
    default:
        return acc + v;
    }
}

/* ---- rows ---- */

/* One row of unit stride that starts at virtual lane 0. */
INLINE void reduce_row(socle_reduce op, int64_t n, const float *x, vf acc[REDUCE_LANES / VW], float *spill)
{
    int64_t i = 0;
    for (; i + REDUCE_LANES <= n; i += REDUCE_LANES)
        for (int j = 0; j < REDUCE_LANES / VW; j++)
            acc[j] = reduce_step(op, acc[j], vf_load(x + i + j * VW));
    if (i == n)
        return;
    for (int j = 0; j < REDUCE_LANES / VW; j++) {
        if (i + (j + 1) * VW <= n) {
            acc[j] = reduce_step(op, acc[j], vf_load(x + i + j * VW));
        } else if (i + j * VW < n) {
            vf_store(spill, acc[j]);
            for (int64_t k = i + j * VW; k < n; k++)
                spill[k - i - j * VW] = reduce_step1(op, spill[k - i - j * VW], x[k]);
            acc[j] = vf_load(spill);
        }
    }
}

INLINE void reduce_rows_op(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx,
                           float *lanes)
{
    float tile[TILE], spill[VW];
    vf acc[REDUCE_LANES / VW];
    for (int j = 0; j < REDUCE_LANES / VW; j++)
        acc[j] = vf_load(lanes + j * VW);
    int64_t step = sx == 1 ? n : TILE;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t from = 0; from < n; from += step) {
            int64_t m = tile_at(from, n, step);
            reduce_row(op, m, row_in(x + r * ld, sx, from, m, tile), acc, spill);
        }
    for (int j = 0; j < REDUCE_LANES / VW; j++)
        vf_store(lanes + j * VW, acc[j]);
}

static void reduce_rows(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx,
                        float *acc)
{
    switch (op) {
    case SOCLE_REDUCE_SUMSQ:
        reduce_rows_op(SOCLE_REDUCE_SUMSQ, rows, ld, n, x, sx, acc);
        break;
    case SOCLE_REDUCE_MAX:
        reduce_rows_op(SOCLE_REDUCE_MAX, rows, ld, n, x, sx, acc);
        break;
    case SOCLE_REDUCE_MIN:
        reduce_rows_op(SOCLE_REDUCE_MIN, rows, ld, n, x, sx, acc);
        break;
    default:
        reduce_rows_op(SOCLE_REDUCE_SUM, rows, ld, n, x, sx, acc);
        break;
    }
}

/* Four chains of additions, so that one does not wait for the other. */
INLINE void reduce_each_op(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx,
                           float *y, int64_t sy)
{
    const float start = op == SOCLE_REDUCE_MAX   ? -__builtin_inff()
                        : op == SOCLE_REDUCE_MIN ? __builtin_inff()
                                                 : 0.0f;
    for (int64_t r = 0; r < rows; r++) {
        float acc[4] = { start, start, start, start };
        const float *row = x + r * ld;
        int64_t i = 0;
        for (; i + 4 <= n; i += 4)
            for (int j = 0; j < 4; j++)
                acc[j] = reduce_step1(op, acc[j], row[(i + j) * sx]);
        for (; i < n; i++)
            acc[0] = reduce_step1(op, acc[0], row[i * sx]);
        bool sums = op != SOCLE_REDUCE_MAX && op != SOCLE_REDUCE_MIN;
        float left = sums ? acc[0] + acc[2] : reduce_step1(op, acc[0], acc[2]);
        float right = sums ? acc[1] + acc[3] : reduce_step1(op, acc[1], acc[3]);
        y[r * sy] = sums ? left + right : reduce_step1(op, left, right);
    }
}

static void reduce_each(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx, float *y,
                        int64_t sy)
{
    switch (op) {
    case SOCLE_REDUCE_SUMSQ:
        reduce_each_op(SOCLE_REDUCE_SUMSQ, rows, ld, n, x, sx, y, sy);
        break;
    case SOCLE_REDUCE_MAX:
        reduce_each_op(SOCLE_REDUCE_MAX, rows, ld, n, x, sx, y, sy);
        break;
    case SOCLE_REDUCE_MIN:
        reduce_each_op(SOCLE_REDUCE_MIN, rows, ld, n, x, sx, y, sy);
        break;
    default:
        reduce_each_op(SOCLE_REDUCE_SUM, rows, ld, n, x, sx, y, sy);
        break;
    }
}

/* ---- columns ---- */

/* `regs` registers of neighbouring columns, all rows. */
INLINE void reduce_strip(socle_reduce op, int regs, int64_t rows, int64_t ld, const float *x, float *out)
{
    vf acc[4];
    for (int j = 0; j < regs; j++)
        acc[j] = vf_load(out + j * VW);
    for (int64_t r = 0; r < rows; r++)
        for (int j = 0; j < regs; j++)
            acc[j] = reduce_step(op, acc[j], vf_load(x + r * ld + j * VW));
    for (int j = 0; j < regs; j++)
        vf_store(out + j * VW, acc[j]);
}

INLINE void reduce_columns_op(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, float *acc)
{
    int64_t i = 0;
    for (; i + 4 * VW <= n; i += 4 * VW)
        reduce_strip(op, 4, rows, ld, x + i, acc + i);
    for (; i + VW <= n; i += VW)
        reduce_strip(op, 1, rows, ld, x + i, acc + i);
    for (; i < n; i++)
        for (int64_t r = 0; r < rows; r++)
            acc[i] = reduce_step1(op, acc[i], x[r * ld + i]);
}

static void reduce_columns(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, float *acc)
{
    switch (op) {
    case SOCLE_REDUCE_SUMSQ:
        reduce_columns_op(SOCLE_REDUCE_SUMSQ, rows, ld, n, x, acc);
        break;
    case SOCLE_REDUCE_MAX:
        reduce_columns_op(SOCLE_REDUCE_MAX, rows, ld, n, x, acc);
        break;
    case SOCLE_REDUCE_MIN:
        reduce_columns_op(SOCLE_REDUCE_MIN, rows, ld, n, x, acc);
        break;
    default:
        reduce_columns_op(SOCLE_REDUCE_SUM, rows, ld, n, x, acc);
        break;
    }
}

/* ---- the place of the best ---- */

INLINE bool beats(socle_reduce op, float v, float best)
{
    bool better = op == SOCLE_REDUCE_MAX ? v > best : v < best;
    return better || (v != v && best == best);
}

INLINE void reduce_arg_op(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int32_t *index,
                          int64_t si)
{
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
        vf best = vf_load(x + i);
        vi place = vi_set(0);
        for (int64_t r = 1; r < rows; r++) {
            vf v = vf_load(x + r * ld + i);
            vi better = op == SOCLE_REDUCE_MAX ? v > best : v < best;
            better |= (v != v) & (best == best);
            best = vf_select(better, v, best);
            place = vi_select(better, vi_set((int32_t)r), place);
        }
        int32_t found[VW];
        vi_store(found, place);
        for (int j = 0; j < VW; j++)
            index[(i + j) * si] = found[j];
    }
    for (; i < n; i++) {
        int64_t place = 0;
        for (int64_t r = 1; r < rows; r++)
            place = beats(op, x[r * ld + i], x[place * ld + i]) ? r : place;
        index[i * si] = (int32_t)place;
    }
}

static void reduce_arg_columns(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int32_t *index,
                               int64_t si)
{
    if (op == SOCLE_REDUCE_MAX)
        reduce_arg_op(SOCLE_REDUCE_MAX, rows, ld, n, x, index, si);
    else
        reduce_arg_op(SOCLE_REDUCE_MIN, rows, ld, n, x, index, si);
}

#include "body_histogram.h"
#include "body_softmax.h"

static const struct cpu_reduce_kernels reduce_kernels = {
    .rows = reduce_rows,
    .columns = reduce_columns,
    .each_row = reduce_each,
    .arg_columns = reduce_arg_columns,
    .softmax_columns = softmax_columns,
    .softmax_row = softmax_row,
    .softmax_grad_columns = softmax_grad_columns,
    .softmax_grad_row = softmax_grad_row,
    .xent_grad_columns = xent_grad_columns,
    .histogram = histogram,
};

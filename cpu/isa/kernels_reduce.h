/* Kernels that run along one direction: reductions, the place of the largest, softmax, cross entropy, histograms. "rows"
 * reduce along contiguous memory, "columns" across it: n neighbouring results at once.
 *
 * Of equal elements the first wins, NaN wins over everything. MEAN is the caller's: it comes here as SUM. */
#ifndef CPU_KERNELS_REDUCE_H
#define CPU_KERNELS_REDUCE_H

#include <socle/sys/backend.h>

/* Partial results of a row, the same on every machine: element i goes to lane i % REDUCE_LANES. */
enum { REDUCE_LANES = 32 };

struct cpu_reduce_kernels {
    /* acc[i % REDUCE_LANES] takes up x[r * ld + i * sx], r < rows, i < n. */
    void (*rows)(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx, float *acc);
    /* acc[i] takes up x[r * ld + i], r < rows, i < n. */
    void (*columns)(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, float *acc);
    /* y[r * sy] = x[r * ld + i * sx] reduced over i < n, for each of `rows` short rows. */
    void (*each_row)(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int64_t sx, float *y,
                     int64_t sy);
    /* index[i * si] = r of the best x[r * ld + i], r < rows, i < n. */
    void (*arg_columns)(socle_reduce op, int64_t rows, int64_t ld, int64_t n, const float *x, int32_t *index,
                        int64_t si);

    /* Softmax, or its logarithm, of each of n columns of `rows` elements: y[r * ldy + i] from x[r * ldx + i]. y
     * may be x, or NULL: not wanted. most, rest, unless NULL: log sum exp of column i is most[i] + rest[i]. */
    void (*softmax_columns)(bool log, int64_t rows, int64_t n, float *y, int64_t ldy, const float *x, int64_t ldx,
                            float *most, float *rest);
    /* Of one row. */
    void (*softmax_row)(bool log, int64_t n, float *y, const float *x, float *most, float *rest);
    /* dx = y (dy - sum(dy y)); of the logarithm: dx = dy - exp(y) sum(dy). dx may be dy. */
    void (*softmax_grad_columns)(bool log, int64_t rows, int64_t n, float *dx, int64_t lddx, const float *dy,
                                 int64_t lddy, const float *y, int64_t ldy);
    void (*softmax_grad_row)(bool log, int64_t n, float *dx, const float *dy, const float *y);
    /* dx[r * lddx + i] = g[i] (exp(logp[r * ldp + i]) - (r == target[i])). dx may be logp. */
    void (*xent_grad_columns)(int64_t rows, int64_t n, float *dx, int64_t lddx, const float *logp, int64_t ldp,
                              const int32_t *target, const float *g);
    /* Of a chunk: count[i], i < HISTOGRAM_ROOM, elements lie in bin i; n <= HISTOGRAM_CHUNK. From b->n on they mean nothing.
     * moments: the mean, and the sum of the squared deviations from it. */
    void (*histogram)(const socle_bins *b, int64_t n, const float *x, uint32_t *count, double moments[2]);
};
enum { HISTOGRAM_CHUNK = 4096, HISTOGRAM_ROOM = 256 };

#endif

/* Kernels of kernels_dots.h. A tile of results stays in registers over the whole sum; at the edges rows are repeated
 * and the results of the repetitions dropped. */
#include "kernels_dots.h"
#include "simd.h"

/* DOTS_A rows against DOTS_B rows, as many results as a register holds. */
enum { DOTS_A = VW == 16 ? 4 : VW == 8 ? 4 : 2, DOTS_B = VW / DOTS_A };

/* Of two registers of partial sums, one of half as many: a's and b's take turns. */
INLINE vf dots_fold(vf a, vf b)
{
    return interleave_low(a, b) + interleave_high(a, b);
}

/* The sum of each of VW registers, in order. */
INLINE vf dots_totals(vf acc[VW])
{
#pragma GCC unroll 4
    for (int n = VW / 2; n > 0; n /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            acc[i] = dots_fold(acc[i], acc[i + n]);
    return acc[0];
}

static void dots_dots(int64_t m, int64_t q, int64_t n, const float *a, int64_t lda, const float *b, int64_t ldb,
                      float *y, int64_t ldy)
{
    for (int64_t i = 0; i < m; i += DOTS_A)
        for (int64_t j = 0; j < q; j += DOTS_B) {
            const float *rows[DOTS_A], *columns[DOTS_B];
            for (int k = 0; k < DOTS_A; k++)
                rows[k] = a + (i + k < m ? i + k : m - 1) * lda;
            for (int k = 0; k < DOTS_B; k++)
                columns[k] = b + (j + k < q ? j + k : q - 1) * ldb;
            vf acc[VW];
#pragma GCC unroll 16
            for (int k = 0; k < VW; k++)
                acc[k] = vf_set(0.0f);
            for (int64_t t = 0; t < n; t += VW) {
                vf u[DOTS_B];
#pragma GCC unroll 4
                for (int k = 0; k < DOTS_B; k++)
                    u[k] = vf_load(columns[k] + t);
#pragma GCC unroll 4
                for (int r = 0; r < DOTS_A; r++) {
                    vf v = vf_load(rows[r] + t);
#pragma GCC unroll 4
                    for (int k = 0; k < DOTS_B; k++)
                        acc[r * DOTS_B + k] += v * u[k];
                }
            }
            float totals[VW];
            vf_store(totals, dots_totals(acc));
            for (int r = 0; r < DOTS_A && i + r < m; r++)
                for (int k = 0; k < DOTS_B && j + k < q; k++)
                    y[(i + r) * ldy + j + k] = totals[r * DOTS_B + k];
        }
}

/* A tile of combine: DOTS_ROWS rows of y by `width` registers. */
enum { DOTS_ROWS = 4, DOTS_WIDTH = VW == 16 ? 4 : 2 };

INLINE void dots_tile(int width, int64_t rows, int64_t q, const float *a, int64_t ai, int64_t aj, const float *x,
                      int64_t ldx, float *y, int64_t ldy)
{
    vf acc[DOTS_ROWS][DOTS_WIDTH];
    int64_t at[DOTS_ROWS];
#pragma GCC unroll 4
    for (int r = 0; r < DOTS_ROWS; r++) {
        at[r] = (r < rows ? r : rows - 1) * ai;
#pragma GCC unroll 4
        for (int k = 0; k < width; k++)
            acc[r][k] = vf_set(0.0f);
    }
    for (int64_t j = 0; j < q; j++) {
        vf u[DOTS_WIDTH];
#pragma GCC unroll 4
        for (int k = 0; k < width; k++)
            u[k] = vf_load(x + j * ldx + k * VW);
#pragma GCC unroll 4
        for (int r = 0; r < DOTS_ROWS; r++) {
            vf s = vf_set(a[at[r] + j * aj]);
#pragma GCC unroll 4
            for (int k = 0; k < width; k++)
                acc[r][k] += s * u[k];
        }
    }
    for (int r = 0; r < DOTS_ROWS && r < rows; r++)
        for (int k = 0; k < width; k++)
            vf_store(y + r * ldy + k * VW, acc[r][k]);
}

static void dots_combine(int64_t m, int64_t q, int64_t n, const float *a, int64_t ai, int64_t aj, const float *x,
                         int64_t ldx, float *y, int64_t ldy)
{
    for (int64_t i = 0; i < m; i += DOTS_ROWS) {
        int64_t t = 0;
        for (; t + DOTS_WIDTH * VW <= n; t += DOTS_WIDTH * VW)
            dots_tile(DOTS_WIDTH, m - i, q, a + i * ai, ai, aj, x + t, ldx, y + i * ldy + t, ldy);
        for (; t < n; t += VW)
            dots_tile(1, m - i, q, a + i * ai, ai, aj, x + t, ldx, y + i * ldy + t, ldy);
    }
}

static const struct cpu_dots_kernels dots_kernels = { .dots = dots_dots, .combine = dots_combine };

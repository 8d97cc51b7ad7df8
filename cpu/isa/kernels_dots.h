/* Small matrix products without packing: rows of n neighbouring floats, n a multiple of DOTS_PAD, combined along or across
 * their length. For convolutions of a few images (conv_small.c). */
#ifndef CPU_KERNELS_DOTS_H
#define CPU_KERNELS_DOTS_H

#include <stdint.h>

enum { DOTS_PAD = 16 };

struct cpu_dots_kernels {
    /* y[i * ldy + j] = sum over t < n of a[i * lda + t] b[j * ldb + t], i < m, j < q. */
    void (*dots)(int64_t m, int64_t q, int64_t n, const float *a, int64_t lda, const float *b, int64_t ldb,
                 float *y, int64_t ldy);
    /* y[i * ldy + t] = sum over j < q of a[i * ai + j * aj] x[j * ldx + t], i < m, t < n. Sums in order of j. */
    void (*combine)(int64_t m, int64_t q, int64_t n, const float *a, int64_t ai, int64_t aj, const float *x,
                    int64_t ldx, float *y, int64_t ldy);
};

#endif

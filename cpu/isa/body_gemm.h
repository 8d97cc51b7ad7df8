/* The register tile of matrix products: GEMM_ROWS x two registers, kept over all of k; per step two loads, a broadcast a
 * row, and a multiply-add a register.
 *
 * Order of summation: k, one accumulator. No tails: panels are padded by whoever packs them, and a tile at the edge goes
 * to memory of the caller's. Alignment: none needed. Aliasing: none. */
#include "kernels_gemm.h"

/* 28 + 2 + 1 of 32 registers, 12 + 2 + 1 of 16, 8 + 2 + 2 of 16 where a product needs its own, 24 + 2 + 1 of 32. */
#if VW == 16
enum { GEMM_ROWS = 14 };
#elif VW == 8
enum { GEMM_ROWS = 6 };
#elif defined(__aarch64__)
enum { GEMM_ROWS = 12 };
#else
enum { GEMM_ROWS = 4 };
#endif

static void gemm_tile(int64_t k, const float *a, const float *b, float *c, int64_t c_row, float alpha, float beta)
{
    vf acc[GEMM_ROWS][2];
#pragma GCC unroll 16
    for (int i = 0; i < GEMM_ROWS; i++)
        acc[i][0] = acc[i][1] = vf_set(0);
    for (; k > 0; k--, a += GEMM_ROWS, b += 2 * VW) {
        vf b0 = vf_load(b), b1 = vf_load(b + VW);
#pragma GCC unroll 16
        for (int i = 0; i < GEMM_ROWS; i++) {
            vf s = vf_set(a[i]);
            acc[i][0] += s * b0;
            acc[i][1] += s * b1;
        }
    }
    const vf va = vf_set(alpha), vb = vf_set(beta);
#pragma GCC unroll 16
    for (int i = 0; i < GEMM_ROWS; i++)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            float *at = c + i * c_row + j * VW;
            vf_store(at, beta == 0 ? va * acc[i][j] : va * acc[i][j] + vb * vf_load(at));
        }
}

static const struct cpu_gemm_kernels gemm_kernels = {
    .rows = GEMM_ROWS,
    .columns = 2 * VW,
    .tile = gemm_tile,
};

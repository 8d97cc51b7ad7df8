/* Transposition of a matrix of 4-byte elements in register squares of VW x VW: what changes row-major images
 * into blocks of 16 and back, and what packs operands of matrix products. Four rows are transposed within quarters of
 * registers, 4 elements each, by shuffles that stay inside them; then quarters are moved. That is a third faster than
 * log2(VW) rounds of interleaving whole registers. */
#ifndef CPU_ISA_BODY_TRANSPOSE_H
#define CPU_ISA_BODY_TRANSPOSE_H

#include "simd.h"

/* ---- within quarters, a0 a1 a2 a3 and b0 b1 b2 b3 ---- */

/* a0 b0 a1 b1 */
INLINE vf unpack_low(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
#elif VW == 8
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
#else
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}

/* a2 b2 a3 b3 */
INLINE vf unpack_high(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
#elif VW == 8
    return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/* a0 a1 b0 b1 */
INLINE vf unpack_low_pair(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
#elif VW == 8
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
#else
    return __builtin_shufflevector(a, b, 0, 1, 4, 5);
#endif
}

/* a2 a3 b2 b3 */
INLINE vf unpack_high_pair(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
#elif VW == 8
    return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
#else
    return __builtin_shufflevector(a, b, 2, 3, 6, 7);
#endif
}

/* Quarters of a, then of b: the even ones, the odd ones. */
#if VW > 4
INLINE vf even_quarters(vf a, vf b)
{
#if VW == 16
    return (vf)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x88);
#else
    return (vf)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x20);
#endif
}

INLINE vf odd_quarters(vf a, vf b)
{
#if VW == 16
    return (vf)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xdd);
#else
    return (vf)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x31);
#endif
}
#endif

/* ---- squares ---- */

/* four[4 g + c], quarter q: rows 4 g .. 4 g + 3 of column 4 q + c; becomes r[column], lane row. */
INLINE void gather_quarters(vf *r, const vf *four)
{
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
#if VW == 16
        vf even = even_quarters(four[c], four[4 + c]), odd = odd_quarters(four[c], four[4 + c]);
        vf even_8 = even_quarters(four[8 + c], four[12 + c]), odd_8 = odd_quarters(four[8 + c], four[12 + c]);
        r[c] = even_quarters(even, even_8);
        r[4 + c] = even_quarters(odd, odd_8);
        r[8 + c] = odd_quarters(even, even_8);
        r[12 + c] = odd_quarters(odd, odd_8);
#elif VW == 8
        r[c] = even_quarters(four[c], four[4 + c]);
        r[4 + c] = odd_quarters(four[c], four[4 + c]);
#else
        r[c] = four[c];
#endif
    }
}

/* r[i] lane j becomes r[j] lane i. */
INLINE void transpose_registers(vf *r)
{
    vf pair[VW], four[VW];
#pragma GCC unroll 8
    for (int i = 0; i < VW; i += 2) {
        pair[i] = unpack_low(r[i], r[i + 1]);
        pair[i + 1] = unpack_high(r[i], r[i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < VW; i += 4)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            four[i + 2 * j] = unpack_low_pair(pair[i + j], pair[i + 2 + j]);
            four[i + 2 * j + 1] = unpack_high_pair(pair[i + j], pair[i + 2 + j]);
        }
    gather_quarters(r, four);
}

INLINE void transpose_square(float *y, int64_t ldy, const float *x, int64_t ldx)
{
    vf a[VW];
    for (int i = 0; i < VW; i++)
        a[i] = vf_load(x + i * ldx);
    transpose_registers(a);
    for (int i = 0; i < VW; i++)
        vf_store(y + i * ldy, a[i]);
}

/* Moved as integers: what is no float passes unchanged on every machine. */
static void transpose_edge(int64_t rows, int64_t cols, float *y, int64_t ldy, const float *x, int64_t ldx)
{
    int32_t *v = (int32_t *)y;
    const int32_t *u = (const int32_t *)x;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            v[i * ldy + j] = u[j * ldx + i];
}

static void elementwise_transpose(int64_t rows, int64_t cols, float *y, int64_t ldy, const float *x, int64_t ldx)
{
    int64_t whole_rows = rows / VW * VW, whole_cols = cols / VW * VW;
    for (int64_t i = 0; i < whole_rows; i += VW)
        for (int64_t j = 0; j < whole_cols; j += VW)
            transpose_square(y + i * ldy + j, ldy, x + j * ldx + i, ldx);
    if (whole_cols < cols)
        transpose_edge(whole_rows, cols - whole_cols, y + whole_cols, ldy, x + whole_cols * ldx, ldx);
    if (whole_rows < rows)
        transpose_edge(rows - whole_rows, cols, y + whole_rows * ldy, ldy, x + whole_rows, ldx);
}

#endif

/* Transposition of a matrix of 4-byte elements in register squares of VW x VW: what changes row-major images
 * into blocks of 16 and back. A square is log2(VW) rounds in which row i and row i + VW / 2 are interleaved into
 * rows 2i and 2i + 1. */
#ifndef CPU_ISA_BODY_TRANSPOSE_H
#define CPU_ISA_BODY_TRANSPOSE_H

#include "simd.h"

/* r[i] lane j becomes r[j] lane i. */
INLINE void transpose_registers(vf *r)
{
#pragma GCC unroll 4
    for (int round = 1; round < VW; round *= 2) {
        vf next[VW];
#pragma GCC unroll 8
        for (int i = 0; i < VW / 2; i++) {
            next[2 * i] = interleave_low(r[i], r[i + VW / 2]);
            next[2 * i + 1] = interleave_high(r[i], r[i + VW / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < VW; i++)
            r[i] = next[i];
    }
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

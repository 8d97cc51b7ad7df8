/* Plain loops over rows for the compiler to vectorise, and how a strided operand becomes a row.
 *
 * Kernels compute on rows of unit stride. An operand with another stride (0: one value for all) is brought into
 * a tile on the stack first, tile by tile; a strided result leaves through one. So every function has exactly
 * one loop, fast for rows and tolerable for anything else. */
#ifndef CPU_ISA_LOOP_H
#define CPU_ISA_LOOP_H

#include "simd.h"

/* Before a loop whose iterations are independent: operands overlap exactly or not at all. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

enum { TILE = 256 }; /* elements: a few tiles stay in the L1 cache */

INLINE int64_t tile_at(int64_t from, int64_t n, int64_t tile)
{
    return n - from < tile ? n - from : tile;
}

/* Elements from .. from + n - 1 of a strided row, as a row. n <= TILE, or any n where stride is 1. */
INLINE const float *row_in(const float *x, int64_t stride, int64_t from, int64_t n, float *tile)
{
    if (stride == 1)
        return x + from;
    if (stride == 0) {
        for (int64_t i = 0; i < n; i++)
            tile[i] = x[0];
        return tile;
    }
    for (int64_t i = 0; i < n; i++)
        tile[i] = x[(from + i) * stride];
    return tile;
}

INLINE const int32_t *row_in_i32(const int32_t *x, int64_t stride, int64_t from, int64_t n, int32_t *tile)
{
    if (stride == 1)
        return x + from;
    for (int64_t i = 0; i < n; i++)
        tile[i] = x[(from + i) * stride];
    return tile;
}

INLINE const uint8_t *row_in_u8(const uint8_t *x, int64_t stride, int64_t from, int64_t n, uint8_t *tile)
{
    if (stride == 1)
        return x + from;
    for (int64_t i = 0; i < n; i++)
        tile[i] = x[(from + i) * stride];
    return tile;
}

/* Where to put a result: in place, or in the tile, to be sent to its place by row_out. */
INLINE float *row_out_at(float *y, int64_t stride, int64_t from, float *tile)
{
    return stride == 1 ? y + from : tile;
}

INLINE void row_out(float *y, int64_t stride, int64_t from, int64_t n, const float *tile)
{
    if (stride == 1)
        return;
    for (int64_t i = 0; i < n; i++)
        y[(from + i) * stride] = tile[i];
}

INLINE void row_out_i32(int32_t *y, int64_t stride, int64_t from, int64_t n, const int32_t *tile)
{
    if (stride == 1)
        return;
    for (int64_t i = 0; i < n; i++)
        y[(from + i) * stride] = tile[i];
}

INLINE void row_out_u8(uint8_t *y, int64_t stride, int64_t from, int64_t n, const uint8_t *tile)
{
    if (stride == 1)
        return;
    for (int64_t i = 0; i < n; i++)
        y[(from + i) * stride] = tile[i];
}

#endif

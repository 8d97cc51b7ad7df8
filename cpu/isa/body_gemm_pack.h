/* Packing of the operands of matrix products: lines of a matrix side by side, a register of lines at a time. Lines whose
 * elements are neighbours are transposed in squares, elements that are neighbours across lines copied, any others picked one
 * by one. */

#include "body_transpose.h"

/* The first `count` elements at p, up to VW, and zeros: what is behind them is not touched. */
INLINE vf load_first(const float *p, int64_t count)
{
    if (count == VW)
        return vf_load(p);
#if VW == 16
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#else
    vf v = vf_set(0);
    for (int i = 0; i < VW; i++)
        if (i < count)
            v[i] = p[i];
    return v;
#endif
}

INLINE void store_first(float *p, vf v, int64_t count)
{
#if VW == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#else
    for (int i = 0; i < VW; i++)
        if (i < count)
            p[i] = v[i];
#endif
}

/* `length` elements of `count` lines of neighbours, VW of each at most. Lines that do not exist are the last one again. */
INLINE void pack_square(float *to, int64_t pitch, const float *from, int64_t count, int64_t length, int64_t across)
{
    vf square[VW];
    for (int i = 0; i < VW; i++)
        square[i] = load_first(from + (i < count ? i : count - 1) * across, length);
    transpose_registers(square);
    for (int i = 0; i < VW && i < length; i++)
        vf_store(to + i * pitch, square[i]);
}

static void pack_transposed(float *to, int64_t pitch, const float *from, int64_t count, int64_t length,
                            int64_t across)
{
    int64_t j = 0;
    for (; j + VW <= length; j += VW)
        pack_square(to + j * pitch, pitch, from + j, count, VW, across);
    if (j < length)
        pack_square(to + j * pitch, pitch, from + j, count, length - j, across);
}

static void pack_lines(float *to, int64_t pitch, const float *from, int64_t count, int64_t length, int64_t across,
                       int64_t along)
{
    if (across == 1) {
        for (int64_t j = 0; j < length; j++)
            vf_store(to + j * pitch, load_first(from + j * along, count));
    } else if (along == 1) {
        pack_transposed(to, pitch, from, count, length, across);
    } else {
        for (int64_t j = 0; j < length; j++)
            for (int64_t i = 0; i < VW; i++)
                to[j * pitch + i] = from[(i < count ? i : count - 1) * across + j * along];
    }
}

static void gemm_pack(float *to, int64_t pitch, const float *from, int64_t count, int64_t length, int64_t across,
                      int64_t along)
{
    for (int64_t i = 0; i < count; i += VW)
        pack_lines(to + i, pitch, from + i * across, count - i < VW ? count - i : VW, length, across, along);
}

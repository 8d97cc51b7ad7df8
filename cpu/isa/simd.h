/* One vector vocabulary for all instruction sets, in GCC's and Clang's vector extensions: VW floats a register,
 * VW being 16 (AVX-512), 8 (AVX2) or 4 (NEON, and SSE2 as the "scalar" baseline), defined by the isa_<name>.c
 * that includes this. a * b + c contracts to a fused multiply-add where the instruction set has one
 * (-ffp-contract=fast). */
#ifndef CPU_ISA_SIMD_H
#define CPU_ISA_SIMD_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef VW
#error "define VW, the floats in a register, first"
#endif

typedef float vf __attribute__((vector_size(VW * 4), may_alias));
typedef int32_t vi __attribute__((vector_size(VW * 4), may_alias));
typedef float vf_u __attribute__((vector_size(VW * 4), aligned(4), may_alias)); /* in memory, any alignment */
typedef int32_t vi_u __attribute__((vector_size(VW * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vf vf_load(const float *p)
{
    return *(const vf_u *)p;
}
INLINE void vf_store(float *p, vf v)
{
    *(vf_u *)p = v;
}
/* Past the caches, where p is aligned to a cache line: nothing is read first, and nothing near is pushed out. Other threads see
 * it behind cpu_stream_end (parallel.h). */
INLINE void vf_stream(float *p, vf v)
{
#if VW == 16
    _mm512_stream_ps(p, (__m512)v);
#elif VW == 8
    _mm256_stream_ps(p, (__m256)v);
#else
    vf_store(p, v);
#endif
}
INLINE vf vf_set(float s)
{
    return s - (vf){ 0 };
}
INLINE vi vi_load(const int32_t *p)
{
    return *(const vi_u *)p;
}
INLINE void vi_store(int32_t *p, vi v)
{
    *(vi_u *)p = v;
}
INLINE vi vi_set(int32_t s)
{
    return s - (vi){ 0 };
}
/* m: lanes of all ones or all zeros, as comparisons make them. */
INLINE vf vf_select(vi m, vf yes, vf no)
{
    return (vf)((m & (vi)yes) | (~m & (vi)no));
}
INLINE vi vi_select(vi m, vi yes, vi no)
{
    return (m & yes) | (~m & no);
}
/* a > b ? a : b, so b where one of them is NaN: what the instruction does too, which no compiler makes of the
 * words. */
INLINE vf vf_max(vf a, vf b)
{
#if VW == 16
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif VW == 8
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    return vf_select(a > b, a, b);
#endif
}

/* a < b ? a : b, so b where one of them is NaN. */
INLINE vf vf_min(vf a, vf b)
{
#if VW == 16
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif VW == 8
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    return vf_select(a < b, a, b);
#endif
}

/* ---- order ---- */

/* a0 b0 a1 b1 ... of the lower or upper halves. */
INLINE vf interleave_low(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif VW == 8
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}

INLINE vf interleave_high(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif VW == 8
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/* ---- 32 by 32 bits ---- */

typedef uint32_t vu __attribute__((vector_size(VW * 4), may_alias));
typedef uint32_t vu_u __attribute__((vector_size(VW * 4), aligned(4), may_alias));

#if defined(__SSE2__)
typedef uint64_t vu64 __attribute__((vector_size(VW * 4), may_alias));

/* The products of the even elements, 64 bits each: one instruction, which neither compiler finds in plain C. */
INLINE vu64 vu_mul_even(vu a, vu b)
{
#if VW == 16
    return (vu64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif VW == 8
    return (vu64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
    return (vu64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

/* High and low halves of a * m. */
INLINE void vu_mul_wide(vu a, uint32_t m, vu *high, vu *low)
{
    const vu64 upper = (vu64){ 0 } + 0xffffffff00000000u;
    vu b = m - (vu){ 0 };
    vu64 even = vu_mul_even(a, b), odd = vu_mul_even((vu)((vu64)a >> 32), b);
    *high = (vu)(even >> 32 | (odd & upper));
    *low = (vu)((even & ~upper) | odd << 32);
}
#else
INLINE void vu_mul_wide(vu a, uint32_t m, vu *high, vu *low)
{
    for (int i = 0; i < VW; i++) {
        uint64_t product = (uint64_t)a[i] * m;
        (*high)[i] = (uint32_t)(product >> 32);
        (*low)[i] = (uint32_t)product;
    }
}
#endif

#endif

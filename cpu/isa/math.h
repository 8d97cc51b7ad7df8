/* exp, log, tanh, the normal distribution, and sine and cosine of turns, in float: plain C without branches, so
 * that loops over them become vector code for every instruction set. Within 2 units in the last place of the true
 * value (the normal distribution: 8) wherever that is a normal number (tests/cpu/test_math.c measures it against
 * double); results below 2^-126 are 0, arguments below it count as 0, as they do throughout this backend.
 * Infinities and NaN come out as from the C library.
 *
 * Polynomials are minimax fits (weighted least squares) on the stated interval. */
#ifndef CPU_ISA_MATH_H
#define CPU_ISA_MATH_H

#include "simd.h"

INLINE uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

INLINE float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Adding it leaves the nearest integer in the low bits of the sum; |x| < 2^22. */
#define ROUND_MAGIC 12582912.0f

#define LN2_HIGH 0.693359375f /* 9 bits: its products with exponents are exact */
#define LN2_LOW  (-2.12194440e-4f)

/* x = n ln 2 + r, |r| <= ln 2 / 2; exp(x) = 2^n (1 + r + r^2 P(r)). 2^n in two factors: n is -150 .. 128. */
INLINE float math_exp(float x)
{
    x = x > 89.0f ? 89.0f : x; /* beyond these the result is infinite or 0; NaN stays */
    x = x < -104.0f ? -104.0f : x;
    float shifted = x * 1.44269504f + ROUND_MAGIC;
    float n = shifted - ROUND_MAGIC;
    float r = x - n * LN2_HIGH - n * LN2_LOW;
    float p = 1.3941242e-3f;
    p = p * r + 8.363249e-3f;
    p = p * r + 4.1666374e-2f;
    p = p * r + 1.6666576e-1f;
    p = p * r + 0.5f;
    float m = 1.0f + (r + r * r * p);
    int32_t e = (int32_t)(bits_of(shifted) - bits_of(ROUND_MAGIC));
    int32_t half = e >> 1, rest = e - half;
    return m * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(rest + 127) << 23);
}

/* x = 2^e m, m in [sqrt(1/2), sqrt(2)); f = m - 1, s = f / (2 + f):
 * log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + s^2 P(s^2))). */
INLINE float math_log(float x)
{
    uint32_t u = bits_of(x);
    uint32_t up = u - 0x3f3504f3u; /* sqrt(1/2) */
    int32_t e = (int32_t)up >> 23;
    float f = float_of((up & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float s = f / (2.0f + f), z = s * s, half = 0.5f * f * f;
    float p = 0.23333886f;
    p = p * z + 0.28550693f;
    p = p * z + 0.40000123f;
    p = p * z + 0.6666667f;
    float n = (float)e;
    float y = n * LN2_HIGH - ((half - (s * (half + z * p) + n * LN2_LOW)) - f);
    y = x < 1.17549435e-38f ? (x >= 0.0f ? -__builtin_inff() : __builtin_nanf("")) : y;
    return x < __builtin_inff() ? y : x + x; /* infinity and NaN */
}

/* |x| < 0.625: x + x^3 P(x^2). Above: 1 - 2 / (exp(2 |x|) + 1), with x's sign. */
INLINE float math_tanh(float x)
{
    float z = x * x;
    float p = -5.7170447e-3f;
    p = p * z + 2.0650586e-2f;
    p = p * z - 5.3743497e-2f;
    p = p * z + 1.3331491e-1f;
    p = p * z - 3.3333284e-1f;
    float small = x + x * z * p;
    float size = float_of(bits_of(x) & 0x7fffffffu);
    float large = 1.0f - 2.0f / (math_exp(2.0f * size) + 1.0f);
    large = float_of(bits_of(large) | (bits_of(x) & 0x80000000u));
    return size < 0.625f ? small : large;
}

/* The standard normal distribution up to x: q = exp(-x^2 / 2) t P(t), t = 1 / (1 + 0.265625 |x|), is what lies
 * beyond |x|. The rounding of x^2, which the exponential would enlarge, is taken out again: x in two parts has an
 * exact square. 15 and more count as 15, where q is 0. */
INLINE float math_cdf(float x)
{
    float size = float_of(bits_of(x) & 0x7fffffffu);
    float z = size > 15.0f ? 15.0f : size;
    float high = float_of(bits_of(z) & 0xfffff000u), low = z - high;
    float square = z * z, error = ((high * high - square) + 2.0f * high * low) + low * low;
    float t = 1.0f / (1.0f + 0.265625f * z);
    float p = 3.0460857e-2f;
    p = p * t - 1.4133066e-1f;
    p = p * t + 2.1020268e-1f;
    p = p * t - 1.0846921e-1f;
    p = p * t + 1.3275328e-1f;
    p = p * t + 6.2411662e-2f;
    p = p * t + 1.0242681e-1f;
    p = p * t + 1.0555698e-1f;
    p = p * t + 1.0598756e-1f;
    float q = math_exp(-0.5f * square) * (1.0f - 0.5f * error) * (p * t);
    return x < 0.0f ? q : 1.0f - q;
}

/* cos and sin of 2 pi v, v in [0, 1): v = (q + r) / 4, |r| <= 1/2, exactly. */
INLINE void math_cos_sin(float v, float *cosine, float *sine)
{
    float turned = v * 4.0f + ROUND_MAGIC;
    float r = v * 4.0f - (turned - ROUND_MAGIC), z = r * r;
    uint32_t q = bits_of(turned) - bits_of(ROUND_MAGIC);
    float s = 1.5820585e-4f; /* sin(pi/2 r) */
    s = s * z - 4.681266e-3f;
    s = s * z + 7.969258e-2f;
    s = s * z - 0.6459641f;
    s = s * z + 1.5707964f;
    s = s * r;
    float c = 9.067602e-4f; /* cos(pi/2 r) */
    c = c * z - 2.0861538e-2f;
    c = c * z + 0.2536694f;
    c = c * z - 1.2337005f;
    c = c * z + 1.0f;
    uint32_t odd = 0u - (q & 1u); /* all ones in odd quadrants, where the two change places */
    uint32_t cu = (bits_of(c) & ~odd) | (bits_of(s) & odd), su = (bits_of(s) & ~odd) | (bits_of(c) & odd);
    *cosine = float_of(cu ^ (((q + 1) & 2u) << 30));
    *sine = float_of(su ^ ((q & 2u) << 30));
}

#endif

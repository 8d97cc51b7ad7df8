/* Philox 4x32-10 by counter, as include/socle/sys/philox.h defines it: one work-item an element, by its row-major place. */
inline uint4 philox(ulong key, ulong block)
{
    uint4 c = (uint4)((uint)block, (uint)(block >> 32), 0, 0);
    uint k0 = (uint)key, k1 = (uint)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint hi0 = mul_hi(0xD2511F53u, c.x), lo0 = 0xD2511F53u * c.x;
        const uint hi1 = mul_hi(0xCD9E8D57u, c.z), lo1 = 0xCD9E8D57u * c.z;
        c = (uint4)(hi1 ^ c.y ^ k0, lo1, hi0 ^ c.w ^ k1, lo0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

inline uint word(uint4 w, int i)
{
    return i == 0 ? w.x : i == 1 ? w.y : i == 2 ? w.z : w.w;
}

inline float unit(uint w)
{
    return (float)(w >> 8) * (1.0f / 16777216.0f);
}

#ifdef KERNEL_random_uniform
__kernel void random_uniform(map ym, __global float *y, int ndim, index_t total, ulong key, ulong counter, float lo,
                             float hi)
{
    const index_t i = get_global_id(0);
    if (i >= total)
        return;
    const float u = unit(word(philox(key, counter + (ulong)i / 4), i % 4));
    y[element_at(&ym, ndim, i)] = lo + (hi - lo) * u;
}
#endif

/* Box-Muller on the pair of words the element's pair has. */
#ifdef KERNEL_random_normal
__kernel void random_normal(map ym, __global float *y, int ndim, index_t total, ulong key, ulong counter, float mean,
                            float std)
{
    const index_t i = get_global_id(0);
    if (i >= total)
        return;
    const uint4 w = philox(key, counter + (ulong)i / 4);
    const uint first = i % 4 < 2 ? w.x : w.z, second = i % 4 < 2 ? w.y : w.w;
    const float radius = sqrt(-2.0f * log(1.0f - unit(first))), angle = 2.0f * unit(second); /* in units of pi */
    y[element_at(&ym, ndim, i)] = mean + std * radius * (i % 2 == 0 ? cospi(angle) : sinpi(angle));
}
#endif

#ifdef KERNEL_dropout
__kernel void dropout(map ym, map xm, __global float *y, __global const float *x, int ndim, index_t total, ulong key,
                      ulong counter, float p, float scale)
{
    const index_t i = get_global_id(0);
    if (i >= total)
        return;
    const float u = unit(word(philox(key, counter + (ulong)i / 4), i % 4));
    const float v = x[element_at(&xm, ndim, i)];
    y[element_at(&ym, ndim, i)] = u < p ? 0.0f : v * scale;
}
#endif

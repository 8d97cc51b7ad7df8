/* Kernels of kernels_random.h. Sixteen blocks of the generator go through the rounds together; what differs
 * between a draw in memory order and one across it is only which elements the blocks are made for. */
#include "kernels_random.h"
#include "loop.h"
#include "math.h"

enum { BLOCKS = 16 };

typedef struct words {
    uint32_t w[4][BLOCKS];
} words;

/* The blocks that elements first + i * step, i < BLOCKS, belong to. */
INLINE void philox(socle_philox r, int64_t first, int64_t step, words *out)
{
    uint32_t low[BLOCKS], high[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        uint64_t block = r.counter + (uint64_t)(first + i * step) / 4;
        low[i] = (uint32_t)block;
        high[i] = (uint32_t)(block >> 32);
    }
    for (int i = 0; i < BLOCKS; i += VW) {
        vu c0 = *(const vu_u *)(low + i), c1 = *(const vu_u *)(high + i), c2 = { 0 }, c3 = { 0 };
        uint32_t k0 = (uint32_t)r.key, k1 = (uint32_t)(r.key >> 32);
        for (int round = 0; round < 10; round++) {
            vu high0, low0, high1, low1;
            vu_mul_wide(c0, 0xD2511F53u, &high0, &low0);
            vu_mul_wide(c2, 0xCD9E8D57u, &high1, &low1);
            c0 = high1 ^ c1 ^ k0;
            c1 = low1;
            c2 = high0 ^ c3 ^ k1;
            c3 = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        *(vu_u *)(out->w[0] + i) = c0;
        *(vu_u *)(out->w[1] + i) = c1;
        *(vu_u *)(out->w[2] + i) = c2;
        *(vu_u *)(out->w[3] + i) = c3;
    }
}

INLINE float uniform_of(uint32_t word)
{
    return (float)(int32_t)(word >> 8) * (1.0f / 16777216.0f);
}

/* The two normal numbers that two words make (Box and Muller). */
INLINE void normal_pair(uint32_t first, uint32_t second, float *a, float *b)
{
    float radius = __builtin_sqrtf(-2.0f * math_log(1.0f - uniform_of(first)));
    float cosine, sine;
    math_cos_sin(uniform_of(second), &cosine, &sine);
    *a = radius * cosine;
    *b = radius * sine;
}

/* All four numbers of each block, in the order of the elements. */
INLINE void whole_blocks(bool normal, const words *w, float *out)
{
    float number[4][BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        if (normal) {
            normal_pair(w->w[0][i], w->w[1][i], &number[0][i], &number[1][i]);
            normal_pair(w->w[2][i], w->w[3][i], &number[2][i], &number[3][i]);
        } else {
            number[0][i] = uniform_of(w->w[0][i]);
            number[1][i] = uniform_of(w->w[1][i]);
            number[2][i] = uniform_of(w->w[2][i]);
            number[3][i] = uniform_of(w->w[3][i]);
        }
    }
    for (int i = 0; i < BLOCKS; i += VW) {
        vf even_low = interleave_low(vf_load(number[0] + i), vf_load(number[2] + i));
        vf even_high = interleave_high(vf_load(number[0] + i), vf_load(number[2] + i));
        vf odd_low = interleave_low(vf_load(number[1] + i), vf_load(number[3] + i));
        vf odd_high = interleave_high(vf_load(number[1] + i), vf_load(number[3] + i));
        vf_store(out + 4 * i, interleave_low(even_low, odd_low));
        vf_store(out + 4 * i + VW, interleave_high(even_low, odd_low));
        vf_store(out + 4 * i + 2 * VW, interleave_low(even_high, odd_high));
        vf_store(out + 4 * i + 3 * VW, interleave_high(even_high, odd_high));
    }
}

/* One number of each block: that of element first + i * step. */
INLINE void one_each(bool normal, const words *w, int64_t first, int64_t step, float *out)
{
    for (int i = 0; i < BLOCKS; i++) {
        int64_t element = first + i * step;
        int k = (int)(element & 3), pair = k & 2;
        float a = 0.0f, b = 0.0f;
        if (normal)
            normal_pair(w->w[pair][i], w->w[pair + 1][i], &a, &b);
        else
            a = b = uniform_of(w->w[k][i]);
        out[i] = k & 1 ? b : a;
    }
}

INLINE void random_row(bool normal, socle_philox r, int64_t first, int64_t step, int64_t n, float *out)
{
    words w;
    float made[4 * BLOCKS];
    int64_t i = 0;
    while (i < n) {
        int64_t element = first + i * step;
        int64_t skip = step == 1 ? element % 4 : 0, most = step == 1 ? 4 * BLOCKS - skip : BLOCKS;
        int64_t m = n - i < most ? n - i : most;
        if (step == 1) {
            philox(r, element - skip, 4, &w);
            whole_blocks(normal, &w, made);
        } else {
            philox(r, element, step, &w);
            one_each(normal, &w, element, step, made);
        }
        memcpy(out + i, made + skip, (size_t)m * sizeof *out);
        i += m;
    }
}

static void random_uniform(socle_philox r, int64_t first, int64_t step, int64_t n, float *out)
{
    random_row(false, r, first, step, n, out);
}

static void random_normal(socle_philox r, int64_t first, int64_t step, int64_t n, float *out)
{
    random_row(true, r, first, step, n, out);
}

static void random_dropout(int64_t n, float *y, int64_t sy, const float *x, int64_t sx, const float *u, float p)
{
    float in[TILE], out[TILE], keep = 1.0f - p;
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t m = tile_at(from, n, TILE);
        const float *a = row_in(x, sx, from, m, in);
        float *v = row_out_at(y, sy, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++) {
            float scaled = a[i] / keep;
            v[i] = u[from + i] < p ? 0.0f : scaled;
        }
        row_out(y, sy, from, m, out);
    }
}

static const struct cpu_random_kernels random_kernels = {
    .uniform = random_uniform,
    .normal = random_normal,
    .dropout = random_dropout,
};

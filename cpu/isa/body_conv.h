/* Forward tiles of convolutions and linear layers; see kernels_conv.h for what each kernel computes.
 *
 * A tile is KB outputs x PB pixels of VW lanes, kept in registers over all channels and taps: per tap PB loads, KB
 * broadcasts, KB PB multiply-adds. A pixel may lie anywhere (each has a base pointer), so one tile serves rows, short rows
 * wrapped into the next, and the same pixel of several blocks: boxes of few pixels still fill the registers. Registers
 * narrower than a block take it in 16 / VW passes.
 *
 * Order of summation: channels, then taps, one accumulator. Tails: tiles of every smaller size. Aliasing: none. */
#include "kernels_conv.h"

/* Tile sizes that leave room for PB inputs and a weight beside the accumulators. 32 registers: 4 x 6, or 8 x 3 where
 * fewer pixels are at hand; 16 registers: 4 x 3, and 4 x 2 where a product needs a register of its own (no FMA). */
#if VW == 16 || defined(__aarch64__)
enum { TILE_PIXELS = 6, TILE_WIDE_PIXELS = 3 };
#elif defined(__FMA__)
enum { TILE_PIXELS = 3, TILE_WIDE_PIXELS = 1 };
#else
enum { TILE_PIXELS = 2, TILE_WIDE_PIXELS = 1 };
#endif
enum { TILE_MAX = 6 };

/* The pixels of one tile: where each input and output starts. */
typedef struct tile_pixels {
    const float *x[TILE_MAX];
    float *y[TILE_MAX];
} tile_pixels;

/* p in a register of its own. Left alone, compilers load several base pointers of a tile in one wide load; that has to wait
 * until the narrow stores which made them reach the cache, behind the outputs of the tile before: 100 cycles a tile,
 * a third of a first layer's time. */
INLINE const float *alone(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

/* One pass: kb outputs from w (packed), pb pixels, lanes [lane, lane + VW). kb and pb are constants where it is inlined. */
INLINE void tile_pass(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w, int lane,
                      const int kb, const int pb)
{
    static const float no_bias[CONV_PACK] = { 0 };
    const float *bias = t->bias ? t->bias + k : no_bias;
    vf acc[CONV_PACK][TILE_MAX];
#pragma GCC unroll 8
    for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            acc[j][i] = vf_set(bias[j]);
    const float *x[TILE_MAX];
    for (int i = 0; i < pb; i++)
        x[i] = alone(at->x[i]) + lane;
    const conv_tap *end = b->tap + b->taps;
    for (int64_t c = 0, xc = 0; c < t->channels; c++, xc += t->x_channel, w += t->w_channel)
        for (const conv_tap *tap = b->tap; tap < end; tap++) {
            const int64_t offset = xc + tap->x;
            const float *wt = w + tap->w;
            vf v[TILE_MAX];
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                v[i] = vf_load(x[i] + offset);
#pragma GCC unroll 8
            for (int j = 0; j < kb; j++) {
                vf s = vf_set(wt[j]);
#pragma GCC unroll 8
                for (int i = 0; i < pb; i++)
                    acc[j][i] += s * v[i];
            }
        }
    float *y[TILE_MAX];
    for (int i = 0; i < pb; i++)
        y[i] = (float *)alone(at->y[i]) + k * t->y_channel + lane;
    const int64_t channel = t->y_channel;
    if (t->add)
#pragma GCC unroll 8
        for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                acc[j][i] += vf_load(y[i] + j * channel);
    if (t->relu)
#pragma GCC unroll 8
        for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                acc[j][i] = vf_max(vf_set(0), acc[j][i]);
#pragma GCC unroll 8
    for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            vf_store(y[i] + j * channel, acc[j][i]);
}

INLINE void tile(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w, const int kb,
                 const int pb)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        tile_pass(t, b, at, k, w, lane, kb, pb);
}

/* 1 to 4 outputs and 1 to TILE_PIXELS pixels. */
INLINE void tile_any_pixels(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w,
                            const int kb, int pb)
{
    switch (pb) {
    case 1:
        tile(t, b, at, k, w, kb, 1);
        break;
    case 2:
        tile(t, b, at, k, w, kb, 2);
        break;
    case 3:
        tile(t, b, at, k, w, kb, TILE_PIXELS < 3 ? 1 : 3);
        break;
    case 4:
        tile(t, b, at, k, w, kb, TILE_PIXELS < 4 ? 1 : 4);
        break;
    case 5:
        tile(t, b, at, k, w, kb, TILE_PIXELS < 5 ? 1 : 5);
        break;
    default:
        tile(t, b, at, k, w, kb, TILE_PIXELS < 6 ? 1 : 6);
    }
}

static void tile_4(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w, int pb)
{
    tile_any_pixels(t, b, at, k, w, 4, pb);
}

static void tile_below_4(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w,
                         int kb, int pb)
{
    if (kb == 1)
        tile_any_pixels(t, b, at, k, w, 1, pb);
    else if (kb == 2)
        tile_any_pixels(t, b, at, k, w, 2, pb);
    else
        tile_any_pixels(t, b, at, k, w, 3, pb);
}

static void tile_8(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int64_t k, const float *w, int pb)
{
    if (pb == 1)
        tile(t, b, at, k, w, 8, 1);
    else if (pb == 2)
        tile(t, b, at, k, w, 8, TILE_WIDE_PIXELS < 2 ? 1 : 2);
    else
        tile(t, b, at, k, w, 8, TILE_WIDE_PIXELS < 3 ? 1 : 3);
}

static void tile_outputs(const conv_tiles *t, const conv_box *b, const tile_pixels *at, int pb)
{
    const float *w = t->w;
    for (int64_t k = 0; k < t->outputs; k += CONV_PACK, w += t->w_tile) {
        int left = t->outputs - k < CONV_PACK ? (int)(t->outputs - k) : CONV_PACK;
        if (left == CONV_PACK && pb <= TILE_WIDE_PIXELS) {
            tile_8(t, b, at, k, w, pb);
            continue;
        }
        for (int j = 0; j < left; j += 4)
            if (left - j >= 4)
                tile_4(t, b, at, k + j, w + j, pb);
            else
                tile_below_4(t, b, at, k + j, w + j, left - j, pb);
    }
}

/* Pixels of the box in the order column, row, block, cut into tiles whose sizes differ by one at most. */
static void conv_tiles_of_box(const conv_tiles *t, const conv_box *b)
{
    const int64_t pixels = t->blocks * b->rows * b->columns, tiles = (pixels + TILE_PIXELS - 1) / TILE_PIXELS;
    const int64_t size = pixels / tiles, larger = pixels % tiles;
    int64_t row = 0, column = 0;
    const float *x_block = t->x, *x_row = x_block, *x = x_block;
    float *y_block = t->y + b->y, *y_row = y_block, *y = y_block;
    for (int64_t i = 0; i < tiles; i++) {
        tile_pixels at;
        const int pb = (int)(i < larger ? size + 1 : size);
        for (int p = 0; p < pb; p++) {
            at.x[p] = x;
            at.y[p] = y;
            if (++column < b->columns) {
                x += b->x_column;
                y += b->y_column;
                continue;
            }
            column = 0;
            if (++row == b->rows) {
                row = 0;
                x_row = x_block += t->x_block;
                y_row = y_block += t->y_block;
            } else {
                x_row += b->x_row;
                y_row += b->y_row;
            }
            x = x_row;
            y = y_row;
        }
        tile_outputs(t, b, &at, pb);
    }
}

#include "body_conv_weights.h"

/* ---- the yardstick ---- */

/* Chains enough for two units with a latency of four or five, in registers that are there. */
#if VW == 16 || defined(__aarch64__)
enum { PEAK_CHAINS = 24 };
#else
enum { PEAK_CHAINS = 12 };
#endif

static float conv_peak(int64_t n)
{
    vf acc[PEAK_CHAINS], m = vf_set(0.999999f), c = vf_set(1e-7f);
#pragma GCC unroll 24
    for (int i = 0; i < PEAK_CHAINS; i++)
        acc[i] = vf_set((float)i);
    for (int64_t t = 0; t < n; t++)
#pragma GCC unroll 24
        for (int i = 0; i < PEAK_CHAINS; i++)
            acc[i] = acc[i] * m + c;
    float sum = 0;
    for (int i = 0; i < PEAK_CHAINS; i++)
        for (int lane = 0; lane < VW; lane++)
            sum += acc[i][lane];
    return sum;
}

static const struct cpu_conv_kernels conv_kernels = {
    .tiles = conv_tiles_of_box,
    .grad_w_images = conv_grad_w_images,
    .grad_w_channels = conv_grad_w_channels,
    .mask = conv_mask,
    .transpose = conv_transpose,
    .sum_slices = conv_sum_slices,
    .peak = conv_peak,
    .peak_flops = 2.0 * PEAK_CHAINS * VW,
};

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

/* All that a tile needs, behind one pointer. */
typedef struct tile_work {
    const float *x[TILE_MAX]; /* of the pixels: where each input starts, */
    float *y[TILE_MAX];       /* and each output, of output 0 */
    int64_t y_offset;         /* of the tile's first output */
    int64_t y_channel;
    const conv_tap *tap, *end;
    int64_t channels, x_channel, w_channel;
    const float *w, *bias; /* of the tile's first output */
    bool add, relu;
} tile_work;

/* Compilers know neither how few general registers a tile leaves nor what their wide loads wait for. Both of these cost
 * nothing and, together, a third less time for a first layer's tiles than without:
 *
 * - alone: p in a register of its own. Otherwise several base pointers come in one wide load, which has to wait until the
 *   narrow stores that made them are in the cache, behind the outputs of the tile before.
 * - anew: read from memory every time. Otherwise the value is kept, in a vector register since no other is left, and
 *   comes back from there behind all multiply-adds that still wait. */
INLINE const float *alone(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

INLINE int64_t anew(const int64_t *p)
{
    return *(const volatile int64_t *)p;
}

/* One pass: kb outputs, pb pixels, lanes [lane, lane + VW). kb and pb are constants where it is inlined. */
INLINE void tile_pass(const tile_work *t, int lane, const int kb, const int pb)
{
    vf acc[CONV_PACK][TILE_MAX];
#pragma GCC unroll 8
    for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            acc[j][i] = vf_set(t->bias[j]);
    const float *x[TILE_MAX], *w = t->w;
    for (int i = 0; i < pb; i++)
        x[i] = alone(t->x[i]) + lane;
    const conv_tap *end = t->end;
    for (int64_t c = t->channels, xc = 0; c > 0; c--, xc += anew(&t->x_channel), w += anew(&t->w_channel))
        for (const conv_tap *tap = t->tap; tap < end; tap++) {
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
    const int64_t channel = t->y_channel, offset = t->y_offset + lane;
    if (t->add)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++) {
            const float *y = alone(t->y[i]) + offset;
#pragma GCC unroll 8
            for (int j = 0; j < kb; j++, y += channel)
                acc[j][i] += vf_load(y);
        }
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
            vf_store((float *)alone(t->y[i]) + (offset + j * channel), acc[j][i]);
}

INLINE void tile(const tile_work *t, const int kb, const int pb)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        tile_pass(t, lane, kb, pb);
}

/* 1 to TILE_PIXELS pixels. */
INLINE void tile_pixels(const tile_work *t, const int kb, int pb)
{
    /* clang-format off */
    switch (pb) {
    case 1: tile(t, kb, 1); break;
    case 2: tile(t, kb, 2); break;
    case 3: if (TILE_PIXELS >= 3) tile(t, kb, 3); break;
    case 4: if (TILE_PIXELS >= 4) tile(t, kb, 4); break;
    case 5: if (TILE_PIXELS >= 5) tile(t, kb, 5); break;
    default: if (TILE_PIXELS >= 6) tile(t, kb, 6);
    }
    /* clang-format on */
}

static void tile_4(const tile_work *t, int pb)
{
    tile_pixels(t, 4, pb);
}

static void tile_below_4(const tile_work *t, int kb, int pb)
{
    if (kb == 1)
        tile_pixels(t, 1, pb);
    else if (kb == 2)
        tile_pixels(t, 2, pb);
    else
        tile_pixels(t, 3, pb);
}

static void tile_8(const tile_work *t, int pb)
{
    if (pb == 1)
        tile(t, 8, 1);
    else if (TILE_WIDE_PIXELS >= 2 && pb == 2)
        tile(t, 8, 2);
    else if (TILE_WIDE_PIXELS >= 3)
        tile(t, 8, 3);
}

static void tile_outputs(const conv_tiles *t, tile_work *work, int pb)
{
    static const float no_bias[CONV_PACK] = { 0 };
    work->y_offset = 0;
    for (int64_t k = 0, pack = 0; k < t->outputs; pack++) {
        const int64_t left = t->outputs - k;
        work->w = t->w + pack * t->w_tile;
        work->bias = t->bias ? t->bias + k : no_bias;
        if (left >= CONV_PACK && pb <= TILE_WIDE_PIXELS) {
            tile_8(work, pb);
            k += CONV_PACK;
            work->y_offset += CONV_PACK * t->y_channel;
            continue;
        }
        for (int half = 0; half < 2 && k < t->outputs; half++, k += 4) {
            if (t->outputs - k >= 4)
                tile_4(work, pb);
            else
                tile_below_4(work, (int)(t->outputs - k), pb);
            work->y_offset += 4 * t->y_channel;
            work->w += 4;
            work->bias += t->bias ? 4 : 0;
        }
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
    tile_work work = {
        .y_channel = t->y_channel,
        .tap = b->tap,
        .end = b->tap + b->taps,
        .channels = t->channels,
        .x_channel = t->x_channel,
        .w_channel = t->w_channel,
        .add = t->add,
        .relu = t->relu,
    };
    for (int64_t i = 0; i < tiles; i++) {
        const int pb = (int)(i < larger ? size + 1 : size);
        for (int p = 0; p < pb; p++) {
            work.x[p] = x;
            work.y[p] = y;
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
        tile_outputs(t, &work, pb);
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

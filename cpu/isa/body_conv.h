/* Forward tiles of convolutions and linear layers; see kernels_conv.h for what each kernel computes.
 *
 * A tile is some outputs of some pixels. A pixel may lie anywhere (each has a base pointer), so one tile serves rows, short
 * rows wrapped into the next, and the same pixel of several blocks: boxes of few pixels still fill the registers. It is made
 * in passes of KB outputs x N pieces, a piece being VW lanes of a pixel, kept in registers over all channels and taps: per
 * tap N loads, KB broadcasts, KB N multiply-adds. A pass takes pieces of as few pixels as it can: where inputs come from the
 * L2 cache, what counts is how often a line of them is read.
 *
 * Order of summation: channels, then taps, one accumulator. Tails: tiles of every smaller size. Aliasing: none. */
#include "kernels_conv.h"

/* Passes that leave room for N inputs and a weight beside the accumulators. 32 registers: 4 x 6, or 8 x 3 where fewer pixels
 * are at hand; 16 registers: 4 x 3, and 4 x 2 where a product needs a register of its own (no FMA). Narrow registers: three
 * pixels are whole passes of any of these.
 *
 * Short sums get tiles of 16 outputs: what stands between two tiles (24 stores, above all) is hidden worse the longer it is,
 * which a first layer (9 products an output) feels as 68 against 73 % of peak. For long sums a larger tile loads less:
 * 91 against 87 % with 64 channels. */
#if VW == 16
enum { TILE_PIXELS = 6, TILE_SHORT_PIXELS = 4, TILE_WIDE_PIXELS = 3, TILE_SHORT_WIDE_PIXELS = 2 };
enum { TILE_PIECES = 6, QUAD_PIXELS = 4 };
#else
enum { TILE_PIXELS = 3, TILE_SHORT_PIXELS = 3, TILE_WIDE_PIXELS = 0, TILE_SHORT_WIDE_PIXELS = 0 };
#if defined(__aarch64__)
enum { TILE_PIECES = 6, QUAD_PIXELS = 4 };
#elif defined(__FMA__)
enum { TILE_PIECES = 3, QUAD_PIXELS = 3 };
#else
enum { TILE_PIECES = 2, QUAD_PIXELS = 2 };
#endif
#endif
enum { TILE_MAX = 6, TILE_SHORT_SUM = 96, PIXEL_PIECES = CONV_LANES / VW };

/* AVX2: of sums whose inputs L1 does not keep from one pass to the next, 6 outputs of a single pixel. They read a line every
 * 12 products, 4 x 3 every 6, and take 1.04 times as long as their products do, not 1.25. */
#if VW == 8
enum { TILE_TALL = 6, TILE_TALL_SUM = 200, PHASE_SUMS = 512 };
#else
enum { TILE_TALL = 0, TILE_TALL_SUM = INT32_MAX, PHASE_SUMS = 1024 };
#endif

/* Fewer products take no longer than fetching does. */
enum { FETCH_SUM = 32 };

/* All that a tile needs, behind one pointer. */
typedef struct tile_work {
    const float *x[TILE_MAX]; /* of the pixels: where each input starts, */
    float *y[TILE_MAX];       /* and each output, of output 0 */
    int64_t y_offset;         /* of the tile's first output */
    int64_t y_channel;
    const conv_tap *tap, *end;
    int64_t channels, x_channel, w_channel;
    const float *w, *bias; /* of the tile's first output */
    bool add, relu, stream;
    const conv_box *box;
    const float *next[TILE_MAX];      /* of the tile after this one, */
    const int64_t *fetch, *fetch_end; /* of which these taps of the box are fetched meanwhile */
    const float *third, *fifth;       /* w of a tall tile's outputs 2 and 4, which may be in the next pack */
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

INLINE const float *anew_pointer(const float *const *p)
{
    return *(const float *const volatile *)p;
}

/* Asks for the next tile's share of one channel. A tile's inputs are many short pieces, of every channel some pixels of a
 * few rows, which no hardware prefetcher follows: without this a 3x3 window of stride 2 on images of 64x64 waits for memory
 * half of the time. To the L2 cache only: L1 is full of what the tile at hand reads again and again. */
INLINE void fetch_inputs(const tile_work *t, int64_t xc, const int pb)
{
    for (const int64_t *x = t->fetch; x < t->fetch_end; x++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            __builtin_prefetch(anew_pointer(&t->next[i]) + (xc + *x), 0, 2);
}

/* Asks for the lines that a tile is going to write: they have come by the end of its sums. */
INLINE void fetch_outputs(const tile_work *t, const int kb, const int pb)
{
#pragma GCC unroll 8
    for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            __builtin_prefetch(alone(t->y[i]) + (t->y_offset + j * t->y_channel), 1, 3);
}

INLINE const float *input_of(const tile_work *t, int piece)
{
    return alone(t->x[piece / PIXEL_PIECES]) + piece % PIXEL_PIECES * VW;
}

INLINE float *output_of(const tile_work *t, int piece)
{
    return (float *)alone(t->y[piece / PIXEL_PIECES]) + piece % PIXEL_PIECES * VW;
}

/* One pass: kb outputs, n of the pieces of pb pixels, from `first` on. All but t (and first, where there are many
 * passes) are constants where it is inlined. The first pass fetches for all. */
INLINE void tile_pass(const tile_work *t, int first, const int kb, const int n, const int pb, const bool fetch)
{
    vf acc[CONV_PACK][TILE_MAX];
#pragma GCC unroll 8
    for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            acc[j][i] = vf_set(t->bias[j]);
    const bool tall = kb == TILE_TALL;
    const float *x[TILE_MAX], *w = t->w, *third = w, *fifth = w;
    for (int i = 0; i < n; i++)
        x[i] = input_of(t, first + i);
    if (tall) {
        third = alone(t->third);
        fifth = alone(t->fifth);
    }
    const conv_tap *end = t->end;
    if (fetch && first == 0 && !(VW == CONV_LANES && t->stream))
        fetch_outputs(t, kb, pb);
    for (int64_t c = t->channels, xc = 0; c > 0; c--, xc += anew(&t->x_channel), w += anew(&t->w_channel)) {
        if (fetch && first == 0)
            fetch_inputs(t, xc, pb);
        for (const conv_tap *tap = t->tap; tap < end; tap++) {
            const int64_t offset = xc + tap->x;
            const float *wt = w + tap->w;
            vf v[TILE_MAX];
#pragma GCC unroll 8
            for (int i = 0; i < n; i++)
                v[i] = vf_load(x[i] + offset);
#pragma GCC unroll 8
            for (int j = 0; j < kb; j++) {
                vf s = vf_set(tall && j >= 4   ? fifth[tap->w + j - 4]
                              : tall && j >= 2 ? third[tap->w + j - 2]
                                               : wt[j]);
#pragma GCC unroll 8
                for (int i = 0; i < n; i++)
                    acc[j][i] += s * v[i];
            }
        }
        if (tall) {
            third += anew(&t->w_channel);
            fifth += anew(&t->w_channel);
        }
    }
    const int64_t channel = t->y_channel, offset = t->y_offset;
    if (t->add)
#pragma GCC unroll 8
        for (int i = 0; i < n; i++) {
            const float *y = output_of(t, first + i) + offset;
#pragma GCC unroll 8
            for (int j = 0; j < kb; j++, y += channel)
                acc[j][i] += vf_load(y);
        }
    if (t->relu)
#pragma GCC unroll 8
        for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
            for (int i = 0; i < n; i++)
                acc[j][i] = vf_max(vf_set(0), acc[j][i]);
    if (VW == CONV_LANES && t->stream)
#pragma GCC unroll 8
        for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
            for (int i = 0; i < n; i++)
                vf_stream(output_of(t, first + i) + (offset + j * channel), acc[j][i]);
    else
#pragma GCC unroll 8
        for (int j = 0; j < kb; j++)
#pragma GCC unroll 8
            for (int i = 0; i < n; i++)
                vf_store(output_of(t, first + i) + (offset + j * channel), acc[j][i]);
}

/* Passes of equal size. */
INLINE void tile(const tile_work *t, const int kb, const int pb, const bool fetch)
{
    const int pieces = pb * PIXEL_PIECES, passes = (pieces + TILE_PIECES - 1) / TILE_PIECES, n = pieces / passes;
#pragma GCC unroll 2
    for (int first = 0; first < pieces; first += n)
        tile_pass(t, first, kb, n, pb, fetch);
}

/* 1 to TILE_PIXELS pixels. */
INLINE void tile_pixels(const tile_work *t, const int kb, int pb, const bool fetch)
{
    /* clang-format off */
    switch (pb) {
    case 1: tile(t, kb, 1, fetch); break;
    case 2: tile(t, kb, 2, fetch); break;
    case 3: tile(t, kb, 3, fetch); break;
    case 4: if (TILE_PIXELS >= 4) tile(t, kb, 4, fetch); break;
    case 5: if (TILE_PIXELS >= 5) tile(t, kb, 5, fetch); break;
    default: if (TILE_PIXELS >= 6) tile(t, kb, 6, fetch);
    }
    /* clang-format on */
}

/* 1 to TILE_WIDE_PIXELS pixels. */
INLINE void tile_wide(const tile_work *t, int pb, const bool fetch)
{
    if (TILE_WIDE_PIXELS >= 1 && pb == 1)
        tile(t, 8, 1, fetch);
    else if (TILE_WIDE_PIXELS >= 2 && pb == 2)
        tile(t, 8, 2, fetch);
    else if (TILE_WIDE_PIXELS >= 3)
        tile(t, 8, 3, fetch);
}

/* kb: 8, or up to 4. */
INLINE void tile_of(const tile_work *t, int kb, int pb, const bool fetch)
{
    if (kb == 4)
        tile_pixels(t, 4, pb, fetch);
    else if (kb == 8)
        tile_wide(t, pb, fetch);
    else if (kb == 3)
        tile_pixels(t, 3, pb, fetch);
    else if (kb == 2)
        tile_pixels(t, 2, pb, fetch);
    else
        tile_pixels(t, 1, pb, fetch);
}

static void tile_plain(const tile_work *t, int kb, int pb)
{
    tile_of(t, kb, pb, false);
}

static void tile_fetching(const tile_work *t, int kb, int pb)
{
    tile_of(t, kb, pb, true);
}

/* Outputs [k, k + n) of all fetch their share of the next tile's taps. */
INLINE void share_fetches(tile_work *work, int64_t k, int64_t n, int64_t all)
{
    const conv_box *b = work->box;
    work->fetch = b->fetch + b->fetches * k / all;
    work->fetch_end = b->fetch + b->fetches * (k + n) / all;
}

/* What tiles fetch: nothing, outputs, or outputs and the inputs of the next tile. */
typedef enum tile_fetch { FETCH_NONE, FETCH_OUTPUTS, FETCH_NEXT } tile_fetch;

static const float no_bias[CONV_PACK] = { 0 };

/* From output k on. */
INLINE void tile_outputs(const conv_tiles *t, tile_work *work, int64_t k, int pb, int wide, tile_fetch fetch)
{
    work->fetch = work->fetch_end = work->box->fetch;
    for (int64_t n; k < t->outputs; k += n) {
        const int64_t left = t->outputs - k;
        n = left >= CONV_PACK && pb <= wide ? CONV_PACK : left >= 4 ? 4 : left;
        work->w = t->w + k / CONV_PACK * t->w_tile + k % CONV_PACK;
        work->bias = t->bias ? t->bias + k : no_bias;
        work->y_offset = k * t->y_channel;
        if (fetch == FETCH_NEXT)
            share_fetches(work, k, n, t->outputs);
        if (fetch == FETCH_NONE)
            tile_plain(work, (int)n, pb);
        else
            tile_fetching(work, (int)n, pb);
    }
}

INLINE const float *weights_of(const conv_tiles *t, int64_t k)
{
    return t->w + k / CONV_PACK * t->w_tile + k % CONV_PACK;
}

/* Functions of their own: those of short tiles stay as small as they are. */
static __attribute__((noinline)) void tall_plain(const tile_work *t)
{
    tile(t, TILE_TALL, 1, false);
}

static __attribute__((noinline)) void tall_fetching(const tile_work *t)
{
    tile(t, TILE_TALL, 1, true);
}

/* One pixel. Tall tiles come in twos: then what is left, in fours, lies within packs of weights. */
static void tall_outputs(const conv_tiles *t, tile_work *work, tile_fetch fetch)
{
    int64_t k = 0;
    work->fetch = work->fetch_end = work->box->fetch;
    for (; t->outputs - k >= 2 * TILE_TALL || k % 4 != 0; k += TILE_TALL) {
        work->w = weights_of(t, k);
        work->third = weights_of(t, k + 2);
        work->fifth = weights_of(t, k + 4);
        work->bias = t->bias ? t->bias + k : no_bias;
        work->y_offset = k * t->y_channel;
        if (fetch == FETCH_NEXT)
            share_fetches(work, k, TILE_TALL, t->outputs);
        if (fetch == FETCH_NONE)
            tall_plain(work);
        else
            tall_fetching(work);
    }
    tile_outputs(t, work, k, 1, 0, fetch);
}

/* A walk through the pixels of a box in the order column, row, block. */
typedef struct pixel_walk {
    const conv_box *box;
    int64_t x_step, y_step, row, column; /* steps: from block to block */
    const float *x_block, *x_row, *x;
    float *y_block, *y_row, *y;
} pixel_walk;

INLINE pixel_walk walk_box(const conv_tiles *t, const conv_box *b)
{
    float *y = t->y + b->y;
    return (pixel_walk){ b, t->x_block, t->y_block, 0, 0, t->x, t->x, t->x, y, y, y };
}

/* The next n pixels. */
INLINE void walk_pixels(pixel_walk *w, int n, const float **x, float **y)
{
    for (int i = 0; i < n; i++) {
        x[i] = w->x;
        y[i] = w->y;
        if (++w->column < w->box->columns) {
            w->x += w->box->x_column;
            w->y += w->box->y_column;
            continue;
        }
        w->column = 0;
        if (++w->row == w->box->rows) {
            w->row = 0;
            w->x_row = w->x_block += w->x_step;
            w->y_row = w->y_block += w->y_step;
        } else {
            w->x_row += w->box->x_row;
            w->y_row += w->box->y_row;
        }
        w->x = w->x_row;
        w->y = w->y_row;
    }
}

/* The n pixels after those walked. The last tile may have fewer: what is asked for then is not read. */
INLINE void look_ahead(pixel_walk w, int n, tile_work *work)
{
    float *y[TILE_MAX];
    walk_pixels(&w, n, work->next, y);
}

INLINE tile_work work_on(const conv_tiles *t, const conv_box *b)
{
    return (tile_work){
        .y_channel = t->y_channel,
        .tap = b->tap,
        .end = b->tap + b->taps,
        .channels = t->channels,
        .x_channel = t->x_channel,
        .w_channel = t->w_channel,
        .w = t->w,
        .add = t->add,
        .relu = t->relu,
        .stream = t->stream,
        .box = b,
    };
}

/* The box is cut into tiles whose sizes differ by one at most; or, where a single pixel is a pass or more, into full ones and
 * the rest. */
static void tiles_of_box(const conv_tiles *t, const conv_box *b)
{
    const bool full = PIXEL_PIECES > 1;
    const int64_t sum = t->channels * b->taps;
    const bool fetch = t->fetch && sum >= FETCH_SUM;
    const bool brief = sum <= TILE_SHORT_SUM;
    const bool tall = TILE_TALL > 0 && sum >= TILE_TALL_SUM && t->outputs >= 2 * TILE_TALL;
    const int64_t most = brief ? TILE_SHORT_PIXELS : tall ? 1 : TILE_PIXELS;
    int64_t left = t->blocks * b->rows * b->columns;
    const int64_t tiles = (left + most - 1) / most;
    const int64_t size = full ? most : left / tiles, larger = full ? 0 : left % tiles;
    tile_work work = work_on(t, b);
    pixel_walk walk = walk_box(t, b);
    for (int64_t i = 0, pb; i < tiles; i++, left -= pb) {
        pb = i < larger ? size + 1 : left < size ? left : size;
        tile_fetch what = fetch ? FETCH_OUTPUTS : FETCH_NONE;
        walk_pixels(&walk, (int)pb, work.x, work.y);
        if (fetch && t->first && i + 1 < tiles) {
            what = FETCH_NEXT;
            look_ahead(walk, (int)pb, &work);
        }
        if (tall)
            tall_outputs(t, &work, what);
        else
            tile_outputs(t, &work, 0, (int)pb, brief ? TILE_SHORT_WIDE_PIXELS : TILE_WIDE_PIXELS, what);
    }
}

/* Few taps: those of several channels become those of one, in the same order, and what a channel costs besides its products is
 * paid once for all. Short sums are left alone: they feel every instruction between two tiles. */
static void conv_tiles_of_box(const conv_tiles *t, const conv_box *b)
{
    enum { TAPS = 16 };
    int64_t n = 1;
    while (t->channels * b->taps > TILE_SHORT_SUM && t->channels % (2 * n) == 0 && 2 * n * b->taps <= TAPS)
        n *= 2;
    if (n == 1) {
        tiles_of_box(t, b);
        return;
    }
    conv_tap tap[TAPS];
    int64_t fetch[TAPS];
    for (int64_t i = 0; i < n * b->taps; i++) {
        const int64_t c = i / b->taps;
        const conv_tap *from = &b->tap[i % b->taps];
        tap[i] = (conv_tap){ c * t->x_channel + from->x, c * t->w_channel + from->w };
    }
    for (int64_t i = 0; i < n * b->fetches; i++)
        fetch[i] = i / b->fetches * t->x_channel + b->fetch[i % b->fetches];
    conv_tiles tiles = *t;
    tiles.channels /= n;
    tiles.x_channel *= n;
    tiles.w_channel *= n;
    conv_box box = *b;
    box.taps *= n;
    box.tap = tap;
    box.fetches *= n;
    box.fetch = fetch;
    tiles_of_box(&tiles, &box);
}

#include "body_conv_pack.h"
#include "body_conv_quads.h"
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
    .pack = conv_pack_windows,
    .tiles = conv_tiles_of_box,
    .phase_sums = PHASE_SUMS,
    .quads = conv_quads_of_box,
    .grad_w_images = conv_grad_w_images,
    .images_few = IMAGES_FEW,
    .grad_w_channels = conv_grad_w_channels,
    .mask = conv_mask,
    .transpose = conv_transpose,
    .sum_slices = conv_sum_slices,
    .peak = conv_peak,
    .peak_flops = 2.0 * PEAK_CHAINS * VW,
};

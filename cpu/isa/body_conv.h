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
    const float *next[TILE_MAX];      /* of the tile after this one, */
    const int64_t *fetch, *fetch_end; /* of which these taps are fetched meanwhile */
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
    const float *x[TILE_MAX], *w = t->w;
    for (int i = 0; i < n; i++)
        x[i] = input_of(t, first + i);
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
                vf s = vf_set(wt[j]);
#pragma GCC unroll 8
                for (int i = 0; i < n; i++)
                    acc[j][i] += s * v[i];
            }
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
INLINE void share_fetches(tile_work *work, const conv_box *b, int64_t k, int64_t n, int64_t all)
{
    work->fetch = b->fetch + b->fetches * k / all;
    work->fetch_end = b->fetch + b->fetches * (k + n) / all;
}

/* What tiles fetch: nothing, outputs, or outputs and the inputs of the next tile. */
typedef enum tile_fetch { FETCH_NONE, FETCH_OUTPUTS, FETCH_NEXT } tile_fetch;

static void tile_outputs(const conv_tiles *t, const conv_box *b, tile_work *work, int pb, int wide,
                         tile_fetch fetch)
{
    static const float no_bias[CONV_PACK] = { 0 };
    work->fetch = work->fetch_end = b->fetch;
    for (int64_t k = 0, n; k < t->outputs; k += n) {
        const int64_t left = t->outputs - k;
        n = left >= CONV_PACK && pb <= wide ? CONV_PACK : left >= 4 ? 4 : left;
        work->w = t->w + k / CONV_PACK * t->w_tile + k % CONV_PACK;
        work->bias = t->bias ? t->bias + k : no_bias;
        work->y_offset = k * t->y_channel;
        if (fetch == FETCH_NEXT)
            share_fetches(work, b, k, n, t->outputs);
        if (fetch == FETCH_NONE)
            tile_plain(work, (int)n, pb);
        else
            tile_fetching(work, (int)n, pb);
    }
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
    };
}

/* The box is cut into tiles whose sizes differ by one at most; or, where a single pixel is a pass or more, into full ones and
 * the rest. */
static void conv_tiles_of_box(const conv_tiles *t, const conv_box *b)
{
    const bool full = PIXEL_PIECES > 1;
    const int64_t sum = t->channels * b->taps;
    const bool brief = sum <= TILE_SHORT_SUM, fetch = t->fetch && sum >= FETCH_SUM;
    const int64_t most = brief ? TILE_SHORT_PIXELS : TILE_PIXELS;
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
        tile_outputs(t, b, &work, (int)pb, brief ? TILE_SHORT_WIDE_PIXELS : TILE_WIDE_PIXELS, what);
    }
}

/* ---- four phases ---- */

/* The taps of one kind. rows, columns and pb are constants where it is inlined. */
INLINE void quad_kind(const tile_work *t, const conv_quad_box *q, vf acc[4][TILE_MAX], const float *const *x,
                      const int rows, const int columns, const int pb)
{
    const int kind = 3 * (rows - 1) + columns - 1;
    const conv_tap *tap = t->tap + q->kind[kind], *end = t->tap + q->kind[kind + 1];
    for (; tap < end; tap++) {
        const int64_t offset = tap->x;
        const float *w = anew_pointer(&t->w) + tap->w;
        vf v[TILE_MAX];
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            v[i] = vf_load(x[i] + offset);
#pragma GCC unroll 4
        for (int f = 0; f < 4; f++) {
            if (!(rows >> (f >> 1) & columns >> (f & 1) & 1))
                continue;
            vf s = vf_set(w[f]);
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                acc[f][i] += s * v[i];
        }
    }
}

INLINE void quad_pass(const tile_work *t, const conv_quad_box *q, int lane, const int pb)
{
    vf acc[4][TILE_MAX];
#pragma GCC unroll 4
    for (int f = 0; f < 4; f++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            acc[f][i] = vf_set(0);
    const float *x[TILE_MAX];
    for (int i = 0; i < pb; i++)
        x[i] = alone(t->x[i]) + lane;
    quad_kind(t, q, acc, x, 1, 1, pb);
    quad_kind(t, q, acc, x, 1, 2, pb);
    quad_kind(t, q, acc, x, 1, 3, pb);
    quad_kind(t, q, acc, x, 2, 1, pb);
    quad_kind(t, q, acc, x, 2, 2, pb);
    quad_kind(t, q, acc, x, 2, 3, pb);
    quad_kind(t, q, acc, x, 3, 1, pb);
    quad_kind(t, q, acc, x, 3, 2, pb);
    quad_kind(t, q, acc, x, 3, 3, pb);
#pragma GCC unroll 4
    for (int f = 0; f < 4; f++)
        if (q->there[f])
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                vf_store((float *)alone(t->y[i]) + (anew(&q->phase[f]) + lane), acc[f][i]);
}

/* 1 to QUAD_PIXELS pixels. */
static void quad_tile(const tile_work *t, const conv_quad_box *q, int pb)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        /* clang-format off */
        switch (pb) {
        case 1: quad_pass(t, q, lane, 1); break;
        case 2: quad_pass(t, q, lane, 2); break;
        case 3: if (QUAD_PIXELS >= 3) quad_pass(t, q, lane, 3); break;
        default: if (QUAD_PIXELS >= 4) quad_pass(t, q, lane, 4);
        }
    /* clang-format on */
}

static void conv_quads_of_box(const conv_tiles *t, const conv_quad_box *q)
{
    const int64_t pixels = t->blocks * q->box.rows * q->box.columns;
    const int64_t tiles = (pixels + QUAD_PIXELS - 1) / QUAD_PIXELS;
    const int64_t size = pixels / tiles, larger = pixels % tiles;
    tile_work work = work_on(t, &q->box);
    pixel_walk walk = walk_box(t, &q->box);
    for (int64_t i = 0; i < tiles; i++) {
        const int pb = (int)(i < larger ? size + 1 : size);
        walk_pixels(&walk, pb, work.x, work.y);
        quad_tile(&work, q, pb);
    }
}

#include "body_conv_pack.h"
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

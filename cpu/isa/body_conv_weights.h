/* Backward tiles of convolutions and linear layers: gradients of the weights, and what prepares their operands.
 *
 * A weight gradient sums over images and pixels. With images in the lanes that is one vertical sum per weight
 * and a sum over the lanes at the end: right for a handful of output channels. With 16 output channels in the
 * lanes, x is broadcast, a register holds 16 gradients and nothing is added across lanes; dy has to be
 * transposed for it, 16 x 16 numbers at a time, which is a few per cent of the work where every pixel of dy
 * meets many channels and taps.
 *
 * Order of summation: blocks, rows, columns, then images, one accumulator a weight (and lane). Tails: tiles of
 * every smaller size; the caller masks images that are not there, or says how many there are. Aliasing: none. */

#include "body_transpose.h"

/* ---- across lanes ---- */

/* Lane i of the result is the sum over the lanes of r[i]; r is used up. Round by round, the sums of neighbouring
 * lanes of two registers are interleaved in one. */
INLINE vf sum_of_each(vf *r)
{
#pragma GCC unroll 4
    for (int half = VW / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            r[i] = interleave_low(r[i], r[i + half]) + interleave_high(r[i], r[i + half]);
    return r[0];
}

static void conv_transpose(float *t, const float *d, int64_t d_channel, int64_t d_pixel, int64_t channels,
                           int64_t pixels)
{
    for (int64_t p = 0; p < pixels; p++, d += d_pixel, t += CONV_LANES * CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW)
            for (int image = 0; image < CONV_LANES; image += VW) {
                vf r[VW];
#pragma GCC unroll 16
                for (int i = 0; i < VW; i++)
                    r[i] = k + i < channels ? vf_load(d + (k + i) * d_channel + image) : vf_set(0);
                transpose_registers(r);
#pragma GCC unroll 16
                for (int i = 0; i < VW; i++)
                    vf_store(t + (image + i) * CONV_LANES + k, r[i]);
            }
}

/* ---- images in the lanes ---- */

/* Accumulators, the d of a pixel and one x, or the other way round. Wide: 24 + 4 + 1 of 32 registers, 12 + 3 + 1 of 16 with
 * FMA, 8 + 4 + 1 without. Tall: 26 + 2 + 1, 10 + 2 + 1; for few channels, whose columns are taps: those of one pixel
 * lie close together, so x comes from the L1 cache however many there are, and a pass over dy for every four columns
 * fewer is what counts: a 3 x 3 first layer runs at 68 % of peak so, at 58 % in tiles of 4 x 3. With AVX2 loads, and one
 * more for each x's place, would then take longer than the products: 59 against 69 %. */
#if VW == 16 || defined(__aarch64__)
enum { IMAGES_WIDE = 6, IMAGES_TALL = 13 };
#elif defined(__FMA__)
enum { IMAGES_WIDE = 3, IMAGES_TALL = 3 };
#else
enum { IMAGES_WIDE = 2, IMAGES_TALL = 5 };
#endif
enum { IMAGES_FEW = IMAGES_WIDE == 3 ? 5 : 4 }; /* channels: four fill tiles of three columns badly */
enum { IMAGES_OUTPUTS = 4, IMAGES_TALL_OUTPUTS = 2, IMAGES_MAX = 26, IMAGES_SUMS = (IMAGES_MAX / VW + 1) * VW };

/* What of a product one tile takes: outputs from d, columns from those of the lists. */
typedef struct images_part {
    const conv_pairs *pairs;
    const float *d;
    int64_t d_channel, dw_output;
    const int64_t *x_column, *dw_column;
    float *dw;
    int64_t ahead_from, ahead_to; /* the rows that ask for the next call's */
} images_part;

/* One pixel, VW lanes: what there are fewer of, x of nc columns or d of kb outputs, is held in registers. */
INLINE void images_lanes(vf *acc, const float *x, const int64_t *x_column, const float *d, int64_t d_channel,
                         const int kb, const int nc)
{
    if (nc < kb) {
        vf xv[IMAGES_MAX];
#pragma GCC unroll 4
        for (int j = 0; j < nc; j++)
            xv[j] = vf_load(x + x_column[j]);
#pragma GCC unroll 4
        for (int k = 0; k < kb; k++) {
            vf dv = vf_load(d + k * d_channel);
#pragma GCC unroll 4
            for (int j = 0; j < nc; j++)
                acc[k * nc + j] += dv * xv[j];
        }
        return;
    }
    vf dv[IMAGES_OUTPUTS];
#pragma GCC unroll 4
    for (int k = 0; k < kb; k++)
        dv[k] = vf_load(d + k * d_channel);
#pragma GCC unroll 16
    for (int j = 0; j < nc; j++) {
        vf xv = vf_load(x + anew(&x_column[j]));
#pragma GCC unroll 4
        for (int k = 0; k < kb; k++)
            acc[k * nc + j] += dv[k] * xv;
    }
}

/* All pairs; ahead: some rows ask for the next call's d. */
INLINE void images_pairs(vf *acc, const images_part *a, const int64_t *x_column, const int kb, const int nc,
                         const bool ahead)
{
    const conv_pairs *p = a->pairs;
    const int64_t d_channel = a->d_channel;
    for (int64_t b = 0; b < p->count[0]; b++)
        for (int64_t row = 0; row < p->count[1]; row++) {
            const float *x = p->x + b * p->x_step[0] + row * p->x_step[1];
            const float *d = a->d + b * p->d_step[0] + row * p->d_step[1];
            const int64_t next = ahead && row >= a->ahead_from && row < a->ahead_to ? p->d_ahead : 0;
            for (int64_t i = p->count[2]; i > 0; i--, x += p->x_step[2], d += p->d_step[2]) {
                if (ahead)
#pragma GCC unroll 4
                    for (int k = 0; k < kb; k++)
                        __builtin_prefetch(d + k * d_channel + next, 0, 2);
#pragma GCC unroll 2
                for (int lane = 0; lane < CONV_LANES; lane += VW)
                    images_lanes(acc, x + lane, x_column, d + lane, d_channel, kb, nc);
            }
        }
}

INLINE void images_tile(const images_part *a, const int kb, const int nc)
{
    const int64_t *x_column = a->x_column;
    int64_t near[IMAGES_MAX]; /* few: there are registers for them */
    if (nc < kb) {
        for (int j = 0; j < nc; j++)
            near[j] = x_column[j];
        x_column = near;
    }
    vf acc[IMAGES_SUMS];
#pragma GCC unroll 48
    for (int i = 0; i < IMAGES_SUMS; i++)
        acc[i] = vf_set(0);
    if (a->ahead_to > 0)
        images_pairs(acc, a, x_column, kb, nc, true);
    else
        images_pairs(acc, a, x_column, kb, nc, false);
    float sum[IMAGES_SUMS];
#pragma GCC unroll 8
    for (int g = 0; g * VW < kb * nc; g++)
        vf_store(sum + g * VW, sum_of_each(acc + g * VW));
    for (int k = 0; k < kb; k++)
        for (int j = 0; j < nc; j++)
            a->dw[k * a->dw_output + a->dw_column[j]] += sum[k * nc + j];
}

/* nc is 1 to most. */
INLINE void images_columns(const images_part *a, const int kb, int64_t nc, const int most)
{
    /* clang-format off */
    switch (nc) {
    case 1: images_tile(a, kb, 1); break;
    case 2: images_tile(a, kb, 2); break;
    case 3: if (most >= 3) images_tile(a, kb, 3); break;
    case 4: if (most >= 4) images_tile(a, kb, 4); break;
    case 5: if (most >= 5) images_tile(a, kb, 5); break;
    case 6: if (most >= 6) images_tile(a, kb, 6); break;
    case 7: if (most >= 7) images_tile(a, kb, 7); break;
    case 8: if (most >= 8) images_tile(a, kb, 8); break;
    case 9: if (most >= 9) images_tile(a, kb, 9); break;
    case 10: if (most >= 10) images_tile(a, kb, 10); break;
    case 11: if (most >= 11) images_tile(a, kb, 11); break;
    case 12: if (most >= 12) images_tile(a, kb, 12); break;
    default: if (most >= 13) images_tile(a, kb, 13);
    }
    /* clang-format on */
}

static void images_wide(const images_part *a, int64_t outputs, int64_t nc)
{
    if (outputs == 1)
        images_columns(a, 1, nc, IMAGES_WIDE);
    else if (outputs == 2)
        images_columns(a, 2, nc, IMAGES_WIDE);
    else if (outputs == 3)
        images_columns(a, 3, nc, IMAGES_WIDE);
    else
        images_columns(a, 4, nc, IMAGES_WIDE);
}

static void images_tall(const images_part *a, int64_t outputs, int64_t nc)
{
    if (outputs == 1)
        images_columns(a, 1, nc, IMAGES_TALL);
    else
        images_columns(a, 2, nc, IMAGES_TALL);
}

static void conv_grad_w_images(const conv_pairs *p, int64_t outputs, int64_t d_channel, float *dw,
                               int64_t dw_output, bool tall)
{
    tall = tall && IMAGES_TALL > IMAGES_WIDE;
    const int64_t most = tall ? IMAGES_TALL : IMAGES_WIDE, step = tall ? IMAGES_TALL_OUTPUTS : IMAGES_OUTPUTS;
    const int64_t groups = (p->columns + most - 1) / most;
    for (int64_t g = 0; g < groups; g++) {
        const int64_t from = p->columns * g / groups, nc = p->columns * (g + 1) / groups - from;
        images_part a = {
            .pairs = p,
            .d_channel = d_channel,
            .dw_output = dw_output,
            .x_column = p->x_column + from,
            .dw_column = p->dw_column + from,
            .ahead_from = p->count[1] * g / groups,
            .ahead_to = p->d_ahead != 0 ? p->count[1] * (g + 1) / groups : 0,
        };
        for (int64_t k = 0; k < outputs; k += step) {
            a.d = p->d + k * d_channel;
            a.dw = dw + k * dw_output;
            if (tall)
                images_tall(&a, outputs - k, nc);
            else
                images_wide(&a, outputs - k, nc);
        }
    }
}

/* ---- output channels in the lanes ---- */

/* A column of accumulators is one or two blocks of 16 channels: 16 / VW registers each. With one x and the d of
 * an image, 16 + 3 registers of 32 (more columns need more pointers than there are; two blocks meet an x that
 * has been loaded once, from far away where there are many channels), 12 + 3 of 16 with FMA, 8 + 6 of 16
 * without, 24 + 5 of 32 on NEON. */
#if VW == 16
enum { CHANNELS_COLUMNS = 8, CHANNELS_PANELS = 2 };
#elif VW == 8 || defined(__aarch64__)
enum { CHANNELS_COLUMNS = 6, CHANNELS_PANELS = 1 };
#else
enum { CHANNELS_COLUMNS = 2, CHANNELS_PANELS = 1 };
#endif
enum { CHANNELS_REGISTERS = CONV_LANES / VW, CHANNELS_MAX = 8 };

typedef vf channels_sums[CHANNELS_MAX][CHANNELS_PANELS][CHANNELS_REGISTERS];

/* What of a product one tile takes. */
typedef struct channels_part {
    const conv_pairs *pairs;
    const int64_t *x_column, *dw_column;
    const float *d;
    float *acc;
    int last;
} channels_part;

/* The pairs of `blocks` blocks from x, d on. panels and nc are constants where it is inlined, images but for the
 * last block. The next pixel's x is on its way meanwhile: with strides, or few pixels a row, no prefetcher
 * guesses it (which cost 256-256 channels of 4x4, stride 2, a quarter of the time). Single panels meet few
 * channels, which are near. */
INLINE void channels_blocks(const channels_part *a, const float *x, const float *d, int64_t blocks,
                            channels_sums acc, const int images, const int panels, const int nc)
{
    const conv_pairs *p = a->pairs;
    const int64_t *x_column = a->x_column, d_panel = p->d_panel;
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t row = 0; row < p->count[1]; row++) {
            const float *xp = x + b * p->x_step[0] + row * p->x_step[1];
            const float *dp = d + b * p->d_step[0] + row * p->d_step[1];
            for (int64_t i = 0; i < p->count[2]; i++, xp += p->x_step[2], dp += p->d_step[2]) {
                const float *column[CHANNELS_MAX], *next = xp;
                if (i + 1 < p->count[2])
                    next += p->x_step[2];
                else if (row + 1 < p->count[1])
                    next = x + b * p->x_step[0] + (row + 1) * p->x_step[1];
                else if (b + 1 < blocks)
                    next = x + (b + 1) * p->x_step[0];
#pragma GCC unroll 8
                for (int j = 0; j < nc; j++) {
                    column[j] = xp + anew(&x_column[j]);
                    if (panels == CHANNELS_PANELS)
                        __builtin_prefetch(next + anew(&x_column[j]));
                }
#pragma GCC unroll 16
                for (int image = 0; image < images; image++) {
                    vf dv[CHANNELS_PANELS][CHANNELS_REGISTERS];
#pragma GCC unroll 2
                    for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
                        for (int r = 0; r < CHANNELS_REGISTERS; r++)
                            dv[k][r] = vf_load(dp + k * d_panel + image * CONV_LANES + r * VW);
#pragma GCC unroll 8
                    for (int j = 0; j < nc; j++) {
                        vf xv = vf_set(column[j][image]);
#pragma GCC unroll 2
                        for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
                            for (int r = 0; r < CHANNELS_REGISTERS; r++)
                                acc[j][k][r] += xv * dv[k][r];
                    }
                }
            }
        }
}

INLINE void channels_tile(const channels_part *a, const int panels, const int nc)
{
    const conv_pairs *p = a->pairs;
    channels_sums acc;
#pragma GCC unroll 8
    for (int j = 0; j < nc; j++)
#pragma GCC unroll 2
        for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
            for (int r = 0; r < CHANNELS_REGISTERS; r++)
                acc[j][k][r] = vf_load(a->acc + k * p->dw_panel + a->dw_column[j] * CONV_LANES + r * VW);
    const int64_t full = a->last == CONV_LANES ? p->count[0] : p->count[0] - 1;
    channels_blocks(a, p->x, a->d, full, acc, CONV_LANES, panels, nc);
    if (full < p->count[0])
        channels_blocks(a, p->x + full * p->x_step[0], a->d + full * p->d_step[0], 1, acc, a->last, panels, nc);
#pragma GCC unroll 8
    for (int j = 0; j < nc; j++)
#pragma GCC unroll 2
        for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
            for (int r = 0; r < CHANNELS_REGISTERS; r++)
                vf_store(a->acc + k * p->dw_panel + a->dw_column[j] * CONV_LANES + r * VW, acc[j][k][r]);
}

/* nc is 1 to CHANNELS_COLUMNS. */
INLINE void channels_columns(const channels_part *a, const int panels, int64_t nc)
{
    /* clang-format off */
    switch (nc) {
    case 1: channels_tile(a, panels, 1); break;
    case 2: channels_tile(a, panels, 2); break;
    case 3: if (CHANNELS_COLUMNS >= 3) channels_tile(a, panels, 3); break;
    case 4: if (CHANNELS_COLUMNS >= 4) channels_tile(a, panels, 4); break;
    case 5: if (CHANNELS_COLUMNS >= 5) channels_tile(a, panels, 5); break;
    case 6: if (CHANNELS_COLUMNS >= 6) channels_tile(a, panels, 6); break;
    case 7: if (CHANNELS_COLUMNS >= 7) channels_tile(a, panels, 7); break;
    default: if (CHANNELS_COLUMNS >= 8) channels_tile(a, panels, 8);
    }
    /* clang-format on */
}

static void channels_panels(const channels_part *a, int64_t nc)
{
    channels_columns(a, CHANNELS_PANELS, nc);
}

static void channels_panel(const channels_part *a, int64_t nc)
{
    channels_columns(a, 1, nc);
}

static void conv_grad_w_channels(const conv_pairs *p, float *acc, int last)
{
    const int64_t groups = (p->columns + CHANNELS_COLUMNS - 1) / CHANNELS_COLUMNS;
    for (int64_t k = 0; k < p->panels; k += CHANNELS_PANELS)
        for (int64_t g = 0; g < groups; g++) {
            const int64_t from = p->columns * g / groups, nc = p->columns * (g + 1) / groups - from;
            const channels_part a = {
                .pairs = p,
                .x_column = p->x_column + from,
                .dw_column = p->dw_column + from,
                .d = p->d + k * p->d_panel,
                .acc = acc + k * p->dw_panel,
                .last = last,
            };
            if (k + CHANNELS_PANELS <= p->panels)
                channels_panels(&a, nc);
            else
                channels_panel(&a, nc);
        }
}

/* ---- operands ---- */

static void conv_mask(float *z, const float *d, const int64_t *d_step, const float *y, const int64_t *y_step,
                      int64_t rows, int64_t columns, int lanes, float *sum)
{
    enum { CHAINS = 4 }; /* independent sums: one waits for the adder's latency at every pixel */
    const vf zero = vf_set(0);
    for (int lane = 0; lane < CONV_LANES; lane += VW) {
        int32_t keep[VW];
        for (int i = 0; i < VW; i++)
            keep[i] = lane + i < lanes ? -1 : 0;
        const vi there = vi_load(keep);
        vf sums[CHAINS] = { zero, zero, zero, zero };
        for (int64_t row = 0; row < rows; row++) {
            const float *dp = d + row * d_step[0] + lane, *yp = y ? y + row * y_step[0] + lane : NULL;
            float *zp = z ? z + row * columns * CONV_LANES + lane : NULL;
            for (int64_t i = 0; i < columns; i += CHAINS)
#pragma GCC unroll 4
                for (int c = 0; c < CHAINS; c++) {
                    if (i + c >= columns)
                        break;
                    vf v = vf_load(dp + (i + c) * d_step[1]);
                    vi pass = there;
                    if (y)
                        pass &= (vi)(vf_load(yp + (i + c) * y_step[1]) > zero);
                    v = vf_select(pass, v, zero);
                    sums[c] += v;
                    if (z)
                        vf_store(zp + (i + c) * CONV_LANES, v);
                }
        }
        if (sum)
            vf_store(sum + lane, vf_load(sum + lane) + ((sums[0] + sums[1]) + (sums[2] + sums[3])));
    }
}

static void conv_sum_slices(float *y, const float *x, int64_t slices, int64_t slice, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i];
    for (int64_t s = 1; s < slices; s++)
        for (int64_t i = 0; i < n; i++)
            y[i] += x[s * slice + i];
}

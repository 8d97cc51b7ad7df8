/* Backward tiles of convolutions and linear layers: gradients of the weights, and what prepares their operands.
 *
 * A weight gradient sums over images and pixels. With images in the lanes that is one vertical sum per weight and a sum
 * over the lanes at the end: right for a handful of output channels. With 16 output channels in the lanes, x is
 * broadcast, a register holds 16 gradients and nothing is added across lanes; dy has to be transposed for it, 16 x 16
 * numbers at a time, which is a few per cent of the work where every pixel of dy meets many channels and taps.
 *
 * Order of summation: blocks, rows, columns, then images, one accumulator a weight (and lane). Tails: tiles of every
 * smaller size; the caller masks images that are not there, or says how many there are. Aliasing: none. */

/* ---- across lanes: 2 x 2 exchanges at distance s, the step of transposing and of adding up registers ---- */

#if defined(__has_builtin)
#    if __has_builtin(__builtin_shufflevector)
#        define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#    endif
#endif
#ifndef SHUFFLE
#    define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vi){ __VA_ARGS__ })
#endif

/* a's lanes whose number lacks bit s, where they are; b's of those in the lanes that have it. */
INLINE vf exchange_low(vf a, vf b, const int s)
{
#if VW == 16
    if (s == 1)
        return SHUFFLE(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    if (s == 2)
        return SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    if (s == 4)
        return SHUFFLE(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    return SHUFFLE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
#elif VW == 8
    if (s == 1)
        return SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
    if (s == 2)
        return SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    return SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
#elif VW == 4
    if (s == 1)
        return SHUFFLE(a, b, 0, 4, 2, 6);
    return SHUFFLE(a, b, 0, 1, 4, 5);
#endif
}

/* b's lanes whose number has bit s, where they are; a's of those in the lanes that lack it. */
INLINE vf exchange_high(vf a, vf b, const int s)
{
#if VW == 16
    if (s == 1)
        return SHUFFLE(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    if (s == 2)
        return SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    if (s == 4)
        return SHUFFLE(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    return SHUFFLE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#elif VW == 8
    if (s == 1)
        return SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    if (s == 2)
        return SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    return SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
#elif VW == 4
    if (s == 1)
        return SHUFFLE(a, b, 1, 5, 3, 7);
    return SHUFFLE(a, b, 2, 3, 6, 7);
#endif
}

/* Lane i of the result is the sum over the lanes of r[i]; r is used up. */
INLINE vf sum_of_each(vf *r)
{
#pragma GCC unroll 4
    for (int s = 1; s < VW; s *= 2)
#pragma GCC unroll 16
        for (int i = 0; i < VW; i += 2 * s)
            r[i] = exchange_low(r[i], r[i + s], s) + exchange_high(r[i], r[i + s], s);
    return r[0];
}

/* r[i] lane j becomes r[j] lane i. */
INLINE void transpose_registers(vf *r)
{
#pragma GCC unroll 4
    for (int s = 1; s < VW; s *= 2)
#pragma GCC unroll 16
        for (int i = 0; i < VW; i++)
            if (!(i & s)) {
                vf low = exchange_low(r[i], r[i + s], s);
                r[i + s] = exchange_high(r[i], r[i + s], s);
                r[i] = low;
            }
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

/* Accumulators, the d of a pixel and one x: 24 + 4 + 1 of 32 registers, 8 + 4 + 1 of 16. */
#if VW == 16 || defined(__aarch64__)
enum { IMAGES_COLUMNS = 6 };
#else
enum { IMAGES_COLUMNS = 2 };
#endif
enum { IMAGES_OUTPUTS = 4, IMAGES_MAX = 24, IMAGES_GROUPS = (IMAGES_MAX + VW - 1) / VW };

/* Where a tile adds its sums. */
typedef struct images_target {
    float *dw;
    int64_t output;
    const int64_t *column;
} images_target;

INLINE void images_tile(const conv_pairs *p, const float *d, int64_t d_channel, const int64_t *column,
                        const images_target *to, const int kb, const int nc)
{
    vf acc[IMAGES_GROUPS * VW];
    const float *x[6];
#pragma GCC unroll 32
    for (int i = 0; i < IMAGES_GROUPS * VW; i++)
        acc[i] = vf_set(0);
    for (int j = 0; j < nc; j++)
        x[j] = p->x + column[j];
    for (int64_t b = 0; b < p->count[0]; b++)
        for (int64_t row = 0; row < p->count[1]; row++) {
            int64_t xo = b * p->x_step[0] + row * p->x_step[1];
            const float *dp = d + b * p->d_step[0] + row * p->d_step[1];
            for (int64_t i = 0; i < p->count[2]; i++, xo += p->x_step[2], dp += p->d_step[2])
                for (int lane = 0; lane < CONV_LANES; lane += VW) {
                    vf dv[IMAGES_OUTPUTS];
#pragma GCC unroll 4
                    for (int k = 0; k < kb; k++)
                        dv[k] = vf_load(dp + k * d_channel + lane);
#pragma GCC unroll 8
                    for (int j = 0; j < nc; j++) {
                        vf xv = vf_load(x[j] + xo + lane);
#pragma GCC unroll 4
                        for (int k = 0; k < kb; k++)
                            acc[k * nc + j] += dv[k] * xv;
                    }
                }
        }
    float sum[IMAGES_GROUPS * VW];
#pragma GCC unroll 8
    for (int g = 0; g * VW < kb * nc; g++)
        vf_store(sum + g * VW, sum_of_each(acc + g * VW));
    for (int k = 0; k < kb; k++)
        for (int j = 0; j < nc; j++)
            to->dw[k * to->output + to->column[j]] += sum[k * nc + j];
}

/* nc is 1 to IMAGES_COLUMNS. */
INLINE void images_columns(const conv_pairs *p, const float *d, int64_t d_channel, const int64_t *column,
                           const images_target *to, const int kb, int64_t nc)
{
    switch (nc) {
    case 1:
        images_tile(p, d, d_channel, column, to, kb, 1);
        break;
    case 2:
        images_tile(p, d, d_channel, column, to, kb, 2);
        break;
    case 3:
        images_tile(p, d, d_channel, column, to, kb, IMAGES_COLUMNS < 3 ? 1 : 3);
        break;
    case 4:
        images_tile(p, d, d_channel, column, to, kb, IMAGES_COLUMNS < 4 ? 1 : 4);
        break;
    case 5:
        images_tile(p, d, d_channel, column, to, kb, IMAGES_COLUMNS < 5 ? 1 : 5);
        break;
    default:
        images_tile(p, d, d_channel, column, to, kb, IMAGES_COLUMNS < 6 ? 1 : 6);
    }
}

static void conv_grad_w_images(const conv_pairs *p, int64_t outputs, int64_t d_channel, int64_t columns,
                               const int64_t *column, float *dw, int64_t dw_output, const int64_t *dw_column)
{
    const int64_t groups = (columns + IMAGES_COLUMNS - 1) / IMAGES_COLUMNS;
    for (int64_t g = 0; g < groups; g++) {
        int64_t from = columns * g / groups, nc = columns * (g + 1) / groups - from;
        images_target to = { .output = dw_output, .column = dw_column + from };
        for (int64_t k = 0; k < outputs; k += IMAGES_OUTPUTS) {
            const float *d = p->d + k * d_channel;
            to.dw = dw + k * dw_output;
            switch (outputs - k) {
            case 1:
                images_columns(p, d, d_channel, column + from, &to, 1, nc);
                break;
            case 2:
                images_columns(p, d, d_channel, column + from, &to, 2, nc);
                break;
            case 3:
                images_columns(p, d, d_channel, column + from, &to, 3, nc);
                break;
            default:
                images_columns(p, d, d_channel, column + from, &to, 4, nc);
            }
        }
    }
}

/* ---- output channels in the lanes ---- */

/* A column of accumulators is a block of 16 channels: 16 / VW registers. With one x and the d of an image, 8 + 1 registers
 * of 32 (the broadcast is part of the multiply-add; more columns need more pointers than there are), 12 + 3 of 16 with
 * FMA, 8 + 6 of 16 without, 24 + 5 of 32 on NEON. */
#if VW == 16
enum { CHANNELS_COLUMNS = 8 };
#elif VW == 8 || defined(__aarch64__)
enum { CHANNELS_COLUMNS = 6 };
#else
enum { CHANNELS_COLUMNS = 2 };
#endif
enum { CHANNELS_REGISTERS = CONV_LANES / VW, CHANNELS_MAX = 8 };

typedef vf channels_sums[CHANNELS_MAX][CHANNELS_REGISTERS];

/* The pairs of `blocks` blocks from x, d on. images and nc are constants where it is inlined, images but for the last. */
INLINE void channels_blocks(const conv_pairs *p, const float *x, const float *d, int64_t blocks, int64_t x_column,
                            channels_sums acc, const int images, const int nc)
{
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t row = 0; row < p->count[1]; row++) {
            const float *xp = x + b * p->x_step[0] + row * p->x_step[1];
            const float *dp = d + b * p->d_step[0] + row * p->d_step[1];
            for (int64_t i = 0; i < p->count[2]; i++, xp += p->x_step[2], dp += p->d_step[2]) {
                const float *column[CHANNELS_MAX];
#pragma GCC unroll 8
                for (int j = 0; j < nc; j++)
                    column[j] = xp + j * x_column;
#pragma GCC unroll 16
                for (int image = 0; image < images; image++) {
                    vf dv[CHANNELS_REGISTERS];
#pragma GCC unroll 4
                    for (int r = 0; r < CHANNELS_REGISTERS; r++)
                        dv[r] = vf_load(dp + image * CONV_LANES + r * VW);
#pragma GCC unroll 8
                    for (int j = 0; j < nc; j++) {
                        vf xv = vf_set(column[j][image]);
#pragma GCC unroll 4
                        for (int r = 0; r < CHANNELS_REGISTERS; r++)
                            acc[j][r] += xv * dv[r];
                    }
                }
            }
        }
}

INLINE void channels_tile(const conv_pairs *p, const float *x, int64_t x_column, float *acc_at, int64_t acc_column,
                          int last, const int nc)
{
    channels_sums acc;
#pragma GCC unroll 8
    for (int j = 0; j < nc; j++)
#pragma GCC unroll 4
        for (int r = 0; r < CHANNELS_REGISTERS; r++)
            acc[j][r] = vf_load(acc_at + j * acc_column + r * VW);
    const int64_t full = last == CONV_LANES ? p->count[0] : p->count[0] - 1;
    channels_blocks(p, x, p->d, full, x_column, acc, CONV_LANES, nc);
    if (full < p->count[0])
        channels_blocks(p, x + full * p->x_step[0], p->d + full * p->d_step[0], 1, x_column, acc, last, nc);
#pragma GCC unroll 8
    for (int j = 0; j < nc; j++)
#pragma GCC unroll 4
        for (int r = 0; r < CHANNELS_REGISTERS; r++)
            vf_store(acc_at + j * acc_column + r * VW, acc[j][r]);
}

static void conv_grad_w_channels(const conv_pairs *p, int64_t columns, int64_t x_column, float *acc,
                                 int64_t acc_column, int last)
{
    const int64_t groups = (columns + CHANNELS_COLUMNS - 1) / CHANNELS_COLUMNS;
    for (int64_t g = 0; g < groups; g++) {
        int64_t from = columns * g / groups;
        const float *x = p->x + from * x_column;
        float *to = acc + from * acc_column;
        switch (columns * (g + 1) / groups - from) {
        case 1:
            channels_tile(p, x, x_column, to, acc_column, last, 1);
            break;
        case 2:
            channels_tile(p, x, x_column, to, acc_column, last, 2);
            break;
        case 3:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 3 ? 1 : 3);
            break;
        case 4:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 4 ? 1 : 4);
            break;
        case 5:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 5 ? 1 : 5);
            break;
        case 6:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 6 ? 1 : 6);
            break;
        case 7:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 7 ? 1 : 7);
            break;
        default:
            channels_tile(p, x, x_column, to, acc_column, last, CHANNELS_COLUMNS < 8 ? 1 : 8);
        }
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

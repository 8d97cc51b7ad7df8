/* Kernels of Winograd's gradient of 5x5 weights, F(5x5, 4x4); see kernels_winograd_weights.h for what each computes.
 *
 * It is the transposition of the forward F(4x4, 5x5), whose points and transform of x it shares (body_winograd_fives.h): 64
 * products for a tile's 400. The error of a sum over 2,000 tiles of uniform numbers is four times that of F(3x3, 4x4).
 *
 * Order of summation: terms, then images, one accumulator a sum. Tails: none, operands are padded with zeros.
 * Aliasing: none. */
#include "kernels_winograd_weights.h"

/* ---- patches of x ---- */

/* A row of a patch that exists, and zeros for lanes without an image. */
static void fives_copy_row(const winograd_source *s, const winograd_patch *p, const float *x, float *copy)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW) {
        vi there = vi_set(-1);
        for (int i = 0; p->images < CONV_LANES && i < VW; i++)
            there[i] = lane + i < p->images ? -1 : 0;
        for (int j = p->column_from; j < p->column_to; j++)
            vf_store(copy + j * CONV_LANES + lane, (vf)(there & (vi)vf_load(x + j * s->column + lane)));
    }
}

/* One channel of a patch; rows outside the image are a row of zeros. Pixels that are not side by side, or not all images',
 * are copied to `copy`. */
static input_rows fives_rows_of_patch(const winograd_source *s, const winograd_patch *p, int64_t channel,
                                      float *copy)
{
    static const float zeros[INPUT_ROW] = { 0 };
    const float *x = p->x + (p->at + channel);
    input_rows t = { .from = p->column_from, .to = p->column_to };
    for (int r = 0; r < FIVES_INPUTS; r++, copy += INPUT_ROW) {
        t.row[r] = zeros;
        if (r < p->row_from || r >= p->row_to)
            continue;
        if (s->column == CONV_LANES && p->images == CONV_LANES) {
            t.row[r] = x + r * s->row;
            continue;
        }
        t.row[r] = copy;
        fives_copy_row(s, p, x + r * s->row, copy);
    }
    return t;
}

static void fives_transform_patch(const input_rows *t, float *to, int64_t point)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        if (t->from == 0 && t->to == FIVES_INPUTS)
            fives_transform_inputs(t, 0, FIVES_INPUTS, lane, to + lane, point);
        else
            fives_transform_inputs(t, t->from, t->to, lane, to + lane, point);
}

static void winograd_weights_fives_patches(const winograd_source *s, const winograd_matrices *to)
{
    const int64_t padded = (s->channels + WINOGRAD_COLUMNS - 1) / WINOGRAD_COLUMNS * WINOGRAD_COLUMNS;
    float copy[FIVES_INPUTS * INPUT_ROW];
    for (int64_t c = 0; c < padded; c++) {
        float *at = winograd_first_patch(s, to, c);
        for (int64_t i = 0; i < s->patches; i++, at += WINOGRAD_X) {
            const winograd_patch *p = &s->patch[i];
            input_rows t = { .to = 0 };
            if (c + 1 < s->channels)
                winograd_patch_soon(s, p, (c + 1) * s->channel);
            if (c < s->channels)
                t = fives_rows_of_patch(s, p, c * s->channel, copy);
            fives_transform_patch(&t, at, to->point);
        }
    }
}

/* ---- tiles of dz ---- */

INLINE void fives_evaluate_tile(vf to[FIVES_INPUTS], const vf d[WINOGRAD_RESULTS])
{
    static const float s[3] = { FIVES_P, 1, FIVES_R };
    to[0] = d[0];
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        const vf even = d[0] + s[pair] * s[pair] * d[2];
        const vf odd = s[pair] * (d[1] + s[pair] * s[pair] * d[3]);
        to[2 * pair + 1] = even + odd;
        to[2 * pair + 2] = even - odd;
    }
    to[FIVES_INPUTS - 1] = d[3];
}

INLINE void fives_tile_lanes(const float *z, float *to, int64_t point)
{
    vf half_done[FIVES_INPUTS][WINOGRAD_RESULTS];
#pragma GCC unroll 4
    for (int j = 0; j < WINOGRAD_RESULTS; j++) {
        vf d[WINOGRAD_RESULTS], column[FIVES_INPUTS];
#pragma GCC unroll 4
        for (int i = 0; i < WINOGRAD_RESULTS; i++)
            d[i] = vf_load(z + (i * WINOGRAD_RESULTS + j) * WINOGRAD_Z);
        fives_evaluate_tile(column, d);
#pragma GCC unroll 8
        for (int i = 0; i < FIVES_INPUTS; i++)
            half_done[i][j] = column[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < FIVES_INPUTS; i++) {
        vf line[FIVES_INPUTS];
        fives_evaluate_tile(line, half_done[i]);
#pragma GCC unroll 8
        for (int j = 0; j < FIVES_INPUTS; j++)
            vf_store(to + (i * FIVES_INPUTS + j) * point, line[j]);
    }
}

static void winograd_weights_fives_tile(const float *z, const winograd_patch *p, const winograd_matrices *to,
                                        int64_t panel)
{
    float *at = winograd_tile_of_panel(p, to, panel);
    for (int image = 0; image < CONV_LANES; image++, z += CONV_LANES, at += CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            if (image < p->images)
                fives_tile_lanes(z + k, at + k, to->point);
            else
                for (int i = 0; i < WINOGRAD_FIVES_POSITIONS; i++)
                    vf_store(at + i * to->point + k, vf_set(0));
        }
}

/* ---- windows ---- */

INLINE void fives_interpolate_window(vf to[5], const vf m[FIVES_INPUTS])
{
    const vf sum_p = (m[1] + m[2]) * (1 / FIVES_NP), difference_p = (m[1] - m[2]) * (FIVES_P / FIVES_NP);
    const vf sum_q = (m[3] + m[4]) * (1 / FIVES_NQ), difference_q = (m[3] - m[4]) * (1 / FIVES_NQ);
    const vf sum_r = (m[5] + m[6]) * (1 / FIVES_NR), difference_r = (m[5] - m[6]) * (FIVES_R / FIVES_NR);
    to[0] = (sum_p + sum_q + sum_r) - m[0];
    to[1] = difference_p + difference_q + difference_r;
    to[2] = (sum_q + FIVES_P2 * sum_p) + FIVES_R2 * sum_r;
    to[3] = (difference_q + FIVES_P2 * difference_p) + FIVES_R2 * difference_r;
    to[4] = m[7] + (sum_q + FIVES_P2 * FIVES_P2 * sum_p) + FIVES_R2 * FIVES_R2 * sum_r;
}

static void winograd_weights_fives_windows(const float *sums, int64_t matrix, int64_t channels, float *dw)
{
    enum { TAPS = 5 };
    for (int64_t c = 0; c < channels; c++, sums += CONV_LANES, dw += TAPS * TAPS * CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            vf half_done[TAPS][FIVES_INPUTS], m[FIVES_INPUTS], line[TAPS];
            for (int j = 0; j < FIVES_INPUTS; j++) {
#pragma GCC unroll 8
                for (int i = 0; i < FIVES_INPUTS; i++)
                    m[i] = vf_load(sums + (i * FIVES_INPUTS + j) * matrix + k);
                fives_interpolate_window(line, m);
#pragma GCC unroll 5
                for (int i = 0; i < TAPS; i++)
                    half_done[i][j] = line[i];
            }
            for (int i = 0; i < TAPS; i++) {
                fives_interpolate_window(line, half_done[i]);
#pragma GCC unroll 5
                for (int j = 0; j < TAPS; j++)
                    vf_store(dw + (i * TAPS + j) * CONV_LANES + k, line[j]);
            }
        }
}

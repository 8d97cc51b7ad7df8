/* Transforms of Winograd's F(4x4, 5x5); see kernels_winograd.h for what each kernel computes, and body_winograd.h for the
 * forms. The eight points of an axis are s = 0, +-p, +-q, +-r and infinity with p = 1/2, q = 1 and r = 2.
 *
 * With these, of all that were tried, the error is least: of a sum of uniform numbers 250 of its eps, where the direct way
 * has 40 and F(4x4, 3x3) 38 beside 14. All coefficients of inputs and results are exact in float.
 *
 * Order of summation: channels, one accumulator. Aliasing: none. */
#include "kernels_winograd.h"

#define FIVES_P  0.5f
#define FIVES_P2 0.25f
#define FIVES_P3 0.125f
#define FIVES_R  2.0f /* Q is 1 */
#define FIVES_R2 4.0f
#define FIVES_R3 8.0f
#define FIVES_E1 5.25f    /* P2 + Q2 + R2, and P2 Q2 + P2 R2 + Q2 R2; P2 Q2 R2 is 1 */
#define FIVES_NP 1.40625f /* N(+-P) = 2 P2 (P2 - Q2) (P2 - R2) and so on */
#define FIVES_NQ (-4.5f)
#define FIVES_NR 90.0f

enum { FIVES_INPUTS = WINOGRAD_FIVES_INPUTS, FIVES_PAIRS = FIVES_INPUTS / 2 };

/* ---- weights ---- */

/* At +-s, over n = N(s). */
INLINE void fives_pair_of_window(winograd_pack to[2], const winograd_pack *w, int step, const float s,
                                 const float n)
{
    const winograd_pack even = (w[0] + s * s * (w[2 * step] + s * s * w[4 * step])) * (1 / n);
    const winograd_pack odd = (w[step] + s * s * w[3 * step]) * (s / n);
    to[0] = even + odd;
    to[1] = even - odd;
}

INLINE void fives_of_window(winograd_pack to[FIVES_INPUTS], const winograd_pack *w, int step)
{
    to[0] = -w[0];
    fives_pair_of_window(to + 1, w, step, FIVES_P, FIVES_NP);
    fives_pair_of_window(to + 3, w, step, 1, FIVES_NQ);
    fives_pair_of_window(to + 5, w, step, FIVES_R, FIVES_NR);
    to[7] = w[4 * step];
}

static void winograd_fives_windows(const winograd_windows *w)
{
    enum { TAPS = 5 };
    const int step = w->turned ? -1 : 1;
    for (int64_t c = 0; c < w->channels; c++) {
        winograd_pack tap[TAPS * TAPS], half[TAPS][FIVES_INPUTS], line[FIVES_INPUTS];
        load_window(tap, w, c, TAPS * TAPS);
        const winograd_pack *first = w->turned ? tap + TAPS * TAPS - 1 : tap;
        for (int s = 0; s < TAPS; s++)
            fives_of_window(half[s], first + s * step, TAPS * step);
        for (int i = 0; i < FIVES_INPUTS; i++) {
            fives_of_window(line, half[0] + i, FIVES_INPUTS);
            for (int j = 0; j < FIVES_INPUTS; j++)
                *(winograd_pack *)(w->u + (i * FIVES_INPUTS + j) * w->u_position + c * WINOGRAD_PACK) = line[j];
        }
    }
}

/* ---- inputs ---- */

/* Points 0 and infinity, or +-p, +-q, +-r, by `pair`. */
INLINE void fives_evaluate(const int pair, const vf d[FIVES_INPUTS], vf *a, vf *b)
{
    if (pair == 0) {
        *a = FIVES_E1 * (d[2] - d[4]) + (d[6] - d[0]);
        *b = FIVES_E1 * (d[3] - d[5]) + (d[7] - d[1]);
        return;
    }
    const float s = pair == 1 ? FIVES_P : pair == 2 ? 1 : FIVES_R; /* and of the squares of the others: */
    const float product = 1 / (s * s), sum = FIVES_E1 - s * s;
    const vf even = (d[6] - sum * d[4]) + product * d[2];
    const vf odd = (d[5] - sum * d[3]) + product * d[1];
    *a = even + s * odd;
    *b = even - s * odd;
}

INLINE int fives_first(const int pair)
{
    return pair == 0 ? 0 : 2 * pair - 1;
}

INLINE int fives_second(const int pair)
{
    return pair == 0 ? FIVES_INPUTS - 1 : 2 * pair;
}

/* One row of positions. */
INLINE void fives_store_inputs(float *v, int64_t position, const vf d[FIVES_INPUTS])
{
    vf a, b;
#pragma GCC unroll 4
    for (int pair = 0; pair < FIVES_PAIRS; pair++) {
        fives_evaluate(pair, d, &a, &b);
        vf_store(v + fives_first(pair) * position, a);
        vf_store(v + fives_second(pair) * position, b);
    }
}

/* Columns [from, to) are inside the image. */
INLINE void fives_transform_inputs(const input_rows *t, const int from, const int to, int lane, float *v,
                                   int64_t position)
{
#pragma GCC unroll 4
    for (int pair = 0; pair < FIVES_PAIRS; pair++) {
        vf a[FIVES_INPUTS], b[FIVES_INPUTS];
#pragma GCC unroll 8
        for (int j = 0; j < FIVES_INPUTS; j++) {
            a[j] = b[j] = vf_set(0);
            if (j < from || j >= to)
                continue;
            vf d[FIVES_INPUTS];
#pragma GCC unroll 8
            for (int i = 0; i < FIVES_INPUTS; i++)
                d[i] = pair == 0 || (i > 0 && i < 7) ? vf_load(t->row[i] + j * CONV_LANES + lane) : vf_set(0);
            fives_evaluate(pair, d, &a[j], &b[j]);
        }
        fives_store_inputs(v + fives_first(pair) * FIVES_INPUTS * position, position, a);
        fives_store_inputs(v + fives_second(pair) * FIVES_INPUTS * position, position, b);
    }
}

static void winograd_fives_inputs(const winograd_inputs *p)
{
    float copy[FIVES_INPUTS * INPUT_ROW];
    input_rows t[WINOGRAD_PANEL_MAX];
    for (int i = 0; i < p->tiles; i++)
        t[i] = rows_of_tile(p, i, FIVES_INPUTS, copy);
    for (int64_t c = 0; c < p->channels; c++) {
        float *v = p->v + place_of_channel(c, p->tiles);
        for (int i = 0; i < p->tiles; i++, v += INPUT_TILE) {
            if (p->x_column != CONV_LANES)
                copy_inputs(p, i, c, copy);
            fetch_next_channel(&t[i], FIVES_INPUTS);
            for (int lane = 0; lane < CONV_LANES; lane += VW)
                if (t[i].from == 0 && t[i].to == FIVES_INPUTS)
                    fives_transform_inputs(&t[i], 0, FIVES_INPUTS, lane, v + lane, p->v_position);
                else
                    fives_transform_inputs(&t[i], t[i].from, t[i].to, lane, v + lane, p->v_position);
            next_channel(&t[i], FIVES_INPUTS);
        }
    }
}

/* ---- results ---- */

/* From one line of positions. */
INLINE void fives_interpolate(vf to[WINOGRAD_RESULTS], const float *m, int64_t position)
{
    vf sum[3], difference[3];
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        const vf a = vf_load(m + (2 * pair + 1) * position), b = vf_load(m + (2 * pair + 2) * position);
        sum[pair] = a + b;
        difference[pair] = a - b;
    }
    to[0] = (vf_load(m) + sum[0]) + (sum[1] + sum[2]);
    to[1] = (difference[1] + FIVES_P * difference[0]) + FIVES_R * difference[2];
    to[2] = (sum[1] + FIVES_P2 * sum[0]) + FIVES_R2 * sum[2];
    to[3] = (vf_load(m + (FIVES_INPUTS - 1) * position) + difference[1]) + FIVES_P3 * difference[0] +
            FIVES_R3 * difference[2];
}

/* Lines first, two at a time: sixteen sums stay in registers. */
INLINE void fives_interpolate_square(vf to[WINOGRAD_RESULTS][WINOGRAD_RESULTS], const float *m, int64_t position)
{
    static const float powers[3][WINOGRAD_RESULTS] = { { 1, FIVES_P, FIVES_P2, FIVES_P3 },
                                                       { 1, 1, 1, 1 },
                                                       { 1, FIVES_R, FIVES_R2, FIVES_R3 } };
    const int64_t line = FIVES_INPUTS * position;
    vf a[WINOGRAD_RESULTS], b[WINOGRAD_RESULTS];
    fives_interpolate(to[0], m, position);
    fives_interpolate(to[3], m + (FIVES_INPUTS - 1) * line, position);
#pragma GCC unroll 4
    for (int s = 0; s < WINOGRAD_RESULTS; s++)
        to[1][s] = to[2][s] = vf_set(0);
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        fives_interpolate(a, m + (2 * pair + 1) * line, position);
        fives_interpolate(b, m + (2 * pair + 2) * line, position);
#pragma GCC unroll 4
        for (int s = 0; s < WINOGRAD_RESULTS; s++) {
            const vf even = a[s] + b[s], odd = a[s] - b[s];
#pragma GCC unroll 4
            for (int r = 0; r < WINOGRAD_RESULTS; r++)
                to[r][s] += powers[pair][r] * (r % 2 ? odd : even);
        }
    }
}

static void winograd_fives_results(const winograd_results *p)
{
    const float *m = p->m;
    for (int k = 0; k < p->outputs; k++)
        for (int i = 0; i < p->tiles; i++, m += CONV_LANES) {
            float *y = p->tile[i].y + k * p->y_output;
            fetch_next_output(p, y);
            for (int lane = 0; lane < CONV_LANES; lane += VW) {
                vf to[WINOGRAD_RESULTS][WINOGRAD_RESULTS];
                fives_interpolate_square(to, m + lane, p->m_position);
#pragma GCC unroll 4
                for (int r = 0; r < WINOGRAD_RESULTS; r++)
                    if (r < p->tile[i].rows)
                        store_results(p, i, y + r * p->y_row + lane, to[r], vf_set(p->bias ? p->bias[k] : 0));
            }
        }
}

static const struct cpu_winograd_kernels winograd_fives_kernels = {
    .panel = WINOGRAD_PANEL,
    .windows = winograd_fives_windows,
    .inputs = winograd_fives_inputs,
    .products = winograd_products_of_panel,
    .results = winograd_fives_results,
};

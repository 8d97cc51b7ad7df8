/* Winograd's products for a map of 2x2 under padded windows of 3x3, which are the whole of it; see kernels_winograd.h.
 *
 * Along one axis two results come of two inputs, and the window (w0, w1, w2) is centred on each:
 *
 *     y0 = w1 x0 + w2 x1 = w1 (x0 + x1) + (w2 - w1) x1
 *     y1 = w0 x0 + w1 x1 = w1 (x0 + x1) + (w0 - w1) x0
 *
 * so three products do for four, and nine for sixteen on both axes. Positions of an axis are those of the three products in
 * this order. All coefficients are 1 or -1.
 *
 * Order of summation: channels, one accumulator. Aliasing: none. */
#include "kernels_winograd.h"

INLINE void pairs_of_window(winograd_pack to[3], const winograd_pack *w, int step)
{
    to[0] = w[step];
    to[1] = w[2 * step] - w[step];
    to[2] = w[0] - w[step];
}

static void winograd_pairs_windows(const winograd_windows *w)
{
    enum { TAPS = 3, WINDOW = TAPS * TAPS };
    for (int64_t c = 0; c < w->channels; c++) {
        winograd_pack tap[WINDOW], half[TAPS][TAPS], line[TAPS];
        load_window(tap, w, c, WINDOW);
        const winograd_pack *first = w->turned ? tap + WINDOW - 1 : tap;
        const int step = w->turned ? -1 : 1;
        for (int s = 0; s < TAPS; s++)
            pairs_of_window(half[s], first + s * step, TAPS * step);
        for (int i = 0; i < TAPS; i++) {
            pairs_of_window(line, half[0] + i, TAPS);
            for (int j = 0; j < TAPS; j++)
                *(winograd_pack *)(w->u + (i * TAPS + j) * w->u_position + c * WINOGRAD_PACK) = line[j];
        }
    }
}

INLINE void pairs_of_inputs(vf to[3], vf a, vf b)
{
    to[0] = a + b;
    to[1] = b;
    to[2] = a;
}

static void winograd_pairs_inputs(const winograd_inputs *p)
{
    for (int64_t c = 0; c < p->channels; c++)
        for (int i = 0; i < p->tiles; i++)
            for (int lane = 0; lane < CONV_LANES; lane += VW) {
                float *v = p->v + place_of_channel(c, p->tiles) + i * INPUT_TILE;
                const float *x = p->tile[i].x + (p->tile[i].first + c * p->x_channel + lane);
                vf row[2][3], column[3];
                for (int r = 0; r < 2; r++)
                    pairs_of_inputs(row[r], vf_load(x + r * p->x_row), vf_load(x + r * p->x_row + p->x_column));
#pragma GCC unroll 3
                for (int s = 0; s < 3; s++) {
                    pairs_of_inputs(column, row[0][s], row[1][s]);
#pragma GCC unroll 3
                    for (int r = 0; r < 3; r++)
                        vf_store(v + (r * 3 + s) * p->v_position + lane, column[r]);
                }
            }
}

static void winograd_pairs_results(const winograd_results *p)
{
    const float *m = p->m;
    for (int k = 0; k < p->outputs; k++)
        for (int i = 0; i < p->tiles; i++, m += CONV_LANES)
            for (int lane = 0; lane < CONV_LANES; lane += VW) {
                const vf bias = vf_set(p->bias ? p->bias[k] : 0);
                vf half[2][3];
#pragma GCC unroll 3
                for (int s = 0; s < 3; s++) {
                    const vf shared = vf_load(m + s * p->m_position + lane);
                    half[0][s] = shared + vf_load(m + (3 + s) * p->m_position + lane);
                    half[1][s] = shared + vf_load(m + (6 + s) * p->m_position + lane);
                }
                float *y = p->tile[i].y + k * p->y_output + lane;
#pragma GCC unroll 2
                for (int r = 0; r < 2; r++)
#pragma GCC unroll 2
                    for (int s = 0; s < 2; s++) {
                        vf to = half[r][0] + half[r][1 + s] + bias;
                        if (p->relu)
                            to = vf_max(vf_set(0), to);
                        vf_store(y + r * p->y_row + s * p->y_column, to);
                    }
            }
}

static const struct cpu_winograd_kernels winograd_pairs_kernels = {
    .panel = WINOGRAD_PANEL,
    .windows = winograd_pairs_windows,
    .inputs = winograd_pairs_inputs,
    .products = winograd_products_of_panel,
    .results = winograd_pairs_results,
};

/* Transforms and products of Winograd's F(4x4, 3x3); see kernels_winograd.h for what each kernel computes.
 *
 * Along one axis, with the six points s = 0, p, -p, q, -q and infinity, p = 11/16 and q = 11/8:
 *
 *     weights  u(s) = (w0 + w1 s + w2 s^2) / N(s), N(s) = product of s minus every other finite point;
 *              at infinity the last w
 *     inputs   v(s) = sum over i of d_i times the coefficients of (product of x minus every other finite point)
 *     results  y_i  = sum over s of s^i u(s) v(s), and for the last i what is at infinity
 *
 * and both axes one after the other. These points rather than 0, +-1, +-2: all matrices then have entries about
 * 1, every coefficient of inputs and results is exact in float, and a third of the error is left.
 *
 * Transforms go lane by lane, so there is no shuffle in them. Rows of inputs are made in pairs, (0, inf), (p,
 * -p), (q, -q): no pair needs what another has computed, and 12 values in between fit into registers, 36 would
 * not.
 *
 * Order of summation: channels, one accumulator. Aliasing: none. */
#include "kernels_winograd.h"
#include "winograd_points.h"

/* A register tile is OUTPUTS x PANEL: 24 accumulators of 32 registers, 12 of 16, or 8 where a product needs one
 * of its own. */
#if VW == 16 || defined(__aarch64__)
enum { WINOGRAD_PANEL = 3, WINOGRAD_OUTPUTS = 8 };
#elif defined(__FMA__)
enum { WINOGRAD_PANEL = 3, WINOGRAD_OUTPUTS = 4 };
#else
enum { WINOGRAD_PANEL = 2, WINOGRAD_OUTPUTS = 4 };
#endif

/* ---- weights: the eight outputs of a pack are the lanes ---- */

typedef float winograd_pack __attribute__((vector_size(WINOGRAD_PACK * 4), aligned(4), may_alias));

/* w: taps, `step` apart. */
INLINE void evaluate_window(winograd_pack to[WINOGRAD_INPUTS], const winograd_pack *w, int step)
{
    const winograd_pack even_p = (w[0] + WINOGRAD_P2 * w[2 * step]) * (1 / WINOGRAD_NP);
    const winograd_pack even_q = (w[0] + WINOGRAD_Q2 * w[2 * step]) * (1 / WINOGRAD_NQ);
    const winograd_pack odd_p = w[step] * (WINOGRAD_P / WINOGRAD_NP), odd_q = w[step] * (WINOGRAD_Q / WINOGRAD_NQ);
    to[0] = w[0] * (1 / WINOGRAD_P2Q2);
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = w[2 * step];
}

/* The taps of channel c, as they lie. */
INLINE void load_window(winograd_pack *tap, const winograd_windows *w, int64_t c, const int taps)
{
    const float *from = w->w + c * w->w_channel;
    if (w->outputs == WINOGRAD_PACK)
        pack_columns((float *)tap, from, w->w_output, WINOGRAD_PACK, taps);
    else
        pack_columns((float *)tap, from, w->w_output, w->outputs, taps);
}

static void winograd_windows_of_pack(const winograd_windows *w)
{
    enum { TAPS = 3 };
    const int step = w->turned ? -1 : 1;
    for (int64_t c = 0; c < w->channels; c++) {
        winograd_pack tap[TAPS * TAPS], half[TAPS][WINOGRAD_INPUTS], line[WINOGRAD_INPUTS];
        load_window(tap, w, c, TAPS * TAPS);
        const winograd_pack *first = w->turned ? tap + TAPS * TAPS - 1 : tap;
        for (int s = 0; s < TAPS; s++)
            evaluate_window(half[s], first + s * step, TAPS * step);
        for (int i = 0; i < WINOGRAD_INPUTS; i++) {
            evaluate_window(line, half[0] + i, WINOGRAD_INPUTS);
            for (int j = 0; j < WINOGRAD_INPUTS; j++)
                *(winograd_pack *)(w->u + (i * WINOGRAD_INPUTS + j) * w->u_position + c * WINOGRAD_PACK) = line[j];
        }
    }
}

/* ---- inputs ---- */

/* Where the inputs of a tile lie in one channel, pixels side by side, and in the next. */
typedef struct input_rows {
    const float *row[WINOGRAD_INPUTS_MAX];
    int64_t step[WINOGRAD_INPUTS_MAX];
    int from, to; /* columns inside the image */
} input_rows;

enum { INPUT_ROW = WINOGRAD_INPUTS_MAX * CONV_LANES };

/* The first `inputs` rows of tile i of a panel; rows outside the image are a row of zeros. Pixels that are not side by side
 * are copied to `copy` first, channel by channel. */
INLINE input_rows rows_of_tile(const winograd_inputs *p, int i, const int inputs, const float *copy)
{
    static const float zeros[INPUT_ROW] = { 0 };
    input_rows t = { .from = p->tile[i].columns[0], .to = p->tile[i].columns[1] };
    for (int r = 0; r < inputs; r++) {
        if (r < p->tile[i].rows[0] || r >= p->tile[i].rows[1]) {
            t.row[r] = zeros;
        } else if (p->x_column == CONV_LANES) {
            t.row[r] = p->tile[i].x + (p->tile[i].first + r * p->x_row);
            t.step[r] = p->x_channel;
        } else {
            t.row[r] = copy + r * INPUT_ROW;
        }
    }
    return t;
}

static void copy_inputs(const winograd_inputs *p, int i, int64_t channel, float *copy)
{
    const float *x = p->tile[i].x + channel * p->x_channel;
    for (int r = p->tile[i].rows[0]; r < p->tile[i].rows[1]; r++)
        for (int s = p->tile[i].columns[0]; s < p->tile[i].columns[1]; s++)
            memcpy(copy + r * INPUT_ROW + s * CONV_LANES, x + (p->tile[i].first + r * p->x_row + s * p->x_column),
                   CONV_LANES * sizeof(float));
}

/* Where channel c of the first of `tiles` tiles lies in a position of v, and how far behind it that of the next tile. */
enum { INPUT_TILE = WINOGRAD_COLUMNS * CONV_LANES };
INLINE int64_t place_of_channel(int64_t c, int tiles)
{
    return c * CONV_LANES + (c & ~(int64_t)(WINOGRAD_COLUMNS - 1)) * (tiles - 1) * CONV_LANES;
}

INLINE void next_channel(input_rows *t, const int inputs)
{
    for (int r = 0; r < inputs; r++)
        t->row[r] += t->step[r];
}

/* Positions 0 and 5, 1 and 2, or 3 and 4, by `pair`. */
INLINE void evaluate_inputs(const int pair, const vf d[WINOGRAD_INPUTS], vf *a, vf *b)
{
    if (pair == 0) {
        *a = WINOGRAD_P2Q2 * d[0] + (d[4] - WINOGRAD_P2_Q2 * d[2]);
        *b = WINOGRAD_P2Q2 * d[1] + (d[5] - WINOGRAD_P2_Q2 * d[3]);
        return;
    }
    const vf even = d[4] - (pair == 1 ? WINOGRAD_Q2 : WINOGRAD_P2) * d[2];
    const vf odd = pair == 1 ? WINOGRAD_P * d[3] - WINOGRAD_PQ2 * d[1] : WINOGRAD_Q * d[3] - WINOGRAD_QP2 * d[1];
    *a = even + odd;
    *b = even - odd;
}

INLINE int first_of_pair(const int pair)
{
    return pair == 0 ? 0 : 2 * pair - 1;
}

INLINE int second_of_pair(const int pair)
{
    return pair == 0 ? 5 : 2 * pair;
}

/* One row of positions. */
INLINE void store_inputs(float *v, int64_t position, const vf d[WINOGRAD_INPUTS])
{
    vf a, b;
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        evaluate_inputs(pair, d, &a, &b);
        vf_store(v + first_of_pair(pair) * position, a);
        vf_store(v + second_of_pair(pair) * position, b);
    }
}

/* Columns [from, to) are inside the image. */
INLINE void transform_inputs(const input_rows *t, const int from, const int to, int lane, float *v,
                             int64_t position)
{
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        vf a[WINOGRAD_INPUTS], b[WINOGRAD_INPUTS];
#pragma GCC unroll 6
        for (int j = 0; j < WINOGRAD_INPUTS; j++) {
            a[j] = b[j] = vf_set(0);
            if (j < from || j >= to)
                continue;
            vf d[WINOGRAD_INPUTS];
#pragma GCC unroll 6
            for (int i = 0; i < WINOGRAD_INPUTS; i++)
                d[i] = pair == 0 || (i > 0 && i < 5) ? vf_load(t->row[i] + j * CONV_LANES + lane) : vf_set(0);
            evaluate_inputs(pair, d, &a[j], &b[j]);
        }
        store_inputs(v + first_of_pair(pair) * WINOGRAD_INPUTS * position, position, a);
        store_inputs(v + second_of_pair(pair) * WINOGRAD_INPUTS * position, position, b);
    }
}

/* Its lines on their way to the L1 cache: short pieces of many rows, which no hardware prefetcher follows. */
INLINE void fetch_next_channel(const input_rows *t, const int inputs)
{
    for (int r = 0; r < inputs; r++)
        for (int s = 0; s < inputs; s++)
            __builtin_prefetch(t->row[r] + t->step[r] + s * CONV_LANES);
}

static void winograd_inputs_of_panel(const winograd_inputs *p)
{
    float copy[WINOGRAD_INPUTS * INPUT_ROW];
    input_rows t[WINOGRAD_PANEL_MAX];
    for (int i = 0; i < p->tiles; i++)
        t[i] = rows_of_tile(p, i, WINOGRAD_INPUTS, copy);
    for (int64_t c = 0; c < p->channels; c++) {
        float *v = p->v + place_of_channel(c, p->tiles);
        for (int i = 0; i < p->tiles; i++, v += INPUT_TILE) {
            if (p->x_column != CONV_LANES)
                copy_inputs(p, i, c, copy);
            fetch_next_channel(&t[i], WINOGRAD_INPUTS);
            for (int lane = 0; lane < CONV_LANES; lane += VW)
                if (t[i].from == 0 && t[i].to == WINOGRAD_INPUTS)
                    transform_inputs(&t[i], 0, WINOGRAD_INPUTS, lane, v + lane, p->v_position);
                else
                    transform_inputs(&t[i], t[i].from, t[i].to, lane, v + lane, p->v_position);
            next_channel(&t[i], WINOGRAD_INPUTS);
        }
    }
}

/* ---- products ---- */

typedef vf product_sums_of_tile[WINOGRAD_OUTPUTS][WINOGRAD_PANEL];

/* Adds channels [from, to), prefetching an address of `soon` for each unless NULL. */
INLINE void product_channels(product_sums_of_tile acc, const float *u, const float *v, int64_t from, int64_t to,
                             const int tiles, const float *const *soon)
{
    for (int64_t c = from; c < to; c++) {
        if (soon)
            __builtin_prefetch(soon[c], 0, 2);
        vf x[WINOGRAD_PANEL];
#pragma GCC unroll 3
        for (int i = 0; i < tiles; i++)
            x[i] = vf_load(v + place_of_channel(c, tiles) + i * INPUT_TILE);
#pragma GCC unroll 8
        for (int k = 0; k < WINOGRAD_OUTPUTS; k++) {
            const vf s = vf_set(u[c * WINOGRAD_PACK + k]);
#pragma GCC unroll 3
            for (int i = 0; i < tiles; i++)
                acc[k][i] += s * x[i];
        }
    }
}

/* OUTPUTS of one pack, `tiles` tiles, lanes [0, VW) of v and m. tiles is a constant where it is inlined. During the
 * first `listed` channels addresses of `soon` are prefetched, one a channel: a processor drops what comes all at
 * once. */
INLINE void product_tile(float *m, const float *u, const float *v, int64_t channels, const int tiles,
                         const float *const *soon, int64_t listed)
{
    product_sums_of_tile acc;
#pragma GCC unroll 8
    for (int k = 0; k < WINOGRAD_OUTPUTS; k++)
#pragma GCC unroll 3
        for (int i = 0; i < tiles; i++)
            acc[k][i] = vf_set(0);
    product_channels(acc, u, v, 0, listed, tiles, soon);
    product_channels(acc, u, v, listed, channels, tiles, NULL);
#pragma GCC unroll 8
    for (int k = 0; k < WINOGRAD_OUTPUTS; k++)
#pragma GCC unroll 3
        for (int i = 0; i < tiles; i++)
            vf_store(m + (k * tiles + i) * CONV_LANES, acc[k][i]);
}

/* Nobody asks for this position. */
INLINE bool is_idle(const winograd_products *p, int row, int column)
{
    return ((p->idle[0] >> row | p->idle[1] >> column) & 1) != 0;
}

INLINE void product_positions(const winograd_products *p, const int tiles)
{
    for (int s = 0; s < p->lines * p->lines; s++) {
        if (is_idle(p, s / p->lines, s % p->lines))
            continue;
        for (int k = 0; k < WINOGRAD_PACK; k += WINOGRAD_OUTPUTS)
            for (int lane = 0; lane < CONV_LANES; lane += VW)
                product_tile(p->m + (s * p->m_position + k * tiles * CONV_LANES + lane),
                             p->u + s * p->u_position + k, p->v + s * p->v_position + lane, p->channels, tiles,
                             NULL, 0);
    }
}

static void winograd_products_of_panel(const winograd_products *p)
{
    if (p->tiles == 1)
        product_positions(p, 1);
    else if (p->tiles == 2)
        product_positions(p, 2);
    else if (WINOGRAD_PANEL >= 3)
        product_positions(p, 3);
}

/* ---- results ---- */

INLINE void interpolate(vf to[WINOGRAD_RESULTS], const vf m[WINOGRAD_INPUTS])
{
    const vf sum_p = m[1] + m[2], difference_p = m[1] - m[2], sum_q = m[3] + m[4], difference_q = m[3] - m[4];
    to[0] = m[0] + (sum_p + sum_q);
    to[1] = WINOGRAD_P * difference_p + WINOGRAD_Q * difference_q;
    to[2] = WINOGRAD_P2 * sum_p + WINOGRAD_Q2 * sum_q;
    to[3] = m[5] + WINOGRAD_P3 * difference_p + WINOGRAD_Q3 * difference_q;
}

/* A row of results of tile i of the panel. */
INLINE void store_results(const winograd_results *p, int i, float *y, const vf line[WINOGRAD_RESULTS], vf bias)
{
#pragma GCC unroll 4
    for (int s = 0; s < WINOGRAD_RESULTS; s++) {
        vf v = line[s] + bias;
        if (p->relu)
            v = vf_max(vf_set(0), v);
        if (s >= p->tile[i].columns)
            break;
        if (VW == CONV_LANES && p->stream)
            vf_stream(y + s * p->y_column, v);
        else
            vf_store(y + s * p->y_column, v);
    }
}

/* Where the results of the next output go, after those at y. */
INLINE void fetch_next_output(const winograd_results *p, const float *y)
{
    if (VW == CONV_LANES && p->stream)
        return;
    for (int r = 0; r < WINOGRAD_RESULTS; r++)
        for (int s = 0; s < WINOGRAD_RESULTS; s++)
            __builtin_prefetch(y + p->y_output + r * p->y_row + s * p->y_column, 1);
}

/* Of tile i of the panel. */
INLINE void transform_results(const winograd_results *p, int i, const float *m, float *y, float bias)
{
    vf half[WINOGRAD_RESULTS][WINOGRAD_INPUTS];
#pragma GCC unroll 6
    for (int s = 0; s < WINOGRAD_INPUTS; s++) {
        vf column[WINOGRAD_INPUTS], to[WINOGRAD_RESULTS];
#pragma GCC unroll 6
        for (int r = 0; r < WINOGRAD_INPUTS; r++)
            column[r] = vf_load(m + (r * WINOGRAD_INPUTS + s) * p->m_position);
        interpolate(to, column);
#pragma GCC unroll 4
        for (int r = 0; r < WINOGRAD_RESULTS; r++)
            half[r][s] = to[r];
    }
#pragma GCC unroll 4
    for (int r = 0; r < WINOGRAD_RESULTS; r++) {
        if (r >= p->tile[i].rows)
            break;
        vf line[WINOGRAD_RESULTS];
        interpolate(line, half[r]);
        store_results(p, i, y + r * p->y_row, line, vf_set(bias));
    }
}

static void winograd_results_of_panel(const winograd_results *p)
{
    const float *m = p->m;
    for (int k = 0; k < p->outputs; k++)
        for (int i = 0; i < p->tiles; i++, m += CONV_LANES) {
            float *y = p->tile[i].y + k * p->y_output;
            fetch_next_output(p, y);
            for (int lane = 0; lane < CONV_LANES; lane += VW)
                transform_results(p, i, m + lane, y + lane, p->bias ? p->bias[k] : 0);
        }
}

static const struct cpu_winograd_kernels winograd_kernels = {
    .panel = WINOGRAD_PANEL,
    .windows = winograd_windows_of_pack,
    .inputs = winograd_inputs_of_panel,
    .products = winograd_products_of_panel,
    .results = winograd_results_of_panel,
};

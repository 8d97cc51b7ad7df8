/* Transforms and products of Winograd's F(4x4, 3x3) with stride 2; see kernels_winograd.h for what each kernel
 * computes.
 *
 * Along one axis a window of three taps that moves by two is a window of two, (w0, w2), on every other input and
 * one of a single tap, w1, on those in between. Four results of the first take F(4, 2), five products of five
 * inputs, with the points s = p, -p, q, -q and infinity, p = 1/2 and q = 5/4:
 *
 *     weights  u(s) = (w0 + w2 s) / N(s), N(s) = product of s minus every other finite point; at infinity w2
 *     inputs   v(s) = sum over i of d_i times the coefficients of (product of x minus every other finite point)
 *     results  y_i  = sum over s of s^i u(s) v(s), and for the last i what is at infinity
 *
 * the second takes four plain products: nine lines of positions, `points` and `plain`, and 81 positions for both
 * axes, which need 36 matrices of weights. Backward four results of either kind come from five inputs, which is
 * the same with windows turned round, except that nothing is added.
 *
 * All coefficients are exact in float. The error of a sum of uniform numbers is 23 of its eps with these points,
 * 46 with the usual 0, 1, -1, 2.
 *
 * Lines of points are made in pairs, (p, -p), (q, -q), so that what is between fits into registers.
 *
 * Order of summation: channels, one accumulator a position. Aliasing: none. */
#include "kernels_winograd.h"

#define STRIDED_P    0.5f
#define STRIDED_P2   0.25f
#define STRIDED_P3   0.125f
#define STRIDED_Q    1.25f
#define STRIDED_Q2   1.5625f
#define STRIDED_Q3   1.953125f
#define STRIDED_P2Q2 0.390625f
#define STRIDED_PQ   1.8125f                                     /* P2 + Q2 */
#define STRIDED_NP   (2 * STRIDED_P * (STRIDED_P2 - STRIDED_Q2)) /* N(P) = -N(-P) */
#define STRIDED_NQ   (2 * STRIDED_Q * (STRIDED_Q2 - STRIDED_P2))

enum {
    STRIDED_TILE = 4,
    STRIDED_POINTS = 5,
    STRIDED_LINES = WINOGRAD_STRIDED_LINES, /* of positions: points, then plain ones */
    STRIDED_WINDOW = 6                      /* weights of a line: points and plain */
};

/* ---- weights: the eight outputs of a pack are the lanes ---- */

INLINE void strided_evaluate_window(winograd_pack to[STRIDED_WINDOW], const winograd_pack *w, int step)
{
    const winograd_pack even_p = w[0] * (1 / STRIDED_NP), odd_p = w[2 * step] * (STRIDED_P / STRIDED_NP);
    const winograd_pack even_q = w[0] * (1 / STRIDED_NQ), odd_q = w[2 * step] * (STRIDED_Q / STRIDED_NQ);
    to[0] = odd_p + even_p;
    to[1] = odd_p - even_p;
    to[2] = odd_q + even_q;
    to[3] = odd_q - even_q;
    to[4] = w[2 * step];
    to[5] = w[step];
}

static void strided_windows_of_pack(const winograd_windows *w)
{
    enum { TAPS = 3 };
    const int step = w->turned ? -1 : 1;
    for (int64_t c = 0; c < w->channels; c++) {
        winograd_pack tap[TAPS * TAPS], half[TAPS][STRIDED_WINDOW], line[STRIDED_WINDOW];
        load_window(tap, w, c, TAPS * TAPS);
        const winograd_pack *first = w->turned ? tap + TAPS * TAPS - 1 : tap;
        for (int s = 0; s < TAPS; s++)
            strided_evaluate_window(half[s], first + s * step, TAPS * step);
        for (int i = 0; i < STRIDED_WINDOW; i++) {
            strided_evaluate_window(line, half[0] + i, STRIDED_WINDOW);
            for (int j = 0; j < STRIDED_WINDOW; j++)
                *(winograd_pack *)(w->u + (i * STRIDED_WINDOW + j) * w->u_position + c * WINOGRAD_PACK) = line[j];
        }
    }
}

/* ---- inputs ---- */

/* How the inputs of a tile fall into those of the two windows, along an axis: those of two taps are `step` apart
 * from the first on, those of one tap begin at input `plain`. */
typedef struct strided_axis {
    int step, plain;
} strided_axis;

INLINE int strided_inputs_along(const int step)
{
    return (STRIDED_POINTS - 1) * step + 1;
}

/* Points (p, -p), (q, -q), or infinity, by `pair`; b is not set for the last. */
INLINE void strided_evaluate(const int pair, const vf d[STRIDED_POINTS], vf *a, vf *b)
{
    if (pair == 2) {
        *a = STRIDED_P2Q2 * d[0] + (d[4] - STRIDED_PQ * d[2]);
        return;
    }
    const float other = pair == 0 ? STRIDED_Q2 : STRIDED_P2, point = pair == 0 ? STRIDED_P : STRIDED_Q;
    const vf odd = d[2] - other * d[0], even = d[3] - other * d[1];
    *a = even + point * odd;
    *b = even - point * odd;
}

/* One line of positions, from all inputs of a line. */
INLINE void strided_store_line(float *v, int64_t position, const vf *d, const strided_axis columns)
{
    vf e[STRIDED_POINTS];
#pragma GCC unroll 5
    for (int i = 0; i < STRIDED_POINTS; i++)
        e[i] = d[i * columns.step];
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        vf a, b;
        strided_evaluate(pair, e, &a, &b);
        vf_store(v + 2 * pair * position, a);
        if (pair < 2)
            vf_store(v + (2 * pair + 1) * position, b);
    }
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++)
        vf_store(v + (STRIDED_POINTS + i) * position, d[columns.plain + i * columns.step]);
}

enum { STRIDED_INPUTS = 2 * STRIDED_TILE + 1, STRIDED_INPUT_ROW = STRIDED_INPUTS * CONV_LANES };

/* Where the inputs of a tile lie in one channel, pixels side by side, and in the next: rows of one part. */
typedef struct strided_rows {
    const float *row[STRIDED_POINTS];
    int64_t step[STRIDED_POINTS];
    int from, to; /* columns inside the image */
} strided_rows;

/* Of a tile, rows under two taps: five lines of positions. Columns [from, to) are inside the image. */
INLINE void strided_point_rows(const strided_rows *t, const strided_axis columns, const int from, const int to,
                               int lane, float *v, int64_t position)
{
    const int n = strided_inputs_along(columns.step);
#pragma GCC unroll 3
    for (int pair = 0; pair < 3; pair++) {
        vf a[STRIDED_INPUTS], b[STRIDED_INPUTS];
#pragma GCC unroll 9
        for (int j = 0; j < n; j++) {
            a[j] = b[j] = vf_set(0);
            if (j < from || j >= to)
                continue;
            vf d[STRIDED_POINTS];
#pragma GCC unroll 5
            for (int i = 0; i < STRIDED_POINTS; i++)
                d[i] = (pair == 2 ? i % 2 == 0 : i < 4) ? vf_load(t->row[i] + j * CONV_LANES + lane) : vf_set(0);
            strided_evaluate(pair, d, &a[j], &b[j]);
        }
        strided_store_line(v + 2 * pair * STRIDED_LINES * position, position, a, columns);
        if (pair < 2)
            strided_store_line(v + (2 * pair + 1) * STRIDED_LINES * position, position, b, columns);
    }
}

/* Rows under one tap: four lines of positions. */
INLINE void strided_plain_rows(const strided_rows *t, const strided_axis columns, const int from, const int to,
                               int lane, float *v, int64_t position)
{
    const int n = strided_inputs_along(columns.step);
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++) {
        vf d[STRIDED_INPUTS];
#pragma GCC unroll 9
        for (int j = 0; j < n; j++)
            d[j] = j < from || j >= to ? vf_set(0) : vf_load(t->row[i] + j * CONV_LANES + lane);
        strided_store_line(v + i * STRIDED_LINES * position, position, d, columns);
    }
}

INLINE void strided_transform(const strided_rows *t, const int part, const strided_axis columns, const int from,
                              const int to, float *v, int64_t position)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        if (part == 0)
            strided_point_rows(t, columns, from, to, lane, v + lane, position);
        else
            strided_plain_rows(t, columns, from, to, lane, v + lane, position);
}

/* Tile i of a panel; rows outside the image are a row of zeros. Pixels that are not side by side are copied to
 * `copy` first, channel by channel. */
INLINE strided_rows strided_rows_of_tile(const winograd_inputs *p, int i, const float *copy)
{
    static const float zeros[STRIDED_INPUT_ROW] = { 0 };
    const int step = p->backward ? 1 : 2;
    strided_rows t = { .from = p->tile[i].columns[0], .to = p->tile[i].columns[1] };
    for (int n = 0; n < (p->part == 0 ? STRIDED_POINTS : STRIDED_TILE); n++) {
        const int r = n * step + (p->part == 0 ? 0 : p->plain[0]);
        if (r < p->tile[i].rows[0] || r >= p->tile[i].rows[1]) {
            t.row[n] = zeros;
        } else if (p->x_column == CONV_LANES) {
            t.row[n] = p->tile[i].x + (p->tile[i].first + r * p->x_row);
            t.step[n] = p->x_channel;
        } else {
            t.row[n] = copy + r * STRIDED_INPUT_ROW;
        }
    }
    return t;
}

static void strided_copy(const winograd_inputs *p, int i, int64_t channel, float *copy)
{
    const float *x = p->tile[i].x + channel * p->x_channel;
    for (int r = p->tile[i].rows[0]; r < p->tile[i].rows[1]; r++)
        for (int s = p->tile[i].columns[0]; s < p->tile[i].columns[1]; s++)
            memcpy(copy + r * STRIDED_INPUT_ROW + s * CONV_LANES,
                   x + (p->tile[i].first + r * p->x_row + s * p->x_column), CONV_LANES * sizeof(float));
}

INLINE void strided_inputs_of(const winograd_inputs *p, const int part, const strided_axis columns)
{
    float copy[STRIDED_INPUTS * STRIDED_INPUT_ROW];
    const int n = strided_inputs_along(columns.step);
    strided_rows t[WINOGRAD_PANEL_MAX];
    for (int i = 0; i < p->tiles; i++)
        t[i] = strided_rows_of_tile(p, i, copy);
    for (int64_t c = 0; c < p->channels; c++) {
        float *v = p->v + place_of_channel(c, p->tiles);
        for (int i = 0; i < p->tiles; i++, v += INPUT_TILE) {
            if (p->x_column != CONV_LANES)
                strided_copy(p, i, c, copy);
            if (t[i].from == 0 && t[i].to == n)
                strided_transform(&t[i], part, columns, 0, n, v, p->v_position);
            else
                strided_transform(&t[i], part, columns, t[i].from, t[i].to, v, p->v_position);
            for (int r = 0; r < STRIDED_POINTS; r++)
                t[i].row[r] += t[i].step[r];
        }
    }
}

static void strided_inputs_of_panel(const winograd_inputs *p)
{
    static const strided_axis forward = { 2, 1 }, backward[2] = { { 1, 0 }, { 1, 1 } };
    if (p->part == 0) {
        if (!p->backward)
            strided_inputs_of(p, 0, forward);
        else if (p->plain[1] == 0)
            strided_inputs_of(p, 0, backward[0]);
        else
            strided_inputs_of(p, 0, backward[1]);
    } else {
        if (!p->backward)
            strided_inputs_of(p, 1, forward);
        else if (p->plain[1] == 0)
            strided_inputs_of(p, 1, backward[0]);
        else
            strided_inputs_of(p, 1, backward[1]);
    }
}

/* ---- products ---- */

/* The first row of a tile's results that a part makes, backward. */
INLINE int strided_result_row(const winograd_results *p)
{
    return p->part == 0 ? 1 - p->plain[0] : p->plain[0];
}

/* Which weights belong to a line of positions. */
INLINE int strided_window_line(int line)
{
    return line < STRIDED_POINTS ? line : STRIDED_POINTS;
}

enum { STRIDED_SOON = 64 }; /* lines for a position at most */

/* The next row of a tile: rows, tiles, channels. */
static void strided_next_row(winograd_soon *p)
{
    if (++p->row == (p->in->part == 0 ? STRIDED_POINTS : STRIDED_TILE)) {
        p->row = 0;
        if (++p->tile == p->in->tiles) {
            p->tile = 0;
            p->channel++;
        }
    }
    p->column = 0;
}

/* Up to n addresses of pixels; returns how many. */
static int strided_list_soon(winograd_soon *p, int n, const float *list[STRIDED_SOON])
{
    const winograd_inputs *in = p->in;
    int listed = 0;
    while (listed < n && p->channel < in->channels) {
        const int r = p->row * (in->backward ? 1 : 2) + (in->part == 0 ? 0 : in->plain[0]);
        const int *rows = in->tile[p->tile].rows, *columns = in->tile[p->tile].columns;
        const float *x =
            in->tile[p->tile].x + (in->tile[p->tile].first + p->channel * in->x_channel + r * in->x_row);
        if (p->column < columns[0])
            p->column = columns[0];
        const int to = r >= rows[0] && r < rows[1] ? columns[1] : 0;
        for (; p->column < to && listed < n; p->column++)
            list[listed++] = x + p->column * in->x_column;
        if (p->column >= to)
            strided_next_row(p);
    }
    return listed;
}

/* How many a position takes: the lines of a pack, evenly, but not more than one a channel. */
static int strided_most_soon(const winograd_products *p, int positions)
{
    int64_t n = p->soon ? p->soon->lines / positions + 1 : 0;
    if (n > p->channels)
        n = p->channels;
    return (int)(n < STRIDED_SOON ? n : STRIDED_SOON);
}

/* Where this part's results of one output and tile go, which are counted together. */
static void strided_results_soon(const winograd_results *p, int at)
{
    const int i = at % p->tiles, k = at / p->tiles, step = p->backward ? 2 : 1;
    if (k >= p->outputs || (VW == CONV_LANES && p->stream))
        return;
    const float *y = p->tile[i].y + k * p->y_output;
    for (int r = p->backward ? strided_result_row(p) : 0; r < p->tile[i].rows; r += step)
        for (int s = 0; s < p->tile[i].columns; s++)
            __builtin_prefetch(y + r * p->y_row + s * p->y_column, 1, 2);
}

INLINE void strided_products(const winograd_products *p, const int tiles)
{
    const int from = p->part == 0 ? 0 : STRIDED_POINTS, to = p->part == 0 ? STRIDED_POINTS : STRIDED_LINES;
    const float *v = p->v, *soon[STRIDED_SOON];
    float *m = p->m;
    const int most = strided_most_soon(p, (to - from) * STRIDED_LINES);
    for (int r = from; r < to; r++)
        for (int s = 0; s < STRIDED_LINES; s++, v += p->v_position, m += p->m_position) {
            const int at = (r - from) * STRIDED_LINES + s;
            const int listed = most ? strided_list_soon(p->soon, most, soon) : 0;
            strided_results_soon(p->results, at);
            if (is_idle(p, r, s))
                continue;
            const int64_t window = strided_window_line(r) * STRIDED_WINDOW + strided_window_line(s);
            for (int k = 0; k < WINOGRAD_PACK; k += WINOGRAD_OUTPUTS)
                for (int lane = 0; lane < CONV_LANES; lane += VW)
                    product_tile(m + (k * tiles * CONV_LANES + lane), p->u + window * p->u_position + k, v + lane,
                                 p->channels, tiles, soon, listed);
        }
}

static void strided_products_of_panel(const winograd_products *p)
{
    if (p->tiles == 1)
        strided_products(p, 1);
    else if (p->tiles == 2)
        strided_products(p, 2);
    else if (WINOGRAD_PANEL >= 3)
        strided_products(p, 3);
}

/* ---- results ---- */

/* From five points. */
INLINE void strided_interpolate(vf to[STRIDED_TILE], const vf m[STRIDED_POINTS])
{
    const vf sum_p = m[0] + m[1], difference_p = m[0] - m[1], sum_q = m[2] + m[3], difference_q = m[2] - m[3];
    to[0] = sum_p + sum_q;
    to[1] = STRIDED_P * difference_p + STRIDED_Q * difference_q;
    to[2] = STRIDED_P2 * sum_p + STRIDED_Q2 * sum_q;
    to[3] = m[4] + STRIDED_P3 * difference_p + STRIDED_Q3 * difference_q;
}

/* Of line r of a part; sum: with what the plain ones add. */
INLINE void strided_interpolate_line(vf to[STRIDED_TILE], const float *m, int64_t position, const bool sum)
{
    vf line[STRIDED_POINTS];
#pragma GCC unroll 5
    for (int s = 0; s < STRIDED_POINTS; s++)
        line[s] = vf_load(m + s * position);
    strided_interpolate(to, line);
#pragma GCC unroll 4
    for (int s = 0; sum && s < STRIDED_TILE; s++)
        to[s] += vf_load(m + (STRIDED_POINTS + s) * position);
}

/* Rows of points, all five of them, lines first: 16 sums stay in registers. */
INLINE void strided_interpolate_square(vf to[STRIDED_TILE][STRIDED_TILE], const float *m, int64_t position,
                                       const bool sum)
{
    static const float powers[2][STRIDED_TILE] = { { 1, STRIDED_P, STRIDED_P2, STRIDED_P3 },
                                                   { 1, STRIDED_Q, STRIDED_Q2, STRIDED_Q3 } };
#pragma GCC unroll 2
    for (int pair = 0; pair < 2; pair++) {
        vf a[STRIDED_TILE], b[STRIDED_TILE];
        strided_interpolate_line(a, m + 2 * pair * STRIDED_LINES * position, position, sum);
        strided_interpolate_line(b, m + (2 * pair + 1) * STRIDED_LINES * position, position, sum);
#pragma GCC unroll 4
        for (int s = 0; s < STRIDED_TILE; s++) {
            const vf even = a[s] + b[s], odd = a[s] - b[s];
#pragma GCC unroll 4
            for (int r = 0; r < STRIDED_TILE; r++) {
                const vf term = powers[pair][r] * (r % 2 ? odd : even);
                if (pair == 0)
                    to[r][s] = term;
                else
                    to[r][s] += term;
            }
        }
    }
    vf last[STRIDED_TILE];
    strided_interpolate_line(last, m + (STRIDED_POINTS - 1) * STRIDED_LINES * position, position, sum);
#pragma GCC unroll 4
    for (int s = 0; s < STRIDED_TILE; s++)
        to[STRIDED_TILE - 1][s] += last[s];
}

/* Part 0 is stored, part 1 added to it, with the bias. */
INLINE void strided_forward(const winograd_results *p, int i, const float *m, float *y, float bias, const int part)
{
    vf to[STRIDED_TILE][STRIDED_TILE];
    if (part == 0)
        strided_interpolate_square(to, m, p->m_position, true);
#pragma GCC unroll 4
    for (int r = 0; r < STRIDED_TILE; r++) {
        if (r >= p->tile[i].rows)
            break;
        if (part == 1)
            strided_interpolate_line(to[r], m + r * STRIDED_LINES * p->m_position, p->m_position, true);
#pragma GCC unroll 4
        for (int s = 0; s < STRIDED_TILE; s++) {
            float *at = y + r * p->y_row + s * p->y_column;
            if (s >= p->tile[i].columns)
                break;
            vf v = to[r][s];
            if (part == 1)
                v += vf_load(at) + vf_set(bias);
            if (part == 1 && p->relu)
                v = vf_max(vf_set(0), v);
            vf_store(at, v);
        }
    }
}

/* Results r and s of one kind each, which is every other of the tile, where they are inside the image. */
INLINE void strided_store(const winograd_results *p, int i, float *y, int row, int column, vf v)
{
    float *at = y + row * p->y_row + column * p->y_column;
    if (row >= p->tile[i].rows || column >= p->tile[i].columns)
        return;
    if (VW == CONV_LANES && p->stream)
        vf_stream(at, v);
    else
        vf_store(at, v);
}

INLINE void strided_backward(const winograd_results *p, int i, const float *m, float *y, const int part)
{
    const int row = strided_result_row(p), points = 1 - p->plain[1], plain = p->plain[1];
    const int lines = part == 0 ? STRIDED_POINTS : STRIDED_TILE;
    const int64_t position = p->m_position;
    vf to[STRIDED_TILE][STRIDED_TILE];
    if (part == 0)
        strided_interpolate_square(to, m, position, false);
#pragma GCC unroll 4
    for (int r = 0; r < STRIDED_TILE; r++) {
        if (part == 1)
            strided_interpolate_line(to[r], m + r * STRIDED_LINES * position, position, false);
#pragma GCC unroll 4
        for (int s = 0; s < STRIDED_TILE; s++)
            strided_store(p, i, y, 2 * r + row, 2 * s + points, to[r][s]);
    }
    for (int s = 0; s < STRIDED_TILE; s++) {
        vf line[STRIDED_POINTS], column[STRIDED_TILE];
#pragma GCC unroll 5
        for (int r = 0; r < lines; r++)
            line[r] = vf_load(m + (r * STRIDED_LINES + STRIDED_POINTS + s) * position);
        if (part == 0)
            strided_interpolate(column, line);
        else
            memcpy(column, line, sizeof column);
#pragma GCC unroll 4
        for (int r = 0; r < STRIDED_TILE; r++)
            strided_store(p, i, y, 2 * r + row, 2 * s + plain, column[r]);
    }
}

INLINE void strided_results(const winograd_results *p, const bool backward, const int part)
{
    const float *m = p->m;
    for (int k = 0; k < p->outputs; k++)
        for (int i = 0; i < p->tiles; i++, m += CONV_LANES)
            for (int lane = 0; lane < CONV_LANES; lane += VW) {
                float *y = p->tile[i].y + k * p->y_output + lane;
                if (backward)
                    strided_backward(p, i, m + lane, y, part);
                else
                    strided_forward(p, i, m + lane, y, p->bias ? p->bias[k] : 0, part);
            }
}

static void strided_results_of_panel(const winograd_results *p)
{
    if (p->backward && p->part == 0)
        strided_results(p, true, 0);
    else if (p->backward)
        strided_results(p, true, 1);
    else if (p->part == 0)
        strided_results(p, false, 0);
    else
        strided_results(p, false, 1);
}

static const struct cpu_winograd_kernels winograd_strided_kernels = {
    .panel = WINOGRAD_PANEL,
    .windows = strided_windows_of_pack,
    .inputs = strided_inputs_of_panel,
    .products = strided_products_of_panel,
    .results = strided_results_of_panel,
};

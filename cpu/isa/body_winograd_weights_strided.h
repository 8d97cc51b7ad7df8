/* Gradients of 3x3 weights with stride 2, F(3x3, 4x4): the transposition of body_winograd_strided.h, with its points s = p,
 * -p, q, -q and infinity, p = 1/2 and q = 5/4. Along one axis, with inputs d0 to d8 and gradients z0 to z3 of the results,
 * taps w0 and w2 meet inputs d0, d2 ... d8 and tap w1 those in between:
 *
 *     inputs    v(s) of d0, d2 ... d8 as forward
 *     gradients z(s) = sum over i of s^i z_i; at infinity z3
 *     sums      M(s) = sum over tiles of v(s) z(s); M1 = sum over tiles and i of d_2i+1 z_i
 *     weights   dw0 = sum over finite s of M(s) / N(s), dw2 = sum of s M(s) / N(s) and M(infinity), dw1 = M1
 *
 * so what is plain has one sum: 36 sums for 81 products of a tile. One of fewer than four results needs neither infinity
 * nor inputs beyond theirs. Error of a sum over 2,000 tiles of uniform numbers, in eps of its root mean square: 76, that of
 * stride 1.
 *
 * Order of summation: terms, then images, one accumulator a sum. Tails: none, operands are padded with zeros.
 * Aliasing: none. */
#include "kernels_winograd_weights.h"

/* ---- where positions go ---- */

/* The first term of a tile in the first line of each kind, by kinds of row and column. */
typedef struct strided_terms {
    float *at[WINOGRAD_KINDS][WINOGRAD_KINDS];
    int64_t point;
    int unit; /* floats from term to term */
    int rows, columns;
} strided_terms;

/* Those of panel `index`. */
INLINE strided_terms strided_terms_of(const winograd_patch *p, const winograd_matrices *to, int64_t index, int unit)
{
    static const int first[WINOGRAD_KINDS] = { 0, STRIDED_POINTS - 1, STRIDED_POINTS };
    strided_terms t = { .point = to->point, .unit = unit, .rows = p->rows, .columns = p->columns };
    for (int i = 0; i < WINOGRAD_KINDS; i++)
        for (int j = 0; j < WINOGRAD_KINDS; j++)
            t.at[i][j] = to->at + (first[i] * STRIDED_LINES + winograd_span(i) * first[j]) * to->point +
                         winograd_span(i) * winograd_span(j) * index * to->panel + p->term[i][j] * unit;
    return t;
}

/* Positions of a row: its points, infinity last, and plain ones. */
typedef struct strided_line {
    vf point[STRIDED_POINTS], plain[STRIDED_TILE];
} strided_line;

/* at: where the row's first term of each kind goes; step: from point to point. */
INLINE void strided_store_terms(float *const at[WINOGRAD_KINDS], int64_t step, int64_t unit, const int columns,
                                const strided_line *line)
{
#pragma GCC unroll 4
    for (int j = 0; j < STRIDED_POINTS - 1; j++)
        vf_store(at[WINOGRAD_POINTS] + j * step, line->point[j]);
    if (columns == STRIDED_TILE)
        vf_store(at[WINOGRAD_INFINITY], line->point[STRIDED_POINTS - 1]);
#pragma GCC unroll 4
    for (int j = 0; j < STRIDED_TILE; j++) {
        if (j >= columns)
            break;
        vf_store(at[WINOGRAD_PLAIN] + j * unit, line->plain[j]);
    }
}

/* Row i of the points, the last of which is infinity; lane: what is added to all addresses. */
INLINE void strided_store_point_row(const strided_terms t, const int columns, const int i, int64_t lane,
                                    const strided_line *line)
{
    const int kind = i == STRIDED_POINTS - 1 ? WINOGRAD_INFINITY : WINOGRAD_POINTS;
    const int64_t at = lane + (kind == WINOGRAD_POINTS ? i * STRIDED_LINES * t.point : 0);
    strided_store_terms((float *[]){ t.at[kind][0] + at, t.at[kind][1] + at, t.at[kind][2] + at }, t.point, t.unit,
                        columns, line);
}

/* Plain row i. */
INLINE void strided_store_plain_row(const strided_terms t, const int columns, const int i, int64_t lane,
                                    const strided_line *line)
{
    float *const *row = t.at[WINOGRAD_PLAIN];
    const int64_t at = lane + i * t.unit;
    strided_store_terms((float *[]){ row[0] + at, row[1] + at, row[2] + lane + i * columns * t.unit },
                        STRIDED_TILE * t.point, t.unit, columns, line);
}

/* ---- patches of x ---- */

INLINE void strided_evaluate_patch(strided_line *to, const vf d[STRIDED_INPUTS])
{
    vf even[STRIDED_POINTS], unused;
#pragma GCC unroll 5
    for (int i = 0; i < STRIDED_POINTS; i++)
        even[i] = d[2 * i];
    strided_evaluate(0, even, &to->point[0], &to->point[1]);
    strided_evaluate(1, even, &to->point[2], &to->point[3]);
    strided_evaluate(2, even, &to->point[4], &unused);
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++)
        to->plain[i] = d[2 * i + 1];
}

/* Rows of a patch, pixels side by side. */
typedef struct strided_patch {
    const float *row[STRIDED_INPUTS];
} strided_patch;

/* Two rows of points, or infinity, by `pair`. Columns outside [from, to) are 0. */
INLINE void strided_patch_points(const strided_patch *p, const int pair, const int from, const int to, int lane,
                                 const strided_terms t, const int columns)
{
    vf a[STRIDED_INPUTS], b[STRIDED_INPUTS];
#pragma GCC unroll 9
    for (int j = 0; j < STRIDED_INPUTS; j++) {
        a[j] = b[j] = vf_set(0);
        if (j < from || j >= to)
            continue;
        vf d[STRIDED_POINTS];
#pragma GCC unroll 5
        for (int i = 0; i < STRIDED_POINTS; i++)
            d[i] = (pair == 2 ? i % 2 == 0 : i < 4) ? vf_load(p->row[2 * i] + j * CONV_LANES + lane) : vf_set(0);
        strided_evaluate(pair, d, &a[j], &b[j]);
    }
    strided_line line;
    strided_evaluate_patch(&line, a);
    strided_store_point_row(t, columns, 2 * pair, lane, &line);
    if (pair == 2)
        return;
    strided_evaluate_patch(&line, b);
    strided_store_point_row(t, columns, 2 * pair + 1, lane, &line);
}

INLINE void strided_patch_lanes(const strided_patch *p, const int from, const int to, const strided_terms t,
                                const int columns, int lane)
{
    strided_patch_points(p, 0, from, to, lane, t, columns);
    strided_patch_points(p, 1, from, to, lane, t, columns);
    if (t.rows == STRIDED_TILE)
        strided_patch_points(p, 2, from, to, lane, t, columns);
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++) {
        if (i >= t.rows)
            break;
        vf d[STRIDED_INPUTS];
#pragma GCC unroll 9
        for (int j = 0; j < STRIDED_INPUTS; j++)
            d[j] = j < from || j >= to ? vf_set(0) : vf_load(p->row[2 * i + 1] + j * CONV_LANES + lane);
        strided_line line;
        strided_evaluate_patch(&line, d);
        strided_store_plain_row(t, columns, i, lane, &line);
    }
}

/* Of four columns of results, and where the first pixel is padding; of three; and of any number. */
static void strided_patch_of_four(const strided_patch *p, const strided_terms *t)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        strided_patch_lanes(p, 0, STRIDED_INPUTS, *t, STRIDED_TILE, lane);
}

static void strided_patch_padded(const strided_patch *p, const strided_terms *t)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        strided_patch_lanes(p, 1, STRIDED_INPUTS, *t, STRIDED_TILE, lane);
}

static void strided_patch_of_three(const strided_patch *p, const strided_terms *t)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        strided_patch_lanes(p, 0, STRIDED_INPUTS - 2, *t, STRIDED_TILE - 1, lane);
}

static void strided_patch_of_few(const strided_patch *p, const strided_terms *t)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        strided_patch_lanes(p, 0, STRIDED_INPUTS, *t, t->columns, lane);
}

/* Can a patch be read where it is? Others are copied, with zeros about them. */
static bool strided_is_in_place(const winograd_source *s, const winograd_patch *p)
{
    if (s->column != CONV_LANES || p->images < CONV_LANES || p->column_to != 2 * p->columns + 1)
        return false;
    return p->columns == STRIDED_TILE ? p->column_from <= 1 : p->columns == STRIDED_TILE - 1 && p->column_from == 0;
}

/* A row of a patch that exists. */
static void strided_copy_row(const winograd_source *s, const winograd_patch *p, const float *x, float *copy)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW) {
        vi there = vi_set(-1);
        for (int i = 0; p->images < CONV_LANES && i < VW; i++)
            there[i] = lane + i < p->images ? -1 : 0;
        for (int j = 0; j < p->column_from; j++)
            vf_store(copy + j * CONV_LANES + lane, vf_set(0));
        for (int j = p->column_from; j < p->column_to; j++)
            vf_store(copy + j * CONV_LANES + lane, (vf)(there & (vi)vf_load(x + j * s->column + lane)));
        for (int j = p->column_to; j < STRIDED_INPUTS; j++)
            vf_store(copy + j * CONV_LANES + lane, vf_set(0));
    }
}

/* Channel c of a patch; rows outside the image, and all of a channel there is not, are a row of zeros. */
static strided_patch strided_patch_of(const winograd_source *s, const winograd_patch *p, int64_t c, bool in_place,
                                      float *copy)
{
    static const float zeros[STRIDED_INPUT_ROW] = { 0 };
    const float *x = p->x + (p->at + c * s->channel);
    strided_patch to;
    for (int i = 0; i < STRIDED_INPUTS; i++, copy += STRIDED_INPUT_ROW) {
        to.row[i] = zeros;
        if (i < p->row_from || i >= p->row_to || c >= s->channels)
            continue;
        to.row[i] = in_place ? x + i * s->row : copy;
        if (!in_place)
            strided_copy_row(s, p, x + i * s->row, copy);
    }
    return to;
}

static void strided_transform_patch(const winograd_patch *p, bool in_place, const strided_patch *patch,
                                    const strided_terms *t)
{
    if (p->columns == STRIDED_TILE && in_place && p->column_from == 1)
        strided_patch_padded(patch, t);
    else if (p->columns == STRIDED_TILE)
        strided_patch_of_four(patch, t);
    else if (p->columns == STRIDED_TILE - 1)
        strided_patch_of_three(patch, t);
    else
        strided_patch_of_few(patch, t);
}

static void strided_weights_patches(const winograd_source *s, const winograd_matrices *to)
{
    float copy[STRIDED_INPUTS * STRIDED_INPUT_ROW];
    for (int64_t first = 0; first < s->channels; first += WINOGRAD_COLUMNS)
        for (int64_t i = 0; i < s->patches; i++) {
            const winograd_patch *p = &s->patch[i];
            const bool in_place = strided_is_in_place(s, p);
            strided_terms t = strided_terms_of(p, to, first / WINOGRAD_COLUMNS, WINOGRAD_X);
            for (int64_t c = first; c < first + WINOGRAD_COLUMNS; c++) {
                if (c + 1 < s->channels)
                    winograd_patch_soon(s, p, (c + 1) * s->channel);
                const strided_patch patch = strided_patch_of(s, p, c, in_place, copy);
                strided_transform_patch(p, in_place, &patch, &t);
                for (int k = 0; k < WINOGRAD_KINDS * WINOGRAD_KINDS; k++)
                    t.at[k / WINOGRAD_KINDS][k % WINOGRAD_KINDS] += CONV_LANES;
            }
        }
}

/* ---- tiles of dz ---- */

INLINE void strided_evaluate_tile(strided_line *to, const vf d[STRIDED_TILE])
{
    const vf even_p = d[0] + STRIDED_P2 * d[2], odd_p = STRIDED_P * d[1] + STRIDED_P3 * d[3];
    const vf even_q = d[0] + STRIDED_Q2 * d[2], odd_q = STRIDED_Q * d[1] + STRIDED_Q3 * d[3];
    to->point[0] = even_p + odd_p;
    to->point[1] = even_p - odd_p;
    to->point[2] = even_q + odd_q;
    to->point[3] = even_q - odd_q;
    to->point[4] = d[3];
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++)
        to->plain[i] = d[i];
}

/* z: pixels `pixel` apart. */
INLINE void strided_tile_lanes(const float *z, const int pixel, const strided_terms t, const int columns,
                               int64_t lane)
{
    strided_line column[STRIDED_TILE];
#pragma GCC unroll 4
    for (int j = 0; j < STRIDED_TILE; j++) {
        vf d[STRIDED_TILE];
#pragma GCC unroll 4
        for (int i = 0; i < STRIDED_TILE; i++)
            d[i] = vf_load(z + (i * STRIDED_TILE + j) * pixel);
        strided_evaluate_tile(&column[j], d);
    }
#pragma GCC unroll 5
    for (int i = 0; i < STRIDED_POINTS; i++) {
        if (i == STRIDED_POINTS - 1 && t.rows < STRIDED_TILE)
            break;
        const vf d[STRIDED_TILE] = { column[0].point[i], column[1].point[i], column[2].point[i],
                                     column[3].point[i] };
        strided_line line;
        strided_evaluate_tile(&line, d);
        strided_store_point_row(t, columns, i, lane, &line);
    }
#pragma GCC unroll 4
    for (int i = 0; i < STRIDED_TILE; i++) {
        if (i >= t.rows)
            break;
        const vf d[STRIDED_TILE] = { column[0].plain[i], column[1].plain[i], column[2].plain[i],
                                     column[3].plain[i] };
        strided_line line;
        strided_evaluate_tile(&line, d);
        strided_store_plain_row(t, columns, i, lane, &line);
    }
}

INLINE void strided_tile(const float *z, int images, const strided_terms t, const int columns)
{
    static const float zeros[CONV_LANES] = { 0 };
    for (int image = 0; image < CONV_LANES; image++)
        for (int k = 0; k < CONV_LANES; k += VW) {
            const int lane = image * CONV_LANES + k;
            if (image < images)
                strided_tile_lanes(z + lane, WINOGRAD_Z, t, columns, lane);
            else
                strided_tile_lanes(zeros, 0, t, columns, lane);
        }
}

static void strided_weights_tile(const float *z, const winograd_patch *p, const winograd_matrices *to,
                                 int64_t panel)
{
    const strided_terms t = strided_terms_of(p, to, panel, WINOGRAD_Z);
    if (t.columns == STRIDED_TILE)
        strided_tile(z, p->images, t, STRIDED_TILE);
    else
        strided_tile(z, p->images, t, t.columns);
}

/* ---- windows ---- */

INLINE void strided_interpolate_window(vf to[3], const vf m[STRIDED_WINDOW])
{
    to[0] = (m[0] - m[1]) * (1 / STRIDED_NP) + (m[2] - m[3]) * (1 / STRIDED_NQ);
    to[1] = m[5];
    to[2] = m[4] + (m[0] + m[1]) * (STRIDED_P / STRIDED_NP) + (m[2] + m[3]) * (STRIDED_Q / STRIDED_NQ);
}

static void strided_weights_windows(const float *sums, int64_t matrix, int64_t channels, float *dw)
{
    enum { TAPS = 3 };
    for (int64_t c = 0; c < channels; c++, sums += CONV_LANES, dw += TAPS * TAPS * CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            vf half[TAPS][STRIDED_WINDOW], line[TAPS];
#pragma GCC unroll 6
            for (int j = 0; j < STRIDED_WINDOW; j++) {
                vf m[STRIDED_WINDOW], column[TAPS];
#pragma GCC unroll 6
                for (int i = 0; i < STRIDED_WINDOW; i++)
                    m[i] = vf_load(sums + (i * STRIDED_WINDOW + j) * matrix + k);
                strided_interpolate_window(column, m);
#pragma GCC unroll 3
                for (int i = 0; i < TAPS; i++)
                    half[i][j] = column[i];
            }
#pragma GCC unroll 3
            for (int i = 0; i < TAPS; i++) {
                strided_interpolate_window(line, half[i]);
#pragma GCC unroll 3
                for (int j = 0; j < TAPS; j++)
                    vf_store(dw + (i * TAPS + j) * CONV_LANES + k, line[j]);
            }
        }
}

/* Kernels of Winograd's gradient of 3x3 weights; see kernels_winograd_weights.h for what each computes.
 *
 * The gradient of the weights is a correlation of x with dz, whose window is dz: with tiles of 4x4 of dz and
 * results of 3x3, F(3x3, 4x4) takes 36 products for a tile's 144. Its transform of x is that of the forward
 * F(4x4, 3x3), whose transposition it is. Points: 0, +-11/16, +-11/8 and infinity, exact in float; they keep the
 * matrices' entries about 1. Error of a sum over 2,000 tiles of uniform numbers, in eps of its root mean square:
 * 76; with the usual 0, +-1, +-2 135, with 0, +-1, +-1/2 109.
 *
 * Order of summation: terms, then images, one accumulator a sum. Tails: none, operands are padded with zeros.
 * Aliasing: none. */
#include "kernels_winograd_weights.h"
#include "winograd_points.h"

/* ---- one dimension ---- */

INLINE void winograd_evaluate_patch(vf to[6], const vf d[6])
{
    const vf even_p = d[4] - WINOGRAD_Q2 * d[2], odd_p = WINOGRAD_P * (d[3] - WINOGRAD_Q2 * d[1]);
    const vf even_q = d[4] - WINOGRAD_P2 * d[2], odd_q = WINOGRAD_Q * (d[3] - WINOGRAD_P2 * d[1]);
    to[0] = WINOGRAD_P2Q2 * d[0] - WINOGRAD_P2_Q2 * d[2] + d[4];
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = WINOGRAD_P2Q2 * d[1] - WINOGRAD_P2_Q2 * d[3] + d[5];
}

INLINE void winograd_evaluate_tile(vf to[6], const vf d[4])
{
    const vf even_p = d[0] + WINOGRAD_P2 * d[2], odd_p = WINOGRAD_P * d[1] + WINOGRAD_P3 * d[3];
    const vf even_q = d[0] + WINOGRAD_Q2 * d[2], odd_q = WINOGRAD_Q * d[1] + WINOGRAD_Q3 * d[3];
    to[0] = d[0];
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = d[3];
}

INLINE void winograd_interpolate_window(vf to[3], const vf m[6])
{
    const vf sum_p = (m[1] + m[2]) * (1 / WINOGRAD_NP), sum_q = (m[3] + m[4]) * (1 / WINOGRAD_NQ);
    to[0] = m[0] * (1 / WINOGRAD_P2Q2) + sum_p + sum_q;
    to[1] = (m[1] - m[2]) * (WINOGRAD_P / WINOGRAD_NP) + (m[3] - m[4]) * (WINOGRAD_Q / WINOGRAD_NQ);
    to[2] = WINOGRAD_P2 * sum_p + WINOGRAD_Q2 * sum_q + m[5];
}

/* ---- patches of x ---- */

/* Lanes [lane, lane + VW) of one channel's patch. edges: some of it does not exist; masked: nor do some images.
 * Rows that do not exist are read from zeros. */
INLINE void winograd_patch_lanes(const winograd_source *s, const winograd_patch *p, int64_t channel, int lane,
                                 float *to, int64_t point, const bool edges, const bool masked)
{
    static const float zeros[CONV_LANES] = { 0 };
    const float *row[6];
    int64_t step[6];
    vf half_done[6][6];
    vi there = vi_set(-1);
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        const bool inside = !edges || (i >= p->row_from && i < p->row_to);
        row[i] = inside ? p->x + (p->at + channel + i * s->row + p->column_from * s->column + lane) : zeros;
        step[i] = inside ? s->column : 0;
    }
    for (int i = 0; masked && i < VW; i++)
        there[i] = lane + i < p->images ? -1 : 0;
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
        const bool inside = !edges || (j >= p->column_from && j < p->column_to);
        vf d[6], column[6];
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            d[i] = inside ? vf_load(row[i]) : vf_set(0);
            row[i] += inside ? step[i] : 0;
            if (masked)
                d[i] = (vf)(there & (vi)d[i]);
        }
        winograd_evaluate_patch(column, d);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++)
            half_done[i][j] = column[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        vf line[6];
        winograd_evaluate_patch(line, half_done[i]);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++)
            vf_store(to + (i * 6 + j) * point + lane, line[j]);
    }
}

static void winograd_patch_whole(const winograd_source *s, const winograd_patch *p, int64_t channel, float *to,
                                 int64_t point)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        winograd_patch_lanes(s, p, channel, lane, to, point, false, false);
}

static void winograd_patch_edge(const winograd_source *s, const winograd_patch *p, int64_t channel, float *to,
                                int64_t point)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        winograd_patch_lanes(s, p, channel, lane, to, point, true, false);
}

static void winograd_patch_masked(const winograd_source *s, const winograd_patch *p, int64_t channel, float *to,
                                  int64_t point)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        winograd_patch_lanes(s, p, channel, lane, to, point, true, true);
}

INLINE bool winograd_is_whole(const winograd_patch *p)
{
    return p->row_from == 0 && p->row_to == WINOGRAD_INPUTS && p->column_from == 0 &&
           p->column_to == WINOGRAD_INPUTS;
}

/* The patch of another channel is on its way to the L1 cache while others are transformed: rows of a patch are
 * short, and no prefetcher guesses the next. */
INLINE void winograd_patch_soon(const winograd_source *s, const winograd_patch *p, int64_t channel)
{
    for (int64_t i = p->row_from; i < p->row_to; i++)
        for (int64_t j = p->column_from; j < p->column_to; j++)
            __builtin_prefetch(p->x + (p->at + channel + i * s->row + j * s->column));
}

/* Where channel c of the first patch goes; points only. */
INLINE float *winograd_first_patch(const winograd_source *s, const winograd_matrices *to, int64_t c)
{
    return to->at + c / WINOGRAD_COLUMNS * to->panel + c % WINOGRAD_COLUMNS * CONV_LANES +
           s->patch->term[WINOGRAD_POINTS][WINOGRAD_POINTS] * WINOGRAD_X;
}

static void winograd_weights_patches(const winograd_source *s, const winograd_matrices *to)
{
    const int64_t padded = (s->channels + WINOGRAD_COLUMNS - 1) / WINOGRAD_COLUMNS * WINOGRAD_COLUMNS;
    const int64_t point = to->point;
    for (int64_t c = 0; c < padded; c++) {
        float *at = winograd_first_patch(s, to, c);
        for (int64_t i = 0; i < s->patches; i++, at += WINOGRAD_X) {
            if (c + 1 < s->channels)
                winograd_patch_soon(s, &s->patch[i], (c + 1) * s->channel);
            if (c >= s->channels)
                for (int p = 0; p < WINOGRAD_POSITIONS; p++)
                    for (int lane = 0; lane < CONV_LANES; lane += VW)
                        vf_store(at + p * point + lane, vf_set(0));
            else if (s->patch[i].images < CONV_LANES)
                winograd_patch_masked(s, &s->patch[i], c * s->channel, at, point);
            else if (winograd_is_whole(&s->patch[i]))
                winograd_patch_whole(s, &s->patch[i], c * s->channel, at, point);
            else
                winograd_patch_edge(s, &s->patch[i], c * s->channel, at, point);
        }
    }
}

/* ---- tiles of dz ---- */

INLINE void winograd_tile_lanes(const float *z, float *to, int64_t point)
{
    vf half_done[6][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        vf d[4], column[6];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            d[i] = vf_load(z + (i * 4 + j) * WINOGRAD_Z);
        winograd_evaluate_tile(column, d);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++)
            half_done[i][j] = column[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        vf line[6];
        winograd_evaluate_tile(line, half_done[i]);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++)
            vf_store(to + (i * 6 + j) * point, line[j]);
    }
}

INLINE float *winograd_tile_of_panel(const winograd_patch *p, const winograd_matrices *to, int64_t panel)
{
    return to->at + panel * to->panel + p->term[WINOGRAD_POINTS][WINOGRAD_POINTS] * WINOGRAD_Z;
}

static void winograd_weights_tile(const float *z, const winograd_patch *p, const winograd_matrices *to,
                                  int64_t panel)
{
    float *at = winograd_tile_of_panel(p, to, panel);
    for (int image = 0; image < CONV_LANES; image++, z += CONV_LANES, at += CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            if (image < p->images)
                winograd_tile_lanes(z + k, at + k, to->point);
            else
                for (int i = 0; i < WINOGRAD_POSITIONS; i++)
                    vf_store(at + i * to->point + k, vf_set(0));
        }
}

/* ---- products ---- */

/* Sums of a pass: columns times panels of 16 outputs, 16 / VW registers each. 8 x 2 x 1 of 32 with 16 lanes, 4 x
 * 1 x 2 of 16 with 8, 4 x 1 x 4 of 32 on NEON, 2 x 1 x 4 of 16 without FMA: chains enough for the latency of two
 * units, and less than one load a product. */
#if VW == 16
enum { PRODUCT_COLUMNS = 8, PRODUCT_PANELS = 2 };
#elif VW == 8 || defined(__aarch64__)
enum { PRODUCT_COLUMNS = 4, PRODUCT_PANELS = 1 };
#else
enum { PRODUCT_COLUMNS = 2, PRODUCT_PANELS = 1 };
#endif
enum { PRODUCT_REGISTERS = CONV_LANES / VW };

typedef vf product_sums[PRODUCT_COLUMNS][PRODUCT_PANELS][PRODUCT_REGISTERS];

/* What is on its way during a pass: x of the next, a share of the z after these panels, and up to one row of the next
 * patches a term, eight pixels of it. */
typedef struct product_soon {
    const float *x, *z;
    const float *const *row;
    int64_t rows, column;
} product_soon;

/* panels is a constant where it is inlined. */
INLINE void product_pass(const winograd_product *p, const float *x, const product_soon *soon, const float *z,
                         float *sums, const int panels)
{
    const int64_t z_panel = p->z_panel, sums_panel = p->sums_panel;
    const float *x_soon = soon->x, *z_soon = soon->z;
    product_sums acc;
#pragma GCC unroll 8
    for (int j = 0; j < PRODUCT_COLUMNS; j++)
#pragma GCC unroll 2
        for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
            for (int r = 0; r < PRODUCT_REGISTERS; r++)
                acc[j][k][r] = p->add ? vf_load(sums + k * sums_panel + j * CONV_LANES + r * VW) : vf_set(0);
    for (int64_t i = 0; i < p->terms; i++, x += WINOGRAD_X - CONV_LANES) {
        const float *row = i < soon->rows ? soon->row[i] : x;
        const int64_t step = i < soon->rows ? soon->column : 0;
        for (int part = 0; part < 4; part++, x += 4, z += 4 * CONV_LANES) {
            __builtin_prefetch(x_soon);
            __builtin_prefetch(x_soon + CONV_LANES);
            x_soon += 2 * CONV_LANES;
#pragma GCC unroll 2
            for (int k = 0; k < panels; k++)
                __builtin_prefetch(z_soon + k * z_panel);
            z_soon += CONV_LANES;
            __builtin_prefetch(row, 0, 2);
            __builtin_prefetch(row + step, 0, 2);
            row += 2 * step;
#pragma GCC unroll 4
            for (int image = 0; image < 4; image++) {
                vf zv[PRODUCT_PANELS][PRODUCT_REGISTERS];
#pragma GCC unroll 2
                for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
                    for (int r = 0; r < PRODUCT_REGISTERS; r++)
                        zv[k][r] = vf_load(z + k * z_panel + image * CONV_LANES + r * VW);
#pragma GCC unroll 8
                for (int j = 0; j < PRODUCT_COLUMNS; j++) {
                    const vf xv = vf_set(x[j * CONV_LANES + image]);
#pragma GCC unroll 2
                    for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
                        for (int r = 0; r < PRODUCT_REGISTERS; r++)
                            acc[j][k][r] += xv * zv[k][r];
                }
            }
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < PRODUCT_COLUMNS; j++)
#pragma GCC unroll 2
        for (int k = 0; k < panels; k++)
#pragma GCC unroll 4
            for (int r = 0; r < PRODUCT_REGISTERS; r++)
                vf_store(sums + k * sums_panel + j * CONV_LANES + r * VW, acc[j][k][r]);
}

/* Not inlined: next to its loop over passes the innermost one runs out of registers. */
__attribute__((noinline)) static void product_of_panels(const winograd_product *p, const float *x,
                                                        const product_soon *soon, const float *z, float *sums)
{
    product_pass(p, x, soon, z, sums, PRODUCT_PANELS);
}

__attribute__((noinline)) static void product_of_panel(const winograd_product *p, const float *x,
                                                       const product_soon *soon, const float *z, float *sums)
{
    product_pass(p, x, soon, z, sums, 1);
}

INLINE const float *product_column(const winograd_product *p, int64_t c)
{
    return p->x + c / WINOGRAD_COLUMNS * p->x_panel + c % WINOGRAD_COLUMNS * CONV_LANES;
}

static void winograd_weights_products(const winograd_product *p)
{
    enum { SHARES = 4 }; /* passes that together fetch all z of the next */
    const int64_t panels = p->outputs / CONV_LANES;
    product_soon soon = { .column = p->soon->column };
    for (int64_t k = 0; k < panels; k += PRODUCT_PANELS)
        for (int64_t c = 0; c < p->columns; c += PRODUCT_COLUMNS) {
            const float *x = product_column(p, c);
            float *sums = p->sums + k * p->sums_panel + c * CONV_LANES;
            const bool last = k + PRODUCT_PANELS >= panels;
            soon.x = c + PRODUCT_COLUMNS < p->columns ? product_column(p, c + PRODUCT_COLUMNS)
                     : last                           ? p->x_next
                                                      : p->x;
            soon.z = (last ? p->z_next : p->z + (k + PRODUCT_PANELS) * p->z_panel) +
                     c / PRODUCT_COLUMNS % SHARES * p->terms * (WINOGRAD_Z / SHARES);
            soon.row = p->soon->row;
            soon.rows = p->terms < p->soon->left ? p->terms : p->soon->left;
            p->soon->row += soon.rows;
            p->soon->left -= soon.rows;
            if (k + PRODUCT_PANELS <= panels)
                product_of_panels(p, x, &soon, p->z + k * p->z_panel, sums);
            else
                product_of_panel(p, x, &soon, p->z + k * p->z_panel, sums);
        }
}

/* ---- windows ---- */

static void winograd_weights_windows(const float *sums, int64_t matrix, int64_t channels, float *dw)
{
    for (int64_t c = 0; c < channels; c++, sums += CONV_LANES, dw += 9 * CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            vf half_done[3][6];
#pragma GCC unroll 6
            for (int j = 0; j < 6; j++) {
                vf m[6], column[3];
#pragma GCC unroll 6
                for (int i = 0; i < 6; i++)
                    m[i] = vf_load(sums + (i * 6 + j) * matrix + k);
                winograd_interpolate_window(column, m);
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++)
                    half_done[i][j] = column[i];
            }
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++) {
                vf line[3];
                winograd_interpolate_window(line, half_done[i]);
#pragma GCC unroll 3
                for (int j = 0; j < 3; j++)
                    vf_store(dw + (i * 3 + j) * CONV_LANES + k, line[j]);
            }
        }
}

#include "body_winograd_weights_fives.h"
#include "body_winograd_weights_pairs.h"
#include "body_winograd_weights_strided.h"

static const struct cpu_winograd_weights_kernels winograd_weights_kernels = {
    .product = winograd_weights_products,
    .tiles = {
        .lines = WINOGRAD_INPUTS,
        .points = WINOGRAD_INPUTS,
        .width = WINOGRAD_INPUTS,
        .tile = WINOGRAD_TILE,
        .patches = winograd_weights_patches,
        .turned = winograd_weights_tile,
        .windows = winograd_weights_windows,
    },
    .fives = {
        .lines = FIVES_INPUTS,
        .points = FIVES_INPUTS,
        .width = FIVES_INPUTS,
        .tile = WINOGRAD_RESULTS,
        .patches = winograd_weights_fives_patches,
        .turned = winograd_weights_fives_tile,
        .windows = winograd_weights_fives_windows,
    },
    .strided = {
        .lines = STRIDED_WINDOW,
        .points = STRIDED_POINTS - 1,
        .width = STRIDED_LINES,
        .tile = STRIDED_TILE,
        .patches = strided_weights_patches,
        .turned = strided_weights_tile,
        .windows = strided_weights_windows,
    },
    .pairs = {
        .lines = 3,
        .points = 3,
        .width = 3,
        .tile = 2,
        .patches = winograd_weights_pairs_patches,
        .turned = winograd_weights_pairs_tile,
        .windows = winograd_weights_pairs_windows,
    },
};

/* Gradients of 3x3 weights on maps of 2x2, where each tap meets some pixel: the transposition of body_winograd_pairs.h. Along
 * one axis, with x0, x1 and gradients d0, d1 of the results,
 *
 *     p0 = (x0 + x1) (d0 + d1)        p1 = x1 d0        p2 = x0 d1
 *     dw0 = p2                        dw1 = p0 - p1 - p2                        dw2 = p1
 *
 * Order of summation: terms, then images, one accumulator a sum. Tails: none, operands are padded with zeros.
 * Aliasing: none. */

/* The inputs of the three products from two neighbours of x. */
INLINE void winograd_pairs_evaluate_x(vf to[3], vf a, vf b)
{
    to[0] = a + b;
    to[1] = b;
    to[2] = a;
}

INLINE void winograd_pairs_evaluate_z(vf to[3], vf a, vf b)
{
    to[0] = a + b;
    to[1] = a;
    to[2] = b;
}

INLINE void winograd_pairs_interpolate(vf to[3], const vf p[3])
{
    to[0] = p[2];
    to[1] = p[0] - p[1] - p[2];
    to[2] = p[1];
}

/* Lanes [lane, lane + VW) of one channel; those past the images are 0. */
INLINE void winograd_pairs_patch(const winograd_source *s, const winograd_patch *p, int64_t channel, int lane,
                                 float *to, int64_t point)
{
    vi there = vi_set(0);
    for (int i = 0; i < VW; i++)
        there[i] = lane + i < p->images ? -1 : 0;
    vf row[2][3], column[3];
#pragma GCC unroll 2
    for (int r = 0; r < 2; r++) {
        const float *x = p->x + (p->at + channel + r * s->row + lane);
        winograd_pairs_evaluate_x(row[r], (vf)(there & (vi)vf_load(x)), (vf)(there & (vi)vf_load(x + s->column)));
    }
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) {
        winograd_pairs_evaluate_x(column, row[0][j], row[1][j]);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++)
            vf_store(to + (i * 3 + j) * point + lane, column[i]);
    }
}

static void winograd_weights_pairs_patches(const winograd_source *s, const winograd_matrices *to)
{
    const int64_t padded = (s->channels + WINOGRAD_COLUMNS - 1) / WINOGRAD_COLUMNS * WINOGRAD_COLUMNS;
    for (int64_t c = 0; c < padded; c++) {
        float *at = winograd_first_patch(s, to, c);
        for (int64_t i = 0; i < s->patches; i++, at += WINOGRAD_X)
            for (int lane = 0; lane < CONV_LANES; lane += VW) {
                if (c < s->channels)
                    winograd_pairs_patch(s, &s->patch[i], c * s->channel, lane, at, to->point);
                else
                    for (int p = 0; p < WINOGRAD_PAIRS_POSITIONS; p++)
                        vf_store(at + p * to->point + lane, vf_set(0));
            }
    }
}

static void winograd_weights_pairs_tile(const float *z, const winograd_patch *p, const winograd_matrices *to,
                                        int64_t panel)
{
    float *at = winograd_tile_of_panel(p, to, panel);
    for (int image = 0; image < CONV_LANES; image++, z += CONV_LANES, at += CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            vf row[2][3], column[3];
#pragma GCC unroll 2
            for (int r = 0; r < 2; r++) {
                const vf a = vf_load(z + 2 * r * WINOGRAD_Z + k), b = vf_load(z + (2 * r + 1) * WINOGRAD_Z + k);
                winograd_pairs_evaluate_z(row[r], image < p->images ? a : vf_set(0),
                                          image < p->images ? b : vf_set(0));
            }
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                winograd_pairs_evaluate_z(column, row[0][j], row[1][j]);
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++)
                    vf_store(at + (i * 3 + j) * to->point + k, column[i]);
            }
        }
}

static void winograd_weights_pairs_windows(const float *sums, int64_t matrix, int64_t channels, float *dw)
{
    for (int64_t c = 0; c < channels; c++, sums += CONV_LANES, dw += 9 * CONV_LANES)
        for (int k = 0; k < CONV_LANES; k += VW) {
            vf half[3][3], line[3];
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                vf p[3], column[3];
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++)
                    p[i] = vf_load(sums + (i * 3 + j) * matrix + k);
                winograd_pairs_interpolate(column, p);
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++)
                    half[i][j] = column[i];
            }
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++) {
                winograd_pairs_interpolate(line, half[i]);
#pragma GCC unroll 3
                for (int j = 0; j < 3; j++)
                    vf_store(dw + (i * 3 + j) * CONV_LANES + k, line[j]);
            }
        }
}

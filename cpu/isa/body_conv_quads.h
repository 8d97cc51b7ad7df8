/* Four outputs a pixel, one of each phase: the way back through stride 2 to few channels; see conv_quad_box in kernels_conv.h.
 * A tile is the four outputs of some pixels, made lane by lane of a block. Order of summation: kinds of taps, then their taps. */

/* The taps of one kind. rows, columns and pb are constants where it is inlined. */
INLINE void quad_kind(const tile_work *t, const conv_quad_box *q, vf acc[4][TILE_MAX], const float *const *x,
                      const int rows, const int columns, const int pb)
{
    const int kind = 3 * (rows - 1) + columns - 1;
    const conv_tap *tap = t->tap + q->kind[kind], *end = t->tap + q->kind[kind + 1];
    for (; tap < end; tap++) {
        const int64_t offset = tap->x;
        const float *w = anew_pointer(&t->w) + tap->w;
        vf v[TILE_MAX];
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            v[i] = vf_load(x[i] + offset);
#pragma GCC unroll 4
        for (int f = 0; f < 4; f++) {
            if (!(rows >> (f >> 1) & columns >> (f & 1) & 1))
                continue;
            vf s = vf_set(w[f]);
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                acc[f][i] += s * v[i];
        }
    }
}

INLINE void quad_pass(const tile_work *t, const conv_quad_box *q, int lane, const int pb)
{
    vf acc[4][TILE_MAX];
#pragma GCC unroll 4
    for (int f = 0; f < 4; f++)
#pragma GCC unroll 8
        for (int i = 0; i < pb; i++)
            acc[f][i] = vf_set(0);
    const float *x[TILE_MAX];
    for (int i = 0; i < pb; i++)
        x[i] = alone(t->x[i]) + lane;
    quad_kind(t, q, acc, x, 1, 1, pb);
    quad_kind(t, q, acc, x, 1, 2, pb);
    quad_kind(t, q, acc, x, 1, 3, pb);
    quad_kind(t, q, acc, x, 2, 1, pb);
    quad_kind(t, q, acc, x, 2, 2, pb);
    quad_kind(t, q, acc, x, 2, 3, pb);
    quad_kind(t, q, acc, x, 3, 1, pb);
    quad_kind(t, q, acc, x, 3, 2, pb);
    quad_kind(t, q, acc, x, 3, 3, pb);
#pragma GCC unroll 4
    for (int f = 0; f < 4; f++)
        if (q->there[f])
#pragma GCC unroll 8
            for (int i = 0; i < pb; i++)
                vf_store((float *)alone(t->y[i]) + (anew(&q->phase[f]) + lane), acc[f][i]);
}

/* 1 to QUAD_PIXELS pixels. */
static void quad_tile(const tile_work *t, const conv_quad_box *q, int pb)
{
    for (int lane = 0; lane < CONV_LANES; lane += VW)
        /* clang-format off */
        switch (pb) {
        case 1: quad_pass(t, q, lane, 1); break;
        case 2: quad_pass(t, q, lane, 2); break;
        case 3: if (QUAD_PIXELS >= 3) quad_pass(t, q, lane, 3); break;
        default: if (QUAD_PIXELS >= 4) quad_pass(t, q, lane, 4);
        }
    /* clang-format on */
}

static void conv_quads_of_box(const conv_tiles *t, const conv_quad_box *q)
{
    const int64_t pixels = t->blocks * q->box.rows * q->box.columns;
    const int64_t tiles = (pixels + QUAD_PIXELS - 1) / QUAD_PIXELS;
    const int64_t size = pixels / tiles, larger = pixels % tiles;
    tile_work work = work_on(t, &q->box);
    pixel_walk walk = walk_box(t, &q->box);
    for (int64_t i = 0; i < tiles; i++) {
        const int pb = (int)(i < larger ? size + 1 : size);
        walk_pixels(&walk, pb, work.x, work.y);
        quad_tile(&work, q, pb);
    }
}

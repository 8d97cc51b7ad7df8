/* Winograd's convolution F(4x4, 3x3): a tile of 4x4 results from 6x6 inputs is, after transforms of inputs and weights, 36
 * products instead of 144, each a matrix product over channels; and by transposition the gradient of the weights, too.
 *
 * The transforms evaluate polynomials at 0, +-11/16, +-11/8 and infinity: not the usual 0, +-1, +-2, because these are
 * exact in float, keep the matrices' entries about 1, and leave a third of the error.
 *
 * What is transformed lies as 36 matrices [channel][tile][16]: position p's begins at p step. V and ITEMS as in conv.cl: on
 * processors a work-item takes a tile, elsewhere one lane of it. */
#ifdef OCL_CPU
typedef float16 V;
enum { ITEMS = 1 };
inline V keep_images(V v, int images)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return select((V)(0), v, lane < (int16)(images));
}
#else
typedef float V;
enum { ITEMS = 16 };
inline V keep_images(V v, int images)
{
    return (int)(get_global_id(0) % 16) < images ? v : 0;
}
#endif

/* Arrays are to stay in registers: what is called with their address would keep them in memory. */
#define ALWAYS_INLINE __attribute__((always_inline)) inline
#define P 0.6875f /* the points, and their powers */
#define P2 0.47265625f
#define P3 0.324951171875f
#define Q 1.375f
#define Q2 1.890625f
#define Q3 2.599609375f
#define P2Q2 0.89361572265625f
#define P2_Q2 2.36328125f           /* P2 + Q2 */
#define NP (2 * P2 * (P2 - Q2))     /* products of a point's distances from the others */
#define NQ (2 * Q2 * (Q2 - P2))

/* Tiles [first, first + tiles) of the images of all blocks. The tensor of `channels` is h x w; tile (i, j) of an image
 * begins at its pixel (tile i - up, tile j - left). images > 0: lanes past that many images are made 0. */
typedef struct plane {
    int channels, h, w, up, left;
    int tiles_h, tiles_w, first, tiles, images;
} plane;

/* Where this work-item is: false if nowhere. `row` and `column`: its tile's first pixel. */
typedef struct place {
    int channel, tile, block, row, column;
    index_t lane;
} place;

inline bool find_place(const plane *g, place *at)
{
    const index_t item = get_global_id(0) / ITEMS;
    if (item >= (index_t)g->channels * g->tiles)
        return false;
    at->lane = get_global_id(0) % ITEMS;
    at->tile = item % g->tiles;
    at->channel = item / g->tiles;
    const int tile = g->first + at->tile, in_image = tile % (g->tiles_h * g->tiles_w);
    at->block = tile / (g->tiles_h * g->tiles_w);
    at->row = in_image / g->tiles_w * 4 - g->up;
    at->column = in_image % g->tiles_w * 4 - g->left;
    return true;
}

inline index_t plane_at(const plane *g, const place *at, index_t begin)
{
    return begin / (16 / ITEMS) + ((index_t)at->block * g->channels + at->channel) * g->h * g->w * ITEMS + at->lane;
}

inline index_t transformed_at(const plane *g, const place *at, index_t begin)
{
    return begin / (16 / ITEMS) + ((index_t)at->channel * g->tiles + at->tile) * ITEMS + at->lane;
}

/* Pixel (i, j), 0 outside. */
ALWAYS_INLINE V pixel(const plane *g, __global const V *x, int i, int j)
{
    return i >= 0 && i < g->h && j >= 0 && j < g->w ? x[(i * g->w + j) * ITEMS] : (V)(0);
}

ALWAYS_INLINE void evaluate_inputs(V to[6], const V d[6])
{
    const V even_p = d[4] - Q2 * d[2], odd_p = P * (d[3] - Q2 * d[1]);
    const V even_q = d[4] - P2 * d[2], odd_q = Q * (d[3] - P2 * d[1]);
    to[0] = P2Q2 * d[0] - P2_Q2 * d[2] + d[4];
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = P2Q2 * d[1] - P2_Q2 * d[3] + d[5];
}

ALWAYS_INLINE void evaluate_results(V to[6], const V d[4])
{
    const V even_p = d[0] + P2 * d[2], odd_p = P * d[1] + P3 * d[3];
    const V even_q = d[0] + Q2 * d[2], odd_q = Q * d[1] + Q3 * d[3];
    to[0] = d[0];
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = d[3];
}

ALWAYS_INLINE void interpolate_results(V to[4], const V m[6])
{
    const V sum_p = m[1] + m[2], difference_p = m[1] - m[2], sum_q = m[3] + m[4], difference_q = m[3] - m[4];
    to[0] = m[0] + sum_p + sum_q;
    to[1] = P * difference_p + Q * difference_q;
    to[2] = P2 * sum_p + Q2 * sum_q;
    to[3] = P3 * difference_p + Q3 * difference_q + m[5];
}

ALWAYS_INLINE void store_transformed(__global V *to, index_t step, const V half_done[6][6], bool inputs)
{
#pragma unroll
    for (int i = 0; i < 6; i++) {
        V line[6];
        if (inputs)
            evaluate_inputs(line, half_done[i]);
        else
            evaluate_results(line, half_done[i]);
#pragma unroll
        for (int j = 0; j < 6; j++)
            to[(i * 6 + j) * step] = line[j];
    }
}

/* 6x6 of x. */
__kernel void winograd_inputs(plane g, __global V *to, index_t to_at, index_t step, __global const V *x, index_t x_at)
{
    place at;
    if (!find_place(&g, &at))
        return;
    x += plane_at(&g, &at, x_at);
    const int images = g.images - at.block * 16;
    V half_done[6][6];
#pragma unroll
    for (int j = 0; j < 6; j++) {
        V d[6], column[6];
#pragma unroll
        for (int i = 0; i < 6; i++) {
            d[i] = pixel(&g, x, at.row + i, at.column + j);
            if (g.images > 0 && images < 16)
                d[i] = keep_images(d[i], images);
        }
        evaluate_inputs(column, d);
#pragma unroll
        for (int i = 0; i < 6; i++)
            half_done[i][j] = column[i];
    }
    store_transformed(to + transformed_at(&g, &at, to_at), step / (16 / ITEMS), half_done, true);
}

/* 4x4 of dz, for the gradient of the weights. */
__kernel void winograd_gradients(plane g, __global V *to, index_t to_at, index_t step, __global const V *dz,
                                 index_t dz_at)
{
    place at;
    if (!find_place(&g, &at))
        return;
    dz += plane_at(&g, &at, dz_at);
    const int images = g.images - at.block * 16;
    V half_done[6][6];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        V d[4], column[6];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            d[i] = pixel(&g, dz, at.row + i, at.column + j);
            if (g.images > 0 && images < 16)
                d[i] = keep_images(d[i], images);
        }
        evaluate_results(column, d);
#pragma unroll
        for (int i = 0; i < 6; i++)
            half_done[i][j] = column[i];
    }
    store_transformed(to + transformed_at(&g, &at, to_at), step / (16 / ITEMS), half_done, false);
}

/* 4x4 of y, plus bias. */
__kernel void winograd_results(plane g, __global V *y, index_t y_at, __global const V *from, index_t from_at, index_t step,
                               __global const float *bias, index_t bias_at, int has_bias, int relu)
{
    place at;
    if (!find_place(&g, &at))
        return;
    y += plane_at(&g, &at, y_at);
    from += transformed_at(&g, &at, from_at);
    step /= 16 / ITEMS;
    const V b = (V)(has_bias ? bias[bias_at + at.channel] : 0);
    V half_done[4][6];
#pragma unroll
    for (int j = 0; j < 6; j++) {
        V m[6], column[4];
#pragma unroll
        for (int i = 0; i < 6; i++)
            m[i] = from[(i * 6 + j) * step];
        interpolate_results(column, m);
#pragma unroll
        for (int i = 0; i < 4; i++)
            half_done[i][j] = column[i];
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        V line[4];
        interpolate_results(line, half_done[i]);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            V v = line[j] + b;
            if (relu)
                v = v < (V)(0) ? (V)(0) : v; /* NaN stays NaN */
            if (at.row + i < g.h && at.column + j < g.w)
                y[((at.row + i) * g.w + at.column + j) * ITEMS] = v;
        }
    }
}

ALWAYS_INLINE void evaluate_weights(float to[6], float a, float b, float c)
{
    const float even_p = (a + P2 * c) * (1 / NP), odd_p = b * (P / NP);
    const float even_q = (a + Q2 * c) * (1 / NQ), odd_q = b * (Q / NQ);
    to[0] = a * (1 / P2Q2);
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = c;
}

ALWAYS_INLINE void interpolate_weights(float to[3], const float m[6])
{
    const float sum_p = (m[1] + m[2]) * (1 / NP), sum_q = (m[3] + m[4]) * (1 / NQ);
    to[0] = m[0] * (1 / P2Q2) + sum_p + sum_q;
    to[1] = (m[1] - m[2]) * (P / NP) + (m[3] - m[4]) * (Q / NQ);
    to[2] = P2 * sum_p + Q2 * sum_q + m[5];
}

/* 36 matrices [k][c] of w (k, c, 3, 3), `pairs` of k and c; turned: of windows turned round, for the gradient of x. */
__kernel void winograd_weights(__global float *to, index_t to_at, __global const float *w, index_t w_at, int pairs, int turned)
{
    const index_t i = get_global_id(0);
    if (i >= pairs)
        return;
    to += to_at + i;
    w += w_at + i * 9;
    float window[9], half_done[6][3];
#pragma unroll
    for (int t = 0; t < 9; t++)
        window[t] = w[turned ? 8 - t : t];
#pragma unroll
    for (int s = 0; s < 3; s++) {
        float column[6];
        evaluate_weights(column, window[s], window[3 + s], window[6 + s]);
#pragma unroll
        for (int r = 0; r < 6; r++)
            half_done[r][s] = column[r];
    }
#pragma unroll
    for (int r = 0; r < 6; r++) {
        float line[6];
        evaluate_weights(line, half_done[r][0], half_done[r][1], half_done[r][2]);
#pragma unroll
        for (int s = 0; s < 6; s++)
            to[(index_t)(r * 6 + s) * pairs] = line[s];
    }
}

/* And the gradient of the weights from 36 matrices [k][c]. */
__kernel void winograd_window(__global float *dw, index_t dw_at, __global const float *from, index_t from_at, int pairs)
{
    const index_t i = get_global_id(0);
    if (i >= pairs)
        return;
    from += from_at + i;
    dw += dw_at + i * 9;
    float half_done[3][6];
#pragma unroll
    for (int s = 0; s < 6; s++) {
        float m[6], column[3];
#pragma unroll
        for (int r = 0; r < 6; r++)
            m[r] = from[(index_t)(r * 6 + s) * pairs];
        interpolate_weights(column, m);
#pragma unroll
        for (int r = 0; r < 3; r++)
            half_done[r][s] = column[r];
    }
#pragma unroll
    for (int r = 0; r < 3; r++) {
        float line[3];
        interpolate_weights(line, half_done[r]);
#pragma unroll
        for (int s = 0; s < 3; s++)
            dw[r * 3 + s] = line[s];
    }
}

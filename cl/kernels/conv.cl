/* Direct convolution of activations in blocks of 16 images: forward, backward-data, backward-weights.
 *
 * The shape is compiled in: GROUPS, CIN and COUT (channels in and out of one group), H, W, HO, WO, KH, KW, and STRIDE_*, PAD_*,
 * DILATION_* of rows (H) and columns (W). A work-item makes one row of results (SEGMENT pixels of it where rows are long)
 * for a few channels, in registers. So the taps that fall outside the image are known at compile time along the row, and
 * shorten a loop along the column: padding is neither stored nor multiplied.
 *
 * V is what a work-item holds of the 16 images: a float16 on processors (a vector register); a float elsewhere, where the
 * 16 neighbouring work-items that share a block make one contiguous load. */
#ifdef OCL_CPU
typedef float16 V;
enum { ITEMS = 1 }; /* work-items to a block of images, and V's to a pixel */
#else
typedef float V;
enum { ITEMS = 16 };
#endif

/* Where this work-item's share of image block `block` of a dense tensor begins; pixels of it are ITEMS V's apart. */
#define BLOCK_OF(tensor, offset, block, pixels)                                                                      \
    ((tensor) + (offset) / (16 / ITEMS) + (index_t)(block) * (pixels)*ITEMS + get_local_id(0) % ITEMS)
#define AT(base, pixel) ((base)[(index_t)(pixel)*ITEMS])

/* Sums are to stay in registers: what is called with their address would keep them in memory. */
#define ALWAYS_INLINE __attribute__((always_inline)) inline

#ifdef FORWARD
/* KB output channels, of which the last work-item of a group may have fewer: it computes some twice. */
__kernel void conv_forward(__global V *y, index_t y_at, __global const V *x, index_t x_at, __global const float *w,
                           index_t w_at, __global const float *bias, index_t bias_at)
{
    const int row = get_global_id(0) / ITEMS, ho = row / SEGMENTS;
    const int first = SEGMENTS == 1 ? 0 : min(row % SEGMENTS * SEGMENT, WO - SEGMENT);
    const int group = get_group_id(1) / K_BLOCKS, k0 = min((int)get_group_id(1) % K_BLOCKS * KB, COUT - KB);
    if (row >= HO * SEGMENTS)
        return;
    x = BLOCK_OF(x, x_at, get_group_id(2), GROUPS * CIN * H * W) + (index_t)group * CIN * H * W * ITEMS;
    y = BLOCK_OF(y, y_at, get_group_id(2), GROUPS * COUT * HO * WO) + (index_t)(group * COUT + k0) * HO * WO * ITEMS;
    w += w_at + (index_t)(group * COUT + k0) * CIN * KH * KW;

    V acc[KB][SEGMENT];
#pragma unroll
    for (int k = 0; k < KB; k++)
#pragma unroll
        for (int j = 0; j < SEGMENT; j++)
#ifdef BIAS
            acc[k][j] = (V)(bias[bias_at + group * COUT + k0 + k]);
#else
            acc[k][j] = (V)(0);
#endif
    for (int c = 0; c < CIN; c++)
        for (int r = 0; r < KH; r++) {
            const int iy = ho * STRIDE_H - PAD_H + r * DILATION_H;
            if (iy < 0 || iy >= H)
                continue;
            __global const V *line = &AT(x, (c * H + iy) * W);
            __global const float *wr = w + (c * KH + r) * KW;
#pragma unroll
            for (int s = 0; s < KW; s++) {
                float wk[KB];
#pragma unroll
                for (int k = 0; k < KB; k++)
                    wk[k] = wr[(index_t)k * CIN * KH * KW + s];
#pragma unroll
                for (int j = 0; j < SEGMENT; j++) {
                    const int ix = (first + j) * STRIDE_W - PAD_W + s * DILATION_W;
                    if (ix >= 0 && ix < W) {
                        const V v = AT(line, ix);
#pragma unroll
                        for (int k = 0; k < KB; k++)
                            acc[k][j] = fma((V)(wk[k]), v, acc[k][j]);
                    }
                }
            }
        }
#pragma unroll
    for (int k = 0; k < KB; k++)
#pragma unroll
        for (int j = 0; j < SEGMENT; j++)
#ifdef RELU
            /* NaN stays NaN */
            AT(y, (k * HO + ho) * WO + first + j) = acc[k][j] < (V)(0) ? (V)(0) : acc[k][j];
#else
            AT(y, (k * HO + ho) * WO + first + j) = acc[k][j];
#endif
}
#endif

#ifdef BACKWARD_DATA
/* dx(c, i, j) = sum over k, r, s of dz(k, o, p) w(k, c, r, s), where o STRIDE_H - PAD_H + r DILATION_H = i and p alike.
 * CB input channels and SEGMENT pixels of a row of dx. */
__kernel void conv_backward_data(__global V *dx, index_t dx_at, __global const V *dz, index_t dz_at,
                                 __global const float *w, index_t w_at)
{
    const int row = get_global_id(0) / ITEMS, i = row / SEGMENTS;
    const int first = SEGMENTS == 1 ? 0 : min(row % SEGMENTS * SEGMENT, W - SEGMENT);
    const int group = get_group_id(1) / C_BLOCKS, c0 = min((int)get_group_id(1) % C_BLOCKS * CB, CIN - CB);
    if (row >= H * SEGMENTS)
        return;
    dz = BLOCK_OF(dz, dz_at, get_group_id(2), GROUPS * COUT * HO * WO) + (index_t)group * COUT * HO * WO * ITEMS;
    dx = BLOCK_OF(dx, dx_at, get_group_id(2), GROUPS * CIN * H * W) + (index_t)(group * CIN + c0) * H * W * ITEMS;
    w += w_at + ((index_t)group * COUT * CIN + c0) * KH * KW;

    V acc[CB][SEGMENT];
#pragma unroll
    for (int c = 0; c < CB; c++)
#pragma unroll
        for (int j = 0; j < SEGMENT; j++)
            acc[c][j] = (V)(0);
    for (int k = 0; k < COUT; k++)
        for (int r = 0; r < KH; r++) {
            const int from = i + PAD_H - r * DILATION_H, o = from / STRIDE_H;
            if (from < 0 || from % STRIDE_H != 0 || o >= HO)
                continue;
            __global const V *line = &AT(dz, (k * HO + o) * WO);
            __global const float *wr = w + (index_t)(k * CIN * KH + r) * KW;
#pragma unroll
            for (int s = 0; s < KW; s++) {
                float wc[CB];
#pragma unroll
                for (int c = 0; c < CB; c++)
                    wc[c] = wr[c * KH * KW + s];
#pragma unroll
                for (int j = 0; j < SEGMENT; j++) {
                    const int to = first + j + PAD_W - s * DILATION_W;
                    if (to >= 0 && to % STRIDE_W == 0 && to / STRIDE_W < WO) {
                        const V v = AT(line, to / STRIDE_W);
#pragma unroll
                        for (int c = 0; c < CB; c++)
                            acc[c][j] = fma((V)(wc[c]), v, acc[c][j]);
                    }
                }
            }
        }
#pragma unroll
    for (int c = 0; c < CB; c++)
#pragma unroll
        for (int j = 0; j < SEGMENT; j++)
            AT(dx, (c * H + i) * W + first + j) = acc[c][j];
}
#endif

#ifdef BACKWARD_WEIGHTS
#ifdef OCL_CPU
inline V keep_images(V v, int images)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return select((V)(0), v, lane < (int16)(images));
}
/* By halves, in memory that becomes registers: some tools do not follow what lies in the upper half of a vector. */
inline float sum_images(V v)
{
    float lane[16];
    vstore16(v, 0, lane);
#pragma unroll
    for (int width = 8; width > 0; width /= 2)
#pragma unroll
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}
#else
inline V keep_images(V v, int images)
{
    return get_local_id(0) % 16 < images ? v : 0;
}
#endif

/* Results of image block's pixel (o, p) that flow in. */
ALWAYS_INLINE void load_gradients(V d[KB], __global const V *dz, int o, int p, int images)
{
#pragma unroll
    for (int k = 0; k < KB; k++) {
        d[k] = AT(dz, (k * HO + o) * WO + p);
        if (images < 16)
            d[k] = keep_images(d[k], images);
    }
}

/* The products of one row of results with one row of the window, added to acc. Short rows are unrolled, so that the taps
 * that fall outside are known. */
ALWAYS_INLINE void weights_of_row(V acc[KB][KW], __global const V *dz, __global const V *line, int o, int images)
{
#ifdef UNROLL
#pragma unroll
#endif
    for (int p = 0; p < WO; p++) {
        V d[KB];
        load_gradients(d, dz, o, p, images);
#pragma unroll
        for (int s = 0; s < KW; s++) {
            const int ix = p * STRIDE_W - PAD_W + s * DILATION_W;
            if (ix < 0 || ix >= W)
                continue;
            V v = AT(line, ix);
            if (images < 16)
                v = keep_images(v, images);
#pragma unroll
            for (int k = 0; k < KB; k++)
                acc[k][s] = fma(d[k], v, acc[k][s]);
        }
    }
}

/* The products of one image block, added to acc; `images` of it exist (a constant where all do). */
ALWAYS_INLINE void weights_of_block(V acc[KH][KB][KW], __global const V *dz, __global const V *x, int images)
{
    for (int o = 0; o < HO; o++)
#pragma unroll
        for (int r = 0; r < KH; r++) {
            const int iy = o * STRIDE_H - PAD_H + r * DILATION_H;
            if (iy >= 0 && iy < H)
                weights_of_row(acc[r], dz, &AT(x, iy * W), o, images);
        }
}

ALWAYS_INLINE void biases_of_block(V bias[KB], __global const V *dz, int images)
{
    for (int o = 0; o < HO; o++)
        for (int p = 0; p < WO; p++) {
            V d[KB];
            load_gradients(d, dz, o, p, images);
#pragma unroll
            for (int k = 0; k < KB; k++)
                bias[k] += d[k];
        }
}

/* One input channel and KB output channels over slice get_group_id(2) of the image blocks: partial sums, first of all
 * weights and then of all biases, slice by slice. */
__kernel void conv_backward_weights(__global float *partial, index_t partial_at, __global const V *dz, index_t dz_at,
                                    __global const V *x, index_t x_at, int images, int blocks_per_slice)
{
    const int group = get_group_id(1) / K_BLOCKS, k0 = min((int)get_group_id(1) % K_BLOCKS * KB, COUT - KB);
    const int c = get_group_id(0), slice = get_group_id(2), blocks = (images + 15) / 16;
    V acc[KH][KB][KW], bias[KB];
#pragma unroll
    for (int k = 0; k < KB; k++) {
        bias[k] = (V)(0);
#pragma unroll
        for (int t = 0; t < KH * KW; t++)
            acc[t / KW][k][t % KW] = (V)(0);
    }
    for (int block = slice * blocks_per_slice; block < min((slice + 1) * blocks_per_slice, blocks); block++) {
        __global const V *dzb =
            BLOCK_OF(dz, dz_at, block, GROUPS * COUT * HO * WO) + (index_t)(group * COUT + k0) * HO * WO * ITEMS;
        __global const V *xb = BLOCK_OF(x, x_at, block, GROUPS * CIN * H * W) + (index_t)(group * CIN + c) * H * W * ITEMS;
        if (images - block * 16 >= 16)
            weights_of_block(acc, dzb, xb, 16);
        else
            weights_of_block(acc, dzb, xb, images - block * 16);
        if (c == 0)
            biases_of_block(bias, dzb, min(16, images - block * 16));
    }
    const index_t weights = (index_t)GROUPS * COUT * CIN * KH * KW;
    partial += partial_at + slice * (weights + GROUPS * COUT);
#ifndef OCL_CPU
    __local float lanes[16];
#endif
#pragma unroll
    for (int k = 0; k < KB; k++)
        for (int t = 0; t < KH * KW + 1; t++) {
            const V v = t < KH * KW ? acc[t / KW][k][t % KW] : bias[k];
#ifdef OCL_CPU
            const float sum = sum_images(v);
#else
            barrier(CLK_LOCAL_MEM_FENCE);
            lanes[get_local_id(0)] = v;
            barrier(CLK_LOCAL_MEM_FENCE);
            float sum = 0;
            for (int l = 0; l < 16; l++)
                sum += lanes[l];
            if (get_local_id(0) != 0)
                continue;
#endif
            if (t < KH * KW)
                partial[((index_t)(group * COUT + k0 + k) * CIN + c) * KH * KW + t] = sum;
            else if (c == 0)
                partial[weights + group * COUT + k0 + k] = sum;
        }
}
#endif

#ifdef COMBINE
/* dw(i) = sum over the slices, in order, of what they found; the biases lie behind the weights. Either may be absent. */
__kernel void conv_combine(__global float *dw, index_t dw_at, __global float *db, index_t db_at,
                           __global const float *partial, index_t partial_at, int weights, int biases, int slices,
                           int want)
{
    const int i = get_global_id(0);
    if (i >= weights + biases)
        return;
    float sum = 0;
    for (int slice = 0; slice < slices; slice++)
        sum += partial[partial_at + (index_t)slice * (weights + biases) + i];
    if (i < weights && (want & 1))
        dw[dw_at + i] = sum;
    if (i >= weights && (want & 2))
        db[db_at + i - weights] = sum;
}
#endif

/* Convolutions as matrix products: windows of images in blocks of 16 as columns, and back.
 *
 * Columns are a matrix [channel, row and column of the window][block][pixel][16]: its columns are the results' pixels, image
 * by image of a block, so results of a block are a matrix too, and a product makes one from the other. Both kernels move
 * memory and hardly compute: the shape is an argument, and serves all layers.
 *
 * V and ITEMS as in conv.cl. On processors a work-item takes a line of pixels, elsewhere one lane of one pixel. */
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

/* `channels` of the tensor's `all`, from `channel` on; rows [row, row + rows) of the results of blocks [block, block + blocks).
 * images > 0: lanes past that many images are made 0. */
typedef struct windows {
    int all, channel, channels, h, w, ho, wo, r, s;
    int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int block, blocks, row, rows, images;
} windows;

/* Which line of `length` pixels is this work-item's, and which part of it: pixels [*first, *end). */
inline index_t my_line(int length, int *first, int *end)
{
#ifdef OCL_CPU
    *first = 0;
    *end = length;
    return get_global_id(0);
#else
    const index_t pixel = get_global_id(0) / ITEMS;
    *first = pixel % length;
    *end = *first + 1;
    return pixel / length;
#endif
}

/* A line of columns for each channel, position in the window, block and row. */
__kernel void conv_columns(windows g, __global V *columns, index_t columns_at, __global const V *x, index_t x_at)
{
    int first, end;
    index_t line = my_line(g.wo, &first, &end);
    if (line >= (index_t)g.channels * g.r * g.s * g.blocks * g.rows)
        return;
    const index_t lane = get_global_id(0) % ITEMS;
    columns += columns_at / (16 / ITEMS) + line * g.wo * ITEMS + lane;
    const int row = line % g.rows, block = line / g.rows % g.blocks;
    line /= g.rows * g.blocks;
    const int s = line % g.s, r = line / g.s % g.r, c = line / (g.r * g.s);
    const int i = (g.row + row) * g.stride_h - g.pad_h + r * g.dilation_h, shift = s * g.dilation_w - g.pad_w;
    const bool inside = i >= 0 && i < g.h;
    const int images = g.images - (g.block + block) * 16;
    if (inside)
        x += x_at / (16 / ITEMS) +
             (((index_t)(g.block + block) * g.all + g.channel + c) * g.h + i) * g.w * ITEMS + lane;
    for (int q = first; q < end; q++) {
        const int j = q * g.stride_w + shift;
        V v = inside && j >= 0 && j < g.w ? x[j * ITEMS] : (V)(0);
        if (g.images > 0 && images < 16)
            v = keep_images(v, images);
        columns[q * ITEMS] = v;
    }
}

/* The transpose, for whole images: a pixel of x is the sum, in order of the window, over the windows it lies in. */
__kernel void conv_images(windows g, __global V *x, index_t x_at, __global const V *columns, index_t columns_at)
{
    int first, end;
    index_t line = my_line(g.w, &first, &end);
    if (line >= (index_t)g.channels * g.blocks * g.h)
        return;
    const index_t lane = get_global_id(0) % ITEMS, pixels = g.ho * g.wo;
    const int i = line % g.h, block = line / g.h % g.blocks, c = line / ((index_t)g.h * g.blocks);
    x += x_at / (16 / ITEMS) + (((index_t)(g.block + block) * g.all + g.channel + c) * g.h + i) * g.w * ITEMS + lane;
    columns += columns_at / (16 / ITEMS) + ((index_t)c * g.r * g.s * g.blocks + block) * pixels * ITEMS + lane;
    for (int j = first; j < end; j++) {
        V sum = (V)(0);
        for (int r = 0; r < g.r; r++) {
            const int from = i + g.pad_h - r * g.dilation_h, o = from / g.stride_h;
            if (from < 0 || from % g.stride_h != 0 || o >= g.ho)
                continue;
            for (int s = 0; s < g.s; s++) {
                const int to = j + g.pad_w - s * g.dilation_w, q = to / g.stride_w;
                if (to >= 0 && to % g.stride_w == 0 && q < g.wo)
                    sum += columns[((index_t)(r * g.s + s) * g.blocks * pixels + o * g.wo + q) * ITEMS];
            }
        }
        x[j * ITEMS] = sum;
    }
}

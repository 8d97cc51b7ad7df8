/* Convolutions as matrix products, through columns made by kernels/conv_gemm.cl a part at a time: whole images of several
 * blocks, or some rows of one block. What a part is follows from the shape and the kind of device, never from how large or
 * busy the device is, so bits do not depend on that.
 *
 * Forward and gradients of weights make columns of x; the gradient of x comes as columns, which are gathered, for some
 * channels at a time where images are large. A window of one pixel needs no columns: x is its own. Strides and dilations are
 * the columns' affair; groups are products of their own.
 *
 * Measured with PoCL, 2 cores, 64 images, GFLOP/s direct / this, forward, gradient of x and of w: 1x1 64-256 of 28x28
 * 113 / 186, 96 / 160, 78 / 148; 3x3 stride 2, 64-128 of 28x28 145 / 146, 178 / 155, 172 / 137; 5x5 64-64 of 14x14
 * 164 / 121, 170 / 154, 228 / 143. */
#include "conv.h"
#include "gemm.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>

/* Floats of columns: a processor's should stay in its cache until they are used, a GPU's should keep it busy. */
#define CPU_ROOM ((int64_t)1 << 20)
#define GPU_ROOM ((int64_t)1 << 24)

typedef struct windows { /* of the kernels */
    cl_int all, channel, channels, h, w, ho, wo, r, s;
    cl_int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    cl_int block, blocks, row, rows, images;
} windows;

/* Rows of results that are done in one go: all of several blocks, or some of one. */
typedef struct part {
    int block, blocks, row, rows;
} part;

static int64_t room_of(const ocl_device *d)
{
    return d->is_cpu ? CPU_ROOM : GPU_ROOM;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* ---- pieces of memory as matrices ---- */

/* Rows of neighbours, `row` apart; matrices of a batch `batch` apart. */
static ocl_matrix rows_at(socle_in v, int64_t at, int64_t row, int64_t batch)
{
    return (ocl_matrix){ .buffer = v->buffer,
                         .at = ocl_start(v) + at,
                         .row = { SOCLE_LANES * row, row },
                         .column = { SOCLE_LANES, 1 },
                         .batch = { { SOCLE_LANES * batch, batch } } };
}

static ocl_matrix transposed(ocl_matrix m)
{
    const ocl_side row = m.row;
    m.row = m.column;
    m.column = row;
    return m;
}

static ocl_product product(int64_t m, int64_t n, int64_t k, int64_t batches)
{
    ocl_product p = { .m = m, .n = n, .k = k, .batches = batches, .alpha = 1 };
    p.batch[0] = batches;
    for (int i = 1; i < OCL_BATCH_DIMS; i++)
        p.batch[i] = 1;
    return p;
}

static int64_t taps_of(const ocl_convolution *c)
{
    return (int64_t)c->r * c->s;
}

/* Floats of an image block's channel. */
static int64_t x_plane(const ocl_convolution *c)
{
    return (int64_t)c->h * c->w * SOCLE_LANES;
}

static int64_t y_plane(const ocl_convolution *c)
{
    return (int64_t)c->ho * c->wo * SOCLE_LANES;
}

static ocl_matrix x_matrix(const ocl_convolution *c, int group, int block)
{
    const int64_t image = c->p.groups * c->c * x_plane(c);
    return rows_at(c->x, block * image + group * c->c * x_plane(c), x_plane(c), image);
}

/* Row `row` of images and those below. */
static ocl_matrix y_matrix(const ocl_convolution *c, int group, int block, int row)
{
    const int64_t image = c->p.groups * c->k * y_plane(c);
    return rows_at(c->y, block * image + group * c->k * y_plane(c) + (int64_t)row * c->wo * SOCLE_LANES, y_plane(c),
                   image);
}

static ocl_matrix weight_matrix(const ocl_convolution *c, int group)
{
    const int64_t row = c->c * taps_of(c);
    return rows_at(c->weights, group * c->k * row, row, 0);
}

/* Is x its own columns? */
static bool is_pointwise(const ocl_convolution *c)
{
    const socle_conv *p = &c->p;
    return taps_of(c) == 1 && p->stride[0] == 1 && p->stride[1] == 1 && p->pad[0] == 0 && p->pad[1] == 0;
}

/* ---- kernels ---- */

static windows windows_of(const ocl_convolution *c, int group, part at)
{
    const socle_conv *p = &c->p;
    return (windows){ .all = p->groups * c->c,
                      .channel = group * c->c,
                      .channels = c->c,
                      .h = c->h,
                      .w = c->w,
                      .ho = c->ho,
                      .wo = c->wo,
                      .r = c->r,
                      .s = c->s,
                      .stride_h = p->stride[0],
                      .stride_w = p->stride[1],
                      .pad_h = p->pad[0],
                      .pad_w = p->pad[1],
                      .dilation_h = p->dilation[0],
                      .dilation_w = p->dilation[1],
                      .block = at.block,
                      .blocks = at.blocks,
                      .row = at.row,
                      .rows = at.rows };
}

/* From `from` into `to`, whose lines of `length` pixels there are. */
static socle_status move(ocl_device *d, const char *function, const windows *g, socle_out to, socle_in from,
                         int64_t lines, int length)
{
    const bool wide = ocl_conv_wide(to) || ocl_conv_wide(from);
    const int64_t items = d->is_cpu ? lines : lines * length * SOCLE_LANES;
    char options[16];
    (void)snprintf(options, sizeof options, "-DINDEX=%s", wide ? "long" : "int");
    ocl_call k = ocl_begin(d, "conv_gemm.cl", function, options);
    ocl_arg(&k, sizeof *g, g);
    ocl_arg_buffer(&k, to->buffer);
    ocl_arg_index(&k, wide, ocl_start(to));
    ocl_arg_buffer(&k, from->buffer);
    ocl_arg_index(&k, wide, ocl_start(from));
    return ocl_run(&k, 1, (size_t[]){ (size_t)items }, NULL);
}

static socle_status make_columns(ocl_device *d, const windows *g, socle_out columns, socle_in x)
{
    return move(d, "conv_columns", g, columns, x, (int64_t)g->channels * g->r * g->s * g->blocks * g->rows, g->wo);
}

static socle_status workspace(ocl_device *d, int64_t floats, ocl_temp *out)
{
    return ocl_temp_new(d, SOCLE_F32, 1, &floats, 1, out);
}

/* ---- parts ---- */

/* How much of the results is done in one go: blocks and rows of the first part, which is the largest. */
static part largest(const ocl_device *d, const ocl_convolution *c)
{
    const int64_t line = c->c * taps_of(c) * c->wo * SOCLE_LANES, lines = room_of(d) / line;
    if (lines < c->ho)
        return (part){ .blocks = 1, .rows = ocl_even_piece(c->ho, lines) };
    return (part){ .blocks = ocl_even_piece(c->blocks, lines / c->ho), .rows = c->ho };
}

/* The part that follows *at, of the size of `most`; false if there is none. */
static bool next(const ocl_convolution *c, part most, part *at)
{
    at->row += at->rows;
    if (at->row >= c->ho) {
        at->row = 0;
        at->block += at->blocks;
    }
    at->blocks = min_int(most.blocks, c->blocks - at->block);
    at->rows = min_int(most.rows, c->ho - at->row);
    return at->blocks > 0;
}

static int64_t pixels_of(const ocl_convolution *c, part at)
{
    return (int64_t)at.rows * c->wo * SOCLE_LANES;
}

/* ---- forward ---- */

/* y of a part = w columns + bias. */
static socle_status forward_part(ocl_device *d, const ocl_convolution *c, int group, part at, ocl_matrix columns)
{
    ocl_product p = product(c->k, pixels_of(c, at), c->c * taps_of(c), at.blocks);
    p.c = y_matrix(c, group, at.block, at.row);
    p.a = weight_matrix(c, group);
    p.b = columns;
    p.relu = c->relu;
    if (c->bias) {
        p.bias = c->bias->buffer;
        p.bias_at = ocl_start(c->bias) + group * c->k;
        p.bias_row = 1;
    }
    return ocl_multiply(d, &p);
}

static socle_status forward(ocl_device *d, const ocl_convolution *c)
{
    const bool own = is_pointwise(c);
    const part most = own ? (part){ .blocks = c->blocks, .rows = c->ho } : largest(d, c);
    const int64_t rows = c->c * taps_of(c);
    ocl_temp columns = { 0 };
    socle_status status = own ? SOCLE_OK : workspace(d, rows * most.blocks * pixels_of(c, most), &columns);
    for (part at = { 0 }; status == SOCLE_OK && next(c, most, &at);)
        for (int g = 0; g < c->p.groups && status == SOCLE_OK; g++) {
            const int64_t pixels = pixels_of(c, at);
            const windows w = windows_of(c, g, at);
            if (!own)
                status = make_columns(d, &w, &columns.view, c->x);
            if (status == SOCLE_OK)
                status = forward_part(d, c, g, at,
                                      own ? x_matrix(c, g, at.block)
                                          : rows_at(&columns.view, 0, at.blocks * pixels, pixels));
        }
    ocl_temp_free(d, &columns);
    return status;
}

/* ---- gradient of x ---- */

/* `channels` of a group's from `channel` on, of some blocks: rows of w, transposed, times dz. */
static socle_status data_part(ocl_device *d, const ocl_convolution *c, int group, part at, int channel,
                              int channels, ocl_matrix columns)
{
    ocl_product p = product(channels * taps_of(c), y_plane(c), c->k, at.blocks);
    p.c = columns;
    p.a = transposed(weight_matrix(c, group));
    p.a.at += channel * taps_of(c);
    p.b = y_matrix(c, group, at.block, 0);
    return ocl_multiply(d, &p);
}

static socle_status gather(ocl_device *d, const ocl_convolution *c, int group, part at, int channel, int channels,
                           socle_in columns)
{
    windows w = windows_of(c, group, at);
    w.channel += channel;
    w.channels = channels;
    return move(d, "conv_images", &w, c->x, columns, (int64_t)channels * at.blocks * c->h, c->w);
}

static socle_status backward_data(ocl_device *d, const ocl_convolution *c)
{
    const bool own = is_pointwise(c);
    const int64_t plane = taps_of(c) * y_plane(c), fit = room_of(d) / plane; /* channels of blocks */
    const int channels = own ? c->c : ocl_even_piece(c->c, fit);
    const int blocks = own ? c->blocks : ocl_even_piece(c->blocks, fit / c->c);
    ocl_temp columns = { 0 };
    socle_status status = own ? SOCLE_OK : workspace(d, channels * blocks * plane, &columns);
    for (int b = 0; b < c->blocks && status == SOCLE_OK; b += blocks) {
        const part at = { .block = b, .blocks = min_int(blocks, c->blocks - b), .rows = c->ho };
        for (int i = 0; i < c->p.groups * c->c && status == SOCLE_OK; i += min_int(channels, c->c - i % c->c)) {
            const int group = i / c->c, channel = i % c->c, n = min_int(channels, c->c - channel);
            status = data_part(d, c, group, at, channel, n,
                               own ? x_matrix(c, group, b)
                                   : rows_at(&columns.view, 0, at.blocks * y_plane(c), y_plane(c)));
            if (status == SOCLE_OK && !own)
                status = gather(d, c, group, at, channel, n, &columns.view);
        }
    }
    ocl_temp_free(d, &columns);
    return status;
}

/* ---- gradient of the weights ---- */

/* dz of a part as a matrix [k][block, pixel, lane] without lanes that hold no image: where it lies if it is one already. */
static socle_status dz_matrix(ocl_device *d, const ocl_convolution *c, int group, part at, socle_out packed,
                              ocl_matrix *out)
{
    if (at.blocks == 1 && (at.block + 1) * SOCLE_LANES <= c->images) {
        *out = y_matrix(c, group, at.block, at.row);
        return SOCLE_OK;
    }
    windows w = { .all = c->p.groups * c->k,
                  .channel = group * c->k,
                  .channels = c->k,
                  .h = c->ho,
                  .w = c->wo,
                  .ho = c->ho,
                  .wo = c->wo,
                  .r = 1,
                  .s = 1,
                  .stride_h = 1,
                  .stride_w = 1,
                  .block = at.block,
                  .blocks = at.blocks,
                  .row = at.row,
                  .rows = at.rows,
                  .images = c->images };
    *out = rows_at(packed, 0, at.blocks * pixels_of(c, at), 0);
    return make_columns(d, &w, packed, c->y);
}

static socle_status weights_part(ocl_device *d, const ocl_convolution *c, int group, part at, socle_out columns,
                                 socle_out packed)
{
    const int64_t pixels = at.blocks * pixels_of(c, at);
    ocl_product p = product(c->k, c->c * taps_of(c), pixels, 1);
    p.beta = at.block == 0 && at.row == 0 ? 0 : 1;
    p.c = weight_matrix(c, group);
    p.b = transposed(rows_at(columns, 0, pixels, 0));
    windows w = windows_of(c, group, at);
    w.images = c->images;
    socle_status status = make_columns(d, &w, columns, c->x);
    if (status == SOCLE_OK)
        status = dz_matrix(d, c, group, at, packed, &p.a);
    return status == SOCLE_OK ? ocl_multiply(d, &p) : status;
}

static socle_status backward_weights(ocl_device *d, const ocl_convolution *c)
{
    const part most = largest(d, c);
    const int64_t pixels = most.blocks * pixels_of(c, most);
    ocl_temp columns = { 0 }, packed = { 0 };
    socle_status status = workspace(d, c->c * taps_of(c) * pixels, &columns);
    if (status == SOCLE_OK)
        status = workspace(d, c->k * pixels, &packed);
    for (part at = { 0 }; status == SOCLE_OK && next(c, most, &at);)
        for (int g = 0; g < c->p.groups && status == SOCLE_OK; g++)
            status = weights_part(d, c, g, at, &columns.view, &packed.view);
    if (status == SOCLE_OK && c->bias)
        status = ocl_conv_sum_bias(d, c);
    ocl_temp_free(d, &columns);
    ocl_temp_free(d, &packed);
    return status;
}

socle_status ocl_convolve_gemm(ocl_device *d, const ocl_convolution *c)
{
    switch (c->pass) {
    case OCL_FORWARD:
        return forward(d, c);
    case OCL_BACKWARD_DATA:
        return backward_data(d, c);
    default:
        return backward_weights(d, c);
    }
}

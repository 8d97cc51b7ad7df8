/* Gradients of the weights in the lane format; see conv_grad_w.h for the three ways.
 *
 * Which way: with 16 output channels in the lanes (isa/body_conv_weights.h) unless too few of the lanes would work. Then
 * chunks of images keep partial sums as long as these are smaller than dz; where they are not (many channels, small
 * images) dz is kept, transposed, and the weights are shared out: no partial sums at all. */
#include "conv_grad_w.h"

#include "parallel.h"

enum { GROUP = CONV_LANES, PIXEL = CONV_LANES * CONV_LANES }; /* channels of a group of lanes; floats of a pixel of dz */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t lane_groups(const conv_geometry *g)
{
    return (g->k + GROUP - 1) / GROUP;
}

static int64_t taps(const conv_geometry *g)
{
    return g->c * g->r * g->s;
}

/* ---- images in the lanes ---- */

/* Pairs of output rows and columns in these ranges with what tap (r, s) meets there. */
static conv_pairs pairs_at(const conv_geometry *g, lane_map x, lane_map dz, int64_t d_pixel_row, int64_t d_pixel,
                           conv_range rows, conv_range columns, int64_t r, int64_t s)
{
    const int *stride = g->p.stride, *pad = g->p.pad, *dilation = g->p.dilation;
    return (conv_pairs){
        .count = { 0, rows.to - rows.from, columns.to - columns.from },
        .x_step = { x.block, stride[0] * x.row, stride[1] * x.column },
        .d_step = { dz.block, d_pixel_row, d_pixel },
        .x = x.at + (rows.from * stride[0] - pad[0] + r * dilation[0]) * x.row +
             (columns.from * stride[1] - pad[1] + s * dilation[1]) * x.column,
        .d = dz.at + rows.from * d_pixel_row + columns.from * d_pixel,
    };
}

typedef struct images_chunk {
    const grad_w *j;
    lane_map x, dz; /* of the group's first channels */
    int64_t blocks;
    float *dw; /* of the group */
} images_chunk;

/* All channels of tap (r, s), columns of pixels in `columns`. */
static void images_tap(const images_chunk *a, int64_t r, int64_t s, conv_range rows, conv_range columns)
{
    const conv_geometry *g = a->j->g;
    if (columns.from >= columns.to)
        return;
    conv_pairs p = pairs_at(g, a->x, a->dz, a->dz.row, a->dz.column, rows, columns, r, s);
    p.count[0] = a->blocks;
    a->j->kernels->grad_w_images(&p, g->k, a->dz.channel, g->c, a->j->column, a->dw + r * g->s + s, taps(g),
                                 a->j->dw_column);
}

/* Few channels do not fill a tile, so a row of taps does: in the columns where all of them are inside. */
static void images_row_of_taps(const images_chunk *a, int64_t r, conv_range rows)
{
    const conv_geometry *g = a->j->g;
    conv_range all = { 0, g->wo };
    for (int64_t s = 0; s < g->s; s++) {
        conv_range range = conv_tap_range(g, 1, s);
        all.from = max64(all.from, range.from);
        all.to = min64(all.to, range.to);
    }
    if (all.from < all.to) {
        conv_pairs p = pairs_at(g, a->x, a->dz, a->dz.row, a->dz.column, rows, all, r, 0);
        p.count[0] = a->blocks;
        a->j->kernels->grad_w_images(&p, g->k, a->dz.channel, g->c * g->s, a->j->column + g->c, a->dw + r * g->s,
                                     taps(g), a->j->dw_column + g->c);
    }
    for (int64_t s = 0; s < g->s; s++) {
        conv_range range = conv_tap_range(g, 1, s);
        if (all.from >= all.to) {
            images_tap(a, r, s, rows, range);
            continue;
        }
        images_tap(a, r, s, rows, (conv_range){ range.from, all.from });
        images_tap(a, r, s, rows, (conv_range){ all.to, range.to });
    }
}

static void images_blocks(const images_chunk *a)
{
    enum { FEW = 3 };
    const conv_geometry *g = a->j->g;
    for (int64_t r = 0; r < g->r; r++) {
        conv_range rows = conv_tap_range(g, 0, r);
        if (rows.from >= rows.to)
            continue;
        if (g->c < FEW && g->s > 1)
            images_row_of_taps(a, r, rows);
        else
            for (int64_t s = 0; s < g->s; s++)
                images_tap(a, r, s, rows, conv_tap_range(g, 1, s));
    }
}

static lane_map moved(lane_map m, int64_t block, int64_t channel)
{
    m.at += block * m.block + channel * m.channel;
    return m;
}

/* The last block of images has its own copy of x where it is not full. */
static void images_chunk_of(const grad_w *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t block = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - block);
    const bool partial = j->x_last.at && block + blocks == g->blocks;
    float *dw = j->partial + chunk * j->slice;
    for (int64_t i = 0; i < j->slice; i++)
        dw[i] = 0;
    for (int64_t group = 0; group < g->p.groups; group++) {
        images_chunk a = {
            .j = j,
            .x = moved(j->x, block, group * g->c),
            .dz = moved(dz, 0, group * g->k),
            .blocks = partial ? blocks - 1 : blocks,
            .dw = dw + group * g->k * taps(g),
        };
        if (a.blocks > 0)
            images_blocks(&a);
        if (partial) {
            a.x = moved(j->x_last, 0, group * g->c);
            a.dz = moved(dz, blocks - 1, group * g->k);
            a.blocks = 1;
            images_blocks(&a);
        }
    }
}

/* ---- output channels in the lanes ---- */

/* Adds what rows [rows.from, rows.to) of `blocks` blocks give to 16 output channels' sums. */
static void channels_rows(const grad_w *j, lane_map x, const float *turned, int64_t turned_block, conv_range strip,
                          int64_t blocks, int last, float *acc)
{
    const conv_geometry *g = j->g;
    const lane_map t = { .at = (float *)turned, .block = turned_block };
    for (int64_t r = 0; r < g->r; r++) {
        conv_range rows = conv_tap_range(g, 0, r);
        rows.from = max64(rows.from, strip.from);
        rows.to = min64(rows.to, strip.to);
        if (rows.from >= rows.to)
            continue;
        for (int64_t s = 0; s < g->s; s++) {
            conv_range columns = conv_tap_range(g, 1, s);
            if (columns.from >= columns.to)
                continue;
            conv_pairs p = pairs_at(g, x, t, g->wo * PIXEL, PIXEL, rows, columns, r, s);
            p.d -= strip.from * g->wo * PIXEL;
            p.count[0] = blocks;
            j->kernels->grad_w_channels(&p, g->c, x.channel, acc + (r * g->s + s) * GROUP, g->r * g->s * GROUP,
                                        last);
        }
    }
}

/* dz of 16 channels (or what is left) and rows [strip.from, strip.to) of one block, transposed. */
static void turn(const grad_w *j, lane_map dz, int64_t k, conv_range strip, float *to)
{
    const conv_geometry *g = j->g;
    for (int64_t row = strip.from; row < strip.to; row++, to += g->wo * PIXEL)
        j->kernels->transpose(to, dz.at + row * dz.row, dz.channel, dz.column, min64(GROUP, g->k - k), g->wo);
}

/* Rows of dz that are transposed at a time, so that they stay in the L2 cache. */
static int64_t strip_rows(const conv_geometry *g)
{
    enum { FLOATS = 65536 };
    return min64(g->ho, FLOATS / (g->wo * PIXEL) + 1);
}

static void channels_chunk_of(const grad_w *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const int64_t rows = strip_rows(g), groups = lane_groups(g), size = taps(g) * GROUP;
    const int last = conv_images(g, first + blocks - 1);
    float *turned = j->turned + cpu_thread() * j->turned_size, *acc = j->partial + chunk * j->slice;
    for (int64_t i = 0; i < j->slice; i++)
        acc[i] = 0;
    for (int64_t group = 0; group < g->p.groups; group++)
        for (int64_t i = 0; i < groups; i++, acc += size) {
            lane_map x = moved(j->x, first, group * g->c), z = moved(dz, 0, group * g->k + i * GROUP);
            if (rows == g->ho) { /* whole blocks: one sum over all of the chunk */
                conv_range strip = { 0, g->ho };
                for (int64_t b = 0; b < blocks; b++)
                    turn(j, moved(z, b, 0), i * GROUP, strip, turned + b * g->ho * g->wo * PIXEL);
                channels_rows(j, x, turned, g->ho * g->wo * PIXEL, strip, blocks, last, acc);
                continue;
            }
            for (int64_t b = 0; b < blocks; b++)
                for (int64_t row = 0; row < g->ho; row += rows) {
                    conv_range strip = { row, min64(row + rows, g->ho) };
                    turn(j, moved(z, b, 0), i * GROUP, strip, turned);
                    channels_rows(j, moved(x, b, 0), turned, 0, strip, 1, b == blocks - 1 ? last : CONV_LANES, acc);
                }
        }
}

/* WEIGHTS: only transposes; grad_w_finish multiplies. */
static void turn_chunk_of(const grad_w *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const int64_t block = g->ho * g->wo * PIXEL, groups = lane_groups(g);
    for (int64_t i = 0; i < groups * g->p.groups; i++)
        for (int64_t b = 0; b < blocks; b++)
            turn(j, moved(dz, b, i / groups * g->k + i % groups * GROUP), i % groups * GROUP, (conv_range){ 0, g->ho },
                 j->turned + i * j->turned_size + (first + b) * block);
}

/* dw [k][c r s] of the lane group's channels from [c r s][16]. */
static void store_lanes(const grad_w *j, int64_t lane_group, const float *acc)
{
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g), group = lane_group / groups, k = lane_group % groups * GROUP, n = taps(g);
    const int64_t channels = min64(GROUP, g->k - k);
    float *dw = j->dw + (group * g->k + k) * n;
    for (int64_t i = 0; i < channels; i++)
        for (int64_t t = 0; t < n; t++)
            dw[i * n + t] = acc[t * GROUP + i];
}

/* 16 output channels and a part of the input channels, all images. */
static void weights_part(void *arg, int64_t first, int64_t last)
{
    const grad_w *j = arg;
    const conv_geometry *g = j->g;
    const int64_t block = g->ho * g->wo * PIXEL, size = taps(g) * GROUP;
    for (int64_t i = first; i < last; i++) {
        float *acc = j->partial + i * size;
        for (int64_t t = 0; t < size; t++)
            acc[t] = 0;
        channels_rows(j, moved(j->x, 0, i / lane_groups(g) * g->c), j->turned + i * j->turned_size, block,
                      (conv_range){ 0, g->ho }, g->blocks, conv_images(g, g->blocks - 1), acc);
        store_lanes(j, i, acc);
    }
}

/* ---- the three ways ---- */

static void list_columns(grad_w *j)
{
    const conv_geometry *g = j->g;
    for (int64_t c = 0; c < g->c; c++) {
        j->column[c] = c * j->x.channel;
        j->dw_column[c] = c * g->r * g->s;
        for (int64_t s = 0; s < g->s; s++) {
            j->column[g->c + c * g->s + s] = c * j->x.channel + s * g->p.dilation[1] * j->x.column;
            j->dw_column[g->c + c * g->s + s] = c * g->r * g->s + s;
        }
    }
}

/* The last block of x, with zeros where there is no image. */
static socle_status mask_last(workspace *ws, grad_w *j)
{
    const conv_geometry *g = j->g;
    const int64_t last = g->blocks - 1, size = g->h * g->w * CONV_LANES, channels = g->c * g->p.groups;
    j->x_last = (lane_map){ .at = workspace_floats(ws, channels * size),
                            .block = channels * size,
                            .channel = size,
                            .row = g->w * CONV_LANES,
                            .column = CONV_LANES };
    if (!j->x_last.at)
        return SOCLE_ERR_NOMEM;
    /* The column lists hold x's strides: a dense copy needs the same ones. */
    if (j->x.channel != j->x_last.channel || j->x.row != j->x_last.row || j->x.column != j->x_last.column) {
        lane_map all = { .at = workspace_floats(ws, g->blocks * channels * size),
                         .block = channels * size,
                         .channel = size,
                         .row = g->w * CONV_LANES,
                         .column = CONV_LANES };
        if (!all.at)
            return SOCLE_ERR_NOMEM;
        for (int64_t b = 0; b < g->blocks; b++)
            for (int64_t c = 0; c < channels; c++)
                j->kernels->mask(all.at + b * all.block + c * size, j->x.at + b * j->x.block + c * j->x.channel,
                                 (int64_t[]){ j->x.row, j->x.column }, NULL, NULL, g->h, g->w, CONV_LANES, NULL);
        j->x = all;
    }
    for (int64_t c = 0; c < channels; c++)
        j->kernels->mask(j->x_last.at + c * size, j->x.at + last * j->x.block + c * j->x.channel,
                         (int64_t[]){ j->x.row, j->x.column }, NULL, NULL, g->h, g->w, conv_images(g, last), NULL);
    return SOCLE_OK;
}

static grad_w_way choose(const grad_w *j)
{
    const conv_geometry *g = j->g;
    const int64_t lanes = lane_groups(g) * GROUP;
    if (g->k * 4 < lanes * 3)
        return GRAD_W_IMAGES;
    int64_t partial = j->chunks * taps(g) * lanes, kept = g->blocks * CONV_LANES * lanes * g->ho * g->wo;
    return partial > kept ? GRAD_W_WEIGHTS : GRAD_W_CHANNELS;
}

socle_status grad_w_prepare(workspace *ws, grad_w *j, int64_t chunk_blocks)
{
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g) * g->p.groups, block = g->ho * g->wo * PIXEL;
    j->chunk_blocks = chunk_blocks;
    j->chunks = (g->blocks + chunk_blocks - 1) / chunk_blocks;
    j->way = choose(j);
    j->slice = j->way == GRAD_W_IMAGES ? g->p.groups * g->k * taps(g) : groups * taps(g) * GROUP;
    j->partial = workspace_floats(ws, (j->way == GRAD_W_WEIGHTS ? 1 : j->chunks) * j->slice);
    if (!j->partial)
        return SOCLE_ERR_NOMEM;
    if (j->way == GRAD_W_IMAGES) {
        j->column = workspace_take(ws, g->c * (1 + g->s), sizeof(int64_t));
        j->dw_column = workspace_take(ws, g->c * (1 + g->s), sizeof(int64_t));
        if (!j->column || !j->dw_column)
            return SOCLE_ERR_NOMEM;
        socle_status s = g->n % CONV_LANES ? mask_last(ws, j) : SOCLE_OK;
        if (s == SOCLE_OK)
            list_columns(j);
        return s;
    }
    int64_t copies = ws->device->threads;
    if (j->way == GRAD_W_WEIGHTS) {
        j->turned_size = g->blocks * block;
        copies = groups;
    } else {
        j->turned_size = strip_rows(g) == g->ho ? chunk_blocks * block : strip_rows(g) * g->wo * PIXEL;
    }
    j->turned = workspace_floats(ws, copies * j->turned_size);
    return j->turned ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

void grad_w_chunk(const grad_w *j, int64_t chunk, lane_map dz)
{
    if (j->way == GRAD_W_IMAGES)
        images_chunk_of(j, chunk, dz);
    else if (j->way == GRAD_W_CHANNELS)
        channels_chunk_of(j, chunk, dz);
    else
        turn_chunk_of(j, chunk, dz);
}

static void sum_lane_groups(void *arg, int64_t first, int64_t last)
{
    const grad_w *j = arg;
    const int64_t size = taps(j->g) * GROUP;
    for (int64_t i = first; i < last; i++) {
        float *acc = j->partial + i * size;
        j->kernels->sum_slices(acc, acc, j->chunks, j->slice, size);
        store_lanes(j, i, acc);
    }
}

void grad_w_finish(cpu_device *d, const grad_w *j)
{
    enum { WORK = 65536 }; /* floats worth a thread */
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g) * g->p.groups;
    if (j->way == GRAD_W_IMAGES)
        j->kernels->sum_slices(j->dw, j->partial, j->chunks, j->slice, j->slice);
    else if (j->way == GRAD_W_CHANNELS)
        cpu_for(d->threads, groups, WORK / (j->chunks * taps(g) * GROUP) + 1, sum_lane_groups, (void *)j);
    else
        cpu_for(d->threads, groups, 1, weights_part, (void *)j);
}

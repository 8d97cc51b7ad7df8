/* Gradients of the weights in the lane format; see conv_grad_w.h for the ways.
 *
 * Which way: with 16 output channels in the lanes (isa/body_conv_weights.h) unless too few of the lanes would work. Then
 * chunks of images keep partial sums as long as these are smaller than dz; where they are not (many channels, small
 * images) dz is kept, transposed, and the weights are shared out: no partial sums at all.
 *
 * What fills a tile: conv_pieces.h. */
#include "conv_grad_w.h"

#include "isa/kernels_elementwise.h"
#include "parallel.h"

enum {
    GROUP = CONV_LANES,              /* channels of a group of lanes */
    PIXEL = CONV_LANES * CONV_LANES, /* floats of a pixel of dz */
    PANELS = 2                       /* groups at a time */
};
static const conv_range whole = { 0, INT64_MAX }; /* every column of a piece */

static int64_t lane_groups(const conv_geometry *g)
{
    return (g->k + GROUP - 1) / GROUP;
}

/* Weights of one output channel. */
static int64_t filter(const conv_geometry *g)
{
    return g->c * g->r * g->s;
}

static lane_map moved(lane_map m, int64_t block, int64_t channel)
{
    m.at += block * m.block + channel * m.channel;
    return m;
}

static void clear(float *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = 0;
}

/* ---- images in the lanes ---- */

/* Where tiles hold taps of few channels, dz stays in the L2 cache from one tile to the next. */
int64_t grad_w_strip(const grad_w *j)
{
    enum { FLOATS = 1 << 17 };
    const conv_geometry *g = j->g;
    if (j->way != GRAD_W_IMAGES || !j->taps_together)
        return g->ho;
    return max64(FLOATS / (j->chunk_blocks * g->k * g->p.groups * g->wo * CONV_LANES), 1);
}

/* What `blocks` blocks of a group give to its dw; dz begins with these rows. */
static void images_blocks(const grad_w *j, const grad_w_source *from, lane_map x, lane_map dz, conv_range of,
                          int64_t blocks, float *dw)
{
    const conv_geometry *g = j->g;
    const int64_t rows = grad_w_strip(j);
    for (int64_t row = of.from; row < of.to && blocks > 0; row += rows)
        for (int64_t i = 0; i < from->n; i++) {
            const grad_w_piece *piece = &from->piece[i];
            conv_pairs p;
            if (!grad_w_pairs(piece, whole, x, dz, of.from, (conv_range){ row, min64(row + rows, of.to) }, blocks,
                              &p))
                continue;
            p.d_ahead = row + rows < of.to ? rows * dz.row : 0;
            j->kernels->grad_w_images(&p, g->k, dz.channel, dw + piece->dw, filter(g), j->taps_together);
        }
}

/* The last block of images has its own copy of x where it is not full. */
static void images_chunk_of(const grad_w *j, int64_t chunk, lane_map dz, conv_range rows)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const bool partial = j->last.piece && first + blocks == g->blocks;
    const int64_t full = partial ? blocks - 1 : blocks;
    float *dw = j->partial + chunk * j->slice;
    if (rows.from == 0)
        clear(dw, j->slice);
    for (int64_t group = 0; group < g->p.groups; group++, dw += g->k * filter(g)) {
        const lane_map z = moved(dz, 0, group * g->k);
        images_blocks(j, &j->all, moved(j->all.x, first, group * g->c), z, rows, full, dw);
        if (partial)
            images_blocks(j, &j->last, moved(j->last.x, 0, group * g->c), moved(z, full, 0), rows, 1, dw);
    }
}

/* ---- output channels in the lanes ---- */

/* Adds what rows [rows.from, rows.to) of `blocks` blocks give to the sums of `panels` times 16 output channels and of some
 * columns; turned starts with those channels. */
static void channels_rows(const grad_w *j, conv_range columns, lane_map x, float *turned, conv_range rows,
                          int64_t blocks, int last, int64_t panels, float *acc)
{
    const conv_geometry *g = j->g;
    const lane_map dz = {
        .at = turned,
        .block = (rows.to - rows.from) * g->wo * PIXEL,
        .row = g->wo * PIXEL,
        .column = PIXEL,
    };
    for (int64_t i = 0; i < j->all.n; i++) {
        const grad_w_piece *piece = &j->all.piece[i];
        conv_pairs p;
        if (!grad_w_pairs(piece, columns, x, dz, rows.from, rows, blocks, &p))
            continue;
        p.panels = panels;
        p.d_panel = j->turned_size;
        p.dw_panel = filter(g) * GROUP;
        j->kernels->grad_w_channels(&p, acc + piece->dw * GROUP, last);
    }
}

/* dz of 16 channels (or what is left) and rows [rows.from, rows.to) of one block, transposed. */
static void turn(const grad_w *j, lane_map dz, int64_t k, conv_range rows, float *to)
{
    const conv_geometry *g = j->g;
    for (int64_t row = rows.from; row < rows.to; row++, to += g->wo * PIXEL)
        j->kernels->transpose(to, dz.at + row * dz.row, dz.channel, dz.column, min64(GROUP, g->k - k), g->wo);
}

/* Rows of dz that are transposed at a time, so that they stay in the L2 cache. */
static int64_t strip_rows(const conv_geometry *g)
{
    enum { FLOATS = 65536 };
    return min64(g->ho, FLOATS / (g->wo * PIXEL * PANELS) + 1);
}

/* `panels` times 16 output channels of a chunk, whose dz fits the cache or is taken strip by strip. */
static void channels_group(const grad_w *j, lane_map x, lane_map dz, int64_t k, int64_t panels, int64_t blocks,
                           int last, float *acc)
{
    const conv_geometry *g = j->g;
    const int64_t rows = strip_rows(g);
    float *turned = j->turned + cpu_thread() * PANELS * j->turned_size;
    if (rows == g->ho) {
        const conv_range all = { 0, g->ho };
        for (int64_t of = 0; of < panels; of++)
            for (int64_t b = 0; b < blocks; b++)
                turn(j, moved(dz, b, of * GROUP), k + of * GROUP, all,
                     turned + of * j->turned_size + b * g->ho * g->wo * PIXEL);
        channels_rows(j, whole, x, turned, all, blocks, last, panels, acc);
        return;
    }
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t row = 0; row < g->ho; row += rows) {
            const conv_range strip = { row, min64(row + rows, g->ho) };
            for (int64_t of = 0; of < panels; of++)
                turn(j, moved(dz, b, of * GROUP), k + of * GROUP, strip, turned + of * j->turned_size);
            channels_rows(j, whole, moved(x, b, 0), turned, strip, 1, b == blocks - 1 ? last : CONV_LANES, panels,
                          acc);
        }
}

static void channels_chunk_of(const grad_w *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const int last = conv_images(g, first + blocks - 1);
    float *acc = j->partial + chunk * j->slice;
    clear(acc, j->slice);
    for (int64_t group = 0; group < g->p.groups; group++)
        for (int64_t of = 0, panels; of < lane_groups(g); of += panels, acc += panels * filter(g) * GROUP) {
            const int64_t k = of * GROUP;
            panels = min64(PANELS, lane_groups(g) - of);
            channels_group(j, moved(j->all.x, first, group * g->c), moved(dz, 0, group * g->k + k), k, panels,
                           blocks, last, acc);
        }
}

/* WEIGHTS: only transposes; grad_w_finish multiplies. */
static void turn_chunk_of(const grad_w *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const int64_t block = g->ho * g->wo * PIXEL, groups = lane_groups(g);
    for (int64_t i = 0; i < groups * g->p.groups; i++) {
        const int64_t k = i % groups * GROUP;
        for (int64_t b = 0; b < blocks; b++)
            turn(j, moved(dz, b, i / groups * g->k + k), k, (conv_range){ 0, g->ho },
                 j->turned + i * j->turned_size + (first + b) * block);
    }
}

/* dw [k][c r s] of the lane group's output channels and some input channels, from [c r s][16]. */
static void store_lanes(const grad_w *j, int64_t lane_group, conv_range channels, const float *acc)
{
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g), group = lane_group / groups, k = lane_group % groups * GROUP;
    const int64_t n = filter(g), from = channels.from * g->r * g->s, to = channels.to * g->r * g->s;
    j->elements->transpose(min64(GROUP, g->k - k), to - from, j->dw + (group * g->k + k) * n + from, n,
                           acc + from * GROUP, GROUP);
}

/* What the weights of a group are cut into: PANELS times 16 output channels by some input channels. */
typedef struct weights_cut {
    int64_t panels, channels; /* how many of each */
    int64_t channel_step;     /* input channels of a part */
} weights_cut;

/* Few output channels: input channels are shared out too, in parts of whole tiles of any instruction set that are still worth
 * a chunk. */
static weights_cut cut_weights(const grad_w *j)
{
    enum { CHUNKS = 16, WORK = 12000, TILES = 24 };
    const conv_geometry *g = j->g;
    weights_cut cut = { divide_up(lane_groups(g), PANELS), 1, g->c };
    const int64_t parts =
        min64(divide_up(CHUNKS, cut.panels * g->p.groups), conv_work(g) * g->blocks / (cut.panels * WORK));
    if (parts < 2 || j->taps_together)
        return cut;
    cut.channel_step = max64(g->c / parts / TILES, 1) * TILES;
    cut.channels = divide_up(g->c, cut.channel_step);
    return cut;
}

/* Parts of the weights, all images. */
static void weights_part(void *arg, int64_t first, int64_t last)
{
    const grad_w *j = arg;
    const conv_geometry *g = j->g;
    const weights_cut cut = cut_weights(j);
    const int64_t size = filter(g) * GROUP, window = g->r * g->s * GROUP;
    for (int64_t i = first; i < last; i++) {
        const int64_t c = i % cut.channels * cut.channel_step, rest = i / cut.channels;
        const int64_t group = rest / cut.panels, of = rest % cut.panels * PANELS;
        const int64_t panels = min64(PANELS, lane_groups(g) - of), at = group * lane_groups(g) + of;
        const conv_range channels = { c, min64(c + cut.channel_step, g->c) };
        float *acc = j->partial + cpu_thread() * j->slice;
        for (int64_t n = 0; n < panels; n++)
            clear(acc + n * size + c * window, (channels.to - c) * window);
        channels_rows(j, j->taps_together ? whole : channels, moved(j->all.x, 0, group * g->c),
                      j->turned + at * j->turned_size, (conv_range){ 0, g->ho }, g->blocks,
                      conv_images(g, g->blocks - 1), panels, acc);
        for (int64_t n = 0; n < panels; n++)
            store_lanes(j, at + n, channels, acc + n * size);
    }
}

/* ---- the ways ---- */

/* The last block of x, with zeros where there is no image. */
static socle_status masked_last(workspace *ws, const grad_w *j, lane_map x, lane_map *out)
{
    const conv_geometry *g = j->g;
    const int64_t last = g->blocks - 1, channels = g->c * g->p.groups;
    *out = lane_map_dense(NULL, channels, g->h, g->w);
    out->at = workspace_floats(ws, out->block);
    if (!out->at)
        return SOCLE_ERR_NOMEM;
    for (int64_t c = 0; c < channels; c++)
        j->kernels->mask(out->at + c * out->channel, x.at + last * x.block + c * x.channel,
                         (int64_t[]){ x.row, x.column }, NULL, NULL, g->h, g->w, conv_images(g, last), NULL);
    return SOCLE_OK;
}

/* 16 outputs in the lanes want three quarters of them to be there, and products enough for what transposing takes. */
static grad_w_way choose(const grad_w *j, bool panels)
{
    enum { FILTER = 32 };
    const conv_geometry *g = j->g;
    const int64_t lanes = lane_groups(g) * GROUP;
    const int64_t alone = winograd_weights_cost(g, j->chunk_blocks);
    const int64_t shared = panels ? winograd_share_cost(g, j->chunk_blocks) : INT64_MAX;
    if (min64(alone, shared) < conv_work(g))
        return shared < alone ? GRAD_W_SHARED : GRAD_W_WINOGRAD;
    if (g->k * 4 < lanes * 3 || (g->c < j->kernels->images_few && filter(g) <= FILTER))
        return GRAD_W_IMAGES;
    int64_t partial = j->chunks * filter(g) * lanes, kept = g->blocks * CONV_LANES * lanes * g->ho * g->wo;
    return partial > kept ? GRAD_W_WEIGHTS : GRAD_W_CHANNELS;
}

static socle_status prepare_images(workspace *ws, grad_w *j, lane_map x)
{
    const conv_geometry *g = j->g;
    j->slice = g->p.groups * g->k * filter(g);
    j->slices = j->chunks;
    j->partial = workspace_floats(ws, j->slices * j->slice);
    if (!j->partial)
        return SOCLE_ERR_NOMEM;
    if (g->n % CONV_LANES == 0)
        return SOCLE_OK;
    lane_map last;
    socle_status s = masked_last(ws, j, x, &last);
    return s == SOCLE_OK ? grad_w_source_of(ws, j->g, j->taps_together, last, &j->last) : s;
}

static socle_status prepare_channels(workspace *ws, grad_w *j)
{
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g) * g->p.groups, block = g->ho * g->wo * PIXEL;
    int64_t copies;
    if (j->way == GRAD_W_WEIGHTS) {
        j->slice = PANELS * filter(g) * GROUP;
        j->slices = ws->device->threads;
        j->turned_size = g->blocks * block;
        copies = groups;
    } else {
        const int64_t rows = strip_rows(g);
        j->slice = groups * filter(g) * GROUP;
        j->slices = j->chunks;
        j->turned_size = rows == g->ho ? j->chunk_blocks * block : rows * g->wo * PIXEL;
        copies = ws->device->threads * PANELS;
    }
    j->partial = workspace_floats(ws, j->slices * j->slice);
    j->turned = j->partial ? workspace_floats(ws, copies * j->turned_size) : NULL;
    return j->turned ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static socle_status prepare_winograd(workspace *ws, grad_w *j, lane_map x)
{
    socle_status s = winograd_weights_prepare(ws, &j->winograd, j->g, x, j->chunk_blocks, WINOGRAD_WEIGHTS_ROUND);
    if (s != SOCLE_OK)
        return s;
    j->slice = lane_groups(j->g) * filter(j->g) * GROUP;
    j->slices = j->winograd.kept ? j->winograd.rounds : j->chunks;
    j->partial = workspace_floats(ws, j->slices * j->slice);
    return j->partial ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

socle_status grad_w_prepare(workspace *ws, grad_w *j, lane_map x, int64_t chunk_blocks, bool panels)
{
    enum { FEW_FOR_CHANNELS = 8 }; /* below, one tap's do not fill a tile */
    j->elements = ws->device->kernels->elementwise;
    j->chunk_blocks = chunk_blocks;
    j->chunks = divide_up(j->g->blocks, chunk_blocks);
    j->way = choose(j, panels);
    if (j->way == GRAD_W_SHARED)
        return winograd_share_prepare(ws, &j->share, j->g, x, chunk_blocks);
    if (j->way == GRAD_W_WINOGRAD)
        return prepare_winograd(ws, j, x);
    j->taps_together = j->g->c < (j->way == GRAD_W_IMAGES ? j->kernels->images_few : FEW_FOR_CHANNELS);
    socle_status s = grad_w_source_of(ws, j->g, j->taps_together, x, &j->all);
    if (s != SOCLE_OK)
        return s;
    return j->way == GRAD_W_IMAGES ? prepare_images(ws, j, x) : prepare_channels(ws, j);
}

bool grad_w_wants_zeros(const grad_w *j)
{
    return (j->way == GRAD_W_IMAGES || j->way == GRAD_W_SHARED) && j->g->n % CONV_LANES;
}

void grad_w_chunk(const grad_w *j, int64_t chunk, lane_map dz, conv_range rows)
{
    if (j->way == GRAD_W_IMAGES)
        images_chunk_of(j, chunk, dz, rows);
    else if (j->way == GRAD_W_CHANNELS)
        channels_chunk_of(j, chunk, dz);
    else if (j->way == GRAD_W_WINOGRAD)
        winograd_weights_chunk(&j->winograd, chunk, dz, j->partial + chunk * j->slice);
    else
        turn_chunk_of(j, chunk, dz);
}

int64_t grad_w_round_chunks(const grad_w *j)
{
    return j->way == GRAD_W_WINOGRAD ? divide_up(j->winograd.round, j->chunk_blocks) : j->chunks;
}

void grad_w_round(cpu_device *d, const grad_w *j, int64_t i)
{
    if (j->way == GRAD_W_WINOGRAD && j->winograd.kept)
        winograd_weights_round(d, &j->winograd, i, j->partial + i * j->slice);
}

static void sum_lane_groups(void *arg, int64_t first, int64_t last)
{
    const grad_w *j = arg;
    const int64_t size = filter(j->g) * GROUP;
    for (int64_t i = first; i < last; i++) {
        float *acc = j->partial + i * size;
        j->kernels->sum_slices(acc, acc, j->slices, j->slice, size);
        store_lanes(j, i, (conv_range){ 0, j->g->c }, acc);
    }
}

void grad_w_finish(cpu_device *d, const grad_w *j)
{
    enum { WORK = 65536 }; /* floats worth a thread */
    const conv_geometry *g = j->g;
    const int64_t groups = lane_groups(g) * g->p.groups;
    if (j->way == GRAD_W_WEIGHTS) {
        const weights_cut cut = cut_weights(j);
        cpu_for(d->threads, cut.channels * cut.panels * g->p.groups, 1, weights_part, (void *)j);
        return;
    }
    if (j->way == GRAD_W_SHARED) {
        winograd_share_sum(d, &j->share, j->dw);
        return;
    }
    if (j->way == GRAD_W_IMAGES) {
        j->kernels->sum_slices(j->dw, j->partial, j->slices, j->slice, j->slice);
        return;
    }
    cpu_for(d->threads, groups, WORK / (j->slices * filter(g) * GROUP) + 1, sum_lane_groups, (void *)j);
}

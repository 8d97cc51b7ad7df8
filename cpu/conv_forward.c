/* The forward pass in the lane format, and the same product backward to the input: chunks of images and outputs over the
 * tiles of isa/body_conv.h. Backward, dz is what is called x here, dx is y, and input channels are the outputs. */
#include "winograd.h"

#include "parallel.h"

typedef struct forward_job {
    const struct cpu_conv_kernels *kernels;
    const conv_geometry *g;
    int64_t channels, outputs; /* of a group */
    const conv_plan *plan;
    lane_map y, x;
    conv_packed packed;
    const float *bias;
    int64_t chunk_blocks, image_chunks, part, parts; /* part: outputs of one chunk */
    bool by_images; /* neighbouring chunks, which one thread takes, have the same images; else the same outputs */
    bool relu, stream;
} forward_job;

/* Strip `i` of the boxes' rows. */
static void sweep_strip(const struct cpu_conv_kernels *kernels, const conv_plan *plan, const conv_tiles *t,
                        int64_t i, int64_t strips)
{
    for (int b = 0; b < plan->boxes; b++) {
        conv_box box = plan->box[b];
        const int64_t from = box.rows * i / strips, to = box.rows * (i + 1) / strips;
        conv_tiles part = *t;
        part.x += from * box.x_row;
        box.y += from * box.y_row;
        box.rows = to - from;
        if (box.rows > 0)
            kernels->tiles(&part, &box);
    }
}

/* At most `most` or a few more: slices of nearly one size, of channels that tiles can merge. */
static int64_t slice_channels(int64_t channels, int64_t most)
{
    enum { MERGED = 8 };
    const int64_t slices = divide_up(channels, most);
    return slices < 2 ? max64(channels, 1) : divide_up(channels, slices * MERGED) * MERGED;
}

void conv_sweep(const struct cpu_conv_kernels *kernels, const conv_plan *plan, const conv_tiles *all, bool relu)
{
    enum { SUMS = 1024, L2_FLOATS = 65536, STRIP_FLOATS = 1 << 18 };
    const int64_t most = (plan->phases ? kernels->phase_sums : SUMS) / max64(plan->taps, 1) + 1;
    const int64_t channels = slice_channels(all->channels, most);
    const int64_t outputs = channels * plan->taps * all->outputs <= L2_FLOATS ? all->outputs : CONV_PACK;
    /* Several phases read the same rows of x: by strips of it that are in L2 from the first of them on. */
    const int64_t strips = plan->phases ? divide_up(all->channels * all->x_channel, STRIP_FLOATS) : 1;
    for (int64_t strip = 0; strip < strips; strip++)
        for (int64_t c = 0; c < all->channels; c += channels)
            for (int64_t k = 0; k < all->outputs; k += outputs) {
                conv_tiles t = *all;
                t.channels = min64(channels, all->channels - c);
                t.outputs = min64(outputs, all->outputs - k);
                t.x += c * t.x_channel;
                t.y += k * t.y_channel;
                t.w += k / CONV_PACK * t.w_tile + c * t.w_channel;
                t.bias = all->bias && c == 0 ? all->bias + k : NULL; /* once */
                t.add = c > 0;
                t.first = k == 0;
                t.stream = all->stream && channels >= all->channels;
                t.relu = relu && c + t.channels == all->channels;
                sweep_strip(kernels, plan, &t, strip, strips);
            }
}

static void forward_chunks(void *arg, int64_t first, int64_t last)
{
    const forward_job *j = arg;
    const conv_geometry *g = j->g;
    for (int64_t chunk = first; chunk < last; chunk++) {
        const int64_t all_parts = j->parts * g->p.groups;
        const int64_t images = j->by_images ? chunk / all_parts : chunk % j->image_chunks;
        const int64_t rest = j->by_images ? chunk % all_parts : chunk / j->image_chunks;
        const int64_t block = images * j->chunk_blocks;
        const int64_t group = rest / j->parts, k = rest % j->parts * j->part, k_all = group * j->outputs + k;
        const conv_tiles t = {
            .x = j->x.at + block * j->x.block + group * j->channels * j->x.channel,
            .y = j->y.at + block * j->y.block + k_all * j->y.channel,
            .blocks = min64(j->chunk_blocks, g->blocks - block),
            .x_block = j->x.block,
            .y_block = j->y.block,
            .channels = j->channels,
            .x_channel = j->x.channel,
            .outputs = min64(j->part, j->outputs - k),
            .y_channel = j->y.channel,
            .w = j->packed.at + group * j->packed.group + k / CONV_PACK * j->packed.tile,
            .w_tile = j->packed.tile,
            .w_channel = j->plan->taps * CONV_PACK,
            .bias = j->bias ? j->bias + k_all : NULL,
            .fetch = conv_beyond_cache(g),
            .stream = j->stream,
        };
        conv_sweep(j->kernels, j->plan, &t, j->relu);
    }
    if (j->stream)
        cpu_stream_end();
}

/* A thread that keeps to its images finds them in its own cache in the next layer, and one that keeps to its outputs, their
 * weights: what there is more of stays. Where a line takes 250 ns from core to core, a step of five small convolutions went
 * from 0.67 to 0.56 ms; at 50 ns, from 0.380 to 0.373. */
static bool weights_are_few(const conv_geometry *g)
{
    enum { TIMES = 16 };
    const int64_t weights = g->k * g->c * g->r * g->s, images = g->c * g->h * g->w + g->k * g->ho * g->wo;
    return TIMES * weights <= images * g->blocks * CONV_LANES;
}

enum { PRODUCT_CHUNKS = 16 }; /* at least, where there is work for them */

/* Weights that no cache holds pass by once for every chunk of images, and images once for every part of the outputs. Chunks of
 * twice as many images, with half as many outputs, mean less of the former and more of the latter. */
static void share_images(forward_job *j)
{
    enum { L2_FLOATS = 65536 };
    const conv_geometry *g = j->g;
    const int64_t tiles = divide_up(j->outputs, CONV_PACK), images = g->blocks * j->channels * j->x.channel;
    int64_t blocks = conv_chunk_blocks(g), chunks = divide_up(g->blocks, blocks);
    while (j->packed.group > L2_FLOATS && chunks > 1 && divide_up(chunks, 2) * tiles >= PRODUCT_CHUNKS &&
           chunks * chunks * j->packed.group > PRODUCT_CHUNKS * images) {
        blocks *= 2;
        chunks = divide_up(g->blocks, blocks);
    }
    j->chunk_blocks = min64(blocks, g->blocks);
    j->image_chunks = divide_up(g->blocks, j->chunk_blocks);
}

/* Few images: outputs are shared out too, in parts of whole tiles that are still worth a chunk. */
static void share_outputs(forward_job *j)
{
    enum { WORK = 12000 };
    const conv_geometry *g = j->g;
    const int64_t work = conv_work(g) * CONV_PACK / j->outputs * j->chunk_blocks; /* of one tile of outputs */
    int64_t tiles = divide_up(j->outputs, CONV_PACK);
    int64_t parts = (PRODUCT_CHUNKS - 1) / (j->image_chunks * g->p.groups) + 1, part = divide_up(tiles, parts);
    if (part * work < WORK)
        part = min64(tiles, WORK / (work + 1) + 1);
    j->part = part * CONV_PACK;
    j->parts = divide_up(tiles, part);
}

static socle_status tiles_product(workspace *ws, forward_job *j, bool backward, const float *w)
{
    const conv_geometry *g = j->g;
    conv_plan plan;
    socle_status s =
        backward ? conv_plan_backward(ws, g, j->x, j->y, &plan) : conv_plan_forward(ws, g, j->x, j->y, &plan);
    if (s == SOCLE_OK)
        s = conv_pack(ws, g, backward, &plan, w, &j->packed);
    if (s != SOCLE_OK || g->blocks == 0)
        return s;
    j->plan = &plan;
    share_images(j);
    share_outputs(j);
    cpu_for(ws->device->threads, j->image_chunks * j->parts * g->p.groups, 1, forward_chunks, j);
    return SOCLE_OK;
}

/* ---- Winograd ---- */

typedef struct winograd_job {
    winograd plan;
    const conv_geometry *g;
    lane_map y, x;
    const float *bias;
    int64_t outputs, chunk_blocks, image_chunks, part; /* part: outputs of one chunk */
    bool relu;
} winograd_job;

static void winograd_chunks(void *arg, int64_t first, int64_t last)
{
    const winograd_job *j = arg;
    for (int64_t chunk = first; chunk < last; chunk++) {
        const int64_t block = chunk % j->image_chunks * j->chunk_blocks, k = chunk / j->image_chunks * j->part;
        lane_map x = j->x, y = j->y;
        x.at += block * x.block;
        y.at += block * y.block;
        const winograd_task t = {
            .x = x,
            .y = y,
            .blocks = min64(j->chunk_blocks, j->g->blocks - block),
            .outputs = { k, min64(k + j->part, j->outputs) },
            .bias = j->bias,
            .relu = j->relu,
        };
        winograd_run(&j->plan, &t);
    }
}

/* Few images: outputs are shared out too, in parts large enough to pay for the inputs that each transforms anew. */
static int64_t winograd_part(const winograd_job *j)
{
    enum { CHUNKS = 4, PART = 64 };
    const int64_t parts = min64((CHUNKS - 1) / j->image_chunks + 1, j->outputs / PART);
    return parts < 2 ? j->outputs : ((j->outputs - 1) / parts / WINOGRAD_PACK + 1) * WINOGRAD_PACK;
}

static socle_status winograd_product(workspace *ws, winograd_job *j, bool backward, const float *w)
{
    j->chunk_blocks = winograd_chunk_blocks(j->g);
    j->image_chunks = divide_up(j->g->blocks, j->chunk_blocks);
    j->part = winograd_part(j);
    const int64_t parts = divide_up(j->outputs, j->part);
    socle_status s = winograd_prepare(ws, j->g, backward, w, &j->plan);
    if (s == SOCLE_OK)
        cpu_for(ws->device->threads, j->image_chunks * parts, 1, winograd_chunks, j);
    return s;
}

/* ---- either way ---- */

socle_status conv_lanes_product(workspace *ws, const conv_geometry *g, bool backward, lane_map y, lane_map x,
                                const float *w, const float *bias, bool relu)
{
    const int64_t channels = backward ? g->k : g->c, outputs = backward ? g->c : g->k;
    if (winograd_suits(g, backward)) {
        winograd_job j = { .g = g, .y = y, .x = x, .bias = bias, .outputs = outputs, .relu = relu };
        return winograd_product(ws, &j, backward, w);
    }
    forward_job j = {
        .kernels = ws->device->kernels->conv,
        .g = g,
        .channels = channels,
        .outputs = outputs,
        .y = y,
        .x = x,
        .bias = bias,
        .by_images = weights_are_few(g),
        .relu = relu,
        .stream = conv_streams(g, backward) && lane_map_is_aligned(y),
    };
    return tiles_product(ws, &j, backward, w);
}

socle_status conv_lanes_forward(cpu_device *d, const conv_geometry *g, socle_epilogue e, lane_map y, lane_map x,
                                const float *w, const float *bias)
{
    workspace ws = workspace_on(d);
    return workspace_end(&ws, conv_lanes_product(&ws, g, false, y, x, w, bias, e == SOCLE_EPILOGUE_RELU));
}

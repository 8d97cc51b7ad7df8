/* The forward pass in the lane format: chunks of images and outputs over the tiles of isa/body_conv.h. */
#include "winograd.h"

#include "parallel.h"

typedef struct forward_job {
    const struct cpu_conv_kernels *kernels;
    const conv_geometry *g;
    const conv_plan *plan;
    lane_map y, x;
    const float *packed, *bias;                      /* packed: [group][...] */
    int64_t group_size, tile_size;                   /* floats */
    int64_t chunk_blocks, image_chunks, part, parts; /* part: outputs of one chunk */
    bool relu;
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

void conv_sweep(const struct cpu_conv_kernels *kernels, const conv_plan *plan, const conv_tiles *all, int64_t taps,
                bool relu)
{
    enum { SUMS = 1024, L2_FLOATS = 65536, STRIP_FLOATS = 1 << 18 };
    int64_t channels = min64(all->channels, SUMS / taps + 1);
    int64_t outputs = channels * taps * all->outputs <= L2_FLOATS ? all->outputs : CONV_PACK;
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
                t.relu = relu && c + t.channels == all->channels;
                sweep_strip(kernels, plan, &t, strip, strips);
            }
}

static void forward_chunks(void *arg, int64_t first, int64_t last)
{
    const forward_job *j = arg;
    const conv_geometry *g = j->g;
    for (int64_t chunk = first; chunk < last; chunk++) {
        const int64_t block = chunk % j->image_chunks * j->chunk_blocks, rest = chunk / j->image_chunks;
        const int64_t group = rest / j->parts, k = rest % j->parts * j->part, k_all = group * g->k + k;
        const conv_tiles t = {
            .x = j->x.at + block * j->x.block + group * g->c * j->x.channel,
            .y = j->y.at + block * j->y.block + k_all * j->y.channel,
            .blocks = min64(j->chunk_blocks, g->blocks - block),
            .x_block = j->x.block,
            .y_block = j->y.block,
            .channels = g->c,
            .x_channel = j->x.channel,
            .outputs = min64(j->part, g->k - k),
            .y_channel = j->y.channel,
            .w = j->packed + group * j->group_size + k / CONV_PACK * j->tile_size,
            .w_tile = j->tile_size,
            .w_channel = g->r * g->s * CONV_PACK,
            .bias = j->bias ? j->bias + k_all : NULL,
            .fetch = conv_beyond_cache(g),
        };
        conv_sweep(j->kernels, j->plan, &t, g->r * g->s, j->relu);
    }
}

/* Few images: outputs are shared out too, in parts of whole tiles that are still worth a chunk. */
static void share_outputs(forward_job *j)
{
    enum { CHUNKS = 16, WORK = 12000 };
    const conv_geometry *g = j->g;
    const int64_t work = conv_work(g) * CONV_PACK / g->k * j->chunk_blocks; /* of one tile of outputs */
    int64_t tiles = (g->k + CONV_PACK - 1) / CONV_PACK, parts = (CHUNKS - 1) / (j->image_chunks * g->p.groups) + 1;
    int64_t part = divide_up(tiles, parts);
    if (part * work < WORK)
        part = min64(tiles, WORK / (work + 1) + 1);
    j->part = part * CONV_PACK;
    j->parts = divide_up(tiles, part);
}

static void pack_groups(cpu_device *d, const conv_geometry *g, conv_pack pack)
{
    const int64_t size = conv_pack_size(&pack);
    for (int i = 0; i < g->p.groups; i++) {
        conv_pack_run(d, &pack);
        pack.packed += size;
        pack.w += g->k * g->c * g->r * g->s;
    }
}

/* ---- Winograd ---- */

typedef struct winograd_job {
    winograd plan;
    const conv_geometry *g;
    lane_map y, x;
    const float *bias;
    int64_t chunk_blocks, image_chunks, part; /* part: outputs of one chunk */
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
        winograd_run(&j->plan, x, y, min64(j->chunk_blocks, j->g->blocks - block),
                     (conv_range){ k, min64(k + j->part, j->g->k) }, j->bias, j->relu);
    }
}

/* Few images: outputs are shared out too, in parts large enough to pay for the inputs that each transforms anew. */
static int64_t winograd_part(const winograd_job *j)
{
    enum { CHUNKS = 4, PART = 64 };
    const int64_t parts = min64((CHUNKS - 1) / j->image_chunks + 1, j->g->k / PART);
    return parts < 2 ? j->g->k : ((j->g->k - 1) / parts / WINOGRAD_PACK + 1) * WINOGRAD_PACK;
}

static socle_status winograd_forward(workspace *ws, winograd_job *j, const float *w)
{
    j->chunk_blocks = winograd_chunk_blocks(j->g);
    j->image_chunks = divide_up(j->g->blocks, j->chunk_blocks);
    j->part = winograd_part(j);
    const int64_t parts = divide_up(j->g->k, j->part);
    socle_status s = winograd_prepare(ws, j->g, false, w, &j->plan);
    if (s == SOCLE_OK)
        cpu_for(ws->device->threads, j->image_chunks * parts, 1, winograd_chunks, j);
    return s;
}

socle_status conv_lanes_forward(cpu_device *d, const conv_geometry *g, socle_epilogue e, lane_map y, lane_map x,
                                const float *w, const float *bias)
{
    workspace ws = workspace_on(d);
    if (winograd_suits(g, false)) {
        winograd_job j = { .g = g, .y = y, .x = x, .bias = bias, .relu = e == SOCLE_EPILOGUE_RELU };
        return workspace_end(&ws, winograd_forward(&ws, &j, w));
    }
    conv_plan plan;
    socle_status s = conv_plan_forward(&ws, g, x, y, &plan);
    if (s != SOCLE_OK)
        return workspace_end(&ws, s);
    conv_pack pack = {
        .w = w,
        .outputs = g->k,
        .channels = g->c,
        .taps = g->r * g->s,
        .output_stride = g->c * g->r * g->s,
        .channel_stride = g->r * g->s,
    };
    pack.packed = workspace_floats(&ws, g->p.groups * conv_pack_size(&pack));
    if (!pack.packed)
        return workspace_end(&ws, SOCLE_ERR_NOMEM);
    pack_groups(d, g, pack);
    forward_job j = {
        .kernels = d->kernels->conv,
        .g = g,
        .plan = &plan,
        .y = y,
        .x = x,
        .packed = pack.packed,
        .bias = bias,
        .group_size = conv_pack_size(&pack),
        .tile_size = conv_pack_tile(&pack),
        .chunk_blocks = conv_chunk_blocks(g),
        .relu = e == SOCLE_EPILOGUE_RELU,
    };
    j.image_chunks = (g->blocks + j.chunk_blocks - 1) / j.chunk_blocks;
    share_outputs(&j);
    cpu_for(d->threads, j.image_chunks * j.parts * g->p.groups, 1, forward_chunks, &j);
    return workspace_end(&ws, SOCLE_OK);
}

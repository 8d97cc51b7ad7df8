/* Gradients of convolutions in the lane format: one parallel region over chunks of images, in which everything of a
 * chunk happens while it is in the cache.
 *
 *     dz = y > 0 ? dy : 0 (or dy)        db = sum of dz; dy itself may be what a norm passes on
 *     dx = dz under the transposed taps: the forward tiles with other boxes (conv_plan_backward)
 *     dw = dz times x: conv_grad_w.c
 *
 * Chunks do not depend on the number of threads, and their sums are added in order. */
#include "conv_grad_w.h"
#include "conv_quads.h"
#include "winograd.h"

#include "norm.h"
#include "parallel.h"

/* How dx is made. */
typedef enum dx_way {
    BY_TILES,
    BY_QUADS,
    BY_WINOGRAD,
    AFTER /* all images together, when dz is there */
} dx_way;

typedef struct grad_job {
    const struct cpu_conv_kernels *kernels;
    const conv_geometry *g;
    lane_map dy, y, dx;
    const norm_grad_rest *norm; /* NULL: dy is there */
    bool relu, copies;          /* copies: dz is not simply dy */
    bool stream;                /* BY_TILES: dx, past the caches */
    dx_way way;
    conv_quads quads;
    winograd winograd;
    conv_plan plan;
    conv_packed packed;
    int64_t chunk_blocks, chunks;
    int64_t done;     /* chunks, in rounds before this one */
    float *dz;        /* [thread][block][k][pixel][16]; AFTER: [chunk][...] */
    int64_t dz_size;  /* of a thread or chunk */
    float *db_lanes;  /* [chunks][k][16], or NULL */
    const grad_w *gw; /* NULL: dw is not wanted */
} grad_job;

/* dz of channels [k, end) of one block from d, which z may be. y: of the first channel. */
static void mask_channels(const grad_job *j, int64_t block, int64_t k, int64_t end, lane_map z, lane_map d,
                          const float *y, float *db)
{
    const conv_geometry *g = j->g;
    for (; k < end; k++, y += j->y.channel)
        j->kernels->mask(z.at ? z.at + k * z.channel : NULL, d.at + k * d.channel, (int64_t[]){ d.row, d.column },
                         j->relu ? y : NULL, (int64_t[]){ j->y.row, j->y.column }, g->ho, g->wo,
                         conv_images(g, block), db ? db + k * CONV_LANES : NULL);
}

/* The same where a norm comes first, a few channels at a time, which stay in the L1 cache in between. */
static void norm_channels(const grad_job *j, int64_t block, lane_map z, const float *y, float *db)
{
    enum { FLOATS = 4096 };
    const conv_geometry *g = j->g;
    const int64_t channels = g->k * g->p.groups, few = FLOATS / z.channel + 1;
    const bool relu_too = j->relu && !j->norm->j.p->act;
    const bool masks = (j->relu && !relu_too) || db || conv_images(g, block) < CONV_LANES;
    for (int64_t k = 0; k < channels; k += few) {
        const int64_t end = min64(k + few, channels);
        norm_grad_channels(j->norm, relu_too, block, k, end, z.at + k * z.channel, z.channel);
        if (masks)
            mask_channels(j, block, k, end, z, z, y + k * j->y.channel, db);
    }
}

/* dz of the chunk's blocks, and db's sums. */
static lane_map chunk_dz(const grad_job *j, int64_t chunk)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    const int64_t channels = g->k * g->p.groups;
    lane_map dy = j->dy;
    dy.at += first * dy.block;
    float *own = j->copies ? j->dz + (j->way == AFTER ? chunk : cpu_thread()) * j->dz_size : NULL;
    const lane_map dz = j->copies ? lane_map_dense(own, channels, g->ho, g->wo) : dy;
    float *db = j->db_lanes ? j->db_lanes + chunk * channels * CONV_LANES : NULL;
    for (int64_t i = 0; db && i < channels * CONV_LANES; i++)
        db[i] = 0;
    for (int64_t b = 0; (db || j->copies) && b < blocks; b++) {
        lane_map z = dz, d = dy;
        z.at = j->copies ? z.at + b * z.block : NULL;
        d.at += b * d.block;
        const float *y = j->y.at ? j->y.at + (first + b) * j->y.block : NULL;
        if (j->norm)
            norm_channels(j, first + b, z, y, db);
        else
            mask_channels(j, first + b, 0, channels, z, d, y, db);
    }
    return dz;
}

static void chunk_dx(const grad_job *j, int64_t chunk, lane_map dz)
{
    const conv_geometry *g = j->g;
    const int64_t first = chunk * j->chunk_blocks, blocks = min64(j->chunk_blocks, g->blocks - first);
    lane_map dx = j->dx;
    dx.at += first * dx.block;
    if (j->way == BY_QUADS) {
        conv_quads_run(j->kernels, g, &j->quads, dz, dx, blocks);
        return;
    }
    if (j->way == BY_WINOGRAD) {
        winograd_run(&j->winograd, dz, dx, blocks, (conv_range){ 0, g->c }, NULL, false);
        return;
    }
    for (int64_t group = 0; group < g->p.groups; group++) {
        const conv_tiles t = {
            .x = dz.at + group * g->k * dz.channel,
            .y = dx.at + group * g->c * dx.channel,
            .blocks = blocks,
            .x_block = dz.block,
            .y_block = dx.block,
            .channels = g->k,
            .x_channel = dz.channel,
            .outputs = g->c,
            .y_channel = dx.channel,
            .w = j->packed.at + group * j->packed.group,
            .w_tile = j->packed.tile,
            .w_channel = j->plan.taps * CONV_PACK,
            .fetch = conv_beyond_cache(g),
            .stream = j->stream,
        };
        conv_sweep(j->kernels, &j->plan, &t, false);
    }
}

static void grad_chunks(void *arg, int64_t first, int64_t last)
{
    const grad_job *j = arg;
    for (int64_t chunk = j->done + first; chunk < j->done + last; chunk++) {
        lane_map dz = chunk_dz(j, chunk);
        if (j->dx.at && j->way != AFTER)
            chunk_dx(j, chunk, dz);
        if (j->gw)
            grad_w_chunk(j->gw, chunk, dz);
    }
    if (j->stream)
        cpu_stream_end();
}

static void run_rounds(cpu_device *d, grad_job *j)
{
    const int64_t round = j->gw ? grad_w_round_chunks(j->gw) : j->chunks;
    for (int64_t i = 0; j->done < j->chunks; i++, j->done += round) {
        cpu_for(d->threads, min64(round, j->chunks - j->done), 1, grad_chunks, j);
        if (j->gw)
            grad_w_round(d, j->gw, i);
    }
}

static void finish_db(const grad_job *j, float *db)
{
    const int64_t n = j->g->k * j->g->p.groups * CONV_LANES;
    j->kernels->sum_slices(j->db_lanes, j->db_lanes, j->chunks, n, n);
    for (int64_t k = 0; k < n / CONV_LANES; k++) {
        float sum = 0;
        for (int i = 0; i < CONV_LANES; i++)
            sum += j->db_lanes[k * CONV_LANES + i];
        db[k] = sum;
    }
}

/* Weights twice as large as dz, and larger than what stays in the L2 cache next to it, are not to be read for every chunk of
 * images. */
static bool weights_dominate(const conv_geometry *g)
{
    enum { L2_FLOATS = 65536 };
    const int64_t weights = g->c * g->k * g->r * g->s;
    return weights > L2_FLOATS && weights > 2 * g->blocks * CONV_LANES * g->k * g->ho * g->wo;
}

static dx_way way_of(const conv_geometry *g)
{
    if (conv_quads_suit(g))
        return BY_QUADS;
    if (weights_dominate(g))
        return AFTER;
    return winograd_suits(g, true) ? BY_WINOGRAD : BY_TILES;
}

static lane_map dz_of_all(const grad_job *j)
{
    return j->copies ? lane_map_dense(j->dz, j->g->k * j->g->p.groups, j->g->ho, j->g->wo) : j->dy;
}

/* Everything but the memory for dw. */
static socle_status prepare(workspace *ws, grad_job *j, const float *w, bool wants_db)
{
    const conv_geometry *g = j->g;
    const int64_t channels = g->k * g->p.groups;
    j->dz_size = j->chunk_blocks * channels * g->ho * g->wo * CONV_LANES;
    j->chunks = divide_up(g->blocks, j->chunk_blocks);
    if (j->dx.at)
        j->way = way_of(g);
    const int64_t copies = j->way == AFTER ? j->chunks : ws->device->threads;
    if (j->copies && !(j->dz = workspace_floats(ws, copies * j->dz_size)))
        return SOCLE_ERR_NOMEM;
    if (wants_db && !(j->db_lanes = workspace_floats(ws, j->chunks * channels * CONV_LANES)))
        return SOCLE_ERR_NOMEM;
    if (!j->dx.at || j->way == AFTER)
        return SOCLE_OK;
    const lane_map dz = j->copies ? lane_map_dense(NULL, channels, g->ho, g->wo) : j->dy; /* its strides */
    if (j->way == BY_QUADS)
        return conv_quads_prepare(ws, g, dz, j->dx, w, &j->quads);
    if (j->way == BY_WINOGRAD)
        return winograd_prepare(ws, g, true, w, &j->winograd);
    j->stream = conv_streams(g, true) && lane_map_is_aligned(j->dx);
    socle_status s = conv_plan_backward(ws, g, dz, j->dx, &j->plan);
    return s == SOCLE_OK ? conv_pack(ws, g, true, &j->plan, w, &j->packed) : s;
}

socle_status conv_lanes_grad(cpu_device *d, const conv_geometry *g, socle_epilogue e, lane_map dx, float *dw,
                             float *db, lane_map dy, lane_map x, const float *w, lane_map y,
                             const norm_grad_rest *norm)
{
    workspace ws = workspace_on(d);
    grad_job j = { .kernels = d->kernels->conv, .g = g, .dy = dy, .y = y, .dx = dx, .norm = norm };
    grad_w gw = { .kernels = j.kernels, .g = g, .dw = dw };
    j.relu = e == SOCLE_EPILOGUE_RELU;
    j.gw = dw ? &gw : NULL;
    j.chunk_blocks = conv_chunk_blocks(g);
    socle_status s = dw ? grad_w_prepare(&ws, &gw, x, j.chunk_blocks) : SOCLE_OK;
    if (s != SOCLE_OK)
        return workspace_end(&ws, s);
    j.copies = norm || j.relu || (dw && grad_w_wants_zeros(&gw));
    if ((s = prepare(&ws, &j, w, db != NULL)) != SOCLE_OK)
        return workspace_end(&ws, s);
    run_rounds(d, &j);
    if (dx.at && j.way == AFTER)
        s = conv_lanes_product(&ws, g, true, dx, dz_of_all(&j), w, NULL, false);
    if (dw)
        grad_w_finish(d, &gw);
    if (db)
        finish_db(&j, db);
    return workspace_end(&ws, s);
}

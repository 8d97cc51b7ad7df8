/* Winograd's gradient of 3x3 weights: see winograd_weights.h.
 *
 * Few weights: a chunk of images goes through the caches in steps of tiles, transformed, multiplied and added to
 * 36 matrices of sums; its share of dw is one more transform. Many weights: these matrices would not stay in any
 * cache, nor have a share for every chunk of images. Then what is transformed is kept (2.25 times x and dz, and
 * what tiles stick out), and parts of the weights sum over all of it; a round of images at a time, since a large
 * batch of large images would take gigabytes.
 *
 * Sums run over tiles in the order of blocks, rows and columns, whatever thread it is. */
#include "winograd_weights.h"

#include "parallel.h"
#include "winograd.h"

enum {
    GROUP = CONV_LANES,
    PIXEL = WINOGRAD_Z, /* floats of a pixel of 16 outputs' dz, turned */
    TURNED = WINOGRAD_TILE * WINOGRAD_TILE * PIXEL,
    WINDOW = 9,
    PART_PANELS = 2,   /* of a part of the weights, and */
    PART_COLUMNS = 128 /* columns: sums that stay in the L2 cache */
};

static int64_t tiles_of(const conv_geometry *g)
{
    return divide_up(g->ho, WINOGRAD_TILE) * divide_up(g->wo, WINOGRAD_TILE);
}

/* ---- transforms ---- */

static winograd_patch patch_of(const winograd_weights *j, int64_t block, int64_t tile)
{
    const conv_geometry *g = j->g;
    if (winograd_is_pair(g))
        return (winograd_patch){ .x = j->x.at + block * j->x.block, .images = conv_images(g, block) };
    const int64_t row = tile / j->tiles_w * WINOGRAD_TILE - g->p.pad[0];
    const int64_t column = tile % j->tiles_w * WINOGRAD_TILE - g->p.pad[1];
    return (winograd_patch){
        .x = j->x.at + block * j->x.block,
        .at = row * j->x.row + column * j->x.column,
        .row_from = row < 0 ? (int)-row : 0,
        .row_to = (int)min64(g->h - row, WINOGRAD_INPUTS),
        .column_from = column < 0 ? (int)-column : 0,
        .column_to = (int)min64(g->w - column, WINOGRAD_INPUTS),
        .images = conv_images(g, block),
    };
}

static void clear(float *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = 0;
}

/* A tile of 16 outputs of dz, which starts with them: [tile][tile][16 images][16], zeros past the edge. */
static void turn(const winograd_weights *j, lane_map dz, int64_t outputs, int64_t tile, float *to)
{
    const conv_geometry *g = j->g;
    const int64_t side = j->transforms->tile, row = tile / j->tiles_w * side, column = tile % j->tiles_w * side;
    const int64_t columns = min64(g->wo - column, side);
    for (int64_t i = 0; i < side; i++, to += side * PIXEL) {
        const int64_t there = row + i < g->ho ? columns : 0;
        if (there)
            j->conv->transpose(to, dz.at + (row + i) * dz.row + column * dz.column, dz.channel, dz.column,
                               min64(outputs, GROUP), there);
        clear(to + there * PIXEL, (side - there) * PIXEL);
    }
}

/* The same tile on its way to the caches. */
static void turn_soon(const winograd_weights *j, lane_map dz, int64_t outputs, int64_t tile)
{
    const conv_geometry *g = j->g;
    const int64_t side = j->transforms->tile, row = tile / j->tiles_w * side, column = tile % j->tiles_w * side;
    const int64_t rows = min64(g->ho - row, side), columns = min64(g->wo - column, side);
    for (int64_t k = 0; k < min64(outputs, GROUP); k++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t c = 0; c < columns; c++)
                __builtin_prefetch(dz.at + k * dz.channel + (row + i) * dz.row + (column + c) * dz.column);
}

/* Tiles [first, first + count) of the blocks from `block` on, whose dz is given. */
static void transform(const winograd_weights *j, int64_t block, int64_t first, int64_t count, lane_map dz, float *x,
                      float *z)
{
    const conv_geometry *g = j->g;
    winograd_patch *patch = j->patch + cpu_thread() * j->step;
    float *turned = j->turned + cpu_thread() * TURNED;
    for (int64_t i = 0; i < count; i++)
        patch[i] = patch_of(j, block + (first + i) / j->tiles, (first + i) % j->tiles);
    const winograd_source source = {
        .channels = g->c,
        .channel = j->x.channel,
        .row = j->x.row,
        .column = j->x.column,
        .patches = count,
        .patch = patch,
    };
    j->transforms->patches(&source, x, j->x_all.point, j->x_all.panel);
    for (int64_t k = 0; k < j->panels; k++)
        for (int64_t i = 0; i < count; i++) {
            const int64_t of = (first + i) / j->tiles;
            lane_map from = dz;
            from.at += of * dz.block + k * GROUP * dz.channel;
            turn(j, from, g->k - k * GROUP, (first + i) % j->tiles, turned);
            if (i + 1 < count)
                turn_soon(j, from, g->k - k * GROUP, (first + i + 1) % j->tiles);
            j->transforms->turned(turned, conv_images(g, block + of), z + k * j->z_all.panel + i * WINOGRAD_Z,
                                  j->z_all.point);
        }
}

/* ---- products ---- */

static void chunk_steps(const winograd_weights *j, int64_t block, int64_t tiles, lane_map dz, float *sums)
{
    const int64_t steps = divide_up(tiles, j->step);
    float *x = j->x_all.at + cpu_thread() * j->x_all.size, *z = j->z_all.at + cpu_thread() * j->z_all.size;
    for (int64_t s = 0; s < steps; s++) {
        const int64_t first = tiles * s / steps, count = tiles * (s + 1) / steps - first;
        transform(j, block, first, count, dz, x, z);
        for (int p = 0; p < j->transforms->positions; p++)
            j->kernels->product(&(winograd_product){
                .tiles = count,
                .columns = j->columns,
                .outputs = j->panels * GROUP,
                .x = x + p * j->x_all.point,
                .z = z + p * j->z_all.point,
                .x_panel = j->x_all.panel,
                .z_panel = j->z_all.panel,
                .sums = sums + p * j->sums.point,
                .sums_panel = j->sums.panel,
                .add = s > 0,
            });
    }
}

static void keep_steps(const winograd_weights *j, int64_t block, int64_t tiles, lane_map dz)
{
    const int64_t steps = divide_up(tiles, j->step), before = block % j->round * j->tiles;
    for (int64_t s = 0; s < steps; s++) {
        const int64_t first = tiles * s / steps, count = tiles * (s + 1) / steps - first;
        transform(j, block, first, count, dz, j->x_all.at + (before + first) * WINOGRAD_X,
                  j->z_all.at + (before + first) * WINOGRAD_Z);
    }
}

void winograd_weights_chunk(const winograd_weights *j, int64_t chunk, lane_map dz, float *dw)
{
    const conv_geometry *g = j->g;
    const int64_t block = chunk * j->chunk_blocks, tiles = min64(j->chunk_blocks, g->blocks - block) * j->tiles;
    if (j->kept) {
        keep_steps(j, block, tiles, dz);
        return;
    }
    float *sums = j->sums.at + cpu_thread() * j->sums.size;
    chunk_steps(j, block, tiles, dz, sums);
    for (int64_t k = 0; k < j->panels; k++)
        j->transforms->windows(sums + k * j->sums.panel, j->sums.point, g->c, dw + k * g->c * WINDOW * GROUP);
}

/* ---- parts of the weights ---- */

typedef struct parts_job {
    const winograd_weights *j;
    float *dw;
    int64_t columns; /* how many parts */
    int64_t tiles;   /* of the round */
} parts_job;

static void sum_all_tiles(const winograd_weights *j, int64_t tiles, int64_t k, int64_t c, int64_t panels,
                          int64_t columns, float *sums)
{
    enum { TILES = 8 }; /* whose z and x stay in the L1 cache */
    for (int p = 0; p < j->transforms->positions; p++)
        for (int64_t t = 0; t < tiles; t += TILES)
            j->kernels->product(&(winograd_product){
                .tiles = min64(TILES, tiles - t),
                .columns = columns,
                .outputs = panels * GROUP,
                .x = j->x_all.at + p * j->x_all.point + c / WINOGRAD_COLUMNS * j->x_all.panel + t * WINOGRAD_X,
                .z = j->z_all.at + p * j->z_all.point + k * j->z_all.panel + t * WINOGRAD_Z,
                .x_panel = j->x_all.panel,
                .z_panel = j->z_all.panel,
                .sums = sums + p * j->sums.point,
                .sums_panel = j->sums.panel,
                .add = t > 0,
            });
}

static void parts_of_weights(void *arg, int64_t first, int64_t last)
{
    const parts_job *job = arg;
    const winograd_weights *j = job->j;
    const conv_geometry *g = j->g;
    float *sums = j->sums.at + cpu_thread() * j->sums.size;
    for (int64_t i = first; i < last; i++) {
        const int64_t k = i / job->columns * PART_PANELS, c = i % job->columns * j->part;
        const int64_t panels = min64(PART_PANELS, j->panels - k);
        sum_all_tiles(j, job->tiles, k, c, panels, min64(j->part, j->columns - c), sums);
        for (int64_t of = 0; of < panels; of++)
            j->transforms->windows(sums + of * j->sums.panel, j->sums.point, min64(j->part, g->c - c),
                                   job->dw + ((k + of) * g->c + c) * WINDOW * GROUP);
    }
}

void winograd_weights_round(cpu_device *d, const winograd_weights *j, int64_t i, float *dw)
{
    const int64_t blocks = min64(j->round, j->g->blocks - i * j->round);
    const parts_job job = { j, dw, divide_up(j->columns, j->part), blocks * j->tiles };
    cpu_for(d->threads, divide_up(j->panels, PART_PANELS) * job.columns, 1, parts_of_weights, (void *)&job);
}

/* ---- preparation ---- */

/* Maps of 2x2, whose tiles are always kept: worth it where sums for every chunk of images would not stay in a cache. Costs as
 * below; products stream from L2 and take an eighth more. */
static bool pairs_suit(const conv_geometry *g, int64_t columns, int64_t panels)
{
    enum { PATCH = 30, TILE = 1000, WEIGHTS = 1 << 16 };
    const int64_t products = WINOGRAD_PAIRS_POSITIONS * columns * panels * GROUP;
    return products > WEIGHTS && products + products / 8 + PATCH * columns + TILE * panels < conv_work(g);
}

/* In units of a product of 16 lanes, for one block of images. Measured, with x and dz from the L3 cache: a patch
 * of x takes 250 and a tile of 16 outputs of dz, with its transposition, 4500; the transform back of a chunk's
 * sums, and what there is to add up, 220. Of 16 channels on both sides all sizes of images gain, 8 to 16 from
 * 28x28 on; 5x5 pixels, of whose four tiles three are mostly beyond the edge, do not. */
bool winograd_weights_suit(const conv_geometry *g, int64_t chunk_blocks)
{
    enum { PATCH = 250, TILE = 4500, SUMS = 220 };
    const socle_conv *p = &g->p;
    if (g->r != 3 || g->s != 3 || p->groups != 1 || p->stride[0] != 1 || p->stride[1] != 1 || p->dilation[0] != 1 ||
        p->dilation[1] != 1)
        return false;
    const int64_t columns = divide_up(g->c, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS, panels = divide_up(g->k, GROUP);
    if (winograd_is_pair(g))
        return pairs_suit(g, columns, panels);
    const int64_t tile = WINOGRAD_POSITIONS * columns * panels * GROUP + PATCH * columns + TILE * panels;
    return tiles_of(g) * tile + SUMS * columns * panels / chunk_blocks < conv_work(g);
}

/* room for each of `copies`, [positions][panels][panel] and a cache line between points, so that these do not fall on one
 * set of the L1 cache. */
static bool take(workspace *ws, winograd_matrices *m, int positions, int64_t panels, int64_t panel, int64_t copies)
{
    m->panel = panel;
    m->point = panels * panel + CONV_LANES;
    m->size = positions * m->point;
    m->at = workspace_floats(ws, copies * m->size);
    return m->at != NULL;
}

socle_status winograd_weights_prepare(workspace *ws, winograd_weights *j, const conv_geometry *g, lane_map x,
                                      int64_t chunk_blocks, int64_t round_floats)
{
    enum { FLOATS = 1 << 17, LEAST = 2, KEEP = 1 << 20 }; /* a step's matrices; tiles; sums for a thread */
    const int64_t threads = ws->device->threads;
    const struct cpu_winograd_weights_kernels *kernels = ws->device->kernels->winograd_weights;
    const bool pair = winograd_is_pair(g);
    *j = (winograd_weights){
        .kernels = kernels,
        .transforms = pair ? &kernels->pairs : &kernels->tiles,
        .conv = ws->device->kernels->conv,
        .g = g,
        .x = x,
        .tiles_w = divide_up(g->wo, WINOGRAD_TILE),
        .tiles = tiles_of(g),
        .columns = divide_up(g->c, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS,
        .panels = divide_up(g->k, GROUP),
        .chunk_blocks = chunk_blocks,
    };
    const int positions = j->transforms->positions;
    const int64_t tile = positions * CONV_LANES * (j->columns + j->panels * GROUP);
    j->step = FLOATS / tile < LEAST ? LEAST : FLOATS / tile;
    j->kept = pair || WINOGRAD_POSITIONS * GROUP * j->panels * j->columns > KEEP;
    j->part = j->kept ? min64(PART_COLUMNS, j->columns) : j->columns;
    const int64_t most = round_floats / (tile * j->tiles * chunk_blocks) + 1; /* chunks of a round */
    j->round = j->kept ? min64(most * chunk_blocks, g->blocks) : g->blocks;
    j->rounds = divide_up(g->blocks, j->round);
    const int64_t tiles = j->kept ? j->round * j->tiles : j->step, copies = j->kept ? 1 : threads;
    if (!take(ws, &j->x_all, positions, j->columns / WINOGRAD_COLUMNS, tiles * WINOGRAD_X, copies) ||
        !take(ws, &j->z_all, positions, j->panels, tiles * WINOGRAD_Z, copies) ||
        !take(ws, &j->sums, positions, j->kept ? min64(PART_PANELS, j->panels) : j->panels, j->part * GROUP,
              threads))
        return SOCLE_ERR_NOMEM;
    j->turned = workspace_floats(ws, threads * TURNED);
    j->patch = j->turned ? workspace_take(ws, threads * j->step, sizeof(winograd_patch)) : NULL;
    return j->patch ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

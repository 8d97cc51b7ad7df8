/* See winograd_share.h. A panel of tiles of x is turned and transformed, then multiplied by that of dz, one position after the
 * other; a thread's sums, 36 matrices or 64, stay in the L2 cache from panel to panel.
 *
 * Sums run over tiles in the order of winograd_run's panels, whatever thread it is. */
#include "winograd_share.h"

#include "isa/kernels_elementwise.h"
#include "parallel.h"

enum { GROUP = CONV_LANES };

/* Of every second tile. */
static int64_t rows_of_panel(const winograd_share *j)
{
    return (WINOGRAD_PANEL_MAX + 1) / 2 * WINOGRAD_TILE * j->g->c;
}

/* ---- panels ---- */

/* Of the calling thread. */
static winograd_matrices own(winograd_matrices m)
{
    m.at += cpu_thread() * m.size;
    return m;
}

/* Of tile i's images. */
static int64_t block_of(const winograd_share_chunk *chunk, const winograd_panel *p, int i)
{
    return chunk->chunk * chunk->j->chunk_blocks + p->tile[i].block;
}

/* 16 channels of tile i of x, or what is left of them. */
static winograd_corner corner_of(const winograd_share_chunk *chunk, const winograd_panel *p, int i, int64_t panel)
{
    const winograd_share *j = chunk->j;
    lane_map x = j->x;
    x.at += block_of(chunk, p, i) * x.block + panel * GROUP * x.channel + p->tile[i].row * x.row +
            p->tile[i].column * x.column;
    return (winograd_corner){ x, min64(j->g->c - panel * GROUP, GROUP), p->tile[i].rows, p->tile[i].columns };
}

static void transform(const winograd_share_chunk *chunk, const winograd_panel *p, const winograd_matrices *to)
{
    const winograd_share *j = chunk->j;
    float *turned = j->turned + cpu_thread() * WINOGRAD_TURNED;
    for (int64_t panel = 0; panel < j->panels; panel++)
        for (int i = 0; i < p->tiles; i++) {
            const winograd_patch tile = {
                .images = conv_images(j->g, block_of(chunk, p, i)),
                .term = { { i } },
            };
            winograd_turn(j->conv, corner_of(chunk, p, i, panel), j->transforms->tile, turned);
            if (i + 1 < p->tiles)
                winograd_turn_soon(corner_of(chunk, p, i + 1, panel));
            else if (panel + 1 < j->panels)
                winograd_turn_soon(corner_of(chunk, p, 0, panel + 1));
            j->transforms->turned(turned, &tile, to, panel);
        }
}

static bool is_idle(const winograd_panel *p, int row, int column)
{
    return (p->idle[0] >> row | p->idle[1] >> column) & 1;
}

/* Rows of x under a panel, each with the pixels of the tile beside it. */
static winograd_rows_soon list_rows(const winograd_share_chunk *chunk, const winograd_panel *p)
{
    const winograd_share *j = chunk->j;
    const float **row = j->rows + cpu_thread() * rows_of_panel(j);
    winograd_rows_soon soon = { .row = row, .column = j->x.column };
    for (int i = 0; p && i < p->tiles; i += 2)
        for (int64_t panel = 0; panel < j->panels; panel++) {
            const winograd_corner x = corner_of(chunk, p, i, panel);
            for (int64_t c = 0; c < x.channels; c++)
                for (int r = 0; r < x.rows; r++)
                    row[soon.left++] = x.at.at + c * x.at.channel + r * x.at.row;
        }
    return soon;
}

/* While rows of the next panel are on their way. */
static void multiply(const winograd_share_chunk *chunk, const winograd_panel *p, const winograd_panel *next,
                     const winograd_matrices *tiles, bool add)
{
    const winograd_share *j = chunk->j;
    const int lines = j->transforms->lines;
    float *sums = own(j->sums).at;
    winograd_rows_soon soon = list_rows(chunk, next);
    for (int i = 0; i < lines * lines; i++) {
        if (is_idle(p, i / lines, i % lines))
            continue;
        const winograd_product product = {
            .terms = p->tiles,
            .columns = j->columns,
            .outputs = j->panels * GROUP,
            .x = p->v + i * p->v_position,
            .z = tiles->at + i * tiles->point,
            .x_panel = p->tiles * WINOGRAD_X,
            .z_panel = tiles->panel,
            .sums = sums + i * j->sums.point,
            .sums_panel = j->sums.panel,
            .add = add,
            .x_next = p->v + (i + 1) * p->v_position,
            .z_next = tiles->at + (i + 1) * tiles->point,
            .soon = &soon,
        };
        j->kernels->product(&product);
    }
}

static void clear(float *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = 0;
}

void winograd_share_panel(void *arg, const winograd_panel *p, const winograd_panel *next)
{
    winograd_share_chunk *chunk = arg;
    const winograd_share *j = chunk->j;
    const winograd_matrices tiles = own(j->tiles);
    const bool whole = !p->idle[0] && !p->idle[1];
    if (!chunk->begun && !whole)
        clear(own(j->sums).at, j->sums.size);
    transform(chunk, p, &tiles);
    multiply(chunk, p, next, &tiles, chunk->begun || !whole);
    chunk->begun = true;
}

/* ---- sums ---- */

/* Floats of 16 channels' dw. */
static int64_t panel_size(const winograd_share *j)
{
    return j->g->k * j->g->r * j->g->s * GROUP;
}

void winograd_share_end(const winograd_share_chunk *c)
{
    const winograd_share *j = c->j;
    const float *sums = own(j->sums).at;
    float *dw = j->partial + c->chunk * j->panels * panel_size(j);
    for (int64_t i = 0; i < j->panels; i++, dw += panel_size(j))
        j->transforms->windows(sums + i * j->sums.panel, j->sums.point, j->g->k, dw);
}

typedef struct sum_job {
    const winograd_share *j;
    const struct cpu_elementwise_kernels *elements;
    float *dw;
} sum_job;

/* 16 channels of dw [k][c][taps] from [k][taps in reverse][16]. */
static void store_panel(const sum_job *job, int64_t panel, const float *from)
{
    const conv_geometry *g = job->j->g;
    const int64_t taps = g->r * g->s, c = panel * GROUP;
    for (int64_t k = 0; k < g->k; k++, from += taps * GROUP)
        job->elements->transpose(min64(GROUP, g->c - c), taps, job->dw + (k * g->c + c) * taps, taps,
                                 from + (taps - 1) * GROUP, -GROUP);
}

static void sum_panels(void *arg, int64_t first, int64_t last)
{
    const sum_job *job = arg;
    const winograd_share *j = job->j;
    const int64_t size = panel_size(j);
    for (int64_t i = first; i < last; i++) {
        float *acc = j->partial + i * size;
        j->conv->sum_slices(acc, acc, j->chunks, j->panels * size, size);
        store_panel(job, i, acc);
    }
}

void winograd_share_sum(cpu_device *d, const winograd_share *j, float *dw)
{
    enum { WORK = 65536 }; /* floats worth a thread */
    const sum_job job = { j, d->kernels->elementwise, dw };
    cpu_for(d->threads, j->panels, WORK / (j->chunks * panel_size(j)) + 1, sum_panels, (void *)&job);
}

/* ---- preparation ---- */

int64_t winograd_share_cost(const conv_geometry *g, int64_t chunk_blocks)
{
    enum { SUMS = 1 << 20 }; /* a thread keeps at most */
    const winograd_weights_costs cost = winograd_weights_costs_of(g);
    const int64_t columns = divide_up(g->k, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS, panels = divide_up(g->c, GROUP);
    const int64_t matrices = g->r == 5 ? WINOGRAD_FIVES_POSITIONS : WINOGRAD_POSITIONS;
    if (g->p.stride[0] != 1 || winograd_is_pair(g) || matrices * columns * panels * GROUP > SUMS)
        return INT64_MAX;
    const winograd_count count = winograd_count_of(g, true);
    return count.positions * columns * panels * GROUP + count.tiles * cost.tile * panels +
           cost.sums * columns * panels / chunk_blocks;
}

socle_status winograd_share_prepare(workspace *ws, winograd_share *j, const conv_geometry *g, lane_map x,
                                    int64_t chunk_blocks)
{
    const int64_t threads = ws->device->threads;
    const struct cpu_kernels *k = ws->device->kernels;
    *j = (winograd_share){
        .kernels = k->winograd_weights,
        .transforms = g->r == 5 ? &k->winograd_weights->fives : &k->winograd_weights->tiles,
        .conv = k->conv,
        .g = g,
        .x = x,
        .columns = divide_up(g->k, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS,
        .panels = divide_up(g->c, GROUP),
        .chunk_blocks = chunk_blocks,
        .chunks = divide_up(g->blocks, chunk_blocks),
    };
    const int panel = g->r == 5 ? k->winograd_fives->panel : k->winograd->panel;
    const int positions = j->transforms->lines * j->transforms->lines;
    if (!winograd_matrices_take(ws, &j->tiles, positions, j->panels, panel * WINOGRAD_Z, threads) ||
        !winograd_matrices_take(ws, &j->sums, positions, j->panels, j->columns * GROUP, threads))
        return SOCLE_ERR_NOMEM;
    j->turned = workspace_floats(ws, threads * WINOGRAD_TURNED);
    j->rows = j->turned ? workspace_take(ws, threads * rows_of_panel(j), sizeof(float *)) : NULL;
    j->partial = j->rows ? workspace_floats(ws, j->chunks * j->panels * panel_size(j)) : NULL;
    return j->partial ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

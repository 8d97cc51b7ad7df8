/* Winograd's gradients of 3x3 and 5x5 weights: see winograd_weights.h.
 *
 * Few weights: a chunk of images goes through the caches in steps of tiles, transformed, multiplied and added to
 * 36 matrices of sums (64 of 5x5); its share of dw is one more transform. Many weights: these matrices would not stay in any
 * cache, nor have a share for every chunk of images. Then what is transformed is kept (2.25 times x and dz, and
 * what tiles stick out; with stride 2 1.3 and 5 times), and parts of the weights sum over all of it; a round of images at a
 * time, since a large batch of large images would take gigabytes.
 *
 * Sums run over tiles in the order of blocks, rows and columns, whatever thread it is. */
#include "winograd_weights.h"

#include "parallel.h"
#include "winograd.h"

enum {
    GROUP = CONV_LANES,
    PIXEL = WINOGRAD_Z,                   /* floats of a pixel of 16 channels, turned */
    PATCH_ROWS = WINOGRAD_STRIDED_INPUTS, /* at most */
    PART_PANELS = 2,                      /* of a part of the weights, and */
    PART_COLUMNS = 128                    /* columns: sums that stay in the L2 cache */
};

static bool is_strided(const conv_geometry *g)
{
    return g->p.stride[0] == 2;
}

/* ---- tiles and terms ---- */

/* Tiles as large as they can be, or, with stride 2, where products are saved by those of 3 results, all about equal. */
static winograd_tiling axis_of(const conv_geometry *g, int axis)
{
    const int64_t results = axis ? g->wo : g->ho, tiles = divide_up(results, WINOGRAD_TILE);
    if (!is_strided(g) || tiles == 0)
        return (winograd_tiling){ results, tiles, WINOGRAD_TILE, 0 };
    return (winograd_tiling){ results, tiles, results / tiles, results % tiles };
}

/* The first result of tile i. */
static int64_t start_of(const winograd_tiling *a, int64_t i)
{
    return min64(i * a->size + min64(i, a->larger), a->results);
}

/* Terms of the tiles before tile i of an axis, in one line of a kind. */
static int64_t terms_before(const winograd_tiling *a, int kind, int64_t i)
{
    if (kind == WINOGRAD_POINTS)
        return i;
    if (kind == WINOGRAD_PLAIN)
        return start_of(a, i);
    return a->size == WINOGRAD_TILE ? i : a->size + 1 == WINOGRAD_TILE ? min64(i, a->larger) : 0;
}

/* The first term of a tile in matrices of these kinds of row and column; tiles are counted through blocks. */
static int64_t term_of(const winograd_weights *j, int row_kind, int column_kind, int64_t tile)
{
    const winograd_tiling *rows = &j->axis[0], *columns = &j->axis[1];
    const int64_t of = tile % j->tiles, row = of / columns->tiles, column = of % columns->tiles;
    const int64_t before = terms_before(rows, row_kind, row), here = terms_before(rows, row_kind, row + 1) - before;
    const int64_t above = tile / j->tiles * terms_before(rows, row_kind, rows->tiles) + before;
    return above * terms_before(columns, column_kind, columns->tiles) +
           here * terms_before(columns, column_kind, column);
}

/* Of two lines: where it starts and how large it is, in points, and what it holds. */
typedef struct matrix {
    int64_t point, span;
    int row_kind, column_kind;
} matrix;

static int kind_of(const struct winograd_weights_transforms *t, int line)
{
    return line < t->points ? WINOGRAD_POINTS : WINOGRAD_INFINITY + line - t->points;
}

static matrix matrix_of(const struct winograd_weights_transforms *t, int row, int column)
{
    const int row_kind = kind_of(t, row), column_kind = kind_of(t, column), span = winograd_span(row_kind);
    return (matrix){ row * t->width + span * column, span * winograd_span(column_kind), row_kind, column_kind };
}

/* ---- transforms ---- */

/* Results of a tile. */
typedef struct place {
    int64_t row, column;
    int rows, columns;
} place;

static place place_of(const winograd_weights *j, int64_t tile)
{
    const winograd_tiling *rows = &j->axis[0], *columns = &j->axis[1];
    const int64_t i = tile / columns->tiles, k = tile % columns->tiles;
    const int64_t row = start_of(rows, i), column = start_of(columns, k);
    return (place){ row, column, (int)(start_of(rows, i + 1) - row), (int)(start_of(columns, k + 1) - column) };
}

/* `n` inputs that begin at `at`: those inside [0, size). */
static void clip(int64_t at, int64_t n, int64_t size, int *from, int *to)
{
    *from = (int)min64(max64(-at, 0), n);
    *to = (int)max64(min64(size - at, n), *from);
}

static winograd_patch patch_of(const winograd_weights *j, int64_t block, int64_t tile)
{
    const conv_geometry *g = j->g;
    winograd_patch p = { .x = j->x.at + block * j->x.block, .images = conv_images(g, block) };
    if (winograd_is_pair(g))
        return p;
    const place at = place_of(j, tile);
    const int64_t stride = g->p.stride[0];
    const int64_t row = at.row * stride - g->p.pad[0], column = at.column * stride - g->p.pad[1];
    const bool strided = is_strided(g);
    p.at = row * j->x.row + column * j->x.column;
    p.rows = at.rows;
    p.columns = at.columns;
    clip(row, strided ? 2 * at.rows + 1 : j->transforms->lines, g->h, &p.row_from, &p.row_to);
    clip(column, strided ? 2 * at.columns + 1 : j->transforms->lines, g->w, &p.column_from, &p.column_to);
    return p;
}

static void clear(float *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = 0;
}

void winograd_turn(const struct cpu_conv_kernels *kernels, winograd_corner z, int side, float *to)
{
    for (int i = 0; i < side; i++, to += side * PIXEL) {
        const int there = i < z.rows ? z.columns : 0;
        if (there)
            kernels->transpose(to, z.at.at + i * z.at.row, z.at.channel, z.at.column, z.channels, there);
        clear(to + there * PIXEL, (side - there) * PIXEL);
    }
}

void winograd_turn_soon(winograd_corner z)
{
    for (int64_t k = 0; k < z.channels; k++)
        for (int i = 0; i < z.rows; i++)
            for (int c = 0; c < z.columns; c++)
                __builtin_prefetch(z.at.at + k * z.at.channel + i * z.at.row + c * z.at.column);
}

/* Panel k of dz, which starts with the chunk. */
static winograd_corner corner_of(const winograd_weights *j, lane_map dz, int64_t tile, int64_t k)
{
    const place at = place_of(j, tile % j->tiles);
    dz.at += tile / j->tiles * dz.block + k * GROUP * dz.channel + at.row * dz.row + at.column * dz.column;
    return (winograd_corner){ dz, min64(j->g->k - k * GROUP, GROUP), at.rows, at.columns };
}

/* Tiles of a chunk, and patches of x under them. */
typedef struct tile_range {
    int64_t first, count;
    winograd_patch *patch;
} tile_range;

/* Those of the blocks from `block` on, which come `before` tiles after the first that is kept. */
static void list_patches(const winograd_weights *j, int64_t block, const tile_range *t, int64_t before)
{
    const int64_t base = j->kept ? 0 : t->first;
    for (int64_t i = 0; i < t->count; i++) {
        const int64_t tile = t->first + i;
        winograd_patch *patch = &t->patch[i];
        *patch = patch_of(j, block + tile / j->tiles, tile % j->tiles);
        for (int k = 0; k < WINOGRAD_KINDS; k++)
            for (int l = 0; l < WINOGRAD_KINDS; l++)
                patch->term[k][l] = term_of(j, k, l, before + tile) - term_of(j, k, l, base);
    }
}

static winograd_source source_of(const winograd_weights *j, const winograd_patch *patch, int64_t count)
{
    return (winograd_source){
        .channels = j->g->c,
        .channel = j->x.channel,
        .row = j->x.row,
        .column = j->x.column,
        .patches = count,
        .patch = patch,
    };
}

/* Tiles of x, and of dz, which starts with the chunk. */
static void transform(const winograd_weights *j, const tile_range *t, lane_map dz, const winograd_matrices *x,
                      const winograd_matrices *z)
{
    float *turned = j->turned + cpu_thread() * WINOGRAD_TURNED;
    const winograd_source source = source_of(j, t->patch, t->count);
    j->transforms->patches(&source, x);
    for (int64_t k = 0; k < j->panels; k++)
        for (int64_t i = 0; i < t->count; i++) {
            winograd_turn(j->conv, corner_of(j, dz, t->first + i, k), j->transforms->tile, turned);
            if (i + 1 < t->count)
                winograd_turn_soon(corner_of(j, dz, t->first + i + 1, k));
            j->transforms->turned(turned, &t->patch[i], z, k);
        }
}

/* ---- products ---- */

/* Operands of a matrix, columns from c and panels from k on; terms from `term` on. */
static winograd_product product_of(const winograd_weights *j, const matrix *m, const winograd_matrices *x,
                                   const winograd_matrices *z, int64_t c, int64_t k, int64_t term)
{
    return (winograd_product){
        .x = x->at + m->point * x->point + c / WINOGRAD_COLUMNS * m->span * x->panel + term * WINOGRAD_X,
        .z = z->at + m->point * z->point + k * m->span * z->panel + term * WINOGRAD_Z,
        .x_panel = m->span * x->panel,
        .z_panel = m->span * z->panel,
        .sums_panel = j->sums.panel,
    };
}

/* Of the calling thread. */
static winograd_matrices own(winograd_matrices m)
{
    m.at += cpu_thread() * m.size;
    return m;
}

/* Of all channels. */
static winograd_rows_soon list_rows(const winograd_weights *j, const tile_range *next)
{
    const float **row = j->rows + cpu_thread() * j->step * j->g->c * PATCH_ROWS;
    winograd_rows_soon soon = { .row = row, .column = j->x.column };
    for (int64_t c = 0; c < j->g->c; c++)
        for (int64_t i = 0; i < next->count; i++) {
            const winograd_patch *p = &next->patch[i];
            for (int64_t r = p->row_from; r < p->row_to; r++)
                row[soon.left++] = p->x + (p->at + c * j->x.channel + r * j->x.row + j->x.column);
        }
    return soon;
}

/* Sums of these tiles, while the next are on their way. */
static void multiply_step(const winograd_weights *j, const tile_range *of, const tile_range *next,
                          const winograd_matrices *x, const winograd_matrices *z, float *sums)
{
    const int lines = j->transforms->lines, matrices = lines * lines;
    winograd_rows_soon soon = list_rows(j, next);
    matrix m = matrix_of(j->transforms, 0, 0);
    for (int i = 0; i < matrices; i++) {
        const int after = (i + 1) % matrices;
        winograd_product p = product_of(j, &m, x, z, 0, 0, 0);
        p.terms = term_of(j, m.row_kind, m.column_kind, of->first + of->count) -
                  term_of(j, m.row_kind, m.column_kind, of->first);
        p.columns = j->columns;
        p.outputs = j->panels * GROUP;
        p.sums = sums + i * j->sums.point;
        p.add = of->first > 0;
        m = matrix_of(j->transforms, after / lines, after % lines);
        p.x_next = x->at + m.point * x->point;
        p.z_next = z->at + m.point * z->point;
        p.soon = &soon;
        j->kernels->product(&p);
    }
}

/* Step s of a chunk's; none after the last. */
static tile_range step_of(const winograd_weights *j, int64_t block, int64_t all, int64_t before, int64_t s)
{
    const int64_t steps = divide_up(all, j->step), first = all * s / steps;
    const tile_range t = {
        .first = first,
        .count = s < steps ? all * (s + 1) / steps - first : 0,
        .patch = j->patch + (2 * cpu_thread() + s % 2) * j->step,
    };
    list_patches(j, block, &t, before);
    return t;
}

static void chunk_steps(const winograd_weights *j, int64_t block, int64_t all, lane_map dz, float *sums)
{
    const winograd_matrices x = own(j->x_all), z = own(j->z_all);
    tile_range now = step_of(j, block, all, 0, 0);
    for (int64_t s = 1; now.count; s++) {
        transform(j, &now, dz, &x, &z);
        const tile_range next = step_of(j, block, all, 0, s);
        multiply_step(j, &now, &next, &x, &z, sums);
        now = next;
    }
}

static void keep_steps(const winograd_weights *j, int64_t block, int64_t all, lane_map dz)
{
    const int64_t before = block % j->round * j->tiles;
    tile_range t = step_of(j, block, all, before, 0);
    for (int64_t s = 1; t.count; s++) {
        transform(j, &t, dz, &j->x_all, &j->z_all);
        t = step_of(j, block, all, before, s);
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
        j->transforms->windows(sums + k * j->sums.panel, j->sums.point, g->c, dw + k * g->c * g->r * g->s * GROUP);
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
    enum { TERMS = 8 }; /* whose z and x stay in the L1 cache */
    const int lines = j->transforms->lines;
    winograd_rows_soon none = { .row = NULL };
    for (int i = 0; i < lines * lines; i++) {
        const matrix m = matrix_of(j->transforms, i / lines, i % lines);
        const int64_t terms = term_of(j, m.row_kind, m.column_kind, tiles);
        for (int64_t t = 0; t == 0 || t < terms; t += TERMS) {
            winograd_product p = product_of(j, &m, &j->x_all, &j->z_all, c, k, t);
            p.terms = min64(TERMS, terms - t);
            p.columns = columns;
            p.outputs = panels * GROUP;
            p.sums = sums + i * j->sums.point;
            p.add = t > 0;
            p.x_next = p.x + TERMS * WINOGRAD_X;
            p.z_next = p.z + TERMS * WINOGRAD_Z;
            p.soon = &none;
            j->kernels->product(&p);
        }
    }
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
                                   job->dw + ((k + of) * g->c + c) * g->r * g->s * GROUP);
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
static int64_t pairs_cost(int64_t columns, int64_t panels)
{
    enum { PATCH = 30, TILE = 1000, WEIGHTS = 1 << 16 };
    const int64_t products = WINOGRAD_PAIRS_POSITIONS * columns * panels * GROUP;
    return products > WEIGHTS ? products + products / 8 + PATCH * columns + TILE * panels : INT64_MAX;
}

/* Products of a block of images, for each channel and output. */
static int64_t positions_of(const conv_geometry *g, const winograd_tiling axis[2])
{
    enum { POINTS = 4 };
    if (!is_strided(g))
        return axis[0].tiles * axis[1].tiles * (g->r == 5 ? WINOGRAD_FIVES_POSITIONS : WINOGRAD_POSITIONS);
    int64_t lines[2];
    for (int i = 0; i < 2; i++)
        lines[i] = terms_before(&axis[i], WINOGRAD_POINTS, axis[i].tiles) * POINTS +
                   terms_before(&axis[i], WINOGRAD_INFINITY, axis[i].tiles) +
                   terms_before(&axis[i], WINOGRAD_PLAIN, axis[i].tiles);
    return lines[0] * lines[1];
}

/* Measured, with x and dz from the L3 cache. Of 16 channels on both sides all sizes of images gain, 8 to 16 from 28x28 on; 5x5
 * pixels, of whose four tiles three are mostly beyond the edge, do not. With stride 2 16 to 32 channels gain from 128x128 on,
 * 32 to 32 from 28x28, 64 to 64 from 14x14. */
winograd_weights_costs winograd_weights_costs_of(const conv_geometry *g)
{
    enum { SUMS = 220 };
    if (is_strided(g))
        return (winograd_weights_costs){ 600, 6500, SUMS };
    return g->r == 5 ? (winograd_weights_costs){ 450, 7500, SUMS } : (winograd_weights_costs){ 250, 4500, SUMS };
}

int64_t winograd_weights_cost(const conv_geometry *g, int64_t chunk_blocks)
{
    const winograd_weights_costs cost = winograd_weights_costs_of(g);
    const socle_conv *p = &g->p;
    const int most = g->r == 3 ? 2 : g->r == 5 ? 1 : 0; /* stride */
    if (g->r != g->s || p->groups != 1 || p->stride[0] != p->stride[1] || p->stride[0] > most ||
        p->dilation[0] != 1 || p->dilation[1] != 1)
        return INT64_MAX;
    const int64_t columns = divide_up(g->c, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS, panels = divide_up(g->k, GROUP);
    if (winograd_is_pair(g))
        return pairs_cost(columns, panels);
    const winograd_tiling axis[2] = { axis_of(g, 0), axis_of(g, 1) };
    const int64_t tile = cost.patch * columns + cost.tile * panels;
    const int64_t products = positions_of(g, axis) * columns * panels * GROUP;
    return products + axis[0].tiles * axis[1].tiles * tile + cost.sums * columns * panels / chunk_blocks;
}

bool winograd_matrices_take(workspace *ws, winograd_matrices *m, int positions, int64_t panels, int64_t panel,
                            int64_t copies)
{
    m->panel = panel;
    m->point = panels * panel + CONV_LANES;
    m->size = positions * m->point;
    m->at = workspace_floats(ws, copies * m->size);
    return m->at != NULL;
}

static const struct winograd_weights_transforms *transforms_of(const struct cpu_winograd_weights_kernels *kernels,
                                                               const conv_geometry *g)
{
    if (is_strided(g))
        return &kernels->strided;
    if (g->r == 5)
        return &kernels->fives;
    return winograd_is_pair(g) ? &kernels->pairs : &kernels->tiles;
}

socle_status winograd_weights_prepare(workspace *ws, winograd_weights *j, const conv_geometry *g, lane_map x,
                                      int64_t chunk_blocks, int64_t round_floats)
{
    enum { FLOATS = 1 << 17, KEEP = 1 << 20 }; /* a step's matrices; sums for a thread */
    const int64_t threads = ws->device->threads;
    const struct cpu_winograd_weights_kernels *kernels = ws->device->kernels->winograd_weights;
    *j = (winograd_weights){
        .kernels = kernels,
        .transforms = transforms_of(kernels, g),
        .conv = ws->device->kernels->conv,
        .g = g,
        .x = x,
        .axis = { axis_of(g, 0), axis_of(g, 1) },
        .columns = divide_up(g->c, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS,
        .panels = divide_up(g->k, GROUP),
        .chunk_blocks = chunk_blocks,
    };
    j->tiles = j->axis[0].tiles * j->axis[1].tiles;
    const int positions = j->transforms->width * j->transforms->width;
    const int matrices = j->transforms->lines * j->transforms->lines;
    const int64_t tile = positions * CONV_LANES * (j->columns + j->panels * GROUP);
    j->step = max64(FLOATS / tile, is_strided(g) ? 1 : 2);
    j->kept = winograd_is_pair(g) || matrices * GROUP * j->panels * j->columns > KEEP;
    j->part = j->kept ? min64(PART_COLUMNS, j->columns) : j->columns;
    const int64_t most = round_floats / (tile * j->tiles * chunk_blocks) + 1; /* chunks of a round */
    j->round = j->kept ? min64(most * chunk_blocks, g->blocks) : g->blocks;
    j->rounds = divide_up(g->blocks, j->round);
    const int64_t tiles = j->kept ? j->round * j->tiles : j->step, copies = j->kept ? 1 : threads;
    if (!winograd_matrices_take(ws, &j->x_all, positions, j->columns / WINOGRAD_COLUMNS, tiles * WINOGRAD_X,
                                copies) ||
        !winograd_matrices_take(ws, &j->z_all, positions, j->panels, tiles * WINOGRAD_Z, copies) ||
        !winograd_matrices_take(ws, &j->sums, matrices, j->kept ? min64(PART_PANELS, j->panels) : j->panels,
                                j->part * GROUP, threads))
        return SOCLE_ERR_NOMEM;
    j->turned = workspace_floats(ws, threads * WINOGRAD_TURNED);
    j->patch = j->turned ? workspace_take(ws, 2 * threads * j->step, sizeof(winograd_patch)) : NULL;
    j->rows = j->patch ? workspace_take(ws, threads * j->step * g->c * PATCH_ROWS, sizeof(float *)) : NULL;
    return j->rows ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

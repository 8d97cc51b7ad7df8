/* Reductions over any axes of any view.
 *
 * A view splits into two loops: one over the elements that are kept, one over what is reduced into each. Where
 * neighbours in memory are kept, a tile of them is reduced at once (columns), else memory is run along (rows).
 *
 * The order of additions is fixed by the shapes alone. What is reduced is cut into chunks; a chunk is summed in
 * float, in 32 virtual lanes or one per column, and chunks are added in double in their order. So results do not
 * depend on threads, and errors grow with the length of a chunk, not of the sum. Pad lanes are never read into a
 * sum. */
#include "device.h"

#include <math.h>
#include "isa/kernels_reduce.h"
#include "iterate.h"
#include "parallel.h"

enum {
    CHUNK = 4096,        /* elements of a chunk of rows: 128 to a virtual lane */
    CHUNK_COLUMNS = 128, /* rows in a chunk of columns */
    WIDTH = 256,         /* columns in a tile: their sums stay in the L1 cache */
    MOST_OVERS = 4,      /* loops over what is reduced: whole blocks or the last one, times rows cut or not */
    FEW_TILES = 16,      /* fewer are no work for many threads: chunks are shared out too */
    SHORT = 64           /* rows that are reduced faster than a chunk is set up */
};

typedef struct plan {
    const struct cpu_reduce_kernels *kernels;
    socle_reduce op;
    int64_t count; /* elements reduced into one */
    const float *x;
    float *y;
    loop kept; /* operand 0: x, operand 1: y */
    bool columns;
    int64_t width, pieces, tiles; /* columns of a tile (1 for rows), tiles of a row of kept, tiles */
    loop over[MOST_OVERS];        /* operand 0: x, from the kept element */
    int overs;
    int64_t steps[MOST_OVERS], per_chunk[MOST_OVERS],
        chunks[MOST_OVERS]; /* a step: a row, or one element per column */
    int64_t all_chunks;
    float *partial; /* [tile][chunk][width], or NULL */
} plan;

static bool picks(socle_reduce op)
{
    return op == SOCLE_REDUCE_MAX || op == SOCLE_REDUCE_MIN;
}

/* ---- planning ---- */

/* Rows longer than a chunk become two loops: over whole chunks, and over what remains. */
static void add_over(plan *p, const loop *l)
{
    int inner = l->ndim - 1;
    int64_t n = l->dim[inner];
    if (p->columns || n <= CHUNK) {
        p->over[p->overs++] = *l;
        return;
    }
    loop cut = *l;
    cut.ndim++;
    cut.dim[inner] = n / CHUNK;
    cut.dim[inner + 1] = CHUNK;
    cut.stride[0][inner + 1] = l->stride[0][inner];
    cut.stride[0][inner] = l->stride[0][inner] * CHUNK;
    p->over[p->overs++] = cut;
    if (n % CHUNK == 0)
        return;
    loop rest = *l;
    rest.dim[inner] = n % CHUNK;
    rest.start[0] += n / CHUNK * CHUNK * l->stride[0][inner];
    p->over[p->overs++] = rest;
}

static void plan_over(plan *p, const loop *over, int overs)
{
    p->overs = 0;
    for (int i = 0; i < overs; i++)
        add_over(p, &over[i]);
    p->all_chunks = 0;
    for (int i = 0; i < p->overs; i++) {
        int64_t n = p->columns ? 1 : p->over[i].dim[p->over[i].ndim - 1];
        p->steps[i] = loop_count(&p->over[i]) / n;
        p->per_chunk[i] = p->columns ? CHUNK_COLUMNS : CHUNK / n;
        p->chunks[i] = (p->steps[i] - 1) / p->per_chunk[i] + 1;
        p->all_chunks += p->chunks[i];
    }
}

static void plan_kept(plan *p, const loop *kept)
{
    int inner = kept->ndim - 1;
    int64_t n = kept->dim[inner];
    p->kept = *kept;
    p->columns = kept->stride[0][inner] == 1 && n > 1;
    p->width = !p->columns ? 1 : n < WIDTH ? n : WIDTH;
    p->pieces = p->columns ? (n - 1) / WIDTH + 1 : n;
    p->tiles = loop_count(kept) / n * p->pieces;
}

/* ---- chunks ---- */

static float start_value(socle_reduce op)
{
    return op == SOCLE_REDUCE_MAX ? -INFINITY : op == SOCLE_REDUCE_MIN ? INFINITY : 0.0f;
}

static bool beats(socle_reduce op, float v, float best)
{
    return (op == SOCLE_REDUCE_MAX ? v > best : v < best) || (isnan(v) && !isnan(best));
}

/* The 32 virtual lanes as one. */
static float lanes_together(socle_reduce op, float *acc)
{
    for (int half = REDUCE_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) {
            float v = acc[i + half];
            acc[i] = !picks(op) ? acc[i] + v : beats(op, v, acc[i]) ? v : acc[i];
        }
    return acc[0];
}

/* Chunk c of the n columns (or the one row) at x, into out. */
static void reduce_chunk(const plan *p, const float *x, int64_t n, int64_t c, float *out)
{
    int i = 0;
    for (; c >= p->chunks[i]; i++)
        c -= p->chunks[i];
    const loop *l = &p->over[i];
    int inner = p->columns ? 0 : 1, run = l->ndim - 1 - inner;
    int64_t at = c * p->per_chunk[i], left = p->steps[i] - at;
    left = left < p->per_chunk[i] ? left : p->per_chunk[i];
    float lanes[REDUCE_LANES], *acc = p->columns ? out : lanes;
    for (int64_t j = 0; j < (p->columns ? n : REDUCE_LANES); j++)
        acc[j] = start_value(p->op);
    walk w = walk_from(l, inner, at);
    while (left > 0) {
        /* As many rows as follow each other at one distance. */
        int64_t rows = run < 0 ? 1 : l->dim[run] - w.i[run], ld = run < 0 ? 0 : l->stride[0][run];
        rows = rows < left ? rows : left;
        if (p->columns)
            p->kernels->columns(p->op, rows, ld, n, x + w.at[0], acc);
        else
            p->kernels->rows(p->op, rows, ld, l->dim[l->ndim - 1], x + w.at[0], l->stride[0][l->ndim - 1], acc);
        walk_skip(&w, rows);
        left -= rows;
    }
    if (!p->columns)
        out[0] = lanes_together(p->op, lanes);
}

/* ---- tiles ---- */

typedef struct tile {
    const float *x;
    float *y;
    int64_t n, step; /* columns; y from one to the next */
} tile;

static tile tile_of(const plan *p, int64_t number)
{
    int inner = p->kept.ndim - 1;
    int64_t from = number % p->pieces * p->width, rest = p->kept.dim[inner] - from;
    walk w = walk_from(&p->kept, 1, number / p->pieces);
    int64_t sx = p->kept.stride[0][inner], sy = p->kept.stride[1][inner];
    return (tile){ .x = p->x + w.at[0] + from * sx,
                   .y = p->y + w.at[1] + from * sy,
                   .n = rest < p->width ? rest : p->width,
                   .step = sy };
}

/* sum and best take up a chunk's partial results. */
static void add_partial(const plan *p, int64_t n, const float *part, double *sum)
{
    for (int64_t j = 0; j < n; j++) {
        if (!picks(p->op))
            sum[j] += (double)part[j];
        else if (beats(p->op, part[j], (float)sum[j]))
            sum[j] = (double)part[j];
    }
}

static void finish_tile(const plan *p, const tile *t, const double *sum)
{
    for (int64_t j = 0; j < t->n; j++)
        t->y[j * t->step] = (float)(p->op == SOCLE_REDUCE_MEAN ? sum[j] / (double)p->count : sum[j]);
}

static void reduce_tiles(void *arg, int64_t first, int64_t last)
{
    const plan *p = arg;
    float part[WIDTH];
    double sum[WIDTH];
    for (int64_t number = first; number < last; number++) {
        tile t = tile_of(p, number);
        for (int64_t j = 0; j < t.n; j++)
            sum[j] = (double)start_value(p->op);
        for (int64_t c = 0; c < p->all_chunks; c++) {
            const float *from = part;
            if (p->partial != NULL)
                from = p->partial + (number * p->all_chunks + c) * p->width;
            else
                reduce_chunk(p, t.x, t.n, c, part);
            add_partial(p, t.n, from, sum);
        }
        finish_tile(p, &t, sum);
    }
}

static void reduce_parts(void *arg, int64_t first, int64_t last)
{
    const plan *p = arg;
    for (int64_t unit = first; unit < last; unit++) {
        tile t = tile_of(p, unit / p->all_chunks);
        reduce_chunk(p, t.x, t.n, unit % p->all_chunks, p->partial + unit * p->width);
    }
}

static int64_t units_for(int64_t elements)
{
    return elements >= LOOP_GRAIN ? 1 : LOOP_GRAIN / elements;
}

static socle_status run_plan(cpu_device *d, plan *p)
{
    int64_t tile_work = p->count * p->width;
    if (p->tiles >= FEW_TILES || p->all_chunks == 1 || d->threads == 1 || p->tiles * tile_work <= LOOP_GRAIN) {
        cpu_for(d->threads, p->tiles, units_for(tile_work), reduce_tiles, p);
        return SOCLE_OK;
    }
    int64_t units = p->tiles * p->all_chunks;
    size_t bytes = (size_t)(units * p->width) * sizeof(float);
    p->partial = cpu_scratch(d, bytes);
    if (p->partial == NULL)
        return SOCLE_ERR_NOMEM;
    cpu_for(d->threads, units, units_for(tile_work / p->all_chunks + 1), reduce_parts, p);
    cpu_for(1, p->tiles, p->tiles, reduce_tiles, p);
    cpu_scratch_free(d, p->partial, bytes);
    return SOCLE_OK;
}

/* ---- short rows ---- */

static bool is_short(const plan *p)
{
    return !p->columns && p->overs == 1 && p->over[0].ndim == 1 && p->over[0].dim[0] <= SHORT;
}

static void reduce_short(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const plan *p = arg;
    float *y = p->y + at[1];
    const loop *over = &p->over[0];
    const float *x = p->x + at[0] + over->start[0];
    p->kernels->each_row(p->op, n, stride[0], over->dim[0], x, over->stride[0][0], y, stride[1]);
    for (int64_t i = 0; p->op == SOCLE_REDUCE_MEAN && i < n; i++)
        y[i * stride[1]] /= (float)p->count;
}

socle_status cpu_reduce(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    cpu_device *d = self;
    plan p = { .kernels = d->kernels->reduce, .op = op, .x = x->buffer, .y = y->buffer, .count = 1 };
    for (int i = 0; i < x->ndim; i++)
        p.count *= axes >> i & 1 ? x->dim[i] : 1;
    socle_view x_kept = view_drop(x, axes), y_kept = view_drop(y, axes), x_over = view_only(x, axes);
    const socle_view *kept_views[] = { &x_kept, &y_kept }, *over_view = &x_over;
    loop kept[2], over[2];
    int n_kept = loop_build(kept, 2, kept_views, true), n_over = loop_build(over, 1, &over_view, false);
    for (int i = 0; i < n_kept; i++) {
        plan_kept(&p, &kept[i]);
        plan_over(&p, over, n_over);
        p.partial = NULL;
        if (is_short(&p)) {
            loop_run(&kept[i], d->threads, units_for(p.count), reduce_short, &p);
            continue;
        }
        socle_status s = run_plan(d, &p);
        if (s != SOCLE_OK)
            return s;
    }
    return SOCLE_OK;
}

/* ---- the place of the best ---- */

typedef struct search {
    const struct cpu_reduce_kernels *kernels;
    socle_reduce op;
    socle_in x;
    int axis;
    int32_t *index;
} search;

/* n kept elements; operand 0: x, operand 1: index. */
static void search_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const search *s = arg;
    const float *x = (const float *)s->x->buffer + at[0];
    int32_t *index = s->index + at[1];
    int64_t rows = s->x->dim[s->axis], ld = s->x->stride[s->axis];
    if (stride[0] == 1) {
        s->kernels->arg_columns(s->op, rows, ld, n, x, index, stride[1]);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        s->kernels->arg_columns(s->op, rows, ld, 1, x + i * stride[0], index + i * stride[1], 1);
}

/* Along the images of a view in blocks. */
static void search_images(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const search *s = arg;
    for (int64_t i = 0; i < n; i++) {
        const float *x = (const float *)s->x->buffer + at[0] + i * stride[0];
        int64_t best = 0;
        for (int64_t k = 1; k < s->x->dim[0]; k++)
            if (beats(s->op, x[view_along(s->x, 0, k)], x[view_along(s->x, 0, best)]))
                best = k;
        s->index[at[1] + i * stride[1]] = (int32_t)best;
    }
}

socle_status cpu_argreduce(void *self, socle_reduce op, socle_out index, socle_in x, int axis)
{
    const cpu_device *d = self;
    search s = { .kernels = d->kernels->reduce, .op = op, .x = x, .axis = axis, .index = index->buffer };
    socle_view x_kept = view_drop(x, 1u << axis), index_kept = view_drop(index, 1u << axis);
    const socle_view *v[] = { &x_kept, &index_kept };
    int64_t grain = LOOP_GRAIN / x->dim[axis];
    bool images = axis == 0 && x->lanes != 1;
    iterate(d->threads, grain > 0 ? grain : 1, 2, v, true, images ? search_images : search_row, &s);
    return SOCLE_OK;
}

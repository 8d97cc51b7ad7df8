/* Runs, boxes, chunks and packed weights; see conv_plan.h. */
#include "conv_plan.h"

#include "parallel.h"

typedef struct axis {
    int64_t in, out;
    int taps, stride, pad, dilation;
} axis;

typedef struct hit {
    int64_t tap, at; /* at: the position it falls on for the run's first position */
} hit;

typedef struct run {
    int64_t first, count; /* positions first, first + step, ... */
    int64_t hits;
    hit *hit;
} run;

/* All runs of one axis. */
typedef struct runs {
    int64_t n, step, source_step;
    run *run;
} runs;

static axis axis_of(const conv_geometry *g, int i)
{
    return (axis){
        .in = i ? g->w : g->h,
        .out = i ? g->wo : g->ho,
        .taps = (int)(i ? g->s : g->r),
        .stride = g->p.stride[i],
        .pad = g->p.pad[i],
        .dilation = g->p.dilation[i],
    };
}

static int64_t forward_hits(const axis *a, int64_t position, hit *out)
{
    int64_t n = 0;
    for (int t = 0; t < a->taps; t++) {
        int64_t at = position * a->stride - a->pad + (int64_t)t * a->dilation;
        if (at >= 0 && at < a->in)
            out[n++] = (hit){ t, at };
    }
    return n;
}

static int64_t backward_hits(const axis *a, int64_t position, hit *out)
{
    int64_t n = 0;
    for (int t = 0; t < a->taps; t++) {
        int64_t at = position + a->pad - (int64_t)t * a->dilation;
        if (at >= 0 && at % a->stride == 0 && at / a->stride < a->out)
            out[n++] = (hit){ t, at / a->stride };
    }
    return n;
}

/* Do the hits of position `count` of r continue it? */
static bool continues(const run *r, const hit *now, int64_t n, int64_t source_step)
{
    if (n != r->hits)
        return false;
    for (int64_t i = 0; i < n; i++)
        if (now[i].tap != r->hit[i].tap || now[i].at != r->hit[i].at + r->count * source_step)
            return false;
    return true;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* In every phase a tap enters once and leaves once, so there are at most 2 taps + 1 runs of it. */
static socle_status find_runs(workspace *ws, const axis *a, bool backward, runs *out)
{
    const int64_t positions = backward ? a->in : a->out, phases = backward ? a->stride : 1;
    const int64_t most = min64(positions, min64(phases, positions) * (2 * (int64_t)a->taps + 1));
    out->n = 0;
    out->step = phases;
    out->source_step = backward ? 1 : a->stride;
    out->run = workspace_take(ws, most, sizeof(run));
    hit *hits = out->run ? workspace_take(ws, (most + 1) * a->taps, sizeof(hit)) : NULL;
    if (!hits)
        return SOCLE_ERR_NOMEM;
    for (int64_t phase = 0; phase < min64(phases, positions); phase++) {
        run *last = NULL;
        for (int64_t position = phase; position < positions; position += phases) {
            int64_t n = backward ? backward_hits(a, position, hits) : forward_hits(a, position, hits);
            if (last && continues(last, hits, n, out->source_step)) {
                last->count++;
                continue;
            }
            last = &out->run[out->n++];
            *last = (run){ .first = position, .count = 1, .hits = n, .hit = hits };
            hits += n;
        }
    }
    return SOCLE_OK;
}

static conv_box box_of(const run *rows, const run *columns, const runs *r, const runs *c, lane_map x, lane_map y)
{
    return (conv_box){
        .rows = rows->count,
        .columns = columns->count,
        .x_row = r->source_step * x.row,
        .x_column = c->source_step * x.column,
        .y = rows->first * y.row + columns->first * y.column,
        .y_row = r->step * y.row,
        .y_column = c->step * y.column,
        .taps = rows->hits * columns->hits,
    };
}

static socle_status plan(workspace *ws, const conv_geometry *g, bool backward, lane_map x, lane_map y, conv_plan *out)
{
    runs rows, columns;
    for (int i = 0; i < 2; i++) {
        axis a = axis_of(g, i);
        socle_status s = find_runs(ws, &a, backward, i ? &columns : &rows);
        if (s != SOCLE_OK)
            return s;
    }
    int64_t row_hits = 0, column_hits = 0;
    for (int64_t i = 0; i < rows.n; i++)
        row_hits += rows.run[i].hits;
    for (int64_t j = 0; j < columns.n; j++)
        column_hits += columns.run[j].hits;
    *out = (conv_plan){ .box = workspace_take(ws, rows.n * columns.n, sizeof(conv_box)) };
    conv_tap *tap = out->box ? workspace_take(ws, row_hits * column_hits, sizeof(conv_tap)) : NULL;
    if (!tap)
        return SOCLE_ERR_NOMEM;
    for (int64_t i = 0; i < rows.n; i++)
        for (int64_t j = 0; j < columns.n; j++) {
            const run *row = &rows.run[i], *column = &columns.run[j];
            conv_box *b = &out->box[out->boxes++];
            *b = box_of(row, column, &rows, &columns, x, y);
            b->tap = tap;
            for (int64_t u = 0; u < row->hits; u++)
                for (int64_t v = 0; v < column->hits; v++)
                    *tap++ = (conv_tap){
                        .x = row->hit[u].at * x.row + column->hit[v].at * x.column,
                        .w = (row->hit[u].tap * g->s + column->hit[v].tap) * CONV_PACK,
                    };
            out->pairs += b->rows * b->columns * b->taps;
        }
    return SOCLE_OK;
}

socle_status conv_plan_forward(workspace *ws, const conv_geometry *g, lane_map x, lane_map y, conv_plan *out)
{
    return plan(ws, g, false, x, y, out);
}

socle_status conv_plan_backward(workspace *ws, const conv_geometry *g, lane_map dz, lane_map dx, conv_plan *out)
{
    return plan(ws, g, true, dz, dx, out);
}

conv_range conv_tap_range(const conv_geometry *g, int i, int64_t t)
{
    const axis a = axis_of(g, i);
    int64_t start = t * a.dilation - a.pad; /* the position output 0 falls on */
    conv_range range = { .from = start < 0 ? (-start + a.stride - 1) / a.stride : 0 };
    range.to = start < a.in ? min64((a.in - 1 - start) / a.stride + 1, a.out) : 0;
    if (range.to < range.from)
        range.to = range.from;
    return range;
}

conv_geometry conv_geometry_of(const socle_conv *p, socle_in x, socle_in w, socle_in y)
{
    return (conv_geometry){
        .p = *p,
        .n = x->dim[0],
        .blocks = (x->dim[0] + CONV_LANES - 1) / CONV_LANES,
        .c = w->dim[1],
        .h = x->dim[2],
        .w = x->dim[3],
        .k = w->dim[0] / p->groups,
        .r = w->dim[2],
        .s = w->dim[3],
        .ho = y->dim[2],
        .wo = y->dim[3],
    };
}

lane_map lane_map_of(socle_in v)
{
    return (lane_map){
        .at = view_floats(v),
        .block = v->stride[0],
        .channel = v->stride[1],
        .row = v->stride[2],
        .column = v->stride[3],
    };
}

int conv_images(const conv_geometry *g, int64_t b)
{
    return (int)min64(g->n - b * CONV_LANES, CONV_LANES);
}

/* Enough arithmetic to be worth a chunk (about 4 us), and enough pixels for full tiles in the boxes at the corners of
 * small images, as long as four chunks are left. */
int64_t conv_chunk_blocks(const conv_geometry *g, const conv_plan *p)
{
    enum { WORK = 12000, PIXELS = 64, CHUNKS = 4 };
    const int64_t work = p->pairs * g->c * g->k; /* multiply-adds of 16 lanes */
    int64_t blocks = 1;
    while (blocks * work < WORK && blocks < g->blocks)
        blocks *= 2;
    while (blocks * g->ho * g->wo < PIXELS && blocks * 2 * CHUNKS <= g->blocks)
        blocks *= 2;
    return blocks;
}

/* ---- weights ---- */

int64_t conv_pack_tile(const conv_pack *p)
{
    return p->channels * p->taps * CONV_PACK;
}

int64_t conv_pack_size(const conv_pack *p)
{
    return (p->outputs + CONV_PACK - 1) / CONV_PACK * conv_pack_tile(p);
}

static void pack_tiles(void *arg, int64_t first, int64_t last)
{
    const conv_pack *p = arg;
    for (int64_t tile = first; tile < last; tile++) {
        float *to = p->packed + tile * conv_pack_tile(p);
        const float *w = p->w + tile * CONV_PACK * p->output_stride;
        const int64_t there = min64(p->outputs - tile * CONV_PACK, CONV_PACK);
        for (int64_t c = 0; c < p->channels; c++)
            for (int64_t t = 0; t < p->taps; t++, to += CONV_PACK) {
                const float *from = w + c * p->channel_stride + t;
                for (int64_t k = 0; k < there; k++)
                    to[k] = from[k * p->output_stride];
                for (int64_t k = there; k < CONV_PACK; k++)
                    to[k] = 0;
            }
    }
}

void conv_pack_run(cpu_device *d, const conv_pack *p)
{
    enum { WORK = 32768 }; /* floats worth a thread */
    cpu_for(d->threads, (p->outputs + CONV_PACK - 1) / CONV_PACK, WORK / conv_pack_tile(p) + 1, pack_tiles, (void *)p);
}

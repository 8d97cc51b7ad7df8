/* Runs, boxes, chunks and packed weights; see conv_plan.h. */
#include "conv_plan.h"

#include "parallel.h"

/* A tap along one axis: at position index a of a phase it falls on source position at + a step, which exists for a in
 * range. */
typedef struct reach {
    int64_t tap, at;
    conv_range range;
} reach;

/* Position indices [from, to) of a phase, all of which meet the same taps. */
typedef struct run {
    int64_t first, count; /* the position of index `from`; how many */
    int64_t hits;
    const struct hit *hit;
} run;

typedef struct hit {
    int64_t tap, at; /* at: the source position for the run's first position */
} hit;

/* All runs of one axis. */
typedef struct runs {
    int64_t n, step, source_step, hits;
    run *run;
} runs;

/* Indices a in [0, count) for which at + a step lies in [0, limit). */
static conv_range range_of(int64_t at, int64_t step, int64_t limit, int64_t count)
{
    conv_range r = { .from = at < 0 ? (step - 1 - at) / step : 0 };
    r.to = at < limit ? min64((limit - 1 - at) / step + 1, count) : 0;
    if (r.to < r.from)
        r.to = r.from;
    return r;
}

conv_range conv_tap_range(const conv_geometry *g, int i, int64_t t)
{
    return range_of(t * g->p.dilation[i] - g->p.pad[i], g->p.stride[i], i ? g->w : g->h, i ? g->wo : g->ho);
}

/* What every tap reaches from the `count` positions first, first + stride, ... of the input (backward), or from all of the
 * output. Returns how many taps there are. */
static int64_t reaches_of(const conv_geometry *g, int i, bool backward, int64_t first, int64_t count, reach *out)
{
    const int64_t taps = i ? g->s : g->r, stride = g->p.stride[i], pad = g->p.pad[i], dilation = g->p.dilation[i];
    int64_t n = 0;
    for (int64_t t = 0; t < taps; t++) {
        if (!backward) {
            out[n++] = (reach){ t, t * dilation - pad, conv_tap_range(g, i, t) };
            continue;
        }
        const int64_t at = first + pad - t * dilation;
        if (at % stride == 0)
            out[n++] = (reach){ t, at / stride, range_of(at / stride, 1, i ? g->wo : g->ho, count) };
    }
    return n;
}

/* The runs of one phase: from one end of a tap's range to the next. */
static hit *runs_of_phase(runs *all, int64_t first, int64_t count, const reach *r, int64_t n, hit *hits)
{
    for (int64_t a = 0, next; a < count; a = next) {
        run *now = &all->run[all->n++];
        *now = (run){ .first = first + a * all->step, .hit = hits };
        next = count;
        for (int64_t t = 0; t < n; t++) {
            const conv_range range = r[t].range;
            if (range.from <= a && a < range.to) {
                hits[now->hits++] = (hit){ r[t].tap, r[t].at + a * all->source_step };
                next = min64(next, range.to);
            } else if (a < range.from) {
                next = range.from < range.to ? min64(next, range.from) : next;
            }
        }
        now->count = next - a;
        all->hits += now->hits;
        hits += now->hits;
    }
    return hits;
}

/* In every phase a tap enters once and leaves once, so there are at most 2 taps + 1 runs of it. */
static socle_status find_runs(workspace *ws, const conv_geometry *g, int i, bool backward, runs *out)
{
    const int64_t taps = i ? g->s : g->r, positions = backward ? (i ? g->w : g->h) : (i ? g->wo : g->ho);
    const int64_t phases = min64(backward ? g->p.stride[i] : 1, positions);
    const int64_t most = min64(positions, phases * (2 * taps + 1));
    *out = (runs){ .step = backward ? g->p.stride[i] : 1, .source_step = backward ? 1 : g->p.stride[i] };
    out->run = workspace_take(ws, most, sizeof(run) + (size_t)taps * sizeof(hit));
    reach *reaches = out->run ? workspace_take(ws, taps, sizeof(reach)) : NULL;
    if (!reaches)
        return SOCLE_ERR_NOMEM;
    hit *hits = (hit *)(void *)(out->run + most);
    for (int64_t phase = 0; phase < phases; phase++) {
        int64_t count = (positions - phase - 1) / out->step + 1;
        hits = runs_of_phase(out, phase, count, reaches, reaches_of(g, i, backward, phase, count, reaches), hits);
    }
    return SOCLE_OK;
}

static conv_box box_of(const run *rows, const run *columns, const runs *r, const runs *c, lane_map x, lane_map y)
{
    return (conv_box){
        .rows = rows->count,
        .columns = columns->count,
        .first_row = rows->first,
        .first_column = columns->first,
        .x_row = r->source_step * x.row,
        .x_column = c->source_step * x.column,
        .y = rows->first * y.row + columns->first * y.column,
        .y_row = r->step * y.row,
        .y_column = c->step * y.column,
        .taps = rows->hits * columns->hits,
    };
}

static socle_status plan(workspace *ws, const conv_geometry *g, bool backward, lane_map x, lane_map y,
                         conv_plan *out)
{
    runs rows, columns;
    socle_status s = find_runs(ws, g, 0, backward, &rows);
    if (s == SOCLE_OK)
        s = find_runs(ws, g, 1, backward, &columns);
    if (s != SOCLE_OK)
        return s;
    *out = (conv_plan){
        .phases = backward && g->p.stride[0] * g->p.stride[1] > 1,
        .box = workspace_take(ws, rows.n * columns.n, sizeof(conv_box)),
    };
    conv_tap *tap = out->box ? workspace_take(ws, rows.hits * columns.hits, sizeof(conv_tap)) : NULL;
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

lane_map lane_map_dense(float *at, int64_t channels, int64_t rows, int64_t columns)
{
    const int64_t row = columns * CONV_LANES;
    return (lane_map){ at, channels * rows * row, rows * row, row, CONV_LANES };
}

int conv_images(const conv_geometry *g, int64_t b)
{
    return (int)min64(g->n - b * CONV_LANES, CONV_LANES);
}

int64_t conv_work(const conv_geometry *g)
{
    int64_t pairs[2] = { 0, 0 };
    for (int i = 0; i < 2; i++)
        for (int64_t t = 0; t < (i ? g->s : g->r); t++) {
            conv_range range = conv_tap_range(g, i, t);
            pairs[i] += range.to - range.from;
        }
    return pairs[0] * pairs[1] * g->c * g->k;
}

bool conv_beyond_cache(const conv_geometry *g)
{
    enum { FLOATS = 1 << 19 }; /* 2 MB */
    const int64_t pixels = g->c * g->h * g->w + g->k * g->ho * g->wo;
    return g->blocks * g->p.groups * pixels * CONV_LANES > FLOATS;
}

/* Enough arithmetic to be worth a chunk (about 4 us), and enough pixels for full tiles in the boxes at the corners of
 * small images, as long as four chunks are left. */
int64_t conv_chunk_blocks(const conv_geometry *g)
{
    enum { WORK = 12000, PIXELS = 64, CHUNKS = 4 };
    const int64_t work = conv_work(g);
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
    cpu_for(d->threads, (p->outputs + CONV_PACK - 1) / CONV_PACK, WORK / conv_pack_tile(p) + 1, pack_tiles,
            (void *)p);
}

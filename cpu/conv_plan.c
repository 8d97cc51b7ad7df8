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
    int64_t tap, at; /* number in the axis' list; the source position for the run's first position */
} hit;

/* All runs of one axis, and the taps that some of them meet, in order. */
typedef struct runs {
    int64_t n, step, source_step, hits, taps;
    run *run;
    int64_t *tap;
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

/* Lists the taps of all hits, and makes each hit's tap its number in the list. */
static void list_axis_taps(runs *all, int64_t taps, hit *hits)
{
    for (int64_t t = 0; t < taps; t++) {
        bool met = false;
        for (int64_t i = 0; i < all->hits; i++)
            if (hits[i].tap == t) {
                hits[i].tap = all->taps;
                met = true;
            }
        if (met)
            all->tap[all->taps++] = t;
    }
}

/* In every phase a tap enters once and leaves once, so there are at most 2 taps + 1 runs of it. */
static socle_status find_runs(workspace *ws, const conv_geometry *g, int i, bool backward, runs *out)
{
    const int64_t taps = i ? g->s : g->r, positions = backward ? (i ? g->w : g->h) : (i ? g->wo : g->ho);
    const int64_t phases = min64(backward ? g->p.stride[i] : 1, positions);
    const int64_t most = min64(positions, phases * (2 * taps + 1));
    *out = (runs){ .step = backward ? g->p.stride[i] : 1, .source_step = backward ? 1 : g->p.stride[i] };
    out->run = workspace_take(ws, most, sizeof(run) + (size_t)taps * sizeof(hit));
    out->tap = out->run ? workspace_take(ws, taps, sizeof(int64_t)) : NULL;
    reach *reaches = out->tap ? workspace_take(ws, taps, sizeof(reach)) : NULL;
    if (!reaches)
        return SOCLE_ERR_NOMEM;
    hit *const first_hit = (hit *)(void *)(out->run + most), *hits = first_hit;
    for (int64_t phase = 0; phase < phases; phase++) {
        int64_t count = (positions - phase - 1) / out->step + 1;
        hits = runs_of_phase(out, phase, count, reaches, reaches_of(g, i, backward, phase, count, reaches), hits);
    }
    list_axis_taps(out, taps, first_hit);
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

/* What of a box' inputs is to be fetched ahead: a tap that reads what its right neighbour has read one pixel earlier is left
 * out, but for short rows, which begin too often. Returns the end of the list. */
static int64_t *list_fetches(conv_box *b, int64_t *fetch)
{
    enum { LONG = 8 };
    b->fetch = fetch;
    for (int64_t i = 0; i < b->taps; i++) {
        bool again = false;
        for (int64_t j = 0; j < b->taps && b->columns >= LONG; j++)
            again = again || b->tap[j].x == b->tap[i].x + b->x_column;
        if (!again)
            fetch[b->fetches++] = b->tap[i].x;
    }
    return fetch + b->fetches;
}

/* The taps of a window of which both axes have a run. */
static socle_status list_taps(workspace *ws, const conv_geometry *g, const runs *rows, const runs *columns,
                              conv_plan *out)
{
    out->tap = workspace_take(ws, rows->taps * columns->taps, sizeof(int64_t));
    if (!out->tap)
        return SOCLE_ERR_NOMEM;
    for (int64_t i = 0; i < rows->taps; i++)
        for (int64_t j = 0; j < columns->taps; j++)
            out->tap[out->taps++] = rows->tap[i] * g->s + columns->tap[j];
    return SOCLE_OK;
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
    int64_t *fetch = tap ? workspace_take(ws, rows.hits * columns.hits, sizeof(int64_t)) : NULL;
    if (!fetch)
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
                        .w = (row->hit[u].tap * columns.taps + column->hit[v].tap) * CONV_PACK,
                    };
            fetch = list_fetches(b, fetch);
        }
    return list_taps(ws, g, &rows, &columns, out);
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

bool lane_map_is_aligned(lane_map m)
{
    const int64_t steps = m.block | m.channel | m.row | m.column;
    return (uintptr_t)m.at % (CONV_LANES * sizeof(float)) == 0 && steps % CONV_LANES == 0;
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

bool conv_streams(const conv_geometry *g, bool backward)
{
    const int64_t pixels = backward ? g->c * g->h * g->w : g->k * g->ho * g->wo;
    return g->blocks * g->p.groups * pixels * CONV_LANES >= CPU_STREAM_FLOATS;
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

/* One group's weights. */
typedef struct pack_job {
    const struct cpu_conv_kernels *kernels;
    const float *w;
    int64_t outputs, channels, output_stride, channel_stride, window;
    const conv_plan *plan;
    float *to;
    int64_t tile; /* floats of 8 outputs */
} pack_job;

static void pack_part(const pack_job *j, int64_t tile, int64_t channel, int64_t channels)
{
    j->kernels->pack(&(conv_windows){
        .w = j->w + tile * CONV_PACK * j->output_stride + channel * j->channel_stride,
        .output_stride = j->output_stride,
        .channel_stride = j->channel_stride,
        .window = j->window,
        .outputs = (int)min64(j->outputs - tile * CONV_PACK, CONV_PACK),
        .channels = channels,
        .taps = j->plan->taps,
        .tap = j->plan->tap,
        .to = j->to + tile * j->tile + channel * j->plan->taps * CONV_PACK,
    });
}

static void pack_tiles(void *arg, int64_t first, int64_t last)
{
    const pack_job *j = arg;
    for (int64_t tile = first; tile < last; tile++)
        pack_part(j, tile, 0, j->channels);
}

/* In memory the outputs of a channel follow each other: all of them at a time, and a few channels. */
static void pack_channels(void *arg, int64_t first, int64_t last)
{
    const pack_job *j = arg;
    for (int64_t tile = 0; tile < divide_up(j->outputs, CONV_PACK); tile++)
        pack_part(j, tile, first, last - first);
}

static void pack_group(cpu_device *d, pack_job *j)
{
    enum { WORK = 32768, CHANNELS = 16 }; /* floats worth a thread */
    if (j->output_stride > j->channel_stride) {
        const int64_t tile = CONV_PACK * j->channels * j->window;
        cpu_for(d->threads, divide_up(j->outputs, CONV_PACK), WORK / (tile + 1) + 1, pack_tiles, j);
    } else {
        const int64_t channel = j->outputs * j->window;
        cpu_for(d->threads, j->channels, max64(CHANNELS, WORK / (channel + 1) + 1), pack_channels, j);
    }
}

socle_status conv_pack(workspace *ws, const conv_geometry *g, bool backward, const conv_plan *plan, const float *w,
                       conv_packed *out)
{
    const int64_t window = g->r * g->s;
    pack_job j = {
        .kernels = ws->device->kernels->conv,
        .outputs = backward ? g->c : g->k,
        .channels = backward ? g->k : g->c,
        .output_stride = backward ? window : g->c * window,
        .channel_stride = backward ? g->c * window : window,
        .window = window,
        .plan = plan,
    };
    j.tile = j.channels * plan->taps * CONV_PACK;
    *out = (conv_packed){ .tile = j.tile, .group = divide_up(j.outputs, CONV_PACK) * j.tile };
    float *packed = workspace_floats(ws, g->p.groups * out->group);
    if (!packed)
        return SOCLE_ERR_NOMEM;
    out->at = packed;
    for (int i = 0; i < g->p.groups; i++) {
        j.w = w + i * g->k * g->c * window;
        j.to = packed + i * out->group;
        pack_group(ws->device, &j);
    }
    return SOCLE_OK;
}

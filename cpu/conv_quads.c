/* See conv_quads.h. Along one axis, positions 2a and 2a + 1 of dx are the even and the odd phase of index a. The tap t
 * reaches dz at (2a + phase + pad - t dilation) / 2 = a + shift, if that is whole: every shift has at most one tap of
 * each phase. Indices fall into runs that have the same taps, as in conv_plan.c. */
#include "conv_quads.h"

/* What lies at a + shift, for both phases. */
typedef struct shift {
    int64_t at;
    int64_t tap[2];      /* of the even and the odd phase, or -1 */
    conv_range range[2]; /* of a */
} shift;

typedef struct axis_run {
    int64_t first, count;
    int phases; /* 1: the odd ones are beyond the image */
} axis_run;

typedef struct axis {
    int64_t shifts, runs;
    shift *shift;
    axis_run *run;
} axis;

bool conv_quads_suit(const conv_geometry *g)
{
    enum { FEW = 2 };
    return g->c <= FEW && g->p.stride[0] == 2 && g->p.stride[1] == 2;
}

static shift *shift_at(axis *a, int64_t at)
{
    for (int64_t i = 0; i < a->shifts; i++)
        if (a->shift[i].at == at)
            return &a->shift[i];
    a->shift[a->shifts] = (shift){ .at = at, .tap = { -1, -1 } };
    return &a->shift[a->shifts++];
}

static void find_shifts(const conv_geometry *g, int i, axis *a)
{
    const int64_t positions = i ? g->w : g->h, outputs = i ? g->wo : g->ho, taps = i ? g->s : g->r;
    for (int phase = 0; phase < 2; phase++)
        for (int64_t t = 0; t < taps; t++) {
            const int64_t from = phase + g->p.pad[i] - t * g->p.dilation[i], count = (positions - phase + 1) / 2;
            if (from % 2 != 0)
                continue;
            shift *s = shift_at(a, from / 2);
            s->tap[phase] = t;
            s->range[phase] = (conv_range){ s->at < 0 ? -s->at : 0, min64(outputs - s->at, count) };
        }
}

static void nearer(int64_t a, int64_t bound, int64_t *next)
{
    if (bound > a)
        *next = min64(*next, bound);
}

static void find_axis_runs(int64_t positions, axis *a)
{
    const int64_t even = (positions + 1) / 2, odd = positions / 2;
    for (int64_t i = 0, next; i < even; i = next) {
        next = even;
        nearer(i, odd, &next);
        for (int64_t s = 0; s < a->shifts; s++)
            for (int phase = 0; phase < 2; phase++) {
                nearer(i, a->shift[s].range[phase].from, &next);
                nearer(i, a->shift[s].range[phase].to, &next);
            }
        a->run[a->runs++] = (axis_run){ i, next - i, i < odd ? 2 : 1 };
    }
}

static socle_status find_axis(workspace *ws, const conv_geometry *g, int i, axis *a)
{
    const int64_t taps = i ? g->s : g->r;
    *a = (axis){ .shift = workspace_take(ws, 2 * taps, sizeof(shift)) };
    /* Between two ends of ranges, of which each tap has two, and the last odd position. */
    a->run = a->shift ? workspace_take(ws, 4 * taps + 2, sizeof(axis_run)) : NULL;
    if (!a->run)
        return SOCLE_ERR_NOMEM;
    find_shifts(g, i, a);
    find_axis_runs(i ? g->w : g->h, a);
    return SOCLE_OK;
}

/* Phases of a shift that exist in a run: 1 even, 2 odd, 3 both, 0 none. */
static int phases_of(const shift *s, const axis_run *r)
{
    int phases = 0;
    for (int phase = 0; phase < 2; phase++)
        if (s->tap[phase] >= 0 && s->range[phase].from <= r->first && r->first < s->range[phase].to)
            phases |= 1 << phase;
    return phases;
}

/* The taps of a box, kind by kind, and of each all channels of dz; returns the end of the list. */
static conv_tap *list_taps(const axis *rows, const axis *columns, const axis_run *row, const axis_run *column,
                           int64_t channels, lane_map dz, conv_tap *tap, conv_quad_box *q)
{
    q->box.tap = tap;
    for (int kind = 0; kind < CONV_KINDS; kind++) {
        q->kind[kind] = tap - q->box.tap;
        for (int64_t u = 0; u < rows->shifts; u++)
            for (int64_t v = 0; v < columns->shifts; v++) {
                const shift *r = &rows->shift[u], *s = &columns->shift[v];
                if (phases_of(r, row) != kind / 3 + 1 || phases_of(s, column) != kind % 3 + 1)
                    continue;
                for (int64_t k = 0; k < channels; k++)
                    *tap++ = (conv_tap){
                        .x = (row->first + r->at) * dz.row + (column->first + s->at) * dz.column + k * dz.channel,
                        .w = ((u * columns->shifts + v) * channels + k) * 4,
                    };
            }
    }
    q->kind[CONV_KINDS] = q->box.taps = tap - q->box.tap;
    return tap;
}

static conv_quad_box quad_box_of(const axis_run *row, const axis_run *column, lane_map dz, lane_map dx)
{
    return (conv_quad_box){
        .box = {
            .rows = row->count,
            .columns = column->count,
            .x_row = dz.row,
            .x_column = dz.column,
            .y = 2 * row->first * dx.row + 2 * column->first * dx.column,
            .y_row = 2 * dx.row,
            .y_column = 2 * dx.column,
        },
        .phase = { 0, dx.column, dx.row, dx.row + dx.column },
        .there = { true, column->phases == 2, row->phases == 2, row->phases == 2 && column->phases == 2 },
    };
}

/* [c][row shift][column shift][k][4], zeros where a phase has no tap there. */
static void pack(const conv_geometry *g, const axis *rows, const axis *columns, const float *w, float *to)
{
    for (int64_t c = 0; c < g->c; c++)
        for (int64_t u = 0; u < rows->shifts; u++)
            for (int64_t v = 0; v < columns->shifts; v++)
                for (int64_t k = 0; k < g->k; k++)
                    for (int f = 0; f < 4; f++) {
                        int64_t r = rows->shift[u].tap[f / 2], s = columns->shift[v].tap[f % 2];
                        *to++ = r < 0 || s < 0 ? 0 : w[((k * g->c + c) * g->r + r) * g->s + s];
                    }
}

socle_status conv_quads_prepare(workspace *ws, const conv_geometry *g, lane_map dz, lane_map dx, const float *w,
                                conv_quads *out)
{
    axis rows, columns;
    socle_status s = find_axis(ws, g, 0, &rows);
    if (s == SOCLE_OK)
        s = find_axis(ws, g, 1, &columns);
    if (s != SOCLE_OK)
        return s;
    const int64_t shifts = rows.shifts * columns.shifts, boxes = rows.runs * columns.runs;
    *out = (conv_quads){ .packed_size = shifts * g->k * 4 };
    float *packed = workspace_floats(ws, g->p.groups * g->c * out->packed_size);
    conv_tap *tap = packed ? workspace_take(ws, boxes * shifts * g->k, sizeof(conv_tap)) : NULL;
    out->box = tap ? workspace_take(ws, boxes, sizeof(conv_quad_box)) : NULL;
    if (!out->box)
        return SOCLE_ERR_NOMEM;
    out->packed = packed;
    for (int group = 0; group < g->p.groups; group++)
        pack(g, &rows, &columns, w + group * g->k * g->c * g->r * g->s, packed + group * g->c * out->packed_size);
    for (int64_t i = 0; i < rows.runs; i++)
        for (int64_t j = 0; j < columns.runs; j++) {
            conv_quad_box *q = &out->box[out->boxes++];
            *q = quad_box_of(&rows.run[i], &columns.run[j], dz, dx);
            tap = list_taps(&rows, &columns, &rows.run[i], &columns.run[j], g->k, dz, tap, q);
        }
    return SOCLE_OK;
}

void conv_quads_run(const struct cpu_conv_kernels *kernels, const conv_geometry *g, const conv_quads *q,
                    lane_map dz, lane_map dx, int64_t blocks)
{
    for (int64_t i = 0; i < g->c * g->p.groups; i++) {
        const conv_tiles t = {
            .x = dz.at + i / g->c * g->k * dz.channel,
            .y = dx.at + i * dx.channel,
            .blocks = blocks,
            .x_block = dz.block,
            .y_block = dx.block,
            .channels = g->k,
            .x_channel = dz.channel,
            .w = q->packed + i * q->packed_size,
        };
        for (int b = 0; b < q->boxes; b++)
            kernels->quads(&t, &q->box[b]);
    }
}

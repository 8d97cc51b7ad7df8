/* See winograd.h. A panel of tiles, three or so, is transformed for all channels; then 8 outputs at a time are
 * multiplied, all 36 positions of them, and transformed back while they are in the cache.
 *
 * So few tiles, because all that is ever read again is then near: the panel's inputs, up to 442 KB with 64
 * channels, are read once for every 8 outputs, from L2, and the products of 8 outputs stay in 55 KB. What comes
 * from afar is weights, all of them for every panel, in the order they lie in: at the peak of a core of 118
 * GFLOP/s 5 GB/s. More tiles at a time (6, 12), or more outputs (16 to all), were never faster, from 8 to 512
 * channels.
 *
 * With stride 2 transformed inputs are larger, 553 KB of 64 channels in the first of two parts, and x and y do not
 * come from a cache: what a part reads and stores next is prefetched during products, where there is time.
 *
 * Maps that are no multiple of a tile have tiles with results beyond the border, which are computed and not
 * stored. */
#include "winograd.h"

#include "parallel.h"

/* ---- choices ---- */

static bool is_strided(const conv_geometry *g)
{
    return g->p.stride[0] == 2;
}

static bool applies(const conv_geometry *g)
{
    const socle_conv *p = &g->p;
    if (p->groups != 1 || p->dilation[0] != 1 || p->dilation[1] != 1 || p->stride[0] != p->stride[1] ||
        g->r != g->s)
        return false;
    return p->stride[0] == 1 ? g->r == 3 || g->r == 5 : p->stride[0] == 2 && g->r == 3;
}

bool winograd_is_pair(const conv_geometry *g)
{
    return !is_strided(g) && g->r == 3 && g->h == 2 && g->w == 2 && g->p.pad[0] == 1 && g->p.pad[1] == 1;
}

/* ---- tiles ---- */

/* Results of a tile along an axis; those of a gradient with stride 2 are twice as wide. */
static int results_of_tile(const conv_geometry *g, bool backward)
{
    if (is_strided(g))
        return WINOGRAD_RESULTS * (backward ? 2 : 1);
    return winograd_is_pair(g) ? WINOGRAD_PAIRS_INPUTS : WINOGRAD_RESULTS;
}

static int lines_of_tile(const conv_geometry *g)
{
    if (is_strided(g))
        return WINOGRAD_STRIDED_LINES;
    if (g->r == 5)
        return WINOGRAD_FIVES_INPUTS;
    return winograd_is_pair(g) ? WINOGRAD_PAIRS_LINES : WINOGRAD_INPUTS;
}

/* The input whose window has one tap, of the first two: the second, and backward, where input x of the padded image meets
 * taps 0 and 2 if x is even, what is left of it. */
static int plain_input(const conv_geometry *g, bool backward, int axis)
{
    return backward ? 1 - g->p.pad[axis] % 2 : 1;
}

/* Lines of positions that a tile with `results` inside the image can do without: the last of each kind makes the last result
 * of its kind alone. */
static unsigned idle_lines(const conv_geometry *g, bool backward, int axis, int64_t results)
{
    enum { LAST_POINT = 1 << 4, LAST_PLAIN = 1 << 8 };
    if (winograd_is_pair(g))
        return 0;
    if (!is_strided(g))
        return results < WINOGRAD_RESULTS ? 1u << (lines_of_tile(g) - 1) : 0;
    if (!backward)
        return results < WINOGRAD_RESULTS ? LAST_POINT | LAST_PLAIN : 0;
    const int plain = plain_input(g, true, axis);
    const int64_t plains = (results - plain + 1) / 2, points = results - plains;
    return (points < WINOGRAD_RESULTS ? LAST_POINT : 0) | (plains < WINOGRAD_RESULTS ? LAST_PLAIN : 0);
}

static winograd_axis axis_of(const conv_geometry *g, bool backward, int axis)
{
    const int64_t size = axis == 0 ? (backward ? g->h : g->ho) : (backward ? g->w : g->wo);
    const int results = results_of_tile(g, backward), less = is_strided(g) && backward ? 2 : 1;
    const int64_t tiles = divide_up(size, results), excess = tiles * results - size;
    winograd_axis a = { .size = size, .results = results, .less = less };
    a.narrow = winograd_is_pair(g) ? 0 : min64(excess / less, tiles);
    a.wide = tiles - a.narrow;
    a.idle[0] = idle_lines(g, backward, axis, min64(size, results));
    a.idle[1] = idle_lines(g, backward, axis, results - less);
    return a;
}

/* How many lines of positions all tiles along an axis have. */
static int64_t count_lines(const winograd_axis *a, int lines)
{
    return a->wide * (lines - __builtin_popcount(a->idle[0])) +
           a->narrow * (lines - __builtin_popcount(a->idle[1]));
}

winograd_count winograd_count_of(const conv_geometry *g, bool backward)
{
    const winograd_axis rows = axis_of(g, backward, 0), columns = axis_of(g, backward, 1);
    const int lines = lines_of_tile(g);
    return (winograd_count){ (rows.wide + rows.narrow) * (columns.wide + columns.narrow),
                             count_lines(&rows, lines) * count_lines(&columns, lines) };
}

/* ---- does it pay? ---- */

/* Costs in cycles, where a multiply-add of 16 lanes is one. */
typedef struct tile_costs {
    int products, input, result; /* of 32 products; of a tile: a channel, an output */
} tile_costs;

/* Of maps of 2x2: inputs of a channel and results of an output together 50, the weights of 8 outputs 40 more than packed
 * ones. */
static bool pairs_suit(const conv_geometry *g, int64_t channels, int64_t outputs)
{
    enum { TRANSFORMS = 25, WEIGHTS = 40 };
    const int64_t packs = divide_up(outputs, WINOGRAD_PACK);
    const int64_t products = WINOGRAD_PAIRS_POSITIONS * channels * packs * WINOGRAD_PACK;
    return products + products / 32 + TRANSFORMS * (channels + outputs) + WEIGHTS * packs * channels / g->blocks <
           conv_work(g);
}

/* Costs of one block of images. Measured on a Zen 4 with AVX-512: the direct way takes 1.1 cycles for each
 * multiply-add, products 1.03; the inputs of a tile 210 to 260, results 115, the weights of 8 outputs 330. With stride 2
 * products take 1.12, prefetches included, inputs 520, results 270; backward inputs less, results more. Sums of few
 * channels are left alone: what transforms round stands out there. */
bool winograd_suits(const conv_geometry *g, bool backward)
{
    enum { WEIGHTS = 330, FEW = 8 };
    const tile_costs cost = is_strided(g) ? (tile_costs){ 36, 520, 270 }
                            : g->r == 5   ? (tile_costs){ 33, 500, 250 }
                                          : (tile_costs){ 33, 260, 130 };
    const int64_t channels = backward ? g->k : g->c, outputs = backward ? g->c : g->k;
    if (!applies(g) || g->blocks == 0 || channels < FEW)
        return false;
    if (winograd_is_pair(g))
        return pairs_suit(g, channels, outputs);
    const winograd_count count = winograd_count_of(g, backward);
    const int64_t packs = divide_up(outputs, WINOGRAD_PACK);
    const int64_t products = count.positions * channels * packs * WINOGRAD_PACK * cost.products / 32;
    const int64_t transforms = count.tiles * (cost.input * channels + cost.result * outputs);
    return products + transforms + WEIGHTS * packs * channels / g->blocks < conv_work(g) / 9 * 10;
}

/* Tiles enough for full panels, and for other threads to find something else. */
int64_t winograd_chunk_blocks(const conv_geometry *g)
{
    enum { TILES = 8 };
    return min64(g->blocks, (TILES - 1) / winograd_count_of(g, false).tiles + 1);
}

/* ---- weights ---- */

typedef struct windows_job {
    const winograd *j;
    float *u;
    const float *w;
    int64_t w_output, w_channel;
    bool turned;
} windows_job;

static void transform_windows(void *arg, int64_t first, int64_t last)
{
    const windows_job *job = arg;
    const winograd *j = job->j;
    for (int64_t pack = first; pack < last; pack++) {
        const winograd_windows w = {
            .w = job->w + pack * WINOGRAD_PACK * job->w_output,
            .w_output = job->w_output,
            .w_channel = job->w_channel,
            .outputs = (int)min64(WINOGRAD_PACK, j->outputs - pack * WINOGRAD_PACK),
            .channels = j->channels,
            .turned = job->turned,
            .u = job->u + pack * j->windows * j->u_position,
            .u_position = j->u_position,
        };
        j->kernels->windows(&w);
    }
}

static socle_status prepare_weights(workspace *ws, winograd *j, bool backward, const float *w)
{
    enum { WORK = 1024 }; /* windows worth a thread, of packs */
    const int64_t packs = divide_up(j->outputs, WINOGRAD_PACK), taps = j->taps * j->taps;
    windows_job job = { .j = j, .w = w, .turned = backward };
    job.w_output = backward ? taps : j->channels * taps;
    job.w_channel = backward ? j->outputs * taps : taps;
    j->u = job.u = workspace_floats(ws, packs * j->windows * j->u_position);
    if (!job.u)
        return SOCLE_ERR_NOMEM;
    cpu_for(ws->device->threads, packs, WORK / j->channels + 1, transform_windows, &job);
    return SOCLE_OK;
}

/* ---- sizes ---- */

static void plain_tiles(winograd *j, const struct cpu_kernels *k, const int pad[2])
{
    const bool fives = j->taps == 5;
    j->kernels = fives ? k->winograd_fives : k->winograd;
    j->inputs = fives ? WINOGRAD_FIVES_INPUTS : WINOGRAD_INPUTS;
    j->positions = j->windows = fives ? WINOGRAD_FIVES_POSITIONS : WINOGRAD_POSITIONS;
    j->up = j->backward ? j->taps - 1 - pad[0] : pad[0];
    j->left = j->backward ? j->taps - 1 - pad[1] : pad[1];
}

/* Backward, input x of the padded image meets taps 0 and 2 where x is even, and dz from x / 2 - 1 on. */
static void strided_tiles(winograd *j, const struct cpu_kernels *k, const int pad[2])
{
    j->kernels = k->winograd_strided;
    j->inputs = j->backward ? WINOGRAD_STRIDED_INPUTS_BACK : WINOGRAD_STRIDED_INPUTS;
    j->parts = 2;
    j->positions = WINOGRAD_STRIDED_POSITIONS;
    j->windows = WINOGRAD_POSITIONS;
    j->up = j->backward ? 1 - (pad[0] + 1) / 2 : pad[0];
    j->left = j->backward ? 1 - (pad[1] + 1) / 2 : pad[1];
}

static void pair_tiles(winograd *j, const struct cpu_kernels *k)
{
    j->kernels = k->winograd_pairs;
    j->inputs = WINOGRAD_PAIRS_INPUTS;
    j->positions = j->windows = WINOGRAD_PAIRS_POSITIONS;
}

socle_status winograd_prepare(workspace *ws, const conv_geometry *g, bool backward, const float *w, winograd *out)
{
    const int *pad = g->p.pad;
    *out = (winograd){
        .channels = backward ? g->k : g->c,
        .outputs = backward ? g->c : g->k,
        .h = backward ? g->ho : g->h,
        .w = backward ? g->wo : g->w,
        .axis = { axis_of(g, backward, 0), axis_of(g, backward, 1) },
        .plain = { plain_input(g, backward, 0), plain_input(g, backward, 1) },
        .taps = (int)g->r,
        .lines = lines_of_tile(g),
        .parts = 1,
        .stream =
            (backward || !is_strided(g)) && conv_streams(g, backward), /* else parts add to what others stored */
        .backward = backward,
    };
    winograd *j = out;
    if (is_strided(g))
        strided_tiles(j, ws->device->kernels, pad);
    else if (winograd_is_pair(g))
        pair_tiles(j, ws->device->kernels);
    else
        plain_tiles(j, ws->device->kernels, pad);
    const int64_t panel = j->kernels->panel;
    /* A line more than is needed, so that positions do not meet in one set of the cache. */
    j->u_position = j->channels * WINOGRAD_PACK + CONV_LANES;
    j->v_position = (divide_up(j->channels, WINOGRAD_COLUMNS) * WINOGRAD_COLUMNS * panel + 1) * CONV_LANES;
    j->m_position = (WINOGRAD_PACK * panel + 1) * CONV_LANES;
    j->thread_size = j->positions * (j->v_position + j->m_position);
    j->memory = workspace_floats(ws, ws->device->threads * j->thread_size);
    return j->memory ? prepare_weights(ws, j, backward, w) : SOCLE_ERR_NOMEM;
}

/* ---- panels ---- */

/* Tiles [first, first + count) of a chunk, of those that are wide or narrow along either axis. */
typedef struct panel {
    bool narrow[2];
    int64_t first;
    int count, part;
    float *v, *m;
} panel;

static int64_t tiles_along(const winograd_axis *a, bool narrow)
{
    return narrow ? a->narrow : a->wide;
}

/* The first result of a tile; wide ones come first. */
static int64_t result_at(const winograd_axis *a, bool narrow, int64_t tile)
{
    return narrow ? a->wide * a->results + tile * (a->results - a->less) : tile * a->results;
}

typedef struct place {
    int64_t block, row, column; /* of the first result */
} place;

static place place_of(const winograd *j, const panel *p, int64_t tile)
{
    const int64_t rows = tiles_along(&j->axis[0], p->narrow[0]), columns = tiles_along(&j->axis[1], p->narrow[1]);
    return (place){
        .block = tile / (rows * columns),
        .row = result_at(&j->axis[0], p->narrow[0], tile / columns % rows),
        .column = result_at(&j->axis[1], p->narrow[1], tile % columns),
    };
}

/* How far from a tile's first input the next tile's is, for each result in between. */
static int64_t input_at(const winograd *j, int64_t result)
{
    return j->parts == 1 ? result : j->backward ? result / 2 : result * 2;
}

/* `n` inputs of a tile that begin at `at`: those inside [0, size). */
static void clip(int64_t at, int n, int64_t size, int range[2])
{
    range[0] = (int)min64(max64(-at, 0), n);
    range[1] = (int)max64(min64(size - at, n), range[0]);
}

static winograd_inputs inputs_of(const winograd *j, const panel *p, lane_map x)
{
    winograd_inputs in = {
        .tiles = p->count,
        .x_channel = x.channel,
        .x_row = x.row,
        .x_column = x.column,
        .channels = j->channels,
        .part = p->part,
        .backward = j->backward,
        .plain = { j->plain[0], j->plain[1] },
        .v = p->v,
        .v_position = j->v_position,
    };
    for (int i = 0; i < p->count; i++) {
        const place at = place_of(j, p, p->first + i);
        const int64_t row = input_at(j, at.row) - j->up, column = input_at(j, at.column) - j->left;
        in.tile[i].x = x.at + at.block * x.block;
        in.tile[i].first = row * x.row + column * x.column;
        clip(row, j->inputs, j->h, in.tile[i].rows);
        clip(column, j->inputs, j->w, in.tile[i].columns);
    }
    return in;
}

static int results_inside(const winograd_axis *a, bool narrow, int64_t first)
{
    return (int)min64(a->size - first, a->results - (narrow ? a->less : 0));
}

/* Where a panel's results go, but for the first output. */
static winograd_results results_of(const winograd *j, const panel *p, lane_map y, bool relu)
{
    winograd_results out = {
        .tiles = p->count,
        .m = p->m,
        .m_position = j->m_position,
        .y_output = y.channel,
        .y_row = y.row,
        .y_column = y.column,
        .relu = relu,
        .stream = j->stream && lane_map_is_aligned(y),
        .part = p->part,
        .backward = j->backward,
        .plain = { j->plain[0], j->plain[1] },
    };
    for (int i = 0; i < p->count; i++) {
        const place at = place_of(j, p, p->first + i);
        out.tile[i].y = y.at + at.block * y.block + at.row * y.row + at.column * y.column;
        out.tile[i].rows = results_inside(&j->axis[0], p->narrow[0], at.row);
        out.tile[i].columns = results_inside(&j->axis[1], p->narrow[1], at.column);
    }
    return out;
}

static winograd_products products_of(const winograd *j, const panel *p, winograd_soon *soon,
                                     const winograd_results *results)
{
    return (winograd_products){
        .lines = j->lines,
        .idle = { j->axis[0].idle[p->narrow[0]], j->axis[1].idle[p->narrow[1]] },
        .tiles = p->count,
        .part = p->part,
        .channels = j->channels,
        .v = p->v,
        .m = p->m,
        .u_position = j->u_position,
        .v_position = j->v_position,
        .m_position = j->m_position,
        .soon = soon,
        .results = results,
    };
}

/* How many cache lines of inputs a part of a panel reads, or a few more. */
static int64_t lines_of(const winograd *j, const winograd_inputs *in)
{
    return in->channels * in->tiles * divide_up(j->inputs, j->parts) * j->inputs;
}

/* next: inputs of the part after this one, or NULL. */
static void run_panel(const winograd *j, const panel *p, const winograd_inputs *next, const winograd_task *t)
{
    const conv_range outputs = t->outputs;
    lane_map y = t->y;
    y.at += outputs.from * y.channel;
    winograd_results out = results_of(j, p, y, t->relu);
    winograd_soon soon = { .in = next };
    soon.lines = next ? lines_of(j, next) / divide_up(outputs.to - outputs.from, WINOGRAD_PACK) : 0;
    winograd_products all = products_of(j, p, next ? &soon : NULL, &out);
    for (int64_t k = outputs.from; k < outputs.to; k += WINOGRAD_PACK) {
        out.outputs = (int)min64(WINOGRAD_PACK, outputs.to - k);
        out.bias = t->bias ? t->bias + k : NULL;
        all.u = j->u + k / WINOGRAD_PACK * j->windows * j->u_position;
        j->kernels->products(&all);
        j->kernels->results(&out);
        for (int i = 0; i < p->count; i++)
            out.tile[i].y += WINOGRAD_PACK * y.channel;
    }
}

static winograd_panel shown(const winograd *j, const panel *p)
{
    winograd_panel to = {
        .tiles = p->count,
        .v = p->v,
        .v_position = j->v_position,
        .idle = { j->axis[0].idle[p->narrow[0]], j->axis[1].idle[p->narrow[1]] },
    };
    for (int i = 0; i < p->count; i++) {
        const place at = place_of(j, p, p->first + i);
        to.tile[i].block = at.block;
        to.tile[i].row = at.row;
        to.tile[i].column = at.column;
        to.tile[i].rows = results_inside(&j->axis[0], p->narrow[0], at.row);
        to.tile[i].columns = results_inside(&j->axis[1], p->narrow[1], at.column);
    }
    return to;
}

static void show(const winograd *j, const panel *p, const panel *next, const winograd_task *t)
{
    const winograd_panel now = shown(j, p), then = next ? shown(j, next) : now;
    t->also(t->arg, &now, next ? &then : NULL);
}

/* The next part of a panel, or the first of the next panel of `blocks`; sizes of panels of a kind differ by one at most. */
static bool next_panel(const winograd *j, int64_t blocks, panel *p)
{
    if (++p->part < j->parts)
        return true;
    p->part = 0;
    p->first += p->count;
    int64_t tiles;
    while ((tiles = blocks * tiles_along(&j->axis[0], p->narrow[0]) * tiles_along(&j->axis[1], p->narrow[1])) ==
           p->first) {
        if (p->narrow[0] && p->narrow[1])
            return false;
        p->narrow[0] ^= p->narrow[1];
        p->narrow[1] = !p->narrow[1];
        p->first = 0;
    }
    const int64_t rest = tiles - p->first;
    p->count = (int)divide_up(rest, divide_up(rest, j->kernels->panel));
    return true;
}

void winograd_run(const winograd *j, const winograd_task *t)
{
    panel p = { .part = j->parts - 1, .v = j->memory + cpu_thread() * j->thread_size };
    p.m = p.v + j->positions * j->v_position;
    bool more = next_panel(j, t->blocks, &p);
    winograd_inputs in = inputs_of(j, &p, t->x);
    while (more) {
        panel next = p;
        j->kernels->inputs(&in);
        more = next_panel(j, t->blocks, &next);
        if (more)
            in = inputs_of(j, &next, t->x);
        run_panel(j, &p, more ? &in : NULL, t);
        if (t->also)
            show(j, &p, more ? &next : NULL, t);
        p = next;
    }
    if (j->stream)
        cpu_stream_end();
}

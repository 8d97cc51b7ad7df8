/* See winograd.h. A panel of tiles, three or so, is transformed for all channels; then 8 outputs at a time are
 * multiplied, all 36 positions of them, and transformed back while they are in the cache.
 *
 * So few tiles, because all that is ever read again is then near: the panel's inputs, up to 442 KB with 64
 * channels, are read once for every 8 outputs, from L2, and the products of 8 outputs stay in 55 KB. What comes
 * from afar is weights, all of them for every panel, in the order they lie in: at the peak of a core of 118
 * GFLOP/s 5 GB/s. More tiles at a time (6, 12), or more outputs (16 to all), were never faster, from 8 to 512
 * channels.
 *
 * Maps that are no multiple of a tile have tiles with results beyond the border, which are computed and not
 * stored. */
#include "winograd.h"

#include "parallel.h"

/* ---- choices ---- */

static bool applies(const conv_geometry *g)
{
    const socle_conv *p = &g->p;
    return g->r == g->s && (g->r == 3 || g->r == 5) && p->groups == 1 && p->stride[0] == 1 && p->stride[1] == 1 &&
           p->dilation[0] == 1 && p->dilation[1] == 1;
}

bool winograd_is_pair(const conv_geometry *g)
{
    return g->r == 3 && g->h == 2 && g->w == 2 && g->p.pad[0] == 1 && g->p.pad[1] == 1;
}

/* Costs as below, of maps of 2x2: inputs of a channel and results of an output together 50, the weights of 8 outputs 40 more
 * than packed ones. */
static bool pairs_suit(const conv_geometry *g, int64_t channels, int64_t outputs)
{
    enum { TRANSFORMS = 25, WEIGHTS = 40 };
    const int64_t packs = divide_up(outputs, WINOGRAD_PACK);
    const int64_t products = WINOGRAD_PAIRS_POSITIONS * channels * packs * WINOGRAD_PACK;
    return products + products / 32 + TRANSFORMS * (channels + outputs) + WEIGHTS * packs * channels / g->blocks <
           conv_work(g);
}

/* Of results rows x columns. */
static int64_t count_tiles(const conv_geometry *g, int64_t rows, int64_t columns)
{
    const int tile = winograd_tile((int)g->r);
    return divide_up(rows, tile) * divide_up(columns, tile);
}

/* Costs of one block of images in cycles, where a multiply-add of 16 lanes is one. Measured on a Zen 4 with
 * AVX-512: the direct way takes 1.1 of them, products 1.03; the inputs of a tile 210 to 260, results 115, the
 * weights of 8 outputs 330. Sums of few channels are left alone: what transforms round stands out there. */
bool winograd_suits(const conv_geometry *g, bool backward)
{
    enum { INPUT = 260, RESULT = 130, WEIGHTS = 330, FEW = 8 };
    const int64_t channels = backward ? g->k : g->c, outputs = backward ? g->c : g->k;
    if (!applies(g) || g->blocks == 0 || channels < FEW)
        return false;
    if (winograd_is_pair(g))
        return pairs_suit(g, channels, outputs);
    const int64_t packs = divide_up(outputs, WINOGRAD_PACK);
    const int64_t products = WINOGRAD_POSITIONS * channels * packs * WINOGRAD_PACK;
    const int64_t tile = products + products / 32 + INPUT * channels + RESULT * outputs;
    const int64_t tiles = backward ? count_tiles(g, g->h, g->w) : count_tiles(g, g->ho, g->wo);
    return tiles * tile + WEIGHTS * packs * channels / g->blocks < conv_work(g) / 9 * 10;
}

/* Tiles enough for full panels, and for other threads to find something else. */
int64_t winograd_chunk_blocks(const conv_geometry *g)
{
    enum { TILES = 8 };
    return min64(g->blocks, (TILES - 1) / count_tiles(g, g->ho, g->wo) + 1);
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
            .taps = j->taps,
            .w = job->w + pack * WINOGRAD_PACK * job->w_output,
            .w_output = job->w_output,
            .w_channel = job->w_channel,
            .outputs = (int)min64(WINOGRAD_PACK, j->outputs - pack * WINOGRAD_PACK),
            .channels = j->channels,
            .turned = job->turned,
            .u = job->u + pack * j->transforms->positions * j->u_position,
            .u_position = j->u_position,
        };
        j->transforms->windows(&w);
    }
}

static socle_status prepare_weights(workspace *ws, winograd *j, bool backward, const float *w)
{
    enum { WORK = 1024 }; /* windows worth a thread, of packs */
    const int64_t packs = divide_up(j->outputs, WINOGRAD_PACK), taps = j->taps * j->taps;
    windows_job job = { .j = j, .w = w, .turned = backward };
    job.w_output = backward ? taps : j->channels * taps;
    job.w_channel = backward ? j->outputs * taps : taps;
    j->u = job.u = workspace_floats(ws, packs * j->transforms->positions * j->u_position);
    if (!job.u)
        return SOCLE_ERR_NOMEM;
    cpu_for(ws->device->threads, packs, WORK / j->channels + 1, transform_windows, &job);
    return SOCLE_OK;
}

/* ---- sizes ---- */

socle_status winograd_prepare(workspace *ws, const conv_geometry *g, bool backward, const float *w, winograd *out)
{
    const struct cpu_winograd_kernels *kernels = ws->device->kernels->winograd;
    const bool pair = winograd_is_pair(g);
    const int up = pair ? 0 : g->p.pad[0], left = pair ? 0 : g->p.pad[1]; /* of a pair nothing is outside */
    *out = (winograd){
        .kernels = kernels,
        .transforms = pair ? &kernels->pairs : &kernels->tiles,
        .channels = backward ? g->k : g->c,
        .outputs = backward ? g->c : g->k,
        .h = backward ? g->ho : g->h,
        .w = backward ? g->wo : g->w,
        .ho = backward ? g->h : g->ho,
        .wo = backward ? g->w : g->wo,
        .taps = (int)g->r,
        .tile = pair ? 2 : winograd_tile((int)g->r),
        .up = backward && !pair ? g->r - 1 - up : up,
        .left = backward && !pair ? g->r - 1 - left : left,
    };
    winograd *j = out;
    j->tiles_h = divide_up(j->ho, j->tile);
    j->tiles_w = divide_up(j->wo, j->tile);
    const int64_t panel = j->kernels->panel;
    /* A line more than is needed, so that positions do not meet in one set of the cache. */
    j->u_position = j->channels * WINOGRAD_PACK + CONV_LANES;
    j->v_position = (j->channels * panel + 1) * CONV_LANES;
    j->m_position = (WINOGRAD_PACK * panel + 1) * CONV_LANES;
    j->thread_size = j->transforms->positions * (j->v_position + j->m_position);
    j->memory = workspace_floats(ws, ws->device->threads * j->thread_size);
    return j->memory ? prepare_weights(ws, j, backward, w) : SOCLE_ERR_NOMEM;
}

/* ---- panels ---- */

/* Tiles [first, first + count) of a chunk. */
typedef struct panel {
    int64_t first;
    int count;
    float *v, *m;
} panel;

typedef struct place {
    int64_t block, row, column; /* of the tile's first result */
} place;

static place place_of(const winograd *j, int64_t tile)
{
    const int64_t in_block = tile % (j->tiles_h * j->tiles_w);
    return (place){ tile / (j->tiles_h * j->tiles_w), in_block / j->tiles_w * j->tile,
                    in_block % j->tiles_w * j->tile };
}

/* Inputs of a tile that begins at `at` which are inside [0, size). */
static void clip(int64_t at, int64_t size, int range[2])
{
    range[0] = (int)min64(max64(-at, 0), WINOGRAD_INPUTS);
    range[1] = (int)max64(min64(size - at, WINOGRAD_INPUTS), range[0]);
}

static void panel_inputs(const winograd *j, const panel *p, lane_map x)
{
    winograd_inputs in = {
        .tiles = p->count,
        .x_channel = x.channel,
        .x_row = x.row,
        .x_column = x.column,
        .channels = j->channels,
        .v = p->v,
        .v_position = j->v_position,
    };
    for (int i = 0; i < p->count; i++) {
        const place at = place_of(j, p->first + i);
        const int64_t row = at.row - j->up, column = at.column - j->left;
        in.tile[i].x = x.at + at.block * x.block;
        in.tile[i].first = row * x.row + column * x.column;
        clip(row, j->h, in.tile[i].rows);
        clip(column, j->w, in.tile[i].columns);
    }
    j->transforms->inputs(&in);
}

static void panel_products(const winograd *j, const panel *p, int64_t output)
{
    const winograd_products all = {
        .positions = j->transforms->positions,
        .tiles = p->count,
        .channels = j->channels,
        .u = j->u + output / WINOGRAD_PACK * j->transforms->positions * j->u_position,
        .v = p->v,
        .m = p->m,
        .u_position = j->u_position,
        .v_position = j->v_position,
        .m_position = j->m_position,
    };
    j->kernels->products(&all);
}

/* Where a panel's results go, but for the first output. */
static winograd_results results_of(const winograd *j, const panel *p, lane_map y, bool relu)
{
    winograd_results out = {
        .taps = j->taps,
        .tiles = p->count,
        .m = p->m,
        .m_position = j->m_position,
        .y_output = y.channel,
        .y_row = y.row,
        .y_column = y.column,
        .relu = relu,
    };
    for (int i = 0; i < p->count; i++) {
        const place at = place_of(j, p->first + i);
        out.tile[i].y = y.at + at.block * y.block + at.row * y.row + at.column * y.column;
        out.tile[i].rows = (int)min64(j->ho - at.row, j->tile);
        out.tile[i].columns = (int)min64(j->wo - at.column, j->tile);
    }
    return out;
}

void winograd_run(const winograd *j, lane_map x, lane_map y, int64_t blocks, conv_range outputs, const float *bias,
                  bool relu)
{
    const int64_t tiles = blocks * j->tiles_h * j->tiles_w, panels = divide_up(tiles, j->kernels->panel);
    panel p = { .v = j->memory + cpu_thread() * j->thread_size };
    p.m = p.v + j->transforms->positions * j->v_position;
    y.at += outputs.from * y.channel;
    for (int64_t i = 0; i < panels; i++, p.first += p.count) {
        p.count = (int)(tiles / panels + (i < tiles % panels)); /* sizes differ by one at most */
        panel_inputs(j, &p, x);
        winograd_results out = results_of(j, &p, y, relu);
        for (int64_t k = outputs.from; k < outputs.to; k += WINOGRAD_PACK) {
            panel_products(j, &p, k);
            out.outputs = (int)min64(WINOGRAD_PACK, outputs.to - k);
            out.bias = bias ? bias + k : NULL;
            j->transforms->results(&out);
            for (int t = 0; t < p.count; t++)
                out.tile[t].y += WINOGRAD_PACK * y.channel;
        }
    }
}

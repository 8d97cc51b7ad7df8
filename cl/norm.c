/* Moments and norms: how the work is cut, and the launches. kernels/norm.clh says what pieces and units are. */
#include "norm.h"
#include "map.h"
#include "slots.h"
#include "temp.h"

#include <math.h>
#include <stdio.h>

enum { OPTIONS = 64, GROUP = 64 /* work-items; one on processors */ };
enum { EDGE_OUTER, EDGE_ROW, EDGE_P, LINEAR = 0, LEAKY, GENERAL }; /* of kernels/norm.clh */
enum { PLACE = 7, MOST_NUMBERS = 5 * PLACE };                      /* numbers of a place, and of an argument */
enum { MOMENTS = 4 * SOCLE_LANES };                                /* numbers that a piece leaves of its moments */
enum {
    CPU_PIECE = 512, /* vectors of a piece, at least: what a processor's nearest cache holds */
    GPU_PIECE = 64,  /* 16 numbers a work-item */
    LARGE_PIECE = 1024,
    FEW_PIECES = 32,   /* more only where pieces are large: whoever needs a whole adds up all of its pieces */
    MANY_PIECES = 512, /* at most */
    WHOLE_UNIT = 8192  /* vectors that a processor's thread goes through in the time of a few launches */
};

static int64_t parts(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* ---- the call ---- */

/* Pixels are neighbours where nothing lies in blocks of images, but rows of a few would leave most lanes empty. */
static bool pixels_abreast(int n, const socle_in *large, socle_in mean, socle_in var)
{
    bool blocks = mean->lanes != 1 || var->lanes != 1;
    for (int i = 0; i < n; i++)
        blocks |= large[i]->lanes != 1;
    return !blocks && (large[0]->dim[3] >= SOCLE_LANES / 2 || large[0]->dim[0] < SOCLE_BATCH_MIN);
}

int ocl_norm_parameter_kind(socle_in v)
{
    return !v ? OCL_NORM_ABSENT : v->dim[2] > 1 ? OCL_NORM_ELEMENT : OCL_NORM_CONSTANT;
}

static int act_of(const socle_norm *p)
{
    return !p->act ? LINEAR : p->sub == 0 && p->max == INFINITY ? LEAKY : GENERAL;
}

/* In blocks, each at a multiple of 16 numbers. */
static bool is_dense(socle_in v)
{
    return v->lanes == SOCLE_LANES && ocl_start(v) % SOCLE_LANES == 0 &&
           (v->dim[0] <= SOCLE_LANES || v->stride[0] % SOCLE_LANES == 0);
}

static ocl_norm_args args_of(const socle_norm *p, const ocl_norm *w)
{
    const int64_t n = w->x->dim[3] * (p->batch ? w->x->dim[0] : w->x->dim[2]);
    return (ocl_norm_args){ .apart = !p->batch && !w->pixels,
                            .gamma = ocl_norm_parameter_kind(w->gamma),
                            .beta = ocl_norm_parameter_kind(w->beta),
                            .eps = p->eps,
                            .var_min = p->var_min,
                            .act = act_of(p),
                            .leak = p->leak,
                            .sub = p->sub,
                            .max = p->max,
                            .share = p->share,
                            .n = (float)n,
                            .n_var = (float)(p->unbiased && n > 1 ? n - 1 : n) };
}

ocl_norm ocl_norm_of(ocl_device *d, const socle_norm *p, int n, const socle_in *large, socle_in mean, socle_in var,
                     socle_in gamma, socle_in beta)
{
    const socle_in x = large[0];
    ocl_norm w = { .d = d, .x = x, .mean = mean, .var = var, .gamma = gamma, .beta = beta, .batch = p->batch };
    w.pixels = pixels_abreast(n, large, mean, var);
    w.wide = ocl_maps_wide(n, large) || ocl_maps_wide(2, (socle_in[]){ mean, var });
    w.dense =
        ocl_norm_parameter_kind(gamma) != OCL_NORM_ELEMENT && ocl_norm_parameter_kind(beta) != OCL_NORM_ELEMENT;
    for (int i = 0; i < n; i++)
        w.dense &= is_dense(large[i]);
    const int64_t images = w.pixels ? x->dim[0] : parts(x->dim[0], SOCLE_LANES);
    w.outers = p->batch ? 1 : images;
    w.groups = x->dim[1];
    w.rows = p->batch ? images : x->dim[2];
    w.ps = w.pixels ? parts(x->dim[3], SOCLE_LANES) : x->dim[3];
    w.edge = w.pixels ? EDGE_P : p->batch ? EDGE_ROW : EDGE_OUTER;
    w.tail = w.pixels ? x->dim[3] - (w.ps - 1) * SOCLE_LANES : x->dim[0] - (images - 1) * SOCLE_LANES;
    w.args = args_of(p, &w);
    return w;
}

int64_t ocl_norm_units(const ocl_norm *w)
{
    return w->outers * w->groups;
}

bool ocl_norm_whole_units(const ocl_norm *w)
{
    return w->d->is_cpu && ocl_norm_units(w) >= 2 * (int64_t)w->d->units && w->rows * w->ps <= WHOLE_UNIT;
}

/* ---- pieces ---- */

static int64_t clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

ocl_norm_cut ocl_norm_cut_of(const ocl_norm *w, bool one_row)
{
    const int64_t all = w->rows * w->ps;
    int64_t piece = clamp(all / FEW_PIECES, w->d->is_cpu ? CPU_PIECE : GPU_PIECE, LARGE_PIECE);
    if (piece < all / MANY_PIECES)
        piece = all / MANY_PIECES;
    ocl_norm_cut c = { .p_pieces = parts(w->ps, piece) };
    c.ps = parts(w->ps, c.p_pieces);
    c.rows = one_row ? 1 : clamp(piece / w->ps, 1, w->rows);
    c.row_pieces = parts(w->rows, c.rows);
    c.rows = parts(w->rows, c.row_pieces);
    return c;
}

int64_t ocl_norm_pieces(const ocl_norm_cut *c)
{
    return c->row_pieces * c->p_pieces;
}

/* ---- arguments ---- */

static void arg_indices(ocl_call *k, bool wide, int n, const int64_t *v)
{
    cl_int narrow[MOST_NUMBERS];
    cl_long numbers[MOST_NUMBERS];
    for (int i = 0; i < n; i++) {
        narrow[i] = (cl_int)v[i];
        numbers[i] = v[i];
    }
    ocl_arg(k, (size_t)n * (wide ? sizeof *numbers : sizeof *narrow), wide ? (const void *)numbers : narrow);
}

ocl_call ocl_norm_begin(const ocl_norm *w, const char *file, const char *function, const char *more)
{
    char all[OPTIONS], options[2 * OPTIONS];
    (void)snprintf(all, sizeof all, "%s%s", w->dense ? "-DDENSE " : "", more);
    return ocl_begin(w->d, file, function, ocl_index_options(w->wide, options, sizeof options, all));
}

void ocl_norm_arg_norm(ocl_call *k, const ocl_norm *w)
{
    ocl_arg(k, sizeof w->args, &w->args);
    ocl_norm_arg_space(k, w);
}

void ocl_norm_arg_space(ocl_call *k, const ocl_norm *w)
{
    const int64_t v[] = { w->outers, w->groups, w->rows, w->ps, w->edge, w->tail };
    arg_indices(k, w->wide, 6, v);
}

void ocl_norm_arg_cut(ocl_call *k, const ocl_norm *w, const ocl_norm_cut *c)
{
    const int64_t v[] = { c->rows, c->ps, c->row_pieces, c->p_pieces };
    arg_indices(k, w->wide, 4, v);
}

/* Of (N, G, K, S), 0 where there is one for all. */
typedef struct strides {
    int64_t n, g, k, s;
} strides;

/* to: PLACE numbers. */
static void place(const ocl_norm *w, socle_in v, strides by, int64_t *to)
{
    const bool blocks = v->lanes == SOCLE_LANES;
    const int64_t image = w->pixels || blocks ? by.n : by.n * SOCLE_LANES;
    to[0] = ocl_start(v);
    to[1] = w->batch ? 0 : image;
    to[2] = by.g;
    to[3] = w->batch ? image : by.k;
    to[4] = w->pixels ? by.s * SOCLE_LANES : by.s;
    to[5] = w->pixels ? by.s : blocks ? 1 : by.n;
    to[6] = blocks;
}

static strides strides_of(socle_in v)
{
    return (strides){ v->stride[0], v->stride[1], v->stride[2], v->stride[3] };
}

static strides stat_strides(const ocl_norm *w, socle_in v)
{
    return w->batch ? (strides){ .g = v->stride[0] } : (strides){ .n = v->stride[0], .g = v->stride[1] };
}

static int64_t step(socle_in v, int dim)
{
    return v->dim[dim] > 1 ? v->stride[dim] : 0;
}

static strides parameter_strides(socle_in v)
{
    return (strides){ .g = step(v, 0), .k = step(v, 1), .s = step(v, 2) };
}

void ocl_norm_arg_place(ocl_call *k, const ocl_norm *w, socle_in v)
{
    int64_t to[PLACE];
    place(w, v, strides_of(v), to);
    arg_indices(k, w->wide, PLACE, to);
}

void ocl_norm_arg_parameter(ocl_call *k, const ocl_norm *w, socle_in v)
{
    int64_t to[PLACE + 2] = { 0 };
    if (v) {
        place(w, v, parameter_strides(v), to);
        to[PLACE] = v->dim[0];
        to[PLACE + 1] = v->dim[1];
    }
    arg_indices(k, w->wide, PLACE + 2, to);
}

void ocl_norm_arg_places(ocl_call *k, const ocl_norm *w)
{
    int64_t to[5 * PLACE] = { 0 };
    place(w, w->x, strides_of(w->x), to);
    place(w, w->mean, stat_strides(w, w->mean), to + PLACE);
    place(w, w->var, stat_strides(w, w->var), to + 2 * PLACE);
    if (w->gamma)
        place(w, w->gamma, parameter_strides(w->gamma), to + 3 * PLACE);
    if (w->beta)
        place(w, w->beta, parameter_strides(w->beta), to + 4 * PLACE);
    arg_indices(k, w->wide, 5 * PLACE, to);
}

void ocl_norm_arg_operands(ocl_call *k, const ocl_norm *w)
{
    ocl_arg_buffer(k, w->x->buffer);
    ocl_arg_buffer(k, w->mean->buffer);
    ocl_arg_buffer(k, w->var->buffer);
    ocl_arg_buffer(k, (w->gamma ? w->gamma : w->x)->buffer);
    ocl_arg_buffer(k, (w->beta ? w->beta : w->x)->buffer);
}

socle_status ocl_norm_run(ocl_call *k, int64_t pieces, int64_t units)
{
    const size_t local[2] = { k->d->is_cpu ? 1 : GROUP, 1 };
    return ocl_run(k, 2, (size_t[]){ (size_t)pieces * local[0], (size_t)units }, local);
}

/* ---- moments and forward ---- */

/* The last arguments of both kernels. */
static void arg_moments(ocl_call *k, const ocl_norm *w, const ocl_temp *partial, bool unbiased)
{
    ocl_arg_buffer(k, w->mean->buffer);
    ocl_arg_buffer(k, w->var->buffer);
    ocl_arg_buffer(k, partial->owned);
    ocl_arg_index(k, w->wide, ocl_start(&partial->view));
    ocl_arg_int(k, w->args.apart);
    ocl_arg_float(k, unbiased);
}

static void arg_stats(ocl_call *k, const ocl_norm *w)
{
    int64_t to[2 * PLACE];
    place(w, w->mean, stat_strides(w, w->mean), to);
    place(w, w->var, stat_strides(w, w->var), to + PLACE);
    arg_indices(k, w->wide, PLACE, to);
    arg_indices(k, w->wide, PLACE, to + PLACE);
}

socle_status ocl_moments(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x)
{
    ocl_norm w = ocl_norm_of(self, p, 1, &x, mean, var, NULL, NULL);
    const ocl_norm_cut c = ocl_norm_cut_of(&w, false);
    const int64_t pieces = ocl_norm_pieces(&c), units = ocl_norm_units(&w), numbers = units * pieces * MOMENTS;
    ocl_temp partial;
    socle_status status = ocl_temp_new(w.d, SOCLE_F32, 1, &numbers, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    w.wide |= ocl_start(&partial.view) + numbers > INT32_MAX / 2;
    ocl_call k = ocl_norm_begin(&w, "norm.cl", "norm_moments", "");
    ocl_norm_arg_space(&k, &w);
    ocl_norm_arg_cut(&k, &w, &c);
    ocl_norm_arg_place(&k, &w, x);
    arg_stats(&k, &w);
    ocl_arg_buffer(&k, x->buffer);
    arg_moments(&k, &w, &partial, p->unbiased);
    const int64_t groups = ocl_norm_whole_units(&w) ? 1 : pieces;
    status = ocl_norm_run(&k, groups, units);
    if (status == SOCLE_OK && groups > 1) {
        k = ocl_norm_begin(&w, "norm.cl", "norm_moments_combine", "");
        ocl_norm_arg_space(&k, &w);
        ocl_arg_index(&k, w.wide, pieces);
        arg_stats(&k, &w);
        arg_moments(&k, &w, &partial, p->unbiased);
        status = ocl_norm_run(&k, 1, units);
    }
    ocl_temp_free(w.d, &partial);
    return status;
}

socle_status ocl_normalize(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                           socle_in gamma, socle_in beta)
{
    const ocl_norm w = ocl_norm_of(self, p, 2, (socle_in[]){ x, y }, mean, var, gamma, beta);
    const ocl_norm_cut c = ocl_norm_cut_of(&w, false);
    ocl_call k = ocl_norm_begin(&w, "norm.cl", "normalize_forward", "");
    ocl_norm_arg_norm(&k, &w);
    ocl_norm_arg_cut(&k, &w, &c);
    ocl_norm_arg_places(&k, &w);
    ocl_norm_arg_place(&k, &w, y);
    ocl_arg_buffer(&k, y->buffer);
    ocl_norm_arg_operands(&k, &w);
    return ocl_norm_run(&k, ocl_norm_pieces(&c), ocl_norm_units(&w));
}

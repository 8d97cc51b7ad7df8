/* Convolutions of 3x3 windows by Winograd's F(4x4, 3x3): transforms by kernels/winograd.cl, and between them 36 matrix
 * products in one batch, a number of tiles at a time so that what is transformed stays bounded.
 *
 * The gradient of x is a convolution of dz with windows turned round; that of the weights sums products of transformed x and
 * dz over the tiles, part by part in order. Not for groups, strides or dilations.
 *
 * Measured with PoCL, 2 cores, 64 images, GFLOP/s of the definition's work, direct / products of columns / this, forward,
 * gradient of x and of w: 64-64 channels of 28x28 169 / 163 / 428, 167 / 150 / 434, 199 / 122 / 372; 128-128 of 14x14
 * 149 / 146 / 384, 146 / 168 / 389, 185 / 151 / 343. */
#include "conv.h"
#include "gemm.h"
#include "temp.h"

#include <stdio.h>

enum { TILE = 4, WINDOW = 3, POSITIONS = 36, TILES_LEAST = 16 /* in a part: columns enough for a product */ };
/* Floats of transformed tiles: a processor's should stay in its cache until they are used. */
#define CPU_ROOM ((int64_t)2 << 20)
#define GPU_ROOM ((int64_t)1 << 24)

typedef struct plane { /* of the kernels */
    cl_int channels, h, w, up, left;
    cl_int tiles_h, tiles_w, first, tiles, images;
} plane;

/* A convolution in either direction: the images that are read in tiles of 6x6, and those in tiles of 4x4. */
typedef struct sides {
    socle_in inputs, results;
    int inputs_c, results_c;
    plane of_inputs, of_results;
    int tiles, most; /* of all images; in a part */
} sides;

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static plane plane_of(int channels, int h, int w, int up, int left)
{
    return (plane){ .channels = channels, .h = h, .w = w, .up = up, .left = left };
}

static void cut(const ocl_device *d, const ocl_convolution *c, sides *s)
{
    const int tiles_h = divide_up(s->of_results.h, TILE), tiles_w = divide_up(s->of_results.w, TILE);
    s->of_inputs.tiles_h = s->of_results.tiles_h = tiles_h;
    s->of_inputs.tiles_w = s->of_results.tiles_w = tiles_w;
    s->tiles = c->blocks * tiles_h * tiles_w;
    const int64_t tile = (int64_t)POSITIONS * SOCLE_LANES * (c->c + c->k);
    const int64_t fit = (d->is_cpu ? CPU_ROOM : GPU_ROOM) / tile;
    s->most = ocl_even_piece(s->tiles, fit > TILES_LEAST ? fit : TILES_LEAST);
}

static sides sides_of(const ocl_device *d, const ocl_convolution *c)
{
    const plane x = plane_of(c->c, c->h, c->w, 0, 0), y = plane_of(c->k, c->ho, c->wo, 0, 0);
    const bool back = c->pass == OCL_BACKWARD_DATA;
    sides s = { .inputs = back ? c->y : c->x,
                .results = back ? c->x : c->y,
                .of_inputs = back ? y : x,
                .of_results = back ? x : y };
    s.of_inputs.up = back ? WINDOW - 1 - c->p.pad[0] : c->p.pad[0];
    s.of_inputs.left = back ? WINDOW - 1 - c->p.pad[1] : c->p.pad[1];
    if (c->pass == OCL_BACKWARD_WEIGHTS)
        s.of_inputs.images = s.of_results.images = c->images;
    cut(d, c, &s);
    return s;
}

/* Those of the part that begins with tile `first`. */
static void move_to(sides *s, int first)
{
    const int left = s->tiles - first;
    s->of_inputs.first = s->of_results.first = first;
    s->of_inputs.tiles = s->of_results.tiles = left < s->most ? left : s->most;
}

/* ---- kernels ---- */

static ocl_call begin(ocl_device *d, const char *function, bool wide)
{
    char options[16];
    (void)snprintf(options, sizeof options, "-DINDEX=%s", wide ? "long" : "int");
    return ocl_begin(d, "winograd.cl", function, options);
}

static void arg_view(ocl_call *k, bool wide, socle_in v)
{
    ocl_arg_buffer(k, v->buffer);
    ocl_arg_index(k, wide, ocl_start(v));
}

static socle_status run_tiles(ocl_call *k, const plane *g)
{
    const size_t tiles = (size_t)g->channels * (size_t)g->tiles;
    return ocl_run(k, 1, (size_t[]){ k->d->is_cpu ? tiles : tiles * SOCLE_LANES }, NULL);
}

/* From one of the 36 matrices to the next. */
static int64_t step_of(const plane *g)
{
    return (int64_t)g->channels * g->tiles * SOCLE_LANES;
}

static socle_status transform(ocl_device *d, const char *function, const plane *g, socle_out to, socle_in from)
{
    const bool wide = ocl_conv_wide(to) || ocl_conv_wide(from);
    ocl_call k = begin(d, function, wide);
    ocl_arg(&k, sizeof *g, g);
    arg_view(&k, wide, to);
    ocl_arg_index(&k, wide, step_of(g));
    arg_view(&k, wide, from);
    return run_tiles(&k, g);
}

static socle_status finish(ocl_device *d, const ocl_convolution *c, const sides *s, socle_in from)
{
    const plane *g = &s->of_results;
    const bool biased = c->pass == OCL_FORWARD && c->bias;
    const bool wide = ocl_conv_wide(s->results) || ocl_conv_wide(from) || (biased && ocl_conv_wide(c->bias));
    ocl_call k = begin(d, "winograd_results", wide);
    ocl_arg(&k, sizeof *g, g);
    arg_view(&k, wide, s->results);
    arg_view(&k, wide, from);
    ocl_arg_index(&k, wide, step_of(g));
    arg_view(&k, wide, biased ? c->bias : from);
    ocl_arg_int(&k, biased);
    ocl_arg_int(&k, c->relu);
    return run_tiles(&k, g);
}

static socle_status transform_weights(ocl_device *d, const ocl_convolution *c, socle_out to)
{
    const bool wide = ocl_conv_wide(to) || ocl_conv_wide(c->weights);
    ocl_call k = begin(d, "winograd_weights", wide);
    arg_view(&k, wide, to);
    arg_view(&k, wide, c->weights);
    ocl_arg_int(&k, (int64_t)c->c * c->k);
    ocl_arg_int(&k, c->pass == OCL_BACKWARD_DATA);
    return ocl_run(&k, 1, (size_t[]){ (size_t)c->c * (size_t)c->k }, NULL);
}

static socle_status window(ocl_device *d, const ocl_convolution *c, socle_in from)
{
    const bool wide = ocl_conv_wide(from) || ocl_conv_wide(c->weights);
    ocl_call k = begin(d, "winograd_window", wide);
    arg_view(&k, wide, c->weights);
    arg_view(&k, wide, from);
    ocl_arg_int(&k, (int64_t)c->c * c->k);
    return ocl_run(&k, 1, (size_t[]){ (size_t)c->c * (size_t)c->k }, NULL);
}

/* ---- products ---- */

/* 36 matrices, one after the other. */
static ocl_matrix matrices(socle_in v, int64_t rows, int64_t columns)
{
    const int64_t step = rows * columns;
    return (ocl_matrix){ .buffer = v->buffer,
                         .at = ocl_start(v),
                         .row = { SOCLE_LANES * columns, columns },
                         .column = { SOCLE_LANES, 1 },
                         .batch = { { SOCLE_LANES * step, step } } };
}

static ocl_matrix transposed(ocl_matrix m)
{
    const ocl_side row = m.row;
    m.row = m.column;
    m.column = row;
    return m;
}

static ocl_product product(int64_t m, int64_t n, int64_t k, float beta)
{
    ocl_product p = { .m = m, .n = n, .k = k, .batches = POSITIONS, .alpha = 1, .beta = beta };
    p.batch[0] = POSITIONS;
    for (int i = 1; i < OCL_BATCH_DIMS; i++)
        p.batch[i] = 1;
    return p;
}

static socle_status multiply(ocl_device *d, const ocl_convolution *c, const plane *results, socle_out to,
                             socle_in weights, socle_in inputs)
{
    const bool back = c->pass == OCL_BACKWARD_DATA;
    const int64_t m = back ? c->c : c->k, k = back ? c->k : c->c, n = (int64_t)results->tiles * SOCLE_LANES;
    ocl_product p = product(m, n, k, 0);
    const ocl_matrix w = matrices(weights, c->k, c->c);
    p.c = matrices(to, m, n);
    p.a = back ? transposed(w) : w;
    p.b = matrices(inputs, k, n);
    return ocl_multiply(d, &p);
}

static socle_status add_products(ocl_device *d, const ocl_convolution *c, const plane *part, socle_out sums,
                                 socle_in gradients, socle_in inputs)
{
    const int64_t n = (int64_t)part->tiles * SOCLE_LANES;
    ocl_product p = product(c->k, c->c, n, part->first == 0 ? 0 : 1);
    p.c = matrices(sums, c->k, c->c);
    p.a = matrices(gradients, c->k, n);
    p.b = transposed(matrices(inputs, c->c, n));
    return ocl_multiply(d, &p);
}

/* ---- passes ---- */

static socle_status convolve(ocl_device *d, const ocl_convolution *c, sides *s, socle_out weights, socle_out inputs,
                             socle_out results)
{
    socle_status status = transform_weights(d, c, weights);
    for (int first = 0; first < s->tiles && status == SOCLE_OK; first += s->most) {
        move_to(s, first);
        status = transform(d, "winograd_inputs", &s->of_inputs, inputs, s->inputs);
        if (status == SOCLE_OK)
            status = multiply(d, c, &s->of_results, results, weights, inputs);
        if (status == SOCLE_OK)
            status = finish(d, c, s, results);
    }
    return status;
}

static socle_status differentiate(ocl_device *d, const ocl_convolution *c, sides *s, socle_out sums,
                                  socle_out inputs, socle_out gradients)
{
    socle_status status = SOCLE_OK;
    for (int first = 0; first < s->tiles && status == SOCLE_OK; first += s->most) {
        move_to(s, first);
        status = transform(d, "winograd_inputs", &s->of_inputs, inputs, s->inputs);
        if (status == SOCLE_OK)
            status = transform(d, "winograd_gradients", &s->of_results, gradients, s->results);
        if (status == SOCLE_OK)
            status = add_products(d, c, &s->of_results, sums, gradients, inputs);
    }
    if (status == SOCLE_OK)
        status = window(d, c, sums);
    return status == SOCLE_OK && c->bias ? ocl_conv_sum_bias(d, c) : status;
}

static bool applies(const ocl_convolution *c)
{
    const socle_conv *p = &c->p;
    return c->r == WINDOW && c->s == WINDOW && p->groups == 1 && p->stride[0] == 1 && p->stride[1] == 1 &&
           p->dilation[0] == 1 && p->dilation[1] == 1;
}

socle_status ocl_convolve_winograd(ocl_device *d, const ocl_convolution *c)
{
    if (!applies(c))
        return SOCLE_ERR_UNSUPPORTED;
    sides s = sides_of(d, c);
    move_to(&s, 0);
    const int64_t sizes[3] = { (int64_t)POSITIONS * c->c * c->k, POSITIONS * step_of(&s.of_inputs),
                               POSITIONS * step_of(&s.of_results) };
    ocl_temp space[3] = { { .owned = NULL } };
    socle_status status = SOCLE_OK;
    for (int i = 0; i < 3 && status == SOCLE_OK; i++)
        status = ocl_temp_new(d, SOCLE_F32, 1, &sizes[i], 1, &space[i]);
    if (status == SOCLE_OK)
        status = (c->pass == OCL_BACKWARD_WEIGHTS ? differentiate : convolve)(d, c, &s, &space[0].view,
                                                                              &space[1].view, &space[2].view);
    for (int i = 0; i < 3; i++)
        ocl_temp_free(d, &space[i]);
    return status;
}

/* Does every way to convolve agree with the definition on this device? Small layers, all three passes, against sums in
 * double made here. Lanes that hold no image are NaN, which must not get into anything. */
#include "check.h"
#include "conv.h"
#include "temp.h"

#include <float.h>
#include <math.h>
#include <socle/sys/memory.h>
#include <stdio.h>

typedef struct layer {
    int images, c, k, h, w, r, s; /* c, k: of a group */
    socle_conv p;
} layer;

/* Winograd does the first, whose sums are long enough for its rounding: see the table. */
static const layer layers[] = {
    { 17, 33, 35, 9, 6, 3, 3, { .stride = { 1, 1 }, .pad = { 1, 0 }, .dilation = { 1, 1 }, .groups = 1 } },
    { 18, 3, 5, 8, 7, 3, 2, { .stride = { 2, 1 }, .pad = { 1, 1 }, .dilation = { 1, 2 }, .groups = 2 } },
    { 33, 6, 18, 3, 5, 1, 1, { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 } },
};
static const ocl_pass passes[] = { OCL_FORWARD, OCL_BACKWARD_DATA, OCL_BACKWARD_WEIGHTS };
enum { PASSES = sizeof passes / sizeof *passes, X = 0, Y = 1, W = 2, OPERANDS = 3 };
static const char *const operand_names[] = { "x", "y", "w" };

typedef struct trial {
    const layer *z;
    ocl_convolution c;
    int result;                 /* which operand is computed */
    int64_t n[OPERANDS], terms; /* floats; about how many a result sums */
    float *values[OPERANDS], *got;
    double *want;
    ocl_temp memory[OPERANDS];
} trial;

static int out_size(const layer *z, int i)
{
    const int size = i ? z->w : z->h, window = i ? z->s : z->r;
    return (size + 2 * z->p.pad[i] - z->p.dilation[i] * (window - 1) - 1) / z->p.stride[i] + 1;
}

/* Element (n, channel, pixel) of images in blocks. */
static int64_t lane_at(int n, int channel, int channels, int64_t pixel, int64_t pixels)
{
    return (((int64_t)(n / SOCLE_LANES) * channels + channel) * pixels + pixel) * SOCLE_LANES + n % SOCLE_LANES;
}

/* ---- the definition ---- */

/* Adds to the results all the products of one weight w(k, c, r, s) of a group. */
static void add_tap(trial *t, int group, int k, int c, int r, int s)
{
    const layer *z = t->z;
    const ocl_convolution *v = &t->c;
    const int64_t w = (((int64_t)(group * v->k + k) * v->c + c) * v->r + r) * v->s + s;
    for (int n = 0; n < z->images; n++)
        for (int o = 0; o < v->ho; o++)
            for (int p = 0; p < v->wo; p++) {
                const int i = o * z->p.stride[0] - z->p.pad[0] + r * z->p.dilation[0],
                          j = p * z->p.stride[1] - z->p.pad[1] + s * z->p.dilation[1];
                if (i < 0 || i >= v->h || j < 0 || j >= v->w)
                    continue;
                const int64_t at[OPERANDS] = {
                    lane_at(n, group * v->c + c, z->p.groups * v->c, i * v->w + j, (int64_t)v->h * v->w),
                    lane_at(n, group * v->k + k, z->p.groups * v->k, o * v->wo + p, (int64_t)v->ho * v->wo), w
                };
                double product = 1;
                for (int f = 0; f < OPERANDS; f++)
                    if (f != t->result)
                        product *= (double)t->values[f][at[f]];
                t->want[at[t->result]] += product;
            }
}

static void define(trial *t)
{
    for (int64_t i = 0; i < t->n[t->result]; i++)
        t->want[i] = 0;
    for (int g = 0; g < t->z->p.groups; g++)
        for (int k = 0; k < t->c.k; k++)
            for (int c = 0; c < t->c.c; c++)
                for (int tap = 0; tap < t->c.r * t->c.s; tap++)
                    add_tap(t, g, k, c, tap / t->c.s, tap % t->c.s);
}

/* ---- a trial ---- */

static void describe(trial *t, ocl_pass pass)
{
    const layer *z = t->z;
    ocl_convolution *c = &t->c;
    *c = (ocl_convolution){ .pass = pass,
                            .p = z->p,
                            .images = z->images,
                            .c = z->c,
                            .k = z->k,
                            .h = z->h,
                            .w = z->w,
                            .ho = out_size(z, 0),
                            .wo = out_size(z, 1),
                            .r = z->r,
                            .s = z->s };
    c->blocks = (z->images + SOCLE_LANES - 1) / SOCLE_LANES;
    c->x = &t->memory[X].view;
    c->y = &t->memory[Y].view;
    c->weights = &t->memory[W].view;
    const int64_t lanes = (int64_t)c->blocks * SOCLE_LANES * z->p.groups;
    t->n[X] = lanes * c->c * c->h * c->w;
    t->n[Y] = lanes * c->k * c->ho * c->wo;
    t->n[W] = (int64_t)z->p.groups * c->k * c->c * c->r * c->s;
    t->result = pass == OCL_FORWARD ? Y : pass == OCL_BACKWARD_DATA ? X : W;
    t->terms = pass == OCL_FORWARD         ? (int64_t)c->c * c->r * c->s
               : pass == OCL_BACKWARD_DATA ? (int64_t)c->k * c->r * c->s
                                           : (int64_t)z->images * c->ho * c->wo;
}

static socle_status place(ocl_device *d, trial *t, int i)
{
    const ocl_convolution *c = &t->c;
    const int groups = c->p.groups;
    const int64_t dims[OPERANDS][4] = { { c->images, groups * c->c, c->h, c->w },
                                        { c->images, groups * c->k, c->ho, c->wo },
                                        { groups * c->k, c->c, c->r, c->s } };
    socle_status status = ocl_temp_new(d, SOCLE_F32, 4, dims[i], i == W ? 1 : SOCLE_LANES, &t->memory[i]);
    if (status != SOCLE_OK)
        return status;
    if (!(t->values[i] = socle_mem_alloc(sizeof(float) * (size_t)t->n[i])))
        return SOCLE_ERR_NOMEM;
    ocl_check_values(t->values[i], t->n[i], (uint32_t)i);
    const int64_t image = t->n[i] / c->blocks / SOCLE_LANES; /* floats */
    for (int n = c->images; i != W && n < c->blocks * SOCLE_LANES; n++)
        for (int64_t e = 0; e < image; e++)
            t->values[i][lane_at(n, 0, 1, e, image)] = NAN;
    return ocl_check_upload(d, t->memory[i].owned, t->values[i], t->n[i]);
}

static socle_status begin(ocl_device *d, trial *t)
{
    socle_status status = SOCLE_OK;
    for (int i = 0; i < OPERANDS && status == SOCLE_OK; i++)
        status = place(d, t, i);
    if (status != SOCLE_OK)
        return status;
    const size_t n = (size_t)t->n[t->result];
    t->got = socle_mem_alloc(sizeof *t->got * n);
    t->want = socle_mem_alloc(sizeof *t->want * n);
    return t->got && t->want ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static void end(ocl_device *d, trial *t)
{
    for (int i = 0; i < OPERANDS; i++) {
        ocl_temp_free(d, &t->memory[i]);
        socle_mem_free(t->values[i]);
    }
    socle_mem_free(t->got);
    socle_mem_free(t->want);
}

/* Results are sums of products of numbers in [-1, 1): off by at most 4 eps sqrt(terms) of their usual size, sqrt(terms) / 3. */
static bool agrees(const trial *t, char *why, size_t cap)
{
    const ocl_convolution *c = &t->c;
    const double scale = sqrt((double)t->terms) / 3, bound = 4 * (double)FLT_EPSILON * sqrt((double)t->terms);
    const int64_t image = t->n[t->result] / c->blocks / SOCLE_LANES;
    for (int64_t i = 0; i < t->n[t->result]; i++) {
        const double want = t->want[i], got = (double)t->got[i];
        const bool nobody =
            t->result != W && i / (image * SOCLE_LANES) * SOCLE_LANES + i % SOCLE_LANES >= c->images;
        if (nobody || fabs(got - want) <= bound * fmax(scale, fabs(want)))
            continue;
        (void)snprintf(why, cap, "of %d-%d %dx%d s%d on %dx%d, element %lld of %s%s is %.9g instead of %.9g", c->c,
                       c->k, c->r, c->s, c->p.stride[0], c->h, c->w, (long long)i,
                       c->pass == OCL_FORWARD ? "" : "d", operand_names[t->result], got, want);
        return false;
    }
    return true;
}

static socle_status try_one(ocl_device *d, ocl_variant v, size_t i, bool *good, char *why, size_t cap)
{
    trial t = { .z = &layers[i / PASSES] };
    describe(&t, passes[i % PASSES]);
    socle_status status = begin(d, &t);
    if (status == SOCLE_OK) {
        status = ocl_convolve_by(d, v, &t.c);
        if (status == SOCLE_OK)
            status = ocl_check_read(d, t.got, t.memory[t.result].owned, t.n[t.result]);
        if (status == SOCLE_OK) {
            define(&t);
            *good = agrees(&t, why, cap);
        } else {
            status = ocl_check_verdict(d, status, good, why, cap);
        }
    }
    end(d, &t);
    return status;
}

socle_status ocl_conv_check(ocl_device *d, ocl_variant v)
{
    return ocl_check_all(d, v, PASSES * sizeof layers / sizeof *layers, try_one);
}

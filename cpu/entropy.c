/* Cross entropy of logits x (N, K) and targets (N), and its gradient: 16 images at a time in the kernels for
 * columns, where operands that are not in blocks are brought to (lines.h); with very many classes, image by
 * image. */
#include "device.h"

#include "isa/kernels_elementwise.h"
#include "isa/kernels_reduce.h"
#include "iterate.h"
#include "lines.h"
#include "parallel.h"

typedef struct entropy {
    const cpu_device *d;
    socle_in x, logp; /* (N, K): logits and their log softmax, which may be NULL; backward: dx and logp */
    socle_in target;  /* (N) */
    socle_in loss;    /* (N): loss, or its gradient */
    float scale;
    float *buffer; /* for each thread: `room` floats for x and as many for logp */
    int64_t room;
} entropy;

/* One operand's block of 16 images: element k of image i at p[k * ld + i]. */
typedef struct columns {
    float *p;
    int64_t ld;
} columns;

static int32_t target_of(const entropy *e, int64_t n)
{
    return ((const int32_t *)e->target->buffer)[e->target->offset + n * e->target->stride[0]];
}

static float *loss_of(const entropy *e, int64_t n)
{
    return (float *)e->loss->buffer + e->loss->offset + n * e->loss->stride[0];
}

/* Element 0 of image n. */
static float *image_of(socle_in v, int64_t n)
{
    return (float *)v->buffer + v->offset + view_along(v, 0, n);
}

static float *buffer_of(const entropy *e, int which)
{
    return e->buffer + (2 * cpu_thread() + which) * e->room;
}

/* Every target is judged before anything is written. */
static socle_status check_targets(const entropy *e)
{
    for (int64_t n = 0; n < e->x->dim[0]; n++) {
        int32_t t = target_of(e, n);
        if (t < 0 || t >= e->x->dim[1])
            return socle_fail(SOCLE_ERR_ARG, "cross entropy: target %ld of sample %lld is outside [0, %lld)",
                              (long)t, (long long)n, (long long)e->x->dim[1]);
    }
    return SOCLE_OK;
}

/* ---- blocks ---- */

static columns columns_of(const entropy *e, socle_in v, int which, int64_t first, int64_t images, bool fill)
{
    if (v->lanes != 1)
        return (columns){ image_of(v, first), v->stride[1] };
    float *buffer = buffer_of(e, which);
    if (fill)
        lines_gather(e->d, buffer, v, 1, image_of(v, first), v->stride[0], images);
    return (columns){ buffer, SOCLE_LANES };
}

static void columns_done(const entropy *e, socle_in v, columns c, int64_t first, int64_t images)
{
    if (v->lanes == 1)
        lines_scatter(e->d, c.p, v, 1, image_of(v, first), v->stride[0], images);
}

static void entropy_block(const entropy *e, int64_t first, int64_t images)
{
    float most[SOCLE_LANES], rest[SOCLE_LANES];
    columns x = columns_of(e, e->x, 0, first, images, true), logp = { NULL, 0 };
    if (e->logp != NULL)
        logp = columns_of(e, e->logp, 1, first, images, false);
    int64_t n = x.p == buffer_of(e, 0) ? images : SOCLE_LANES;
    e->d->kernels->reduce->softmax_columns(true, e->x->dim[1], n, logp.p, logp.ld, x.p, x.ld, most, rest);
    for (int64_t i = 0; i < images; i++)
        *loss_of(e, first + i) = rest[i] + (most[i] - x.p[target_of(e, first + i) * x.ld + i]);
    if (e->logp != NULL)
        columns_done(e, e->logp, logp, first, images);
}

static void entropy_grad_block(const entropy *e, int64_t first, int64_t images)
{
    int32_t target[SOCLE_LANES];
    float g[SOCLE_LANES];
    for (int64_t i = 0; i < SOCLE_LANES; i++) {
        target[i] = i < images ? target_of(e, first + i) : -1;
        g[i] = i < images ? e->scale * *loss_of(e, first + i) : 0.0f;
    }
    columns logp = columns_of(e, e->logp, 1, first, images, true),
            dx = columns_of(e, e->x, 0, first, images, false);
    int64_t n = logp.p == buffer_of(e, 1) ? images : SOCLE_LANES;
    e->d->kernels->reduce->xent_grad_columns(e->x->dim[1], n, dx.p, dx.ld, logp.p, logp.ld, target, g);
    columns_done(e, e->x, dx, first, images);
}

/* ---- images with very many classes ---- */

static void entropy_image(const entropy *e, int64_t n)
{
    int64_t classes = e->x->dim[1], ldx = e->x->stride[1];
    const float *x = image_of(e->x, n), *line = x;
    float *gathered = buffer_of(e, 0), *made = buffer_of(e, 1);
    if (ldx != 1) {
        for (int64_t k = 0; k < classes; k++)
            gathered[k] = x[k * ldx];
        line = gathered;
    }
    float most, rest;
    e->d->kernels->reduce->softmax_row(true, classes, e->logp != NULL ? made : NULL, line, &most, &rest);
    *loss_of(e, n) = rest + (most - line[target_of(e, n)]);
    if (e->logp == NULL)
        return;
    float *logp = image_of(e->logp, n);
    for (int64_t k = 0; k < classes; k++)
        logp[k * e->logp->stride[1]] = made[k];
}

static void entropy_grad_image(const entropy *e, int64_t n)
{
    const struct cpu_elementwise_kernels *kernels = e->d->kernels->elementwise;
    int64_t step = e->x->stride[1], classes = e->x->dim[1];
    float *dx = image_of(e->x, n), g = e->scale * *loss_of(e, n);
    kernels->unary(SOCLE_UNARY_exp, classes, dx, step, image_of(e->logp, n), e->logp->stride[1], 0, 0, 0);
    dx[target_of(e, n) * step] -= 1.0f;
    kernels->unary(SOCLE_UNARY_affine, classes, dx, step, dx, step, g, 0, 0);
}

/* ---- all images ---- */

typedef void (*some_images)(const entropy *e, int64_t first, int64_t images);
typedef void (*one_image)(const entropy *e, int64_t n);

static void run_blocks(const entropy *e, int64_t first, int64_t last, some_images block, one_image image)
{
    bool short_lines = e->x->dim[1] <= LINES_SHORT || (e->x->lanes != 1 && e->logp != NULL && e->logp->lanes != 1);
    for (int64_t b = first; b < last; b++) {
        int64_t from = b * SOCLE_LANES, left = e->x->dim[0] - from;
        int64_t images = left < SOCLE_LANES ? left : SOCLE_LANES;
        if (short_lines)
            block(e, from, images);
        for (int64_t i = 0; !short_lines && i < images; i++)
            image(e, from + i);
    }
}

static void entropy_blocks(void *arg, int64_t first, int64_t last)
{
    run_blocks(arg, first, last, entropy_block, entropy_image);
}

static void entropy_grad_blocks(void *arg, int64_t first, int64_t last)
{
    run_blocks(arg, first, last, entropy_grad_block, entropy_grad_image);
}

static socle_status run_entropy(cpu_device *d, entropy *e, cpu_range blocks)
{
    socle_status s = check_targets(e);
    if (s != SOCLE_OK)
        return s;
    int64_t classes = e->x->dim[1], work = classes * SOCLE_LANES, n = (e->x->dim[0] - 1) / SOCLE_LANES + 1;
    e->d = d;
    e->room = classes * (classes <= LINES_SHORT ? SOCLE_LANES : 1);
    size_t bytes = (size_t)(2 * d->threads * e->room) * sizeof(float);
    e->buffer = cpu_scratch(d, bytes);
    if (e->buffer == NULL)
        return SOCLE_ERR_NOMEM;
    cpu_for(d->threads, n, work < LOOP_GRAIN_HEAVY ? LOOP_GRAIN_HEAVY / work : 1, blocks, e);
    cpu_scratch_free(d, e->buffer, bytes);
    return SOCLE_OK;
}

socle_status cpu_xent(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target)
{
    entropy e = { .x = x, .logp = logp, .target = target, .loss = loss };
    return run_entropy(self, &e, entropy_blocks);
}

socle_status cpu_xent_grad(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale)
{
    entropy e = { .x = dx, .logp = logp, .target = target, .loss = dloss, .scale = scale };
    return run_entropy(self, &e, entropy_grad_blocks);
}

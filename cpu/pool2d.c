/* Pooling and its gradient. Operands that are all in blocks of images go through the kernels, one channel of one
 * block at a time; any other mixture of formats through the plain loops here, one channel of one image at a
 * time. Windows are worked out once per call, which makes adaptive, padded and ceil-mode pooling the same thing. */
#include "device.h"

#include <math.h>
#include <stddef.h>
#include "isa/kernels_pool.h"
#include "iterate.h"
#include "parallel.h"

typedef struct pooling {
    const struct cpu_pool_kernels *kernels;
    const socle_pool *p;
    socle_in x, y, index; /* backward: dx and dy; index may be NULL */
    bool backward, add;   /* add: to what dx holds */
    cpu_window *windows;  /* ho of rows, wo of columns */
    size_t bytes;
} pooling;

/* ---- windows ---- */

/* Window i of `outputs` along rows (d = 0) or columns (d = 1) of `size` pixels. */
static cpu_window window_of(const socle_pool *p, int d, int64_t i, int64_t size, int64_t outputs)
{
    if (p->adaptive) {
        int64_t from = i * size / outputs, to = ((i + 1) * size + outputs - 1) / outputs;
        return (cpu_window){ (int32_t)from, (int32_t)to, (int32_t)(to - from) };
    }
    int64_t from = i * p->stride[d] - p->pad[d], to = from + p->size[d], edge = size + p->pad[d];
    int64_t padded = (to < edge ? to : edge) - from;
    from = from > 0 ? from : 0;
    to = to < size ? to : size;
    return (cpu_window){ (int32_t)from, (int32_t)to, (int32_t)(p->count_pad ? padded : to - from) };
}

static socle_status make_windows(cpu_device *d, pooling *g)
{
    int64_t ho = g->y->dim[2], wo = g->y->dim[3];
    g->bytes = (size_t)(ho + wo) * sizeof *g->windows;
    g->windows = cpu_scratch(d, g->bytes);
    if (g->windows == NULL)
        return SOCLE_ERR_NOMEM;
    for (int64_t i = 0; i < ho; i++)
        g->windows[i] = window_of(g->p, 0, i, g->x->dim[2], ho);
    for (int64_t j = 0; j < wo; j++)
        g->windows[ho + j] = window_of(g->p, 1, j, g->x->dim[3], wo);
    return SOCLE_OK;
}

/* Channel c of image n: where it starts in the buffer, in elements. */
static int64_t plane_at(socle_in v, int64_t n, int64_t c)
{
    return v->offset + view_along(v, 0, n) + c * v->stride[1];
}

/* x may be read or written, y too: which, the direction says. */
static cpu_pool_block plane_of(const pooling *g, int64_t n, int64_t c)
{
    float *x = (float *)g->x->buffer + plane_at(g->x, n, c), *y = (float *)g->y->buffer + plane_at(g->y, n, c);
    cpu_pool_block b = {
        .rows = g->windows,
        .cols = g->windows + g->y->dim[2],
        .height = (int32_t)g->x->dim[2],
        .width = (int32_t)g->x->dim[3],
        .ho = (int32_t)g->y->dim[2],
        .wo = (int32_t)g->y->dim[3],
        .xh = g->x->stride[2],
        .xw = g->x->stride[3],
        .yh = g->y->stride[2],
        .yw = g->y->stride[3],
        .x = x,
        .dx = x,
        .y = y,
        .dy = y,
        .add = g->add,
    };
    if (g->index != NULL) {
        b.index = (int32_t *)g->index->buffer + plane_at(g->index, n, c);
        b.ih = g->index->stride[2];
        b.iw = g->index->stride[3];
    }
    return b;
}

/* ---- one channel of one image ---- */

static void plane_max(const cpu_pool_block *b, int32_t i, int32_t j)
{
    const cpu_window r = b->rows[i], c = b->cols[j];
    float best = b->x[r.from * b->xh + c.from * b->xw];
    int32_t place = r.from * b->width + c.from;
    for (int32_t h = r.from; h < r.to; h++)
        for (int32_t w = c.from; w < c.to; w++) {
            float v = b->x[h * b->xh + w * b->xw];
            if (v > best || (isnan(v) && !isnan(best))) {
                best = v;
                place = h * b->width + w;
            }
        }
    b->y[i * b->yh + j * b->yw] = best;
    if (b->index != NULL)
        b->index[i * b->ih + j * b->iw] = place;
}

static void plane_average(const cpu_pool_block *b, int32_t i, int32_t j)
{
    const cpu_window r = b->rows[i], c = b->cols[j];
    float sum = 0.0f;
    for (int32_t h = r.from; h < r.to; h++)
        for (int32_t w = c.from; w < c.to; w++)
            sum += b->x[h * b->xh + w * b->xw];
    b->y[i * b->yh + j * b->yw] = sum / ((float)r.counted * (float)c.counted);
}

static void plane_max_grad(const cpu_pool_block *b, int32_t i, int32_t j)
{
    int32_t place = b->index[i * b->ih + j * b->iw];
    if (place >= 0 && place < b->height * b->width)
        b->dx[place / b->width * b->xh + place % b->width * b->xw] += b->dy[i * b->yh + j * b->yw];
}

static void plane_average_grad(const cpu_pool_block *b, int32_t i, int32_t j)
{
    const cpu_window r = b->rows[i], c = b->cols[j];
    float g = b->dy[i * b->yh + j * b->yw] / ((float)r.counted * (float)c.counted);
    for (int32_t h = r.from; h < r.to; h++)
        for (int32_t w = c.from; w < c.to; w++)
            b->dx[h * b->xh + w * b->xw] += g;
}

static void plane_clear(const cpu_pool_block *b)
{
    for (int32_t h = 0; h < b->height; h++)
        for (int32_t w = 0; w < b->width; w++)
            b->dx[h * b->xh + w * b->xw] = 0.0f;
}

static void pool_plane(const pooling *g, const cpu_pool_block *b)
{
    if (g->backward && !g->add)
        plane_clear(b);
    for (int32_t i = 0; i < b->ho; i++)
        for (int32_t j = 0; j < b->wo; j++) {
            if (g->backward && g->p->max)
                plane_max_grad(b, i, j);
            else if (g->backward)
                plane_average_grad(b, i, j);
            else if (g->p->max)
                plane_max(b, i, j);
            else
                plane_average(b, i, j);
        }
}

/* ---- all channels ---- */

static void pool_images(void *arg, int64_t first, int64_t last)
{
    const pooling *g = arg;
    for (int64_t unit = first; unit < last; unit++) {
        cpu_pool_block b = plane_of(g, unit / g->x->dim[1], unit % g->x->dim[1]);
        pool_plane(g, &b);
    }
}

static void pool_blocks(void *arg, int64_t first, int64_t last)
{
    const pooling *g = arg;
    for (int64_t unit = first; unit < last; unit++) {
        cpu_pool_block b = plane_of(g, unit / g->x->dim[1] * SOCLE_LANES, unit % g->x->dim[1]);
        if (g->backward && g->p->max)
            g->kernels->max_grad(&b);
        else if (g->backward)
            g->kernels->average_grad(&b);
        else if (g->p->max)
            g->kernels->max(&b);
        else
            g->kernels->average(&b);
    }
}

static socle_status run_pooling(cpu_device *d, pooling *g)
{
    socle_status s = make_windows(d, g);
    if (s != SOCLE_OK)
        return s;
    bool blocks = g->x->lanes != 1 && g->y->lanes != 1 && (g->index == NULL || g->index->lanes != 1);
    int64_t images = blocks ? (g->x->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES : g->x->dim[0];
    int64_t pixels = g->x->dim[2] * g->x->dim[3] * (blocks ? SOCLE_LANES : 1);
    int64_t grain = pixels < LOOP_GRAIN ? LOOP_GRAIN / pixels : 1;
    cpu_for(d->threads, images * g->x->dim[1], grain, blocks ? pool_blocks : pool_images, g);
    cpu_scratch_free(d, g->windows, g->bytes);
    return SOCLE_OK;
}

socle_status cpu_pool(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x)
{
    cpu_device *d = self;
    pooling g = { .kernels = d->kernels->pool, .p = p, .x = x, .y = y, .index = p->max ? index : NULL };
    return run_pooling(d, &g);
}

socle_status cpu_pool_grad(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index)
{
    cpu_device *d = self;
    pooling g = { .kernels = d->kernels->pool, .p = p, .x = dx, .y = dy, .backward = true, .add = add };
    g.index = p->max ? index : NULL;
    return run_pooling(d, &g);
}

/* Convolutions of one or a few small images. The windows of all images are unrolled to rows, one for each point of the
 * result, so that weights and windows lie along the same dimension, CRS, and none of the three products packs anything:
 *
 *     y (K, P) = w (K, CRS) windows^T (CRS, P)       dots of rows
 *     dw (K, CRS) = dz (K, P) windows (P, CRS)       rows combined
 *     dwindows (P, CRS) = dz^T (P, K) w (K, CRS)     rows combined, then folded into dx
 *
 * Rows are padded with zeros to whole registers. One thread: there is less to do than starting the others takes. A training
 * step of five such convolutions at batch 2 went from 0.48 ms to 0.10 ms. */
#include "conv_small.h"

#include <string.h>
#include "isa/kernels_dots.h"

enum { MOST_TAPS = 64, MANY_CHANNELS = 4 };

typedef struct small_job {
    const struct cpu_dots_kernels *kernels;
    const socle_conv *p;
    int64_t images, k, c, r, s, height, width, ho, wo;
    int64_t points, window, ld; /* points of all images; CRS, and that padded */
    float *windows;             /* (points, ld) */
    const float *weights;       /* (k, ld) */
} small_job;

bool conv_small_fits(const socle_conv *p, socle_in y, socle_in w)
{
    enum {
        MOST_WORK = 1 << 21,
        MOST_ROWS = 1 << 18
    }; /* multiply-adds; floats of unrolled windows: they stay in L2 */
    int64_t points = y->dim[0] * y->dim[2] * y->dim[3], window = w->dim[1] * w->dim[2] * w->dim[3];
    return p->groups == 1 && points * window <= MOST_ROWS && points * window * w->dim[0] <= MOST_WORK;
}

static socle_status prepare(workspace *ws, small_job *j, const socle_conv *p, socle_in x, socle_in y, socle_in w)
{
    *j = (small_job){
        .kernels = ws->device->kernels->dots,
        .p = p,
        .images = y->dim[0],
        .k = w->dim[0],
        .c = w->dim[1],
        .r = w->dim[2],
        .s = w->dim[3],
        .height = x->dim[2],
        .width = x->dim[3],
        .ho = y->dim[2],
        .wo = y->dim[3],
    };
    j->points = j->images * j->ho * j->wo;
    j->window = j->c * j->r * j->s;
    j->ld = (j->window + DOTS_PAD - 1) / DOTS_PAD * DOTS_PAD;
    j->windows = workspace_floats(ws, j->points * j->ld);
    return j->windows ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

/* w as padded rows: itself where they need no padding. */
static socle_status take_weights(workspace *ws, small_job *j, socle_in w)
{
    const float *from = view_floats(w);
    j->weights = from;
    if (j->ld == j->window)
        return SOCLE_OK;
    float *to = workspace_floats(ws, j->k * j->ld);
    if (!to)
        return SOCLE_ERR_NOMEM;
    for (int64_t k = 0; k < j->k; k++) {
        memcpy(to + k * j->ld, from + k * j->window, (size_t)j->window * sizeof *to);
        memset(to + k * j->ld + j->window, 0, (size_t)(j->ld - j->window) * sizeof *to);
    }
    j->weights = to;
    return SOCLE_OK;
}

/* ---- windows ---- */

/* Taps from .. to - 1 of `taps` fall inside an image of `size`, for a window that starts at `first`. */
typedef struct inside {
    int64_t first, from, to;
} inside;

static inside inside_of(int64_t first, int64_t taps, int64_t dilation, int64_t size)
{
    inside i = { first, 0, taps };
    if (first < 0)
        i.from = (-first + dilation - 1) / dilation;
    if (first + (taps - 1) * dilation >= size)
        i.to = size > first ? (size - first + dilation - 1) / dilation : 0;
    i.to = i.to < i.from ? i.from : i.to;
    return i;
}

/* Copies a window's pixels to `row` (fold: adds row to the pixels). x: of the image, channel 0. */
static void move_window(const small_job *j, bool fold, float *x, socle_in v, inside rows, inside columns,
                        float *row)
{
    const int64_t dh = j->p->dilation[0] * v->stride[2], dw = j->p->dilation[1] * v->stride[3];
    for (int64_t c = 0; c < j->c; c++, x += v->stride[1]) {
        float *at = x + rows.first * v->stride[2] + columns.first * v->stride[3];
        for (int64_t r = 0; r < j->r; r++, row += j->s) {
            bool there = r >= rows.from && r < rows.to;
            int64_t from = there ? columns.from : j->s, to = there ? columns.to : j->s;
            float *pixel = at + r * dh;
            if (fold) {
                for (int64_t s = from; s < to; s++)
                    pixel[s * dw] += row[s];
                continue;
            }
            for (int64_t s = 0; s < from; s++)
                row[s] = 0.0f;
            for (int64_t s = from; s < to; s++)
                row[s] = pixel[s * dw];
            for (int64_t s = to; s < j->s; s++)
                row[s] = 0.0f;
        }
    }
}

/* The same for many channels: where the taps inside the image are is worked out once for all of them. */
static void move_channels(const small_job *j, bool fold, float *x, socle_in v, inside rows, inside columns,
                          float *row)
{
    int32_t tap[MOST_TAPS];
    int64_t pixel[MOST_TAPS], taps = j->r * j->s;
    int n = 0;
    for (int64_t r = rows.from; r < rows.to; r++)
        for (int64_t s = columns.from; s < columns.to; s++, n++) {
            tap[n] = (int32_t)(r * j->s + s);
            pixel[n] = (rows.first + r * j->p->dilation[0]) * v->stride[2] +
                       (columns.first + s * j->p->dilation[1]) * v->stride[3];
        }
    for (int64_t c = 0; c < j->c; c++, x += v->stride[1], row += taps) {
        if (fold) {
            for (int k = 0; k < n; k++)
                x[pixel[k]] += row[tap[k]];
            continue;
        }
        for (int64_t t = 0; t < taps && n < taps; t++)
            row[t] = 0.0f;
        for (int k = 0; k < n; k++)
            row[tap[k]] = x[pixel[k]];
    }
}

/* All windows of v, from its pixels to j->windows, or back. */
static void move_windows(const small_job *j, bool fold, socle_in v)
{
    const int *stride = j->p->stride, *pad = j->p->pad, *dilation = j->p->dilation;
    float *row = j->windows;
    for (int64_t n = 0; n < j->images; n++)
        for (int64_t i = 0; i < j->ho; i++) {
            inside rows = inside_of(i * stride[0] - pad[0], j->r, dilation[0], j->height);
            for (int64_t q = 0; q < j->wo; q++, row += j->ld) {
                inside columns = inside_of(q * stride[1] - pad[1], j->s, dilation[1], j->width);
                float *x = view_floats(v) + n * v->stride[0];
                if (j->c >= MANY_CHANNELS && j->r * j->s <= MOST_TAPS)
                    move_channels(j, fold, x, v, rows, columns, row);
                else
                    move_window(j, fold, x, v, rows, columns, row);
                for (int64_t t = j->window; t < j->ld && !fold; t++)
                    row[t] = 0.0f;
            }
        }
}

/* ---- results ---- */

/* y = epilogue(out (K, P) + bias) */
static void finish(const small_job *j, socle_out y, const float *out, const float *bias, socle_epilogue e)
{
    for (int64_t n = 0; n < j->images; n++)
        for (int64_t k = 0; k < j->k; k++) {
            const float *from = out + k * j->points + n * j->ho * j->wo, shift = bias ? bias[k] : 0.0f;
            float *to = view_floats(y) + n * y->stride[0] + k * y->stride[1];
            for (int64_t i = 0; i < j->ho; i++)
                for (int64_t q = 0; q < j->wo; q++, from++) {
                    float v = *from + shift;
                    to[i * y->stride[2] + q * y->stride[3]] = e == SOCLE_EPILOGUE_RELU && v < 0.0f ? 0.0f : v;
                }
        }
}

/* dz (N, K, Ho, Wo) as (K, P). */
static void gather(const small_job *j, float *to, socle_in dz)
{
    for (int64_t k = 0; k < j->k; k++)
        for (int64_t n = 0; n < j->images; n++) {
            const float *from = view_floats(dz) + n * dz->stride[0] + k * dz->stride[1];
            for (int64_t i = 0; i < j->ho; i++)
                for (int64_t q = 0; q < j->wo; q++)
                    *to++ = from[i * dz->stride[2] + q * dz->stride[3]];
        }
}

static void clear(socle_out x)
{
    for (int64_t n = 0; n < x->dim[0]; n++)
        for (int64_t c = 0; c < x->dim[1]; c++)
            for (int64_t i = 0; i < x->dim[2]; i++) {
                float *row = view_floats(x) + n * x->stride[0] + c * x->stride[1] + i * x->stride[2];
                for (int64_t q = 0; q < x->dim[3]; q++)
                    row[q * x->stride[3]] = 0.0f;
            }
}

socle_status conv_small_forward(cpu_device *d, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                                socle_in w, const float *bias)
{
    workspace ws = workspace_on(d);
    small_job j;
    socle_status s = prepare(&ws, &j, p, x, y, w);
    if (s == SOCLE_OK)
        s = take_weights(&ws, &j, w);
    float *out = s == SOCLE_OK ? workspace_floats(&ws, j.k * j.points) : NULL;
    if (!out)
        return workspace_end(&ws, SOCLE_ERR_NOMEM);
    move_windows(&j, false, x);
    j.kernels->dots(j.k, j.points, j.ld, j.weights, j.ld, j.windows, j.ld, out, j.points);
    finish(&j, y, out, bias, e);
    return workspace_end(&ws, SOCLE_OK);
}

/* dw from the windows of x. */
static socle_status weights_grad(workspace *ws, const small_job *j, float *dw, const float *z, socle_in x)
{
    float *rows = j->ld == j->window ? dw : workspace_floats(ws, j->k * j->ld);
    if (!rows)
        return SOCLE_ERR_NOMEM;
    move_windows(j, false, x);
    j->kernels->combine(j->k, j->points, j->ld, z, j->points, 1, j->windows, j->ld, rows, j->ld);
    for (int64_t k = 0; rows != dw && k < j->k; k++)
        memcpy(dw + k * j->window, rows + k * j->ld, (size_t)j->window * sizeof *dw);
    return SOCLE_OK;
}

socle_status conv_small_grad(cpu_device *d, const socle_conv *p, socle_out dx, float *dw, socle_in dz, socle_in x,
                             socle_in w)
{
    workspace ws = workspace_on(d);
    small_job j;
    socle_status s = prepare(&ws, &j, p, x, dz, w);
    float *z = s == SOCLE_OK ? workspace_floats(&ws, j.k * j.points) : NULL;
    if (!z)
        return workspace_end(&ws, SOCLE_ERR_NOMEM);
    gather(&j, z, dz);
    if (dw)
        s = weights_grad(&ws, &j, dw, z, x);
    if (s == SOCLE_OK && dx)
        s = take_weights(&ws, &j, w);
    if (s == SOCLE_OK && dx) {
        j.kernels->combine(j.points, j.k, j.ld, z, 1, j.points, j.weights, j.ld, j.windows, j.ld);
        clear(dx);
        move_windows(&j, true, dx);
    }
    return workspace_end(&ws, s);
}

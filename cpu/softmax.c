/* Softmax and its gradient along any axis. Where neighbours in memory belong to different lines (the images of a
 * block, or an axis that is not the last), all goes through the kernels for columns; other short lines are
 * brought into that form, 16 at a time (lines.h); long ones go by themselves, through a buffer where they are
 * not contiguous. */
#include "device.h"

#include "isa/kernels_reduce.h"
#include "iterate.h"
#include "lines.h"
#include "parallel.h"

typedef struct softmax {
    const cpu_device *d;
    bool log;
    int axis;
    int64_t length;
    int n; /* operands: the result, then what it is made from */
    socle_in v[3];
    float *buffer; /* for each thread: `room` floats for each operand */
    int64_t room;
} softmax;

static float *start_of(const softmax *s, int k, int64_t at)
{
    return (float *)s->v[k]->buffer + at;
}

static float *buffer_of(const softmax *s, int k)
{
    return s->buffer + (cpu_thread() * s->n + k) * s->room;
}

/* Columns of all operands: the result's, then those it is made from. */
static void softmax_columns(const softmax *s, int64_t n, float *const *p, const int64_t *ld)
{
    const struct cpu_reduce_kernels *k = s->d->kernels->reduce;
    if (s->n == 2)
        k->softmax_columns(s->log, s->length, n, p[0], ld[0], p[1], ld[1], NULL, NULL);
    else
        k->softmax_grad_columns(s->log, s->length, n, p[0], ld[0], p[1], ld[1], p[2], ld[2]);
}

/* ---- lines next to each other ---- */

static bool are_columns(const softmax *s, int64_t n, const int64_t *stride)
{
    bool columns = n > 1;
    for (int k = 0; k < s->n; k++)
        columns = columns && stride[k] == 1 && lines_are_straight(s->v[k], s->axis);
    return columns;
}

static void run_columns(const softmax *s, int64_t n, const int64_t *at)
{
    float *p[3] = { NULL };
    int64_t ld[3] = { 0 };
    for (int k = 0; k < s->n; k++) {
        p[k] = start_of(s, k, at[k]);
        ld[k] = s->v[k]->stride[s->axis];
    }
    softmax_columns(s, n, p, ld);
}

/* ---- short lines ---- */

static void run_gathered(const softmax *s, int64_t n, const int64_t *at, const int64_t *stride)
{
    for (int64_t i = 0; i < n; i += SOCLE_LANES) {
        int64_t m = n - i < SOCLE_LANES ? n - i : SOCLE_LANES, ld[3] = { SOCLE_LANES, SOCLE_LANES, SOCLE_LANES };
        float *p[3] = { NULL };
        for (int k = 0; k < s->n; k++) {
            p[k] = buffer_of(s, k);
            if (k > 0)
                lines_gather(s->d, p[k], s->v[k], s->axis, start_of(s, k, at[k] + i * stride[k]), stride[k], m);
        }
        softmax_columns(s, m, p, ld);
        lines_scatter(s->d, p[0], s->v[0], s->axis, start_of(s, 0, at[0] + i * stride[0]), stride[0], m);
    }
}

/* ---- long lines ---- */

/* Operand k's line at `at` as contiguous memory: itself, or this thread's buffer, filled if asked to. */
static float *line_in(const softmax *s, int k, int64_t at, bool fill)
{
    float *x = start_of(s, k, at);
    if (lines_are_straight(s->v[k], s->axis) && s->v[k]->stride[s->axis] == 1)
        return x;
    float *line = buffer_of(s, k);
    for (int64_t i = 0; fill && i < s->length; i++)
        line[i] = x[view_along(s->v[k], s->axis, i)];
    return line;
}

static void run_line(const softmax *s, const int64_t *at)
{
    float *y = start_of(s, 0, at[0]), *p[3] = { NULL };
    for (int k = 0; k < s->n; k++)
        p[k] = line_in(s, k, at[k], k > 0);
    if (s->n == 2)
        s->d->kernels->reduce->softmax_row(s->log, s->length, p[0], p[1], NULL, NULL);
    else
        s->d->kernels->reduce->softmax_grad_row(s->log, s->length, p[0], p[1], p[2]);
    for (int64_t i = 0; p[0] != y && i < s->length; i++)
        y[view_along(s->v[0], s->axis, i)] = p[0][i];
}

/* ---- all lines ---- */

static void softmax_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const softmax *s = arg;
    if (are_columns(s, n, stride)) {
        run_columns(s, n, at);
        return;
    }
    if (s->length <= LINES_SHORT) {
        run_gathered(s, n, at, stride);
        return;
    }
    int64_t line[3] = { 0 };
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < s->n; k++)
            line[k] = at[k] + i * stride[k];
        run_line(s, line);
    }
}

static socle_status run_softmax(cpu_device *d, softmax *s)
{
    s->d = d;
    s->length = s->v[0]->dim[s->axis];
    s->room = s->length * (s->length <= LINES_SHORT ? SOCLE_LANES : 1);
    size_t bytes = (size_t)(d->threads * s->n * s->room) * sizeof(float);
    s->buffer = cpu_scratch(d, bytes);
    if (s->buffer == NULL)
        return SOCLE_ERR_NOMEM;
    socle_view kept[3];
    const socle_view *v[3];
    for (int k = 0; k < s->n; k++) {
        kept[k] = view_drop(s->v[k], 1u << s->axis);
        v[k] = &kept[k];
    }
    int64_t grain = LOOP_GRAIN_HEAVY / s->length / SOCLE_LANES * SOCLE_LANES;
    iterate(d->threads, grain < SOCLE_LANES ? SOCLE_LANES : grain, s->n, v, true, softmax_row, s);
    cpu_scratch_free(d, s->buffer, bytes);
    return SOCLE_OK;
}

socle_status cpu_softmax(void *self, socle_out y, socle_in x, int axis, bool log)
{
    softmax s = { .log = log, .axis = axis, .n = 2, .v = { y, x } };
    return run_softmax(self, &s);
}

socle_status cpu_softmax_grad(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log)
{
    softmax s = { .log = log, .axis = axis, .n = 3, .v = { dx, dy, y } };
    return run_softmax(self, &s);
}

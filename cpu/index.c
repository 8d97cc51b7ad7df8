/* gather and scatter_add. Every index is judged before anything is written. A gather runs in any order; a
 * scatter is shared out over what is not indexed, and adds along the axis in order, so that its sums do not
 * depend on threads. */
#include "device.h"

#include "isa/kernels_elementwise.h"
#include "iterate.h"
#include "parallel.h"

/* ---- checking ---- */

typedef struct extremes {
    const int32_t *index;
    int32_t low, high;
} extremes;

static void find_extremes(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    extremes *e = arg;
    const int32_t *index = e->index + at[0];
    if (stride[0] == 0)
        n = 1;
    for (int64_t i = 0; i < n; i++) {
        int32_t v = index[i * stride[0]];
        e->low = v < e->low ? v : e->low;
        e->high = v > e->high ? v : e->high;
    }
}

/* Broadcast dimensions hold nothing new: each index is looked at once. */
static socle_status check_index(const char *what, socle_in index, int64_t size)
{
    socle_view once = *index;
    for (int i = 0; i < once.ndim; i++)
        if (once.stride[i] == 0 && (i > 0 || once.lanes == 1))
            once.dim[i] = 1;
    extremes e = { .index = index->buffer, .low = INT32_MAX, .high = INT32_MIN };
    const socle_view *v = &once;
    iterate(1, LOOP_GRAIN, 1, &v, false, find_extremes, &e);
    int32_t wrong = e.low < 0 ? e.low : e.high;
    if (wrong >= 0 && wrong < size)
        return SOCLE_OK;
    return socle_fail(SOCLE_ERR_ARG, "%s: index %ld is outside [0, %lld)", what, (long)wrong, (long long)size);
}

/* ---- gather ---- */

typedef struct gathering {
    const struct cpu_elementwise_kernels *kernels;
    socle_in y, x, index;
    int axis;
} gathering;

/* Operands: y, x from its element 0 along axis, index. */
static void gather_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const gathering *g = arg;
    const int32_t *index = (const int32_t *)g->index->buffer + at[2];
    bool bytes = g->y->dtype == SOCLE_U8;
    if (stride[2] == 0) { /* one index for the row: a copy */
        int64_t from = at[1] + view_along(g->x, g->axis, index[0]);
        cpu_type t = bytes ? CPU_TYPE_U8 : CPU_TYPE_I32;
        int64_t size = bytes ? 1 : 4;
        g->kernels->copy(t, t, n, (uint8_t *)g->y->buffer + at[0] * size, stride[0],
                         (const uint8_t *)g->x->buffer + from * size, stride[1]);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t to = at[0] + i * stride[0];
        int64_t from = at[1] + i * stride[1] + view_along(g->x, g->axis, index[i * stride[2]]);
        if (bytes)
            ((uint8_t *)g->y->buffer)[to] = ((const uint8_t *)g->x->buffer)[from];
        else
            ((int32_t *)g->y->buffer)[to] = ((const int32_t *)g->x->buffer)[from];
    }
}

/* v seen in another view's dims, standing still along axis: where the indexed element is counted from. */
static socle_view still_along(socle_in v, int axis, socle_in dims)
{
    socle_view s = *v;
    for (int i = 0; i < s.ndim; i++)
        s.dim[i] = dims->dim[i];
    s.stride[axis] = 0;
    if (axis == 0)
        s.lanes = 1;
    return s;
}

socle_status cpu_gather(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    const cpu_device *d = self;
    socle_status s = check_index("gather", index, x->dim[axis]);
    if (s != SOCLE_OK)
        return s;
    gathering g = { .kernels = d->kernels->elementwise, .y = y, .x = x, .index = index, .axis = axis };
    socle_view still = still_along(x, axis, y);
    const socle_view *v[] = { y, &still, index };
    iterate(d->threads, LOOP_GRAIN, 3, v, false, gather_row, &g);
    return SOCLE_OK;
}

/* ---- scatter ---- */

typedef struct scattering {
    const struct cpu_elementwise_kernels *kernels;
    socle_in y, x, index;
    int axis;
} scattering;

/* n elements next to each other off the axis, all of the axis in order. Operands: y, x, index without the axis. */
static void scatter_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const scattering *s = arg;
    const int32_t *index = (const int32_t *)s->index->buffer + at[2];
    float *y = (float *)s->y->buffer + at[0];
    const float *x = (const float *)s->x->buffer + at[1];
    for (int64_t k = 0; k < s->x->dim[s->axis]; k++) {
        const int32_t *place = index + view_along(s->index, s->axis, k);
        const float *from = x + view_along(s->x, s->axis, k);
        if (stride[2] == 0) { /* one index for the row: a sum of rows */
            float *to = y + view_along(s->y, s->axis, place[0]);
            s->kernels->binary(SOCLE_BINARY_add, n, to, stride[0], to, stride[0], from, stride[1]);
            continue;
        }
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0] + view_along(s->y, s->axis, place[i * stride[2]])] += from[i * stride[1]];
    }
}

socle_status cpu_scatter_add(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    const cpu_device *d = self;
    socle_status status = check_index("scatter_add", index, y->dim[axis]);
    if (status != SOCLE_OK)
        return status;
    scattering s = { .kernels = d->kernels->elementwise, .y = y, .x = x, .index = index, .axis = axis };
    uint32_t off = 1u << axis;
    socle_view y_off = view_drop(y, off), x_off = view_drop(x, off), index_off = view_drop(index, off);
    const socle_view *v[] = { &y_off, &x_off, &index_off };
    int64_t grain = LOOP_GRAIN / x->dim[axis];
    iterate(d->threads, grain < SOCLE_LANES ? SOCLE_LANES : grain, 3, v, false, scatter_row, &s);
    return SOCLE_OK;
}

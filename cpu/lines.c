/* Lines to columns and back (lines.h): in register squares where lines are contiguous, else element by element. */
#include "lines.h"

#include "isa/kernels_elementwise.h"
#include "iterate.h"

bool lines_are_straight(socle_in v, int axis)
{
    return axis != 0 || v->lanes == 1;
}

static bool are_contiguous(socle_in v, int axis)
{
    return lines_are_straight(v, axis) && v->stride[axis] == 1;
}

void lines_gather(const cpu_device *d, float *columns, socle_in v, int axis, const float *x, int64_t step,
                  int64_t n)
{
    if (are_contiguous(v, axis)) {
        d->kernels->elementwise->transpose(v->dim[axis], n, columns, SOCLE_LANES, x, step);
        return;
    }
    for (int64_t k = 0; k < v->dim[axis]; k++) {
        const float *from = x + view_along(v, axis, k);
        for (int64_t i = 0; i < n; i++)
            columns[k * SOCLE_LANES + i] = from[i * step];
    }
}

void lines_scatter(const cpu_device *d, const float *columns, socle_in v, int axis, float *y, int64_t step,
                   int64_t n)
{
    if (are_contiguous(v, axis)) {
        d->kernels->elementwise->transpose(n, v->dim[axis], y, step, columns, SOCLE_LANES);
        return;
    }
    for (int64_t k = 0; k < v->dim[axis]; k++) {
        float *to = y + view_along(v, axis, k);
        for (int64_t i = 0; i < n; i++)
            to[i * step] = columns[k * SOCLE_LANES + i];
    }
}

/* Views: how the elements of a logical shape lie in memory, row-major or in blocks of 16 images (sys/backend.h). */
#include <assert.h>
#include "shape.h"

/* The distance of neighbours along the last dimension of a dense view. */
static int64_t unit_of(int lanes)
{
    return lanes == 1 ? 1 : lanes;
}

/* Steps of stride[0] that a view makes: its size, or its number of blocks. */
static int64_t steps_of(const socle_view *v)
{
    return v->lanes == 1 ? v->dim[0] : (v->dim[0] + v->lanes - 1) / v->lanes;
}

socle_view view_dense(socle_dtype t, socle_shape s, int lanes)
{
    assert(lanes == 1 || (lanes == SOCLE_LANES && s.ndim >= 2));
    socle_view v = { .dtype = t, .ndim = s.ndim, .lanes = lanes };
    int64_t stride = unit_of(lanes);
    for (int i = s.ndim - 1; i >= 0; i--) {
        v.dim[i] = s.dim[i];
        v.stride[i] = stride;
        stride *= s.dim[i] > 0 ? s.dim[i] : 1;
    }
    return v;
}

int64_t view_extent(const socle_view *v)
{
    int64_t last = v->lanes - 1;
    for (int i = 0; i < v->ndim; i++) {
        if (v->dim[i] == 0)
            return 0;
        last += ((i == 0 ? steps_of(v) : v->dim[i]) - 1) * v->stride[i];
    }
    return last + 1;
}

bool view_is_dense(const socle_view *v)
{
    if (view_extent(v) == 0)
        return true;
    int64_t stride = unit_of(v->lanes);
    for (int i = v->ndim - 1; i >= 0; i--) {
        int64_t steps = i == 0 ? steps_of(v) : v->dim[i];
        if (steps > 1 && v->stride[i] != stride)
            return false;
        stride *= v->dim[i];
    }
    return true;
}

bool view_expand(const socle_view *v, socle_shape s, socle_view *out)
{
    if (v->lanes != 1 && (v->ndim != s.ndim || v->dim[0] != s.dim[0]))
        return false;
    socle_view y = *v;
    y.ndim = s.ndim;
    int new_dims = s.ndim - v->ndim;
    for (int i = 0; i < s.ndim; i++) {
        int64_t dim = i < new_dims ? 1 : v->dim[i - new_dims];
        y.dim[i] = s.dim[i];
        y.stride[i] = dim == s.dim[i] && i >= new_dims ? v->stride[i - new_dims] : 0;
    }
    *out = y;
    return true;
}

/* Temporaries and view arithmetic of a running primitive. */
#include "prim/call.h"

#include <assert.h>

call call_on(const socle_tensor *y)
{
    return (call){ .device = y->store->device };
}

socle_status call_end(call *k, socle_status s, socle_tensor *y)
{
    while (k->n > 0)
        socle_release(k->temp[--k->n]);
    if (y)
        tensor_touch(y);
    return s;
}

socle_status call_dense(call *k, socle_dtype t, socle_shape s, socle_view *out)
{
    assert(k->n < CALL_MAX_TEMPS);
    socle_tensor *made = socle_tensor_dense(k->device, t, s, 1);
    if (!made)
        return socle_error_status();
    k->temp[k->n++] = made;
    *out = made->view;
    return SOCLE_OK;
}

socle_status call_scalar(call *k, double value, socle_shape s, socle_view *out)
{
    socle_view one;
    SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape0(), &one));
    SOCLE_TRY(call_fill(k, &one, value));
    return call_expand(k, &one, s, out);
}

static socle_status copy_of(call *k, socle_in x, socle_view *out)
{
    SOCLE_TRY(call_dense(k, x->dtype, view_shape(x), out));
    return call_copy(k, out, x);
}

socle_status call_unblock(call *k, socle_in x, socle_view *out)
{
    if (x->lanes != 1)
        return copy_of(k, x, out);
    *out = *x;
    return SOCLE_OK;
}

socle_status call_row_major(call *k, socle_in x, socle_view *out)
{
    if (!view_is_row_major(x))
        return copy_of(k, x, out);
    *out = *x;
    return SOCLE_OK;
}

socle_status call_expand(call *k, socle_in x, socle_shape s, socle_view *out)
{
    if (view_expand(x, s, out))
        return SOCLE_OK;
    socle_view plain;
    SOCLE_TRY(copy_of(k, x, &plain));
    bool done = view_expand(&plain, s, out);
    assert(done);
    (void)done;
    return SOCLE_OK;
}

const socle_backend *optional_slots(const socle_device *d, size_t offset)
{
    return d->compose_only || offset >= d->backend->size ? NULL : d->backend;
}

socle_status call_count(call *k, prim_slot slot, socle_status s)
{
    if (s == SOCLE_ERR_UNSUPPORTED)
        stats_composed(k->device, slot);
    else
        stats_slot(k->device, slot);
    return s;
}

bool view_is_empty(socle_in v)
{
    return shape_numel(view_shape(v)) == 0;
}

bool view_is_row_major(socle_in v)
{
    return v->lanes == 1 && view_is_dense(v);
}

bool view_lift(socle_in v, int ndim, uint32_t missing, socle_view *out)
{
    if (v->lanes != 1 && (missing & 1))
        return false;
    *out = *v;
    out->ndim = ndim;
    for (int d = 0, from = 0; d < ndim; d++) {
        bool insert = missing >> d & 1;
        out->dim[d] = insert ? 1 : v->dim[from];
        out->stride[d] = insert ? 0 : v->stride[from];
        from += !insert;
    }
    return true;
}

bool view_merge(socle_in v, int at, socle_view *out)
{
    int64_t inner = v->dim[at + 1];
    bool follows = v->stride[at] == v->stride[at + 1] * inner;
    if (!follows && v->dim[at] != 1 && inner != 1)
        return false;
    socle_view m = *v;
    m.ndim--;
    m.dim[at] *= inner;
    m.stride[at] = inner == 1 ? v->stride[at] : v->stride[at + 1];
    for (int d = at + 1; d < m.ndim; d++) {
        m.dim[d] = v->dim[d + 1];
        m.stride[d] = v->stride[d + 1];
    }
    *out = m;
    return true;
}

socle_view view_narrow(socle_in v, int axis, int64_t from, int64_t count)
{
    socle_view n = *v;
    bool blocks = axis == 0 && v->lanes != 1;
    assert(!blocks || from % SOCLE_LANES == 0);
    n.offset += (blocks ? from / SOCLE_LANES : from) * v->stride[axis];
    n.dim[axis] = count;
    return n;
}

socle_view view_transposed(socle_in v)
{
    assert(v->lanes == 1 || v->ndim > 2);
    socle_view t = *v;
    int row = v->ndim - 2, col = v->ndim - 1;
    t.dim[row] = v->dim[col];
    t.dim[col] = v->dim[row];
    t.stride[row] = v->stride[col];
    t.stride[col] = v->stride[row];
    return t;
}

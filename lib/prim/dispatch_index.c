/* Pooling, gather, scatter and shifts of images. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

socle_status socle_prim_pool(const socle_pool *p, socle_tensor *y, socle_tensor *index, const socle_tensor *x)
{
    SOCLE_TRY(validate_pool(p, y, index, x));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    socle_status s = call_pool(&k, p, &y->view, index ? &index->view : NULL, &x->view);
    if (index)
        tensor_touch(index);
    return call_end(&k, s, y);
}

socle_status socle_prim_pool_grad(const socle_pool *p, bool add, socle_tensor *dx, const socle_tensor *dy,
                                  const socle_tensor *index)
{
    SOCLE_TRY(validate_pool_grad(p, dx, dy, index));
    if (tensor_is_empty(dx))
        return SOCLE_OK;
    call k = call_on(dx);
    return call_end(&k, call_pool_grad(&k, p, add, &dx->view, &dy->view, p->max ? &index->view : NULL), dx);
}

static socle_status gather(call *k, socle_out y, socle_in x, const socle_tensor *index, int axis)
{
    socle_view wide;
    SOCLE_TRY(call_expand(k, &index->view, view_shape(y), &wide));
    return call_gather(k, y, x, &wide, axis);
}

socle_status socle_prim_gather(socle_tensor *y, const socle_tensor *x, const socle_tensor *index, int axis)
{
    SOCLE_TRY(validate_gather(y, x, index, &axis));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, gather(&k, &y->view, &x->view, index, axis), y);
}

static socle_status scatter_add(call *k, socle_out y, socle_in x, const socle_tensor *index, int axis)
{
    socle_view wide;
    SOCLE_TRY(call_expand(k, &index->view, view_shape(x), &wide));
    return call_scatter_add(k, y, x, &wide, axis);
}

socle_status socle_prim_scatter_add(socle_tensor *y, const socle_tensor *x, const socle_tensor *index, int axis)
{
    SOCLE_TRY(validate_scatter_add(y, x, index, &axis));
    if (tensor_is_empty(x) || tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, scatter_add(&k, &y->view, &x->view, index, axis), y);
}

static socle_status shift_images(call *k, socle_out y, socle_in x, socle_in place, float pad)
{
    if (view_is_empty(x))
        return call_fill(k, y, (double)pad);
    socle_view table;
    SOCLE_TRY(call_row_major(k, place, &table));
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, shift_images));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->shift_images)
        s = slots->shift_images(k->device->self, y, x, &table, pad);
    if (call_count(k, PRIM_shift_images, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_shift_images(k, y, x, &table, pad);
}

socle_status socle_prim_shift_images(socle_tensor *y, const socle_tensor *x, const socle_tensor *place, float pad)
{
    SOCLE_TRY(validate_shift_images(y, x, place));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, shift_images(&k, &y->view, &x->view, &place->view, pad), y);
}

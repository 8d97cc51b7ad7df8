/* Reductions, softmax, cross entropy and histograms. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

#include <math.h>

/* ---- reductions ---- */

/* y with the dimensions it is missing, of size 1, as slots want it. Where its blocks forbid that, a temporary: then
 * *own, to be copied to y. */
static socle_status keep_dims(call *k, socle_out y, int ndim, uint32_t missing, socle_view *kept, bool *own)
{
    *own = !view_lift(y, ndim, missing, kept);
    if (!*own)
        return SOCLE_OK;
    socle_view plain;
    SOCLE_TRY(call_dense(k, y->dtype, view_shape(y), &plain));
    bool done = view_lift(&plain, ndim, missing, kept);
    (void)done;
    return SOCLE_OK;
}

/* kept, a temporary of keep_dims(), seen and copied as y. */
static socle_status copy_back(call *k, socle_out y, socle_in kept)
{
    socle_view plain = view_dense(y->dtype, view_shape(y), 1);
    plain.buffer = kept->buffer;
    plain.offset = kept->offset;
    return call_copy(k, y, &plain);
}

/* A scalar has no axis to reduce: it is seen as one element of one. */
static socle_view at_least_1d(socle_in x)
{
    socle_view v = *x;
    if (v.ndim == 0) {
        v.ndim = 1;
        v.dim[0] = 1;
        v.stride[0] = 1;
    }
    return v;
}

/* Sum of x over axes, of which y lacks those in missing. */
static socle_status reduce(call *k, socle_reduce op, socle_out y, socle_in x, uint32_t axes, uint32_t missing)
{
    if (view_is_empty(x))
        return call_fill(k, y, op == SOCLE_REDUCE_MEAN ? (double)NAN : 0.0);
    socle_view kept, from = at_least_1d(x);
    bool own;
    if (x->ndim == 0)
        axes = missing = 1;
    SOCLE_TRY(keep_dims(k, y, from.ndim, missing, &kept, &own));
    SOCLE_TRY(call_reduce(k, op, &kept, &from, axes));
    return own ? copy_back(k, y, &kept) : SOCLE_OK;
}

socle_status socle_prim_reduce(socle_reduce op, socle_tensor *y, const socle_tensor *x, uint32_t axes)
{
    uint32_t missing;
    SOCLE_TRY(validate_reduce(op, y, x, &axes, &missing));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, reduce(&k, op, &y->view, &x->view, axes, missing), y);
}

socle_status socle_prim_unbroadcast(socle_tensor *y, const socle_tensor *x)
{
    uint32_t axes, missing;
    SOCLE_TRY(validate_unbroadcast(y, x, &axes, &missing));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    socle_status s = axes == 0 ? call_copy(&k, &y->view, &x->view)
                               : reduce(&k, SOCLE_REDUCE_SUM, &y->view, &x->view, axes, missing);
    return call_end(&k, s, y);
}

static socle_status argreduce(call *k, socle_reduce op, socle_out index, socle_in x, int axis, uint32_t missing)
{
    socle_view kept;
    bool own;
    SOCLE_TRY(keep_dims(k, index, x->ndim, missing, &kept, &own));
    SOCLE_TRY(call_argreduce(k, op, &kept, x, axis));
    return own ? copy_back(k, index, &kept) : SOCLE_OK;
}

socle_status socle_prim_argreduce(socle_reduce op, socle_tensor *index, const socle_tensor *x, int axis)
{
    uint32_t missing;
    SOCLE_TRY(validate_argreduce(op, index, x, &axis, &missing));
    if (tensor_is_empty(index))
        return SOCLE_OK;
    call k = call_on(index);
    return call_end(&k, argreduce(&k, op, &index->view, &x->view, axis, missing), index);
}

/* ---- softmax ---- */

static socle_status softmax(call *k, socle_out y, socle_in x, int axis, bool log)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, softmax));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->softmax)
        s = slots->softmax(k->device->self, y, x, axis, log);
    return call_count(k, PRIM_softmax, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_softmax(k, y, x, axis, log);
}

socle_status socle_prim_softmax(socle_tensor *y, const socle_tensor *x, int axis, bool log)
{
    SOCLE_TRY(validate_softmax(y, x, &axis));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, softmax(&k, &y->view, &x->view, axis, log), y);
}

static socle_status softmax_grad(call *k, socle_out dx, socle_in dy, socle_in y, int axis, bool log)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, softmax_grad));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->softmax_grad)
        s = slots->softmax_grad(k->device->self, dx, dy, y, axis, log);
    if (call_count(k, PRIM_softmax_grad, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_softmax_grad(k, dx, dy, y, axis, log);
}

socle_status socle_prim_softmax_grad(socle_tensor *dx, const socle_tensor *dy, const socle_tensor *y, int axis,
                                     bool log)
{
    SOCLE_TRY(validate_softmax_grad(dx, dy, y, &axis));
    if (tensor_is_empty(dx))
        return SOCLE_OK;
    call k = call_on(dx);
    return call_end(&k, softmax_grad(&k, &dx->view, &dy->view, &y->view, axis, log), dx);
}

/* ---- cross entropy ---- */

static socle_status xent(call *k, socle_out loss, socle_out logp, socle_in x, socle_in target)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, xent));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->xent)
        s = slots->xent(k->device->self, loss, logp, x, target);
    return call_count(k, PRIM_xent, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_xent(k, loss, logp, x, target);
}

socle_status socle_prim_xent(socle_tensor *loss, socle_tensor *logp, const socle_tensor *x,
                             const socle_tensor *target)
{
    SOCLE_TRY(validate_xent(loss, logp, x, target));
    if (tensor_is_empty(loss))
        return SOCLE_OK;
    call k = call_on(loss);
    socle_status s = xent(&k, &loss->view, logp ? &logp->view : NULL, &x->view, &target->view);
    if (logp)
        tensor_touch(logp);
    return call_end(&k, s, loss);
}

static socle_status xent_grad(call *k, socle_out dx, const socle_tensor *dloss, socle_in logp, socle_in target,
                              float scale)
{
    socle_view each;
    SOCLE_TRY(call_expand(k, &dloss->view, socle_shape1(dx->dim[0]), &each));
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, xent_grad));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->xent_grad)
        s = slots->xent_grad(k->device->self, dx, &each, logp, target, scale);
    if (call_count(k, PRIM_xent_grad, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_xent_grad(k, dx, &each, logp, target, scale);
}

socle_status socle_prim_xent_grad(socle_tensor *dx, const socle_tensor *dloss, const socle_tensor *logp,
                                  const socle_tensor *target, float scale)
{
    SOCLE_TRY(validate_xent_grad(dx, dloss, logp, target));
    if (tensor_is_empty(dx))
        return SOCLE_OK;
    call k = call_on(dx);
    return call_end(&k, xent_grad(&k, &dx->view, dloss, &logp->view, &target->view, scale), dx);
}

/* ---- histograms ---- */

static socle_status histogram(call *k, const socle_bins *b, socle_out counts, socle_out moments, socle_in x)
{
    if (view_is_empty(x)) {
        SOCLE_TRY(call_fill(k, counts, 0));
        return call_fill(k, moments, (double)NAN);
    }
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, histogram));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->histogram)
        s = slots->histogram(k->device->self, b, counts, moments, x);
    if (call_count(k, PRIM_histogram, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_histogram(k, b, counts, moments, x);
}

socle_status socle_prim_histogram(const socle_bins *b, socle_tensor *counts, socle_tensor *moments,
                                  const socle_tensor *x)
{
    SOCLE_TRY(validate_histogram(b, counts, moments, x));
    call k = call_on(counts);
    socle_status s = histogram(&k, b, &counts->view, &moments->view, &x->view);
    tensor_touch(counts);
    return call_end(&k, s, moments);
}

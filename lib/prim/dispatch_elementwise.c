/* Elementwise, random and copying primitives: check, broadcast, call the slot, or compose. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

socle_status socle_prim_fill(socle_tensor *y, double value)
{
    SOCLE_TRY(validate_result("fill", y, TYPE_ANY));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, call_fill(&k, &y->view, value), y);
}

/* x stretched to y's shape. */
static socle_status stretch(call *k, const socle_tensor *x, const socle_tensor *y, socle_view *out)
{
    return call_expand(k, &x->view, view_shape(&y->view), out);
}

static socle_status copy(call *k, const socle_tensor *y, const socle_tensor *x)
{
    socle_view from;
    SOCLE_TRY(stretch(k, x, y, &from));
    return call_copy(k, &y->view, &from);
}

socle_status socle_prim_copy(socle_tensor *y, const socle_tensor *x)
{
    SOCLE_TRY(validate_copy(y, x));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, copy(&k, y, x), y);
}

socle_tensor *socle_tensor_copy(const socle_tensor *t)
{
    if (!t)
        return NULL;
    socle_tensor *y = socle_tensor_dense(t->store->device, t->view.dtype, view_shape(&t->view), 1);
    if (y && socle_prim_copy(y, t) != SOCLE_OK) {
        socle_release(y);
        return NULL;
    }
    return y;
}

socle_tensor *socle_tensor_contiguous(socle_tensor *t)
{
    return t && view_is_row_major(&t->view) ? socle_retain(t) : socle_tensor_copy(t);
}

socle_status socle_prim_unary(socle_unary op, socle_tensor *y, const socle_tensor *x, float a, float b, float c)
{
    SOCLE_TRY(validate_unary(op, y, x));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, call_unary(&k, op, &y->view, &x->view, a, b, c), y);
}

socle_status socle_prim_unary_grad(socle_unary op, socle_tensor *dx, const socle_tensor *dy, const socle_tensor *x,
                                   const socle_tensor *y, float a, float b, float c)
{
    SOCLE_TRY(validate_unary_grad(op, dx, dy, x, y));
    if (tensor_is_empty(dx))
        return SOCLE_OK;
    call k = call_on(dx);
    socle_in kept_x = socle_unary_keep(op) == SOCLE_KEEP_X ? &x->view : NULL;
    socle_in kept_y = socle_unary_keep(op) == SOCLE_KEEP_Y ? &y->view : NULL;
    return call_end(&k, call_unary_grad(&k, op, &dx->view, &dy->view, kept_x, kept_y, a, b, c), dx);
}

static socle_status binary(call *k, socle_binary op, const socle_tensor *y, const socle_tensor *a,
                           const socle_tensor *b)
{
    socle_view va, vb;
    SOCLE_TRY(stretch(k, a, y, &va));
    SOCLE_TRY(stretch(k, b, y, &vb));
    return call_binary(k, op, &y->view, &va, &vb);
}

socle_status socle_prim_binary(socle_binary op, socle_tensor *y, const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_TRY(validate_binary(op, y, a, b));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, binary(&k, op, y, a, b), y);
}

/* A line that keeps nothing does not look at its operands: dy stands in for them. */
static socle_status binary_grad(call *k, socle_binary op, int side, const socle_tensor *d, const socle_tensor *dy,
                                const socle_tensor *a, const socle_tensor *b)
{
    socle_view vy, va, vb;
    SOCLE_TRY(stretch(k, dy, d, &vy));
    va = vb = vy;
    if (socle_binary_keep(op) == SOCLE_KEEP_AB) {
        SOCLE_TRY(stretch(k, a, d, &va));
        SOCLE_TRY(stretch(k, b, d, &vb));
    }
    return call_binary_grad(k, op, side, &d->view, &vy, &va, &vb);
}

socle_status socle_prim_binary_grad(socle_binary op, int side, socle_tensor *d, const socle_tensor *dy,
                                    const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_TRY(validate_binary_grad(op, side, d, dy, a, b));
    if (tensor_is_empty(d))
        return SOCLE_OK;
    call k = call_on(d);
    return call_end(&k, binary_grad(&k, op, side, d, dy, a, b), d);
}

static socle_status where(call *k, const socle_tensor *y, const socle_tensor *cond, const socle_tensor *a,
                          const socle_tensor *b)
{
    socle_view vc, va, vb;
    SOCLE_TRY(stretch(k, cond, y, &vc));
    SOCLE_TRY(stretch(k, a, y, &va));
    SOCLE_TRY(stretch(k, b, y, &vb));
    return call_where(k, &y->view, &vc, &va, &vb);
}

socle_status socle_prim_where(socle_tensor *y, const socle_tensor *cond, const socle_tensor *a,
                              const socle_tensor *b)
{
    SOCLE_TRY(validate_where(y, cond, a, b));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, where(&k, y, cond, a, b), y);
}

static socle_status axpby(call *k, socle_out y, float a, socle_in x, float b)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, axpby));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->axpby)
        s = slots->axpby(k->device->self, y, a, x, b);
    return call_count(k, PRIM_axpby, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_axpby(k, y, a, x, b);
}

socle_status socle_prim_axpby(socle_tensor *y, float a, const socle_tensor *x, float b)
{
    SOCLE_TRY(validate_axpby(y, x));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, axpby(&k, &y->view, a, &x->view, b), y);
}

static socle_status add_relu(call *k, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                             float max)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, add_relu));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->add_relu)
        s = slots->add_relu(k->device->self, op, y, a, b, leak, sub, max);
    return call_count(k, PRIM_add_relu, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_add_relu(k, op, y, a, b, leak, sub, max);
}

socle_status socle_prim_add_relu(socle_unary op, socle_tensor *y, const socle_tensor *a, const socle_tensor *b,
                                 float leak, float sub, float max)
{
    SOCLE_TRY(validate_add_relu(op, y, a, b));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, add_relu(&k, op, &y->view, &a->view, &b->view, leak, sub, max), y);
}

socle_status socle_prim_random_uniform(socle_tensor *y, socle_philox r, float lo, float hi)
{
    SOCLE_TRY(validate_random("random_uniform", y));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, call_random_uniform(&k, &y->view, r, lo, hi), y);
}

socle_status socle_prim_random_normal(socle_tensor *y, socle_philox r, float mean, float std)
{
    SOCLE_TRY(validate_random("random_normal", y));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, call_random_normal(&k, &y->view, r, mean, std), y);
}

static socle_status dropout(call *k, socle_out y, socle_in x, socle_philox r, float p)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, dropout));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->dropout)
        s = slots->dropout(k->device->self, y, x, r, p);
    return call_count(k, PRIM_dropout, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_dropout(k, y, x, r, p);
}

socle_status socle_prim_dropout(socle_tensor *y, const socle_tensor *x, socle_philox r, float p)
{
    SOCLE_TRY(validate_dropout(y, x, p));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, dropout(&k, &y->view, &x->view, r, p), y);
}

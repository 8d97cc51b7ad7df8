/* Products, linear layers, convolution. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

static socle_in view_or_null(const socle_tensor *t)
{
    return t ? &t->view : NULL;
}

/* ---- matrix products ---- */

/* x as a slot's operand of shape s. A blocked matrix has no transposed view: it is copied first. */
static socle_status factor(call *k, const socle_tensor *x, bool transposed, socle_shape s, socle_view *out)
{
    socle_view v = x->view;
    if (transposed) {
        if (v.ndim == 2)
            SOCLE_TRY(call_unblock(k, &x->view, &v));
        v = view_transposed(&v);
    }
    return call_expand(k, &v, s, out);
}

/* c = beta c, what a product without terms leaves. */
static socle_status scaled(call *k, socle_out c, float beta)
{
    return beta == 0 ? call_fill(k, c, 0) : call_unary(k, SOCLE_UNARY_affine, c, c, beta, 0, 0);
}

socle_status socle_prim_gemm(socle_tensor *c, const socle_tensor *a, bool ta, const socle_tensor *b, bool tb,
                             float alpha, float beta)
{
    socle_shape sa, sb;
    SOCLE_TRY(validate_gemm(c, a, ta, b, tb, &sa, &sb));
    if (tensor_is_empty(c))
        return SOCLE_OK;
    call k = call_on(c);
    if (sa.dim[sa.ndim - 1] == 0)
        return call_end(&k, scaled(&k, &c->view, beta), c);
    socle_view va, vb;
    socle_status s = factor(&k, a, ta, sa, &va);
    if (s == SOCLE_OK)
        s = factor(&k, b, tb, sb, &vb);
    if (s == SOCLE_OK)
        s = call_gemm(&k, &c->view, &va, &vb, alpha, beta);
    return call_end(&k, s, c);
}

/* ---- linear ---- */

static socle_status linear(call *k, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    if (view_is_empty(x)) { /* no features */
        SOCLE_TRY(call_fill(k, y, 0));
        return compose_epilogue(k, e, y, bias);
    }
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, linear));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->linear)
        s = slots->linear(k->device->self, e, y, x, w, bias);
    return call_count(k, PRIM_linear, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_linear(k, e, y, x, w, bias);
}

socle_status socle_prim_linear(socle_epilogue e, socle_tensor *y, const socle_tensor *x, const socle_tensor *w,
                               const socle_tensor *bias)
{
    SOCLE_TRY(validate_linear(e, y, x, w, bias));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, linear(&k, e, &y->view, &x->view, &w->view, view_or_null(bias)), y);
}

/* Gradients of nothing: sums without terms. An empty one stays as it is. */
static socle_status fill_zero(call *k, socle_out y)
{
    return y && !view_is_empty(y) ? call_fill(k, y, 0) : SOCLE_OK;
}

/* Some operand is empty. Without features there is still a bias. */
static socle_status linear_grad_empty(call *k, socle_epilogue e, socle_out dx, socle_out dw, socle_out db,
                                      socle_in dy, socle_in x, socle_in w, socle_in y)
{
    SOCLE_TRY(fill_zero(k, dx));
    SOCLE_TRY(fill_zero(k, dw));
    if (db && !view_is_empty(dy))
        return compose_linear_grad(k, e, NULL, NULL, db, dy, x, w, y);
    return fill_zero(k, db);
}

static socle_status linear_grad(call *k, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                                socle_in x, socle_in w, socle_in y)
{
    if (view_is_empty(dy) || view_is_empty(x) || view_is_empty(w))
        return linear_grad_empty(k, e, dx, dw, db, dy, x, w, y);
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, linear_grad));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->linear_grad)
        s = slots->linear_grad(k->device->self, e, dx, dw, db, dy, x, w, y);
    if (call_count(k, PRIM_linear_grad, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_linear_grad(k, e, dx, dw, db, dy, x, w, y);
}

static void touch_all(socle_tensor *dx, socle_tensor *dw, socle_tensor *db)
{
    if (dx)
        tensor_touch(dx);
    if (dw)
        tensor_touch(dw);
    if (db)
        tensor_touch(db);
}

socle_status socle_prim_linear_grad(socle_epilogue e, socle_tensor *dx, socle_tensor *dw, socle_tensor *db,
                                    const socle_tensor *dy, const socle_tensor *x, const socle_tensor *w,
                                    const socle_tensor *y)
{
    SOCLE_TRY(validate_linear_grad(e, dx, dw, db, dy, x, w, y));
    call k = call_on(dy);
    socle_status s = linear_grad(&k, e, view_or_null(dx), view_or_null(dw), view_or_null(db), &dy->view, &x->view,
                                 &w->view, e == SOCLE_EPILOGUE_NONE ? NULL : &y->view);
    touch_all(dx, dw, db);
    return call_end(&k, s, NULL);
}

/* ---- convolution ---- */

static socle_status conv(call *k, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                         socle_in bias)
{
    socle_view weight;
    SOCLE_TRY(call_row_major(k, w, &weight));
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, conv));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->conv)
        s = slots->conv(k->device->self, p, e, y, x, &weight, bias);
    if (call_count(k, PRIM_conv, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_conv(k, p, e, y, x, &weight, bias);
}

socle_status socle_prim_conv(const socle_conv *p, socle_epilogue e, socle_tensor *y, const socle_tensor *x,
                             const socle_tensor *w, const socle_tensor *bias)
{
    SOCLE_TRY(validate_conv(p, e, y, x, w, bias));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, conv(&k, p, e, &y->view, &x->view, &w->view, view_or_null(bias)), y);
}

static socle_status conv_grad_slot(call *k, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                                   socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, conv_grad));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->conv_grad)
        s = slots->conv_grad(k->device->self, p, e, dx, dw, db, dy, x, w, y);
    if (call_count(k, PRIM_conv_grad, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_conv_grad(k, p, e, dx, dw, db, dy, x, w, y);
}

/* w and dw reach the slot row-major; a dw that is not goes through a temporary. */
static socle_status conv_grad(call *k, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                              socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    if (view_is_empty(dy)) { /* no images or no output channels */
        SOCLE_TRY(fill_zero(k, dx));
        SOCLE_TRY(fill_zero(k, dw));
        return fill_zero(k, db);
    }
    socle_view weight, own;
    SOCLE_TRY(call_row_major(k, w, &weight));
    bool direct = !dw || view_is_row_major(dw);
    if (!direct)
        SOCLE_TRY(call_dense(k, dw->dtype, view_shape(dw), &own));
    SOCLE_TRY(conv_grad_slot(k, p, e, dx, direct ? dw : &own, db, dy, x, &weight, y));
    return direct ? SOCLE_OK : call_copy(k, dw, &own);
}

socle_status socle_prim_conv_grad(const socle_conv *p, socle_epilogue e, socle_tensor *dx, socle_tensor *dw,
                                  socle_tensor *db, const socle_tensor *dy, const socle_tensor *x,
                                  const socle_tensor *w, const socle_tensor *y)
{
    SOCLE_TRY(validate_conv_grad(p, e, dx, dw, db, dy, x, w, y));
    call k = call_on(dy);
    socle_status s = conv_grad(&k, p, e, view_or_null(dx), view_or_null(dw), view_or_null(db), &dy->view, &x->view,
                               &w->view, e == SOCLE_EPILOGUE_NONE ? NULL : &y->view);
    touch_all(dx, dw, db);
    return call_end(&k, s, NULL);
}

/* Norms. Users' shapes become (N, G, K, S) on the way to the slots: channels are split into groups, pixels are one
 * dimension. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

/* Channels of a group. */
static int64_t group_size(const socle_norm *p, socle_in x)
{
    return p->batch ? 1 : x->dim[1] / p->groups;
}

/* All dimensions from `first` on as one; one of size 1 where there is none. False if the strides forbid it. */
static bool merge_from(socle_in v, int first, socle_view *out)
{
    *out = *v;
    if (v->ndim == first)
        return view_lift(v, first + 1, 1u << first, out);
    while (out->ndim > first + 1)
        if (!view_merge(out, first, out))
            return false;
    return true;
}

/* v (N, C, pixels ...) as (N, G, K, S). */
static bool split(const socle_norm *p, socle_in v, socle_view *out)
{
    int64_t size = group_size(p, v);
    socle_view m;
    if (!merge_from(v, 2, &m))
        return false;
    *out = m;
    out->ndim = 4;
    out->dim[1] = m.dim[1] / size;
    out->stride[1] = m.stride[1] * size;
    out->dim[2] = size;
    out->stride[2] = m.stride[1];
    out->dim[3] = m.dim[2];
    out->stride[3] = m.stride[2];
    return true;
}

static socle_status split_input(call *k, const socle_norm *p, const socle_tensor *x, socle_view *out)
{
    if (split(p, &x->view, out))
        return SOCLE_OK;
    socle_view dense;
    SOCLE_TRY(call_row_major(k, &x->view, &dense));
    bool done = split(p, &dense, out);
    (void)done; /* dense pixels merge */
    return SOCLE_OK;
}

/* Where to put a result of y's shape: y, or a temporary that settle copies into it. own: the temporary as y sees it. */
typedef struct result {
    const socle_tensor *y; /* NULL: not wanted */
    socle_view split, own;
    bool direct;
} result;

static socle_status split_output(call *k, const socle_norm *p, const socle_tensor *y, result *r)
{
    *r = (result){ .y = y, .direct = true };
    if (!y || split(p, &y->view, &r->split))
        return SOCLE_OK;
    r->direct = false;
    SOCLE_TRY(call_dense(k, y->view.dtype, view_shape(&y->view), &r->own));
    bool done = split(p, &r->own, &r->split);
    (void)done; /* dense pixels merge */
    return SOCLE_OK;
}

static socle_status settle(call *k, const result *r)
{
    return r->direct ? SOCLE_OK : call_copy(k, &r->y->view, &r->own);
}

/* v, gamma or beta, row-major, as (1, 1, 1), (G, K, 1) or (G, K, S). */
static void affine_shape(const socle_norm *p, socle_in x, socle_in v, socle_view *to)
{
    int64_t size = group_size(p, x), n = shape_numel(view_shape(v)), channels = x->dim[1];
    socle_shape s = n == 1 ? socle_shape3(1, 1, 1) : socle_shape3(channels / size, size, n / channels);
    *to = view_dense(v->dtype, s, 1);
    to->buffer = v->buffer;
    to->offset = v->offset;
}

static socle_status affine_input(call *k, const socle_norm *p, const socle_tensor *x, const socle_tensor *t,
                                 socle_view *room, socle_in *out)
{
    *out = NULL;
    if (!t)
        return SOCLE_OK;
    socle_view dense;
    SOCLE_TRY(call_row_major(k, &t->view, &dense));
    affine_shape(p, &x->view, &dense, room);
    *out = room;
    return SOCLE_OK;
}

/* As split_output, for dgamma and dbeta. */
static socle_status affine_output(call *k, const socle_norm *p, const socle_tensor *x, const socle_tensor *t,
                                  result *r)
{
    *r = (result){ .y = t, .direct = true };
    if (!t)
        return SOCLE_OK;
    r->own = t->view;
    r->direct = view_is_row_major(&t->view);
    if (!r->direct)
        SOCLE_TRY(call_dense(k, t->view.dtype, view_shape(&t->view), &r->own));
    affine_shape(p, &x->view, &r->own, &r->split);
    return SOCLE_OK;
}

static socle_out wanted(const result *r)
{
    return r->y ? &r->split : NULL;
}

/* ---- moments ---- */

static socle_status moments(call *k, const socle_norm *p, socle_out mean, socle_out var, const socle_tensor *x)
{
    socle_view v;
    SOCLE_TRY(split_input(k, p, x, &v));
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, moments));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->moments)
        s = slots->moments(k->device->self, p, mean, var, &v);
    return call_count(k, PRIM_moments, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_moments(k, p, mean, var, &v);
}

socle_status socle_prim_moments(const socle_norm *p, socle_tensor *mean, socle_tensor *var, const socle_tensor *x)
{
    SOCLE_TRY(validate_moments(p, mean, var, x));
    if (tensor_is_empty(mean))
        return SOCLE_OK;
    call k = call_on(mean);
    socle_status s = moments(&k, p, &mean->view, &var->view, x);
    tensor_touch(var);
    return call_end(&k, s, mean);
}

/* ---- normalize ---- */

static socle_status normalize(call *k, const socle_norm *p, const socle_tensor *y, const socle_tensor *x,
                              socle_in mean, socle_in var, const socle_tensor *gamma, const socle_tensor *beta)
{
    result r;
    socle_view vx, room[2];
    socle_in g, b;
    SOCLE_TRY(split_output(k, p, y, &r));
    SOCLE_TRY(split_input(k, p, x, &vx));
    SOCLE_TRY(affine_input(k, p, x, gamma, &room[0], &g));
    SOCLE_TRY(affine_input(k, p, x, beta, &room[1], &b));
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, normalize));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->normalize)
        s = slots->normalize(k->device->self, p, &r.split, &vx, mean, var, g, b);
    if (call_count(k, PRIM_normalize, s) == SOCLE_ERR_UNSUPPORTED)
        s = compose_normalize(k, p, &r.split, &vx, mean, var, g, b);
    return s == SOCLE_OK ? settle(k, &r) : s;
}

socle_status socle_prim_normalize(const socle_norm *p, socle_tensor *y, const socle_tensor *x,
                                  const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                  const socle_tensor *beta)
{
    SOCLE_TRY(validate_normalize(p, y, x, mean, var, gamma, beta));
    if (tensor_is_empty(y))
        return SOCLE_OK;
    call k = call_on(y);
    return call_end(&k, normalize(&k, p, y, x, &mean->view, &var->view, gamma, beta), y);
}

/* ---- backward ---- */

typedef struct gradients {
    result dx, dgamma, dbeta;
} gradients;

static socle_status run_grad(call *k, const socle_norm *p, const gradients *d, socle_in dy, socle_in x,
                             socle_in mean, socle_in var, socle_in gamma, socle_in beta)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, normalize_grad));
    socle_out dx = wanted(&d->dx), dgamma = wanted(&d->dgamma), dbeta = wanted(&d->dbeta);
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->normalize_grad)
        s = slots->normalize_grad(k->device->self, p, dx, dgamma, dbeta, dy, x, mean, var, gamma, beta);
    if (call_count(k, PRIM_normalize_grad, s) != SOCLE_ERR_UNSUPPORTED)
        return s;
    return compose_normalize_grad(k, p, dx, dgamma, dbeta, dy, x, mean, var, gamma, beta);
}

static socle_status normalize_grad(call *k, const socle_norm *p, gradients *d, const socle_tensor *dy,
                                   const socle_tensor *x, socle_in mean, socle_in var, const socle_tensor *gamma,
                                   const socle_tensor *beta)
{
    socle_view vdy, vx, room[2];
    socle_in g, b;
    SOCLE_TRY(split_input(k, p, dy, &vdy));
    SOCLE_TRY(split_input(k, p, x, &vx));
    SOCLE_TRY(affine_input(k, p, x, gamma, &room[0], &g));
    SOCLE_TRY(affine_input(k, p, x, beta, &room[1], &b));
    SOCLE_TRY(run_grad(k, p, d, &vdy, &vx, mean, var, g, b));
    SOCLE_TRY(settle(k, &d->dx));
    SOCLE_TRY(settle(k, &d->dgamma));
    return settle(k, &d->dbeta);
}

/* Without images there is nothing to add up. */
static socle_status zero_parameters(call *k, const socle_tensor *dgamma, const socle_tensor *dbeta)
{
    if (dgamma && !tensor_is_empty(dgamma))
        SOCLE_TRY(call_fill(k, &dgamma->view, 0));
    return dbeta && !tensor_is_empty(dbeta) ? call_fill(k, &dbeta->view, 0) : SOCLE_OK;
}

socle_status socle_prim_normalize_grad(const socle_norm *p, socle_tensor *dx, socle_tensor *dgamma,
                                       socle_tensor *dbeta, const socle_tensor *dy, const socle_tensor *x,
                                       const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                       const socle_tensor *beta)
{
    SOCLE_TRY(validate_normalize_grad(p, dx, dgamma, dbeta, dy, x, mean, var, gamma, beta));
    call k = call_on(dy);
    gradients d;
    socle_status s = SOCLE_OK;
    if (tensor_is_empty(x)) {
        s = zero_parameters(&k, dgamma, dbeta);
    } else {
        s = split_output(&k, p, dx, &d.dx);
        if (s == SOCLE_OK)
            s = affine_output(&k, p, x, dgamma, &d.dgamma);
        if (s == SOCLE_OK)
            s = affine_output(&k, p, x, dbeta, &d.dbeta);
        if (s == SOCLE_OK)
            s = normalize_grad(&k, p, &d, dy, x, &mean->view, &var->view, gamma, beta);
    }
    if (dgamma)
        tensor_touch(dgamma);
    if (dbeta)
        tensor_touch(dbeta);
    return call_end(&k, s, dx);
}

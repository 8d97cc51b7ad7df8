/* Optimizer steps as lists of elementwise calls, one parameter after the other, in two temporaries as large as the
 * largest of them. */
#include "prim/compose.h"

/* space, large enough, seen in p's shape. */
static socle_view reshaped(socle_in space, socle_in p)
{
    socle_view v = view_dense(p->dtype, view_shape(p), 1);
    v.buffer = space->buffer;
    v.offset = space->offset;
    return v;
}

/* y = z + a x; t is overwritten. y may be z. */
static socle_status add_scaled(call *k, socle_out y, socle_in z, float a, socle_in x, socle_out t)
{
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, t, x, a, 0, 0));
    return call_binary(k, SOCLE_BINARY_add, y, z, t);
}

/* *step, the gradient, becomes what the parameter moves along: m = mom m + (1 - damp) g, or g + mom m, which is put
 * into s. t is overwritten. */
static socle_status momentum(call *k, socle_view *step, socle_out m, socle_out s, socle_out t,
                             const socle_sgd_args *a)
{
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, m, m, a->mom, 0, 0));
    SOCLE_TRY(add_scaled(k, m, m, 1 - a->damp, step, t));
    if (a->nesterov)
        SOCLE_TRY(add_scaled(k, s, step, a->mom, m, t));
    *step = a->nesterov ? *s : *m;
    return SOCLE_OK;
}

/* One parameter; s and t are temporaries of its shape, m is NULL without momentum. */
static socle_status sgd(call *k, socle_out p, socle_in g, socle_out m, socle_out s, socle_out t,
                        const socle_sgd_args *a)
{
    socle_view step = *g;
    if (a->l2 != 0) {
        SOCLE_TRY(add_scaled(k, s, g, a->l2, p, t));
        step = *s;
    }
    if (a->wd != 0)
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, p, p, 1 - a->lr * a->wd, 0, 0));
    if (m)
        SOCLE_TRY(momentum(k, &step, m, s, t, a));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, t, &step, a->lr, 0, 0));
    return call_binary(k, SOCLE_BINARY_sub, p, p, t);
}

socle_status compose_sgd_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_sgd_args *a)
{
    int64_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t numel = shape_numel(view_shape(&p[i]));
        largest = numel > largest ? numel : largest;
    }
    socle_view first, second;
    SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape1(largest), &first));
    SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape1(largest), &second));
    for (size_t i = 0; i < n; i++) {
        socle_view s = reshaped(&first, &p[i]), t = reshaped(&second, &p[i]);
        SOCLE_TRY(sgd(k, &p[i], &g[i], m ? &m[i] : NULL, &s, &t, a));
    }
    return SOCLE_OK;
}

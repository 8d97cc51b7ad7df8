/* Primitives over lists of tensors as calls of others, one tensor after the other, in temporaries as large as the largest of
 * them. */
#include "prim/compose.h"

#include <float.h>

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

/* n temporaries as large as the largest parameter. */
static socle_status spaces(call *k, size_t n, const socle_view *p, int count, socle_view *space)
{
    int64_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t numel = shape_numel(view_shape(&p[i]));
        largest = numel > largest ? numel : largest;
    }
    for (int i = 0; i < count; i++)
        SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape1(largest), &space[i]));
    return SOCLE_OK;
}

socle_status compose_sgd_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_sgd_args *a)
{
    socle_view space[2];
    SOCLE_TRY(spaces(k, n, p, 2, space));
    for (size_t i = 0; i < n; i++) {
        socle_view s = reshaped(&space[0], &p[i]), t = reshaped(&space[1], &p[i]);
        SOCLE_TRY(sgd(k, &p[i], &g[i], m ? &m[i] : NULL, &s, &t, a));
    }
    return SOCLE_OK;
}

/* ---- steps scaled by past gradients ---- */

/* y = share y + (1 - share) x; t is overwritten. */
static socle_status average(call *k, socle_out y, float share, socle_in x, socle_out t)
{
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, y, y, share, 0, 0));
    return add_scaled(k, y, y, 1 - share, x, t);
}

/* Any number that is not 0 is beyond 1 when it was multiplied by 2^100 twice. */
static socle_status sign(call *k, socle_out y)
{
    const float large = 0x1p100f;
    for (int i = 0; i < 2; i++) {
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, y, y, large, 0, 0));
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_clamp, y, y, -1, 1, 0));
    }
    return SOCLE_OK;
}

/* v is brought up to date with d; root gets what steps are divided by. */
static socle_status square(call *k, socle_out v, socle_in d, socle_out root, socle_out t, const socle_adam_args *a)
{
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_square, root, d, 0, 0, 0));
    SOCLE_TRY(average(k, v, a->sqr_mom, root, t));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, root, v, a->sqr_scale, a->sqr_eps, 0));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_sqrt, root, root, 0, 0, 0));
    return call_unary(k, SOCLE_UNARY_affine, root, root, 1, a->eps, 0);
}

/* s, of which d may be, gets the step; m is brought up to date. */
static socle_status adam_step(call *k, socle_out s, socle_in d, socle_out m, socle_in root, socle_out t,
                              const socle_adam_args *a)
{
    switch (a->kind) {
    case SOCLE_ADAM_RMS:
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, s, d, root));
        if (!m)
            return SOCLE_OK;
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, m, m, a->mom, 0, 0));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_add, m, m, s));
        return call_copy(k, s, m);
    case SOCLE_ADAM_SIGN:
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, t, m, a->mom, 0, 0));
        SOCLE_TRY(average(k, m, a->sqr_mom, d, root));
        SOCLE_TRY(add_scaled(k, s, t, 1 - a->mom, d, root));
        return sign(k, s);
    case SOCLE_ADAM_SCALED:
        SOCLE_TRY(average(k, m, a->mom, d, t));
        return call_binary(k, SOCLE_BINARY_div, s, m, root);
    default:
        SOCLE_TRY(average(k, m, a->mom, d, t));
        return call_copy(k, s, m);
    }
}

/* One parameter; space: three temporaries of its shape. */
static socle_status adam(call *k, socle_out p, socle_in g, socle_out m, socle_out v, const socle_view *space,
                         const socle_adam_args *a)
{
    socle_view s = reshaped(&space[0], p), root = reshaped(&space[1], p), t = reshaped(&space[2], p), d = *g;
    if (a->l2 != 0) {
        SOCLE_TRY(add_scaled(k, &s, g, a->l2, p, &t));
        d = s;
    }
    if (v)
        SOCLE_TRY(square(k, v, &d, &root, &t, a));
    SOCLE_TRY(adam_step(k, &s, &d, m, &root, &t, a));
    if (a->keep != 1)
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, p, p, a->keep, 0, 0));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &t, &s, a->lr, 0, 0));
    return call_binary(k, SOCLE_BINARY_sub, p, p, &t);
}

socle_status compose_adam_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                               const socle_view *v, const socle_adam_args *a)
{
    socle_view space[3];
    SOCLE_TRY(spaces(k, n, p, 3, space));
    for (size_t i = 0; i < n; i++)
        SOCLE_TRY(adam(k, &p[i], &g[i], m ? &m[i] : NULL, v ? &v[i] : NULL, space, a));
    return SOCLE_OK;
}

/* ---- steps as long as what they change ---- */

/* Single numbers of a LAMB step. cond: a truth value. */
typedef struct lengths {
    socle_view of_p, of_s, zero, one, cond;
} lengths;

/* rms (one element) = sqrt(mean(x^2)); t is overwritten. */
static socle_status root_mean_square(call *k, socle_out rms, socle_in x, socle_out t)
{
    socle_view lifted;
    const uint32_t all = (1u << t->ndim) - 1;
    (void)view_lift(rms, t->ndim, all, &lifted);
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_square, t, x, 0, 0, 0));
    if (t->ndim == 0)
        SOCLE_TRY(call_copy(k, rms, t));
    else
        SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_MEAN, &lifted, t, all));
    return call_unary(k, SOCLE_UNARY_sqrt, rms, rms, 0, 0, 0);
}

/* of_s = min(of_p / of_s, trust), or 1 where either is not above 0. */
static socle_status rate(call *k, const lengths *l, float trust)
{
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_gt, &l->cond, &l->of_s, &l->zero));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &l->of_s, &l->of_p, &l->of_s));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_clamp, &l->of_s, &l->of_s, 0, trust, 0));
    SOCLE_TRY(call_where(k, &l->of_s, &l->cond, &l->of_s, &l->one));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_gt, &l->cond, &l->of_p, &l->zero));
    return call_where(k, &l->of_s, &l->cond, &l->of_s, &l->one);
}

/* One parameter; space: three temporaries of its shape. */
static socle_status lamb(call *k, socle_out p, socle_in g, socle_out m, socle_out v, const socle_view *space,
                         const lengths *l, const socle_lamb_args *a)
{
    const socle_adam_args averages = {
        .mom = a->mom, .sqr_mom = a->sqr_mom, .sqr_scale = a->sqr_scale, .sqr_eps = a->sqr_eps, .eps = a->eps
    };
    socle_view s = reshaped(&space[0], p), root = reshaped(&space[1], p), t = reshaped(&space[2], p), d = *g,
               factor;
    if (a->l2 != 0) {
        SOCLE_TRY(add_scaled(k, &s, g, a->l2, p, &t));
        d = s;
    }
    SOCLE_TRY(square(k, v, &d, &root, &t, &averages));
    SOCLE_TRY(average(k, m, a->mom, &d, &t));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &s, m, a->mom_scale, 0, 0));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &s, &s, &root));
    if (a->wd != 0)
        SOCLE_TRY(add_scaled(k, &s, &s, a->wd, p, &t));
    SOCLE_TRY(root_mean_square(k, &l->of_p, p, &t));
    SOCLE_TRY(root_mean_square(k, &l->of_s, &s, &t));
    SOCLE_TRY(rate(k, l, a->trust));
    SOCLE_TRY(call_expand(k, &l->of_s, view_shape(p), &factor));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &s, &s, a->lr, 0, 0));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_mul, &s, &s, &factor));
    return call_binary(k, SOCLE_BINARY_sub, p, p, &s);
}

socle_status compose_lamb_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                               const socle_view *v, const socle_lamb_args *a)
{
    socle_view space[3];
    lengths l;
    const socle_dtype real = k->device->caps.real;
    SOCLE_TRY(spaces(k, n, p, 3, space));
    SOCLE_TRY(call_dense(k, real, socle_shape0(), &l.of_p));
    SOCLE_TRY(call_dense(k, real, socle_shape0(), &l.of_s));
    SOCLE_TRY(call_scalar(k, 0, socle_shape0(), &l.zero));
    SOCLE_TRY(call_scalar(k, 1, socle_shape0(), &l.one));
    SOCLE_TRY(call_dense(k, SOCLE_U8, socle_shape0(), &l.cond));
    for (size_t i = 0; i < n; i++)
        SOCLE_TRY(lamb(k, &p[i], &g[i], &m[i], &v[i], space, &l, a));
    return SOCLE_OK;
}

/* ---- lists of tensors ---- */

socle_status compose_clip_many(call *k, size_t n, const socle_view *g, socle_out norm, float limit)
{
    socle_view part, sum = *norm, factor;
    sum.ndim = 0;
    sum.lanes = 1;
    SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape0(), &part));
    SOCLE_TRY(call_fill(k, &sum, 0));
    for (size_t i = 0; i < n; i++) {
        const uint32_t all = (1u << g[i].ndim) - 1;
        socle_view lifted;
        (void)view_lift(&part, g[i].ndim, all, &lifted);
        if (g[i].ndim == 0)
            SOCLE_TRY(call_unary(k, SOCLE_UNARY_square, &part, &g[i], 0, 0, 0));
        else
            SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_SUMSQ, &lifted, &g[i], all));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_add, &sum, &sum, &part));
    }
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_sqrt, &sum, &sum, 0, 0, 0));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &part, &sum, 1 / limit, 1e-6f / limit, 0));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_clamp, &part, &part, 1, FLT_MAX, 0));
    for (size_t i = 0; i < n; i++) {
        SOCLE_TRY(call_expand(k, &part, view_shape(&g[i]), &factor));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &g[i], &g[i], &factor));
    }
    return SOCLE_OK;
}

socle_status compose_axpby_many(call *k, size_t n, const socle_view *y, float a, const socle_view *x, float b)
{
    socle_view space;
    SOCLE_TRY(spaces(k, n, y, 1, &space));
    for (size_t i = 0; i < n; i++) {
        const socle_view t = reshaped(&space, &y[i]);
        if (b != 0 && b != 1)
            SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &y[i], &y[i], b, 0, 0));
        if (b != 0)
            SOCLE_TRY(add_scaled(k, &y[i], &y[i], a, &x[i], &t));
        else
            SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &y[i], &x[i], a, 0, 0));
    }
    return SOCLE_OK;
}

/* Means, variances, norms and their gradients from reductions and elementwise functions. What is one number for many
 * elements is kept with x's four dimensions, of size 1 where it repeats. */
#include "prim/compose.h"

/* The dimensions of x (N, G, K, S) that share a mean. */
static uint32_t shared_axes(const socle_norm *p)
{
    return p->batch ? 1u << 0 | 1u << 2 | 1u << 3 : 1u << 2 | 1u << 3;
}

static int64_t shared_count(const socle_norm *p, socle_in x)
{
    return x->dim[3] * (p->batch ? x->dim[0] : x->dim[2]);
}

static int64_t var_count(const socle_norm *p, socle_in x)
{
    int64_t n = shared_count(p, x);
    return p->unbiased && n > 1 ? n - 1 : n;
}

/* y = factor y / n. A quotient, because 1 / n as a unary's parameter would be rounded to float on every device. */
static socle_status average(call *k, socle_out y, float factor, int64_t n)
{
    socle_view count;
    SOCLE_TRY(call_scalar(k, (double)n, view_shape(y), &count));
    if (factor != 1)
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, y, y, factor, 0, 0));
    return call_binary(k, SOCLE_BINARY_div, y, y, &count);
}

/* mean or var with x's dimensions. */
static socle_view stat_view(const socle_norm *p, socle_in stat)
{
    socle_view v;
    bool done = view_lift(stat, 4, shared_axes(p), &v);
    (void)done; /* (G) has no images, (N, G) begins with them */
    return v;
}

/* A temporary for one number a mean. */
static socle_status stat_like(call *k, const socle_norm *p, socle_in x, socle_view *out)
{
    socle_shape s = socle_shape4(p->batch ? 1 : x->dim[0], x->dim[1], 1, 1);
    return call_dense(k, x->dtype, s, out);
}

/* y = op(a, small), small being spread over a's shape. */
static socle_status with_small(call *k, socle_binary op, socle_out y, socle_in a, socle_in small)
{
    socle_view wide;
    SOCLE_TRY(call_expand(k, small, view_shape(a), &wide));
    return call_binary(k, op, y, a, &wide);
}

/* gamma or beta (G, K, S), with size 1 where it repeats, with x's dimensions. */
static socle_view affine_view(socle_in v)
{
    socle_view out;
    bool done = view_lift(v, 4, 1u << 0, &out);
    (void)done; /* row-major */
    return out;
}

static socle_status with_affine(call *k, socle_binary op, socle_out y, socle_in a, socle_in affine)
{
    socle_view v = affine_view(affine);
    return with_small(k, op, y, a, &v);
}

/* ---- moments ---- */

socle_status compose_moments(call *k, const socle_norm *p, socle_out mean, socle_out var, socle_in x)
{
    socle_view m = stat_view(p, mean), v = stat_view(p, var), t;
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_MEAN, &m, x, shared_axes(p)));
    SOCLE_TRY(call_dense(k, x->dtype, view_shape(x), &t));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_sub, &t, x, &m));
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_SUMSQ, &v, &t, shared_axes(p)));
    return average(k, &v, 1, var_count(p, x));
}

/* ---- forward ---- */

/* A new d = sqrt(max(var, var_min) + eps). */
static socle_status deviation(call *k, const socle_norm *p, socle_in x, socle_in var, socle_view *d)
{
    socle_view v = stat_view(p, var), least;
    SOCLE_TRY(stat_like(k, p, x, d));
    if (p->var_min > 0) {
        SOCLE_TRY(call_scalar(k, (double)p->var_min, view_shape(d), &least));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_maximum, d, &v, &least));
        v = *d;
    }
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, d, &v, 1, p->eps, 0));
    return call_unary(k, SOCLE_UNARY_sqrt, d, d, 0, 0, 0);
}

/* y = (x - mean) / d gamma + beta */
static socle_status standardize(call *k, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in d,
                                socle_in gamma, socle_in beta)
{
    socle_view m = stat_view(p, mean);
    SOCLE_TRY(with_small(k, SOCLE_BINARY_sub, y, x, &m));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_div, y, y, d));
    if (gamma)
        SOCLE_TRY(with_affine(k, SOCLE_BINARY_mul, y, y, gamma));
    return beta ? with_affine(k, SOCLE_BINARY_add, y, y, beta) : SOCLE_OK;
}

socle_status compose_normalize(call *k, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                               socle_in gamma, socle_in beta)
{
    socle_view d;
    SOCLE_TRY(deviation(k, p, x, var, &d));
    SOCLE_TRY(standardize(k, p, y, x, mean, &d, gamma, beta));
    return p->act ? call_unary(k, SOCLE_UNARY_general_relu, y, y, p->leak, p->sub, p->max) : SOCLE_OK;
}

/* ---- backward ---- */

/* dz = dy act'(z): dy itself, or a temporary. */
static socle_status passed(call *k, const socle_norm *p, socle_in dy, socle_in z, socle_view *dz)
{
    if (!p->act) {
        *dz = *dy;
        return SOCLE_OK;
    }
    SOCLE_TRY(call_dense(k, dy->dtype, view_shape(dy), dz));
    return call_unary_grad(k, SOCLE_UNARY_general_relu, dz, dy, z, NULL, p->leak, p->sub, p->max);
}

/* d (G, K, S) = g summed over whatever shares the parameter. */
static socle_status parameter_grad(call *k, socle_out d, socle_in g)
{
    socle_view v = affine_view(d);
    uint32_t axes = 0;
    for (int i = 0; i < 4; i++)
        if (v.dim[i] == 1)
            axes |= 1u << i;
    return call_reduce(k, SOCLE_REDUCE_SUM, &v, g, axes);
}

/* v = 0 where var_min replaced the variance. */
static socle_status without_raised(call *k, const socle_norm *p, socle_in var, socle_out v)
{
    if (!(p->var_min > 0))
        return SOCLE_OK;
    socle_view own = stat_view(p, var), least, zero, raised;
    SOCLE_TRY(call_scalar(k, (double)p->var_min, view_shape(v), &least));
    SOCLE_TRY(call_scalar(k, 0, view_shape(v), &zero));
    SOCLE_TRY(call_dense(k, SOCLE_U8, view_shape(v), &raised));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_lt, &raised, &own, &least));
    return call_where(k, v, &raised, &zero, v);
}

/* c = share (dm / n + 2 dv c / n'), c being x - mean; g = gamma dz and t = g c / d. */
static socle_status through_stats(call *k, const socle_norm *p, socle_out c, socle_in var, socle_in d, socle_in g,
                                  socle_in t)
{
    socle_view dm, dv;
    SOCLE_TRY(stat_like(k, p, c, &dm));
    SOCLE_TRY(stat_like(k, p, c, &dv));
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_SUM, &dm, g, shared_axes(p)));
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_SUM, &dv, t, shared_axes(p)));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &dm, &dm, d));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &dv, &dv, d));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, &dv, &dv, d));
    SOCLE_TRY(average(k, &dm, -p->share, shared_count(p, c)));
    SOCLE_TRY(average(k, &dv, -p->share, var_count(p, c)));
    SOCLE_TRY(without_raised(k, p, var, &dv));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_mul, c, c, &dv));
    return with_small(k, SOCLE_BINARY_add, c, c, &dm);
}

/* Of dx: g = gamma dz; dx = g / d + what flows through the statistics, in c. */
static socle_status input_grad(call *k, const socle_norm *p, socle_out dx, socle_in dz, socle_out c, socle_out t,
                               socle_in var, socle_in d, socle_in gamma)
{
    socle_view g = *dz;
    if (gamma) {
        SOCLE_TRY(call_dense(k, dz->dtype, view_shape(dz), &g));
        SOCLE_TRY(with_affine(k, SOCLE_BINARY_mul, &g, dz, gamma));
        SOCLE_TRY(with_affine(k, SOCLE_BINARY_mul, t, t, gamma));
    }
    if (p->share != 0)
        SOCLE_TRY(through_stats(k, p, c, var, d, &g, t));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_div, dx, &g, d));
    return p->share != 0 ? call_binary(k, SOCLE_BINARY_add, dx, dx, c) : SOCLE_OK;
}

socle_status compose_normalize_grad(call *k, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                    socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                    socle_in beta)
{
    socle_view d, c, dz, t, m = stat_view(p, mean);
    SOCLE_TRY(deviation(k, p, x, var, &d));
    SOCLE_TRY(call_dense(k, x->dtype, view_shape(x), &c));
    if (p->act)
        SOCLE_TRY(standardize(k, p, &c, x, mean, &d, gamma, beta));
    SOCLE_TRY(passed(k, p, dy, &c, &dz));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_sub, &c, x, &m));
    if (dbeta)
        SOCLE_TRY(parameter_grad(k, dbeta, &dz));
    SOCLE_TRY(call_dense(k, x->dtype, view_shape(x), &t));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_mul, &t, &dz, &c));
    SOCLE_TRY(with_small(k, SOCLE_BINARY_div, &t, &t, &d));
    if (dgamma)
        SOCLE_TRY(parameter_grad(k, dgamma, &t));
    return dx ? input_grad(k, p, dx, &dz, &c, &t, var, &d, gamma) : SOCLE_OK;
}

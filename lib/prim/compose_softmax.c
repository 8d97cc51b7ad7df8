/* Softmax, cross entropy and their gradients from max, sum, exp and log along one axis. */
#include "prim/compose.h"

/* A row-major temporary of x's shape with size 1 along axis, holding x reduced; *wide is it seen in x's shape. */
static socle_status reduced(call *k, socle_reduce op, socle_in x, int axis, socle_view *out, socle_view *wide)
{
    socle_shape s = view_shape(x);
    s.dim[axis] = 1;
    SOCLE_TRY(call_dense(k, x->dtype, s, out));
    SOCLE_TRY(call_reduce(k, op, out, x, 1u << axis));
    return call_expand(k, out, view_shape(x), wide);
}

/* y = x - m, e = exp(y) with m the largest and sum e along axis; e may be y. */
static socle_status shifted_exp(call *k, socle_out y, socle_out e, socle_in x, int axis, socle_view *sum,
                                socle_view *wide)
{
    socle_view largest, wide_largest;
    SOCLE_TRY(reduced(k, SOCLE_REDUCE_MAX, x, axis, &largest, &wide_largest));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_sub, y, x, &wide_largest));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_exp, e, y, 0, 0, 0));
    return reduced(k, SOCLE_REDUCE_SUM, e, axis, sum, wide);
}

socle_status compose_softmax(call *k, socle_out y, socle_in x, int axis, bool log)
{
    socle_view sum, wide, e = *y;
    if (log)
        SOCLE_TRY(call_dense(k, y->dtype, view_shape(y), &e));
    SOCLE_TRY(shifted_exp(k, y, &e, x, axis, &sum, &wide));
    if (!log)
        return call_binary(k, SOCLE_BINARY_div, y, y, &wide);
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_log, &sum, &sum, 0, 0, 0));
    return call_binary(k, SOCLE_BINARY_sub, y, y, &wide);
}

/* softmax: dx = y (dy - sum(dy y)); its logarithm: dx = dy - exp(y) sum(dy) */
socle_status compose_softmax_grad(call *k, socle_out dx, socle_in dy, socle_in y, int axis, bool log)
{
    socle_view t, sum, wide;
    SOCLE_TRY(call_dense(k, dx->dtype, view_shape(dx), &t));
    if (log) {
        SOCLE_TRY(reduced(k, SOCLE_REDUCE_SUM, dy, axis, &sum, &wide));
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_exp, &t, y, 0, 0, 0));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_mul, &t, &t, &wide));
        return call_binary(k, SOCLE_BINARY_sub, dx, dy, &t);
    }
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_mul, &t, dy, y));
    SOCLE_TRY(reduced(k, SOCLE_REDUCE_SUM, &t, axis, &sum, &wide));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_sub, dx, dy, &wide));
    return call_binary(k, SOCLE_BINARY_mul, dx, dx, y);
}

/* A view (N) as (N, 1). */
static socle_view column(socle_in v)
{
    socle_view c = *v;
    bool done = view_lift(v, 2, 1u << 1, &c);
    (void)done;
    return c;
}

/* loss = -logp[n][target[n]] */
socle_status compose_xent(call *k, socle_out loss, socle_out logp, socle_in x, socle_in target)
{
    socle_view own, index = column(target), picked = column(loss);
    if (!logp) {
        SOCLE_TRY(call_dense(k, x->dtype, view_shape(x), &own));
        logp = &own;
    }
    SOCLE_TRY(compose_softmax(k, logp, x, 1, true));
    SOCLE_TRY(call_gather(k, &picked, logp, &index, 1));
    return call_unary(k, SOCLE_UNARY_neg, &picked, &picked, 0, 0, 0);
}

/* dx = exp(logp), less 1 at the target, times dloss and scale */
socle_status compose_xent_grad(call *k, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale)
{
    socle_view minus_one, wide, index = column(target), dloss_column = column(dloss);
    SOCLE_TRY(call_scalar(k, -1, view_shape(&index), &minus_one));
    SOCLE_TRY(call_expand(k, &dloss_column, view_shape(dx), &wide));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_exp, dx, logp, 0, 0, 0));
    SOCLE_TRY(call_scatter_add(k, dx, &minus_one, &index, 1));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_mul, dx, dx, &wide));
    return call_unary(k, SOCLE_UNARY_affine, dx, dx, scale, 0, 0);
}

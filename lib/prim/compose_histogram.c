/* A histogram as a scatter of ones: every element's place among the bins, those that lie in none in a last bin
 * of their own, which is left behind. The moments are two reductions. */
#include "prim/compose.h"

/* out (I32, x's shape) = the bin of each element, b->n for none. */
static socle_status places(call *k, const socle_bins *b, socle_in x, socle_out t, socle_out out)
{
    socle_shape s = view_shape(x);
    socle_view none, zero, inside;
    SOCLE_TRY(call_scalar(k, b->n, s, &none));
    SOCLE_TRY(call_scalar(k, 0, s, &zero));
    SOCLE_TRY(call_dense(k, SOCLE_U8, s, &inside));
    SOCLE_TRY(b->absolute ? call_unary(k, SOCLE_UNARY_abs, t, x, 0, 0, 0) : call_copy(k, t, x));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, t, t, 1, -b->low, 0));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, t, t, b->scale, 0, 0));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_lt, &inside, t, &none));
    SOCLE_TRY(call_where(k, t, &inside, t, &none));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_ge, &inside, t, &zero));
    SOCLE_TRY(call_where(k, t, &inside, t, &none));
    return call_copy(k, out, t);
}

/* The n elements of a dense row-major view in one row. */
static socle_view in_a_row(socle_in v, int64_t n)
{
    socle_view row = *v;
    row.ndim = 1;
    row.dim[0] = n;
    row.stride[0] = 1;
    return row;
}

/* t: room of x's shape. */
static socle_status moments_of(call *k, socle_out moments, socle_in x, socle_view t)
{
    socle_shape s = view_shape(x), one = s;
    socle_view from = *x, sum, wide;
    int64_t n = shape_numel(s);
    for (int i = 0; i < one.ndim; i++)
        one.dim[i] = 1;
    if (s.ndim == 0) { /* one element: seen in a row, as reductions want it */
        from = in_a_row(x, 1);
        t = in_a_row(&t, 1);
        s = one = socle_shape1(1);
    }
    SOCLE_TRY(call_dense(k, x->dtype, one, &sum));
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_MEAN, &sum, &from, (1u << one.ndim) - 1));
    socle_view value = in_a_row(&sum, 1), mean = view_narrow(moments, 0, 0, 1),
               variance = view_narrow(moments, 0, 1, 1);
    SOCLE_TRY(call_copy(k, &mean, &value));
    SOCLE_TRY(call_expand(k, &sum, s, &wide));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_sub, &t, &from, &wide));
    SOCLE_TRY(call_reduce(k, SOCLE_REDUCE_SUMSQ, &sum, &t, (1u << one.ndim) - 1));
    return call_unary(k, SOCLE_UNARY_affine, &variance, &value, n > 1 ? 1.0f / (float)(n - 1) : 0, 0, 0);
}

socle_status compose_histogram(call *k, const socle_bins *b, socle_out counts, socle_out moments, socle_in x)
{
    socle_shape s = view_shape(x);
    int64_t n = shape_numel(s);
    socle_view t, place, bins, ones;
    SOCLE_TRY(call_dense(k, x->dtype, s, &t));
    SOCLE_TRY(call_dense(k, SOCLE_I32, s, &place));
    SOCLE_TRY(call_dense(k, x->dtype, socle_shape1(b->n + 1), &bins));
    SOCLE_TRY(call_scalar(k, 1, socle_shape1(n), &ones));
    SOCLE_TRY(places(k, b, x, &t, &place));
    SOCLE_TRY(call_fill(k, &bins, 0));
    socle_view row = in_a_row(&place, n), kept = view_narrow(&bins, 0, 0, b->n);
    SOCLE_TRY(call_scatter_add(k, &bins, &ones, &row, 0));
    SOCLE_TRY(call_copy(k, counts, &kept));
    return moments_of(k, moments, x, t);
}

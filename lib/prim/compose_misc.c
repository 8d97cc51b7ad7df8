/* axpby, add_relu and dropout from required slots. */
#include "prim/compose.h"

socle_status compose_axpby(call *k, socle_out y, float a, socle_in x, float b)
{
    if (b == 0)
        return call_unary(k, SOCLE_UNARY_affine, y, x, a, 0, 0);
    socle_view ax;
    SOCLE_TRY(call_dense(k, y->dtype, view_shape(y), &ax));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &ax, x, a, 0, 0));
    if (b != 1)
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, y, y, b, 0, 0));
    return call_binary(k, SOCLE_BINARY_add, y, y, &ax);
}

/* The sum needs no memory of its own. */
socle_status compose_add_relu(call *k, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                              float max)
{
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_add, y, a, b));
    return call_unary(k, op, y, y, leak, sub, max);
}

/* y = where(u >= p, x / (1 - p), 0) */
socle_status compose_dropout(call *k, socle_out y, socle_in x, socle_philox r, float p)
{
    socle_shape s = view_shape(y);
    socle_view draw, kept, below, divisor, zero;
    SOCLE_TRY(call_dense(k, y->dtype, s, &draw));
    SOCLE_TRY(call_dense(k, SOCLE_U8, s, &kept));
    SOCLE_TRY(call_scalar(k, (double)p, s, &below));
    SOCLE_TRY(call_scalar(k, 1.0 - (double)p, s, &divisor));
    SOCLE_TRY(call_scalar(k, 0, s, &zero));
    SOCLE_TRY(call_random_uniform(k, &draw, r, 0, 1));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_ge, &kept, &draw, &below));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_div, y, x, &divisor));
    return call_where(k, y, &kept, y, &zero);
}

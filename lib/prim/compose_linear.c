/* Linear layers from gemm, and the bias and epilogue that they share with convolution. */
#include "prim/compose.h"

/* b (C) seen in s, along dimension 1. */
static socle_view along_channels(socle_in b, socle_shape s)
{
    socle_view v = { .buffer = b->buffer, .offset = b->offset, .dtype = b->dtype, .ndim = s.ndim, .lanes = 1 };
    for (int i = 0; i < s.ndim; i++)
        v.dim[i] = s.dim[i];
    v.stride[1] = b->stride[0];
    return v;
}

socle_status compose_epilogue(call *k, socle_epilogue e, socle_out y, socle_in bias)
{
    if (bias) {
        socle_view wide = along_channels(bias, view_shape(y));
        SOCLE_TRY(call_binary(k, SOCLE_BINARY_add, y, y, &wide));
    }
    return e == SOCLE_EPILOGUE_RELU ? call_unary(k, SOCLE_UNARY_relu, y, y, 0, 0, 0) : SOCLE_OK;
}

socle_status compose_passed(call *k, socle_epilogue e, socle_in dy, socle_in y, socle_view *out)
{
    if (e == SOCLE_EPILOGUE_NONE) {
        *out = *dy;
        return SOCLE_OK;
    }
    SOCLE_TRY(call_dense(k, dy->dtype, view_shape(dy), out));
    return call_unary_grad(k, SOCLE_UNARY_relu, out, dy, NULL, y, 0, 0, 0);
}

socle_status compose_bias_grad(call *k, socle_out db, socle_in g)
{
    socle_shape s = { .ndim = g->ndim, .dim = { 1, db->dim[0], 1, 1, 1, 1 } };
    socle_view kept = along_channels(db, s);
    return call_reduce(k, SOCLE_REDUCE_SUM, &kept, g, ((1u << g->ndim) - 1) & ~2u);
}

/* y (N, out) = x (N, in) w^T (in, out) */
socle_status compose_linear(call *k, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    socle_view plain;
    SOCLE_TRY(call_unblock(k, w, &plain));
    socle_view wt = view_transposed(&plain);
    SOCLE_TRY(call_gemm(k, y, x, &wt, 1, 0));
    return compose_epilogue(k, e, y, bias);
}

/* With g = dy e'(y): dx (N, in) = g w, dw (out, in) = g^T x, db = sum of g over the batch */
socle_status compose_linear_grad(call *k, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                                 socle_in x, socle_in w, socle_in y)
{
    socle_view g, plain;
    SOCLE_TRY(compose_passed(k, e, dy, y, &g));
    if (dx)
        SOCLE_TRY(call_gemm(k, dx, &g, w, 1, 0));
    if (dw) {
        SOCLE_TRY(call_unblock(k, &g, &plain));
        socle_view gt = view_transposed(&plain);
        SOCLE_TRY(call_gemm(k, dw, &gt, x, 1, 0));
    }
    return db ? compose_bias_grad(k, db, &g) : SOCLE_OK;
}

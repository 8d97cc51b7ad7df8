/* The linear layer, y = x w^T + bias. */
#include "op.h"

/* x (N, in), w (out, in), bias (out) or absent -> (N, out). */
static socle_status infer(const socle_call *k, socle_spec *out)
{
    socle_shape x = k->spec[0].shape, w = k->spec[1].shape, bias = k->spec[2].shape;
    SOCLE_TRY(op_check_real(k, "linear", 0));
    SOCLE_TRY(op_check_real(k, "linear", 1));
    SOCLE_TRY(op_check_ndim(k, "linear", 0, 2, "(N, in)"));
    SOCLE_TRY(op_check_ndim(k, "linear", 1, 2, "(out, in)"));
    SOCLE_CHECK(x.dim[1] == w.dim[1], SOCLE_ERR_SHAPE, "linear: input %s has %lld features, weight %s expects %lld",
                shape_text(x).text, (long long)x.dim[1], shape_text(w).text, (long long)w.dim[1]);
    if (k->in[2] != NULL) {
        SOCLE_TRY(op_check_real(k, "linear", 2));
        SOCLE_CHECK(socle_shape_equal(bias, socle_shape1(w.dim[0])), SOCLE_ERR_SHAPE,
                    "linear: bias %s does not fit weight %s, expected is (%lld)", shape_text(bias).text,
                    shape_text(w).text, (long long)w.dim[0]);
    }
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = socle_shape2(x.dim[0], w.dim[0]);
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_linear(SOCLE_EPILOGUE_NONE, k->out[0], k->in[0], k->in[1], k->in[2]);
}

/* dx = dy w, dw = dy^T x, dbias = sum over N of dy. */
static socle_status backward(socle_call *k)
{
    return socle_prim_linear_grad(SOCLE_EPILOGUE_NONE, k->gin[0], k->gin[1], k->gin[2], k->gout[0], k->in[0],
                                  k->in[1], NULL);
}

const socle_op socle_op_linear = { .name = "linear",
                                   .n_out = 1,
                                   .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1),
                                   .layout = SOCLE_LAYOUT_BATCH,
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward };

socle_tensor *socle_linear(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias)
{
    return socle_apply(c, &socle_op_linear, NULL, 3, 2, (socle_tensor *[]){ x, w, bias });
}

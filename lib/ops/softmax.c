/* Softmax along one axis, and its logarithm. */
#include "op.h"

typedef struct softmax_attr {
    int axis; /* may be negative */
    bool log;
} softmax_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    const softmax_attr *a = k->attr;
    const char *name = a->log ? "log_softmax" : "softmax";
    int axis;
    SOCLE_TRY(op_check_real(k, name, 0));
    SOCLE_TRY(shape_axis(name, k->spec[0].shape, a->axis, &axis));
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const softmax_attr *a = k->attr;
    return socle_prim_softmax(k->out[0], k->in[0], op_axis(a->axis, k->spec[0].shape), a->log);
}

/* softmax: dx = y (dy - sum of dy y). Logarithm: dx = dy - exp(y) sum of dy. */
static socle_status backward(socle_call *k)
{
    const softmax_attr *a = k->attr;
    op_reuse_gout(k, 0);
    return socle_prim_softmax_grad(k->gin[0], k->gout[0], k->out[0], op_axis(a->axis, k->spec[0].shape), a->log);
}

const socle_op socle_op_softmax = { .name = "softmax",
                                    .attr_size = sizeof(softmax_attr),
                                    .n_out = 1,
                                    .keep = SOCLE_KEEP_OUT(0),
                                    .infer = infer,
                                    .forward = forward,
                                    .backward = backward };

const socle_op socle_op_log_softmax = { .name = "log_softmax",
                                        .attr_size = sizeof(softmax_attr),
                                        .n_out = 1,
                                        .keep = SOCLE_KEEP_OUT(0),
                                        .infer = infer,
                                        .forward = forward,
                                        .backward = backward };

socle_tensor *socle_softmax(socle_ctx *c, socle_tensor *x, int axis)
{
    softmax_attr a = { axis, false };
    return socle_apply(c, &socle_op_softmax, &a, 1, 1, &x);
}

socle_tensor *socle_log_softmax(socle_ctx *c, socle_tensor *x, int axis)
{
    softmax_attr a = { axis, true };
    return socle_apply(c, &socle_op_log_softmax, &a, 1, 1, &x);
}

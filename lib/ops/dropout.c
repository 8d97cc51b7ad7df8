/* Dropout: in training each element is 0 with probability p, else x / (1 - p); in evaluation x. The mask is
 * not stored: backward draws it again from the same place in the ctx's random stream. */
#include "op.h"

typedef struct dropout_attr {
    double p; /* in [0, 1) */
    socle_philox stream;
} dropout_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    double p = ((const dropout_attr *)k->attr)->p;
    SOCLE_CHECK(p >= 0 && p < 1, SOCLE_ERR_ARG, "dropout: probability %g is not in [0, 1)", p);
    SOCLE_TRY(op_check_real(k, "dropout", 0));
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const dropout_attr *a = k->attr;
    return socle_prim_dropout(k->out[0], k->in[0], a->stream, (float)a->p);
}

/* dx = dy / (1 - p), or 0 where the mask was: dropout of dy under the same draw. */
static socle_status backward(socle_call *k)
{
    const dropout_attr *a = k->attr;
    op_reuse_gout(k, 0);
    return socle_prim_dropout(k->gin[0], k->gout[0], a->stream, (float)a->p);
}

const socle_op socle_op_dropout = { .name = "dropout",
                                    .attr_size = sizeof(dropout_attr),
                                    .n_out = 1,
                                    .infer = infer,
                                    .forward = forward,
                                    .backward = backward };

socle_tensor *socle_dropout(socle_ctx *c, socle_tensor *x, double p)
{
    dropout_attr a = { .p = p };
    if (x != NULL && socle_ctx_status(c) == SOCLE_OK) {
        if (p == 0 || (!socle_ctx_training(c) && p > 0 && p < 1))
            return op_identity(c, x);
        a.stream = socle_ctx_draw(c, socle_numel(x));
    }
    return socle_apply(c, &socle_op_dropout, &a, 1, 1, &x);
}

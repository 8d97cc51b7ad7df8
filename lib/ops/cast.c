/* Conversion of the element type. Between real types the gradient is converted back; through integers none
 * flows. */
#include "op.h"

typedef struct cast_attr {
    socle_dtype to;
} cast_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    out[0].dtype = ((const cast_attr *)k->attr)->to;
    out[0].shape = k->spec[0].shape;
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_copy(k->out[0], k->in[0]);
}

/* dx = dy in x's type. */
static socle_status backward(socle_call *k)
{
    return socle_prim_copy(k->gin[0], k->gout[0]);
}

const socle_op socle_op_cast = { .name = "cast",
                                 .attr_size = sizeof(cast_attr),
                                 .n_out = 1,
                                 .infer = infer,
                                 .forward = forward,
                                 .backward = backward };

socle_tensor *socle_cast(socle_ctx *c, socle_tensor *x, socle_dtype t)
{
    if (x != NULL && socle_ctx_status(c) == SOCLE_OK && socle_dtype_of(x) == t)
        return op_identity(c, x);
    cast_attr a = { t };
    return socle_apply(c, &socle_op_cast, &a, 1, 1, &x);
}

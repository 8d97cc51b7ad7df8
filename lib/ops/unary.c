/* Elementwise functions of one operand. Each is a line of sys/unary.def; here are the table made from it, and
 * the public function. dx = dy f'(x), with f' from the same line. */
#include "op.h"

typedef struct unary_attr {
    socle_unary op;
    float a, b, c; /* the line's parameters */
} unary_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    const unary_attr *a = k->attr;
    SOCLE_TRY(op_check_real(k, socle_unary_name(a->op), 0));
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static uint32_t keep_of(const void *attr)
{
    switch (socle_unary_keep(((const unary_attr *)attr)->op)) {
    case SOCLE_KEEP_X:
        return SOCLE_KEEP_IN(0);
    case SOCLE_KEEP_Y:
        return SOCLE_KEEP_OUT(0);
    default:
        return 0;
    }
}

static socle_status forward(socle_call *k)
{
    const unary_attr *a = k->attr;
    return socle_prim_unary(a->op, k->out[0], k->in[0], a->a, a->b, a->c);
}

static socle_status backward(socle_call *k)
{
    const unary_attr *a = k->attr;
    op_reuse_gout(k, 0);
    return socle_prim_unary_grad(a->op, k->gin[0], k->gout[0], k->in[0], k->out[0], a->a, a->b, a->c);
}

#define U(name_, value, derivative, keep_)                                                                         \
    const socle_op socle_op_##name_ = { .name = #name_,                                                            \
                                        .attr_size = sizeof(unary_attr),                                           \
                                        .n_out = 1,                                                                \
                                        .infer = infer,                                                            \
                                        .forward = forward,                                                        \
                                        .backward = backward,                                                      \
                                        .keep_of = keep_of };
#include <socle/sys/unary.def>
#undef U

static socle_tensor *apply(socle_ctx *c, const socle_op *table, socle_tensor *x, unary_attr attr)
{
    return socle_apply(c, table, &attr, 1, 1, &x);
}

socle_tensor *socle_neg(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_neg, x, (unary_attr){ .op = SOCLE_UNARY_neg });
}

socle_tensor *socle_abs(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_abs, x, (unary_attr){ .op = SOCLE_UNARY_abs });
}

socle_tensor *socle_exp(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_exp, x, (unary_attr){ .op = SOCLE_UNARY_exp });
}

socle_tensor *socle_log(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_log, x, (unary_attr){ .op = SOCLE_UNARY_log });
}

socle_tensor *socle_sqrt(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_sqrt, x, (unary_attr){ .op = SOCLE_UNARY_sqrt });
}

socle_tensor *socle_square(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_square, x, (unary_attr){ .op = SOCLE_UNARY_square });
}

socle_tensor *socle_scale(socle_ctx *c, socle_tensor *x, double mul, double add)
{
    return apply(c, &socle_op_affine, x,
                 (unary_attr){ .op = SOCLE_UNARY_affine, .a = (float)mul, .b = (float)add });
}

socle_tensor *socle_clamp(socle_ctx *c, socle_tensor *x, double low, double high)
{
    return apply(c, &socle_op_clamp, x, (unary_attr){ .op = SOCLE_UNARY_clamp, .a = (float)low, .b = (float)high });
}

socle_tensor *socle_relu(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_relu, x, (unary_attr){ .op = SOCLE_UNARY_relu });
}

socle_tensor *socle_leaky_relu(socle_ctx *c, socle_tensor *x, double leak)
{
    return apply(c, &socle_op_leaky_relu, x, (unary_attr){ .op = SOCLE_UNARY_leaky_relu, .a = (float)leak });
}

socle_tensor *socle_sigmoid(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_sigmoid, x, (unary_attr){ .op = SOCLE_UNARY_sigmoid });
}

socle_tensor *socle_tanh(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_tanh, x, (unary_attr){ .op = SOCLE_UNARY_tanh });
}

socle_tensor *socle_general_relu(socle_ctx *c, socle_tensor *x, double leak, double sub, double max)
{
    unary_attr attr = { SOCLE_UNARY_general_relu, (float)leak, (float)sub, (float)max };
    if (!(leak >= 0))
        return apply(c, &socle_op_general_relu, x, attr);
    attr.op = SOCLE_UNARY_monotone_relu;
    return apply(c, &socle_op_monotone_relu, x, attr);
}

socle_tensor *socle_silu(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_silu, x, (unary_attr){ .op = SOCLE_UNARY_silu });
}

socle_tensor *socle_gelu(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_gelu, x, (unary_attr){ .op = SOCLE_UNARY_gelu });
}

socle_tensor *socle_gelu_tanh(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_gelu_tanh, x, (unary_attr){ .op = SOCLE_UNARY_gelu_tanh });
}

socle_tensor *socle_mish(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_mish, x, (unary_attr){ .op = SOCLE_UNARY_mish });
}

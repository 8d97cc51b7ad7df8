/* Elementwise functions of one operand. Each is a line of sys/unary.def; here are the table made from it, and
 * the public function. dx = dy f'(x), with f' from the same line. */
#include "op.h"

typedef struct unary_attr {
    socle_unary op;
    float a, b; /* the line's parameters */
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
    return socle_prim_unary(a->op, k->out[0], k->in[0], a->a, a->b);
}

static socle_status backward(socle_call *k)
{
    const unary_attr *a = k->attr;
    op_reuse_gout(k, 0);
    return socle_prim_unary_grad(a->op, k->gin[0], k->gout[0], k->in[0], k->out[0], a->a, a->b);
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

static socle_tensor *apply(socle_ctx *c, const socle_op *table, socle_unary op, socle_tensor *x, double a, double b)
{
    unary_attr attr = { op, (float)a, (float)b };
    return socle_apply(c, table, &attr, 1, 1, &x);
}

socle_tensor *socle_neg(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_neg, SOCLE_UNARY_neg, x, 0, 0);
}

socle_tensor *socle_abs(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_abs, SOCLE_UNARY_abs, x, 0, 0);
}

socle_tensor *socle_exp(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_exp, SOCLE_UNARY_exp, x, 0, 0);
}

socle_tensor *socle_log(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_log, SOCLE_UNARY_log, x, 0, 0);
}

socle_tensor *socle_sqrt(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_sqrt, SOCLE_UNARY_sqrt, x, 0, 0);
}

socle_tensor *socle_square(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_square, SOCLE_UNARY_square, x, 0, 0);
}

socle_tensor *socle_scale(socle_ctx *c, socle_tensor *x, double mul, double add)
{
    return apply(c, &socle_op_affine, SOCLE_UNARY_affine, x, mul, add);
}

socle_tensor *socle_clamp(socle_ctx *c, socle_tensor *x, double low, double high)
{
    return apply(c, &socle_op_clamp, SOCLE_UNARY_clamp, x, low, high);
}

socle_tensor *socle_relu(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_relu, SOCLE_UNARY_relu, x, 0, 0);
}

socle_tensor *socle_leaky_relu(socle_ctx *c, socle_tensor *x, double leak)
{
    return apply(c, &socle_op_leaky_relu, SOCLE_UNARY_leaky_relu, x, leak, 0);
}

socle_tensor *socle_sigmoid(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_sigmoid, SOCLE_UNARY_sigmoid, x, 0, 0);
}

socle_tensor *socle_tanh(socle_ctx *c, socle_tensor *x)
{
    return apply(c, &socle_op_tanh, SOCLE_UNARY_tanh, x, 0, 0);
}

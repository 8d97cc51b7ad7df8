/* The ReLU of a sum, in which residual blocks end: y = relu(a + b), or its general form. The sum itself is never stored.
 *
 * da = db = dy f'(a + b), where y tells f' (monotone_relu in sys/unary.def): one pass makes both, as one tensor. */
#include "op.h"

typedef struct add_relu_attr {
    socle_unary op;
    float leak, sub, max;
} add_relu_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    SOCLE_TRY(op_check_real(k, "add_relu", 0));
    SOCLE_TRY(op_check_real(k, "add_relu", 1));
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const add_relu_attr *a = k->attr;
    return socle_prim_add_relu(a->op, k->out[0], k->in[0], k->in[1], a->leak, a->sub, a->max);
}

static socle_status backward(socle_call *k)
{
    const add_relu_attr *a = k->attr;
    int side = k->gin[0] != NULL ? 0 : 1;
    op_reuse_gout(k, side);
    SOCLE_TRY(socle_prim_unary_grad(a->op, k->gin[side], k->gout[0], NULL, k->out[0], a->leak, a->sub, a->max));
    if (side == 0 && k->gin[1] != NULL) {
        socle_release(k->gin[1]);
        k->gin[1] = socle_retain(k->gin[0]);
    }
    return SOCLE_OK;
}

const socle_op socle_op_add_relu = { .name = "add_relu",
                                     .attr_size = sizeof(add_relu_attr),
                                     .n_out = 1,
                                     .keep = SOCLE_KEEP_OUT(0),
                                     .infer = infer,
                                     .forward = forward,
                                     .backward = backward };

static socle_tensor *apply(socle_ctx *c, socle_tensor *a, socle_tensor *b, add_relu_attr attr)
{
    return socle_apply(c, &socle_op_add_relu, &attr, 2, 2, (socle_tensor *[]){ a, b });
}

static bool have_one_shape(const socle_tensor *a, const socle_tensor *b)
{
    return a != NULL && b != NULL && socle_shape_equal(socle_shape_of(a), socle_shape_of(b));
}

socle_tensor *socle_add_relu(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    if (!have_one_shape(a, b))
        return socle_relu(c, socle_add(c, a, b));
    return apply(c, a, b, (add_relu_attr){ .op = SOCLE_UNARY_relu });
}

socle_tensor *socle_add_general_relu(socle_ctx *c, socle_tensor *a, socle_tensor *b, double leak, double sub,
                                     double max)
{
    if (!(leak >= 0) || !have_one_shape(a, b))
        return socle_general_relu(c, socle_add(c, a, b), leak, sub, max);
    return apply(c, a, b, (add_relu_attr){ SOCLE_UNARY_monotone_relu, (float)leak, (float)sub, (float)max });
}

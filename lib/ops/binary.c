/* Elementwise functions of two operands with broadcasting: arithmetic and comparisons, each a line of
 * sys/binary.def.
 *
 * d(side) = dy d(op)/d(side), summed over what broadcasting repeated. Comparisons have no gradient. */
#include "op.h"

typedef struct binary_attr {
    socle_binary op;
} binary_attr;

static socle_status infer_arithmetic(const socle_call *k, socle_spec *out)
{
    const char *name = socle_binary_name(((const binary_attr *)k->attr)->op);
    SOCLE_TRY(op_check_real(k, name, 0));
    SOCLE_TRY(op_check_real(k, name, 1));
    out[0].dtype = k->spec[0].dtype;
    return shape_broadcast(name, k->spec[0].shape, k->spec[1].shape, &out[0].shape);
}

static socle_status infer_comparison(const socle_call *k, socle_spec *out)
{
    const char *name = socle_binary_name(((const binary_attr *)k->attr)->op);
    SOCLE_CHECK(k->spec[0].dtype == k->spec[1].dtype, SOCLE_ERR_DTYPE, "%s: %s is compared with %s", name,
                socle_dtype_name(k->spec[0].dtype), socle_dtype_name(k->spec[1].dtype));
    out[0].dtype = SOCLE_U8;
    return shape_broadcast(name, k->spec[0].shape, k->spec[1].shape, &out[0].shape);
}

static uint32_t keep_of(const void *attr)
{
    bool both = socle_binary_keep(((const binary_attr *)attr)->op) == SOCLE_KEEP_AB;
    return both ? SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1) : 0;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_binary(((const binary_attr *)k->attr)->op, k->out[0], k->in[0], k->in[1]);
}

/* add, sub: the gradient is dy or -dy, which needs no arithmetic but the sign. */
static socle_status pass_on(socle_call *k, int side, bool negate)
{
    if (!socle_shape_equal(k->spec[side].shape, k->out_spec[0].shape)) {
        SOCLE_TRY(socle_prim_unbroadcast(k->gin[side], k->gout[0]));
        return negate ? socle_prim_unary(SOCLE_UNARY_neg, k->gin[side], k->gin[side], 0, 0, 0) : SOCLE_OK;
    }
    if (negate)
        return socle_prim_unary(SOCLE_UNARY_neg, k->gin[side], k->gout[0], 0, 0, 0);
    op_share_gout(k, side);
    return SOCLE_OK;
}

static socle_status grad_of(socle_call *k, socle_binary op, int side)
{
    if (op == SOCLE_BINARY_add || op == SOCLE_BINARY_sub)
        return pass_on(k, side, side == 1 && op == SOCLE_BINARY_sub);
    if (socle_shape_equal(k->spec[side].shape, k->out_spec[0].shape))
        return socle_prim_binary_grad(op, side, k->gin[side], k->gout[0], k->in[0], k->in[1]);
    socle_tensor *whole = op_temp(k, k->out_spec[0]);
    if (whole == NULL)
        return socle_error_status();
    socle_status s = socle_prim_binary_grad(op, side, whole, k->gout[0], k->in[0], k->in[1]);
    if (s == SOCLE_OK)
        s = socle_prim_unbroadcast(k->gin[side], whole);
    socle_release(whole);
    return s;
}

static socle_status backward(socle_call *k)
{
    socle_binary op = ((const binary_attr *)k->attr)->op;
    for (int side = 0; side < 2; side++)
        if (k->gin[side] != NULL)
            SOCLE_TRY(grad_of(k, op, side));
    return SOCLE_OK;
}

#define B(name_, value, da, db, keep_)                                                                             \
    const socle_op socle_op_##name_ = { .name = #name_,                                                            \
                                        .attr_size = sizeof(binary_attr),                                          \
                                        .n_out = 1,                                                                \
                                        .infer = infer_arithmetic,                                                 \
                                        .forward = forward,                                                        \
                                        .backward = backward,                                                      \
                                        .keep_of = keep_of };
#define C(name_, value)                                                                                            \
    const socle_op socle_op_##name_ = { .name = #name_,                                                            \
                                        .attr_size = sizeof(binary_attr),                                          \
                                        .n_out = 1,                                                                \
                                        .infer = infer_comparison,                                                 \
                                        .forward = forward };
#include <socle/sys/binary.def>
#undef B
#undef C

static socle_tensor *apply(socle_ctx *c, const socle_op *table, socle_binary op, socle_tensor *a, socle_tensor *b)
{
    binary_attr attr = { op };
    return socle_apply(c, table, &attr, 2, 2, (socle_tensor *[]){ a, b });
}

socle_tensor *socle_add(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_add, SOCLE_BINARY_add, a, b);
}

socle_tensor *socle_sub(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_sub, SOCLE_BINARY_sub, a, b);
}

socle_tensor *socle_mul(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_mul, SOCLE_BINARY_mul, a, b);
}

socle_tensor *socle_div(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_div, SOCLE_BINARY_div, a, b);
}

socle_tensor *socle_maximum(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_maximum, SOCLE_BINARY_maximum, a, b);
}

socle_tensor *socle_minimum(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_minimum, SOCLE_BINARY_minimum, a, b);
}

socle_tensor *socle_eq(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_eq, SOCLE_BINARY_eq, a, b);
}

socle_tensor *socle_ne(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_ne, SOCLE_BINARY_ne, a, b);
}

socle_tensor *socle_lt(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_lt, SOCLE_BINARY_lt, a, b);
}

socle_tensor *socle_le(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_le, SOCLE_BINARY_le, a, b);
}

socle_tensor *socle_gt(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_gt, SOCLE_BINARY_gt, a, b);
}

socle_tensor *socle_ge(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return apply(c, &socle_op_ge, SOCLE_BINARY_ge, a, b);
}

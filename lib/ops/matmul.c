/* Products of matrices, or of stacks of matrices with broadcast leading dimensions. */
#include "op.h"

static socle_status infer(const socle_call *k, socle_spec *out)
{
    socle_shape a = k->spec[0].shape, b = k->spec[1].shape;
    SOCLE_TRY(op_check_real(k, "matmul", 0));
    SOCLE_TRY(op_check_real(k, "matmul", 1));
    SOCLE_CHECK(a.ndim >= 2 && b.ndim >= 2, SOCLE_ERR_SHAPE, "matmul: %s times %s, both need 2 dimensions or more",
                shape_text(a).text, shape_text(b).text);
    SOCLE_CHECK(a.dim[a.ndim - 1] == b.dim[b.ndim - 2], SOCLE_ERR_SHAPE, "matmul: %s times %s", shape_text(a).text,
                shape_text(b).text);
    socle_shape lead_a = a, lead_b = b, y;
    lead_a.ndim -= 2;
    lead_b.ndim -= 2;
    SOCLE_TRY(shape_broadcast("matmul", lead_a, lead_b, &y));
    y.dim[y.ndim++] = a.dim[a.ndim - 2];
    y.dim[y.ndim++] = b.dim[b.ndim - 1];
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = y;
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_gemm(k->out[0], k->in[0], false, k->in[1], false, 1.0f, 0.0f);
}

static socle_status product(const socle_call *k, int side, socle_tensor *to)
{
    if (side == 0)
        return socle_prim_gemm(to, k->gout[0], false, k->in[1], true, 1.0f, 0.0f);
    return socle_prim_gemm(to, k->in[0], true, k->gout[0], false, 1.0f, 0.0f);
}

/* da = dy b^T, db = a^T dy, each summed over the matrices that broadcasting repeated. */
static socle_status backward(socle_call *k)
{
    for (int side = 0; side < 2; side++) {
        if (k->gin[side] == NULL)
            continue;
        socle_shape own = k->spec[side].shape, whole = k->out_spec[0].shape;
        whole.dim[whole.ndim - 2] = own.dim[own.ndim - 2];
        whole.dim[whole.ndim - 1] = own.dim[own.ndim - 1];
        if (socle_shape_equal(own, whole)) {
            SOCLE_TRY(product(k, side, k->gin[side]));
            continue;
        }
        socle_tensor *each = op_temp(k, (socle_spec){ k->spec[side].dtype, 1, whole });
        if (each == NULL)
            return socle_error_status();
        socle_status s = product(k, side, each);
        if (s == SOCLE_OK)
            s = socle_prim_unbroadcast(k->gin[side], each);
        socle_release(each);
        SOCLE_TRY(s);
    }
    return SOCLE_OK;
}

const socle_op socle_op_matmul = { .name = "matmul",
                                   .n_out = 1,
                                   .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1),
                                   .layout = SOCLE_LAYOUT_ROW_MAJOR,
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward };

socle_tensor *socle_matmul(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return socle_apply(c, &socle_op_matmul, NULL, 2, 2, (socle_tensor *[]){ a, b });
}

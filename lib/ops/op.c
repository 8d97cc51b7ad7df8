/* Steps shared by the ops of this room: argument checks with their wording, workspace, gradients that need no
 * copy. */
#include "op.h"

#include "core/ctx.h"
#include "core/tensor.h"

socle_status op_check_real(const socle_call *k, const char *name, int i)
{
    socle_dtype real = socle_device_real(socle_ctx_device(k->ctx));
    SOCLE_CHECK(k->spec[i].dtype == real, SOCLE_ERR_DTYPE, "%s: input %d is of type %s, the device computes in %s",
                name, i, socle_dtype_name(k->spec[i].dtype), socle_dtype_name(real));
    return SOCLE_OK;
}

socle_status op_check_ndim(const socle_call *k, const char *name, int i, int ndim, const char *layout)
{
    socle_shape s = k->spec[i].shape;
    SOCLE_CHECK(s.ndim == ndim, SOCLE_ERR_SHAPE, "%s: input %d of shape %s has %d dimensions, expected are %d, %s",
                name, i, shape_text(s).text, (int)s.ndim, ndim, layout);
    return SOCLE_OK;
}

int op_axis(int axis, socle_shape s)
{
    return axis < 0 ? axis + s.ndim : axis;
}

socle_tensor *op_temp(const socle_call *k, socle_spec s)
{
    return socle_tensor_dense(socle_ctx_device(k->ctx), s.dtype, s.shape, s.lanes);
}

socle_tensor *op_scalar(const socle_call *k, socle_dtype t, double value)
{
    socle_tensor *y = socle_tensor_new(socle_ctx_device(k->ctx), t, socle_shape0());
    if (y != NULL && socle_prim_fill(y, value) != SOCLE_OK) {
        socle_release(y);
        return NULL;
    }
    return y;
}

socle_status op_times(const socle_call *k, socle_tensor *y, const socle_tensor *x, double s)
{
    socle_tensor *factor = op_scalar(k, socle_dtype_of(x), s);
    if (factor == NULL)
        return socle_error_status();
    socle_status status = socle_prim_binary(SOCLE_BINARY_mul, y, x, factor);
    socle_release(factor);
    return status;
}

void op_reuse_gout(socle_call *k, int i)
{
    const socle_tensor *to = k->gin[i], *from = k->gout[0];
    if (to == NULL || !socle_call_owns_gout(k, 0) || to->view.lanes != from->view.lanes ||
        to->view.dtype != from->view.dtype || !socle_shape_equal(socle_shape_of(to), socle_shape_of(from)))
        return;
    op_share_gout(k, i);
}

void op_share_gout(socle_call *k, int i)
{
    socle_release(k->gin[i]);
    k->gin[i] = socle_retain(k->gout[0]);
}

socle_tensor *op_identity(socle_ctx *c, socle_tensor *x)
{
    return ctx_own(c, socle_retain(x));
}

/* What the ops of this room share: their tables, and small steps that several of them take. */
#ifndef OPS_OP_H
#define OPS_OP_H

#include <socle/ops.h>
#include <socle/sys/op.h>
#include "core/error.h"
#include "core/shape.h"

#define OP(name) extern const socle_op socle_op_##name;
#include "ops.def"
#undef OP

/* Input i must be of the device's real type. name: the op, for the message. */
socle_status op_check_real(const socle_call *k, const char *name, int i);
/* Input i must have ndim dimensions; `layout` says which: "(N, C, H, W)". */
socle_status op_check_ndim(const socle_call *k, const char *name, int i, int ndim, const char *layout);
/* The defaults filled in. */
socle_conv op_conv(socle_conv2d_opts o);
/* Axis of a checked call made non-negative. */
int op_axis(int axis, socle_shape s);

/* Owned workspace of spec s, contents undefined. */
socle_tensor *op_temp(const socle_call *k, socle_spec s);
/* Owned one-element tensor of shape (), of type t, holding value. */
socle_tensor *op_scalar(const socle_call *k, socle_dtype t, double value);
/* y = s x, x broadcast to y; s in the device's full precision, unlike the parameters of unary. y may be x. */
socle_status op_times(const socle_call *k, socle_tensor *y, const socle_tensor *x, double s);

/* In backward of an elementwise op: lets gin[i] be the memory of gout[0] where nobody else looks at it and the
 * format is the same, which spares a trip to memory. The gradient is then computed in place. */
void op_reuse_gout(socle_call *k, int i);
/* gin[i] = gout[0], which has its shape, without a copy. */
void op_share_gout(socle_call *k, int i);

/* x itself, as a result of c: for ops that have nothing to do. */
socle_tensor *op_identity(socle_ctx *c, socle_tensor *x);

#endif

/* One running primitive: its device, its temporary tensors, and the required slots, counted. Dispatch and
 * compositions work on views alone; what they allocate hangs from the call and goes with it, so that any step
 * may simply return. */
#ifndef PRIM_CALL_H
#define PRIM_CALL_H

#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "prim/stats.h"

enum { CALL_MAX_TEMPS = 16 };
typedef struct call {
    socle_device *device;
    int n;
    socle_tensor *temp[CALL_MAX_TEMPS];
} call;

call call_on(const socle_tensor *y);
/* Releases the temporaries, advances y's version (NULL is allowed) and returns s. */
socle_status call_end(call *k, socle_status s, socle_tensor *y);

/* A new row-major temporary. */
socle_status call_dense(call *k, socle_dtype t, socle_shape s, socle_view *out) SOCLE_MUST_USE;
/* One real value seen in shape s. */
socle_status call_scalar(call *k, double value, socle_shape s, socle_view *out) SOCLE_MUST_USE;
/* x with lanes 1: itself, or a copy. */
socle_status call_unblock(call *k, socle_in x, socle_view *out) SOCLE_MUST_USE;
/* x row-major and dense: itself, or a copy. */
socle_status call_row_major(call *k, socle_in x, socle_view *out) SOCLE_MUST_USE;
/* x broadcast to s: itself, or a copy where its format forbids that. */
socle_status call_expand(call *k, socle_in x, socle_shape s, socle_view *out) SOCLE_MUST_USE;

/* d's table if optional slots may be used and the slot at this offset exists in it, else NULL. */
const socle_backend *optional_slots(const socle_device *d, size_t offset);
/* Counts what an optional slot answered (ERR_UNSUPPORTED: its composition runs) and returns s. */
socle_status call_count(call *k, prim_slot slot, socle_status s);

/* ---- views ---- */
bool view_is_empty(socle_in v);
bool view_is_row_major(socle_in v); /* and dense */
/* v with dimensions of size 1 inserted where bits of missing are set, `ndim` in all. False if v is in blocks of
 * images and a dimension would come before the images. */
bool view_lift(socle_in v, int ndim, uint32_t missing, socle_view *out);
/* Dimensions at and at + 1 as one. False if the strides forbid it; at >= 1 where v is in blocks. */
bool view_merge(socle_in v, int at, socle_view *out);
/* Elements from .. from + count - 1 of one axis; of blocked images, from is a multiple of SOCLE_LANES. */
socle_view view_narrow(socle_in v, int axis, int64_t from, int64_t count);
/* The last two dimensions swapped; not for blocked views of 2 dimensions. */
socle_view view_transposed(socle_in v);

/* ---- required slots ---- */
socle_status call_fill(call *k, socle_out y, double value);
socle_status call_copy(call *k, socle_out y, socle_in x);
socle_status call_unary(call *k, socle_unary op, socle_out y, socle_in x, float a, float b, float c);
socle_status call_unary_grad(call *k, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                             float b, float c);
socle_status call_binary(call *k, socle_binary op, socle_out y, socle_in a, socle_in b);
socle_status call_binary_grad(call *k, socle_binary op, int side, socle_out d, socle_in dy, socle_in a, socle_in b);
socle_status call_where(call *k, socle_out y, socle_in cond, socle_in a, socle_in b);
socle_status call_reduce(call *k, socle_reduce op, socle_out y, socle_in x, uint32_t axes);
socle_status call_argreduce(call *k, socle_reduce op, socle_out index, socle_in x, int axis);
socle_status call_gemm(call *k, socle_out c, socle_in a, socle_in b, float alpha, float beta);
socle_status call_im2col(call *k, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo);
socle_status call_col2im(call *k, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo);
socle_status call_pool(call *k, const socle_pool *p, socle_out y, socle_out index, socle_in x);
socle_status call_pool_grad(call *k, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index);
socle_status call_gather(call *k, socle_out y, socle_in x, socle_in index, int axis);
socle_status call_scatter_add(call *k, socle_out y, socle_in x, socle_in index, int axis);
socle_status call_random_uniform(call *k, socle_out y, socle_philox r, float lo, float hi);
socle_status call_random_normal(call *k, socle_out y, socle_philox r, float mean, float std);

#endif

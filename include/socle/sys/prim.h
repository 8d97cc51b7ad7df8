/* Primitives on tensors, without tape: each checks its arguments, calls the device's slot (sys/backend.h gives the
 * meaning), and composes the fused ones from required slots where the device has none. For authors of ops and
 * optimizer rules; it may change in any minor release.
 *
 * All operands live on one device. Destinations come first and keep their shape; a primitive advances the version of
 * what it writes. Input operands of binary, binary_grad, where, copy and gather's index broadcast (NumPy rules) to the
 * destination's shape. Empty destinations are answered without the device. Statuses: ERR_SHAPE, ERR_DTYPE, ERR_ARG,
 * ERR_NOMEM (workspace of a composition), and what the device reports. Nothing here waits. */
#ifndef SOCLE_SYS_PRIM_H
#define SOCLE_SYS_PRIM_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum socle_keep { SOCLE_KEEP_NONE, SOCLE_KEEP_X, SOCLE_KEEP_Y, SOCLE_KEEP_AB } socle_keep;
/* What the derivative of a line in unary.def or binary.def needs. */
SOCLE_API socle_keep socle_unary_keep(socle_unary op);
SOCLE_API socle_keep socle_binary_keep(socle_binary op);
SOCLE_API bool socle_binary_compares(socle_binary op);
SOCLE_API const char *socle_unary_name(socle_unary op);
SOCLE_API const char *socle_binary_name(socle_binary op);

/* A tensor of t's device as kernels see it. */
SOCLE_API socle_view socle_view_of(const socle_tensor *t);
/* New owned handle on t's storage seen through v (buffer is ignored; v must stay inside the storage: ERR_ARG). */
SOCLE_API socle_tensor *socle_tensor_view(const socle_tensor *t, const socle_view *v);
/* New owned tensor, contents undefined, dense in the given format. lanes 0: the device's batch format if s has at least
 * 2 dims and dim[0] >= SOCLE_BATCH_MIN, else row-major. */
SOCLE_API socle_tensor *socle_tensor_dense(socle_device *d, socle_dtype t, socle_shape s, int lanes);
/* Of t's storage: another number after every write to it. */
SOCLE_API uint64_t socle_tensor_version(const socle_tensor *t);
/* Row-major and dense: t itself (one more reference) if it is, else a copy. NULL on failure. */
SOCLE_API socle_tensor *socle_tensor_contiguous(socle_tensor *t);
/* A copy of its own, row-major and dense. NULL on failure. */
SOCLE_API socle_tensor *socle_tensor_copy(const socle_tensor *t);

SOCLE_API socle_status socle_prim_fill(socle_tensor *y, double value);
SOCLE_API socle_status socle_prim_copy(socle_tensor *y, const socle_tensor *x);
SOCLE_API socle_status socle_prim_unary(socle_unary op, socle_tensor *y, const socle_tensor *x, float a, float b,
                                        float c);
SOCLE_API socle_status socle_prim_unary_grad(socle_unary op, socle_tensor *dx, const socle_tensor *dy,
                                             const socle_tensor *x, const socle_tensor *y, float a, float b,
                                             float c);
SOCLE_API socle_status socle_prim_binary(socle_binary op, socle_tensor *y, const socle_tensor *a,
                                         const socle_tensor *b);
/* a and b may be NULL where the line keeps neither. */
SOCLE_API socle_status socle_prim_binary_grad(socle_binary op, int side, socle_tensor *d, const socle_tensor *dy,
                                              const socle_tensor *a, const socle_tensor *b);
SOCLE_API socle_status socle_prim_where(socle_tensor *y, const socle_tensor *cond, const socle_tensor *a,
                                        const socle_tensor *b);
/* y: x's shape with the reduced axes (0 = all) either removed or of size 1. */
SOCLE_API socle_status socle_prim_reduce(socle_reduce op, socle_tensor *y, const socle_tensor *x, uint32_t axes);
/* y = sum of x over what broadcasting repeated, y's shape being broadcastable to x's: a gradient's way back. */
SOCLE_API socle_status socle_prim_unbroadcast(socle_tensor *y, const socle_tensor *x);
SOCLE_API socle_status socle_prim_argreduce(socle_reduce op, socle_tensor *index, const socle_tensor *x, int axis);
/* Leading dims of a and b broadcast to c's. ta, tb: that operand is given transposed in its last two dims. */
SOCLE_API socle_status socle_prim_gemm(socle_tensor *c, const socle_tensor *a, bool ta, const socle_tensor *b,
                                       bool tb, float alpha, float beta);
SOCLE_API socle_status socle_prim_pool(const socle_pool *p, socle_tensor *y, socle_tensor *index,
                                       const socle_tensor *x);
SOCLE_API socle_status socle_prim_pool_grad(const socle_pool *p, bool add, socle_tensor *dx, const socle_tensor *dy,
                                            const socle_tensor *index);
SOCLE_API socle_status socle_prim_gather(socle_tensor *y, const socle_tensor *x, const socle_tensor *index,
                                         int axis);
SOCLE_API socle_status socle_prim_scatter_add(socle_tensor *y, const socle_tensor *x, const socle_tensor *index,
                                              int axis);
SOCLE_API socle_status socle_prim_random_uniform(socle_tensor *y, socle_philox r, float lo, float hi);
SOCLE_API socle_status socle_prim_random_normal(socle_tensor *y, socle_philox r, float mean, float std);
SOCLE_API socle_status socle_prim_axpby(socle_tensor *y, float a, const socle_tensor *x, float b);
/* op: SOCLE_UNARY_relu or SOCLE_UNARY_monotone_relu, else ERR_ARG. */
SOCLE_API socle_status socle_prim_add_relu(socle_unary op, socle_tensor *y, const socle_tensor *a,
                                           const socle_tensor *b, float leak, float sub, float max);
SOCLE_API socle_status socle_prim_conv(const socle_conv *p, socle_epilogue e, socle_tensor *y,
                                       const socle_tensor *x, const socle_tensor *w, const socle_tensor *bias);
SOCLE_API socle_status socle_prim_conv_grad(const socle_conv *p, socle_epilogue e, socle_tensor *dx,
                                            socle_tensor *dw, socle_tensor *db, const socle_tensor *dy,
                                            const socle_tensor *x, const socle_tensor *w, const socle_tensor *y);
SOCLE_API socle_status socle_prim_linear(socle_epilogue e, socle_tensor *y, const socle_tensor *x,
                                         const socle_tensor *w, const socle_tensor *bias);
SOCLE_API socle_status socle_prim_linear_grad(socle_epilogue e, socle_tensor *dx, socle_tensor *dw,
                                              socle_tensor *db, const socle_tensor *dy, const socle_tensor *x,
                                              const socle_tensor *w, const socle_tensor *y);
/* x (N, C) or (N, C, pixels ...), C = groups times K; mean, var (C) with p->batch, where groups do not count, else
 * (N, groups). gamma and beta: (C) or (C, 1 ...), one element, or x's shape without N; NULL: none. */
SOCLE_API socle_status socle_prim_moments(const socle_norm *p, socle_tensor *mean, socle_tensor *var,
                                          const socle_tensor *x);
SOCLE_API socle_status socle_prim_normalize(const socle_norm *p, socle_tensor *y, const socle_tensor *x,
                                            const socle_tensor *mean, const socle_tensor *var,
                                            const socle_tensor *gamma, const socle_tensor *beta);
SOCLE_API socle_status socle_prim_normalize_grad(const socle_norm *p, socle_tensor *dx, socle_tensor *dgamma,
                                                 socle_tensor *dbeta, const socle_tensor *dy, const socle_tensor *x,
                                                 const socle_tensor *mean, const socle_tensor *var,
                                                 const socle_tensor *gamma, const socle_tensor *beta);
/* Of conv, then normalize with p->batch, in one pass where the device has one: dy, the gradient between the two, is not
 * kept. Each gradient may be NULL; y is read whatever the epilogue. */
typedef struct socle_conv_norm_tensors {
    socle_tensor *dx, *dw, *db, *dgamma, *dbeta;
    const socle_tensor *dz, *x, *w, *y, *mean, *var, *gamma, *beta;
} socle_conv_norm_tensors;
SOCLE_API socle_status socle_prim_conv_norm_grad(const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                                                 const socle_conv_norm_tensors *v);
SOCLE_API socle_status socle_prim_softmax(socle_tensor *y, const socle_tensor *x, int axis, bool log);
SOCLE_API socle_status socle_prim_softmax_grad(socle_tensor *dx, const socle_tensor *dy, const socle_tensor *y,
                                               int axis, bool log);
SOCLE_API socle_status socle_prim_xent(socle_tensor *loss, socle_tensor *logp, const socle_tensor *x,
                                       const socle_tensor *target);
/* dloss (N), or one element for all. */
SOCLE_API socle_status socle_prim_xent_grad(socle_tensor *dx, const socle_tensor *dloss, const socle_tensor *logp,
                                            const socle_tensor *target, float scale);
SOCLE_API socle_status socle_prim_dropout(socle_tensor *y, const socle_tensor *x, socle_philox r, float p);
/* n tensors each, all on one device; m NULL without momentum. */
SOCLE_API socle_status socle_prim_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g,
                                           socle_tensor *const *m, const socle_sgd_args *a);
/* m NULL only with kind RMS, v exactly with kind SIGN. */
SOCLE_API socle_status socle_prim_adam_many(size_t n, socle_tensor *const *p, socle_tensor *const *g,
                                            socle_tensor *const *m, socle_tensor *const *v,
                                            const socle_adam_args *a);
SOCLE_API socle_status socle_prim_lamb_many(size_t n, socle_tensor *const *p, socle_tensor *const *g,
                                            socle_tensor *const *m, socle_tensor *const *v,
                                            const socle_lamb_args *a);
/* norm: one element, 0 where there is nothing to add up. limit > 0. */
SOCLE_API socle_status socle_prim_clip_many(size_t n, socle_tensor *const *g, socle_tensor *norm, float limit);
SOCLE_API socle_status socle_prim_axpby_many(size_t n, socle_tensor *const *y, float a, socle_tensor *const *x,
                                             float b);

/* Of all elements of x. Where x is empty: counts 0, moments NaN. */
SOCLE_API socle_status socle_prim_histogram(const socle_bins *b, socle_tensor *counts, socle_tensor *moments,
                                            const socle_tensor *x);

/* x without pixels: y is pad. */
SOCLE_API socle_status socle_prim_shift_images(socle_tensor *y, const socle_tensor *x, const socle_tensor *place,
                                               float pad);

/* How often each slot ran on d, and how often its composition did instead (who is silently slow?). Also logged at
 * level info when the device closes. */
typedef struct socle_slot_stat {
    const char *name;
    uint64_t slot, composed;
} socle_slot_stat;
/* Fills up to cap entries; returns how many there are. */
SOCLE_API size_t socle_prim_stats(const socle_device *d, socle_slot_stat *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif

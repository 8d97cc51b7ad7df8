/* The only place that judges arguments of primitives: operands are there, on one device, of the right types, and
 * their shapes agree. Backends and compositions rely on it. Messages start with what users call the function. */
#ifndef PRIM_VALIDATE_H
#define PRIM_VALIDATE_H

#include "core/tensor.h"

typedef enum validate_type { TYPE_ANY, TYPE_REAL, TYPE_INDEX, TYPE_MASK } validate_type; /* real, I32, U8 */

/* ---- what the rules below are made of ---- */

/* y is written: it is there, of this type, does not overlap itself, and its device's counters are ready. */
socle_status validate_result(const char *what, const socle_tensor *y, validate_type t) SOCLE_MUST_USE;
/* x (called name) is there, of this type and on y's device. */
socle_status validate_operand(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y,
                              validate_type t) SOCLE_MUST_USE;
/* A further result beside y. */
socle_status validate_output(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y,
                             validate_type t) SOCLE_MUST_USE;
socle_status validate_shape(const char *what, const char *name, const socle_tensor *x,
                            socle_shape s) SOCLE_MUST_USE;
socle_status validate_ndim(const char *what, const char *name, const socle_tensor *x, int ndim) SOCLE_MUST_USE;
/* x stretches to s. */
socle_status validate_broadcast(const char *what, const char *name, const socle_tensor *x,
                                socle_shape s) SOCLE_MUST_USE;
bool tensor_is_empty(const socle_tensor *t);

/* ---- one a primitive; arguments as in sys/prim.h ---- */
socle_status validate_copy(const socle_tensor *y, const socle_tensor *x) SOCLE_MUST_USE;
socle_status validate_unary(socle_unary op, const socle_tensor *y, const socle_tensor *x) SOCLE_MUST_USE;
/* x and y must be there where op keeps them. */
socle_status validate_unary_grad(socle_unary op, const socle_tensor *dx, const socle_tensor *dy,
                                 const socle_tensor *x, const socle_tensor *y) SOCLE_MUST_USE;
socle_status validate_binary(socle_binary op, const socle_tensor *y, const socle_tensor *a,
                             const socle_tensor *b) SOCLE_MUST_USE;
/* a and b must be there where op keeps them. */
socle_status validate_binary_grad(socle_binary op, int side, const socle_tensor *d, const socle_tensor *dy,
                                  const socle_tensor *a, const socle_tensor *b) SOCLE_MUST_USE;
socle_status validate_where(const socle_tensor *y, const socle_tensor *cond, const socle_tensor *a,
                            const socle_tensor *b) SOCLE_MUST_USE;
socle_status validate_axpby(const socle_tensor *y, const socle_tensor *x) SOCLE_MUST_USE;
socle_status validate_add_relu(socle_unary op, const socle_tensor *y, const socle_tensor *a,
                               const socle_tensor *b) SOCLE_MUST_USE;
socle_status validate_random(const char *what, const socle_tensor *y) SOCLE_MUST_USE;
socle_status validate_dropout(const socle_tensor *y, const socle_tensor *x, float p) SOCLE_MUST_USE;

/* *axes 0 becomes all of x's; *missing: those of them that y's shape leaves out. */
socle_status validate_reduce(socle_reduce op, const socle_tensor *y, const socle_tensor *x, uint32_t *axes,
                             uint32_t *missing) SOCLE_MUST_USE;
/* *axes: what is added up; *missing: the dimensions that y lacks, part of it. */
socle_status validate_unbroadcast(const socle_tensor *y, const socle_tensor *x, uint32_t *axes,
                                  uint32_t *missing) SOCLE_MUST_USE;
/* *axis is made non-negative. */
socle_status validate_argreduce(socle_reduce op, const socle_tensor *index, const socle_tensor *x, int *axis,
                                uint32_t *missing) SOCLE_MUST_USE;
socle_status validate_softmax(const socle_tensor *y, const socle_tensor *x, int *axis) SOCLE_MUST_USE;
socle_status validate_softmax_grad(const socle_tensor *dx, const socle_tensor *dy, const socle_tensor *y,
                                   int *axis) SOCLE_MUST_USE;
socle_status validate_xent(const socle_tensor *loss, const socle_tensor *logp, const socle_tensor *x,
                           const socle_tensor *target) SOCLE_MUST_USE;
socle_status validate_xent_grad(const socle_tensor *dx, const socle_tensor *dloss, const socle_tensor *logp,
                                const socle_tensor *target) SOCLE_MUST_USE;

socle_status validate_gather(const socle_tensor *y, const socle_tensor *x, const socle_tensor *index,
                             int *axis) SOCLE_MUST_USE;
socle_status validate_scatter_add(const socle_tensor *y, const socle_tensor *x, const socle_tensor *index,
                                  int *axis) SOCLE_MUST_USE;
socle_status validate_shift_images(const socle_tensor *y, const socle_tensor *x,
                                   const socle_tensor *place) SOCLE_MUST_USE;
socle_status validate_pool(const socle_pool *p, const socle_tensor *y, const socle_tensor *index,
                           const socle_tensor *x) SOCLE_MUST_USE;
socle_status validate_pool_grad(const socle_pool *p, const socle_tensor *dx, const socle_tensor *dy,
                                const socle_tensor *index) SOCLE_MUST_USE;

/* sa, sb: the shapes that a and b, transposed where asked, are broadcast to. */
socle_status validate_gemm(const socle_tensor *c, const socle_tensor *a, bool ta, const socle_tensor *b, bool tb,
                           socle_shape *sa, socle_shape *sb) SOCLE_MUST_USE;
socle_status validate_conv(const socle_conv *p, socle_epilogue e, const socle_tensor *y, const socle_tensor *x,
                           const socle_tensor *w, const socle_tensor *bias) SOCLE_MUST_USE;
/* At least one of dx, dw and db is there. */
socle_status validate_conv_grad(const socle_conv *p, socle_epilogue e, const socle_tensor *dx,
                                const socle_tensor *dw, const socle_tensor *db, const socle_tensor *dy,
                                const socle_tensor *x, const socle_tensor *w, const socle_tensor *y) SOCLE_MUST_USE;
socle_status validate_linear(socle_epilogue e, const socle_tensor *y, const socle_tensor *x, const socle_tensor *w,
                             const socle_tensor *bias) SOCLE_MUST_USE;
socle_status validate_linear_grad(socle_epilogue e, const socle_tensor *dx, const socle_tensor *dw,
                                  const socle_tensor *db, const socle_tensor *dy, const socle_tensor *x,
                                  const socle_tensor *w, const socle_tensor *y) SOCLE_MUST_USE;
socle_status validate_moments(const socle_norm *p, const socle_tensor *mean, const socle_tensor *var,
                              const socle_tensor *x) SOCLE_MUST_USE;
socle_status validate_normalize(const socle_norm *p, const socle_tensor *y, const socle_tensor *x,
                                const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                const socle_tensor *beta) SOCLE_MUST_USE;
/* At least one of dx, dgamma and dbeta is there. */
socle_status validate_normalize_grad(const socle_norm *p, const socle_tensor *dx, const socle_tensor *dgamma,
                                     const socle_tensor *dbeta, const socle_tensor *dy, const socle_tensor *x,
                                     const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                     const socle_tensor *beta) SOCLE_MUST_USE;
socle_status validate_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                               const socle_sgd_args *a) SOCLE_MUST_USE;
socle_status validate_adam_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                socle_tensor *const *v, const socle_adam_args *a) SOCLE_MUST_USE;
socle_status validate_lamb_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                socle_tensor *const *v, const socle_lamb_args *a) SOCLE_MUST_USE;
socle_status validate_clip_many(size_t n, socle_tensor *const *g, const socle_tensor *norm,
                                float limit) SOCLE_MUST_USE;
socle_status validate_axpby_many(size_t n, socle_tensor *const *y, socle_tensor *const *x) SOCLE_MUST_USE;
/* The counters of counts' device are ready. */
socle_status validate_histogram(const socle_bins *b, const socle_tensor *counts, const socle_tensor *moments,
                                const socle_tensor *x) SOCLE_MUST_USE;

#endif

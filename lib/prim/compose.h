/* The fused slots made of required ones, for devices that have none or refuse. Arguments as in sys/backend.h,
 * with the call in the device's place; temporaries hang from the call. */
#ifndef PRIM_COMPOSE_H
#define PRIM_COMPOSE_H

#include "prim/call.h"

socle_status compose_axpby(call *k, socle_out y, float a, socle_in x, float b);
socle_status compose_add_relu(call *k, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                              float max);
socle_status compose_dropout(call *k, socle_out y, socle_in x, socle_philox r, float p);
/* w and dw are row-major and dense. */
socle_status compose_conv(call *k, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                          socle_in bias);
socle_status compose_conv_grad(call *k, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                               socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y);
socle_status compose_linear(call *k, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias);
socle_status compose_linear_grad(call *k, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                                 socle_in x, socle_in w, socle_in y);
/* y = epilogue(y + bias), bias (C) along dimension 1 or NULL: how conv and linear end. */
socle_status compose_epilogue(call *k, socle_epilogue e, socle_out y, socle_in bias);
/* The gradient before the epilogue: dy itself, or a row-major temporary where y > 0 decides. */
socle_status compose_passed(call *k, socle_epilogue e, socle_in dy, socle_in y, socle_view *out);
/* db (C) = sum of g over everything but dimension 1. */
socle_status compose_bias_grad(call *k, socle_out db, socle_in g);
/* x (N, G, K, S) and the rest as the slots see them. */
socle_status compose_moments(call *k, const socle_norm *p, socle_out mean, socle_out var, socle_in x);
socle_status compose_normalize(call *k, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                               socle_in gamma, socle_in beta);
socle_status compose_normalize_grad(call *k, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                    socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                    socle_in beta);
socle_status compose_softmax(call *k, socle_out y, socle_in x, int axis, bool log);
socle_status compose_softmax_grad(call *k, socle_out dx, socle_in dy, socle_in y, int axis, bool log);
socle_status compose_xent(call *k, socle_out loss, socle_out logp, socle_in x, socle_in target);
socle_status compose_xent_grad(call *k, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale);
socle_status compose_sgd_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_sgd_args *a);
socle_status compose_adam_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                               const socle_view *v, const socle_adam_args *a);
socle_status compose_lamb_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                               const socle_view *v, const socle_lamb_args *a);
socle_status compose_clip_many(call *k, size_t n, const socle_view *g, socle_out norm, float limit);
socle_status compose_axpby_many(call *k, size_t n, const socle_view *y, float a, const socle_view *x, float b);
/* x is not empty. A bin's count is added up in x's type: in F32 it is exact up to 2^24. */
socle_status compose_histogram(call *k, const socle_bins *b, socle_out counts, socle_out moments, socle_in x);
/* place is row-major. */
socle_status compose_shift_images(call *k, socle_out y, socle_in x, socle_in place, float pad);

#endif

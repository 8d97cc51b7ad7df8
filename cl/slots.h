/* The slots by file; each has the signature and contract of sys/backend.h. */
#ifndef CL_SLOTS_H
#define CL_SLOTS_H

#include <socle/sys/backend.h>

/* elementwise.c */
socle_status ocl_fill(void *self, socle_out y, double value);
socle_status ocl_copy(void *self, socle_out y, socle_in x);
socle_status ocl_unary(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c);
socle_status ocl_unary_grad(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                            float b, float c);
socle_status ocl_binary(void *self, socle_binary op, socle_out y, socle_in a, socle_in b);
socle_status ocl_binary_grad(void *self, socle_binary op, int side, socle_out d, socle_in dy, socle_in a,
                             socle_in b);
socle_status ocl_where(void *self, socle_out y, socle_in cond, socle_in a, socle_in b);
socle_status ocl_axpby(void *self, socle_out y, float a, socle_in x, float b);
socle_status ocl_add_relu(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                          float max);
/* reduce.c */
socle_status ocl_reduce(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes);
socle_status ocl_argreduce(void *self, socle_reduce op, socle_out index, socle_in x, int axis);
/* gemm.c */
socle_status ocl_gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta);
/* im2col.c */
socle_status ocl_im2col(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo);
socle_status ocl_col2im(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo);
/* pool2d.c */
socle_status ocl_pool(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x);
socle_status ocl_pool_grad(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index);
/* index.c */
socle_status ocl_gather(void *self, socle_out y, socle_in x, socle_in index, int axis);
socle_status ocl_scatter_add(void *self, socle_out y, socle_in x, socle_in index, int axis);
/* random.c */
socle_status ocl_random_uniform(void *self, socle_out y, socle_philox r, float lo, float hi);
socle_status ocl_random_normal(void *self, socle_out y, socle_philox r, float mean, float std);
socle_status ocl_dropout(void *self, socle_out y, socle_in x, socle_philox r, float p);
/* conv.c */
socle_status ocl_conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                      socle_in bias);
socle_status ocl_conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                           socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y);
/* linear.c */
socle_status ocl_linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias);
socle_status ocl_linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                             socle_in x, socle_in w, socle_in y);
/* norm.c */
socle_status ocl_moments(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x);
socle_status ocl_normalize(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                           socle_in gamma, socle_in beta);
/* norm_grad.c */
socle_status ocl_normalize_grad(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                socle_in beta);
/* softmax.c */
socle_status ocl_softmax(void *self, socle_out y, socle_in x, int axis, bool log);
socle_status ocl_softmax_grad(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log);
socle_status ocl_xent(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target);
socle_status ocl_xent_grad(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale);
/* histogram.c */
socle_status ocl_histogram(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x);
/* shift.c */
socle_status ocl_shift_images(void *self, socle_out y, socle_in x, socle_in place, float pad);
/* optim.c */
socle_status ocl_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a);
socle_status ocl_adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_adam_args *a);
socle_status ocl_lamb_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_lamb_args *a);
socle_status ocl_clip_many(void *self, size_t n, const socle_view *g, socle_out norm, float limit);
socle_status ocl_axpby_many(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b);
/* tune.c */
socle_status ocl_variants(void *self, bool check, socle_variant_report fn, void *user);
socle_status ocl_tune(void *self, socle_tune_report fn, void *user);

#endif

/* What "self" is in this backend: an opened CPU. */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include <socle/sys/backend.h>
#include "kernels.h"

struct memory_pool; /* memory.h: blocks kept for reuse */

typedef struct cpu_device {
    const struct cpu_kernels *kernels;
    int threads;
    struct memory_pool *memory;
} cpu_device;

/* Workspace of `bytes`, 64-byte aligned, from the device's pool: after the first step it costs no system call.
 * NULL on failure, with ERR_NOMEM raised. Give it back with cpu_scratch_free. Not from inside cpu_for. */
void *cpu_scratch(cpu_device *d, size_t bytes);
void cpu_scratch_free(cpu_device *d, void *p, size_t bytes);

/* describe.c */
size_t cpu_main_memory(void); /* bytes; 0 = unknown */
socle_status cpu_describe(int index, socle_device_info *out);

/* ---- slots by file; each has the signature and contract of sys/backend.h ---- */
/* conv.c */
socle_status cpu_conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                      socle_in bias);
socle_status cpu_conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                           socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y);
/* linear.c */
socle_status cpu_linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias);
socle_status cpu_linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                             socle_in x, socle_in w, socle_in y);
/* gemm.c */
socle_status cpu_gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta);
/* im2col.c */
socle_status cpu_im2col(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo);
socle_status cpu_col2im(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo);
/* elementwise.c */
socle_status cpu_fill(void *self, socle_out y, double value);
socle_status cpu_copy(void *self, socle_out y, socle_in x);
socle_status cpu_unary(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c);
socle_status cpu_unary_grad(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                            float b, float c);
socle_status cpu_binary(void *self, socle_binary op, socle_out y, socle_in a, socle_in b);
socle_status cpu_binary_grad(void *self, socle_binary op, int side, socle_out d, socle_in dy, socle_in a,
                             socle_in b);
socle_status cpu_where(void *self, socle_out y, socle_in cond, socle_in a, socle_in b);
socle_status cpu_axpby(void *self, socle_out y, float a, socle_in x, float b);
socle_status cpu_add_relu(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                          float max);
/* reduce.c */
socle_status cpu_reduce(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes);
socle_status cpu_argreduce(void *self, socle_reduce op, socle_out index, socle_in x, int axis);
/* pool2d.c */
socle_status cpu_pool(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x);
socle_status cpu_pool_grad(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index);
/* index.c */
socle_status cpu_gather(void *self, socle_out y, socle_in x, socle_in index, int axis);
socle_status cpu_scatter_add(void *self, socle_out y, socle_in x, socle_in index, int axis);
/* random.c */
socle_status cpu_random_uniform(void *self, socle_out y, socle_philox r, float lo, float hi);
socle_status cpu_random_normal(void *self, socle_out y, socle_philox r, float mean, float std);
socle_status cpu_dropout(void *self, socle_out y, socle_in x, socle_philox r, float p);
/* norm.c, norm_grad.c */
socle_status cpu_moments(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x);
socle_status cpu_normalize(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                           socle_in gamma, socle_in beta);
socle_status cpu_conv_norm_grad(void *self, const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                                const socle_conv_norm *v);
socle_status cpu_normalize_grad(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                socle_in beta);
/* softmax.c, entropy.c */
socle_status cpu_softmax(void *self, socle_out y, socle_in x, int axis, bool log);
socle_status cpu_softmax_grad(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log);
socle_status cpu_xent(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target);
socle_status cpu_xent_grad(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale);
/* histogram.c */
socle_status cpu_histogram(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x);
/* shift.c */
socle_status cpu_shift_images(void *self, socle_out y, socle_in x, socle_in place, float pad);
/* optim.c */
socle_status cpu_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a);
socle_status cpu_adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_adam_args *a);
socle_status cpu_lamb_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_lamb_args *a);
socle_status cpu_clip_many(void *self, size_t n, const socle_view *g, socle_out norm, float limit);
socle_status cpu_axpby_many(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b);

#endif

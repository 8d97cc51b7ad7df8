/* Differentiable functions. Each takes a ctx, returns a borrowed tensor (alive until the enclosing scope ends) or NULL
 * with the ctx's status set, and waits for nothing. NULL operands give NULL. "Not differentiable" results stop the
 * gradient. Shapes are written (N, C, H, W). */
#ifndef SOCLE_OPS_H
#define SOCLE_OPS_H

#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum socle_reduction { SOCLE_MEAN, SOCLE_SUM, SOCLE_NONE } socle_reduction;

/* ---- elementwise, one operand: one line each in sys/unary.def ---- */
SOCLE_API socle_tensor *socle_neg(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_abs(socle_ctx *c, socle_tensor *x); /* gradient 0 at 0 */
SOCLE_API socle_tensor *socle_exp(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_log(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_sqrt(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_square(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_scale(socle_ctx *c, socle_tensor *x, double mul, double add);  /* mul x + add */
SOCLE_API socle_tensor *socle_clamp(socle_ctx *c, socle_tensor *x, double low, double high); /* gradient 0 outside */
SOCLE_API socle_tensor *socle_relu(socle_ctx *c, socle_tensor *x);                           /* gradient 0 at 0 */
SOCLE_API socle_tensor *socle_leaky_relu(socle_ctx *c, socle_tensor *x, double leak);
SOCLE_API socle_tensor *socle_sigmoid(socle_ctx *c, socle_tensor *x);
SOCLE_API socle_tensor *socle_tanh(socle_ctx *c, socle_tensor *x);
/* min(leaky_relu(x, leak) - sub, max) in one pass; max INFINITY: no cut. */
SOCLE_API socle_tensor *socle_general_relu(socle_ctx *c, socle_tensor *x, double leak, double sub, double max);
SOCLE_API socle_tensor *socle_silu(socle_ctx *c, socle_tensor *x);      /* x sigmoid(x), also called swish */
SOCLE_API socle_tensor *socle_gelu(socle_ctx *c, socle_tensor *x);      /* x P(z < x), z standard normal: the exact form */
SOCLE_API socle_tensor *socle_gelu_tanh(socle_ctx *c, socle_tensor *x); /* its approximation by tanh; within 5e-4 */
SOCLE_API socle_tensor *socle_mish(socle_ctx *c, socle_tensor *x);      /* x tanh(log(1 + exp(x))) */

/* ---- elementwise, two operands, NumPy broadcasting: one line each in sys/binary.def ---- */
SOCLE_API socle_tensor *socle_add(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_sub(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_mul(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_div(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_maximum(socle_ctx *c, socle_tensor *a, socle_tensor *b); /* a tie's gradient goes to a */
SOCLE_API socle_tensor *socle_minimum(socle_ctx *c, socle_tensor *a, socle_tensor *b);
/* relu(a + b) and general_relu(a + b, ...): where the shapes are equal, and leak is not negative, in one pass over the result,
 * forward and backward. Residual blocks end so. */
SOCLE_API socle_tensor *socle_add_relu(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_add_general_relu(socle_ctx *c, socle_tensor *a, socle_tensor *b, double leak,
                                               double sub, double max);
/* Comparisons: U8, 1 where true; not differentiable. NaN compares as in C. a and b have one type. */
SOCLE_API socle_tensor *socle_eq(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_ne(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_lt(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_le(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_gt(socle_ctx *c, socle_tensor *a, socle_tensor *b);
SOCLE_API socle_tensor *socle_ge(socle_ctx *c, socle_tensor *a, socle_tensor *b);
/* cond (U8) ? a : b, all three broadcast. */
SOCLE_API socle_tensor *socle_where(socle_ctx *c, socle_tensor *cond, socle_tensor *a, socle_tensor *b);

/* ---- reductions. axes: bit i = dimension i, 0 = all. keep: reduced dimensions stay with size 1 ---- */
SOCLE_API socle_tensor *socle_sum(socle_ctx *c, socle_tensor *x, uint32_t axes, bool keep);
SOCLE_API socle_tensor *socle_mean(socle_ctx *c, socle_tensor *x, uint32_t axes, bool keep);
/* Largest along one axis (-1: the last); the gradient goes to the first of equal elements. NaN wins. */
SOCLE_API socle_tensor *socle_max(socle_ctx *c, socle_tensor *x, int axis, bool keep);
/* Its index: I32, the axis removed, first of equal elements, not differentiable. */
SOCLE_API socle_tensor *socle_argmax(socle_ctx *c, socle_tensor *x, int axis);

/* ---- products ---- */
/* (..., m, k) x (..., k, n) -> (..., m, n); leading dimensions broadcast. Operands have 2 to 6 dimensions. */
SOCLE_API socle_tensor *socle_matmul(socle_ctx *c, socle_tensor *a, socle_tensor *b);
/* x (N, in), w (out, in), bias (out) or NULL -> x w^T + bias, (N, out). */
SOCLE_API socle_tensor *socle_linear(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias);
typedef struct socle_conv2d_opts {
    int stride, pad, dilation, groups; /* zero means 1, 0, 1, 1; both axes alike */
} socle_conv2d_opts;
/* x (N, C, H, W), w (K, C/groups, R, S), bias (K) or NULL -> (N, K, Ho, Wo),
 * Ho = floor((H + 2 pad - dilation (R - 1) - 1) / stride) + 1. ERR_SHAPE if C and w disagree or Ho < 1. */
SOCLE_API socle_tensor *socle_conv2d(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                     socle_conv2d_opts o);
/* max(0, conv2d(...)) in one pass over the result, forward and backward. */
SOCLE_API socle_tensor *socle_conv2d_relu(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                          socle_conv2d_opts o);

/* ---- pooling over the last two of (N, C, H, W) ---- */
typedef struct socle_pool2d_opts {
    int size, stride, pad;  /* stride 0: size. pad at most size / 2 */
    bool ceil;              /* a last window that hangs over the edge counts, if it starts inside */
    bool exclude_pad;       /* average: divide by the number of image pixels only */
} socle_pool2d_opts;
/* Ties: the first in row-major order. NaN wins. */
SOCLE_API socle_tensor *socle_max_pool2d(socle_ctx *c, socle_tensor *x, socle_pool2d_opts o);
/* Divides by the window inside the padded image (PyTorch's count_include_pad), or see exclude_pad. */
SOCLE_API socle_tensor *socle_avg_pool2d(socle_ctx *c, socle_tensor *x, socle_pool2d_opts o);
/* -> (N, C, h, w): output i covers rows floor(i H / h) to ceil((i + 1) H / h), columns alike. */
SOCLE_API socle_tensor *socle_adaptive_avg_pool2d(socle_ctx *c, socle_tensor *x, int h, int w);
SOCLE_API socle_tensor *socle_adaptive_max_pool2d(socle_ctx *c, socle_tensor *x, int h, int w);

/* ---- norms ---- */
/* z = (x - mean) / sqrt(var + eps) gamma + beta for x (N, C) or (N, C, pixels ...). gamma and beta: (C) or (C, 1 ...), one
 * number for all, one for each element (C, pixels ...), or NULL. */
typedef struct socle_norm_opts {
    double eps;      /* 0: 1e-5 */
    bool unbiased;   /* the variance divides by one less than the numbers it is made of; of one number it is 0 */
    bool detached;   /* no gradient flows through mean and variance */
    bool act;        /* y = min((z > 0 ? z : leak z) - sub, max_value) in the same pass; else y = z */
    double leak, sub, max_value; /* max_value 0: none */
} socle_norm_opts;
/* Mean and variance of each channel over images and pixels (Ioffe and Szegedy 2015). Training: those of x, and running_x =
 * momentum x + (1 - momentum) running_x, the running variance being that of the population, as in PyTorch. Evaluation:
 * the running ones, as constants. running_mean and running_var (C), written in place, or both NULL: always those of x. */
SOCLE_API socle_tensor *socle_batch_norm(socle_ctx *c, socle_tensor *x, socle_tensor *gamma, socle_tensor *beta,
                                         socle_tensor *running_mean, socle_tensor *running_var, double momentum,
                                         socle_norm_opts o);
/* batch_norm(conv2d(x, w, bias, conv), ...), conv2d_relu where relu says so: the same values, with one way back through both,
 * which is faster and takes less memory. */
SOCLE_API socle_tensor *socle_conv2d_batch_norm(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                                socle_conv2d_opts conv, bool relu, socle_tensor *gamma,
                                                socle_tensor *beta, socle_tensor *running_mean,
                                                socle_tensor *running_var, double momentum, socle_norm_opts o);
/* Mean and variance of each group of each image's channels, and their pixels (Wu and He 2018), in training and evaluation.
 * 1 group is layer norm, as many groups as channels are instance norm. */
SOCLE_API socle_tensor *socle_group_norm(socle_ctx *c, socle_tensor *x, int groups, socle_tensor *gamma,
                                         socle_tensor *beta, socle_norm_opts o);

/* ---- softmax and losses ---- */
SOCLE_API socle_tensor *socle_softmax(socle_ctx *c, socle_tensor *x, int axis);
SOCLE_API socle_tensor *socle_log_softmax(socle_ctx *c, socle_tensor *x, int axis);
/* logp (N, K), target (N) I32 in [0, K) -> scalar, or (N) for SOCLE_NONE. Targets outside [0, K) are the caller's
 * fault: the data readers reject them; the CPU reports them, other devices may not. */
SOCLE_API socle_tensor *socle_nll(socle_ctx *c, socle_tensor *logp, socle_tensor *target, socle_reduction r);
/* x (N, K) logits: nll(log_softmax(x, 1), target, r) in one pass. */
SOCLE_API socle_tensor *socle_cross_entropy(socle_ctx *c, socle_tensor *x, socle_tensor *target, socle_reduction r);
/* The same against softened targets (Szegedy et al. 2016): 1 - smoothing of the target's class and smoothing / K of every class, as
 * torch's label_smoothing. smoothing in [0, 1], else ERR_ARG. */
SOCLE_API socle_tensor *socle_cross_entropy_smooth(socle_ctx *c, socle_tensor *x, socle_tensor *target,
                                                   double smoothing, socle_reduction r);
/* (x - target)^2, reduced. Shapes must be equal: a (N) against (N, 1) is an error, not a broadcast. */
SOCLE_API socle_tensor *socle_mse(socle_ctx *c, socle_tensor *x, socle_tensor *target, socle_reduction r);

/* ---- shape and selection; results may share x's memory ---- */
SOCLE_API socle_tensor *socle_reshape(socle_ctx *c, socle_tensor *x, socle_shape s); /* one dim may be -1 */
SOCLE_API socle_tensor *socle_permute(socle_ctx *c, socle_tensor *x, const int *axes); /* out dim i = x dim axes[i] */
SOCLE_API socle_tensor *socle_transpose(socle_ctx *c, socle_tensor *x);                /* swaps the last two */
/* Elements start to stop - 1 of one axis; negative values count from the end. ERR_ARG if empty or outside. */
SOCLE_API socle_tensor *socle_slice(socle_ctx *c, socle_tensor *x, int axis, int64_t start, int64_t stop);
/* n tensors equal but for `axis`, end to end. n in [1, 8]. */
SOCLE_API socle_tensor *socle_concat(socle_ctx *c, int n, socle_tensor *const *x, int axis);
/* before[i], after[i] >= 0 elements of `value` around dimension i. */
SOCLE_API socle_tensor *socle_pad(socle_ctx *c, socle_tensor *x, const int64_t *before, const int64_t *after,
                                  double value);
/* index I32 with as many dimensions as x, each 1 or that of the result: y[i][j] = x[index[i][j]][j] for axis 0, and
 * so on (torch.gather, with a broadcast index). The result has index's size along `axis`, x's elsewhere. */
SOCLE_API socle_tensor *socle_gather(socle_ctx *c, socle_tensor *x, socle_tensor *index, int axis);
SOCLE_API socle_tensor *socle_cast(socle_ctx *c, socle_tensor *x, socle_dtype t); /* truncates towards 0; saturates */
SOCLE_API socle_tensor *socle_detach(socle_ctx *c, socle_tensor *x);

/* Training: each element is 0 with probability p in [0, 1), else x / (1 - p). Evaluation: x. Draws depend on the
 * ctx's seed and counter and on the element's row-major index alone, so every device draws the same. */
SOCLE_API socle_tensor *socle_dropout(socle_ctx *c, socle_tensor *x, double p);

/* ---- constants: not recorded ---- */
SOCLE_API socle_tensor *socle_full(socle_ctx *c, socle_dtype t, socle_shape s, double value);
SOCLE_API socle_tensor *socle_rand(socle_ctx *c, socle_shape s);  /* uniform in [0, 1), the device's real type */
SOCLE_API socle_tensor *socle_randn(socle_ctx *c, socle_shape s); /* standard normal */

/* ---- in place, never recorded; they advance dst's version. For buffers and optimizers ---- */
SOCLE_API socle_status socle_fill(socle_ctx *c, socle_tensor *dst, double value);
SOCLE_API socle_status socle_assign(socle_ctx *c, socle_tensor *dst, socle_tensor *src); /* dst = src, broadcast, cast */
/* dst = a src + b dst, one shape. */
SOCLE_API socle_status socle_axpby(socle_ctx *c, socle_tensor *dst, double a, socle_tensor *src, double b);

#ifdef __cplusplus
}
#endif
#endif

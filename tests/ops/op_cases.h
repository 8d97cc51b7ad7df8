/* Sample calls of every op, for test_gradients.c: the call, its operands, its parameters. A new op needs a row
 * here.
 *
 * Shapes are small, uneven, and differ along every axis, so that a swapped axis shows; several have 8 images
 * or more, the last block of 16 partly filled. Ranges keep away from poles; where a function has a kink (abs,
 * relu, max ...) random values miss it by far more than a difference step. */
#ifndef OPS_OP_CASES_H
#define OPS_OP_CASES_H

#include <socle/augment.h>
#include <socle/ops.h>

typedef enum operand_kind {
    REAL,   /* the device's real type; wants a gradient */
    WEIGHT, /* the same, never in blocks of images */
    INDEX,  /* I32, lo <= index <= hi */
    MASK    /* U8, 0 or 1 */
} operand_kind;

typedef struct operand {
    operand_kind kind;
    socle_shape shape;
    double lo, hi;
} operand;

enum { CASE_OPERANDS = 3, CASE_PARAMETERS = 8 };
typedef struct op_case {
    const char *op; /* as in ops.def */
    int n;          /* operands */
    operand in[CASE_OPERANDS];
    int p[CASE_PARAMETERS];
    /* one of them */
    socle_tensor *(*unary)(socle_ctx *c, socle_tensor *x);
    socle_tensor *(*binary)(socle_ctx *c, socle_tensor *a, socle_tensor *b);
    socle_tensor *(*call)(socle_ctx *c, socle_tensor *const *in, const int *p);
    bool constant; /* not differentiable: no gradient arrives anywhere */
} op_case;

static socle_tensor *call_scale(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_scale(c, in[0], -1.5, 0.25);
}

static socle_tensor *call_clamp(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_clamp(c, in[0], -0.5, 0.75);
}

static socle_tensor *call_leaky_relu(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_leaky_relu(c, in[0], 0.125);
}

/* p: kind (0 batch, 1 groups), groups, unbiased, act */
static socle_tensor *call_normalize(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    socle_norm_opts o = {
        .eps = 1e-3, .unbiased = p[2], .act = p[3], .leak = 0.125, .sub = 0.25, .max_value = 0.9
    };
    return p[0] == 0 ? socle_batch_norm(c, in[0], in[1], in[2], NULL, NULL, 0, o)
                     : socle_group_norm(c, in[0], p[1], in[1], in[2], o);
}

/* p: stride, pad, relu; whether the third operand is gamma and beta, or the bias */
static socle_tensor *call_conv_norm(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    socle_conv2d_opts o = { .stride = p[0], .pad = p[1] };
    socle_tensor *affine = p[3] ? in[2] : NULL, *bias = p[3] ? NULL : in[2];
    return socle_conv2d_batch_norm(c, in[0], in[1], bias, o, p[2], affine, affine, NULL, NULL, 0,
                                   (socle_norm_opts){ .eps = 1e-3 });
}

/* Cut values as well as plain ones: x in [-1, 1) shifted by 0.25 passes 0.5. p: leak in eighths */
static socle_tensor *call_general_relu(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_general_relu(c, in[0], p[0] / 8.0, 0.25, 0.5);
}

/* p: leak in eighths, shift in eighths, cut in eighths */
static socle_tensor *call_add_relu(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_add_general_relu(c, in[0], in[1], p[0] / 8.0, p[1] / 8.0, p[2] / 8.0);
}

static socle_tensor *call_where(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_where(c, in[0], in[1], in[2]);
}

/* p: axes, keep */
static socle_tensor *call_sum(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_sum(c, in[0], (uint32_t)p[0], p[1] != 0);
}

static socle_tensor *call_mean(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_mean(c, in[0], (uint32_t)p[0], p[1] != 0);
}

/* p: axis, keep */
static socle_tensor *call_max(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_max(c, in[0], p[0], p[1] != 0);
}

static socle_tensor *call_argmax(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_argmax(c, in[0], p[0]);
}

static socle_tensor *call_linear(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_linear(c, in[0], in[1], in[2]);
}

/* p: stride, pad, dilation, groups */
static socle_tensor *call_conv2d(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    socle_conv2d_opts o = { .stride = p[0], .pad = p[1], .dilation = p[2], .groups = p[3] };
    return socle_conv2d(c, in[0], in[1], in[2], o);
}

static socle_tensor *call_conv2d_relu(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    socle_conv2d_opts o = { .stride = p[0], .pad = p[1], .dilation = p[2], .groups = p[3] };
    return socle_conv2d_relu(c, in[0], in[1], in[2], o);
}

/* p: size, stride, pad, ceil, exclude_pad */
static socle_pool2d_opts pool_opts(const int *p)
{
    return (socle_pool2d_opts){
        .size = p[0], .stride = p[1], .pad = p[2], .ceil = p[3] != 0, .exclude_pad = p[4] != 0
    };
}

static socle_tensor *call_max_pool2d(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_max_pool2d(c, in[0], pool_opts(p));
}

static socle_tensor *call_avg_pool2d(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_avg_pool2d(c, in[0], pool_opts(p));
}

/* p: h, w */
static socle_tensor *call_adaptive_max_pool2d(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_adaptive_max_pool2d(c, in[0], p[0], p[1]);
}

static socle_tensor *call_adaptive_avg_pool2d(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_adaptive_avg_pool2d(c, in[0], p[0], p[1]);
}

/* p: axis */
static socle_tensor *call_softmax(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_softmax(c, in[0], p[0]);
}

static socle_tensor *call_log_softmax(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_log_softmax(c, in[0], p[0]);
}

/* p: reduction */
static socle_tensor *call_nll(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_nll(c, in[0], in[1], (socle_reduction)p[0]);
}

static socle_tensor *call_cross_entropy(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_cross_entropy(c, in[0], in[1], (socle_reduction)p[0]);
}

/* p: reduction, percent of smoothing */
static socle_tensor *call_cross_entropy_smooth(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_cross_entropy_smooth(c, in[0], in[1], p[1] / 100.0, (socle_reduction)p[0]);
}

static socle_tensor *call_mse(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_mse(c, in[0], in[1], (socle_reduction)p[0]);
}

/* p: ndim, dims */
static socle_tensor *call_reshape(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    socle_shape s = { .ndim = p[0] };
    for (int i = 0; i < s.ndim; i++)
        s.dim[i] = p[1 + i];
    return socle_reshape(c, in[0], s);
}

static socle_tensor *call_permute(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_permute(c, in[0], p);
}

/* p: axis, start, stop */
static socle_tensor *call_slice(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_slice(c, in[0], p[0], p[1], p[2]);
}

/* p: tensors, axis */
static socle_tensor *call_concat(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_concat(c, p[0], in, p[1]);
}

/* p: before (4), after (4) */
static socle_tensor *call_pad(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    int64_t before[4], after[4];
    for (int i = 0; i < 4; i++) {
        before[i] = p[i];
        after[i] = p[4 + i];
    }
    return socle_pad(c, in[0], before, after, 0.5);
}

/* p: axis */
static socle_tensor *call_gather(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_gather(c, in[0], in[1], p[0]);
}

/* To I32 and back: through integers no gradient flows. */
static socle_tensor *call_cast(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    return socle_cast(c, socle_cast(c, in[0], SOCLE_I32), socle_dtype_of(in[0]));
}

/* Every call draws the same mask. */
static socle_tensor *call_dropout(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    (void)p;
    socle_ctx_set_random_counter(c, 5);
    return socle_dropout(c, in[0], 0.375);
}

/* p: height, width of the result */
static socle_tensor *call_shift_images(socle_ctx *c, socle_tensor *const *in, const int *p)
{
    return socle_shift_images(c, in[0], in[1], p[0], p[1], 0.25);
}

/* clang-format off */
#define S0             { 0, { 0 } }
#define S1(a)          { 1, { a } }
#define S2(a, b)       { 2, { a, b } }
#define S3(a, b, c)    { 3, { a, b, c } }
#define S4(a, b, c, d) { 4, { a, b, c, d } }
#define X(s)           { REAL, s, -1, 1 }
#define W(s)           { WEIGHT, s, -1, 1 }
#define POSITIVE(s)    { REAL, s, 0.5, 2 }
#define WIDE(s)        { REAL, s, -4, 4 }

static const op_case op_cases[] = {
    { "neg", 1, { X(S3(9, 2, 3)) }, .unary = socle_neg },
    { "abs", 1, { X(S3(9, 2, 3)) }, .unary = socle_abs },
    { "exp", 1, { X(S3(9, 2, 3)) }, .unary = socle_exp },
    { "exp", 1, { X(S0) }, .unary = socle_exp },
    { "log", 1, { POSITIVE(S3(9, 2, 3)) }, .unary = socle_log },
    { "sqrt", 1, { POSITIVE(S3(9, 2, 3)) }, .unary = socle_sqrt },
    { "square", 1, { X(S3(9, 2, 3)) }, .unary = socle_square },
    { "affine", 1, { X(S3(9, 2, 3)) }, .call = call_scale },
    { "clamp", 1, { X(S3(9, 2, 3)) }, .call = call_clamp },
    { "relu", 1, { X(S4(17, 2, 3, 5)) }, .unary = socle_relu },
    { "leaky_relu", 1, { X(S3(9, 2, 3)) }, .call = call_leaky_relu },
    { "sigmoid", 1, { X(S3(9, 2, 3)) }, .unary = socle_sigmoid },
    { "tanh", 1, { X(S3(9, 2, 3)) }, .unary = socle_tanh },
    { "general_relu", 1, { X(S4(17, 2, 3, 5)) }, { -1 }, .call = call_general_relu },
    { "monotone_relu", 1, { X(S4(17, 2, 3, 5)) }, { 1 }, .call = call_general_relu },
    { "silu", 1, { WIDE(S3(9, 2, 3)) }, .unary = socle_silu },
    { "gelu", 1, { WIDE(S3(9, 2, 3)) }, .unary = socle_gelu },
    { "gelu_tanh", 1, { WIDE(S3(9, 2, 3)) }, .unary = socle_gelu_tanh },
    { "mish", 1, { WIDE(S3(9, 2, 3)) }, .unary = socle_mish },

    { "add", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .binary = socle_add },
    { "add", 2, { X(S2(9, 5)), W(S1(5)) }, .binary = socle_add },
    { "add", 2, { X(S4(3, 1, 4, 1)), W(S3(5, 1, 2)) }, .binary = socle_add },
    { "sub", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .binary = socle_sub },
    { "sub", 2, { X(S0), X(S2(9, 3)) }, .binary = socle_sub },
    { "sub", 2, { X(S2(9, 3)), X(S0) }, .binary = socle_sub },
    { "mul", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .binary = socle_mul },
    { "mul", 2, { X(S4(9, 3, 2, 2)), W(S4(1, 3, 1, 1)) }, .binary = socle_mul },
    { "mul", 2, { X(S2(9, 1)), X(S2(1, 4)) }, .binary = socle_mul },
    { "div", 2, { X(S3(9, 2, 3)), POSITIVE(S3(9, 2, 3)) }, .binary = socle_div },
    { "div", 2, { X(S3(9, 2, 3)), POSITIVE(S2(2, 1)) }, .binary = socle_div },
    { "maximum", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .binary = socle_maximum },
    { "maximum", 2, { X(S2(9, 3)), W(S1(3)) }, .binary = socle_maximum },
    { "minimum", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .binary = socle_minimum },
    { "minimum", 2, { W(S1(3)), X(S2(9, 3)) }, .binary = socle_minimum },
    { "eq", 2, { X(S2(9, 3)), X(S2(9, 3)) }, .binary = socle_eq, .constant = true },
    { "ne", 2, { X(S2(9, 3)), X(S2(9, 3)) }, .binary = socle_ne, .constant = true },
    { "lt", 2, { X(S2(9, 3)), W(S1(3)) }, .binary = socle_lt, .constant = true },
    { "le", 2, { X(S2(9, 3)), X(S2(9, 3)) }, .binary = socle_le, .constant = true },
    { "gt", 2, { X(S2(9, 3)), X(S2(9, 3)) }, .binary = socle_gt, .constant = true },
    { "ge", 2, { X(S2(9, 3)), X(S2(9, 3)) }, .binary = socle_ge, .constant = true },
    { "add_relu", 2, { X(S4(17, 2, 3, 5)), X(S4(17, 2, 3, 5)) }, .binary = socle_add_relu },
    { "add_relu", 2, { X(S4(9, 2, 3, 5)), W(S4(9, 2, 3, 5)) }, { 1, 2, 4 }, .call = call_add_relu },
    { "add_relu", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, { 0, 2, 80 }, .call = call_add_relu },
    { "add_relu", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, { 2, 1, -3 }, .call = call_add_relu }, /* cut below 0 */
    { "add_relu", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, { -1, 2, 4 }, .call = call_add_relu }, /* not monotone */
    { "add_relu", 2, { X(S4(9, 3, 2, 2)), W(S3(3, 1, 1)) }, { 1, 2, 4 }, .call = call_add_relu },
    { "where", 3, { { MASK, S3(9, 2, 3), 0, 1 }, X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, .call = call_where },
    { "where", 3, { { MASK, S2(9, 3), 0, 1 }, X(S0), X(S2(1, 3)) }, .call = call_where },

    { "sum", 1, { X(S4(9, 2, 3, 4)) }, { 0, 0 }, .call = call_sum },
    { "sum", 1, { X(S4(9, 2, 3, 4)) }, { 12, 1 }, .call = call_sum },
    { "sum", 1, { X(S4(9, 2, 3, 4)) }, { 13, 0 }, .call = call_sum },
    { "sum", 1, { X(S3(9, 8, 3)) }, { 1, 0 }, .call = call_sum },
    { "sum", 1, { X(S0) }, { 0, 0 }, .call = call_sum },
    { "mean", 1, { X(S4(9, 2, 3, 4)) }, { 0, 0 }, .call = call_mean },
    { "mean", 1, { X(S4(9, 2, 3, 4)) }, { 12, 0 }, .call = call_mean },
    { "mean", 1, { X(S4(9, 2, 3, 4)) }, { 9, 1 }, .call = call_mean },
    { "max", 1, { X(S3(9, 4, 5)) }, { -1, 0 }, .call = call_max },
    { "max", 1, { X(S3(9, 4, 5)) }, { 1, 1 }, .call = call_max },
    { "max", 1, { X(S3(9, 4, 5)) }, { 0, 0 }, .call = call_max },
    { "max", 1, { X(S1(7)) }, { 0, 0 }, .call = call_max },
    { "argmax", 1, { X(S3(9, 4, 5)) }, { 1 }, .call = call_argmax, .constant = true },

    { "matmul", 2, { X(S2(9, 4)), X(S2(4, 5)) }, .binary = socle_matmul },
    { "matmul", 2, { X(S3(3, 2, 4)), X(S3(3, 4, 5)) }, .binary = socle_matmul },
    { "matmul", 2, { X(S3(3, 2, 4)), X(S2(4, 5)) }, .binary = socle_matmul },
    { "matmul", 2, { X(S4(1, 3, 2, 4)), X(S4(2, 1, 4, 3)) }, .binary = socle_matmul },
    { "linear", 3, { X(S2(17, 6)), W(S2(5, 6)), W(S1(5)) }, .call = call_linear },
    { "linear", 2, { X(S2(3, 4)), W(S2(2, 4)) }, .call = call_linear },

    { "conv2d", 3, { X(S4(9, 2, 5, 6)), W(S4(3, 2, 3, 3)), W(S1(3)) }, { 2, 1, 1, 1 }, .call = call_conv2d },
    { "conv2d", 2, { X(S4(2, 4, 6, 5)), W(S4(6, 2, 3, 2)) }, { 1, 1, 1, 2 }, .call = call_conv2d },
    { "conv2d", 3, { X(S4(8, 2, 7, 8)), W(S4(3, 2, 2, 3)), W(S1(3)) }, { 1, 2, 2, 1 }, .call = call_conv2d },
    { "conv2d", 3, { X(S4(8, 3, 5, 4)), W(S4(3, 1, 3, 3)), W(S1(3)) }, { 1, 1, 1, 3 }, .call = call_conv2d },
    { "conv2d", 2, { X(S4(17, 3, 3, 3)), W(S4(4, 3, 1, 1)) }, { 0, 0, 0, 0 }, .call = call_conv2d },
    { "conv2d", 3, { X(S4(9, 4, 2, 2)), W(S4(5, 4, 2, 2)), W(S1(5)) }, { 1, 0, 1, 1 }, .call = call_conv2d },
    { "conv2d", 2, { X(S4(1, 1, 9, 5)), W(S4(2, 1, 3, 1)) }, { 3, 1, 2, 1 }, .call = call_conv2d },
    { "conv2d_relu", 3, { X(S4(9, 2, 5, 6)), W(S4(3, 2, 3, 3)), W(S1(3)) }, { 2, 1, 1, 1 }, .call = call_conv2d_relu },
    { "conv_norm", 3, { X(S4(9, 2, 5, 6)), W(S4(3, 2, 3, 3)), W(S1(3)) }, { 2, 1, 0, 1 }, .call = call_conv_norm },
    { "conv_norm", 3, { X(S4(9, 2, 4, 5)), W(S4(3, 2, 3, 3)), W(S1(3)) }, { 1, 1, 1, 1 }, .call = call_conv_norm },
    { "conv_norm", 3, { X(S4(3, 2, 4, 5)), W(S4(3, 2, 3, 3)), W(S1(3)) }, { 1, 0, 1, 0 }, .call = call_conv_norm },
    { "conv2d_relu", 2, { X(S4(3, 2, 4, 5)), W(S4(4, 1, 2, 3)) }, { 1, 1, 1, 2 }, .call = call_conv2d_relu },

    { "max_pool2d", 1, { X(S4(9, 2, 6, 4)) }, { 2, 0, 0, 0, 0 }, .call = call_max_pool2d },
    { "max_pool2d", 1, { X(S4(9, 2, 7, 6)) }, { 3, 2, 1, 1, 0 }, .call = call_max_pool2d },
    { "max_pool2d", 1, { X(S4(2, 3, 5, 8)) }, { 2, 3, 0, 1, 0 }, .call = call_max_pool2d },
    { "avg_pool2d", 1, { X(S4(9, 2, 6, 4)) }, { 2, 0, 0, 0, 0 }, .call = call_avg_pool2d },
    { "avg_pool2d", 1, { X(S4(9, 2, 7, 6)) }, { 3, 2, 1, 1, 0 }, .call = call_avg_pool2d },
    { "avg_pool2d", 1, { X(S4(2, 3, 7, 6)) }, { 3, 2, 1, 1, 1 }, .call = call_avg_pool2d },
    { "avg_pool2d", 1, { X(S4(2, 3, 5, 8)) }, { 2, 3, 0, 1, 0 }, .call = call_avg_pool2d },
    { "adaptive_max_pool2d", 1, { X(S4(9, 2, 5, 7)) }, { 1, 1 }, .call = call_adaptive_max_pool2d },
    { "adaptive_max_pool2d", 1, { X(S4(2, 2, 5, 7)) }, { 3, 4 }, .call = call_adaptive_max_pool2d },
    { "adaptive_avg_pool2d", 1, { X(S4(9, 2, 5, 7)) }, { 1, 1 }, .call = call_adaptive_avg_pool2d },
    { "adaptive_avg_pool2d", 1, { X(S4(2, 2, 3, 7)) }, { 4, 3 }, .call = call_adaptive_avg_pool2d },

    { "normalize", 3, { X(S4(9, 2, 3, 4)), W(S1(2)), W(S1(2)) }, { 0, 0, 0, 0 }, .call = call_normalize },
    { "normalize", 3, { X(S4(3, 2, 3, 2)), W(S1(2)), W(S1(2)) }, { 0, 0, 1, 1 }, .call = call_normalize },
    { "normalize", 3, { X(S2(9, 4)), W(S1(4)), W(S1(4)) }, { 0, 0, 0, 1 }, .call = call_normalize },
    { "normalize", 1, { X(S3(9, 2, 3)) }, { 0, 0, 1, 0 }, .call = call_normalize },
    { "normalize", 3, { X(S4(9, 4, 2, 3)), W(S1(4)), W(S1(4)) }, { 1, 2, 0, 1 }, .call = call_normalize },
    { "normalize", 3, { X(S4(2, 3, 2, 3)), W(S1(1)), W(S1(1)) }, { 1, 1, 1, 0 }, .call = call_normalize },
    { "normalize", 3, { X(S4(9, 3, 2, 3)), W(S3(3, 2, 3)), W(S3(3, 2, 3)) }, { 1, 1, 0, 1 }, .call = call_normalize },
    { "normalize", 3, { X(S4(9, 3, 2, 3)), W(S1(3)), W(S1(3)) }, { 1, 3, 0, 0 }, .call = call_normalize },

    { "softmax", 1, { X(S2(9, 5)) }, { -1 }, .call = call_softmax },
    { "softmax", 1, { X(S3(9, 4, 2)) }, { 0 }, .call = call_softmax },
    { "log_softmax", 1, { X(S2(9, 5)) }, { 1 }, .call = call_log_softmax },
    { "log_softmax", 1, { X(S3(9, 4, 2)) }, { 1 }, .call = call_log_softmax },
    { "nll", 2, { X(S2(9, 4)), { INDEX, S1(9), 0, 3 } }, { SOCLE_MEAN }, .call = call_nll },
    { "nll", 2, { X(S2(9, 4)), { INDEX, S1(9), 0, 3 } }, { SOCLE_SUM }, .call = call_nll },
    { "nll", 2, { X(S2(3, 4)), { INDEX, S1(3), 0, 3 } }, { SOCLE_NONE }, .call = call_nll },
    { "cross_entropy", 2, { X(S2(17, 5)), { INDEX, S1(17), 0, 4 } }, { SOCLE_MEAN }, .call = call_cross_entropy },
    { "cross_entropy", 2, { X(S2(3, 5)), { INDEX, S1(3), 0, 4 } }, { SOCLE_SUM }, .call = call_cross_entropy },
    { "cross_entropy", 2, { X(S2(9, 5)), { INDEX, S1(9), 0, 4 } }, { SOCLE_NONE }, .call = call_cross_entropy },
    { "cross_entropy_smooth", 2, { X(S2(7, 5)), { INDEX, S1(7), 0, 4 } }, { SOCLE_MEAN, 10 }, .call = call_cross_entropy_smooth },
    { "mse", 2, { X(S2(9, 4)), X(S2(9, 4)) }, { SOCLE_MEAN }, .call = call_mse },
    { "mse", 2, { X(S2(9, 4)), X(S2(9, 4)) }, { SOCLE_SUM }, .call = call_mse },
    { "mse", 2, { X(S3(9, 2, 3)), X(S3(9, 2, 3)) }, { SOCLE_NONE }, .call = call_mse },

    { "reshape", 1, { X(S4(9, 2, 3, 4)) }, { 2, 9, -1 }, .call = call_reshape },
    { "reshape", 1, { X(S4(9, 2, 3, 4)) }, { 3, 6, 4, 9 }, .call = call_reshape },
    { "reshape", 1, { X(S2(9, 1)) }, { 1, 9 }, .call = call_reshape },
    { "permute", 1, { X(S4(9, 2, 3, 4)) }, { 0, 2, 3, 1 }, .call = call_permute },
    { "permute", 1, { X(S4(9, 2, 3, 4)) }, { 3, 0, 1, 2 }, .call = call_permute },
    { "permute", 1, { X(S3(9, 2, 3)) }, .unary = socle_transpose },
    { "slice", 1, { X(S3(19, 2, 3)) }, { 0, 16, 19 }, .call = call_slice },
    { "slice", 1, { X(S3(19, 2, 3)) }, { 0, 3, -1 }, .call = call_slice },
    { "slice", 1, { X(S3(9, 5, 3)) }, { 1, 1, 4 }, .call = call_slice },
    { "detach", 1, { X(S2(9, 3)) }, .unary = socle_detach, .constant = true },
    { "concat", 3, { X(S3(3, 2, 2)), X(S3(9, 2, 2)), X(S3(5, 2, 2)) }, { 3, 0 }, .call = call_concat },
    { "concat", 3, { X(S3(9, 1, 2)), X(S3(9, 4, 2)), X(S3(9, 2, 2)) }, { 3, 1 }, .call = call_concat },
    { "concat", 2, { X(S3(9, 2, 1)), X(S3(9, 2, 3)) }, { 2, -1 }, .call = call_concat },
    { "pad", 1, { X(S4(9, 2, 3, 4)) }, { 0, 0, 1, 2, 0, 0, 3, 1 }, .call = call_pad },
    { "pad", 1, { X(S4(9, 2, 3, 4)) }, { 3, 1, 0, 0, 2, 0, 1, 0 }, .call = call_pad },
    { "gather", 2, { X(S3(9, 4, 3)), { INDEX, S3(9, 6, 3), 0, 3 } }, { 1 }, .call = call_gather },
    { "gather", 2, { X(S3(9, 4, 3)), { INDEX, S3(11, 1, 1), 0, 8 } }, { 0 }, .call = call_gather },
    { "gather", 2, { X(S2(9, 4)), { INDEX, S2(1, 2), 0, 3 } }, { -1 }, .call = call_gather },
    { "cast", 1, { { REAL, S2(9, 3), -4, 4 } }, .call = call_cast, .constant = true },
    { "dropout", 1, { X(S4(9, 2, 3, 4)) }, .call = call_dropout },
    { "shift_images", 2, { X(S4(9, 2, 3, 4)), { INDEX, S2(9, 3), -1, 1 } }, { 4, 3 }, .call = call_shift_images, .constant = true },
};
/* clang-format on */

enum { OP_CASES = (int)(sizeof op_cases / sizeof op_cases[0]) };

static inline socle_tensor *op_case_run(const op_case *k, socle_ctx *c, socle_tensor *const *in)
{
    if (k->unary != NULL)
        return k->unary(c, in[0]);
    if (k->binary != NULL)
        return k->binary(c, in[0], in[1]);
    return k->call(c, in, k->p);
}

#endif

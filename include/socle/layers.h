/* The built-in layers. Every constructor returns a new module (socle_module_free, or give it to a parent), NULL on
 * failure. Descs are values in which zero means the default. */
#ifndef SOCLE_LAYERS_H
#define SOCLE_LAYERS_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum socle_act_kind {
    SOCLE_ACT_NONE,
    SOCLE_ACT_RELU,
    SOCLE_ACT_LEAKY_RELU, /* leak */
    SOCLE_ACT_SIGMOID,
    SOCLE_ACT_TANH,
    SOCLE_ACT_GENERAL_RELU, /* leak, sub, max_value */
    SOCLE_ACT_SILU,
    SOCLE_ACT_GELU, /* exact */
    SOCLE_ACT_GELU_TANH,
    SOCLE_ACT_MISH
} socle_act_kind;
/* Any activation with its parameters. GENERAL_RELU is min(leaky_relu(x, leak) - sub, max_value), fast.ai's GeneralRelu;
 * max_value 0: no cut. All three are finite (else ERR_ARG), and what a kind does not name is ignored. */
typedef struct socle_act_desc {
    socle_act_kind kind;
    float leak, sub, max_value;
} socle_act_desc;
/* ---- norms: z = (x - mean) / sqrt(var + eps) weight + bias, then an activation, in one pass ---- */
typedef enum socle_norm_kind {
    SOCLE_NORM_NONE,
    SOCLE_NORM_BATCH,    /* a channel's numbers in all images (Ioffe and Szegedy 2015): PyTorch's BatchNorm1d and 2d */
    SOCLE_NORM_LAYER,    /* all numbers of an image (Ba et al. 2016) */
    SOCLE_NORM_INSTANCE, /* a channel's numbers in an image (Ulyanov et al. 2016) */
    SOCLE_NORM_GROUP,    /* those of a group of channels in an image (Wu and He 2018) */
    SOCLE_NORM_RUNNING   /* batch norm by averages over this batch and those before (fast.ai 2019): for batches of 2 */
} socle_norm_kind;
/* How many weights and biases. */
typedef enum socle_affine_kind {
    SOCLE_AFFINE_CHANNEL, /* one for each channel */
    SOCLE_AFFINE_ELEMENT, /* one for each number of an image: LAYER only, needs shape */
    SOCLE_AFFINE_SCALAR,  /* one for all */
    SOCLE_AFFINE_NONE
} socle_affine_kind;
typedef struct socle_norm_desc {
    socle_norm_kind kind;
    int channels;             /* the convolution block fills in kind and channels */
    int groups;               /* of GROUP: divides channels */
    socle_affine_kind affine;
    socle_shape shape;        /* of ELEMENT: an image's, (channels, H, W) or (channels) */
    double eps;               /* 0: 1e-5 */
    double momentum;          /* of BATCH and RUNNING: what a batch counts in the averages; 0: 0.1 */
    bool unbiased;            /* var divides by n - 1 */
    bool detached;            /* no gradient flows through mean and var */
    bool zero_weight;         /* "weight" is 0 at first: what the norm ends begins as a constant */
    socle_act_desc act;
} socle_norm_desc;
/* x (N, channels) or (N, channels, pixels ...) -> the same shape. "weight" (1 at first) and "bias" (0). BATCH: buffers
 * "running_mean" (0) and "running_var" (1), what evaluation uses. RUNNING: buffers "sums", "sqrs", "count", "batch", and
 * "factor", "offset", what evaluation uses; a training batch of 1 image is ERR_ARG. A norm over a single number leaves
 * only the bias: the log gets one warning. */
SOCLE_API socle_module *socle_norm_new(socle_device *d, socle_norm_desc o);
/* That kind as fast.ai's lesson on batch norm writes it: BATCH unbiased and detached, LAYER unbiased with one weight and
 * bias for all, INSTANCE unbiased with an eps of 1; the others as they are. */
SOCLE_API socle_norm_desc socle_norm_course(socle_norm_kind kind);

typedef enum socle_bias_kind { SOCLE_BIAS_AUTO, SOCLE_BIAS_ON, SOCLE_BIAS_OFF } socle_bias_kind;
enum { SOCLE_PAD_NONE = -1 };

/* conv -> norm -> act. x (N, in, H, W) -> (N, out, Ho, Wo). Parameters "weight" (out, in/groups, size, size) and "bias"
 * (out) with PyTorch's default initialisation; the norm is the child "norm". ERR_ARG for in, out < 1, size, stride < 0,
 * groups that do not divide both. */
typedef struct socle_conv_desc {
    int in, out;
    int size;             /* 0: 3 */
    int stride;           /* 0: 1 */
    int pad;              /* 0: size / 2; SOCLE_PAD_NONE: none */
    int dilation, groups; /* 0: 1 */
    socle_bias_kind bias; /* AUTO: without a norm only */
    socle_norm_kind norm;
    socle_norm_desc norm_desc; /* what else there is to say of it */
    socle_act_kind act;
    float leak;           /* slope for negative values of SOCLE_ACT_LEAKY_RELU and SOCLE_ACT_GENERAL_RELU */
    float sub, max_value; /* of SOCLE_ACT_GENERAL_RELU; without them and without leak it is the ReLU, and as fast */
    bool act_first;       /* conv -> act -> norm */
} socle_conv_desc;
SOCLE_API socle_module *socle_conv_new(socle_device *d, socle_conv_desc o);

/* x (N, in) -> (N, out) = x w^T + b. "weight" (out, in), "bias" (out); PyTorch's default initialisation. */
typedef struct socle_linear_desc {
    int in, out;
    bool no_bias;
    socle_act_kind act;
    float leak, sub, max_value;
} socle_linear_desc;
SOCLE_API socle_module *socle_linear_new(socle_device *d, socle_linear_desc o);

SOCLE_API socle_module *socle_act_new(socle_device *d, socle_act_kind act, float leak);
SOCLE_API socle_module *socle_act_new_with(socle_device *d, socle_act_desc o);
/* The activation that m ends in: that of a convolution, a linear layer, a norm or an activation layer. Kind NONE for every
 * other module. */
SOCLE_API socle_act_desc socle_act_of(const socle_module *m);
/* Its sub becomes `sub`, for the forward passes to come. It is no parameter: no optimizer trains it and no file keeps it.
 * ERR_ARG where the activation is no GENERAL_RELU. */
SOCLE_API socle_status socle_act_set_shift(socle_module *m, float sub);
SOCLE_API socle_module *socle_flatten_new(socle_device *d); /* (N, ...) -> (N, rest) */
SOCLE_API socle_module *socle_max_pool_new(socle_device *d, socle_pool2d_opts o);
SOCLE_API socle_module *socle_avg_pool_new(socle_device *d, socle_pool2d_opts o);
SOCLE_API socle_module *socle_adaptive_avg_pool_new(socle_device *d, int h, int w); /* (N, C, h, w); 1, 1 is global */
SOCLE_API socle_module *socle_adaptive_max_pool_new(socle_device *d, int h, int w);
SOCLE_API socle_module *socle_dropout_new(socle_device *d, float p); /* p in [0, 1) */
/* Whole channels of an image, x (N, C, pixels ...): PyTorch's Dropout2d. */
SOCLE_API socle_module *socle_channel_dropout_new(socle_device *d, float p);

/* Children in order, named "0", "1", ... append consumes the child and returns seq. */
SOCLE_API socle_module *socle_sequential_new(socle_device *d);
SOCLE_API socle_module *socle_append(socle_module *seq, socle_module *child);

#ifdef __cplusplus
}
#endif
#endif

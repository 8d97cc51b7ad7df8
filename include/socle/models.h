/* Networks for images, ready made. Every constructor returns a new module (socle_module_free), NULL on failure. */
#ifndef SOCLE_MODELS_H
#define SOCLE_MODELS_H

#include "layers.h"

#ifdef __cplusplus
extern "C" {
#endif

/* By name: x (N, c_in, H, W) -> (N, classes). Those of fast.ai's Fashion-MNIST lessons are made for 28x28 pixels, with general
 * ReLUs (leak 0.1, sub 0.4) and batch norm:
 *
 *     conv       8 16 32 64 channels, 3x3, stride 2, and a convolution to the classes          30,394 parameters
 *     deep       8 (stride 1) 16 32 64 128, and a convolution to the classes                   110,286
 *     resnet     residual blocks 8 (stride 1) 16 32 64 128 256, linear layer, norm             1,228,908
 *     wide       residual blocks 16 (5x5, stride 1) 32 ... 512, linear layer, norm             4,907,588
 *     wide2      wide, the last block with stride 1, global average                            4,907,588
 *     wide3      wide2 without the last block                                                  1,231,428
 *     wide4      wide3, the first block a single convolution                                   1,224,948
 *     widedrop   wide with dropout: channels after the first block, numbers before the last    4,907,588
 *
 * resnet9: see socle_resnet9_new; resnet18, resnet34, resnet50: see socle_resnet_new; xresnet18, xresnet34, xresnet50: see
 * socle_xresnet_new. (Parameters for 1 channel and 10 classes.) ERR_ARG, naming those there are, for another name. */
SOCLE_API socle_module *socle_model_new(socle_device *d, const char *name, int c_in, int classes);
SOCLE_API const char *socle_model_name(size_t i); /* NULL past the last */

/* act(body(x) + skip(x)), children "body" and "skip". Both are consumed; skip NULL is x itself. */
SOCLE_API socle_module *socle_residual_new(socle_device *d, socle_module *body, socle_module *skip, socle_act_desc act);

/* fast.ai's ResBlock: two convolutions of one size, the second with the stride, each with a norm; beside them x, averaged over
 * 2x2 pixels where the stride is 2 and brought to `out` channels by a 1x1 convolution where they differ; the activation
 * follows the sum. x (N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride)). ERR_ARG for a stride other than 1 or 2. */
typedef struct socle_res_block_desc {
    int in, out;
    int size, stride;           /* 0: 3 and 1 */
    socle_norm_kind norm;
    socle_norm_desc norm_desc;
    socle_act_desc act;
    bool zero_last;             /* the second norm's weight begins at 0: at first the block passes on x */
} socle_res_block_desc;
SOCLE_API socle_module *socle_res_block_new(socle_device *d, socle_res_block_desc o);

/* He et al. 2016, as in torchvision, with its names of parameters. blocks: of the four stages (2 2 2 2 is ResNet-18).
 * bottleneck: 1x1, 3x3, 1x1 with four times as many channels at the end (ResNet-50: 3 4 6 3). */
typedef struct socle_resnet_desc {
    int c_in, classes; /* 0: 3 and 1000 */
    int blocks[4];
    bool bottleneck;
    bool zero_last;    /* the last norm of each block begins at 0 */
} socle_resnet_desc;
SOCLE_API socle_module *socle_resnet_new(socle_device *d, socle_resnet_desc o);
/* He et al. 2018 ("Bag of tricks"), as in fast.ai: three 3x3 convolutions at the stem, averages in front of the skip's
 * convolutions. */
SOCLE_API socle_module *socle_xresnet_new(socle_device *d, socle_resnet_desc o);

/* For small images (Page 2018, "How to train your ResNet"): 3x3 convolutions to width, 2 width (the maximum over 2x2 pixels, and
 * a residual pair), 4 width (maximum), 8 width (maximum, residual pair), the maximum over what pixels are left, linear layer.
 * Images of at least 8x8. With width 64, three channels and ten classes it has 6,573,120 parameters. */
typedef struct socle_resnet9_desc {
    int c_in, classes;  /* 0: 3 and 10 */
    int width;          /* 0: 64 */
    socle_act_desc act; /* kind NONE: ReLU */
} socle_resnet9_desc;
SOCLE_API socle_module *socle_resnet9_new(socle_device *d, socle_resnet9_desc o);

#ifdef __cplusplus
}
#endif
#endif

/* Random changes to a batch of images, x (N, C, H, W) real, made where the batch lies.
 *
 * Each image draws for itself, or with per_batch all share one draw (as torchvision's transforms do on a batch). Draws come
 * from the ctx's random stream: they depend on its seed and counter and on the image's place in the batch, not on threads,
 * workers, memory formats or the device. Every call advances the stream, in training and evaluation alike. Nothing here
 * waits for the device, and no gradient flows through any of it. */
#ifndef SOCLE_AUGMENT_H
#define SOCLE_AUGMENT_H

#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y (N, C, height, width): pixel (i, j) of image n is x's pixel (i + place[n][0], k + place[n][1]), k being j, or
 * width - 1 - j where place[n][2] is not 0 (mirrored left to right); outside x it is pad. place (N, 3) I32, any values. */
SOCLE_API socle_tensor *socle_shift_images(socle_ctx *c, socle_tensor *x, socle_tensor *place, int64_t height,
                                           int64_t width, double pad);

/* Cuts an image of x's size out of x with `pad` pixels of `value` on every side, each of the (2 pad + 1)^2 places equally
 * likely, and mirrors it left to right with probability flip: one pass over the batch. */
typedef struct socle_crop_desc {
    int pad;      /* pixels; 0: nothing is cut */
    double flip;  /* in [0, 1] */
    double value; /* of the padding; of normalised images 0 is the mean grey */
    bool per_batch;
} socle_crop_desc;
SOCLE_API socle_tensor *socle_random_crop(socle_ctx *c, socle_tensor *x, socle_crop_desc o);

/* 0 to max_num blocks of an image, each number equally likely; a block has floor(pct H) by floor(pct W) pixels and starts at
 * (floor(u (1 - pct) H), floor(v (1 - pct) W)), u and v uniform in [0, 1). Number and places are drawn for each image, or with
 * per_batch once for all. Blocks may overlap. */
typedef struct socle_patch_desc {
    double pct;  /* in (0, 1]; 0: 0.2 */
    int max_num; /* 1 to 1000; 0: 4 */
    bool per_batch;
} socle_patch_desc;
/* Fills the blocks with normal numbers, drawn for each pixel and channel, of the whole batch's mean and standard deviation,
 * cut to the whole batch's range. */
SOCLE_API socle_tensor *socle_random_erase(socle_ctx *c, socle_tensor *x, socle_patch_desc o);
/* Copies blocks of an image over others of it, one after the other: a later copy sees the earlier ones. */
SOCLE_API socle_tensor *socle_random_copy(socle_ctx *c, socle_tensor *x, socle_patch_desc o);

#ifdef __cplusplus
}
#endif
#endif

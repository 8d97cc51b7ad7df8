/* The geometry of a convolution in the lane format: which pixels have which taps, how work is cut, packed weights.
 *
 * Output pixels near the border miss some taps. Along one axis they fall into a few runs, of positions that have the
 * same taps and whose inputs move in step; a run of rows times a run of columns is a box (isa/kernels_conv.h), and the
 * boxes cover the image. Backward to the input it is the same with positions of the input as outputs: those of equal
 * remainder modulo the stride meet the same taps. So strides, dilation, padding and any window need no further code. */
#ifndef CPU_CONV_PLAN_H
#define CPU_CONV_PLAN_H

#include "isa/kernels_conv.h"
#include "whole.h"
#include "workspace.h"

typedef struct conv_geometry {
    socle_conv p;
    int64_t n, blocks;                /* images; blocks of 16 */
    int64_t c, h, w, k, r, s, ho, wo; /* c and k of one group */
} conv_geometry;

/* An activation in the lane format: strides in floats. */
typedef struct lane_map {
    float *at;
    int64_t block, channel, row, column;
} lane_map;

typedef struct conv_plan {
    bool phases; /* backward through a stride: boxes of several phases read the same pixels */
    int boxes;
    conv_box *box;
    /* Taps of the window that some box has, in order; a conv_tap's w counts these. Where maps are small many have none: a
     * window of 3x3 on one pixel has one. */
    int64_t taps, *tap;
} conv_plan;

typedef struct conv_range {
    int64_t from, to;
} conv_range;

conv_geometry conv_geometry_of(const socle_conv *p, socle_in x, socle_in w, socle_in y);
lane_map lane_map_of(socle_in v);     /* v (N, C, H, W) in the lane format */
bool lane_map_is_aligned(lane_map m); /* every pixel, to cache lines */
lane_map lane_map_dense(float *at, int64_t channels, int64_t rows, int64_t columns);
/* Images in block b: 16, but for the last. */
int conv_images(const conv_geometry *g, int64_t b);

/* Boxes of y over x; memory from ws. */
socle_status conv_plan_forward(workspace *ws, const conv_geometry *g, lane_map x, lane_map y, conv_plan *out);
/* Boxes of dx over dz. */
socle_status conv_plan_backward(workspace *ws, const conv_geometry *g, lane_map dz, lane_map dx, conv_plan *out);

/* Output rows (axis 0) or columns (axis 1) for which tap t falls inside the image; from == to where there are none. */
conv_range conv_tap_range(const conv_geometry *g, int axis, int64_t t);

/* Multiply-adds of 16 lanes that one group takes for one block of images, in each of the three products. */
int64_t conv_work(const conv_geometry *g);
/* Whether images and results together are more than a core's L2 cache keeps from one layer to the next. */
bool conv_beyond_cache(const conv_geometry *g);
/* Whether results, or backward dx, are more than any cache keeps until they are read: they are stored past the caches then. */
bool conv_streams(const conv_geometry *g, bool backward);
/* How many blocks of images one chunk of work takes: a function of the shape only. */
int64_t conv_chunk_blocks(const conv_geometry *g);

/* The weights of one group for a plan: [outputs / 8][channels][taps][8], zeros beyond. */
typedef struct conv_packed {
    const float *at;
    int64_t tile, group; /* floats of 8 outputs, of all */
} conv_packed;
/* Of every group; memory from ws. backward: input channels are the outputs. */
socle_status conv_pack(workspace *ws, const conv_geometry *g, bool backward, const conv_plan *plan, const float *w,
                       conv_packed *out);

/* All boxes of a plan for the blocks and outputs of t, in an order that keeps operands in the caches. t's channels are
 * all of them; add, relu and first are set here. */
void conv_sweep(const struct cpu_conv_kernels *kernels, const conv_plan *plan, const conv_tiles *t, bool relu);

/* y = x * w + bias for all images, forward; backward: y is dx and x is dz. */
socle_status conv_lanes_product(workspace *ws, const conv_geometry *g, bool backward, lane_map y, lane_map x,
                                const float *w, const float *bias, bool relu);
socle_status conv_lanes_forward(cpu_device *d, const conv_geometry *g, socle_epilogue e, lane_map y, lane_map x,
                                const float *w, const float *bias);
/* dx, dw and db each may be NULL (dx.at for dx); y.at is read with an epilogue only. dw and db are dense. norm: makes dy
 * from its own operands; NULL: dy is there. */
struct norm_grad_rest;
socle_status conv_lanes_grad(cpu_device *d, const conv_geometry *g, socle_epilogue e, lane_map dx, float *dw,
                             float *db, lane_map dy, lane_map x, const float *w, lane_map y,
                             const struct norm_grad_rest *norm);

#endif

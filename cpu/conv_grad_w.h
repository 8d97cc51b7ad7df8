/* Gradients of the weights in the lane format, chunk by chunk of images. Between conv_grad.c, which makes dz = the gradient
 * before the epilogue, and the kernels. */
#ifndef CPU_CONV_GRAD_W_H
#define CPU_CONV_GRAD_W_H

#include "conv_plan.h"

/* How weight gradients are summed. Both sums are cut by the shape only. */
typedef enum grad_w_way {
    GRAD_W_IMAGES,   /* images in the lanes: partial sums of every chunk of images, [k][c r s] */
    GRAD_W_CHANNELS, /* 16 outputs in the lanes: partial sums of every chunk of images, [k / 16][c r s][16] */
    GRAD_W_WEIGHTS   /* 16 outputs in the lanes, dz of all images is kept, and chunks are parts of the weights */
} grad_w_way;

typedef struct grad_w {
    const struct cpu_conv_kernels *kernels;
    const conv_geometry *g;
    grad_w_way way;
    lane_map x, x_last;          /* x_last: the last block with zeros in the lanes without an image; IMAGES only */
    int64_t chunk_blocks, chunks;
    int64_t slice;               /* floats of a partial sum, all groups */
    float *partial;              /* [chunks][slice] */
    float *turned;               /* dz [thread][...] or, for WEIGHTS, of all images: [group, k / 16][block][pixel][16][16] */
    int64_t turned_size;         /* floats: of a thread, or of one k / 16 of all blocks */
    int64_t *column, *dw_column; /* of one tap and all channels, or of one row of taps */
    float *dw;
} grad_w;

/* Chooses the way and takes memory. */
socle_status grad_w_prepare(workspace *ws, grad_w *j, int64_t chunk_blocks);
/* One chunk's share; dz is the chunk's, of all channels, with zeros where there is no image if the way is IMAGES. */
void grad_w_chunk(const grad_w *j, int64_t chunk, lane_map dz);
/* After all chunks: sums into dw. */
void grad_w_finish(cpu_device *d, const grad_w *j);

#endif

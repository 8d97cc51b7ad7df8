/* Gradients of 3x3 weights by Winograd's F(3x3, 4x4), in the lane format: between conv_grad_w.c and the kernels of
 * isa/kernels_winograd_weights.h. */
#ifndef CPU_WINOGRAD_WEIGHTS_H
#define CPU_WINOGRAD_WEIGHTS_H

#include "conv_plan.h"
#include "isa/kernels_winograd_weights.h"

/* 36 matrices of tiles, transformed: where the first is, from point to point, from panel to panel. */
typedef struct winograd_matrices {
    float *at;
    int64_t point, panel, size; /* size: floats of all */
} winograd_matrices;

typedef struct winograd_weights {
    const struct cpu_winograd_weights_kernels *kernels;
    const struct cpu_conv_kernels *conv;
    const conv_geometry *g;
    lane_map x;
    int64_t tiles_w, tiles;  /* of one image */
    int64_t columns, panels; /* channels, a multiple of 8; 16s of outputs */
    int64_t chunk_blocks;
    bool kept;    /* what is transformed, of all images; products wait for winograd_weights_finish */
    int64_t step; /* tiles at a time */
    winograd_matrices x_all, z_all; /* of all images, or of the first thread's step */
    winograd_matrices sums;         /* of the first thread */
    int64_t part;                   /* kept: columns of a part of the weights */
    float *turned;                  /* a tile of dz for each thread */
    winograd_patch *patch;          /* a step's for each thread */
} winograd_weights;

/* Is this the faster way? A function of the shape only. */
bool winograd_weights_suit(const conv_geometry *g, int64_t chunk_blocks);
/* Takes memory. kernels: the device's. */
socle_status winograd_weights_prepare(workspace *ws, winograd_weights *j, const conv_geometry *g, lane_map x,
                                      int64_t chunk_blocks);
/* One chunk's share, of dz of the chunk: dw [outputs / 16][channels][3][3][16], or nothing yet if `kept`. */
void winograd_weights_chunk(const winograd_weights *j, int64_t chunk, lane_map dz, float *dw);
/* kept, after all chunks: 16 panel .. outputs, all images. dw [channels][3][3][16] */
void winograd_weights_finish(cpu_device *d, const winograd_weights *j, float *dw);

#endif

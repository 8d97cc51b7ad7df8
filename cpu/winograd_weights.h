/* Gradients of 3x3 weights by Winograd's F(3x3, 4x4), with stride 1 or 2, of 5x5 ones by F(5x5, 4x4), and of maps of 2x2 by 9
 * products, in the lane format: between conv_grad_w.c and the kernels of isa/kernels_winograd_weights.h. */
#ifndef CPU_WINOGRAD_WEIGHTS_H
#define CPU_WINOGRAD_WEIGHTS_H

#include "conv_plan.h"
#include "isa/kernels_winograd_weights.h"

/* How the results along an axis fall into tiles: the first `larger` have one more than `size`; the last may have fewer. */
typedef struct winograd_tiling {
    int64_t results, tiles, size, larger;
} winograd_tiling;

typedef struct winograd_weights {
    const struct cpu_winograd_weights_kernels *kernels;
    const struct winograd_weights_transforms *transforms; /* one of those of kernels */
    const struct cpu_conv_kernels *conv;
    const conv_geometry *g;
    lane_map x;
    winograd_tiling axis[2];
    int64_t tiles;           /* of one image */
    int64_t columns, panels; /* channels, a multiple of 8; 16s of outputs */
    int64_t chunk_blocks;
    bool kept;             /* what is transformed, of a round of images; products wait for winograd_weights_round */
    int64_t rounds, round; /* how many; blocks of one, a multiple of chunk_blocks */
    int64_t step;          /* tiles at a time */
    winograd_matrices x_all, z_all; /* of a round, or of the first thread's step */
    winograd_matrices sums;         /* of the first thread */
    int64_t part;                   /* kept: columns of a part of the weights */
    float *turned;                  /* a tile of dz for each thread */
    winograd_patch *patch;          /* of two steps for each thread */
    const float **rows;             /* of a step's patches for each thread */
} winograd_weights;

/* What it takes for one block of images, to be compared with conv_work; INT64_MAX where it cannot be. A function of the
 * shape only. */
int64_t winograd_weights_cost(const conv_geometry *g, int64_t chunk_blocks);
enum { WINOGRAD_WEIGHTS_ROUND = 1 << 28 }; /* the usual round: 1 GB */
/* Takes memory. round_floats: of a round, and at most a chunk more. */
socle_status winograd_weights_prepare(workspace *ws, winograd_weights *j, const conv_geometry *g, lane_map x,
                                      int64_t chunk_blocks, int64_t round_floats);
/* One chunk's share, of dz of the chunk: dw [outputs / 16][channels][3][3][16], or nothing yet if `kept`. */
void winograd_weights_chunk(const winograd_weights *j, int64_t chunk, lane_map dz, float *dw);
/* kept, after the chunks of round i: its share, dw as above. */
void winograd_weights_round(cpu_device *d, const winograd_weights *j, int64_t i, float *dw);

/* ---- what winograd_share.c is made of, too ---- */

/* In units of a product of 16 lanes, for one block of images. */
typedef struct winograd_weights_costs {
    int patch, tile; /* transforms: a patch of a channel, and a tile of 16, turned */
    int sums; /* what there is to transform back and to add up of a chunk, for each matrix entry of 16 lanes */
} winograd_weights_costs;
winograd_weights_costs winograd_weights_costs_of(const conv_geometry *g);

/* A tile of at most 16 channels, which begins there. */
typedef struct winograd_corner {
    lane_map at;
    int64_t channels;
    int rows, columns; /* inside the image */
} winograd_corner;
enum { WINOGRAD_TURNED = WINOGRAD_TILE * WINOGRAD_TILE * WINOGRAD_Z };
/* [side][side][16 images][16 channels], zeros past the edge. */
void winograd_turn(const struct cpu_conv_kernels *kernels, winograd_corner z, int side, float *to);
/* The same pixels on their way to the caches. */
void winograd_turn_soon(winograd_corner z);

/* Room for each of `copies`, [positions][panels][panel] and a cache line between points, so that these do not fall on one
 * set of the L1 cache. */
bool winograd_matrices_take(workspace *ws, winograd_matrices *m, int positions, int64_t panels, int64_t panel,
                            int64_t copies);

#endif

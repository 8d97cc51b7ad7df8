/* Winograd's gradients of the weights where that of the inputs is Winograd's, too. With stride 1 both can use the same
 * transformed tiles of dz:
 *
 *     dx[s] = sum over r of w[r] dz[s + pad - r]        dw[r] = sum over s of x[s] dz[s + pad - r]
 *
 * A tile of dx comes from a patch of dz; correlated with the tile of x in the same place, that patch gives the tile's share
 * of dw, windows turned round. So dz is transformed once, x by tiles instead of larger patches, and lines of positions that
 * a tile of fewer results does without are left out here as well. In products the outputs of the convolution take
 * the part of columns, and channels that of outputs: 16 of them lie in the lanes (isa/kernels_winograd_weights.h).
 *
 * Between conv_grad_w.c and winograd.c, which shows its panels one by one. */
#ifndef CPU_WINOGRAD_SHARE_H
#define CPU_WINOGRAD_SHARE_H

#include "winograd_weights.h"
#include "winograd.h"

typedef struct winograd_share {
    const struct cpu_winograd_weights_kernels *kernels;
    const struct winograd_weights_transforms *transforms; /* one of those of kernels */
    const struct cpu_conv_kernels *conv;
    const conv_geometry *g;
    lane_map x;
    int64_t columns, panels; /* outputs, a multiple of 8; 16s of channels */
    int64_t chunk_blocks, chunks;
    winograd_matrices tiles; /* of x: of a panel, of the first thread */
    winograd_matrices sums;  /* of the first thread */
    float *turned;           /* a tile of x for each thread */
    const float **rows;      /* of a panel's tiles of x for each thread */
    float *partial;          /* dw of each chunk, [channels / 16][outputs][taps][taps][16], the taps in reverse */
} winograd_share;

/* What dw takes beside dx for one block of images, to be compared with conv_work; INT64_MAX where it cannot be. Of
 * convolutions for whose dx Winograd suits. A function of the shape only. */
int64_t winograd_share_cost(const conv_geometry *g, int64_t chunk_blocks);
/* Takes memory. */
socle_status winograd_share_prepare(workspace *ws, winograd_share *j, const conv_geometry *g, lane_map x,
                                    int64_t chunk_blocks);

/* A chunk of images, whose panels one thread goes through. */
typedef struct winograd_share_chunk {
    const winograd_share *j;
    int64_t chunk;
    bool begun;
} winograd_share_chunk;
/* winograd_run's `also`, with a winograd_share_chunk that has not begun as its argument; in lanes without an image dz is 0. */
void winograd_share_panel(void *chunk, const winograd_panel *p, const winograd_panel *next);
/* After the last panel. */
void winograd_share_end(const winograd_share_chunk *c);
/* After all chunks: dw, dense. */
void winograd_share_sum(cpu_device *d, const winograd_share *j, float *dw);

#endif

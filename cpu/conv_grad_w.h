/* Gradients of the weights in the lane format, chunk by chunk of images. Between conv_grad.c, which makes dz = the gradient
 * before the epilogue, and the kernels. */
#ifndef CPU_CONV_GRAD_W_H
#define CPU_CONV_GRAD_W_H

#include "conv_pieces.h"
#include "winograd_share.h"
#include "winograd_weights.h"

/* How weight gradients are summed. All sums are cut by the shape only. */
typedef enum grad_w_way {
    GRAD_W_IMAGES,   /* images in the lanes: partial sums of every chunk of images, [k][c r s] */
    GRAD_W_CHANNELS, /* 16 outputs in the lanes: partial sums of every chunk of images, [k / 16][c r s][16] */
    GRAD_W_WEIGHTS,  /* 16 outputs in the lanes, dz of all images is kept, and chunks are parts of the weights */
    GRAD_W_WINOGRAD, /* 3x3 windows: partial sums like those of CHANNELS, or of rounds of chunks */
    GRAD_W_SHARED    /* the same, from what dx is made of: winograd_share.h sums */
} grad_w_way;

typedef struct grad_w {
    const struct cpu_conv_kernels *kernels;
    const conv_geometry *g;
    float *dw;
    /* made by grad_w_prepare */
    const struct cpu_elementwise_kernels *elements;
    grad_w_way way;
    winograd_weights winograd;
    winograd_share share;
    bool taps_together;      /* pieces have several taps; else one */
    grad_w_source all, last; /* last: the last block with zeros in the lanes without an image; IMAGES only */
    int64_t chunk_blocks, chunks;
    int64_t slice,
        slices;     /* floats of a partial sum: of all groups, or, for WEIGHTS, of a thread's part; how many */
    float *partial; /* [slices][slice] */
    float *turned;  /* dz [thread][2][...] or, for WEIGHTS, of all images: [group, k / 16][block][pixel][16][16] */
    int64_t turned_size; /* floats of one k / 16: of a chunk or strip, or of all blocks */
} grad_w;

/* Chooses the way and takes memory. panels: winograd_run makes dx of every chunk, and may show its panels. */
socle_status grad_w_prepare(workspace *ws, grad_w *j, lane_map x, int64_t chunk_blocks, bool panels);
/* Must dz hold zeros in the lanes without an image? */
bool grad_w_wants_zeros(const grad_w *j);
/* One chunk's share; dz is the chunk's, of all channels, and begins with these of its rows. GRAD_W_SHARED: not this, but
 * winograd_share_panel and winograd_share_end. */
void grad_w_chunk(const grad_w *j, int64_t chunk, lane_map dz, conv_range rows);
/* How many rows of dz at a time stay in the cache; all where they cannot come in strips. */
int64_t grad_w_strip(const grad_w *j);
/* Chunks come in rounds: grad_w_round(d, j, i) after the chunks of round i, [i round, (i + 1) round). */
int64_t grad_w_round_chunks(const grad_w *j);
void grad_w_round(cpu_device *d, const grad_w *j, int64_t i);
/* After all rounds: sums into dw. */
void grad_w_finish(cpu_device *d, const grad_w *j);

#endif

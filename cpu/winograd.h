/* Convolutions in the lane format by Winograd: 3x3 and 5x5 windows of stride 1 by F(4x4, 3x3) and F(4x4, 5x5), where a
 * tile of results takes 36 products of transformed inputs and weights instead of 144, or 64 instead of 400. With stride 2 a 3x3 window
 * falls apart into those on every other row and column, of 2x2, 2x1, 1x2 and 1x1: a tile of 4x4 results takes 81 products
 * instead of 144. A padded map of 2x2 takes 9 instead of 16. Forward, and backward to the input, which is the same with
 * windows turned round. Between conv_forward.c and conv_grad.c, which cut the work, and isa/body_winograd.h,
 * body_winograd_fives.h, body_winograd_strided.h and body_winograd_pairs.h. */
#ifndef CPU_WINOGRAD_H
#define CPU_WINOGRAD_H

#include "conv_plan.h"
#include "isa/kernels_winograd.h"

/* How an axis of `size` results is cut: `wide` tiles of `results`, and behind them `narrow` ones of `less` fewer, which do
 * without some of their lines of positions. 14 results are 4, 4, 3 and 3. */
typedef struct winograd_axis {
    int64_t size, wide, narrow;
    int results, less;
    unsigned idle[2]; /* of wide tiles and narrow ones: bit i where line i makes nothing inside the image */
} winograd_axis;

/* One direction of a convolution, and memory for it. */
typedef struct winograd {
    const struct cpu_winograd_kernels *kernels;
    int64_t channels, outputs;
    int64_t h, w; /* of what is read */
    winograd_axis axis[2];
    int taps;             /* of the window along an axis */
    int inputs, lines;    /* of a tile along an axis; lines of positions, of all parts */
    int parts, positions; /* a tile goes through the kernels in; of one */
    int windows;          /* matrices of weights: some serve several positions */
    bool backward;
    bool stream; /* results are more than caches keep */
    int plain[2];
    int64_t up, left; /* the first tile begins at input (-up, -left) */
    const float *u;   /* [outputs / 8][window][channel][8] */
    float *memory;    /* [thread][v, m] of a panel */
    int64_t u_position, v_position, m_position, thread_size;
} winograd;

/* Is the tile a whole map of 2x2 that meets all taps of a 3x3 window? Of convolutions of stride 1, without dilation. */
bool winograd_is_pair(const conv_geometry *g);
/* Does it cost less than the direct way, forward or backward to the input? A function of the shape only. */
bool winograd_suits(const conv_geometry *g, bool backward);
/* Of one block of images: tiles, and their positions without those that nobody asks for. */
typedef struct winograd_count {
    int64_t tiles, positions;
} winograd_count;
winograd_count winograd_count_of(const conv_geometry *g, bool backward);
/* How many blocks of images one chunk of the forward pass takes. */
int64_t winograd_chunk_blocks(const conv_geometry *g);

/* Transforms the weights w [k][c][taps][taps]; memory from ws. backward: x and y below are dz and dx. */
socle_status winograd_prepare(workspace *ws, const conv_geometry *g, bool backward, const float *w, winograd *out);

/* Tiles whose inputs are transformed, and the results they make. */
typedef struct winograd_panel {
    int tiles;
    const float *v; /* as the kernels have it */
    int64_t v_position;
    unsigned idle[2]; /* lines of positions that none of the results needs: rows, columns */
    struct {
        int64_t block, row, column; /* the first result */
        int rows, columns;          /* inside the image */
    } tile[WINOGRAD_PANEL_MAX];
} winograd_panel;

/* y = x * w + bias and so on of some blocks. x, y and bias (or NULL) are those of all outputs. */
typedef struct winograd_task {
    lane_map x, y;
    int64_t blocks;
    conv_range outputs; /* these only; from a multiple of 8 on */
    const float *bias;
    bool relu;
    /* What else is made of the inputs while they are in the cache, or NULL: called for every panel. next: what comes after
     * it, not transformed yet, or NULL. */
    void (*also)(void *arg, const winograd_panel *p, const winograd_panel *next);
    void *arg;
} winograd_task;
/* To be called inside cpu_for. */
void winograd_run(const winograd *j, const winograd_task *t);

#endif

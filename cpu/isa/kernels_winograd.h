/* The serial kernels of Winograd's F(4x4, 3x3) and F(4x4, 5x5), and of F(4x4, 3x3) with stride 2, in the lane
 * format: see winograd.h for what they add up to.
 *
 * Maps of 2x2 under padded 3x3 windows have a form of their own, "pairs": the map is the tile, it has 9 positions,
 * and nothing is ever outside the image.
 *
 * Otherwise a tile is 6x6 inputs that make 4x4 results of 3x3 windows, or 8x8 that make as many of 5x5, "fives";
 * transformed, it has 36 positions, or 64. A panel of up to `panel` tiles goes through all kernels together. Transformed
 * inputs lie [position][channel / 8][tile][8][16], as products for the gradient of weights want them
 * (kernels_winograd_weights.h), products [position][output][tile][16], with gaps between positions. Strides and steps count
 * floats. Nothing needs to be aligned.
 *
 * With stride 2 a tile is 9x9 inputs that make 4x4 results, or backward 5x5 that make 8x8. It has 9x9 positions,
 * in two parts which go through the kernels one after the other: five rows of positions, then four. */
#ifndef CPU_ISA_KERNELS_WINOGRAD_H
#define CPU_ISA_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WINOGRAD_INPUTS = 6,  /* along an axis: */
    WINOGRAD_RESULTS = 4, /* but of a pair, and twice as many backward with stride 2 */
    WINOGRAD_POSITIONS = 36,
    WINOGRAD_FIVES_INPUTS = 8,
    WINOGRAD_FIVES_POSITIONS = 64,
    WINOGRAD_PAIRS_INPUTS = 2,
    WINOGRAD_PAIRS_LINES = 3,
    WINOGRAD_PAIRS_POSITIONS = 9,
    WINOGRAD_STRIDED_INPUTS = 9, /* with stride 2, and backward: */
    WINOGRAD_STRIDED_INPUTS_BACK = 5,
    WINOGRAD_STRIDED_LINES = 9,
    WINOGRAD_STRIDED_POSITIONS = 45, /* of the first part, the larger */
    WINOGRAD_PACK = 8,               /* outputs side by side in transformed weights, */
    WINOGRAD_COLUMNS = 8,            /* and channels in transformed inputs */
    WINOGRAD_PANEL_MAX = 3,
    WINOGRAD_INPUTS_MAX = 8 /* with stride 1 */
};

/* Eight outputs of w [output][channel][taps][taps], from tap to tap 1. */
typedef struct winograd_windows {
    const float *w;
    int64_t w_output, w_channel;
    int outputs; /* there are; the rest of the eight counts as 0 */
    int64_t channels;
    bool turned; /* by half a turn */
    float *u;    /* [position][channel][8] */
    int64_t u_position;
} winograd_windows;

/* Inputs of a panel, all channels. */
typedef struct winograd_inputs {
    int tiles;
    struct {
        const float *x;
        int64_t first;           /* where input (0, 0) of channel 0 lies, or would lie, from x */
        int rows[2], columns[2]; /* [from, to): those inside the image; the others are 0 */
    } tile[WINOGRAD_PANEL_MAX];
    int64_t x_channel, x_row, x_column;
    int64_t channels;
    int part; /* these three: with stride 2 */
    bool backward;
    int plain[2]; /* row and column of the first input whose window has one tap: 1, and backward 0 or 1 */
    float *v;     /* [position][channel / 8][tile][8][16] */
    int64_t v_position;
} winograd_inputs;

/* Results of a panel, up to eight outputs. */
typedef struct winograd_results {
    int tiles, outputs;
    const float *m;
    int64_t m_position;
    struct {
        float *y;          /* result (0, 0) of output 0 */
        int rows, columns; /* how many are inside the image */
    } tile[WINOGRAD_PANEL_MAX];
    int64_t y_output, y_row, y_column;
    const float *bias; /* outputs, or NULL */
    bool relu;
    bool stream; /* past the caches, if a register is a pixel; pixels are aligned to cache lines */
    int part;    /* these three as in winograd_inputs; a part adds to what those before it have stored */
    bool backward;
    int plain[2];
} winograd_results;

/* Inputs that come next, and how far they are on their way to the caches. */
typedef struct winograd_soon {
    const winograd_inputs *in;
    int64_t lines; /* about so many for each eight outputs */
    int64_t channel;
    int tile, row, column;
} winograd_soon;

/* m [position][output][tile][16] = u times v: eight outputs, summed over channels in order. With stride 2 inputs
 * and results are on their way to the caches meanwhile. */
typedef struct winograd_products {
    int lines;        /* of positions along an axis, of all parts */
    unsigned idle[2]; /* rows and columns of positions that nobody asks for: bit i is line i */
    int tiles;
    int part; /* with stride 2 */
    int64_t channels;
    const float *u, *v;
    float *m;
    int64_t u_position, v_position, m_position;
    winograd_soon *soon;             /* or NULL */
    const winograd_results *results; /* where these products go */
} winograd_products;

struct cpu_winograd_kernels {
    int panel;
    void (*windows)(const winograd_windows *w);
    void (*inputs)(const winograd_inputs *p);
    void (*products)(const winograd_products *p);
    void (*results)(const winograd_results *p);
};

#endif

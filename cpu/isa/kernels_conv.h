/* The serial kernels under convolutions and linear layers, in the lane format [block][channel][row][column][16].
 *
 * Three products are all there is: a tile of outputs (forward, and backward to the input, which is the same product with
 * other taps), and two tiles of weight gradients, with images or with output channels in the register's lanes. They see
 * boxes of pixels that all have the same taps: the caller cuts the border off, so padding is neither stored nor
 * multiplied. Offsets, steps and strides count floats. Nothing needs to be aligned. */
#ifndef CPU_ISA_KERNELS_CONV_H
#define CPU_ISA_KERNELS_CONV_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CONV_LANES = 16, /* images in a block */
    CONV_PACK = 8    /* outputs side by side in packed weights */
};

/* Where a tap's input lies from the box's first input pixel, and its weights from those of tap 0. */
typedef struct conv_tap {
    int64_t x, w;
} conv_tap;

/* rows x columns pixels of y with the same taps; their inputs are as regular as they are. */
typedef struct conv_box {
    int64_t rows, columns;
    int64_t first_row, first_column; /* of the image */
    int64_t x_row, x_column;         /* from pixel to pixel of the box */
    int64_t y, y_row, y_column;
    int64_t taps;
    const conv_tap *tap;
    int64_t fetches; /* x of taps worth asking for early: not those which another tap reads at the pixel before */
    const int64_t *fetch;
} conv_box;

/* y[b, k, pixel] = sum over c, taps of w[k, c, tap] x[b, c, pixel + tap], and so on. */
typedef struct conv_tiles {
    const float *x;
    float *y;
    int64_t blocks, x_block, y_block;
    int64_t channels, x_channel;
    int64_t outputs, y_channel;
    const float *w; /* [outputs / 8][channels][taps of all boxes][8], the last tile of 8 padded with anything */
    int64_t w_tile, w_channel;
    const float *bias; /* outputs, or NULL */
    bool add;          /* to what y holds: a later slice of the channels */
    bool relu;         /* the last slice */
    bool fetch;        /* x and y are larger than caches: worth asking for early */
    bool first;        /* outputs: later ones find x in L2 */
    bool stream;       /* y is aligned to cache lines, and stored past the caches where a register is one */
} conv_tiles;

/* Four outputs a pixel, one of each remainder of row and column modulo 2, for the way back through stride 2 to few channels:
 * phase 2 (row % 2) + column % 2. A tap's phases are a set of row phases times a set of column phases, each 1 (even), 2 (odd)
 * or 3 (both): kind 3 (rows - 1) + columns - 1. Taps are
 * sorted by kind, and here each channel of x has taps of its own. */
enum { CONV_KINDS = 9 };
typedef struct conv_quad_box {
    conv_box box;                 /* rows, columns: of pixels of four; w of a tap: its four weights */
    int64_t kind[CONV_KINDS + 1]; /* where each kind's taps start */
    int64_t phase[4];             /* y of each phase from that of phase 0 */
    bool there[4];                /* the last row or column may lack odd ones */
} conv_quad_box;

/* Up to eight outputs of w [output][channel][window], of which some taps are wanted. */
typedef struct conv_windows {
    const float *w;
    int64_t output_stride, channel_stride, window;
    int outputs; /* the rest of the eight counts as 0 */
    int64_t channels;
    int64_t taps; /* as many as a window has: all of them, and tap is not read */
    const int64_t *tap;
    float *to; /* [channels][taps][8] */
} conv_windows;

/* Pixel pairs of a weight gradient: count[] blocks, rows, columns; and the columns of dw they are for, each a distance from
 * x and one from the sums. */
typedef struct conv_pairs {
    int64_t count[3], x_step[3], d_step[3];
    const float *x, *d; /* the first pair */
    int64_t columns;
    const int64_t *x_column, *dw_column;
    int64_t d_ahead; /* grad_w_images: from d to what the next call reads, worth asking for; or 0 */
    int64_t panels, d_panel, dw_panel; /* grad_w_channels: 16s of outputs, and from one to the next */
} conv_pairs;

struct cpu_conv_kernels {
    /* Weights for `tiles`. */
    void (*pack)(const conv_windows *w);

    /* All pixels of box in all blocks of t, all outputs. Sums over channels, then taps, in order. */
    void (*tiles)(const conv_tiles *t, const conv_box *box);
    int phase_sums; /* channels times taps of a slice that is worth it, where boxes of several phases read the same x */

    /* One output channel, all pixels of box in all blocks of t, with four weights where each tap says; t's channels,
     * outputs, their strides, bias, add and relu are not read. */
    void (*quads)(const conv_tiles *t, const conv_quad_box *box);

    /* Images in the lanes: dw[k dw_output + dw_column[j]] += sum over pairs and lanes of d[k] x[x_column[j]]. All 16
     * lanes of x and d count, so both hold zeros where there is no image. tall: tiles of few outputs and many columns. */
    void (*grad_w_images)(const conv_pairs *p, int64_t outputs, int64_t d_channel, float *dw, int64_t dw_output,
                          bool tall);
    int images_few; /* channels: below, one tap's do not fill a tile of it */

    /* 16 output channels in the lanes: acc[16 dw_column[j] + k] += sum over pairs and images of d[16 image + k]
     * x[x_column[j] + image], for every panel of p. d comes from `transpose`; a pixel of it is 256 floats. last: images of
     * the last block. */
    void (*grad_w_channels)(const conv_pairs *p, float *acc, int last);

    /* z [rows][columns][16] = d where y > 0 (y NULL: everywhere), in the lanes below `lanes`; 0 in the others. sum, if
     * not NULL: 16 sums, one a lane, are added to it. z NULL: only the sum. step: from row to row, column to column. */
    void (*mask)(float *z, const float *d, const int64_t *d_step, const float *y, const int64_t *y_step,
                 int64_t rows, int64_t columns, int lanes, float *sum);

    /* t [pixel][image][16 channels] from d [channel][pixel][16 images], channel to channel d_channel floats, pixel to pixel
     * d_pixel; channels <= 16, zeros beyond. */
    void (*transpose)(float *t, const float *d, int64_t d_channel, int64_t d_pixel, int64_t channels,
                      int64_t pixels);

    /* y[i] = sum over s < slices of x[s slice + i], in order of s. */
    void (*sum_slices)(float *y, const float *x, int64_t slices, int64_t slice, int64_t n);

    /* The most arithmetic the instruction set can do: n times `peak_flops` operations in registers. Returns a number made
     * of all of them. */
    float (*peak)(int64_t n);
    double peak_flops;
};

#endif

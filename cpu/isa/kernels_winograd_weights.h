/* The serial kernels under Winograd's gradient of 3x3 weights, F(3x3, 4x4), in the lane format; and of such with stride
 * 2 (body_winograd_weights_strided.h), of 5x5 weights, F(5x5, 4x4), and of maps of 2x2.
 *
 * What is transformed is matrices, 36 of them, or 64, one for each pair of lines of the two axes. x: [channels /
 * 8][term][8][16 images], zeros beyond the channels; dz, turned like that of `grad_w_channels`: [outputs /
 * 16][term][16 images][16]. So a product has 16 outputs in the lanes and broadcasts x, whose columns lie at constant
 * distances from one pointer. Steps and strides count floats.
 *
 * A term is what a tile adds to a sum. Lines of an axis are of three kinds: points, to which every tile adds one;
 * infinity, which only the fourth result of a tile has; and plain ones, a term for each result. With stride 1 all
 * lines are points. */
#ifndef CPU_ISA_KERNELS_WINOGRAD_WEIGHTS_H
#define CPU_ISA_KERNELS_WINOGRAD_WEIGHTS_H

#include "kernels_conv.h"
#include "kernels_winograd.h" /* WINOGRAD_INPUTS: rows and columns of x in a patch */

enum {
    WINOGRAD_TILE = 4,                          /* rows and columns of dz in a tile */
    WINOGRAD_X = WINOGRAD_COLUMNS * CONV_LANES, /* floats of a term in such a panel of x, */
    WINOGRAD_Z = CONV_LANES * CONV_LANES        /* and in one of 16 outputs of dz */
};

enum { WINOGRAD_POINTS, WINOGRAD_INFINITY, WINOGRAD_PLAIN, WINOGRAD_KINDS }; /* of lines */

/* Room for the terms of a tile in a line. */
static inline int winograd_span(int kind)
{
    return kind == WINOGRAD_PLAIN ? WINOGRAD_TILE : 1;
}

/* The 6x6 pixels of x under a tile, 8x8 or 9x9. Rows and columns outside [from, to) are 0. */
typedef struct winograd_patch {
    const float *x; /* the block of images */
    int64_t at;     /* from x to the patch's first pixel of channel 0, which need not exist */
    int row_from, row_to, column_from, column_to;
    int images;                                   /* in the block; other lanes are 0 */
    int rows, columns;                            /* results */
    int64_t term[WINOGRAD_KINDS][WINOGRAD_KINDS]; /* the first of the tile, by kinds of row and column */
} winograd_patch;

typedef struct winograd_source {
    int64_t channels, channel, row, column; /* how many; strides */
    int64_t patches;
    const winograd_patch *patch;
} winograd_source;

/* All matrices of one operand, [point][panel][term]. The one of lines i and j starts at point (i width + span(i) j), and
 * has span(i) span(j) terms for each there is room for in a panel. */
typedef struct winograd_matrices {
    float *at;
    int64_t point, panel, size; /* from point to point, from panel to panel; size: floats of all */
} winograd_matrices;

/* Rows of the patches that come next, which are not yet on their way to the caches. */
typedef struct winograd_rows_soon {
    const float *const *row; /* a row's second pixel: the first belongs to a tile before, or to the border */
    int64_t left, column;    /* how many; from pixel to pixel */
} winograd_rows_soon;

/* Of one matrix. */
typedef struct winograd_product {
    int64_t terms, columns, outputs; /* columns: a multiple of 8; outputs: of 16 */
    const float *x, *z;
    int64_t x_panel, z_panel; /* from 8 channels to the next, from 16 outputs to the next */
    float *sums;              /* [outputs / 16][columns][16] */
    int64_t sums_panel;
    bool add;                     /* to what is there */
    const float *x_next, *z_next; /* those of the next product, on their way meanwhile */
    winograd_rows_soon *soon;     /* a product takes what it has time for */
} winograd_product;

/* Tiles of 4x4 results, with stride 1 or 2, or maps of 2x2 ("pairs", as in kernels_winograd.h), whose patch of x is the
 * map. */
struct winograd_weights_transforms {
    int lines, points; /* of an axis; points come first, then infinity and the plain one, if there are */
    int width;         /* of an axis: lines, each as often as its span */
    int tile;          /* results along an axis, at most */

    /* All matrices of x. Terms of patches follow each other. */
    void (*patches)(const winograd_source *s, const winograd_matrices *to);

    /* Those of panel `panel` of dz from a tile of it, turned: [tile][tile][16 images][16 outputs], zeros past the edge; 0
     * from image p->images on, whose dz counts for nothing. */
    void (*turned)(const float *z, const winograd_patch *p, const winograd_matrices *to, int64_t panel);

    /* dw [channels][taps][taps][16] from all sums, [line][line][channels][16], `matrix` from one to the next. */
    void (*windows)(const float *sums, int64_t matrix, int64_t channels, float *dw);
};

struct cpu_winograd_weights_kernels {
    /* sums[k][c] = or += sum over terms and images of z[k] x[c]. */
    void (*product)(const winograd_product *p);

    struct winograd_weights_transforms tiles, fives, strided, pairs;
};

#endif

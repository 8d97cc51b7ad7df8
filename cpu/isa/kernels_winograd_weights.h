/* The serial kernels under Winograd's gradient of 3x3 weights, F(3x3, 4x4), in the lane format.
 *
 * What is transformed is 36 matrices, one a position. x: [channels / 8][tile][8][16 images], zeros beyond the
 * channels; dz, turned like that of `grad_w_channels`: [outputs / 16][tile][16 images][16]. So a product has 16
 * outputs in the lanes and broadcasts x, whose columns lie at constant distances from one pointer. Steps and
 * strides count floats. */
#ifndef CPU_ISA_KERNELS_WINOGRAD_WEIGHTS_H
#define CPU_ISA_KERNELS_WINOGRAD_WEIGHTS_H

#include "kernels_conv.h"
#include "kernels_winograd.h" /* WINOGRAD_INPUTS: rows and columns of x in a patch */

enum {
    WINOGRAD_TILE = 4,                          /* rows and columns of dz in a tile */
    WINOGRAD_COLUMNS = 8,                       /* channels of x side by side */
    WINOGRAD_X = WINOGRAD_COLUMNS * CONV_LANES, /* floats of a tile in such a panel of x, */
    WINOGRAD_Z = CONV_LANES * CONV_LANES        /* and in one of 16 outputs of dz */
};

/* The 6x6 pixels of x under a tile. Rows and columns outside [from, to) are 0. */
typedef struct winograd_patch {
    const float *x; /* the block of images */
    int64_t at;     /* from x to the patch's first pixel of channel 0, which need not exist */
    int row_from, row_to, column_from, column_to;
    int images; /* in the block; other lanes are 0 */
} winograd_patch;

typedef struct winograd_source {
    int64_t channels, channel, row, column; /* how many; strides */
    int64_t patches;
    const winograd_patch *patch;
} winograd_source;

/* Of one point. */
typedef struct winograd_product {
    int64_t tiles, columns, outputs; /* columns: a multiple of 8; outputs: of 16 */
    const float *x, *z;
    int64_t x_panel, z_panel; /* from 8 channels to the next, from 16 outputs to the next */
    float *sums;              /* [outputs / 16][columns][16] */
    int64_t sums_panel;
    bool add; /* to what is there */
} winograd_product;

/* Tiles of 4x4 results, or maps of 2x2 ("pairs", as in kernels_winograd.h), whose patch of x is the map. */
struct winograd_weights_transforms {
    int positions;
    int tile; /* results along an axis */

    /* to[point][channels / 8][patch][8][16] from x. */
    void (*patches)(const winograd_source *s, float *to, int64_t point, int64_t panel);

    /* to[point][16 images][16 outputs] from a tile of dz, turned: [tile][tile][16 images][16 outputs]; 0 from image
     * `images` on, whose dz counts for nothing. */
    void (*turned)(const float *z, int images, float *to, int64_t point);

    /* dw [channels][3][3][16] from the sums of all points, [point][channels][16]. */
    void (*windows)(const float *sums, int64_t point, int64_t channels, float *dw);
};

struct cpu_winograd_weights_kernels {
    /* sums[k][c] = or += sum over tiles and images of z[k] x[c]. */
    void (*product)(const winograd_product *p);

    struct winograd_weights_transforms tiles, pairs;
};

#endif

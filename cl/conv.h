/* Convolutions as every way to compute them sees them, and the ways.
 *
 * Activations are dense in blocks of 16 images, weights and biases row-major and dense. Lanes past the last image hold
 * anything, NaN included: only sums over images must leave them out. */
#ifndef CL_CONV_H
#define CL_CONV_H

#include "choice.h"

typedef struct ocl_convolution {
    ocl_pass pass;
    socle_conv p;
    int images, blocks, c, k; /* c, k: channels in and out of one group */
    int h, w, ho, wo, r, s;
    bool relu;              /* forward */
    socle_in x, y;          /* y: the result; what flows into it where gradients are wanted */
    socle_in weights, bias; /* or their gradients; NULL: there is none, or it is not wanted */
} ocl_convolution;

/* Chooses, runs, and puts aside what fails. */
socle_status ocl_convolve(ocl_device *d, const ocl_convolution *c);
/* One way; UNSUPPORTED, without a message, where it does not apply. */
socle_status ocl_convolve_by(ocl_device *d, ocl_variant v, const ocl_convolution *c);

/* Tries v on small layers; puts it aside if it fails or disagrees, else takes it back. A status only where the device or
 * memory fails. */
socle_status ocl_conv_check(ocl_device *d, ocl_variant v);

/* ---- the ways ---- */
socle_status ocl_convolve_direct(ocl_device *d, const ocl_convolution *c);
socle_status ocl_convolve_gemm(ocl_device *d, const ocl_convolution *c);
socle_status ocl_convolve_winograd(ocl_device *d, const ocl_convolution *c);

/* ---- what they share ---- */
/* How n things are cut so that none is larger than most, at least 1, and all are as large as can be. */
int ocl_even_piece(int64_t n, int64_t most);
/* Does v reach so far that kernels must count in 64 bits? */
bool ocl_conv_wide(socle_in v);
/* The gradient of the biases: sums over images and pixels. */
socle_status ocl_conv_sum_bias(ocl_device *d, const ocl_convolution *c);

#endif

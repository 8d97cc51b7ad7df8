/* Convolutions so small that what surrounds a matrix product costs more than the product. */
#ifndef CPU_CONV_SMALL_H
#define CPU_CONV_SMALL_H

#include "workspace.h"

/* y (N, K, Ho, Wo), w (K, C, R, S): is this the way to go? */
bool conv_small_fits(const socle_conv *p, socle_in y, socle_in w);
/* Views row-major (lanes 1) with any strides but for w and dw, which are dense. */
socle_status conv_small_forward(cpu_device *d, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                                socle_in w, const float *bias);
/* dx, dw: NULL where not wanted; dw is dense. */
socle_status conv_small_grad(cpu_device *d, const socle_conv *p, socle_out dx, float *dw, socle_in dz, socle_in x,
                             socle_in w);

#endif

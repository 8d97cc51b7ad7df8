/* Convolutions of a few images, row-major, as matrix products over unrolled windows. */
#ifndef CPU_CONV_ROWS_H
#define CPU_CONV_ROWS_H

#include "workspace.h"

/* All views row-major (lanes 1) with any strides but for w and dw, which are dense; y and dy (N, K, Ho, Wo). */
socle_status conv_rows_forward(cpu_device *d, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                               socle_in w, const float *bias);
/* dz: dense; dx, dw: NULL where not wanted; dw is dense. */
socle_status conv_rows_grad(cpu_device *d, const socle_conv *p, socle_out dx, float *dw, socle_in dz, socle_in x,
                            socle_in w);

#endif

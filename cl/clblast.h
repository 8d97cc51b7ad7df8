/* CLBlast, where the build found it: a library of OpenCL matrix products, tuned for GPUs. */
#ifndef CL_CLBLAST_H
#define CL_CLBLAST_H

#include "gemm.h"

/* UNSUPPORTED, without a message, in a build without the library and for operands it cannot take. */
socle_status ocl_multiply_clblast(ocl_device *d, const ocl_product *p);
/* Gives back what the library keeps for d's context. */
void ocl_clblast_close(ocl_device *d);

#endif

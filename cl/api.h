/* The OpenCL API at the level this backend needs. The room's functions are called ocl_*, because cl_* belongs to OpenCL. */
#ifndef CL_API_H
#define CL_API_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#endif

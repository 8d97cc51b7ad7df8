/* One kernel call: find the kernel, hand over arguments, enqueue.
 *
 *     ocl_call k = ocl_begin(d, "elementwise.cl", "unary", "-DOP=relu");
 *     ocl_arg_view(&k, y);
 *     ocl_arg(&k, sizeof n, &n);
 *     return ocl_run(&k, 1, (size_t[]){ n }, NULL);
 *
 * The first failure sticks in the call and ocl_run answers it. ocl_begin takes the device's lock, ocl_run gives it back. */
#ifndef CL_LAUNCH_H
#define CL_LAUNCH_H

#include "device.h"

typedef struct ocl_call {
    ocl_device *d;
    cl_kernel kernel;
    const char *name;
    cl_uint n_args;
    size_t total; /* work-items, where the caller keeps the number here */
    socle_status status;
} ocl_call;

ocl_call ocl_begin(ocl_device *d, const char *file, const char *function, const char *options);
void ocl_arg(ocl_call *k, size_t bytes, const void *value);
/* (mem) of a view, or of a spare buffer where it is NULL (the kernel's options say that it is absent). */
void ocl_arg_buffer(ocl_call *k, const ocl_buffer *b);
void ocl_arg_int(ocl_call *k, int64_t value);              /* as int */
void ocl_arg_index(ocl_call *k, bool wide, int64_t value); /* as the kernel's index_t: long if wide, else int */
void ocl_arg_float(ocl_call *k, float value);
void ocl_arg_local(ocl_call *k, size_t bytes);
/* global: rounded up to local, so kernels test their id. local NULL: chosen from the device. */
socle_status ocl_run(ocl_call *k, int ndim, const size_t *global, const size_t *local);

#endif

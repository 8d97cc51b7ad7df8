/* Operands in the format a kernel wants: the view itself where it is dense that way, else a copy that goes away again. */
#ifndef CL_TEMP_H
#define CL_TEMP_H

#include "device.h"

typedef struct ocl_temp {
    socle_view view;   /* dense, in the format asked for */
    ocl_buffer *owned; /* or NULL: the view's own memory */
} ocl_temp;

/* Memory only: contents undefined. */
socle_status ocl_temp_new(ocl_device *d, socle_dtype t, int ndim, const int64_t *dim, int lanes, ocl_temp *out);
/* v to be read. */
socle_status ocl_temp_in(ocl_device *d, socle_in v, int lanes, ocl_temp *out);
/* v to be written; ocl_temp_store puts the result where v says. */
socle_status ocl_temp_out(ocl_device *d, socle_out v, int lanes, ocl_temp *out);
socle_status ocl_temp_store(ocl_device *d, const ocl_temp *t, socle_out v);
void ocl_temp_free(ocl_device *d, ocl_temp *t);
/* Where the view begins in its cl_mem, in elements. */
int64_t ocl_start(socle_in v);

#endif

/* See map.h. */
#include "map.h"
#include "temp.h"

#include <stdio.h>

typedef struct narrow_map {
    cl_int offset, lanes, dim[SOCLE_MAX_DIMS], stride[SOCLE_MAX_DIMS];
} narrow_map;
typedef struct wide_map {
    cl_long offset, lanes, dim[SOCLE_MAX_DIMS], stride[SOCLE_MAX_DIMS];
} wide_map;

bool ocl_maps_wide(int n, const socle_in *v)
{
    for (int i = 0; i < n; i++) {
        int64_t reach = ocl_start(v[i]), total = 1;
        for (int d = 0; d < v[i]->ndim; d++) {
            reach += (v[i]->dim[d] - 1) * v[i]->stride[d];
            total *= v[i]->dim[d];
        }
        if (reach > INT32_MAX / 2 || total > INT32_MAX / 2)
            return true;
    }
    return false;
}

void ocl_arg_map(ocl_call *k, bool wide, socle_in v)
{
    if (wide) {
        wide_map m = { .offset = ocl_start(v), .lanes = v->lanes };
        for (int d = 0; d < SOCLE_MAX_DIMS; d++) {
            m.dim[d] = d < v->ndim ? v->dim[d] : 1;
            m.stride[d] = d < v->ndim ? v->stride[d] : 0;
        }
        ocl_arg(k, sizeof m, &m);
        return;
    }
    narrow_map m = { .offset = (cl_int)ocl_start(v), .lanes = v->lanes };
    for (int d = 0; d < SOCLE_MAX_DIMS; d++) {
        m.dim[d] = d < v->ndim ? (cl_int)v->dim[d] : 1;
        m.stride[d] = d < v->ndim ? (cl_int)v->stride[d] : 0;
    }
    ocl_arg(k, sizeof m, &m);
}

const char *ocl_index_options(bool wide, char *buf, size_t cap, const char *more)
{
    (void)snprintf(buf, cap, "-DINDEX=%s %s", wide ? "long" : "int", more);
    return buf;
}

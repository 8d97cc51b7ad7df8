/* Views handed to kernels with their strides as they are (kernels/map.clh). */
#ifndef CL_MAP_H
#define CL_MAP_H

#include "launch.h"

/* Must any of them be reached with 64-bit numbers? */
bool ocl_maps_wide(int n, const socle_in *v);
void ocl_arg_map(ocl_call *k, bool wide, socle_in v);
/* "-DINDEX=int" or "-DINDEX=long", and more behind it. */
const char *ocl_index_options(bool wide, char *buf, size_t cap, const char *more);

#endif

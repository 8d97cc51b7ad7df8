/* Views of equal dims as one loop for a kernel: formats made explicit, dims merged, 32-bit numbers where they reach. */
#ifndef CL_LOOP_H
#define CL_LOOP_H

#include "launch.h"

enum { OCL_LOOP_DIMS = 7, OCL_LOOP_VIEWS = 6 };
typedef struct ocl_loop {
    int n;         /* views */
    int64_t total; /* elements, pad lanes included where they are walked */
    bool flat;     /* one dim, every stride 1 */
    bool wide;     /* needs 64-bit numbers */
    int64_t ndim, images, dim[OCL_LOOP_DIMS], offset[OCL_LOOP_VIEWS], stride[OCL_LOOP_VIEWS][OCL_LOOP_DIMS];
} ocl_loop;

/* All of v have v[0]'s dims. exact: never walk a lane past the last image, as sums over images must not. */
ocl_loop ocl_loop_over(int n, const socle_in *v, bool exact);
/* v with size 1 along the axes (bit i = dimension i): where walks along them start. */
socle_view ocl_without(socle_in v, uint32_t axes);
/* Hands the loop and its total to the kernel as its next two arguments. */
void ocl_arg_loop(ocl_call *k, const ocl_loop *l);
/* "-DINDEX=int" or long, and -DFLAT: what the kernel must be built with. buf holds at least 64 bytes. */
const char *ocl_loop_options(const ocl_loop *l, char *buf, size_t cap, const char *more);

#endif

/* gather and scatter_add. */
#include "loop.h"
#include "slots.h"

#include <stdio.h>

enum { OPTIONS = 96 };

static int64_t lanes_along(socle_in v, int axis)
{
    return axis == 0 ? v->lanes : 1;
}

socle_status ocl_gather(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    socle_view start = ocl_without(x, 1u << axis); /* stands still along the axis while y walks */
    start.dim[axis] = y->dim[axis];
    ocl_loop l = ocl_loop_over(3, (socle_in[]){ y, &start, index }, false);
    l.flat = false;
    char options[OPTIONS], type[32];
    (void)snprintf(type, sizeof type, "-DT=%s",
                   y->dtype == SOCLE_U8    ? "uchar"
                   : y->dtype == SOCLE_I32 ? "int"
                                           : "float");
    ocl_call k = ocl_begin(self, "index.cl", "gather", ocl_loop_options(&l, options, sizeof options, type));
    ocl_arg_loop(&k, &l);
    ocl_arg_buffer(&k, y->buffer);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_buffer(&k, index->buffer);
    ocl_arg_index(&k, l.wide, x->dim[axis]);
    ocl_arg_index(&k, l.wide, x->stride[axis]);
    ocl_arg_index(&k, l.wide, lanes_along(x, axis));
    return ocl_run(&k, 1, (size_t[]){ (size_t)l.total }, NULL);
}

socle_status ocl_scatter_add(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    socle_view sy = ocl_without(y, 1u << axis), sx = ocl_without(x, 1u << axis),
               si = ocl_without(index, 1u << axis);
    ocl_loop l = ocl_loop_over(3, (socle_in[]){ &sy, &sx, &si }, false);
    l.flat = false;
    char options[OPTIONS];
    ocl_call k =
        ocl_begin(self, "index.cl", "scatter_add", ocl_loop_options(&l, options, sizeof options, "-DT=float"));
    ocl_arg_loop(&k, &l);
    ocl_arg_buffer(&k, y->buffer);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_buffer(&k, index->buffer);
    ocl_arg_index(&k, l.wide, x->dim[axis]);
    const socle_in along[] = { y, x, index };
    for (int i = 0; i < 3; i++) {
        ocl_arg_index(&k, l.wide, along[i]->stride[axis]);
        ocl_arg_index(&k, l.wide, lanes_along(along[i], axis));
    }
    return ocl_run(&k, 2, (size_t[]){ (size_t)l.total, (size_t)y->dim[axis] }, NULL);
}

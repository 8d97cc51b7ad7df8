/* Softmax and cross entropy: rows as a loop, the axis as a step. */
#include "loop.h"
#include "slots.h"

#include <stdio.h>

enum { OPTIONS = 64 };

/* Begins a kernel over the rows of n views along `axis`, and hands over the loop and the memory. */
static ocl_call begin(ocl_device *d, const char *function, int axis, int n, const socle_in *v, bool *wide)
{
    socle_view start[OCL_LOOP_VIEWS];
    socle_in rows[OCL_LOOP_VIEWS];
    for (int i = 0; i < n; i++) {
        start[i] = ocl_without(v[i], 1u << axis);
        rows[i] = &start[i];
    }
    ocl_loop l = ocl_loop_over(n, rows, false);
    l.flat = false;
    char options[2 * OPTIONS], one[OPTIONS];
    (void)snprintf(one, sizeof one, "-DKERNEL_%s", function);
    ocl_call k = ocl_begin(d, "softmax.cl", function, ocl_loop_options(&l, options, sizeof options, one));
    ocl_arg_loop(&k, &l);
    for (int i = 0; i < n; i++)
        ocl_arg_buffer(&k, v[i]->buffer);
    k.total = (size_t)l.total;
    *wide = l.wide;
    return k;
}

static void arg_steps(ocl_call *k, bool wide, int axis, int n, const socle_in *v)
{
    ocl_arg_index(k, wide, v[0]->dim[axis]);
    for (int i = 0; i < n; i++)
        ocl_arg_index(k, wide, v[i]->stride[axis]);
    for (int i = 0; i < n; i++)
        ocl_arg_index(k, wide, axis == 0 ? v[i]->lanes : 1);
}

socle_status ocl_softmax(void *self, socle_out y, socle_in x, int axis, bool log)
{
    bool wide;
    const socle_in v[] = { y, x };
    ocl_call k = begin(self, "softmax", axis, 2, v, &wide);
    arg_steps(&k, wide, axis, 2, v);
    ocl_arg_int(&k, log);
    return ocl_run(&k, 1, &k.total, NULL);
}

socle_status ocl_softmax_grad(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log)
{
    bool wide;
    const socle_in v[] = { dx, dy, y };
    ocl_call k = begin(self, "softmax_grad", axis, 3, v, &wide);
    arg_steps(&k, wide, axis, 3, v);
    ocl_arg_int(&k, log);
    return ocl_run(&k, 1, &k.total, NULL);
}

/* v (N) as (N, 1). */
static socle_view as_column(socle_in v)
{
    socle_view out = *v;
    out.ndim = 2;
    out.dim[1] = 1;
    out.stride[1] = 0;
    return out;
}

socle_status ocl_xent(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target)
{
    bool wide;
    socle_view l = as_column(loss), t = as_column(target);
    ocl_call k = begin(self, "xent", 1, 4, (socle_in[]){ &l, logp ? logp : x, x, &t }, &wide);
    ocl_arg_index(&k, wide, x->dim[1]);
    ocl_arg_index(&k, wide, logp ? logp->stride[1] : 0);
    ocl_arg_index(&k, wide, x->stride[1]);
    ocl_arg_int(&k, logp != NULL);
    return ocl_run(&k, 1, &k.total, NULL);
}

socle_status ocl_xent_grad(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale)
{
    bool wide;
    socle_view l = as_column(dloss), t = as_column(target);
    ocl_call k = begin(self, "xent_grad", 1, 4, (socle_in[]){ dx, &l, logp, &t }, &wide);
    ocl_arg_index(&k, wide, dx->dim[1]);
    ocl_arg_index(&k, wide, dx->stride[1]);
    ocl_arg_index(&k, wide, logp->stride[1]);
    ocl_arg_float(&k, scale);
    return ocl_run(&k, 1, &k.total, NULL);
}

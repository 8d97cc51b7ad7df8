/* See loop.h. The kernel's struct loop (kernels/common.clh) has the same fields in the same order. */
#include "loop.h"
#include "temp.h"

#include <stdio.h>

typedef struct narrow_loop {
    cl_int ndim, images, dim[OCL_LOOP_DIMS], offset[OCL_LOOP_VIEWS], stride[OCL_LOOP_VIEWS][OCL_LOOP_DIMS];
} narrow_loop;
typedef struct wide_loop {
    cl_long ndim, images, dim[OCL_LOOP_DIMS], offset[OCL_LOOP_VIEWS], stride[OCL_LOOP_VIEWS][OCL_LOOP_DIMS];
} wide_loop;

/* Dims and strides with blocks and lanes as dims of their own. */
static void expand_blocks(ocl_loop *l, const socle_in *v, bool exact)
{
    bool needs_bound = exact;
    l->ndim = v[0]->ndim + 1;
    l->dim[0] = (v[0]->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES;
    l->dim[l->ndim - 1] = SOCLE_LANES;
    for (int d = 1; d < v[0]->ndim; d++)
        l->dim[d] = v[0]->dim[d];
    for (int i = 0; i < l->n; i++) {
        bool blocks = v[i]->lanes == SOCLE_LANES;
        l->stride[i][0] = blocks ? v[i]->stride[0] : SOCLE_LANES * v[i]->stride[0];
        l->stride[i][l->ndim - 1] = blocks ? 1 : v[i]->stride[0];
        for (int d = 1; d < v[i]->ndim; d++)
            l->stride[i][d] = v[i]->stride[d];
        needs_bound |= !blocks && v[i]->stride[0] != 0;
    }
    if (needs_bound && v[0]->dim[0] % SOCLE_LANES)
        l->images = v[0]->dim[0];
}

static void keep_dims(ocl_loop *l, const socle_in *v)
{
    l->ndim = v[0]->ndim;
    for (int d = 0; d < v[0]->ndim; d++) {
        l->dim[d] = v[0]->dim[d];
        for (int i = 0; i < l->n; i++)
            l->stride[i][d] = v[i]->stride[d];
    }
    if (l->ndim == 0) {
        l->ndim = 1;
        l->dim[0] = 1;
    }
}

static bool mergeable(const ocl_loop *l, int64_t outer, int64_t inner)
{
    for (int i = 0; i < l->n; i++)
        if (l->stride[i][outer] != l->stride[i][inner] * l->dim[inner])
            return false;
    return true;
}

/* Dims of size 1 go, neighbours that are one run become one. Where images are bounded, blocks and lanes stay. */
static void merge_dims(ocl_loop *l)
{
    int64_t first = l->images ? 1 : 0, last = l->images ? l->ndim - 1 : l->ndim, out = first;
    for (int64_t d = first; d < last; d++) {
        if (l->dim[d] == 1)
            continue;
        if (out > first && mergeable(l, out - 1, d)) {
            l->dim[out - 1] *= l->dim[d];
            for (int i = 0; i < l->n; i++)
                l->stride[i][out - 1] = l->stride[i][d];
            continue;
        }
        l->dim[out] = l->dim[d];
        for (int i = 0; i < l->n; i++)
            l->stride[i][out] = l->stride[i][d];
        out++;
    }
    if (l->images) {
        l->dim[out] = l->dim[l->ndim - 1];
        for (int i = 0; i < l->n; i++)
            l->stride[i][out] = l->stride[i][l->ndim - 1];
        out++;
    }
    if (out == 0) {
        l->dim[0] = 1;
        for (int i = 0; i < l->n; i++)
            l->stride[i][0] = 1;
        out = 1;
    }
    l->ndim = out;
}

ocl_loop ocl_loop_over(int n, const socle_in *v, bool exact)
{
    ocl_loop l = { .n = n, .total = 1 };
    bool blocks = false;
    for (int i = 0; i < n; i++) {
        blocks |= v[i]->lanes == SOCLE_LANES;
        l.offset[i] = ocl_start(v[i]);
    }
    if (blocks)
        expand_blocks(&l, v, exact);
    else
        keep_dims(&l, v);
    merge_dims(&l);
    l.flat = l.ndim == 1;
    for (int64_t d = 0; d < l.ndim; d++)
        l.total *= l.dim[d];
    l.wide = l.total > INT32_MAX / 2;
    for (int i = 0; i < n; i++) {
        int64_t reach = l.offset[i];
        for (int64_t d = 0; d < l.ndim; d++)
            reach += (l.dim[d] - 1) * l.stride[i][d];
        l.wide |= reach > INT32_MAX / 2;
        l.flat &= l.stride[i][0] == 1;
    }
    return l;
}

socle_view ocl_without(socle_in v, uint32_t axes)
{
    socle_view out = *v;
    for (int d = 0; d < v->ndim; d++)
        if (axes >> d & 1u) {
            out.dim[d] = 1;
            out.stride[d] = 0;
        }
    if (out.ndim > 0 && out.dim[0] == 1)
        out.lanes = 1;
    return out;
}

void ocl_arg_loop(ocl_call *k, const ocl_loop *l)
{
    if (l->wide) {
        wide_loop w = { .ndim = l->ndim, .images = l->images };
        for (int d = 0; d < OCL_LOOP_DIMS; d++)
            w.dim[d] = l->dim[d];
        for (int i = 0; i < OCL_LOOP_VIEWS; i++) {
            w.offset[i] = l->offset[i];
            for (int d = 0; d < OCL_LOOP_DIMS; d++)
                w.stride[i][d] = l->stride[i][d];
        }
        cl_long total = l->total;
        ocl_arg(k, sizeof w, &w);
        ocl_arg(k, sizeof total, &total);
        return;
    }
    narrow_loop w = { .ndim = (cl_int)l->ndim, .images = (cl_int)l->images };
    for (int d = 0; d < OCL_LOOP_DIMS; d++)
        w.dim[d] = (cl_int)l->dim[d];
    for (int i = 0; i < OCL_LOOP_VIEWS; i++) {
        w.offset[i] = (cl_int)l->offset[i];
        for (int d = 0; d < OCL_LOOP_DIMS; d++)
            w.stride[i][d] = (cl_int)l->stride[i][d];
    }
    cl_int total = (cl_int)l->total;
    ocl_arg(k, sizeof w, &w);
    ocl_arg(k, sizeof total, &total);
}

const char *ocl_loop_options(const ocl_loop *l, char *buf, size_t cap, const char *more)
{
    (void)snprintf(buf, cap, "-DINDEX=%s%s %s", l->wide ? "long" : "int", l->flat ? " -DFLAT" : "", more);
    return buf;
}

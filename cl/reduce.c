/* Reductions along any axes, in two stages of fixed pieces. */
#include "loop.h"
#include "slots.h"
#include "temp.h"

#include <math.h>

enum {
    OPTIONS = 96,
    CHUNK = 512, /* elements a work-item adds up: short enough for a float's precision, long enough for a launch */
    CHUNKS_MAX = 4096 /* partial results of one output */
};

enum { ADD, ADD_SQUARES, LARGEST, SMALLEST }; /* of kernels/reduce.cl */

/* How values are taken in, what the accumulator starts with, and how partial results meet. */
typedef struct kind {
    int take, combine;
    float start;
} kind;
static const kind kinds[] = {
    [SOCLE_REDUCE_SUM] = { ADD, ADD, 0 },
    [SOCLE_REDUCE_MEAN] = { ADD, ADD, 0 },
    [SOCLE_REDUCE_SUMSQ] = { ADD_SQUARES, ADD, 0 },
    [SOCLE_REDUCE_MAX] = { LARGEST, LARGEST, -INFINITY },
    [SOCLE_REDUCE_MIN] = { SMALLEST, SMALLEST, INFINITY },
};

/* Only the reduced axes of x, starting at 0. */
static socle_view reduced_part(socle_in x, uint32_t axes)
{
    socle_view v = ocl_without(x, ~axes);
    v.offset = 0;
    return v;
}

static int64_t count(socle_in x, uint32_t axes)
{
    int64_t n = 1;
    for (int d = 0; d < x->ndim; d++)
        if (axes >> d & 1u)
            n *= x->dim[d];
    return n;
}

socle_status ocl_reduce(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    ocl_device *d = self;
    socle_view start = ocl_without(x, axes), part = reduced_part(x, axes), out = ocl_without(y, axes);
    ocl_loop outer = ocl_loop_over(2, (socle_in[]){ &out, &start }, false);
    ocl_loop inner = ocl_loop_over(1, (socle_in[]){ &part }, true);
    inner.offset[0] = 0; /* relative to start */
    int64_t chunk = CHUNK, chunks = (inner.total + chunk - 1) / chunk;
    if (chunks > CHUNKS_MAX) {
        chunk = (inner.total + CHUNKS_MAX - 1) / CHUNKS_MAX;
        chunks = (inner.total + chunk - 1) / chunk;
    }
    outer.wide |= inner.wide || outer.total * chunks > INT32_MAX / 2;
    inner.wide = outer.wide;
    outer.flat = false;
    ocl_temp partial = { 0 };
    socle_status status = SOCLE_OK;
    if (chunks > 1)
        status = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ outer.total * chunks }, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    char options[OPTIONS];
    (void)ocl_loop_options(&outer, options, sizeof options, "-DKERNEL_reduce");
    const float scale = op == SOCLE_REDUCE_MEAN ? (float)(1.0 / (double)count(x, axes)) : 1;
    ocl_call k = ocl_begin(d, "reduce.cl", "reduce", options);
    ocl_arg_loop(&k, &outer);
    ocl_arg_loop(&k, &inner);
    ocl_arg_buffer(&k, chunks > 1 ? partial.owned : y->buffer);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_index(&k, outer.wide, chunk);
    ocl_arg_index(&k, outer.wide, chunks);
    ocl_arg_index(&k, outer.wide, chunks > 1 ? ocl_start(&partial.view) : 0);
    ocl_arg_int(&k, kinds[op].take);
    ocl_arg_float(&k, kinds[op].start);
    ocl_arg_float(&k, chunks > 1 ? 1 : scale);
    status = ocl_run(&k, 2, (size_t[]){ (size_t)outer.total, (size_t)chunks }, NULL);
    if (status == SOCLE_OK && chunks > 1) {
        k = ocl_begin(d, "reduce.cl", "reduce_combine", options);
        ocl_arg_loop(&k, &outer);
        ocl_arg_buffer(&k, y->buffer);
        ocl_arg_buffer(&k, partial.owned);
        ocl_arg_index(&k, outer.wide, chunks);
        ocl_arg_index(&k, outer.wide, ocl_start(&partial.view));
        ocl_arg_int(&k, kinds[op].combine);
        ocl_arg_float(&k, kinds[op].start);
        ocl_arg_float(&k, scale);
        status = ocl_run(&k, 1, (size_t[]){ (size_t)outer.total }, NULL);
    }
    ocl_temp_free(d, &partial);
    return status;
}

socle_status ocl_argreduce(void *self, socle_reduce op, socle_out index, socle_in x, int axis)
{
    socle_view start = ocl_without(x, 1u << axis), out = ocl_without(index, 1u << axis);
    ocl_loop outer = ocl_loop_over(2, (socle_in[]){ &out, &start }, false);
    outer.flat = false;
    char options[OPTIONS];
    (void)ocl_loop_options(&outer, options, sizeof options, "-DKERNEL_argreduce");
    ocl_call k = ocl_begin(self, "reduce.cl", "argreduce", options);
    ocl_arg_loop(&k, &outer);
    ocl_arg_buffer(&k, index->buffer);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_index(&k, outer.wide, x->dim[axis]);
    ocl_arg_index(&k, outer.wide, x->stride[axis]);
    ocl_arg_index(&k, outer.wide, axis == 0 ? x->lanes : 1);
    ocl_arg_int(&k, op == SOCLE_REDUCE_MAX);
    return ocl_run(&k, 1, (size_t[]){ (size_t)outer.total }, NULL);
}

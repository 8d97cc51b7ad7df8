/* Tiles and options for the direct kernels of kernels/conv.cl: each shape is a program of its own, and results of a tile
 * stay in registers. */
#include "conv.h"
#include "launch.h"
#include "temp.h"

#include <stdio.h>

enum {
    OPTIONS = 512,
    ACCUMULATORS = 28, /* registers of a work-item for results: 32 on AVX-512, less inputs and weights */
    SEGMENT_MAX = 14,  /* pixels of a row a work-item computes: leaves two channels room */
    UNROLLED = 768,    /* multiply-adds of a row of a weight gradient, at most */
    SLICE_PIXELS = 64, /* for which it pays to add up 16 lanes in the end */
    SLICES_MAX =
        16 /* partial sums of a weight gradient, whatever the device, so that the result does not depend on it */
};
#define PARTIAL_BYTES ((int64_t)64 << 20)

/* How n things are cut so that none is larger than most. */
static int even_piece(int n, int most, int *pieces)
{
    const int piece = ocl_even_piece(n, most);
    *pieces = (n + piece - 1) / piece;
    return piece;
}

static int options_of(char *buf, const ocl_convolution *z)
{
    const socle_conv *p = &z->p;
    return snprintf(
        buf, OPTIONS,
        "-DINDEX=int -DGROUPS=%d -DCIN=%d -DCOUT=%d -DH=%d -DW=%d -DHO=%d -DWO=%d -DKH=%d -DKW=%d -DSTRIDE_H=%d "
        "-DSTRIDE_W=%d -DPAD_H=%d -DPAD_W=%d -DDILATION_H=%d -DDILATION_W=%d",
        p->groups, z->c, z->k, z->h, z->w, z->ho, z->wo, z->r, z->s, p->stride[0], p->stride[1], p->pad[0],
        p->pad[1], p->dilation[0], p->dilation[1]);
}

static socle_status run_rows(ocl_call *k, const ocl_convolution *z, int rows, int channel_blocks)
{
    bool cpu = k->d->is_cpu;
    size_t global[3] = { (size_t)rows * (cpu ? 1 : 16), (size_t)(channel_blocks * z->p.groups), (size_t)z->blocks };
    return ocl_run(k, 3, global, (size_t[]){ cpu ? 1 : 64, 1, 1 });
}

static void arg_view(ocl_call *k, socle_in v)
{
    ocl_arg_buffer(k, v->buffer);
    ocl_arg_int(k, ocl_start(v));
}

static socle_status forward(ocl_device *d, const ocl_convolution *z)
{
    int segments, k_blocks, segment = even_piece(z->wo, SEGMENT_MAX, &segments);
    int kb = even_piece(z->k, ACCUMULATORS / segment, &k_blocks);
    char options[OPTIONS];
    int n = options_of(options, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n),
                   " -DFORWARD -DSEGMENT=%d -DSEGMENTS=%d -DKB=%d -DK_BLOCKS=%d%s%s", segment, segments, kb,
                   k_blocks, z->bias ? " -DBIAS" : "", z->relu ? " -DRELU" : "");
    ocl_call k = ocl_begin(d, "conv.cl", "conv_forward", options);
    arg_view(&k, z->y);
    arg_view(&k, z->x);
    arg_view(&k, z->weights);
    arg_view(&k, z->bias ? z->bias : z->weights);
    return run_rows(&k, z, z->ho * segments, k_blocks);
}

static socle_status backward_data(ocl_device *d, const ocl_convolution *z)
{
    int segments, c_blocks, segment = even_piece(z->w, z->c > 1 ? SEGMENT_MAX : ACCUMULATORS, &segments);
    int cb = even_piece(z->c, ACCUMULATORS / segment, &c_blocks);
    char options[OPTIONS];
    int n = options_of(options, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n),
                   " -DBACKWARD_DATA -DSEGMENT=%d -DSEGMENTS=%d -DCB=%d -DC_BLOCKS=%d", segment, segments, cb,
                   c_blocks);
    ocl_call k = ocl_begin(d, "conv.cl", "conv_backward_data", options);
    arg_view(&k, z->x);
    arg_view(&k, z->y);
    arg_view(&k, z->weights);
    return run_rows(&k, z, z->h * segments, c_blocks);
}

static socle_status combine(ocl_device *d, const ocl_convolution *z, socle_in partial, int slices)
{
    int biases = z->p.groups * z->k, weights = biases * z->c * z->r * z->s;
    ocl_call k = ocl_begin(d, "conv.cl", "conv_combine", "-DINDEX=int -DCOMBINE");
    arg_view(&k, z->weights ? z->weights : partial);
    arg_view(&k, z->bias ? z->bias : partial);
    arg_view(&k, partial);
    ocl_arg_int(&k, weights);
    ocl_arg_int(&k, biases);
    ocl_arg_int(&k, slices);
    ocl_arg_int(&k, (z->weights ? 1 : 0) | (z->bias ? 2 : 0));
    return ocl_run(&k, 1, (size_t[]){ (size_t)(weights + biases) }, NULL);
}

static socle_status backward_weights(ocl_device *d, const ocl_convolution *z)
{
    int64_t sums = (int64_t)z->p.groups * z->k * (z->c * z->r * z->s + 1);
    int most = (int)(PARTIAL_BYTES / 4 / sums), slices, k_blocks;
    most = most < 1 ? 1 : most > SLICES_MAX ? SLICES_MAX : most;
    int worth = (SLICE_PIXELS + z->ho * z->wo - 1) / (z->ho * z->wo), per_slice = (z->blocks + most - 1) / most;
    per_slice = per_slice > worth ? per_slice : worth;
    slices = (z->blocks + per_slice - 1) / per_slice;
    int taps = z->r * z->s, kb = even_piece(z->k, ACCUMULATORS / taps, &k_blocks);
    ocl_temp partial;
    socle_status status = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ sums * slices }, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    char options[OPTIONS];
    int n = options_of(options, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n), " -DBACKWARD_WEIGHTS -DKB=%d -DK_BLOCKS=%d%s", kb, k_blocks,
                   z->wo * taps * kb <= UNROLLED ? " -DUNROLL" : "");
    ocl_call k = ocl_begin(d, "conv.cl", "conv_backward_weights", options);
    arg_view(&k, &partial.view);
    arg_view(&k, z->y);
    arg_view(&k, z->x);
    ocl_arg_int(&k, z->images);
    ocl_arg_int(&k, per_slice);
    size_t items = d->is_cpu ? 1 : 16;
    status = ocl_run(&k, 3, (size_t[]){ (size_t)z->c * items, (size_t)(k_blocks * z->p.groups), (size_t)slices },
                     (size_t[]){ items, 1, 1 });
    if (status == SOCLE_OK)
        status = combine(d, z, &partial.view, slices);
    ocl_temp_free(d, &partial);
    return status;
}

socle_status ocl_convolve_direct(ocl_device *d, const ocl_convolution *c)
{
    switch (c->pass) {
    case OCL_FORWARD:
        return forward(d, c);
    case OCL_BACKWARD_DATA:
        return backward_data(d, c);
    default:
        return backward_weights(d, c);
    }
}

/* Convolution slots: tiles and options for the direct kernels of kernels/conv.cl. */
#include "launch.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>

enum {
    OPTIONS = 512,
    ACCUMULATORS = 28,  /* registers of a work-item for results: 32 on AVX-512, less inputs and weights */
    SEGMENT_MAX = 14,   /* pixels of a row a work-item computes: leaves two channels room */
    SLICES_MAX = 16     /* partial sums of a weight gradient, whatever the device, so that the result does not depend on it */
};
#define PARTIAL_BYTES ((int64_t)64 << 20)

typedef struct shape {
    int images, blocks, groups, c, k, h, w, ho, wo, r, s; /* c, k: of one group */
} shape;

static shape shape_of(const socle_conv *p, socle_in x, socle_in w, socle_in y)
{
    return (shape){ .images = (int)x->dim[0], .blocks = (int)(x->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES,
                    .groups = p->groups, .c = (int)w->dim[1], .k = (int)w->dim[0] / p->groups, .h = (int)x->dim[2],
                    .w = (int)x->dim[3], .ho = (int)y->dim[2], .wo = (int)y->dim[3], .r = (int)w->dim[2],
                    .s = (int)w->dim[3] };
}

/* How n things are cut so that none is larger than most and all are as large as can be. */
static int even_piece(int n, int most, int *pieces)
{
    *pieces = (n + most - 1) / most;
    return (n + *pieces - 1) / *pieces;
}

static int options_of(char *buf, const socle_conv *p, const shape *z)
{
    return snprintf(buf, OPTIONS,
                    "-DINDEX=int -DGROUPS=%d -DCIN=%d -DCOUT=%d -DH=%d -DW=%d -DHO=%d -DWO=%d -DKH=%d -DKW=%d -DSTRIDE_H=%d "
                    "-DSTRIDE_W=%d -DPAD_H=%d -DPAD_W=%d -DDILATION_H=%d -DDILATION_W=%d",
                    z->groups, z->c, z->k, z->h, z->w, z->ho, z->wo, z->r, z->s, p->stride[0], p->stride[1], p->pad[0],
                    p->pad[1], p->dilation[0], p->dilation[1]);
}

static socle_status run_rows(ocl_call *k, const shape *z, int rows, int channel_blocks)
{
    bool cpu = k->d->is_cpu;
    size_t global[3] = { (size_t)rows * (cpu ? 1 : 16), (size_t)(channel_blocks * z->groups), (size_t)z->blocks };
    return ocl_run(k, 3, global, (size_t[]){ cpu ? 1 : 64, 1, 1 });
}

static void arg_view(ocl_call *k, socle_in v)
{
    ocl_arg_buffer(k, v->buffer);
    ocl_arg_int(k, ocl_start(v));
}

static socle_status forward(ocl_device *d, const socle_conv *p, socle_epilogue e, const shape *z, socle_out y, socle_in x,
                            socle_in w, socle_in bias)
{
    int segments, k_blocks, segment = even_piece(z->wo, SEGMENT_MAX, &segments);
    int kb = even_piece(z->k, ACCUMULATORS / segment, &k_blocks);
    char options[OPTIONS];
    int n = options_of(options, p, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n), " -DFORWARD -DSEGMENT=%d -DSEGMENTS=%d -DKB=%d -DK_BLOCKS=%d%s%s",
                   segment, segments, kb, k_blocks, bias ? " -DBIAS" : "", e == SOCLE_EPILOGUE_RELU ? " -DRELU" : "");
    ocl_call k = ocl_begin(d, "conv.cl", "conv_forward", options);
    arg_view(&k, y);
    arg_view(&k, x);
    arg_view(&k, w);
    arg_view(&k, bias ? bias : w);
    return run_rows(&k, z, z->ho * segments, k_blocks);
}

static socle_status backward_data(ocl_device *d, const socle_conv *p, const shape *z, socle_out dx, socle_in dz, socle_in w)
{
    int segments, c_blocks, segment = even_piece(z->w, ACCUMULATORS, &segments);
    int cb = even_piece(z->c, ACCUMULATORS / segment, &c_blocks);
    char options[OPTIONS];
    int n = options_of(options, p, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n),
                   " -DBACKWARD_DATA -DSEGMENT=%d -DSEGMENTS=%d -DCB=%d -DC_BLOCKS=%d", segment, segments, cb, c_blocks);
    ocl_call k = ocl_begin(d, "conv.cl", "conv_backward_data", options);
    arg_view(&k, dx);
    arg_view(&k, dz);
    arg_view(&k, w);
    return run_rows(&k, z, z->h * segments, c_blocks);
}

static socle_status combine(ocl_device *d, const shape *z, socle_out dw, socle_out db, socle_in partial, int slices)
{
    int weights = z->groups * z->k * z->c * z->r * z->s, biases = z->groups * z->k;
    ocl_call k = ocl_begin(d, "conv.cl", "conv_combine", "-DINDEX=int -DCOMBINE");
    arg_view(&k, dw ? dw : partial);
    arg_view(&k, db ? db : partial);
    arg_view(&k, partial);
    ocl_arg_int(&k, weights);
    ocl_arg_int(&k, biases);
    ocl_arg_int(&k, slices);
    ocl_arg_int(&k, (dw ? 1 : 0) | (db ? 2 : 0));
    return ocl_run(&k, 1, (size_t[]){ (size_t)(weights + biases) }, NULL);
}

/* dw and db row-major and dense, either NULL. */
static socle_status backward_weights(ocl_device *d, const socle_conv *p, const shape *z, socle_out dw, socle_out db,
                                     socle_in dz, socle_in x)
{
    int64_t sums = (int64_t)z->groups * z->k * (z->c * z->r * z->s + 1);
    int most = (int)(PARTIAL_BYTES / 4 / sums), slices, k_blocks;
    most = most < 1 ? 1 : most > SLICES_MAX ? SLICES_MAX : most;
    int per_slice = (z->blocks + most - 1) / most;
    slices = (z->blocks + per_slice - 1) / per_slice;
    int taps = z->r * z->s, kb = even_piece(z->k, taps + 1 < ACCUMULATORS ? ACCUMULATORS / (taps + 1) : 1, &k_blocks);
    ocl_temp partial;
    socle_status status = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ sums * slices }, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    char options[OPTIONS];
    int n = options_of(options, p, z);
    (void)snprintf(options + n, (size_t)(OPTIONS - n), " -DBACKWARD_WEIGHTS -DKB=%d -DK_BLOCKS=%d", kb, k_blocks);
    ocl_call k = ocl_begin(d, "conv.cl", "conv_backward_weights", options);
    arg_view(&k, &partial.view);
    arg_view(&k, dz);
    arg_view(&k, x);
    ocl_arg_int(&k, z->images);
    ocl_arg_int(&k, per_slice);
    size_t items = d->is_cpu ? 1 : 16;
    status = ocl_run(&k, 3, (size_t[]){ (size_t)z->c * items, (size_t)(k_blocks * z->groups), (size_t)slices },
                     (size_t[]){ items, 1, 1 });
    if (status == SOCLE_OK)
        status = combine(d, z, dw, db, &partial.view, slices);
    ocl_temp_free(d, &partial);
    return status;
}

socle_status ocl_conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                      socle_in bias)
{
    ocl_device *d = self;
    shape z = shape_of(p, x, w, y);
    ocl_temp ty = { 0 }, tx = { 0 }, tw = { 0 }, tb = { 0 };
    socle_status status = ocl_temp_out(d, y, SOCLE_LANES, &ty);
    if (status == SOCLE_OK)
        status = ocl_temp_in(d, x, SOCLE_LANES, &tx);
    if (status == SOCLE_OK)
        status = ocl_temp_in(d, w, 1, &tw);
    if (status == SOCLE_OK && bias)
        status = ocl_temp_in(d, bias, 1, &tb);
    if (status == SOCLE_OK)
        status = forward(d, p, e, &z, &ty.view, &tx.view, &tw.view, bias ? &tb.view : NULL);
    if (status == SOCLE_OK)
        status = ocl_temp_store(d, &ty, y);
    ocl_temp_free(d, &ty);
    ocl_temp_free(d, &tx);
    ocl_temp_free(d, &tw);
    ocl_temp_free(d, &tb);
    return status;
}

/* dz = dy where y > 0, else 0: with a ReLU behind the convolution what flows into it. */
static socle_status through_relu(ocl_device *d, socle_epilogue e, socle_in dy, socle_in y, ocl_temp *dz)
{
    if (e == SOCLE_EPILOGUE_NONE)
        return ocl_temp_in(d, dy, SOCLE_LANES, dz);
    socle_status status = ocl_temp_new(d, SOCLE_F32, dy->ndim, dy->dim, SOCLE_LANES, dz);
    return status == SOCLE_OK ? ocl_unary_grad(d, SOCLE_UNARY_relu, &dz->view, dy, NULL, y, 0, 0) : status;
}

socle_status ocl_conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw, socle_out db,
                           socle_in dy, socle_in x, socle_in w, socle_in y)
{
    ocl_device *d = self;
    shape z = shape_of(p, x, w, dy);
    ocl_temp dz = { 0 }, tx = { 0 }, tw = { 0 }, tdx = { 0 }, tdw = { 0 }, tdb = { 0 };
    socle_status status = through_relu(d, e, dy, y, &dz);
    if (status == SOCLE_OK && dx) {
        status = ocl_temp_in(d, w, 1, &tw);
        if (status == SOCLE_OK)
            status = ocl_temp_out(d, dx, SOCLE_LANES, &tdx);
        if (status == SOCLE_OK)
            status = backward_data(d, p, &z, &tdx.view, &dz.view, &tw.view);
        if (status == SOCLE_OK)
            status = ocl_temp_store(d, &tdx, dx);
    }
    if (status == SOCLE_OK && (dw || db)) {
        status = ocl_temp_in(d, x, SOCLE_LANES, &tx);
        if (status == SOCLE_OK && dw)
            status = ocl_temp_out(d, dw, 1, &tdw);
        if (status == SOCLE_OK && db)
            status = ocl_temp_out(d, db, 1, &tdb);
        if (status == SOCLE_OK)
            status = backward_weights(d, p, &z, dw ? &tdw.view : NULL, db ? &tdb.view : NULL, &dz.view, &tx.view);
        if (status == SOCLE_OK && dw)
            status = ocl_temp_store(d, &tdw, dw);
        if (status == SOCLE_OK && db)
            status = ocl_temp_store(d, &tdb, db);
    }
    ocl_temp *temps[] = { &dz, &tx, &tw, &tdx, &tdw, &tdb };
    for (size_t i = 0; i < sizeof temps / sizeof *temps; i++)
        ocl_temp_free(d, temps[i]);
    return status;
}

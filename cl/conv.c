/* Convolution slots: operands in the format that the ways to convolve want, and the choice among those. */
#include "conv.h"
#include "slots.h"
#include "temp.h"

/* ---- choosing ---- */

int ocl_even_piece(int64_t n, int64_t most)
{
    most = most < 1 ? 1 : most;
    const int64_t pieces = (n + most - 1) / most;
    return (int)((n + pieces - 1) / pieces);
}

bool ocl_conv_wide(socle_in v)
{
    const int64_t blocks = (v->dim[0] + v->lanes - 1) / v->lanes;
    return ocl_start(v) + blocks * v->stride[0] > INT32_MAX / 2;
}

static ocl_layer layer_of(const ocl_convolution *c)
{
    const socle_conv *p = &c->p;
    return (ocl_layer){ .pass = c->pass,
                        .c = c->c,
                        .k = c->k,
                        .pixels = (int64_t)c->ho * c->wo,
                        .window = c->r * c->s,
                        .strided = p->stride[0] > 1 || p->stride[1] > 1 };
}

socle_status ocl_convolve_by(ocl_device *d, ocl_variant v, const ocl_convolution *c)
{
    switch ((int)v) {
    case OCL_conv_winograd:
        return ocl_convolve_winograd(d, c);
    case OCL_conv_gemm:
        return ocl_convolve_gemm(d, c);
    default:
        return ocl_convolve_direct(d, c);
    }
}

socle_status ocl_convolve(ocl_device *d, const ocl_convolution *c)
{
    const ocl_layer layer = layer_of(c);
    const bool direct = !ocl_conv_wide(c->x) && !ocl_conv_wide(c->y); /* it counts in 32 bits */
    uint32_t tried = 0;
    for (;;) {
        const ocl_variant v = direct ? ocl_choose_conv(d, &layer, tried) : OCL_conv_gemm;
        socle_status status = ocl_convolve_by(d, v, c);
        if (status == SOCLE_OK || v == OCL_conv_direct || !direct || status == SOCLE_ERR_NOMEM ||
            (status != SOCLE_ERR_UNSUPPORTED && d->late != SOCLE_OK))
            return status;
        tried |= 1u << v;
        if (status != SOCLE_ERR_UNSUPPORTED)
            ocl_put_aside(d, v, socle_error(), false);
    }
}

socle_status ocl_conv_sum_bias(ocl_device *d, const ocl_convolution *c)
{
    socle_view sums = *c->bias;
    sums.ndim = 4;
    for (int i = 0; i < 4; i++) {
        sums.dim[i] = i == 1 ? c->bias->dim[0] : 1;
        sums.stride[i] = i == 1 ? c->bias->stride[0] : 0;
    }
    return ocl_reduce(d, SOCLE_REDUCE_SUM, &sums, c->y, 1u << 0 | 1u << 2 | 1u << 3);
}

/* ---- slots ---- */

static ocl_convolution describe(ocl_pass pass, const socle_conv *p, socle_in x, socle_in w, socle_in y)
{
    return (ocl_convolution){ .pass = pass,
                              .p = *p,
                              .images = (int)x->dim[0],
                              .blocks = (int)(x->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES,
                              .c = (int)w->dim[1],
                              .k = (int)w->dim[0] / p->groups,
                              .h = (int)x->dim[2],
                              .w = (int)x->dim[3],
                              .ho = (int)y->dim[2],
                              .wo = (int)y->dim[3],
                              .r = (int)w->dim[2],
                              .s = (int)w->dim[3] };
}

socle_status ocl_conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                      socle_in bias)
{
    ocl_device *d = self;
    ocl_temp ty = { 0 }, tx = { 0 }, tw = { 0 }, tb = { 0 };
    socle_status status = ocl_temp_out(d, y, SOCLE_LANES, &ty);
    if (status == SOCLE_OK)
        status = ocl_temp_in(d, x, SOCLE_LANES, &tx);
    if (status == SOCLE_OK)
        status = ocl_temp_in(d, w, 1, &tw);
    if (status == SOCLE_OK && bias)
        status = ocl_temp_in(d, bias, 1, &tb);
    if (status == SOCLE_OK) {
        ocl_convolution c = describe(OCL_FORWARD, p, x, w, y);
        c.relu = e == SOCLE_EPILOGUE_RELU;
        c.x = &tx.view;
        c.y = &ty.view;
        c.weights = &tw.view;
        c.bias = bias ? &tb.view : NULL;
        status = ocl_convolve(d, &c);
    }
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
    return status == SOCLE_OK ? ocl_unary_grad(d, SOCLE_UNARY_relu, &dz->view, dy, NULL, y, 0, 0, 0) : status;
}

static socle_status backward_data(ocl_device *d, const socle_conv *p, socle_out dx, socle_in dz, socle_in x,
                                  socle_in w)
{
    ocl_temp tw = { 0 }, tdx = { 0 };
    socle_status status = ocl_temp_in(d, w, 1, &tw);
    if (status == SOCLE_OK)
        status = ocl_temp_out(d, dx, SOCLE_LANES, &tdx);
    if (status == SOCLE_OK) {
        ocl_convolution c = describe(OCL_BACKWARD_DATA, p, x, w, dz);
        c.x = &tdx.view;
        c.y = dz;
        c.weights = &tw.view;
        status = ocl_convolve(d, &c);
    }
    if (status == SOCLE_OK)
        status = ocl_temp_store(d, &tdx, dx);
    ocl_temp_free(d, &tw);
    ocl_temp_free(d, &tdx);
    return status;
}

/* dw or db may be NULL. */
static socle_status backward_weights(ocl_device *d, const socle_conv *p, socle_out dw, socle_out db, socle_in dz,
                                     socle_in x, socle_in w)
{
    ocl_temp tx = { 0 }, tdw = { 0 }, tdb = { 0 };
    socle_status status = ocl_temp_in(d, x, SOCLE_LANES, &tx);
    if (status == SOCLE_OK && dw)
        status = ocl_temp_out(d, dw, 1, &tdw);
    if (status == SOCLE_OK && db)
        status = ocl_temp_out(d, db, 1, &tdb);
    if (status == SOCLE_OK) {
        ocl_convolution c = describe(OCL_BACKWARD_WEIGHTS, p, x, w, dz);
        c.x = &tx.view;
        c.y = dz;
        c.weights = dw ? &tdw.view : NULL;
        c.bias = db ? &tdb.view : NULL;
        status = dw ? ocl_convolve(d, &c) : ocl_conv_sum_bias(d, &c);
    }
    if (status == SOCLE_OK && dw)
        status = ocl_temp_store(d, &tdw, dw);
    if (status == SOCLE_OK && db)
        status = ocl_temp_store(d, &tdb, db);
    ocl_temp_free(d, &tx);
    ocl_temp_free(d, &tdw);
    ocl_temp_free(d, &tdb);
    return status;
}

socle_status ocl_conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                           socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    ocl_device *d = self;
    ocl_temp dz = { 0 };
    socle_status status = through_relu(d, e, dy, y, &dz);
    if (status == SOCLE_OK && dx)
        status = backward_data(d, p, dx, &dz.view, x, w);
    if (status == SOCLE_OK && (dw || db))
        status = backward_weights(d, p, dw, db, &dz.view, x, w);
    ocl_temp_free(d, &dz);
    return status;
}

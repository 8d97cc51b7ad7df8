/* Linear layers: matrix products, whatever the formats of their activations; or the direct convolution of one pixel, which
 * packs nothing, where the weights stay in a processor's cache.
 *
 * Measured with PoCL, 2 cores, in microseconds of a core, direct against product: forward of 256 images 784 to 50, 178
 * against 251; 64 to 10, 11 and 11; 784 to 512, 1820 against 2200; 512 to 1000, 4410 against 2760; of 64 images 2048 to
 * 1000, 11400 against 3150. Gradients of weights: 784 to 50, 2070 against 290; 64 to 10, 39 against 14. */
#include "gemm.h"
#include "slots.h"
#include "temp.h"

#define DIRECT_WEIGHTS ((int64_t)1 << 17)
static const socle_conv one_pixel = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };

/* v (n, c) as (n, c, 1, 1). */
static socle_view as_images(socle_in v)
{
    socle_view out = *v;
    out.ndim = 4;
    out.dim[2] = out.dim[3] = 1;
    out.stride[2] = out.stride[3] = 0;
    return out;
}

/* x and y: what goes in and comes out, in either direction. */
static bool goes_direct(ocl_device *d, socle_in y, socle_in x)
{
    return d->is_cpu && y->lanes == SOCLE_LANES && x->lanes == SOCLE_LANES &&
           x->dim[1] * y->dim[1] <= DIRECT_WEIGHTS && !ocl_is_aside(d, OCL_linear_direct, NULL, 0);
}

/* Did the direct way fail for a reason of its own? Then another may do. */
static bool failed(ocl_device *d, socle_status status)
{
    if (status == SOCLE_OK || status == SOCLE_ERR_NOMEM || d->late != SOCLE_OK)
        return false;
    ocl_put_aside(d, OCL_linear_direct, socle_error(), false);
    return true;
}

static socle_status forward(ocl_device *d, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    ocl_temp b = { 0 };
    socle_status status = bias ? ocl_temp_in(d, bias, 1, &b) : SOCLE_OK;
    if (status != SOCLE_OK)
        return status;
    ocl_product p = ocl_product_flat(y, x, false, w, true);
    ocl_product_finish(&p, bias ? &b.view : NULL, e);
    status = ocl_multiply(d, &p);
    ocl_temp_free(d, &b);
    return status;
}

socle_status ocl_linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    ocl_device *d = self;
    if (goes_direct(d, y, x)) {
        const socle_view y4 = as_images(y), x4 = as_images(x), w4 = as_images(w);
        socle_status status = ocl_conv(d, &one_pixel, e, &y4, &x4, &w4, bias);
        if (!failed(d, status))
            return status;
    }
    return forward(d, e, y, x, w, bias);
}

/* dx = dz w. */
static socle_status backward_data(ocl_device *d, socle_out dx, socle_in dz, socle_in w, socle_in x)
{
    if (goes_direct(d, dx, dz)) {
        const socle_view dx4 = as_images(dx), dz4 = as_images(dz), w4 = as_images(w), x4 = as_images(x);
        socle_status status =
            ocl_conv_grad(d, &one_pixel, SOCLE_EPILOGUE_NONE, &dx4, NULL, NULL, &dz4, &x4, &w4, NULL);
        if (!failed(d, status))
            return status;
    }
    const ocl_product p = ocl_product_flat(dx, dz, false, w, false);
    return ocl_multiply(d, &p);
}

/* dz = dy where y > 0, else 0: with a ReLU behind the layer what flows into it. */
static socle_status through_relu(ocl_device *d, socle_epilogue e, socle_in dy, socle_in y, ocl_temp *dz)
{
    if (e == SOCLE_EPILOGUE_NONE) {
        *dz = (ocl_temp){ .view = *dy };
        return SOCLE_OK;
    }
    socle_status status = ocl_temp_new(d, SOCLE_F32, 2, dy->dim, dy->lanes, dz);
    return status == SOCLE_OK ? ocl_unary_grad(d, SOCLE_UNARY_relu, &dz->view, dy, NULL, y, 0, 0, 0) : status;
}

static socle_status sum_images(ocl_device *d, socle_out db, socle_in dz)
{
    socle_view row = *db;
    row.ndim = 2;
    row.dim[0] = 1;
    row.dim[1] = db->dim[0];
    row.stride[0] = 0;
    row.stride[1] = db->stride[0];
    return ocl_reduce(d, SOCLE_REDUCE_SUM, &row, dz, 1);
}

socle_status ocl_linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                             socle_in x, socle_in w, socle_in y)
{
    ocl_device *d = self;
    ocl_temp dz = { 0 };
    socle_status status = through_relu(d, e, dy, y, &dz);
    if (status == SOCLE_OK && dx)
        status = backward_data(d, dx, &dz.view, w, x);
    if (status == SOCLE_OK && dw) {
        const ocl_product p = ocl_product_flat(dw, &dz.view, true, x, false);
        status = ocl_multiply(d, &p);
    }
    if (status == SOCLE_OK && db)
        status = sum_images(d, db, &dz.view);
    ocl_temp_free(d, &dz);
    return status;
}

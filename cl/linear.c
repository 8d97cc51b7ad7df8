/* Linear layers: a convolution of 1 by 1 images. */
#include "slots.h"

static const socle_conv plain = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };

/* v (n, c) as (n, c, 1, 1). */
static socle_view as_images(socle_in v)
{
    socle_view out = *v;
    out.ndim = 4;
    out.dim[2] = out.dim[3] = 1;
    out.stride[2] = out.stride[3] = 0;
    return out;
}

socle_status ocl_linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    socle_view y4 = as_images(y), x4 = as_images(x), w4 = as_images(w);
    return ocl_conv(self, &plain, e, &y4, &x4, &w4, bias);
}

socle_status ocl_linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                             socle_in x, socle_in w, socle_in y)
{
    socle_view dy4 = as_images(dy), x4 = as_images(x), w4 = as_images(w);
    socle_view dx4 = dx ? as_images(dx) : (socle_view){ 0 }, dw4 = dw ? as_images(dw) : (socle_view){ 0 };
    socle_view y4 = y ? as_images(y) : (socle_view){ 0 };
    return ocl_conv_grad(self, &plain, e, dx ? &dx4 : NULL, dw ? &dw4 : NULL, db, &dy4, &x4, &w4, y ? &y4 : NULL);
}

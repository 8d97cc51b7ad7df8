/* Linear layers: convolutions of one pixel, (N, in, 1, 1) by (out, in, 1, 1), with the same tiles; a few images are a
 * product of matrices through the same route. */
#include "device.h"

/* v with two dimensions of one element behind it. */
static socle_view as_image(socle_in v)
{
    socle_view image = *v;
    const int64_t step = v->lanes == SOCLE_LANES ? SOCLE_LANES : 1;
    image.ndim = 4;
    image.dim[2] = image.dim[3] = 1;
    image.stride[2] = image.stride[3] = step;
    return image;
}

static const socle_conv one_pixel = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };

socle_status cpu_linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    const socle_view vy = as_image(y), vx = as_image(x), vw = as_image(w);
    return cpu_conv(self, &one_pixel, e, &vy, &vx, &vw, bias);
}

socle_status cpu_linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                             socle_in x, socle_in w, socle_in y)
{
    socle_view vdx, vdw, vy;
    const socle_view vdy = as_image(dy), vx = as_image(x), vw = as_image(w);
    if (dx)
        vdx = as_image(dx);
    if (dw)
        vdw = as_image(dw);
    if (y)
        vy = as_image(y);
    return cpu_conv_grad(self, &one_pixel, e, dx ? &vdx : NULL, dw ? &vdw : NULL, db, &vdy, &vx, &vw,
                         y ? &vy : NULL);
}

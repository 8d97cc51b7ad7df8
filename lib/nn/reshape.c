/* Layers that change the shape alone. */
#include <socle/layers.h>

/* The rest is counted, not left open as -1, which an empty batch could not answer. */
static socle_tensor *flatten_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    (void)m;
    socle_shape s = socle_shape_of(x);
    if (s.ndim < 1) {
        socle_ctx_fail(c, socle_fail(SOCLE_ERR_SHAPE, "flatten: the input is a scalar, it has no batch"));
        return NULL;
    }
    int64_t rest = 1;
    for (int i = 1; i < s.ndim; i++)
        rest *= s.dim[i];
    return socle_reshape(c, x, socle_shape2(s.dim[0], rest));
}

static const socle_module_type flatten_type = { .name = "Flatten", .forward = flatten_forward };

socle_module *socle_flatten_new(socle_device *d)
{
    return socle_module_new(&flatten_type, d);
}

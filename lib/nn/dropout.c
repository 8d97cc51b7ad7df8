/* Dropout, of numbers and of whole channels. Whether it drops anything is the ctx's mode, or the module's own (socle_module_set_mode). */
#include <stdio.h>
#include <socle/layers.h>

typedef struct dropout {
    float p;
} dropout;

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    return socle_dropout(c, x, (double)((const dropout *)socle_module_state(m))->p);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    snprintf(buf, cap, "p %g", (double)((const dropout *)socle_module_state(m))->p);
}

/* x (N, C, pixels ...) times a mask (N, C, 1 ...) of zeros and 1 / (1 - p). */
static socle_tensor *channel_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    socle_shape s = socle_shape_of(x);
    if (!socle_ctx_training(c))
        return forward(m, c, x);
    if (s.ndim < 2) {
        socle_ctx_fail(c,
                       socle_fail(SOCLE_ERR_SHAPE, "Dropout2d: an input of %d dimensions has no channels", s.ndim));
        return NULL;
    }
    for (int i = 2; i < s.ndim; i++)
        s.dim[i] = 1;
    return socle_mul(c, x, forward(m, c, socle_full(c, socle_dtype_of(x), s, 1)));
}

static const socle_module_type type = {
    .name = "Dropout", .size = sizeof(dropout), .forward = forward, .describe = describe
};
static const socle_module_type channel_type = {
    .name = "Dropout2d", .size = sizeof(dropout), .forward = channel_forward, .describe = describe
};

static socle_module *dropout_new(socle_device *d, const socle_module_type *of, float p)
{
    if (!(p >= 0.0f && p < 1.0f)) {
        socle_fail(SOCLE_ERR_ARG, "%s: a probability of %g, it must be at least 0 and less than 1", of->name,
                   (double)p);
        return NULL;
    }
    socle_module *m = socle_module_new(of, d);
    if (m == NULL)
        return NULL;
    ((dropout *)socle_module_state(m))->p = p;
    return socle_module_ready(m);
}

socle_module *socle_dropout_new(socle_device *d, float p)
{
    return dropout_new(d, &type, p);
}

socle_module *socle_channel_dropout_new(socle_device *d, float p)
{
    return dropout_new(d, &channel_type, p);
}

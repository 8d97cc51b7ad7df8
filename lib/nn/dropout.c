/* The dropout layer. Whether it drops anything is the ctx's mode, or the module's own (socle_module_set_mode). */
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

static const socle_module_type type = {
    .name = "Dropout", .size = sizeof(dropout), .forward = forward, .describe = describe
};

socle_module *socle_dropout_new(socle_device *d, float p)
{
    if (!(p >= 0.0f && p < 1.0f)) {
        socle_fail(SOCLE_ERR_ARG, "Dropout: a probability of %g, it must be at least 0 and less than 1", (double)p);
        return NULL;
    }
    socle_module *m = socle_module_new(&type, d);
    if (m == NULL)
        return NULL;
    ((dropout *)socle_module_state(m))->p = p;
    return socle_module_ready(m);
}

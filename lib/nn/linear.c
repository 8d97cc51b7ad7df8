/* The fully connected layer: x (N, in) -> act(x w^T + b), (N, out). */
#include <math.h>
#include <stdio.h>
#include "act.h"

typedef struct linear {
    socle_linear_desc o;
    socle_act_desc act;
    socle_tensor *weight, *bias; /* (out, in); (out) or NULL */
} linear;

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const linear *l = socle_module_state(m);
    return act_apply(c, socle_linear(c, x, l->weight, l->bias), &l->act);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    const linear *l = socle_module_state(m);
    char act[80];
    act_describe(&l->act, act, sizeof act);
    snprintf(buf, cap, "%d, %d%s%s%s", l->o.in, l->o.out, l->o.no_bias ? ", no bias" : "", act[0] ? ", " : "", act);
}

static int64_t macs(const socle_module *m, socle_shape x, socle_shape y)
{
    (void)y;
    const linear *l = socle_module_state(m);
    return x.dim[0] * l->o.in * l->o.out;
}

static const socle_module_type type = {
    .name = "Linear", .size = sizeof(linear), .forward = forward, .describe = describe, .macs = macs
};

socle_module *socle_linear_new(socle_device *d, socle_linear_desc o)
{
    if (o.in < 1 || o.out < 1) {
        socle_fail(SOCLE_ERR_ARG, "Linear: %d inputs and %d outputs, at least 1 of each is needed", o.in, o.out);
        return NULL;
    }
    socle_act_desc act = { o.act, o.leak, o.sub, o.max_value };
    if (act_check("Linear", &act) != SOCLE_OK)
        return NULL;
    socle_module *m = socle_module_new(&type, d);
    if (m == NULL)
        return NULL;
    linear *l = socle_module_state(m);
    l->o = o;
    l->act = act;
    act_attach(m, &l->act);
    l->weight =
        socle_module_param(m, "weight", socle_shape2(o.out, o.in), socle_init_kaiming_uniform(sqrt(5.0), false));
    if (!o.no_bias)
        l->bias = socle_module_param(m, "bias", socle_shape1(o.out), socle_init_bias(o.in));
    return socle_module_ready(m);
}

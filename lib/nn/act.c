/* Activation layers. Each kind has a type of its own, so that summaries and messages call it by its name. */
#include "act.h"

#include <stdio.h>

typedef struct act {
    socle_act_kind kind;
    float leak;
} act;

socle_tensor *act_apply(socle_ctx *c, socle_tensor *x, socle_act_kind kind, float leak)
{
    switch (kind) {
    case SOCLE_ACT_NONE:
        return x;
    case SOCLE_ACT_RELU:
        return socle_relu(c, x);
    case SOCLE_ACT_LEAKY_RELU:
        return socle_leaky_relu(c, x, (double)leak);
    case SOCLE_ACT_SIGMOID:
        return socle_sigmoid(c, x);
    case SOCLE_ACT_TANH:
        return socle_tanh(c, x);
    }
    return NULL;
}

void act_describe(socle_act_kind kind, float leak, char *buf, size_t cap)
{
    static const char *const name[] = { "", "relu", "leak", "sigmoid", "tanh" };
    if (kind == SOCLE_ACT_LEAKY_RELU)
        snprintf(buf, cap, "%s %g", name[kind], (double)leak);
    else
        snprintf(buf, cap, "%s", name[kind]);
}

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const act *a = socle_module_state(m);
    return act_apply(c, x, a->kind, a->leak);
}

static void describe_leak(const socle_module *m, char *buf, size_t cap)
{
    const act *a = socle_module_state(m);
    act_describe(a->kind, a->leak, buf, cap);
}

static const socle_module_type types[] = {
    [SOCLE_ACT_NONE] = { .name = "Identity", .size = sizeof(act), .forward = forward },
    [SOCLE_ACT_RELU] = { .name = "ReLU", .size = sizeof(act), .forward = forward },
    [SOCLE_ACT_LEAKY_RELU] = { .name = "LeakyReLU",
                               .size = sizeof(act),
                               .forward = forward,
                               .describe = describe_leak },
    [SOCLE_ACT_SIGMOID] = { .name = "Sigmoid", .size = sizeof(act), .forward = forward },
    [SOCLE_ACT_TANH] = { .name = "Tanh", .size = sizeof(act), .forward = forward },
};

bool act_exists(const char *layer, socle_act_kind kind)
{
    if ((unsigned)kind < sizeof types / sizeof *types)
        return true;
    socle_fail(SOCLE_ERR_ARG, "%s: there is no activation %d", layer, (int)kind);
    return false;
}

socle_module *socle_act_new(socle_device *d, socle_act_kind kind, float leak)
{
    if (!act_exists("act", kind))
        return NULL;
    socle_module *m = socle_module_new(&types[kind], d);
    if (m == NULL)
        return NULL;
    *(act *)socle_module_state(m) = (act){ kind, leak };
    return socle_module_ready(m);
}

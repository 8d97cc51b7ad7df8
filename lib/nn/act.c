/* Activation layers. Each kind has a type of its own, so that summaries and messages call it by its name. */
#include "act.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "module.h"

/* ---- one activation ---- */

bool act_is_relu(const socle_act_desc *act)
{
    return act->kind == SOCLE_ACT_RELU ||
           (act->kind == SOCLE_ACT_GENERAL_RELU && act->leak == 0.0f && act->sub == 0.0f && act->max_value == 0.0f);
}

static double cut_of(const socle_act_desc *act)
{
    return act->max_value != 0.0f ? (double)act->max_value : INFINITY;
}

static socle_tensor *general_relu(socle_ctx *c, socle_tensor *x, const socle_act_desc *act)
{
    if (act_is_relu(act))
        return socle_relu(c, x);
    return socle_general_relu(c, x, (double)act->leak, (double)act->sub, cut_of(act));
}

socle_tensor *act_apply(socle_ctx *c, socle_tensor *x, const socle_act_desc *act)
{
    switch (act->kind) {
    case SOCLE_ACT_NONE:
        return x;
    case SOCLE_ACT_RELU:
        return socle_relu(c, x);
    case SOCLE_ACT_LEAKY_RELU:
        return socle_leaky_relu(c, x, (double)act->leak);
    case SOCLE_ACT_SIGMOID:
        return socle_sigmoid(c, x);
    case SOCLE_ACT_TANH:
        return socle_tanh(c, x);
    case SOCLE_ACT_GENERAL_RELU:
        return general_relu(c, x, act);
    case SOCLE_ACT_SILU:
        return socle_silu(c, x);
    case SOCLE_ACT_GELU:
        return socle_gelu(c, x);
    case SOCLE_ACT_GELU_TANH:
        return socle_gelu_tanh(c, x);
    case SOCLE_ACT_MISH:
        return socle_mish(c, x);
    }
    return NULL;
}

socle_tensor *act_apply_sum(socle_ctx *c, socle_tensor *a, socle_tensor *b, const socle_act_desc *act)
{
    if (act_is_relu(act))
        return socle_add_relu(c, a, b);
    if (act->kind == SOCLE_ACT_GENERAL_RELU)
        return socle_add_general_relu(c, a, b, (double)act->leak, (double)act->sub, cut_of(act));
    return act_apply(c, socle_add(c, a, b), act);
}

/* Appends "leak 0.1, sub 0.4, max 6", without what is 0. */
static void describe_parameters(const socle_act_desc *act, char *buf, size_t cap)
{
    const struct {
        const char *name;
        float value;
    } part[] = { { "leak", act->leak }, { "sub", act->sub }, { "max", act->max_value } };
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(buf);
        if (part[i].value != 0.0f)
            snprintf(buf + n, cap - n, "%s%s %g", n > 0 ? ", " : "", part[i].name, (double)part[i].value);
    }
}

void act_describe(const socle_act_desc *act, char *buf, size_t cap)
{
    static const char *const name[] = { "",     "relu", "leak",      "sigmoid", "tanh", "general relu",
                                        "silu", "gelu", "gelu tanh", "mish" };
    if (act->kind == SOCLE_ACT_LEAKY_RELU)
        snprintf(buf, cap, "%s %g", name[act->kind], (double)act->leak);
    else
        snprintf(buf, cap, "%s", name[act->kind]);
    if (act->kind == SOCLE_ACT_GENERAL_RELU)
        describe_parameters(act, buf, cap);
}

void act_attach(socle_module *m, socle_act_desc *act)
{
    m->act = act;
}

socle_act_desc socle_act_of(const socle_module *m)
{
    return m == NULL || m->act == NULL ? (socle_act_desc){ .kind = SOCLE_ACT_NONE } : *m->act;
}

socle_status socle_act_set_shift(socle_module *m, float sub)
{
    if (m == NULL) {
        module_missing("the module", "act_set_shift");
        return socle_error_status();
    }
    char text[200];
    module_text(m, text, sizeof text);
    if (m->act == NULL || m->act->kind != SOCLE_ACT_GENERAL_RELU)
        return socle_fail(SOCLE_ERR_ARG,
                          "act_set_shift: %s does not end in a general ReLU, which alone has a shift", text);
    if (!isfinite(sub))
        return socle_fail(SOCLE_ERR_ARG, "act_set_shift: a shift of %g for %s", (double)sub, text);
    m->act->sub = sub;
    return SOCLE_OK;
}

/* ---- the layers ---- */

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    return act_apply(c, x, socle_module_state(m));
}

static void describe_leak(const socle_module *m, char *buf, size_t cap)
{
    act_describe(socle_module_state(m), buf, cap);
}

static void describe_general(const socle_module *m, char *buf, size_t cap)
{
    describe_parameters(socle_module_state(m), buf, cap);
}

static const socle_module_type types[] = {
    [SOCLE_ACT_NONE] = { .name = "Identity", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_RELU] = { .name = "ReLU", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_LEAKY_RELU] = { .name = "LeakyReLU",
                               .size = sizeof(socle_act_desc),
                               .forward = forward,
                               .describe = describe_leak },
    [SOCLE_ACT_SIGMOID] = { .name = "Sigmoid", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_TANH] = { .name = "Tanh", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_GENERAL_RELU] = { .name = "GeneralReLU",
                                 .size = sizeof(socle_act_desc),
                                 .forward = forward,
                                 .describe = describe_general },
    [SOCLE_ACT_SILU] = { .name = "SiLU", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_GELU] = { .name = "GELU", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_GELU_TANH] = { .name = "GELUTanh", .size = sizeof(socle_act_desc), .forward = forward },
    [SOCLE_ACT_MISH] = { .name = "Mish", .size = sizeof(socle_act_desc), .forward = forward },
};

socle_status act_check(const char *layer, const socle_act_desc *act)
{
    if ((unsigned)act->kind >= sizeof types / sizeof *types)
        return socle_fail(SOCLE_ERR_ARG, "%s: there is no activation %d", layer, (int)act->kind);
    if (!isfinite(act->leak) || !isfinite(act->sub) || !isfinite(act->max_value))
        return socle_fail(SOCLE_ERR_ARG, "%s: an activation with leak %g, sub %g, max %g", layer, (double)act->leak,
                          (double)act->sub, (double)act->max_value);
    return SOCLE_OK;
}

socle_module *socle_act_new_with(socle_device *d, socle_act_desc o)
{
    if (act_check("act", &o) != SOCLE_OK)
        return NULL;
    socle_module *m = socle_module_new(&types[o.kind], d);
    if (m == NULL)
        return NULL;
    socle_act_desc *act = socle_module_state(m);
    *act = o;
    act_attach(m, act);
    return socle_module_ready(m);
}

socle_module *socle_act_new(socle_device *d, socle_act_kind act, float leak)
{
    return socle_act_new_with(d, (socle_act_desc){ .kind = act, .leak = leak });
}

/* Norm layers but for the running one (running_norm.c): one layer whose kind says what shares a mean. */
#include "module.h"
#include "norm.h"

#include <stdio.h>
#include <string.h>
#include <socle/sys/op.h>

typedef struct norm {
    socle_norm_desc o;
    socle_tensor *weight, *bias;              /* gamma and beta, or NULL */
    socle_tensor *running_mean, *running_var; /* of batch norm */
    bool warned;
} norm;

/* ---- the desc ---- */

static const char *const names[] = {
    "", "BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RunningBatchNorm"
};

static socle_status check_kind(socle_norm_kind kind)
{
    if (kind != SOCLE_NORM_NONE && (unsigned)kind < sizeof names / sizeof *names)
        return SOCLE_OK;
    return socle_fail(SOCLE_ERR_ARG, "norm: there is no norm %d", (int)kind);
}

static socle_status check_element(const char *name, const socle_norm_desc *o)
{
    if (o->affine != SOCLE_AFFINE_ELEMENT)
        return SOCLE_OK;
    if (o->kind != SOCLE_NORM_LAYER)
        return socle_fail(SOCLE_ERR_ARG, "%s: a weight for each element is LayerNorm's alone", name);
    if (o->shape.ndim < 1 || o->shape.dim[0] != o->channels)
        return socle_fail(
            SOCLE_ERR_ARG,
            "%s: a weight for each element needs the shape of an image, which begins with its %d channels", name,
            o->channels);
    return SOCLE_OK;
}

socle_status norm_check(const socle_norm_desc *o)
{
    socle_status s = check_kind(o->kind);
    if (s != SOCLE_OK)
        return s;
    const char *name = names[o->kind];
    if (o->channels < 1)
        return socle_fail(SOCLE_ERR_ARG, "%s: %d channels, at least 1 is needed", name, o->channels);
    if (o->kind == SOCLE_NORM_GROUP && (o->groups < 1 || o->channels % o->groups != 0))
        return socle_fail(SOCLE_ERR_ARG, "%s: %d groups do not divide %d channels", name, o->groups, o->channels);
    if ((unsigned)o->affine > SOCLE_AFFINE_NONE)
        return socle_fail(SOCLE_ERR_ARG, "%s: there is no choice of weights %d", name, (int)o->affine);
    if (!(o->eps >= 0) || !(o->momentum >= 0 && o->momentum <= 1))
        return socle_fail(SOCLE_ERR_ARG, "%s: eps %g, momentum %g: 0 or more, and 0 to 1, are possible", name,
                          o->eps, o->momentum);
    return check_element(name, o);
}

socle_norm_desc norm_with_defaults(socle_norm_desc o)
{
    o.eps = o.eps == 0 ? 1e-5 : o.eps;
    o.momentum = o.momentum == 0 ? 0.1 : o.momentum;
    o.groups = o.kind == SOCLE_NORM_LAYER ? 1 : o.kind == SOCLE_NORM_INSTANCE ? o.channels : o.groups;
    return o;
}

socle_norm_desc socle_norm_course(socle_norm_kind kind)
{
    socle_norm_desc o = { .kind = kind };
    switch (kind) {
    case SOCLE_NORM_BATCH:
        o.unbiased = o.detached = true;
        break;
    case SOCLE_NORM_LAYER:
        o.affine = SOCLE_AFFINE_SCALAR;
        o.unbiased = true;
        break;
    case SOCLE_NORM_INSTANCE:
        o.eps = 1;
        o.unbiased = true;
        break;
    default:
        break;
    }
    return o;
}

socle_norm_opts norm_opts(const socle_norm_desc *o)
{
    const socle_act_desc *a = &o->act;
    bool general = a->kind == SOCLE_ACT_GENERAL_RELU, leaky = general || a->kind == SOCLE_ACT_LEAKY_RELU;
    return (socle_norm_opts){ .eps = o->eps,
                              .unbiased = o->unbiased,
                              .detached = o->detached,
                              .act = leaky || a->kind == SOCLE_ACT_RELU,
                              .leak = leaky ? (double)a->leak : 0,
                              .sub = general ? (double)a->sub : 0,
                              .max_value = general ? (double)a->max_value : 0 };
}

/* ---- the layer ---- */

/* Numbers of x that share a mean. */
static int64_t shared(const norm *n, socle_shape x)
{
    int64_t pixels = 1;
    for (int i = 2; i < x.ndim; i++)
        pixels *= x.dim[i];
    return pixels * (n->o.kind == SOCLE_NORM_BATCH ? x.dim[0] : n->o.channels / n->o.groups);
}

/* A variance of one number is 0, and what is divided by it is only beta: somebody should know. Said once. */
static void warn_of_one(norm *n, const socle_ctx *c, socle_shape x)
{
    if (n->warned || !socle_ctx_training(c) || shared(n, x) != 1)
        return;
    n->warned = true;
    socle_log_text(SOCLE_LOG_WARN,
                   "%s of %d channels: a single number has a mean and no variance, so nothing of the input is left",
                   names[n->o.kind], n->o.channels);
}

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    norm *n = socle_module_state(m);
    socle_norm_opts opts = norm_opts(&n->o);
    warn_of_one(n, c, socle_shape_of(x));
    socle_tensor *y = n->o.kind == SOCLE_NORM_BATCH ? socle_batch_norm(c, x, n->weight, n->bias, n->running_mean,
                                                                       n->running_var, n->o.momentum, opts)
                                                    : socle_group_norm(c, x, n->o.groups, n->weight, n->bias, opts);
    return opts.act ? y : act_apply(c, y, &n->o.act);
}

/* "16, 4 groups, eps 1, relu": what is not the default. */
void norm_describe(const socle_norm_desc *o, char *buf, size_t cap)
{
    char act[80], parts[200] = "";
    act_describe(&o->act, act, sizeof act);
    int n = 0;
    if (o->kind == SOCLE_NORM_GROUP)
        n = snprintf(parts, sizeof parts, ", %d groups", o->groups);
    if (o->eps < 1e-5 || o->eps > 1e-5)
        n += snprintf(parts + n, sizeof parts - (size_t)n, ", eps %g", o->eps);
    static const char *const affine[] = { "", ", a weight per element", ", one weight", ", no weight" };
    snprintf(parts + n, sizeof parts - (size_t)n, "%s%s%s%s%s", affine[o->affine], o->unbiased ? ", unbiased" : "",
             o->detached ? ", detached" : "", act[0] != '\0' ? ", " : "", act);
    snprintf(buf, cap, "%d%s", o->channels, parts);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    norm_describe(&((const norm *)socle_module_state(m))->o, buf, cap);
}

static const socle_module_type types[] = {
    [SOCLE_NORM_BATCH] = { .name = "BatchNorm", .size = sizeof(norm), .forward = forward, .describe = describe },
    [SOCLE_NORM_LAYER] = { .name = "LayerNorm", .size = sizeof(norm), .forward = forward, .describe = describe },
    [SOCLE_NORM_INSTANCE] = { .name = "InstanceNorm",
                              .size = sizeof(norm),
                              .forward = forward,
                              .describe = describe },
    [SOCLE_NORM_GROUP] = { .name = "GroupNorm", .size = sizeof(norm), .forward = forward, .describe = describe },
};

bool norm_joins_conv(const socle_module *m)
{
    return m->type == &types[SOCLE_NORM_BATCH] && !m->broken && m->hooks.n == 0 && m->mode == SOCLE_FOLLOW_CTX;
}

socle_tensor *norm_of_conv(socle_module *m, socle_ctx *c, socle_tensor *x, socle_tensor *weight, socle_tensor *bias,
                           socle_conv2d_opts o, bool relu)
{
    norm *n = socle_module_state(m);
    socle_norm_opts opts = norm_opts(&n->o);
    socle_tensor *y = socle_conv2d_batch_norm(c, x, weight, bias, o, relu, n->weight, n->bias, n->running_mean,
                                              n->running_var, n->o.momentum, opts);
    if (y != NULL)
        warn_of_one(n, c, socle_shape_of(y));
    return opts.act ? y : act_apply(c, y, &n->o.act);
}

/* gamma's and beta's. */
static socle_shape affine_shape(const socle_norm_desc *o)
{
    return o->affine == SOCLE_AFFINE_ELEMENT  ? o->shape
           : o->affine == SOCLE_AFFINE_SCALAR ? socle_shape1(1)
                                              : socle_shape1(o->channels);
}

socle_module *socle_norm_new(socle_device *d, socle_norm_desc o)
{
    if (norm_check(&o) != SOCLE_OK || act_check(names[o.kind], &o.act) != SOCLE_OK)
        return NULL;
    o = norm_with_defaults(o);
    if (o.kind == SOCLE_NORM_RUNNING)
        return running_norm_new(d, o);
    socle_module *m = socle_module_new(&types[o.kind], d);
    if (m == NULL)
        return NULL;
    norm *n = socle_module_state(m);
    n->o = o;
    act_attach(m, &n->o.act);
    if (o.affine != SOCLE_AFFINE_NONE) {
        n->weight = socle_module_param(m, "weight", affine_shape(&o), socle_init_constant(o.zero_weight ? 0 : 1));
        n->bias = socle_module_param(m, "bias", affine_shape(&o), socle_init_constant(0));
    }
    if (o.kind == SOCLE_NORM_BATCH) {
        n->running_mean = socle_module_buffer(m, "running_mean", socle_shape1(o.channels), 0);
        n->running_var = socle_module_buffer(m, "running_var", socle_shape1(o.channels), 1);
    }
    return socle_module_ready(m);
}

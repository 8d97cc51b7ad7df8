/* The convolution block, conv -> norm -> act, or conv -> act -> norm. A norm brings its own shift, so the bias is there
 * without one only, unless asked for. Where the activation follows at once, a ReLU shares the convolution's pass. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "module.h"
#include "norm.h"

typedef struct conv {
    socle_conv_desc o; /* defaults filled in */
    socle_act_desc act;
    socle_tensor *weight, *bias; /* (out, in/groups, size, size); (out) or NULL */
    socle_module *norm;          /* or NULL; unless act_first it ends in the activation, and act is none */
} conv;

/* ---- the desc ---- */

static socle_conv_desc with_defaults(socle_conv_desc o)
{
    o.size = o.size == 0 ? 3 : o.size;
    o.stride = o.stride == 0 ? 1 : o.stride;
    o.pad = o.pad == SOCLE_PAD_NONE ? 0 : o.pad == 0 ? o.size / 2 : o.pad;
    o.dilation = o.dilation == 0 ? 1 : o.dilation;
    o.groups = o.groups == 0 ? 1 : o.groups;
    if (o.bias == SOCLE_BIAS_AUTO)
        o.bias = o.norm == SOCLE_NORM_NONE ? SOCLE_BIAS_ON : SOCLE_BIAS_OFF;
    return o;
}

/* o as the user gave it. */
static socle_status check(socle_conv_desc o)
{
    if (o.in < 1 || o.out < 1)
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: %d channels in and %d out, at least 1 of each is needed", o.in,
                          o.out);
    if (o.size < 0 || o.stride < 0 || o.dilation < 0 || o.groups < 0)
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: size %d, stride %d, dilation %d, groups %d: none may be negative",
                          o.size, o.stride, o.dilation, o.groups);
    if (o.pad < SOCLE_PAD_NONE)
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: a padding of %d", o.pad);
    if (o.groups > 0 && (o.in % o.groups != 0 || o.out % o.groups != 0))
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: %d groups do not divide %d channels in and %d out", o.groups,
                          o.in, o.out);
    if ((unsigned)o.norm > SOCLE_NORM_RUNNING)
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: there is no norm %d", (int)o.norm);
    if ((unsigned)o.bias > SOCLE_BIAS_OFF)
        return socle_fail(SOCLE_ERR_ARG, "Conv2d: there is no choice of bias %d", (int)o.bias);
    return SOCLE_OK;
}

/* ---- the layer ---- */

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const conv *v = socle_module_state(m);
    socle_conv2d_opts opts = {
        .stride = v->o.stride, .pad = v->o.pad, .dilation = v->o.dilation, .groups = v->o.groups
    };
    const bool relu = act_is_relu(&v->act), plain = v->act.kind == SOCLE_ACT_NONE;
    if (v->norm != NULL && (relu || plain) && norm_joins_conv(v->norm))
        return norm_of_conv(v->norm, c, x, v->weight, v->bias, opts, relu);
    socle_tensor *y = relu ? socle_conv2d_relu(c, x, v->weight, v->bias, opts)
                           : act_apply(c, socle_conv2d(c, x, v->weight, v->bias, opts), &v->act);
    return v->norm != NULL ? socle_forward(v->norm, c, y) : y;
}

static void append(char *buf, size_t cap, const char *fmt, ...) SOCLE_PRINTF(3, 4);
static void append(char *buf, size_t cap, const char *fmt, ...)
{
    size_t n = strlen(buf);
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf + n, cap - n, fmt, args);
    va_end(args);
}

/* "8, 16, size 3", then what is not the default. */
static void describe(const socle_module *m, char *buf, size_t cap)
{
    const conv *v = socle_module_state(m);
    const socle_conv_desc *o = &v->o;
    char act[80];
    act_describe(&v->act, act, sizeof act);
    snprintf(buf, cap, "%d, %d, size %d", o->in, o->out, o->size);
    if (o->stride != 1)
        append(buf, cap, ", stride %d", o->stride);
    if (o->pad != o->size / 2)
        append(buf, cap, ", pad %d", o->pad);
    if (o->dilation != 1)
        append(buf, cap, ", dilation %d", o->dilation);
    if (o->groups != 1)
        append(buf, cap, ", groups %d", o->groups);
    if (o->bias == SOCLE_BIAS_OFF)
        append(buf, cap, ", no bias");
    if (act[0] != '\0')
        append(buf, cap, ", %s", act);
}

/* Each number of y (N, K, Ho, Wo) is a sum of in/groups size^2 products. */
static int64_t macs(const socle_module *m, socle_shape x, socle_shape y)
{
    (void)x;
    const conv *v = socle_module_state(m);
    return y.dim[0] * y.dim[1] * y.dim[2] * y.dim[3] * socle_fan(socle_shape_of(v->weight), false);
}

static const socle_module_type type = {
    .name = "Conv2d", .size = sizeof(conv), .forward = forward, .describe = describe, .macs = macs
};

/* The norm over v's results. It takes the activation with it, to do both in one pass. */
static void add_norm(socle_module *m, conv *v)
{
    socle_norm_desc o = v->o.norm_desc;
    o.kind = v->o.norm;
    o.channels = v->o.out;
    o.act = v->o.act_first ? (socle_act_desc){ .kind = SOCLE_ACT_NONE } : v->act;
    v->norm = socle_module_child(m, "norm", socle_norm_new(m->device, o));
    if (v->norm == NULL || v->o.act_first)
        return;
    v->act.kind = SOCLE_ACT_NONE;
    m->act = v->norm->act;
}

socle_module *socle_conv_new(socle_device *d, socle_conv_desc o)
{
    socle_act_desc act = { o.act, o.leak, o.sub, o.max_value };
    if (check(o) != SOCLE_OK || act_check("Conv2d", &act) != SOCLE_OK)
        return NULL;
    o = with_defaults(o);
    socle_module *m = socle_module_new(&type, d);
    if (m == NULL)
        return NULL;
    conv *v = socle_module_state(m);
    v->o = o;
    v->act = act;
    act_attach(m, &v->act);
    socle_shape w = socle_shape4(o.out, o.in / o.groups, o.size, o.size);
    v->weight = socle_module_param(m, "weight", w, socle_init_kaiming_uniform(sqrt(5.0), false));
    if (v->weight != NULL && o.bias == SOCLE_BIAS_ON) /* a weight that exists has a fan that can be counted */
        v->bias = socle_module_param(m, "bias", socle_shape1(o.out), socle_init_bias(socle_fan(w, false)));
    if (o.norm != SOCLE_NORM_NONE)
        add_norm(m, v);
    return socle_module_ready(m);
}

/* A small residual network for small images (Page 2018, "How to train your ResNet"): three stages of a convolution and a
 * maximum over 2x2 pixels, the first and the last with a residual pair of convolutions behind. */
#include <socle/models.h>

static socle_module *conv(socle_device *d, const socle_resnet9_desc *o, int in, int out)
{
    socle_conv_desc desc = { .in = in, .out = out, .norm = SOCLE_NORM_BATCH, .act = o->act.kind };
    desc.leak = o->act.leak;
    desc.sub = o->act.sub;
    desc.max_value = o->act.max_value;
    return socle_conv_new(d, desc);
}

/* x + conv(conv(x)); the activation is inside. */
static socle_module *pair(socle_device *d, const socle_resnet9_desc *o, int channels)
{
    socle_module *body = socle_sequential_new(d);
    socle_append(body, conv(d, o, channels, channels));
    socle_append(body, conv(d, o, channels, channels));
    return socle_residual_new(d, body, NULL, (socle_act_desc){ .kind = SOCLE_ACT_NONE });
}

static socle_module *stage(socle_device *d, const socle_resnet9_desc *o, int in, int out, bool residual)
{
    socle_module *seq = socle_sequential_new(d);
    socle_append(seq, conv(d, o, in, out));
    socle_append(seq, socle_max_pool_new(d, (socle_pool2d_opts){ .size = 2 }));
    return residual ? socle_append(seq, pair(d, o, out)) : seq;
}

socle_module *socle_resnet9_new(socle_device *d, socle_resnet9_desc o)
{
    o.c_in = o.c_in == 0 ? 3 : o.c_in;
    o.classes = o.classes == 0 ? 10 : o.classes;
    o.width = o.width == 0 ? 64 : o.width;
    if (o.act.kind == SOCLE_ACT_NONE)
        o.act.kind = SOCLE_ACT_RELU;
    const int w = o.width;
    if (w < 1 || w > 1 << 20) {
        (void)socle_fail(SOCLE_ERR_ARG, "ResNet-9: a width of %d", w);
        return NULL;
    }
    socle_module *net = socle_sequential_new(d);
    socle_append(net, conv(d, &o, o.c_in, w));
    socle_append(net, stage(d, &o, w, 2 * w, true));
    socle_append(net, stage(d, &o, 2 * w, 4 * w, false));
    socle_append(net, stage(d, &o, 4 * w, 8 * w, true));
    socle_append(net, socle_adaptive_max_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    socle_linear_desc head = { .in = 8 * w, .out = o.classes, .no_bias = true };
    return socle_module_ready(socle_append(net, socle_linear_new(d, head)));
}

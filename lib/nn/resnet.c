/* ResNets with torchvision's structure and names: conv1, bn1, layer1.0.conv1 ... layer4.1.bn2, fc. And fast.ai's xresnet. */
#include <socle/models.h>
#include <stdio.h>

enum { STAGES = 4, EXPANSION = 4 };
static const int stage_width[STAGES] = { 64, 128, 256, 512 };
static const socle_act_desc relu = { .kind = SOCLE_ACT_RELU };

static socle_resnet_desc with_defaults(socle_resnet_desc o)
{
    o.c_in = o.c_in == 0 ? 3 : o.c_in;
    o.classes = o.classes == 0 ? 1000 : o.classes;
    return o;
}

static socle_status check(const char *name, const socle_resnet_desc *o)
{
    for (int i = 0; i < STAGES; i++)
        if (o->blocks[i] < 1)
            return socle_fail(SOCLE_ERR_ARG, "%s: %d blocks in stage %d, at least 1 is needed", name, o->blocks[i],
                              i + 1);
    return SOCLE_OK;
}

static socle_module *plain_conv(socle_device *d, int in, int out, int size, int stride)
{
    return socle_conv_new(
        d, (socle_conv_desc){ .in = in, .out = out, .size = size, .stride = stride, .bias = SOCLE_BIAS_OFF });
}

static socle_module *batch_norm(socle_device *d, int channels, bool zero, socle_act_desc act)
{
    return socle_norm_new(
        d, (socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = channels, .zero_weight = zero, .act = act });
}

/* ---- a block: two or three convolutions, each with a norm, and a way around them ---- */

enum { MOST_CONVS = 3 };
typedef struct block {
    int n;
    socle_module *conv[MOST_CONVS], *norm[MOST_CONVS];
    socle_module *downsample; /* or NULL */
} block;

static socle_tensor *block_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const block *b = socle_module_state(m);
    socle_tensor *y = x;
    for (int i = 0; i < b->n; i++)
        y = socle_forward(b->norm[i], c, socle_forward(b->conv[i], c, y));
    return socle_relu(c, socle_add(c, y, b->downsample != NULL ? socle_forward(b->downsample, c, x) : x));
}

static const socle_module_type basic_type = { .name = "BasicBlock",
                                              .size = sizeof(block),
                                              .forward = block_forward };
static const socle_module_type bottleneck_type = { .name = "Bottleneck",
                                                   .size = sizeof(block),
                                                   .forward = block_forward };

/* The way around where the shape changes. */
static socle_module *downsample_new(socle_device *d, int in, int out, int stride)
{
    socle_module *seq = socle_sequential_new(d);
    socle_append(seq, plain_conv(d, in, out, 1, stride));
    return socle_append(seq, batch_norm(d, out, false, (socle_act_desc){ .kind = SOCLE_ACT_NONE }));
}

static socle_module *block_new(socle_device *d, const socle_resnet_desc *o, int in, int width, int stride)
{
    const int out = o->bottleneck ? width * EXPANSION : width;
    const int sizes[2][MOST_CONVS] = { { 3, 3 }, { 1, 3, 1 } };
    socle_module *m = socle_module_new(o->bottleneck ? &bottleneck_type : &basic_type, d);
    block b = { .n = o->bottleneck ? 3 : 2 };
    for (int i = 0, from = in; i < b.n; i++) {
        bool last = i == b.n - 1, strided = i == (o->bottleneck ? 1 : 0);
        int to = last ? out : width;
        char name[16];
        snprintf(name, sizeof name, "conv%d", i + 1);
        b.conv[i] =
            socle_module_child(m, name, plain_conv(d, from, to, sizes[o->bottleneck][i], strided ? stride : 1));
        snprintf(name, sizeof name, "bn%d", i + 1);
        socle_act_desc act = { .kind = last ? SOCLE_ACT_NONE : SOCLE_ACT_RELU };
        b.norm[i] = socle_module_child(m, name, batch_norm(d, to, last && o->zero_last, act));
        from = to;
    }
    if (stride != 1 || in != out)
        b.downsample = socle_module_child(m, "downsample", downsample_new(d, in, out, stride));
    m = socle_module_ready(m);
    if (m != NULL)
        *(block *)socle_module_state(m) = b;
    return m;
}

/* ---- the network ---- */

typedef struct resnet {
    socle_module *conv1, *bn1, *maxpool, *layer[STAGES], *avgpool, *flatten, *fc;
} resnet;

static socle_tensor *resnet_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const resnet *r = socle_module_state(m);
    x = socle_forward(r->maxpool, c, socle_forward(r->bn1, c, socle_forward(r->conv1, c, x)));
    for (int i = 0; i < STAGES; i++)
        x = socle_forward(r->layer[i], c, x);
    return socle_forward(r->fc, c, socle_forward(r->flatten, c, socle_forward(r->avgpool, c, x)));
}

static const socle_module_type resnet_type = { .name = "ResNet",
                                               .size = sizeof(resnet),
                                               .forward = resnet_forward };

static socle_module *stage_new(socle_device *d, const socle_resnet_desc *o, int in, int stage)
{
    socle_module *seq = socle_sequential_new(d);
    for (int i = 0; i < o->blocks[stage]; i++) {
        socle_append(seq, block_new(d, o, in, stage_width[stage], i == 0 && stage > 0 ? 2 : 1));
        in = stage_width[stage] * (o->bottleneck ? EXPANSION : 1);
    }
    return seq;
}

socle_module *socle_resnet_new(socle_device *d, socle_resnet_desc o)
{
    if (check("ResNet", &o) != SOCLE_OK)
        return NULL;
    o = with_defaults(o);
    socle_module *m = socle_module_new(&resnet_type, d);
    resnet r = { 0 };
    const int widen = o.bottleneck ? EXPANSION : 1;
    r.conv1 = socle_module_child(m, "conv1", plain_conv(d, o.c_in, 64, 7, 2));
    r.bn1 = socle_module_child(m, "bn1", batch_norm(d, 64, false, relu));
    r.maxpool = socle_module_child(m, "maxpool",
                                   socle_max_pool_new(d, (socle_pool2d_opts){ .size = 3, .stride = 2, .pad = 1 }));
    for (int i = 0; i < STAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "layer%d", i + 1);
        r.layer[i] = socle_module_child(m, name, stage_new(d, &o, i == 0 ? 64 : stage_width[i - 1] * widen, i));
    }
    r.avgpool = socle_module_child(m, "avgpool", socle_adaptive_avg_pool_new(d, 1, 1));
    r.flatten = socle_module_child(m, "flatten", socle_flatten_new(d));
    r.fc = socle_module_child(
        m, "fc",
        socle_linear_new(d, (socle_linear_desc){ .in = stage_width[STAGES - 1] * widen, .out = o.classes }));
    m = socle_module_ready(m);
    if (m != NULL)
        *(resnet *)socle_module_state(m) = r;
    return m;
}

/* ---- xresnet ---- */

static socle_module *conv_norm(socle_device *d, int in, int out, int size, int stride, bool zero,
                               socle_act_kind act)
{
    socle_conv_desc o = {
        .in = in, .out = out, .size = size, .stride = stride, .norm = SOCLE_NORM_BATCH, .act = act
    };
    o.norm_desc.zero_weight = zero;
    return socle_conv_new(d, o);
}

static socle_module *xblock_new(socle_device *d, const socle_resnet_desc *o, int in, int width, int stride)
{
    const int out = o->bottleneck ? width * EXPANSION : width;
    socle_module *body = socle_sequential_new(d), *skip = NULL;
    if (o->bottleneck) {
        socle_append(body, conv_norm(d, in, width, 1, 1, false, SOCLE_ACT_RELU));
        socle_append(body, conv_norm(d, width, width, 3, stride, false, SOCLE_ACT_RELU));
        socle_append(body, conv_norm(d, width, out, 1, 1, true, SOCLE_ACT_NONE));
    } else {
        socle_append(body, conv_norm(d, in, width, 3, stride, false, SOCLE_ACT_RELU));
        socle_append(body, conv_norm(d, width, out, 3, 1, true, SOCLE_ACT_NONE));
    }
    if (stride != 1 || in != out) {
        skip = socle_sequential_new(d);
        if (stride != 1)
            socle_append(skip, socle_avg_pool_new(d, (socle_pool2d_opts){ .size = 2, .ceil = true }));
        if (in != out)
            socle_append(skip, conv_norm(d, in, out, 1, 1, false, SOCLE_ACT_NONE));
    }
    return socle_residual_new(d, body, skip, relu);
}

socle_module *socle_xresnet_new(socle_device *d, socle_resnet_desc o)
{
    if (check("XResNet", &o) != SOCLE_OK)
        return NULL;
    o = with_defaults(o);
    const int widen = o.bottleneck ? EXPANSION : 1, stem[] = { o.c_in, (o.c_in + 1) * 8, 64, 64 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 3; i++)
        socle_append(net, conv_norm(d, stem[i], stem[i + 1], 3, i == 0 ? 2 : 1, false, SOCLE_ACT_RELU));
    socle_append(net, socle_max_pool_new(d, (socle_pool2d_opts){ .size = 3, .stride = 2, .pad = 1 }));
    for (int stage = 0, in = 64; stage < STAGES; stage++) {
        socle_module *seq = socle_sequential_new(d);
        for (int i = 0; i < o.blocks[stage]; i++) {
            socle_append(seq, xblock_new(d, &o, in, stage_width[stage], i == 0 && stage > 0 ? 2 : 1));
            in = stage_width[stage] * widen;
        }
        socle_append(net, seq);
    }
    socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    return socle_append(
        net, socle_linear_new(d, (socle_linear_desc){ .in = stage_width[STAGES - 1] * widen, .out = o.classes }));
}

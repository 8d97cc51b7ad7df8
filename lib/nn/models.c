/* Networks by name: those of fast.ai's Fashion-MNIST lessons, and the usual residual ones. */
#include <socle/models.h>
#include <stdio.h>
#include <string.h>

static const socle_act_desc general_relu = { .kind = SOCLE_ACT_GENERAL_RELU, .leak = 0.1f, .sub = 0.4f };

/* ---- plain convolutions ---- */

static socle_module *conv(socle_device *d, int in, int out, int size, int stride)
{
    return socle_conv_new(d, (socle_conv_desc){ .in = in,
                                                .out = out,
                                                .size = size,
                                                .stride = stride,
                                                .bias = SOCLE_BIAS_ON,
                                                .norm = SOCLE_NORM_BATCH,
                                                .act = general_relu.kind,
                                                .leak = general_relu.leak,
                                                .sub = general_relu.sub });
}

/* A last convolution to the classes, on 2x2 pixels. */
static socle_module *classify_by_conv(socle_device *d, socle_module *net, int in, int classes, bool norm)
{
    socle_conv_desc o = { .in = in, .out = classes, .stride = 2, .bias = SOCLE_BIAS_ON };
    o.norm = norm ? SOCLE_NORM_BATCH : SOCLE_NORM_NONE;
    socle_append(net, socle_conv_new(d, o));
    return socle_append(net, socle_flatten_new(d));
}

static socle_module *conv_net(socle_device *d, int c_in, int classes)
{
    socle_module *net = socle_sequential_new(d);
    for (int width = 8, in = c_in; width <= 64; in = width, width *= 2)
        socle_append(net, conv(d, in, width, 3, 2));
    return classify_by_conv(d, net, 64, classes, false);
}

static socle_module *deep_net(socle_device *d, int c_in, int classes)
{
    socle_module *net = socle_sequential_new(d);
    for (int width = 8, in = c_in; width <= 128; in = width, width *= 2)
        socle_append(net, conv(d, in, width, 3, width == 8 ? 1 : 2));
    return classify_by_conv(d, net, 128, classes, true);
}

/* ---- residual blocks ---- */

static socle_module *block(socle_device *d, int in, int out, int size, int stride)
{
    return socle_res_block_new(
        d,
        (socle_res_block_desc){
            .in = in, .out = out, .size = size, .stride = stride, .norm = SOCLE_NORM_BATCH, .act = general_relu });
}

typedef struct ladder {
    int first, last, size; /* widths; window of the first block */
    bool single;           /* the first block is one convolution */
    bool flat_last;        /* the last block keeps the pixels */
    bool average;          /* over the pixels that are left; else there is one */
    float drop;
} ladder;

static socle_module *residual_net(socle_device *d, int c_in, int classes, ladder o)
{
    socle_module *net = socle_sequential_new(d);
    socle_append(net, o.single ? conv(d, c_in, o.first, o.size, 1) : block(d, c_in, o.first, o.size, 1));
    if (o.drop > 0)
        socle_append(net, socle_channel_dropout_new(d, o.drop));
    for (int in = o.first; in < o.last; in *= 2)
        socle_append(net, block(d, in, 2 * in, 3, o.flat_last && 2 * in == o.last ? 1 : 2));
    if (o.average)
        socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    if (o.drop > 0)
        socle_append(net, socle_dropout_new(d, o.drop));
    socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = o.last, .out = classes, .no_bias = true }));
    return socle_append(net, socle_norm_new(d, (socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = classes }));
}

static socle_module *resnet(socle_device *d, int c_in, int classes)
{
    return residual_net(d, c_in, classes, (ladder){ .first = 8, .last = 256, .size = 3 });
}

static socle_module *wide(socle_device *d, int c_in, int classes)
{
    return residual_net(d, c_in, classes, (ladder){ .first = 16, .last = 512, .size = 5 });
}

static socle_module *wide2(socle_device *d, int c_in, int classes)
{
    ladder o = { .first = 16, .last = 512, .size = 5, .flat_last = true, .average = true };
    return residual_net(d, c_in, classes, o);
}

static socle_module *wide3(socle_device *d, int c_in, int classes)
{
    return residual_net(d, c_in, classes, (ladder){ .first = 16, .last = 256, .size = 5, .average = true });
}

static socle_module *wide4(socle_device *d, int c_in, int classes)
{
    ladder o = { .first = 16, .last = 256, .size = 5, .single = true, .average = true };
    return residual_net(d, c_in, classes, o);
}

static socle_module *widedrop(socle_device *d, int c_in, int classes)
{
    return residual_net(d, c_in, classes, (ladder){ .first = 16, .last = 512, .size = 5, .drop = 0.1f });
}

/* ---- the residual networks of the literature ---- */

static socle_resnet_desc of_depth(int depth, int c_in, int classes)
{
    socle_resnet_desc o = { .c_in = c_in, .classes = classes, .blocks = { 3, 4, 6, 3 }, .bottleneck = depth >= 50 };
    for (int i = 0; i < 4 && depth == 18; i++)
        o.blocks[i] = 2;
    return o;
}

static socle_module *resnet9(socle_device *d, int c_in, int classes)
{
    return socle_resnet9_new(d, (socle_resnet9_desc){ .c_in = c_in, .classes = classes });
}

static socle_module *resnet18(socle_device *d, int c_in, int classes)
{
    return socle_resnet_new(d, of_depth(18, c_in, classes));
}

static socle_module *resnet34(socle_device *d, int c_in, int classes)
{
    return socle_resnet_new(d, of_depth(34, c_in, classes));
}

static socle_module *resnet50(socle_device *d, int c_in, int classes)
{
    return socle_resnet_new(d, of_depth(50, c_in, classes));
}

static socle_module *xresnet18(socle_device *d, int c_in, int classes)
{
    return socle_xresnet_new(d, of_depth(18, c_in, classes));
}

static socle_module *xresnet34(socle_device *d, int c_in, int classes)
{
    return socle_xresnet_new(d, of_depth(34, c_in, classes));
}

static socle_module *xresnet50(socle_device *d, int c_in, int classes)
{
    return socle_xresnet_new(d, of_depth(50, c_in, classes));
}

/* ---- the table ---- */

static const struct {
    const char *name;
    socle_module *(*make)(socle_device *d, int c_in, int classes);
} models[] = {
    { "conv", conv_net },       { "deep", deep_net },       { "resnet", resnet },       { "wide", wide },
    { "wide2", wide2 },         { "wide3", wide3 },         { "wide4", wide4 },         { "widedrop", widedrop },
    { "resnet9", resnet9 },     { "resnet18", resnet18 },   { "resnet34", resnet34 },   { "resnet50", resnet50 },
    { "xresnet18", xresnet18 }, { "xresnet34", xresnet34 }, { "xresnet50", xresnet50 },
};
enum { MODELS = sizeof models / sizeof models[0] };

const char *socle_model_name(size_t i)
{
    return i < MODELS ? models[i].name : NULL;
}

socle_module *socle_model_new(socle_device *d, const char *name, int c_in, int classes)
{
    char all[256] = "";
    for (size_t i = 0; i < MODELS; i++) {
        if (name != NULL && strcmp(name, models[i].name) == 0)
            return socle_module_ready(models[i].make(d, c_in, classes));
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? ", " : "", models[i].name);
    }
    socle_fail(SOCLE_ERR_ARG, "model: there is no \"%s\", but %s", name != NULL ? name : "(null)", all);
    return NULL;
}

/* Pooling layers: windows of a size, and adaptive ones, which divide the image into a given number of windows. */
#include <stdio.h>
#include <socle/layers.h>

/* ---- windows of a size ---- */

typedef struct pool {
    socle_pool2d_opts o; /* stride filled in */
} pool;

static socle_tensor *max_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    return socle_max_pool2d(c, x, ((const pool *)socle_module_state(m))->o);
}

static socle_tensor *avg_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    return socle_avg_pool2d(c, x, ((const pool *)socle_module_state(m))->o);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    const socle_pool2d_opts *o = &((const pool *)socle_module_state(m))->o;
    int n = snprintf(buf, cap, "size %d, stride %d", o->size, o->stride);
    if (o->pad != 0 && n >= 0 && (size_t)n < cap)
        n += snprintf(buf + n, cap - (size_t)n, ", pad %d", o->pad);
    if (n >= 0 && (size_t)n < cap)
        snprintf(buf + n, cap - (size_t)n, "%s%s", o->ceil ? ", ceil" : "", o->exclude_pad ? ", exclude pad" : "");
}

static const socle_module_type max_type = {
    .name = "MaxPool2d", .size = sizeof(pool), .forward = max_forward, .describe = describe
};
static const socle_module_type avg_type = {
    .name = "AvgPool2d", .size = sizeof(pool), .forward = avg_forward, .describe = describe
};

static socle_module *pool_new(socle_device *d, const socle_module_type *type, socle_pool2d_opts o)
{
    if (o.size < 1 || o.stride < 0) {
        socle_fail(SOCLE_ERR_ARG, "%s: size %d, stride %d", type->name, o.size, o.stride);
        return NULL;
    }
    if (o.pad < 0 || o.pad > o.size / 2) {
        socle_fail(SOCLE_ERR_ARG, "%s: a padding of %d, 0 to half the size of %d are possible", type->name, o.pad,
                   o.size);
        return NULL;
    }
    if (o.stride == 0)
        o.stride = o.size;
    socle_module *m = socle_module_new(type, d);
    if (m == NULL)
        return NULL;
    *(pool *)socle_module_state(m) = (pool){ o };
    return socle_module_ready(m);
}

socle_module *socle_max_pool_new(socle_device *d, socle_pool2d_opts o)
{
    return pool_new(d, &max_type, o);
}

socle_module *socle_avg_pool_new(socle_device *d, socle_pool2d_opts o)
{
    return pool_new(d, &avg_type, o);
}

/* ---- adaptive ---- */

typedef struct adaptive {
    int h, w;
} adaptive;

static socle_tensor *adaptive_max_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const adaptive *a = socle_module_state(m);
    return socle_adaptive_max_pool2d(c, x, a->h, a->w);
}

static socle_tensor *adaptive_avg_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const adaptive *a = socle_module_state(m);
    return socle_adaptive_avg_pool2d(c, x, a->h, a->w);
}

static void adaptive_describe(const socle_module *m, char *buf, size_t cap)
{
    const adaptive *a = socle_module_state(m);
    snprintf(buf, cap, "%d, %d", a->h, a->w);
}

static const socle_module_type adaptive_max_type = {
    .name = "AdaptiveMaxPool2d",
    .size = sizeof(adaptive),
    .forward = adaptive_max_forward,
    .describe = adaptive_describe,
};
static const socle_module_type adaptive_avg_type = {
    .name = "AdaptiveAvgPool2d",
    .size = sizeof(adaptive),
    .forward = adaptive_avg_forward,
    .describe = adaptive_describe,
};

static socle_module *adaptive_new(socle_device *d, const socle_module_type *type, int h, int w)
{
    if (h < 1 || w < 1) {
        socle_fail(SOCLE_ERR_ARG, "%s: an output of %d by %d", type->name, h, w);
        return NULL;
    }
    socle_module *m = socle_module_new(type, d);
    if (m == NULL)
        return NULL;
    *(adaptive *)socle_module_state(m) = (adaptive){ h, w };
    return socle_module_ready(m);
}

socle_module *socle_adaptive_max_pool_new(socle_device *d, int h, int w)
{
    return adaptive_new(d, &adaptive_max_type, h, w);
}

socle_module *socle_adaptive_avg_pool_new(socle_device *d, int h, int w)
{
    return adaptive_new(d, &adaptive_avg_type, h, w);
}

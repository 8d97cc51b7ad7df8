/* Running batch norm (fast.ai, part 2 lesson 10): a batch is normalised by averages over it and the batches before it, so
 * that batches of two images train as well as large ones.
 *
 * Averaged are the sums of a channel's numbers and of their squares, and how many they are; the more images, the more a
 * batch counts:
 *
 *     w = 1 - (1 - momentum) / sqrt(N - 1)
 *     sums = (1 - w) sums + w sum(x),  sqrs = (1 - w) sqrs + w sum(x^2),  count = (1 - w) count + w n
 *     mean = sums / count,  var = sqrs / count - mean^2
 *
 * All start at 0, which is why no debiasing is needed. Until 20 images have been seen, var is at least 0.01. The gradient
 * flows through what the current batch adds, not through what was there. Evaluation applies the scale and shift of the
 * last training batch. */
#include <math.h>
#include <socle/sys/op.h>
#include "norm.h"

enum { FEW_IMAGES = 20 };
static const double least_var = 0.01;

typedef struct running_norm {
    socle_norm_desc o;
    socle_tensor *weight, *bias;   /* (channels) or NULL */
    socle_tensor *sums, *sqrs;     /* (channels) */
    socle_tensor *factor, *offset; /* (channels): of evaluation, y = x factor + offset */
    socle_tensor *count, *batch;   /* numbers averaged over; images seen */
    /* The same two on the host, where they decide, and the tensors' versions they belong to: reading waits, so it is done
     * only when somebody else (who loads a model) has written them. */
    double counted, images;
    uint64_t count_version, batch_version;
} running_norm;

/* ---- counters ---- */

static socle_status refresh_counters(running_norm *r)
{
    if (r->count_version == socle_tensor_version(r->count) && r->batch_version == socle_tensor_version(r->batch))
        return SOCLE_OK;
    socle_status s = socle_item(r->count, &r->counted);
    if (s == SOCLE_OK)
        s = socle_item(r->batch, &r->images);
    r->count_version = socle_tensor_version(r->count);
    r->batch_version = socle_tensor_version(r->batch);
    return s;
}

/* Kept in the tensors' precision: a run that goes on from a file goes on with the same numbers. */
static socle_status store_counters(running_norm *r, socle_ctx *c, double counted, double images)
{
    r->counted = socle_dtype_of(r->count) == SOCLE_F32 ? (double)(float)counted : counted;
    r->images = images;
    socle_status s = socle_fill(c, r->count, r->counted);
    if (s == SOCLE_OK)
        s = socle_fill(c, r->batch, r->images);
    r->count_version = socle_tensor_version(r->count);
    r->batch_version = socle_tensor_version(r->batch);
    return s;
}

/* ---- training ---- */

/* sums and sqrs after a batch whose sums are n mean and n (var + mean^2): `fresh` is w n, `stale` 1 - w. */
static void add_batch(running_norm *r, socle_ctx *c, const socle_norm *p, socle_tensor *x, double fresh,
                      double stale)
{
    socle_device *d = socle_ctx_device(c);
    socle_shape shape = socle_shape1(r->o.channels);
    socle_tensor *mean = socle_tensor_new(d, socle_device_real(d), shape);
    socle_tensor *var = mean == NULL ? NULL : socle_tensor_new(d, socle_device_real(d), shape);
    socle_status s = var == NULL ? socle_error_status() : socle_prim_moments(p, mean, var, x);
    if (s == SOCLE_OK)
        s = socle_axpby(c, r->sums, fresh, mean, stale);
    if (s == SOCLE_OK)
        s = socle_axpby(c, r->sqrs, fresh, socle_add(c, var, socle_square(c, mean)), stale);
    socle_release(mean);
    socle_release(var);
    socle_ctx_fail(c, s);
}

/* What evaluation will use. */
static void keep_affine(running_norm *r, socle_ctx *c, const socle_norm *p, socle_tensor *mean, socle_tensor *var)
{
    if (p->var_min > 0)
        var = socle_clamp(c, var, (double)p->var_min, INFINITY);
    socle_tensor *d = socle_sqrt(c, socle_scale(c, var, 1, (double)p->eps));
    socle_tensor *one = r->weight == NULL ? socle_full(c, socle_dtype_of(d), socle_shape_of(d), 1) : r->weight;
    socle_tensor *factor = socle_div(c, one, d);
    socle_tensor *offset = socle_neg(c, socle_mul(c, mean, factor));
    if (r->bias != NULL)
        offset = socle_add(c, r->bias, offset);
    if (offset == NULL)
        return;
    socle_ctx_fail(c, socle_assign(c, r->factor, factor));
    socle_ctx_fail(c, socle_assign(c, r->offset, offset));
}

static socle_status check_input(const running_norm *r, socle_shape x)
{
    if (x.ndim < 2 || x.dim[1] != r->o.channels)
        return socle_fail(SOCLE_ERR_SHAPE,
                          "running_norm: an input of %d dimensions, expected (N, %d) or (N, %d, pixels ...)",
                          (int)x.ndim, r->o.channels, r->o.channels);
    if (x.dim[0] < 2)
        return socle_fail(SOCLE_ERR_ARG,
                          "running_norm: a batch of %lld images: how much a batch counts goes with "
                          "1 / sqrt(images - 1), so it takes 2 at least (drop a last batch of 1)",
                          (long long)x.dim[0]);
    return SOCLE_OK;
}

/* Updates the averages; mean, var and p are what this batch is normalised with. Nothing of it is recorded. */
static void update(running_norm *r, socle_ctx *c, socle_tensor *x, socle_norm *p, socle_tensor **mean,
                   socle_tensor **var)
{
    double images = (double)socle_dim(x, 0), n = (double)socle_numel(x) / r->o.channels;
    double w = 1 - (1 - r->o.momentum) / sqrt(images - 1);
    /* as axpby takes them: sums and count must have met the same weights, or the squares no longer cancel */
    double fresh = (double)(float)(w * n), stale = (double)(float)(1 - w);
    add_batch(r, c, p, x, fresh, stale);
    socle_ctx_fail(c, store_counters(r, c, fresh + stale * r->counted, r->images + images));
    *mean = socle_div(c, r->sums, r->count);
    *var = socle_sub(c, socle_div(c, r->sqrs, r->count), socle_square(c, *mean));
    p->var_min = r->images < FEW_IMAGES ? (float)least_var : 0;
    p->share = (float)(fresh / r->counted);
    keep_affine(r, c, p, *mean, *var);
}

static socle_tensor *train(running_norm *r, socle_ctx *c, socle_tensor *x)
{
    socle_status s = check_input(r, socle_shape_of(x));
    if (s == SOCLE_OK)
        s = refresh_counters(r);
    if (socle_ctx_fail(c, s) != SOCLE_OK)
        return NULL;
    socle_norm_opts o = norm_opts(&r->o);
    socle_norm p = { .batch = true,
                     .eps = (float)o.eps,
                     .act = o.act,
                     .leak = (float)o.leak,
                     .sub = (float)o.sub,
                     .max = o.max_value == 0 ? INFINITY : (float)o.max_value };
    socle_tensor *mean = NULL, *var = NULL;
    bool recorded = socle_ctx_set_grad(c, false);
    update(r, c, x, &p, &mean, &var);
    socle_ctx_set_grad(c, recorded);
    return socle_normalize_with(c, &p, x, mean, var, r->weight, r->bias);
}

/* ---- evaluation ---- */

/* t (channels) as it meets x (N, channels, pixels ...). */
static socle_tensor *along_channels(socle_ctx *c, socle_tensor *t, socle_tensor *x)
{
    socle_shape s = { .ndim = socle_shape_of(x).ndim - 1, .dim = { socle_dim(t, 0), 1, 1, 1, 1, 1 } };
    return socle_reshape(c, t, s);
}

static socle_tensor *evaluate(running_norm *r, socle_ctx *c, socle_tensor *x)
{
    socle_tensor *scaled = socle_mul(c, x, along_channels(c, r->factor, x));
    return act_apply(c, socle_add(c, scaled, along_channels(c, r->offset, x)), &r->o.act);
}

/* ---- the layer ---- */

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    running_norm *r = socle_module_state(m);
    if (!socle_ctx_training(c))
        return evaluate(r, c, x);
    socle_tensor *y = train(r, c, x);
    return norm_opts(&r->o).act ? y : act_apply(c, y, &r->o.act);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    norm_describe(&((const running_norm *)socle_module_state(m))->o, buf, cap);
}

static const socle_module_type type = {
    .name = "RunningBatchNorm", .size = sizeof(running_norm), .forward = forward, .describe = describe
};

socle_module *running_norm_new(socle_device *d, socle_norm_desc o)
{
    if (o.affine != SOCLE_AFFINE_CHANNEL && o.affine != SOCLE_AFFINE_NONE) {
        socle_fail(SOCLE_ERR_ARG, "RunningBatchNorm: it has a weight for each channel or none");
        return NULL;
    }
    socle_module *m = socle_module_new(&type, d);
    if (m == NULL)
        return NULL;
    running_norm *r = socle_module_state(m);
    socle_shape each = socle_shape1(o.channels);
    r->o = o;
    act_attach(m, &r->o.act);
    if (o.affine == SOCLE_AFFINE_CHANNEL) {
        r->weight = socle_module_param(m, "weight", each, socle_init_constant(o.zero_weight ? 0 : 1));
        r->bias = socle_module_param(m, "bias", each, socle_init_constant(0));
    }
    r->sums = socle_module_buffer(m, "sums", each, 0);
    r->sqrs = socle_module_buffer(m, "sqrs", each, 0);
    r->factor = socle_module_buffer(m, "factor", each, 0);
    r->offset = socle_module_buffer(m, "offset", each, 0);
    r->count = socle_module_buffer(m, "count", socle_shape0(), 0);
    r->batch = socle_module_buffer(m, "batch", socle_shape0(), 0);
    if (r->batch != NULL && r->count != NULL) {
        r->count_version = socle_tensor_version(r->count);
        r->batch_version = socle_tensor_version(r->batch);
    }
    return socle_module_ready(m);
}

/* Max and average pooling over the last two dimensions of (N, C, H, W), by windows of a size or adaptively. */
#include "op.h"

typedef struct pool2d_attr {
    socle_pool pool;
    bool ceil;
    int64_t to[2]; /* adaptive: the result's size */
} pool2d_attr;

/* Windows along an axis of n pixels. With ceil, a last window may hang over the far edge, if it starts inside
 * the image or its near padding. 0: none fits. */
static int64_t windows(int64_t n, int size, int stride, int pad, bool ceil)
{
    int64_t room = n + 2 * (int64_t)pad - size + (ceil ? stride - 1 : 0);
    if (room < 0)
        return 0;
    int64_t count = room / stride + 1;
    return ceil && (count - 1) * stride >= n + pad ? count - 1 : count;
}

static socle_status check_options(const char *name, const pool2d_attr *a)
{
    const socle_pool *p = &a->pool;
    if (p->adaptive) {
        SOCLE_CHECK(a->to[0] >= 1 && a->to[1] >= 1, SOCLE_ERR_ARG, "%s: the result cannot have %lld by %lld pixels",
                    name, (long long)a->to[0], (long long)a->to[1]);
        return SOCLE_OK;
    }
    SOCLE_CHECK(p->size[0] >= 1 && p->stride[0] >= 1 && p->pad[0] >= 0 && p->pad[0] <= p->size[0] / 2,
                SOCLE_ERR_ARG, "%s: size %d, stride %d, padding %d (at most size / 2)", name, p->size[0],
                p->stride[0], p->pad[0]);
    return SOCLE_OK;
}

/* x (N, C, H, W) -> (N, C, Ho, Wo); of max pooling also the index h W + w of each winner, of the same shape. */
static socle_status infer(const socle_call *k, socle_spec *out)
{
    const pool2d_attr *a = k->attr;
    const socle_pool *p = &a->pool;
    const char *name = p->adaptive ? (p->max ? "adaptive_max_pool2d" : "adaptive_avg_pool2d")
                                   : (p->max ? "max_pool2d" : "avg_pool2d");
    socle_shape x = k->spec[0].shape;
    SOCLE_TRY(op_check_real(k, name, 0));
    SOCLE_TRY(op_check_ndim(k, name, 0, 4, "(N, C, H, W)"));
    SOCLE_TRY(check_options(name, a));
    socle_shape y = x;
    for (int i = 0; i < 2; i++) {
        int64_t n = x.dim[2 + i];
        SOCLE_CHECK(n > 0 && n <= INT32_MAX, SOCLE_ERR_SHAPE, "%s: input %s", name, shape_text(x).text);
        y.dim[2 + i] = p->adaptive ? a->to[i] : windows(n, p->size[i], p->stride[i], p->pad[i], a->ceil);
        SOCLE_CHECK(y.dim[2 + i] > 0, SOCLE_ERR_SHAPE,
                    "%s: a window of %d pixels does not fit input %s with padding %d", name, p->size[i],
                    shape_text(x).text, p->pad[i]);
    }
    SOCLE_CHECK(!p->max || x.dim[2] <= INT32_MAX / x.dim[3], SOCLE_ERR_SHAPE, "%s: input %s has too many pixels",
                name, shape_text(x).text);
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = y;
    if (p->max) {
        out[1].dtype = SOCLE_I32;
        out[1].shape = y;
    }
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const socle_pool *p = &((const pool2d_attr *)k->attr)->pool;
    return socle_prim_pool(p, k->out[0], p->max ? k->out[1] : NULL, k->in[0]);
}

/* Max: dx[index] += dy. Average: dx += dy / (the window's divisor) for every pixel of the window. */
static socle_status backward(socle_call *k)
{
    const socle_pool *p = &((const pool2d_attr *)k->attr)->pool;
    return socle_prim_pool_grad(p, k->accumulate != 0, k->gin[0], k->gout[0], p->max ? k->out[1] : NULL);
}

const socle_op socle_op_max_pool2d = { .name = "max_pool2d",
                                       .attr_size = sizeof(pool2d_attr),
                                       .n_out = 2,
                                       .keep = SOCLE_KEEP_OUT(1),
                                       .accumulates = SOCLE_KEEP_IN(0),
                                       .infer = infer,
                                       .forward = forward,
                                       .backward = backward };

const socle_op socle_op_avg_pool2d = { .name = "avg_pool2d",
                                       .attr_size = sizeof(pool2d_attr),
                                       .n_out = 1,
                                       .accumulates = SOCLE_KEEP_IN(0),
                                       .infer = infer,
                                       .forward = forward,
                                       .backward = backward };

const socle_op socle_op_adaptive_max_pool2d = { .name = "adaptive_max_pool2d",
                                                .attr_size = sizeof(pool2d_attr),
                                                .n_out = 2,
                                                .keep = SOCLE_KEEP_OUT(1),
                                                .accumulates = SOCLE_KEEP_IN(0),
                                                .infer = infer,
                                                .forward = forward,
                                                .backward = backward };

const socle_op socle_op_adaptive_avg_pool2d = { .name = "adaptive_avg_pool2d",
                                                .attr_size = sizeof(pool2d_attr),
                                                .n_out = 1,
                                                .accumulates = SOCLE_KEEP_IN(0),
                                                .infer = infer,
                                                .forward = forward,
                                                .backward = backward };

static pool2d_attr attr_of(socle_pool2d_opts o, bool max)
{
    int stride = o.stride == 0 ? o.size : o.stride;
    return (pool2d_attr){ .pool = { .max = max,
                                    .count_pad = !o.exclude_pad,
                                    .size = { o.size, o.size },
                                    .stride = { stride, stride },
                                    .pad = { o.pad, o.pad } },
                          .ceil = o.ceil };
}

socle_tensor *socle_max_pool2d(socle_ctx *c, socle_tensor *x, socle_pool2d_opts o)
{
    pool2d_attr a = attr_of(o, true);
    return socle_apply(c, &socle_op_max_pool2d, &a, 1, 1, &x);
}

socle_tensor *socle_avg_pool2d(socle_ctx *c, socle_tensor *x, socle_pool2d_opts o)
{
    pool2d_attr a = attr_of(o, false);
    return socle_apply(c, &socle_op_avg_pool2d, &a, 1, 1, &x);
}

socle_tensor *socle_adaptive_max_pool2d(socle_ctx *c, socle_tensor *x, int h, int w)
{
    pool2d_attr a = { .pool = { .max = true, .adaptive = true }, .to = { h, w } };
    return socle_apply(c, &socle_op_adaptive_max_pool2d, &a, 1, 1, &x);
}

socle_tensor *socle_adaptive_avg_pool2d(socle_ctx *c, socle_tensor *x, int h, int w)
{
    pool2d_attr a = { .pool = { .adaptive = true }, .to = { h, w } };
    return socle_apply(c, &socle_op_adaptive_avg_pool2d, &a, 1, 1, &x);
}

/* Two-dimensional convolution (cross-correlation, as everybody calls it), alone or with a ReLU in the same pass:
 * y[n][k][i][j] = e(bias[k] + sum over c, r, s of w[k][c][r][s] x[n][c][i stride + r dilation - pad][...]). */
#include "op.h"

typedef struct conv2d_attr {
    socle_conv conv;
    socle_epilogue epilogue;
} conv2d_attr;

static socle_status check_options(const socle_conv *p)
{
    SOCLE_CHECK(p->stride[0] >= 1 && p->dilation[0] >= 1 && p->groups >= 1 && p->pad[0] >= 0, SOCLE_ERR_ARG,
                "conv2d: stride %d, padding %d, dilation %d, groups %d", p->stride[0], p->pad[0], p->dilation[0],
                p->groups);
    return SOCLE_OK;
}

static socle_status check_bias(const socle_call *k)
{
    if (k->in[2] == NULL)
        return SOCLE_OK;
    socle_shape w = k->spec[1].shape, bias = k->spec[2].shape;
    SOCLE_TRY(op_check_real(k, "conv2d", 2));
    SOCLE_CHECK(socle_shape_equal(bias, socle_shape1(w.dim[0])), SOCLE_ERR_SHAPE,
                "conv2d: bias %s does not fit weight %s, expected is (%lld)", shape_text(bias).text,
                shape_text(w).text, (long long)w.dim[0]);
    return SOCLE_OK;
}

/* x (N, C, H, W), w (K, C/groups, R, S), bias (K) or absent -> (N, K, Ho, Wo). */
static socle_status infer(const socle_call *k, socle_spec *out)
{
    const socle_conv *p = &((const conv2d_attr *)k->attr)->conv;
    socle_shape x = k->spec[0].shape, w = k->spec[1].shape;
    SOCLE_TRY(op_check_real(k, "conv2d", 0));
    SOCLE_TRY(op_check_real(k, "conv2d", 1));
    SOCLE_TRY(op_check_ndim(k, "conv2d", 0, 4, "(N, C, H, W)"));
    SOCLE_TRY(op_check_ndim(k, "conv2d", 1, 4, "(K, C/groups, R, S)"));
    SOCLE_TRY(check_options(p));
    SOCLE_CHECK(x.dim[1] % p->groups == 0 && x.dim[1] / p->groups == w.dim[1], SOCLE_ERR_SHAPE,
                "conv2d: input %s has %lld channels, weight %s expects %lld", shape_text(x).text,
                (long long)x.dim[1], shape_text(w).text, (long long)(w.dim[1] * p->groups));
    SOCLE_CHECK(w.dim[0] % p->groups == 0, SOCLE_ERR_SHAPE,
                "conv2d: weight %s makes %lld channels, not %d equal groups", shape_text(w).text,
                (long long)w.dim[0], p->groups);
    SOCLE_CHECK(w.dim[1] > 0 && w.dim[2] > 0 && w.dim[3] > 0, SOCLE_ERR_SHAPE, "conv2d: weight %s is empty",
                shape_text(w).text);
    SOCLE_TRY(check_bias(k));
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        int64_t room = x.dim[2 + i] + 2 * (int64_t)p->pad[i] - p->dilation[i] * (w.dim[2 + i] - 1) - 1;
        SOCLE_CHECK(room >= 0, SOCLE_ERR_SHAPE,
                    "conv2d: the window of weight %s with dilation %d does not fit input %s "
                    "with padding %d",
                    shape_text(w).text, p->dilation[i], shape_text(x).text, p->pad[i]);
        size[i] = room / p->stride[i] + 1;
    }
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = socle_shape4(x.dim[0], w.dim[0], size[0], size[1]);
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const conv2d_attr *a = k->attr;
    return socle_prim_conv(&a->conv, a->epilogue, k->out[0], k->in[0], k->in[1], k->in[2]);
}

/* With g = dy e'(y): dx[n] = transposed convolution of g with w, dw[k][c] = correlation of x[.][c] with
 * g[.][k], dbias = sum of g over n, i, j. What nobody wants (the first layer's dx) is not computed. */
static socle_status backward(socle_call *k)
{
    const conv2d_attr *a = k->attr;
    return socle_prim_conv_grad(&a->conv, a->epilogue, k->gin[0], k->gin[1], k->gin[2], k->gout[0], k->in[0],
                                k->in[1], k->out[0]);
}

const socle_op socle_op_conv2d = { .name = "conv2d",
                                   .attr_size = sizeof(conv2d_attr),
                                   .n_out = 1,
                                   .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1),
                                   .layout = SOCLE_LAYOUT_BATCH,
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward };

const socle_op socle_op_conv2d_relu = { .name = "conv2d_relu",
                                        .attr_size = sizeof(conv2d_attr),
                                        .n_out = 1,
                                        .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1) | SOCLE_KEEP_OUT(0),
                                        .layout = SOCLE_LAYOUT_BATCH,
                                        .infer = infer,
                                        .forward = forward,
                                        .backward = backward };

socle_conv op_conv(socle_conv2d_opts o)
{
    int stride = o.stride == 0 ? 1 : o.stride, dilation = o.dilation == 0 ? 1 : o.dilation;
    return (socle_conv){ .stride = { stride, stride },
                         .pad = { o.pad, o.pad },
                         .dilation = { dilation, dilation },
                         .groups = o.groups == 0 ? 1 : o.groups };
}

static socle_tensor *apply(socle_ctx *c, const socle_op *op, socle_epilogue e, socle_tensor *x, socle_tensor *w,
                           socle_tensor *bias, socle_conv2d_opts o)
{
    conv2d_attr a = { .conv = op_conv(o), .epilogue = e };
    return socle_apply(c, op, &a, 3, 2, (socle_tensor *[]){ x, w, bias });
}

socle_tensor *socle_conv2d(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias, socle_conv2d_opts o)
{
    return apply(c, &socle_op_conv2d, SOCLE_EPILOGUE_NONE, x, w, bias, o);
}

socle_tensor *socle_conv2d_relu(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                socle_conv2d_opts o)
{
    return apply(c, &socle_op_conv2d_relu, SOCLE_EPILOGUE_RELU, x, w, bias, o);
}

/* A convolution and the batch norm behind it as one op. The values are those of the two alone; on the way back, what the norm
 * passes on is used up by the convolution's gradients at once, and needs no memory. Forward, the convolution's result and its
 * statistics are made outside the tape; the op normalises them, and keeps both inputs. */
#include "normalize.h"
#include "op.h"

typedef struct conv_norm_attr {
    socle_conv conv;
    socle_epilogue epilogue;
    socle_norm norm;
} conv_norm_attr;
_Static_assert(sizeof(conv_norm_attr) <= SOCLE_OP_ATTR_MAX, "fits the tape");

enum { X, W, Y, MEAN, VAR, BIAS, GAMMA, BETA, INPUTS, REQUIRED = BIAS };

/* The operands were judged when y was made. */
static socle_status infer(const socle_call *k, socle_spec *out)
{
    out[0] = k->spec[Y];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    const conv_norm_attr *a = k->attr;
    return socle_prim_normalize(&a->norm, k->out[0], k->in[Y], k->in[MEAN], k->in[VAR], k->in[GAMMA], k->in[BETA]);
}

/* See conv_grad and normalize_grad in sys/backend.h. */
static socle_status backward(socle_call *k)
{
    const conv_norm_attr *a = k->attr;
    const socle_conv_norm_tensors v = { .dx = k->gin[X],
                                        .dw = k->gin[W],
                                        .db = k->gin[BIAS],
                                        .dgamma = k->gin[GAMMA],
                                        .dbeta = k->gin[BETA],
                                        .dz = k->gout[0],
                                        .x = k->in[X],
                                        .w = k->in[W],
                                        .y = k->in[Y],
                                        .mean = k->in[MEAN],
                                        .var = k->in[VAR],
                                        .gamma = k->in[GAMMA],
                                        .beta = k->in[BETA] };
    return socle_prim_conv_norm_grad(&a->conv, a->epilogue, &a->norm, &v);
}

const socle_op socle_op_conv_norm = { .name = "conv_norm",
                                      .attr_size = sizeof(conv_norm_attr),
                                      .n_out = 1,
                                      .keep = SOCLE_KEEP_IN(X) | SOCLE_KEEP_IN(W) | SOCLE_KEEP_IN(Y) |
                                              SOCLE_KEEP_IN(MEAN) | SOCLE_KEEP_IN(VAR) | SOCLE_KEEP_IN(GAMMA) |
                                              SOCLE_KEEP_IN(BETA),
                                      .infer = infer,
                                      .forward = forward,
                                      .backward = backward };

static socle_tensor *conv(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias, socle_conv2d_opts o,
                          bool relu)
{
    return relu ? socle_conv2d_relu(c, x, w, bias, o) : socle_conv2d(c, x, w, bias, o);
}

socle_tensor *socle_conv2d_batch_norm(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                      socle_conv2d_opts conv_opts, bool relu, socle_tensor *gamma,
                                      socle_tensor *beta, socle_tensor *running_mean, socle_tensor *running_var,
                                      double momentum, socle_norm_opts norm_opts)
{
    const norm_running running = { running_mean, running_var, momentum };
    const bool recording = socle_ctx_set_grad(c, false);
    const bool fixed = norm_is_tracked(&running) && !socle_ctx_training(c);
    (void)socle_ctx_set_grad(c, recording && fixed);
    socle_tensor *y = conv(c, x, w, bias, conv_opts, relu);
    (void)socle_ctx_set_grad(c, recording);
    if (y == NULL || fixed || !recording)
        return socle_batch_norm(c, y, gamma, beta, running_mean, running_var, momentum, norm_opts);
    const conv_norm_attr a = { .conv = op_conv(conv_opts),
                               .epilogue = relu ? SOCLE_EPILOGUE_RELU : SOCLE_EPILOGUE_NONE,
                               .norm = norm_params(norm_opts, true) };
    socle_tensor *mean, *var;
    if (socle_ctx_fail(c, norm_check_batch(c, y, &running)) != SOCLE_OK ||
        !norm_take_batch(c, &a.norm, y, &running, &mean, &var))
        return NULL;
    return socle_apply(c, &socle_op_conv_norm, &a, INPUTS, REQUIRED,
                       (socle_tensor *[]){ x, w, y, mean, var, bias, gamma, beta });
}

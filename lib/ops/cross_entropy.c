/* Losses: negative log-likelihood, cross entropy, squared error; each per sample, summed, or averaged. */
#include "op.h"

#include "view.h"

typedef struct loss_attr {
    socle_reduction reduction;
} loss_attr;

static socle_reduction reduction_of(const socle_call *k)
{
    return ((const loss_attr *)k->attr)->reduction;
}

static socle_status check_reduction(const char *name, socle_reduction r)
{
    SOCLE_CHECK(r == SOCLE_MEAN || r == SOCLE_SUM || r == SOCLE_NONE, SOCLE_ERR_ARG, "%s: unknown reduction %d",
                name, (int)r);
    return SOCLE_OK;
}

/* What a single loss of n weighs in the result. The mean of nothing is 0/0, and there is no gradient to scale. */
static double weight_of(const socle_call *k, int64_t n)
{
    return reduction_of(k) == SOCLE_MEAN && n > 0 ? 1.0 / (double)n : 1.0;
}

/* y = the losses `each`, reduced. */
static socle_status reduce_losses(const socle_call *k, socle_tensor *y, const socle_tensor *each)
{
    return socle_prim_reduce(reduction_of(k) == SOCLE_MEAN ? SOCLE_REDUCE_MEAN : SOCLE_REDUCE_SUM, y, each, 0);
}

/* (N, K) and target (N) -> loss (N) or (). */
static socle_status infer_classes(const char *name, const socle_call *k, socle_spec *out)
{
    socle_shape x = k->spec[0].shape, target = k->spec[1].shape;
    SOCLE_TRY(check_reduction(name, reduction_of(k)));
    SOCLE_TRY(op_check_real(k, name, 0));
    SOCLE_TRY(op_check_ndim(k, name, 0, 2, "(N, K)"));
    SOCLE_CHECK(k->spec[1].dtype == SOCLE_I32, SOCLE_ERR_DTYPE, "%s: target is of type %s, expected is i32", name,
                socle_dtype_name(k->spec[1].dtype));
    SOCLE_CHECK(socle_shape_equal(target, socle_shape1(x.dim[0])), SOCLE_ERR_SHAPE,
                "%s: target %s does not fit input %s, expected is (%lld)", name, shape_text(target).text,
                shape_text(x).text, (long long)x.dim[0]);
    SOCLE_CHECK(x.dim[1] > 0, SOCLE_ERR_SHAPE, "%s: input %s has no classes", name, shape_text(x).text);
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = reduction_of(k) == SOCLE_NONE ? target : socle_shape0();
    return SOCLE_OK;
}

/* A tensor (N) seen as (N, 1); owned. */
static socle_tensor *as_column(socle_tensor *t)
{
    return view_reshaped(t, socle_shape2(socle_dim(t, 0), 1));
}

/* ---- nll: loss[n] = -logp[n][target[n]] ---- */

static socle_status nll_infer(const socle_call *k, socle_spec *out)
{
    return infer_classes("nll", k, out);
}

static socle_status nll_forward(socle_call *k)
{
    socle_spec s = { k->spec[0].dtype, 1, socle_shape2(k->spec[0].shape.dim[0], 1) };
    socle_tensor *index = as_column(k->in[1]), *picked = NULL;
    socle_status status = index == NULL ? socle_error_status() : SOCLE_OK;
    if (status == SOCLE_OK) {
        picked = reduction_of(k) == SOCLE_NONE ? as_column(k->out[0]) : op_temp(k, s);
        status = picked == NULL ? socle_error_status() : socle_prim_gather(picked, k->in[0], index, 1);
    }
    if (status == SOCLE_OK && reduction_of(k) != SOCLE_NONE)
        status = reduce_losses(k, k->out[0], picked);
    if (status == SOCLE_OK)
        status = socle_prim_unary(SOCLE_UNARY_neg, k->out[0], k->out[0], 0, 0, 0);
    socle_release(picked);
    socle_release(index);
    return status;
}

/* dlogp = 0 but for dlogp[n][target[n]] = -dloss[n] weight. */
static socle_status nll_backward(socle_call *k)
{
    int64_t n = k->spec[0].shape.dim[0];
    socle_spec s = { k->spec[0].dtype, 1, socle_shape2(n, 1) };
    socle_tensor *index = as_column(k->in[1]), *g = op_temp(k, s), *dloss = NULL;
    if (index != NULL && g != NULL)
        dloss = reduction_of(k) == SOCLE_NONE ? as_column(k->gout[0]) : socle_retain(k->gout[0]);
    socle_status status = dloss == NULL ? socle_error_status() : op_times(k, g, dloss, -weight_of(k, n));
    if (status == SOCLE_OK)
        status = socle_prim_fill(k->gin[0], 0.0);
    if (status == SOCLE_OK)
        status = socle_prim_scatter_add(k->gin[0], g, index, 1);
    socle_release(dloss);
    socle_release(g);
    socle_release(index);
    return status;
}

const socle_op socle_op_nll = { .name = "nll",
                                .attr_size = sizeof(loss_attr),
                                .n_out = 1,
                                .keep = SOCLE_KEEP_IN(1),
                                .infer = nll_infer,
                                .forward = nll_forward,
                                .backward = nll_backward };

socle_tensor *socle_nll(socle_ctx *c, socle_tensor *logp, socle_tensor *target, socle_reduction r)
{
    loss_attr a = { r };
    return socle_apply(c, &socle_op_nll, &a, 2, 2, (socle_tensor *[]){ logp, target });
}

/* ---- cross_entropy: loss[n] = log(sum over j of exp(x[n][j])) - x[n][target[n]] ---- */

/* out[1]: the log-softmax, kept for backward. */
static socle_status cross_entropy_infer(const socle_call *k, socle_spec *out)
{
    SOCLE_TRY(infer_classes("cross_entropy", k, out));
    out[1] = k->spec[0];
    return SOCLE_OK;
}

static socle_status cross_entropy_forward(socle_call *k)
{
    if (reduction_of(k) == SOCLE_NONE)
        return socle_prim_xent(k->out[0], k->out[1], k->in[0], k->in[1]);
    socle_tensor *each = op_temp(k, (socle_spec){ k->spec[0].dtype, 1, k->spec[1].shape });
    if (each == NULL)
        return socle_error_status();
    socle_status s = socle_prim_xent(each, k->out[1], k->in[0], k->in[1]);
    if (s == SOCLE_OK)
        s = reduce_losses(k, k->out[0], each);
    socle_release(each);
    return s;
}

/* dx[n][j] = (softmax(x[n])[j] - [j == target[n]]) dloss[n] weight. */
static socle_status cross_entropy_backward(socle_call *k)
{
    float weight = (float)weight_of(k, k->spec[0].shape.dim[0]);
    return socle_prim_xent_grad(k->gin[0], k->gout[0], k->out[1], k->in[1], weight);
}

const socle_op socle_op_cross_entropy = { .name = "cross_entropy",
                                          .attr_size = sizeof(loss_attr),
                                          .n_out = 2,
                                          .keep = SOCLE_KEEP_IN(1) | SOCLE_KEEP_OUT(1),
                                          .infer = cross_entropy_infer,
                                          .forward = cross_entropy_forward,
                                          .backward = cross_entropy_backward };

socle_tensor *socle_cross_entropy(socle_ctx *c, socle_tensor *x, socle_tensor *target, socle_reduction r)
{
    loss_attr a = { r };
    return socle_apply(c, &socle_op_cross_entropy, &a, 2, 2, (socle_tensor *[]){ x, target });
}

/* ---- softened targets ---- */

/* -sum over j of q[j] log softmax(x)[j] with q = (1 - s) [j == target] + s / K is cross_entropy + s (x[target] - mean(x)): the
 * logarithm is the same for every class. */
socle_tensor *socle_cross_entropy_smooth(socle_ctx *c, socle_tensor *x, socle_tensor *target, double smoothing,
                                         socle_reduction r)
{
    if (!(smoothing >= 0 && smoothing <= 1)) {
        socle_ctx_fail(
            c, socle_fail(SOCLE_ERR_ARG, "cross_entropy_smooth: smoothing is %g, not in [0, 1]", smoothing));
        return NULL;
    }
    socle_tensor *hard = socle_cross_entropy(c, x, target, r);
    if (!hard || smoothing == 0)
        return hard;
    socle_tensor *each = socle_mean(c, x, 1u << 1, false); /* (N) */
    socle_tensor *mean = r == SOCLE_NONE  ? each
                         : r == SOCLE_SUM ? socle_sum(c, each, 0, false)
                                          : socle_mean(c, each, 0, false);
    return socle_add(c, hard, socle_scale(c, socle_add(c, socle_nll(c, x, target, r), mean), -smoothing, 0));
}

/* ---- mse: loss[i] = (x[i] - target[i])^2 ---- */

static socle_status mse_infer(const socle_call *k, socle_spec *out)
{
    SOCLE_TRY(check_reduction("mse", reduction_of(k)));
    SOCLE_TRY(op_check_real(k, "mse", 0));
    SOCLE_TRY(op_check_real(k, "mse", 1));
    SOCLE_CHECK(socle_shape_equal(k->spec[0].shape, k->spec[1].shape), SOCLE_ERR_SHAPE,
                "mse: input %s and target %s differ in shape", shape_text(k->spec[0].shape).text,
                shape_text(k->spec[1].shape).text);
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = reduction_of(k) == SOCLE_NONE ? k->spec[0].shape : socle_shape0();
    return SOCLE_OK;
}

static socle_status mse_forward(socle_call *k)
{
    bool reduces = reduction_of(k) != SOCLE_NONE;
    socle_tensor *each = reduces ? op_temp(k, k->spec[0]) : socle_retain(k->out[0]);
    if (each == NULL)
        return socle_error_status();
    socle_status s = socle_prim_binary(SOCLE_BINARY_sub, each, k->in[0], k->in[1]);
    if (s == SOCLE_OK)
        s = socle_prim_unary(SOCLE_UNARY_square, each, each, 0, 0, 0);
    if (s == SOCLE_OK && reduces)
        s = reduce_losses(k, k->out[0], each);
    socle_release(each);
    return s;
}

/* dx = 2 (x - target) dloss weight, dtarget = -dx. */
static socle_status mse_backward(socle_call *k)
{
    const socle_spec *s = &k->out_spec[0];
    socle_tensor *dloss = op_temp(k, *s);
    if (dloss == NULL)
        return socle_error_status();
    socle_status status = op_times(k, dloss, k->gout[0], 2.0 * weight_of(k, shape_numel(k->spec[0].shape)));
    for (int i = 0; i < 2 && status == SOCLE_OK; i++) {
        if (k->gin[i] == NULL)
            continue;
        status = socle_prim_binary(SOCLE_BINARY_sub, k->gin[i], k->in[i], k->in[1 - i]);
        if (status == SOCLE_OK)
            status = socle_prim_binary(SOCLE_BINARY_mul, k->gin[i], k->gin[i], dloss);
    }
    socle_release(dloss);
    return status;
}

const socle_op socle_op_mse = { .name = "mse",
                                .attr_size = sizeof(loss_attr),
                                .n_out = 1,
                                .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1),
                                .infer = mse_infer,
                                .forward = mse_forward,
                                .backward = mse_backward };

socle_tensor *socle_mse(socle_ctx *c, socle_tensor *x, socle_tensor *target, socle_reduction r)
{
    loss_attr a = { r };
    return socle_apply(c, &socle_op_mse, &a, 2, 2, (socle_tensor *[]){ x, target });
}

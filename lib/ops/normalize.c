/* Norms: the mean and variance of what shares them are taken first, outside the tape; then one op normalises, scales,
 * shifts and activates. Its backward pass knows how mean and variance depend on x, so that nothing is recorded for them.
 *
 * Three functions share the op: batch norm with the statistics of the batch, the same with running ones, which are
 * constants, and norms of groups of each image's channels. */
#include <math.h>
#include "normalize.h"
#include "op.h"

#include "core/ctx.h"
#include "core/tensor.h"

/* ---- the op: x, mean, var, gamma, beta ---- */

static socle_status infer(const socle_call *k, socle_spec *out)
{
    const socle_norm *p = k->attr;
    SOCLE_TRY(op_check_real(k, "normalize", 0));
    SOCLE_CHECK(k->spec[0].shape.ndim >= 2, SOCLE_ERR_SHAPE,
                "normalize: input has shape %s, expected (N, C) or (N, C, pixels ...)",
                shape_text(k->spec[0].shape).text);
    SOCLE_CHECK(p->eps >= 0, SOCLE_ERR_ARG, "normalize: an eps of %g", (double)p->eps);
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_normalize(k->attr, k->out[0], k->in[0], k->in[1], k->in[2], k->in[3], k->in[4]);
}

/* See normalize_grad in sys/backend.h. Of the statistics themselves there is no gradient: they come from prims. */
static socle_status backward(socle_call *k)
{
    op_reuse_gout(k, 0);
    return socle_prim_normalize_grad(k->attr, k->gin[0], k->gin[3], k->gin[4], k->gout[0], k->in[0], k->in[1],
                                     k->in[2], k->in[3], k->in[4]);
}

const socle_op socle_op_normalize = { .name = "normalize",
                                      .attr_size = sizeof(socle_norm),
                                      .n_out = 1,
                                      .keep = SOCLE_KEEP_IN(0) | SOCLE_KEEP_IN(1) | SOCLE_KEEP_IN(2) |
                                              SOCLE_KEEP_IN(3) | SOCLE_KEEP_IN(4),
                                      .infer = infer,
                                      .forward = forward,
                                      .backward = backward };

socle_tensor *socle_normalize_with(socle_ctx *c, const socle_norm *p, socle_tensor *x, socle_tensor *mean,
                                   socle_tensor *var, socle_tensor *gamma, socle_tensor *beta)
{
    return socle_apply(c, &socle_op_normalize, p, 5, 3, (socle_tensor *[]){ x, mean, var, gamma, beta });
}

/* ---- statistics ---- */

socle_norm norm_params(socle_norm_opts o, bool batch)
{
    return (socle_norm){ .batch = batch,
                         .unbiased = o.unbiased,
                         .eps = o.eps == 0 ? 1e-5f : (float)o.eps,
                         .share = o.detached ? 0 : 1,
                         .act = o.act,
                         .leak = (float)o.leak,
                         .sub = (float)o.sub,
                         .max = o.max_value == 0 ? INFINITY : (float)o.max_value };
}

/* New mean and variance of x, borrowed from c. False, with c failed, on failure. */
static bool take_moments(socle_ctx *c, const socle_norm *p, const socle_tensor *x, socle_shape s, int lanes,
                         socle_tensor **mean, socle_tensor **var)
{
    socle_dtype real = socle_device_real(c->device);
    *mean = ctx_own(c, socle_tensor_dense(c->device, real, s, lanes));
    *var = *mean == NULL ? NULL : ctx_own(c, socle_tensor_dense(c->device, real, s, lanes));
    if (*var == NULL)
        return false;
    socle_status status = socle_prim_moments(p, *mean, *var, x);
    return status == SOCLE_OK || (socle_ctx_fail(c, status), false);
}

/* What every norm asks of its input, in front of the statistics. NULL operands are the op's to report. */
static socle_status check_input(const socle_ctx *c, const socle_tensor *x)
{
    SOCLE_CHECK(x->view.ndim >= 2, SOCLE_ERR_SHAPE,
                "normalize: input has shape %s, expected (N, C) or (N, C, pixels ...)",
                shape_text(view_shape(&x->view)).text);
    SOCLE_CHECK(x->store->device == c->device, SOCLE_ERR_ARG,
                "normalize: input lives on another device (%s) than the ctx (%s)",
                socle_device_name(x->store->device), socle_device_name(c->device));
    return SOCLE_OK;
}

/* ---- over the batch ---- */

/* Numbers that share a mean. */
static int64_t batch_count(const socle_tensor *x)
{
    return socle_numel(x) / (x->view.dim[1] > 0 ? x->view.dim[1] : 1);
}

/* running = momentum now + (1 - momentum) running; the variance of the population is estimated by n / (n - 1) times that
 * of the sample. */
static socle_status update_running(const socle_norm *p, int64_t n, double momentum, const socle_tensor *mean,
                                   const socle_tensor *var, socle_tensor *running_mean, socle_tensor *running_var)
{
    double population = p->unbiased || n < 2 ? 1 : (double)n / (double)(n - 1);
    SOCLE_TRY(socle_prim_axpby(running_mean, (float)momentum, mean, (float)(1 - momentum)));
    return socle_prim_axpby(running_var, (float)(momentum * population), var, (float)(1 - momentum));
}

static socle_status check_running(const socle_tensor *x, const socle_tensor *running, const char *name,
                                  double momentum)
{
    socle_shape s = view_shape(&running->view);
    SOCLE_CHECK(socle_shape_equal(s, socle_shape1(x->view.dim[1])), SOCLE_ERR_SHAPE,
                "batch_norm: input %s has %lld channels, the running %s is of shape %s",
                shape_text(view_shape(&x->view)).text, (long long)x->view.dim[1], name, shape_text(s).text);
    SOCLE_CHECK(momentum >= 0 && momentum <= 1, SOCLE_ERR_ARG, "batch_norm: a momentum of %g is not in [0, 1]",
                momentum);
    return SOCLE_OK;
}

socle_status norm_check_batch(const socle_ctx *c, const socle_tensor *x, const norm_running *r)
{
    SOCLE_TRY(check_input(c, x));
    if (!norm_is_tracked(r))
        return SOCLE_OK;
    SOCLE_TRY(check_running(x, r->mean, "mean", r->momentum));
    return check_running(x, r->var, "variance", r->momentum);
}

bool norm_is_tracked(const norm_running *r)
{
    return r->mean != NULL && r->var != NULL;
}

bool norm_take_batch(socle_ctx *c, const socle_norm *p, const socle_tensor *x, const norm_running *r,
                     socle_tensor **mean, socle_tensor **var)
{
    if (!take_moments(c, p, x, socle_shape1(x->view.dim[1]), 1, mean, var))
        return false;
    if (!norm_is_tracked(r))
        return true;
    return socle_ctx_fail(c, update_running(p, batch_count(x), r->momentum, *mean, *var, r->mean, r->var)) ==
           SOCLE_OK;
}

socle_tensor *socle_batch_norm(socle_ctx *c, socle_tensor *x, socle_tensor *gamma, socle_tensor *beta,
                               socle_tensor *running_mean, socle_tensor *running_var, double momentum,
                               socle_norm_opts o)
{
    socle_norm p = norm_params(o, true);
    const norm_running running = { running_mean, running_var, momentum };
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    if (x == NULL)
        return socle_normalize_with(c, &p, x, running_mean, running_var, gamma, beta);
    if (socle_ctx_fail(c, norm_check_batch(c, x, &running)) != SOCLE_OK)
        return NULL;
    if (norm_is_tracked(&running) && !socle_ctx_training(c)) {
        p.share = 0;
        return socle_normalize_with(c, &p, x, running_mean, running_var, gamma, beta);
    }
    socle_tensor *mean, *var;
    return norm_take_batch(c, &p, x, &running, &mean, &var) ? socle_normalize_with(c, &p, x, mean, var, gamma, beta)
                                                            : NULL;
}

/* ---- over the channels of an image ---- */

socle_tensor *socle_group_norm(socle_ctx *c, socle_tensor *x, int groups, socle_tensor *gamma, socle_tensor *beta,
                               socle_norm_opts o)
{
    socle_norm p = norm_params(o, false);
    p.groups = groups;
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    if (x == NULL)
        return socle_normalize_with(c, &p, x, NULL, NULL, gamma, beta);
    socle_status s = check_input(c, x);
    if (s == SOCLE_OK && (groups < 1 || x->view.dim[1] % groups != 0))
        s = socle_fail(SOCLE_ERR_ARG, "group_norm: %d groups do not divide the channels of %s", groups,
                       shape_text(view_shape(&x->view)).text);
    if (s != SOCLE_OK) {
        socle_ctx_fail(c, s);
        return NULL;
    }
    socle_tensor *mean, *var;
    if (!take_moments(c, &p, x, socle_shape2(x->view.dim[0], groups), x->view.lanes, &mean, &var))
        return NULL;
    return socle_normalize_with(c, &p, x, mean, var, gamma, beta);
}

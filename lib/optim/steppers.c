/* How parameters move. */
#include <math.h>
#include <socle/sys/prim.h>
#include "rule.h"

static socle_status decay(socle_pstate *s, const socle_hypers *h)
{
    float wd = h->v[SOCLE_WD];
    return wd == 0.0f ? SOCLE_OK
                      : socle_prim_unary(SOCLE_UNARY_affine, s->p, s->p, 1.0f - h->v[SOCLE_LR] * wd, 0.0f, 0);
}

socle_status optim_decay(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return h->v[SOCLE_DECAY_AFTER] != 0.0f ? SOCLE_OK : decay(s, h);
}

socle_status optim_decay_after(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return h->v[SOCLE_DECAY_AFTER] != 0.0f ? decay(s, h) : SOCLE_OK;
}

/* What the average of gradients is divided by. */
static double first_debias(const socle_pstate *s, const socle_hypers *h)
{
    return optim_debias(h, (double)h->v[SOCLE_MOM], s->step);
}

/* ---- along gradients and their average ---- */

socle_status optim_sgd_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return socle_prim_axpby(s->p, -h->v[SOCLE_LR], s->g, 1.0f);
}

socle_status optim_momentum_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float lr = (float)((double)h->v[SOCLE_LR] / first_debias(s, h));
    return socle_prim_axpby(s->p, -lr, s->stat[SOCLE_STAT_GRAD_AVG], 1.0f);
}

/* The gradient is at its end here and holds g + mom m. */
socle_status optim_nesterov_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_status status = socle_prim_axpby(s->g, h->v[SOCLE_MOM], s->stat[SOCLE_STAT_GRAD_AVG], 1.0f);
    return status != SOCLE_OK ? status : optim_sgd_step(c, s, h);
}

/* ---- scaled by the average of squares ---- */

/* sqrt(v / debias + sqr_eps) + eps. */
static socle_tensor *root(socle_ctx *c, const socle_pstate *s, const socle_hypers *h)
{
    double debias = optim_debias(h, (double)h->v[SOCLE_SQR_MOM], s->step);
    socle_tensor *v = socle_scale(c, s->stat[SOCLE_STAT_SQR_AVG], 1.0 / debias, (double)h->v[SOCLE_SQR_EPS]);
    return socle_scale(c, socle_sqrt(c, v), 1.0, (double)h->v[SOCLE_EPS]);
}

socle_status optim_adam_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_tensor *step = socle_div(c, s->stat[SOCLE_STAT_GRAD_AVG], root(c, s, h));
    return socle_axpby(c, s->p, -(double)h->v[SOCLE_LR] / first_debias(s, h), step, 1.0);
}

/* Steps are along the plain average until the variance of the scale can be told. As in PyTorch, eps is added before v's
 * correction. */
socle_status optim_radam_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    double rect = optim_rectification(h, s->step), lr = (double)h->v[SOCLE_LR] / first_debias(s, h);
    socle_tensor *m = s->stat[SOCLE_STAT_GRAD_AVG];
    if (rect == 0.0)
        return socle_axpby(c, s->p, -lr, m, 1.0);
    socle_hypers plain = *h;
    plain.v[SOCLE_DEBIAS] = 0.0f;
    double late = sqrt(optim_debias(h, (double)h->v[SOCLE_SQR_MOM], s->step));
    return socle_axpby(c, s->p, -lr * rect * late, socle_div(c, m, root(c, s, &plain)), 1.0);
}

socle_status optim_rmsprop_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_tensor *step = socle_div(c, s->g, root(c, s, h)), *m = s->stat[SOCLE_STAT_GRAD_AVG];
    if (m == NULL)
        return socle_axpby(c, s->p, -(double)h->v[SOCLE_LR], step, 1.0);
    socle_status status = socle_axpby(c, m, 1.0, step, (double)h->v[SOCLE_MOM]);
    return status != SOCLE_OK ? status : socle_axpby(c, s->p, -(double)h->v[SOCLE_LR], m, 1.0);
}

/* Chen et al. 2023: the sign of one average is the step, another, longer one is remembered. */
socle_status optim_lion_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_tensor *m = s->stat[SOCLE_STAT_GRAD_AVG];
    double mom = (double)h->v[SOCLE_MOM], longer = (double)h->v[SOCLE_SQR_MOM];
    socle_tensor *step = socle_add(c, socle_scale(c, m, mom, 0.0), socle_scale(c, s->g, 1.0 - mom, 0.0));
    for (int i = 0; i < 2; i++) /* any number that is not 0 is beyond 1 then */
        step = socle_clamp(c, socle_scale(c, step, 0x1p100, 0.0), -1.0, 1.0);
    socle_status status = socle_axpby(c, s->p, -(double)h->v[SOCLE_LR], step, 1.0);
    return status != SOCLE_OK ? status : socle_axpby(c, m, 1.0 - longer, s->g, longer);
}

/* You et al. 2020: Adam's step, decay included, is as long as the parameters, times at most TRUST. Where either
 * has no length the step stays as it is, so that parameters at zero can leave it. */
socle_status optim_lamb_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_tensor *step =
        socle_div(c, socle_scale(c, s->stat[SOCLE_STAT_GRAD_AVG], 1.0 / first_debias(s, h), 0.0), root(c, s, h));
    if (h->v[SOCLE_WD] != 0.0f)
        step = socle_add(c, step, socle_scale(c, s->p, (double)h->v[SOCLE_WD], 0.0));
    socle_tensor *of_p = socle_sqrt(c, socle_mean(c, socle_square(c, s->p), 0, false));
    socle_tensor *of_step = socle_sqrt(c, socle_mean(c, socle_square(c, step), 0, false));
    socle_tensor *zero = socle_scale(c, of_p, 0.0, 0.0), *one = socle_scale(c, of_p, 0.0, 1.0);
    socle_tensor *ratio = socle_clamp(c, socle_div(c, of_p, of_step), 0.0, (double)h->v[SOCLE_TRUST]);
    ratio = socle_where(c, socle_gt(c, of_step, zero), ratio, one);
    ratio = socle_where(c, socle_gt(c, of_p, zero), ratio, one);
    return socle_axpby(c, s->p, -(double)h->v[SOCLE_LR], socle_mul(c, step, ratio), 1.0);
}

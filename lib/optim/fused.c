/* Rules as one primitive over all parameters of a group. Parameters that have seen the same number of steps, which are
 * all of them as a rule, share the numbers that depend on it. */
#include <math.h>
#include <socle/sys/prim.h>
#include "rule.h"

/* Parameters handed to the device in one call: enough for any network of today, and small enough for the stack. */
enum { AT_ONCE = 256 };

typedef struct lists {
    size_t n;
    socle_tensor *p[AT_ONCE], *g[AT_ONCE], *m[AT_ONCE], *v[AT_ONCE];
} lists;

/* The first parameters of s, as many as one call takes. */
static void take(lists *l, size_t n, const socle_pstate *s)
{
    for (l->n = 0; l->n < n && l->n < AT_ONCE && s[l->n].step == s[0].step; l->n++) {
        const socle_pstate *one = &s[l->n];
        l->p[l->n] = one->p;
        l->g[l->n] = one->g;
        l->m[l->n] = one->stat[SOCLE_STAT_GRAD_AVG];
        l->v[l->n] = one->stat[SOCLE_STAT_SQR_AVG];
    }
}

/* ---- SGD ---- */

/* The primitive decays before the step, by lr wd: what makes steps longer must not make decay stronger. */
static socle_status sgd_many(size_t n, const socle_pstate *s, bool momentum, bool nesterov, const socle_hypers *h)
{
    if (h->v[SOCLE_DECAY_AFTER] != 0.0f && h->v[SOCLE_WD] != 0.0f)
        return SOCLE_ERR_UNSUPPORTED;
    lists l;
    for (size_t done = 0; done < n; done += l.n) {
        take(&l, n - done, s + done);
        bool undamped = h->v[SOCLE_START] != 0.0f && s[done].step == 1;
        double debias = momentum && !nesterov ? optim_debias(h, (double)h->v[SOCLE_MOM], s[done].step) : 1.0;
        socle_sgd_args a = { .lr = (float)((double)h->v[SOCLE_LR] / debias),
                             .mom = h->v[SOCLE_MOM],
                             .damp = undamped ? 0.0f : h->v[SOCLE_DAMP],
                             .wd = (float)((double)h->v[SOCLE_WD] * debias),
                             .l2 = h->v[SOCLE_L2],
                             .nesterov = nesterov };
        socle_status status = socle_prim_sgd_many(l.n, l.p, l.g, momentum ? l.m : NULL, &a);
        if (status != SOCLE_OK)
            return status;
    }
    return SOCLE_OK;
}

socle_status optim_fused_sgd(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return sgd_many(n, s, false, false, h);
}

socle_status optim_fused_momentum(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return sgd_many(n, s, true, false, h);
}

socle_status optim_fused_nesterov(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return sgd_many(n, s, true, true, h);
}

/* ---- scaled by past gradients ---- */

/* Numbers of a step of this kind before any correction: lr as given, decay where it belongs. */
static socle_adam_args args_of(socle_adam_kind kind, const socle_hypers *h, int64_t step)
{
    return (socle_adam_args){ .kind = kind,
                              .lr = h->v[SOCLE_LR],
                              .l2 = h->v[SOCLE_L2],
                              .mom = optim_share(h, SOCLE_MOM, step),
                              .sqr_mom = optim_share(h, SOCLE_SQR_MOM, step),
                              .sqr_scale = (float)(1.0 / optim_debias(h, (double)h->v[SOCLE_SQR_MOM], step)),
                              .sqr_eps = h->v[SOCLE_SQR_EPS],
                              .eps = h->v[SOCLE_EPS] };
}

/* Parameters and steps shrink alike where decay comes after: (p - lr s) keep = keep p - (keep lr) s. */
static void set_decay(socle_adam_args *a, const socle_hypers *h)
{
    a->keep = 1.0f - h->v[SOCLE_LR] * h->v[SOCLE_WD];
    if (h->v[SOCLE_DECAY_AFTER] != 0.0f)
        a->lr *= a->keep;
}

static float debiased_lr(const socle_hypers *h, int64_t step)
{
    return (float)((double)h->v[SOCLE_LR] / optim_debias(h, (double)h->v[SOCLE_MOM], step));
}

static socle_adam_args adam(const socle_hypers *h, int64_t step)
{
    socle_adam_args a = args_of(SOCLE_ADAM_SCALED, h, step);
    a.lr = debiased_lr(h, step);
    return a;
}

static socle_adam_args radam(const socle_hypers *h, int64_t step)
{
    double rect = optim_rectification(h, step);
    socle_adam_args a = args_of(rect == 0.0 ? SOCLE_ADAM_PLAIN : SOCLE_ADAM_SCALED, h, step);
    a.lr = debiased_lr(h, step);
    if (rect != 0.0)
        a.lr = (float)((double)a.lr * rect * sqrt(optim_debias(h, (double)h->v[SOCLE_SQR_MOM], step)));
    a.sqr_scale = 1.0f;
    return a;
}

static socle_adam_args rmsprop(const socle_hypers *h, int64_t step)
{
    socle_adam_args a = args_of(SOCLE_ADAM_RMS, h, step);
    a.mom = h->v[SOCLE_MOM];
    return a;
}

static socle_adam_args lion(const socle_hypers *h, int64_t step)
{
    socle_adam_args a = args_of(SOCLE_ADAM_SIGN, h, step);
    a.mom = h->v[SOCLE_MOM];
    a.sqr_mom = h->v[SOCLE_SQR_MOM];
    return a;
}

static socle_status adam_many(size_t n, const socle_pstate *s, const socle_hypers *h,
                              socle_adam_args (*args)(const socle_hypers *h, int64_t step))
{
    lists l;
    for (size_t done = 0; done < n; done += l.n) {
        take(&l, n - done, s + done);
        socle_adam_args a = args(h, s[done].step);
        set_decay(&a, h);
        socle_status status =
            socle_prim_adam_many(l.n, l.p, l.g, l.m[0] != NULL ? l.m : NULL, l.v[0] != NULL ? l.v : NULL, &a);
        if (status != SOCLE_OK)
            return status;
    }
    return SOCLE_OK;
}

socle_status optim_fused_adam(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return adam_many(n, s, h, adam);
}

socle_status optim_fused_radam(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return adam_many(n, s, h, radam);
}

socle_status optim_fused_rmsprop(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return adam_many(n, s, h, rmsprop);
}

socle_status optim_fused_lion(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return adam_many(n, s, h, lion);
}

/* ---- as long as what they change ---- */

socle_status optim_fused_lamb(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    lists l;
    for (size_t done = 0; done < n; done += l.n) {
        take(&l, n - done, s + done);
        const int64_t step = s[done].step;
        const socle_lamb_args a = { .lr = h->v[SOCLE_LR],
                                    .l2 = h->v[SOCLE_L2],
                                    .wd = h->v[SOCLE_WD],
                                    .mom = optim_share(h, SOCLE_MOM, step),
                                    .mom_scale = (float)(1.0 / optim_debias(h, (double)h->v[SOCLE_MOM], step)),
                                    .sqr_mom = optim_share(h, SOCLE_SQR_MOM, step),
                                    .sqr_scale = (float)(1.0 / optim_debias(h, (double)h->v[SOCLE_SQR_MOM], step)),
                                    .sqr_eps = h->v[SOCLE_SQR_EPS],
                                    .eps = h->v[SOCLE_EPS],
                                    .trust = h->v[SOCLE_TRUST] };
        socle_status status = socle_prim_lamb_many(l.n, l.p, l.g, l.m, l.v, &a);
        if (status != SOCLE_OK)
            return status;
    }
    return SOCLE_OK;
}

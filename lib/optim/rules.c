/* The built-in rules, as lists of pieces. All three are one fused primitive too, over all parameters at once; a test
 * holds the two against each other. */
#include <socle/sys/prim.h>
#include "rule.h"

/* ---- fused ---- */

/* Parameters handed to the device in one call: enough for any network of today, and small enough for the stack. */
enum { AT_ONCE = 256 };

static socle_status sgd_many(size_t n, const socle_pstate *s, bool momentum, const socle_sgd_args *a)
{
    socle_tensor *p[AT_ONCE], *g[AT_ONCE], *v[AT_ONCE];
    for (size_t first = 0; first < n; first += AT_ONCE) {
        size_t count = n - first < AT_ONCE ? n - first : AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            p[i] = s[first + i].p;
            g[i] = s[first + i].g;
            v[i] = s[first + i].stat[SOCLE_STAT_GRAD_AVG];
        }
        socle_status status = socle_prim_sgd_many(count, p, g, momentum ? v : NULL, a);
        if (status != SOCLE_OK)
            return status;
    }
    return SOCLE_OK;
}

static socle_sgd_args args_of(const socle_hypers *h)
{
    return (socle_sgd_args){ .lr = h->v[SOCLE_LR],
                             .mom = h->v[SOCLE_MOM],
                             .damp = h->v[SOCLE_DAMP],
                             .wd = h->v[SOCLE_WD],
                             .l2 = h->v[SOCLE_L2] };
}

static socle_status fused_sgd(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    socle_sgd_args a = args_of(h);
    return sgd_many(n, s, false, &a);
}

static socle_status fused_momentum(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    socle_sgd_args a = args_of(h);
    return sgd_many(n, s, true, &a);
}

static socle_status fused_nesterov(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    socle_sgd_args a = args_of(h);
    a.nesterov = true;
    return sgd_many(n, s, true, &a);
}

/* ---- lists ---- */

static const socle_pstate_fn l2[] = { optim_l2 };
static const socle_stat averages[] = { { SOCLE_STAT_GRAD_AVG, optim_grad_avg } };

static const socle_pstate_fn sgd_steppers[] = { optim_decay, optim_sgd_step };
static const socle_opt_rule sgd = {
    .name = "sgd",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f } },
    .grads = l2,
    .n_grads = 1,
    .steppers = sgd_steppers,
    .n_steppers = 2,
    .fused = fused_sgd,
};

static const socle_pstate_fn momentum_steppers[] = { optim_decay, optim_momentum_step };
static const socle_opt_rule momentum = {
    .name = "momentum",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 1,
    .steppers = momentum_steppers,
    .n_steppers = 2,
    .fused = fused_momentum,
};

static const socle_pstate_fn nesterov_steppers[] = { optim_decay, optim_nesterov_step };
static const socle_opt_rule nesterov = {
    .name = "nesterov",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 1,
    .steppers = nesterov_steppers,
    .n_steppers = 2,
    .fused = fused_nesterov,
};

const socle_opt_rule *socle_sgd(void)
{
    return &sgd;
}

const socle_opt_rule *socle_momentum(void)
{
    return &momentum;
}

const socle_opt_rule *socle_nesterov(void)
{
    return &nesterov;
}

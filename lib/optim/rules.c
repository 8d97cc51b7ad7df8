/* The built-in rules, as lists of pieces and numbers. Each is one fused primitive too, over all parameters at once; a test
 * holds the two against each other. */
#include "rule.h"

static const socle_pstate_fn l2[] = { optim_l2 };
static const socle_stat average[] = { { SOCLE_STAT_GRAD_AVG, optim_grad_avg } };
static const socle_stat averages[] = { { SOCLE_STAT_GRAD_AVG, optim_grad_lerp },
                                       { SOCLE_STAT_SQR_AVG, optim_sqr_avg } };
static const socle_stat squares[] = { { SOCLE_STAT_SQR_AVG, optim_sqr_avg } };

static const socle_pstate_fn sgd_steppers[] = { optim_decay, optim_sgd_step, optim_decay_after };
static const socle_pstate_fn momentum_steppers[] = { optim_decay, optim_momentum_step, optim_decay_after };
static const socle_pstate_fn nesterov_steppers[] = { optim_decay, optim_nesterov_step, optim_decay_after };
static const socle_pstate_fn adam_steppers[] = { optim_decay, optim_adam_step, optim_decay_after };
static const socle_pstate_fn radam_steppers[] = { optim_decay, optim_radam_step, optim_decay_after };
static const socle_pstate_fn rmsprop_steppers[] = { optim_decay, optim_rmsprop_step, optim_decay_after };
static const socle_pstate_fn lion_steppers[] = { optim_decay, optim_lion_step, optim_decay_after };
static const socle_pstate_fn lamb_steppers[] = { optim_lamb_step };

/* Claims a slot and leaves it to the stepper. */
static socle_status kept_by_stepper(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c, (void)s, (void)h;
    return SOCLE_OK;
}
static const socle_stat momentum_alone[] = { { SOCLE_STAT_GRAD_AVG, kept_by_stepper } };
static const socle_stat squares_and_momentum[] = { { SOCLE_STAT_SQR_AVG, optim_sqr_avg },
                                                   { SOCLE_STAT_GRAD_AVG, kept_by_stepper } };

/* ---- rules ---- */

static const socle_opt_rule sgd = {
    .name = "sgd",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f } },
    .grads = l2,
    .n_grads = 1,
    .steppers = sgd_steppers,
    .n_steppers = 3,
    .fused = optim_fused_sgd,
};

const socle_opt_rule *socle_sgd(void)
{
    return &sgd;
}

static const socle_opt_rule momentum = {
    .name = "momentum",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f } },
    .grads = l2,
    .n_grads = 1,
    .stats = average,
    .n_stats = 1,
    .steppers = momentum_steppers,
    .n_steppers = 3,
    .fused = optim_fused_momentum,
};

const socle_opt_rule *socle_momentum(void)
{
    return &momentum;
}

static const socle_opt_rule nesterov = {
    .name = "nesterov",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f } },
    .grads = l2,
    .n_grads = 1,
    .stats = average,
    .n_stats = 1,
    .steppers = nesterov_steppers,
    .n_steppers = 3,
    .fused = optim_fused_nesterov,
};

const socle_opt_rule *socle_nesterov(void)
{
    return &nesterov;
}

static const socle_opt_rule momentum_course_library = {
    .name = "momentum of the course's library",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f, [SOCLE_WD] = 1e-2f, [SOCLE_DECAY_AFTER] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = average,
    .n_stats = 1,
    .steppers = momentum_steppers,
    .n_steppers = 3,
    .fused = optim_fused_momentum,
};

const socle_opt_rule *socle_momentum_course_library(void)
{
    return &momentum_course_library;
}

static const socle_opt_rule rmsprop = {
    .name = "rmsprop",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_SQR_MOM] = 0.99f, [SOCLE_EPS] = 1e-8f } },
    .grads = l2,
    .n_grads = 1,
    .stats = squares,
    .n_stats = 1,
    .steppers = rmsprop_steppers,
    .n_steppers = 3,
    .fused = optim_fused_rmsprop,
};

const socle_opt_rule *socle_rmsprop(void)
{
    return &rmsprop;
}

static const socle_opt_rule rmsprop_momentum = {
    .name = "rmsprop with momentum",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_MOM] = 0.9f, [SOCLE_SQR_MOM] = 0.99f, [SOCLE_EPS] = 1e-8f } },
    .grads = l2,
    .n_grads = 1,
    .stats = squares_and_momentum,
    .n_stats = 2,
    .steppers = rmsprop_steppers,
    .n_steppers = 3,
    .fused = optim_fused_rmsprop,
};

const socle_opt_rule *socle_rmsprop_momentum(void)
{
    return &rmsprop_momentum;
}

static const socle_opt_rule rmsprop_course = {
    .name = "rmsprop of the course",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_SQR_MOM] = 0.99f, [SOCLE_EPS] = 1e-5f, [SOCLE_START] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = squares,
    .n_stats = 1,
    .steppers = rmsprop_steppers,
    .n_steppers = 3,
    .fused = optim_fused_rmsprop,
};

const socle_opt_rule *socle_rmsprop_course(void)
{
    return &rmsprop_course;
}

static const socle_opt_rule adam = {
    .name = "adam",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_SQR_MOM] = 0.999f,
                         [SOCLE_EPS] = 1e-8f,
                         [SOCLE_DEBIAS] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = adam_steppers,
    .n_steppers = 3,
    .fused = optim_fused_adam,
};

const socle_opt_rule *socle_adam(void)
{
    return &adam;
}

static const socle_opt_rule adamw = {
    .name = "adamw",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_WD] = 1e-2f,
                         [SOCLE_SQR_MOM] = 0.999f,
                         [SOCLE_EPS] = 1e-8f,
                         [SOCLE_DEBIAS] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = adam_steppers,
    .n_steppers = 3,
    .fused = optim_fused_adam,
};

const socle_opt_rule *socle_adamw(void)
{
    return &adamw;
}

static const socle_opt_rule adam_course = {
    .name = "adam of the course",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_SQR_MOM] = 0.99f,
                         [SOCLE_SQR_EPS] = 1e-5f,
                         [SOCLE_DEBIAS] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = adam_steppers,
    .n_steppers = 3,
    .fused = optim_fused_adam,
};

const socle_opt_rule *socle_adam_course(void)
{
    return &adam_course;
}

static const socle_opt_rule adam_course_library = {
    .name = "adam of the course's library",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_SQR_MOM] = 0.99f,
                         [SOCLE_EPS] = 1e-5f,
                         [SOCLE_DEBIAS] = 1,
                         [SOCLE_DECAY_AFTER] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = adam_steppers,
    .n_steppers = 3,
    .fused = optim_fused_adam,
};

const socle_opt_rule *socle_adam_course_library(void)
{
    return &adam_course_library;
}

static const socle_opt_rule radam = {
    .name = "radam",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_SQR_MOM] = 0.999f,
                         [SOCLE_EPS] = 1e-8f,
                         [SOCLE_DEBIAS] = 1 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = radam_steppers,
    .n_steppers = 3,
    .fused = optim_fused_radam,
};

const socle_opt_rule *socle_radam(void)
{
    return &radam;
}

static const socle_opt_rule lion = {
    .name = "lion",
    .defaults = { .v = { [SOCLE_LR] = 1e-4f, [SOCLE_MOM] = 0.9f, [SOCLE_SQR_MOM] = 0.99f } },
    .grads = l2,
    .n_grads = 1,
    .stats = momentum_alone,
    .n_stats = 1,
    .steppers = lion_steppers,
    .n_steppers = 3,
    .fused = optim_fused_lion,
};

const socle_opt_rule *socle_lion(void)
{
    return &lion;
}

static const socle_opt_rule lamb = {
    .name = "lamb",
    .defaults = { .v = { [SOCLE_LR] = 1e-3f,
                         [SOCLE_MOM] = 0.9f,
                         [SOCLE_SQR_MOM] = 0.99f,
                         [SOCLE_EPS] = 1e-6f,
                         [SOCLE_DEBIAS] = 1,
                         [SOCLE_TRUST] = 10 } },
    .grads = l2,
    .n_grads = 1,
    .stats = averages,
    .n_stats = 2,
    .steppers = lamb_steppers,
    .n_steppers = 1,
    .fused = optim_fused_lamb,
};

const socle_opt_rule *socle_lamb(void)
{
    return &lamb;
}

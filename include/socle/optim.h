/* One generic optimizer: hyper-parameters per group, statistics (what is remembered of each parameter) and steppers
 * (what is done with it), all given as data. A rule may add a fused path that does the same for all parameters at once. */
#ifndef SOCLE_OPTIM_H
#define SOCLE_OPTIM_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum socle_hyper {
    SOCLE_LR,          /* learning rate */
    SOCLE_MOM,         /* momentum */
    SOCLE_DAMP,        /* dampening: the gradient enters the momentum average times 1 - damp */
    SOCLE_WD,          /* decoupled weight decay: p *= 1 - lr wd */
    SOCLE_L2,          /* L2 penalty: g += l2 p */
    SOCLE_SQR_MOM,     /* share of the past in the average of squared gradients; Adam's beta2 */
    SOCLE_EPS,         /* added to the square root of that average */
    SOCLE_SQR_EPS,     /* added to it under the square root */
    SOCLE_DEBIAS,      /* not 0: averages that started at zero are divided by what that took from them */
    SOCLE_START,       /* not 0: averages start at their first value, not at zero */
    SOCLE_DECAY_AFTER, /* not 0: decoupled decay comes after the step, not before it */
    SOCLE_TRUST,       /* LAMB: the most a step is lengthened */
    SOCLE_HYPER_USER = 16,
    SOCLE_HYPER_MAX = 24
} socle_hyper;
typedef struct socle_hypers {
    float v[SOCLE_HYPER_MAX];
} socle_hypers;

enum { SOCLE_STAT_GRAD_AVG, SOCLE_STAT_SQR_AVG, SOCLE_STAT_USER = 4, SOCLE_STAT_MAX = 8 };

/* What a rule sees of one parameter. g may be overwritten. stat[i] has p's shape and starts at zero; NULL unless a stat
 * of the rule claims slot i. */
typedef struct socle_pstate {
    socle_tensor *p, *g, *stat[SOCLE_STAT_MAX];
    int64_t step; /* 1 at the first update */
} socle_pstate;
typedef socle_status (*socle_pstate_fn)(socle_ctx *c, socle_pstate *s, const socle_hypers *h);
typedef struct socle_stat {
    int slot;
    socle_pstate_fn update;
} socle_stat;

/* Grads run first (what is done to the gradient), then stats, then steppers, each list in order. */
typedef struct socle_opt_rule {
    const char *name;
    socle_hypers defaults;
    const socle_pstate_fn *grads;
    int n_grads;
    const socle_stat *stats;
    int n_stats;
    const socle_pstate_fn *steppers;
    int n_steppers;
    /* or NULL. The same update for n parameters of a group in one go; ERR_UNSUPPORTED, with nothing done, runs the
     * lists instead. */
    socle_status (*fused)(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
} socle_opt_rule;

/* The number of a hyper by its name ("lr", "mom", "sqr_mom", ...), or -1; and back, NULL for one without a name. */
SOCLE_API int socle_hyper_named(const char *name);
SOCLE_API const char *socle_hyper_name(int hyper);

/* Rules. All take WD (decoupled decay, p *= 1 - lr wd) and L2 (g += l2 p) and, but for LAMB, DECAY_AFTER. Hypers not named
 * are 0; every number can be set for each group. The averages: m = mom m + (1 - mom) g, v = sqr_mom v + (1 - sqr_mom) g^2,
 * each divided by 1 - mom^step and 1 - sqr_mom^step where DEBIAS is set; root = sqrt(v + sqr_eps) + eps. */
SOCLE_API const socle_opt_rule *socle_sgd(void); /* p -= lr g. lr 1e-2 */
/* m = mom m + (1 - damp) g; p -= lr m. lr 1e-2, mom 0.9. torch.optim.SGD is this with START. Nesterov: p -= lr (g + mom m),
 * DEBIAS is not read. */
SOCLE_API const socle_opt_rule *socle_momentum(void);
SOCLE_API const socle_opt_rule *socle_nesterov(void);
/* p -= lr g / root. As torch.optim.RMSprop: lr 1e-2, sqr_mom 0.99, eps 1e-8. With momentum: m = mom m + g / root; p -= lr m,
 * mom 0.9. */
SOCLE_API const socle_opt_rule *socle_rmsprop(void);
SOCLE_API const socle_opt_rule *socle_rmsprop_momentum(void);
/* p -= lr m / root (Kingma and Ba 2015). As torch.optim.Adam: lr 1e-3, mom 0.9, sqr_mom 0.999, eps 1e-8, debiased. AdamW is
 * the same with wd 0.01 (Loshchilov and Hutter 2019), as torch.optim.AdamW. */
SOCLE_API const socle_opt_rule *socle_adam(void);
SOCLE_API const socle_opt_rule *socle_adamw(void);
/* Adam with rectified first steps (Liu et al. 2020), as torch.optim.RAdam: hypers of Adam. */
SOCLE_API const socle_opt_rule *socle_radam(void);
/* p -= lr sign(mom m + (1 - mom) g), then m = sqr_mom m + (1 - sqr_mom) g (Chen et al. 2023). lr 1e-4, mom 0.9, sqr_mom 0.99 */
SOCLE_API const socle_opt_rule *socle_lion(void);
/* s = m / root + wd p; p -= lr min(rms(p) / rms(s), trust) s (You et al. 2020), rms(x) = sqrt(mean(x^2)) over one
 * parameter; where either is 0 the factor is 1. lr 1e-3, mom 0.9, sqr_mom 0.99, eps 1e-6, trust 10, debiased. */
SOCLE_API const socle_opt_rule *socle_lamb(void);
/* fast.ai's course variants: the same rules with other numbers. RMSProp: sqr_mom 0.99, eps 1e-5, v starts at the first
 * g^2. Adam of the notebooks: sqr_mom 0.99, eps 1e-5 under the square root. Adam of the course's library: sqr_mom 0.99,
 * eps 1e-5, decay after the step; its momentum: mom 0.9, wd 0.01 after the step. */
SOCLE_API const socle_opt_rule *socle_rmsprop_course(void);
SOCLE_API const socle_opt_rule *socle_adam_course(void);
SOCLE_API const socle_opt_rule *socle_adam_course_library(void);
SOCLE_API const socle_opt_rule *socle_momentum_course_library(void);

/* group_of: the group (0 ..) of a trainable parameter, or -1 to leave it alone; NULL puts all in group 0. r must outlive
 * the optimizer; it holds references to the parameters, not to the model. NULL on failure. */
typedef struct socle_optimizer socle_optimizer;
typedef int (*socle_group_fn)(const char *path, socle_module *owner, socle_tensor *p, void *user);
SOCLE_API socle_optimizer *socle_optimizer_new(const socle_opt_rule *r, socle_module *model,
                                               socle_group_fn group_of, void *user);
SOCLE_API void socle_optimizer_free(socle_optimizer *o);
SOCLE_API int socle_optimizer_groups(const socle_optimizer *o);
/* A hyper or group that does not exist reads as NaN; setting it is ERR_ARG. Group -1: all. */
SOCLE_API float socle_hyper_get(const socle_optimizer *o, int group, int hyper);
SOCLE_API socle_status socle_hyper_set(socle_optimizer *o, int group, int hyper, float v);
/* Updates every parameter that has a gradient and requires one. Enqueues, does not wait. */
SOCLE_API socle_status socle_optimizer_step(socle_optimizer *o, socle_ctx *c) SOCLE_MUST_USE;
SOCLE_API void socle_optimizer_zero_grad(socle_optimizer *o); /* drops the gradients */
/* A copy, on the device, of what o knows beside the parameters: hypers, step counts, statistics. NULL on failure. Restoring
 * into another optimizer is ERR_ARG. Neither waits. */
typedef struct socle_optimizer_state socle_optimizer_state;
SOCLE_API socle_optimizer_state *socle_optimizer_snapshot(const socle_optimizer *o);
SOCLE_API socle_status socle_optimizer_restore(socle_optimizer *o, const socle_optimizer_state *s);
SOCLE_API void socle_optimizer_state_free(socle_optimizer_state *s); /* NULL is allowed */

/* ---- groups one meets often ---- */

/* Group i: path starts with prefix i, name by name ("1" is the beginning of "1.weight", not of "10.weight"; "" of all), the
 * first that does; group n: with none. user: a socle_group_prefixes. */
typedef struct socle_group_prefixes {
    const char *const *prefix;
    int n;
} socle_group_prefixes;
SOCLE_API int socle_group_by_prefix(const char *path, socle_module *owner, socle_tensor *p, void *user);
/* Group 1: biases and the parameters of norms, which are those named "bias" and those of fewer than two dimensions;
 * group 0: the others. For decay of weights alone: socle_hyper_set(o, 1, SOCLE_WD, 0). user is not read. */
SOCLE_API int socle_group_no_decay(const char *path, socle_module *owner, socle_tensor *p, void *user);

/* ---- gradients ---- */

/* From the next step on gradients are limited before the rules see them: each number to [-value, value], then all of them
 * together to a length (square root of the sum of squares over all groups) of norm, as torch's clip_grad_norm_ does. The
 * length stays on the device. 0: no limit. ERR_ARG for a negative limit. */
typedef struct socle_clip {
    double value, norm;
} socle_clip;
SOCLE_API socle_status socle_optimizer_set_clip(socle_optimizer *o, socle_clip clip);
SOCLE_API socle_clip socle_optimizer_clip(const socle_optimizer *o);
/* A scalar, the length of the last step's gradients before it was limited; borrowed. NULL unless norm limits. */
SOCLE_API const socle_tensor *socle_optimizer_grad_norm(const socle_optimizer *o);
/* Multiplies every gradient that there is. Enqueues, does not wait. */
SOCLE_API socle_status socle_optimizer_scale_grads(socle_optimizer *o, double factor) SOCLE_MUST_USE;
SOCLE_API uint64_t socle_optimizer_steps(const socle_optimizer *o); /* taken in its life */

/* ---- averages of weights ---- */

/* A second set of values for every parameter and buffer of a module: after each update average = decay average + (1 - decay)
 * parameter. Exchanged with the module's own for evaluation. */
typedef struct socle_ema socle_ema;
typedef struct socle_ema_desc {
    double decay;         /* in (0, 1); 0: 0.999 */
    bool warm;            /* decay is at most (1 + n) / (10 + n) at update n, from 0: early weights are forgotten */
    bool average_buffers; /* else they are copied */
} socle_ema_desc;
/* Starts at the module's values. Holds references to the tensors, not to the module. NULL on failure. */
SOCLE_API socle_ema *socle_ema_new(socle_module *m, socle_ema_desc o);
SOCLE_API void socle_ema_free(socle_ema *e); /* NULL is allowed */
/* ERR_STATE while values are exchanged. Enqueues, does not wait. */
SOCLE_API socle_status socle_ema_update(socle_ema *e) SOCLE_MUST_USE;
/* Exchanges the module's values and the averages; a second time, back. Where memory runs out nothing has moved.
 * Does not wait. */
SOCLE_API socle_status socle_ema_swap(socle_ema *e) SOCLE_MUST_USE;
SOCLE_API bool socle_ema_swapped(const socle_ema *e);

/* Ignore the rule's fused path (tests, debugging). */
SOCLE_API void socle_optimizer_set_fused(socle_optimizer *o, bool on);

#ifdef __cplusplus
}
#endif
#endif

/* The pieces that this room's rules are made of. Each does its part for one parameter; a hyper-parameter of 0 costs
 * nothing where it changes nothing. */
#ifndef OPTIM_RULE_H
#define OPTIM_RULE_H

#include <socle/optim.h>

/* ---- stats.c: gradients and what is remembered of them ---- */
socle_status optim_l2(socle_ctx *c, socle_pstate *s, const socle_hypers *h);        /* g += l2 p */
socle_status optim_grad_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h);  /* m = mom m + (1 - damp) g */
socle_status optim_grad_lerp(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* m = mom m + (1 - mom) g */
/* v = sqr_mom v + (1 - sqr_mom) g^2 */
socle_status optim_sqr_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h);

/* ---- steppers.c ---- */
/* p *= 1 - lr wd, where decay comes before the step, or after it */
socle_status optim_decay(socle_ctx *c, socle_pstate *s, const socle_hypers *h);
socle_status optim_decay_after(socle_ctx *c, socle_pstate *s, const socle_hypers *h);
socle_status optim_sgd_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);      /* p -= lr g */
socle_status optim_momentum_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* p -= lr m / debias */
socle_status optim_nesterov_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* p -= lr (g + mom m) */
/* root = sqrt(v + sqr_eps) + eps, with m and v corrected for their start where debias says so. */
socle_status optim_adam_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);  /* p -= lr m / root */
socle_status optim_radam_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* p -= lr rect m / root */
/* m = mom m + g / root; p -= lr m */
socle_status optim_rmsprop_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);
socle_status optim_lion_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);
socle_status optim_lamb_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);

/* ---- coefficients.c: numbers that change with the step ---- */
/* What an average with this share, started at zero, is divided by at a step: 1 - share^step, or 1 without debias. */
double optim_debias(const socle_hypers *h, double share, int64_t step);
/* Share of the past in an average at a step: none at the first where averages start at their first value. */
float optim_share(const socle_hypers *h, int hyper, int64_t step);
/* Of rectified Adam (Liu et al. 2020): what steps are multiplied by; 0 while the variance cannot be told. */
double optim_rectification(const socle_hypers *h, int64_t step);

/* ---- fused.c: the same in one go ---- */
socle_status optim_fused_sgd(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_momentum(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_nesterov(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_adam(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_radam(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_rmsprop(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_lion(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);
socle_status optim_fused_lamb(socle_ctx *c, size_t n, socle_pstate *s, const socle_hypers *h);

#endif

/* The pieces that this room's rules are made of. Each does its part for one parameter; a hyper-parameter of 0 costs
 * nothing where it changes nothing. */
#ifndef OPTIM_RULE_H
#define OPTIM_RULE_H

#include <socle/optim.h>

/* ---- stats.c: gradients and what is remembered of them ---- */
socle_status optim_l2(socle_ctx *c, socle_pstate *s, const socle_hypers *h);       /* g += l2 p */
socle_status optim_grad_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* v = mom v + (1 - damp) g */

/* ---- steppers.c ---- */
socle_status optim_decay(socle_ctx *c, socle_pstate *s, const socle_hypers *h);         /* p *= 1 - lr wd */
socle_status optim_sgd_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h);      /* p -= lr g */
socle_status optim_momentum_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* p -= lr v */
socle_status optim_nesterov_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h); /* p -= lr (g + mom v) */

#endif

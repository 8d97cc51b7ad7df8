/* How parameters move. */
#include <socle/sys/prim.h>
#include "rule.h"

socle_status optim_decay(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float wd = h->v[SOCLE_WD];
    return wd == 0.0f ? SOCLE_OK
                      : socle_prim_unary(SOCLE_UNARY_affine, s->p, s->p, 1.0f - h->v[SOCLE_LR] * wd, 0.0f, 0);
}

socle_status optim_sgd_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return socle_prim_axpby(s->p, -h->v[SOCLE_LR], s->g, 1.0f);
}

socle_status optim_momentum_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return socle_prim_axpby(s->p, -h->v[SOCLE_LR], s->stat[SOCLE_STAT_GRAD_AVG], 1.0f);
}

/* The gradient is at its end here and holds g + mom v. */
socle_status optim_nesterov_step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_status status = socle_prim_axpby(s->g, h->v[SOCLE_MOM], s->stat[SOCLE_STAT_GRAD_AVG], 1.0f);
    return status != SOCLE_OK ? status : optim_sgd_step(c, s, h);
}

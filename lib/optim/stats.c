/* What is done to gradients, and what is remembered of them. */
#include <socle/sys/prim.h>
#include "rule.h"

socle_status optim_l2(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float l2 = h->v[SOCLE_L2];
    return l2 == 0.0f ? SOCLE_OK : socle_prim_axpby(s->g, l2, s->p, 1.0f);
}

/* The average starts at zero: the first m is (1 - damp) g, unless START has it start at g, as PyTorch does. */
socle_status optim_grad_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float damp = s->step == 1 && h->v[SOCLE_START] != 0.0f ? 0.0f : h->v[SOCLE_DAMP];
    return socle_prim_axpby(s->stat[SOCLE_STAT_GRAD_AVG], 1.0f - damp, s->g, h->v[SOCLE_MOM]);
}

socle_status optim_grad_lerp(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float mom = optim_share(h, SOCLE_MOM, s->step);
    return socle_prim_axpby(s->stat[SOCLE_STAT_GRAD_AVG], 1.0f - mom, s->g, mom);
}

socle_status optim_sqr_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    float share = optim_share(h, SOCLE_SQR_MOM, s->step);
    return socle_axpby(c, s->stat[SOCLE_STAT_SQR_AVG], 1.0 - (double)share, socle_square(c, s->g), (double)share);
}

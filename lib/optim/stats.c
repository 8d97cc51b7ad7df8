/* What is done to gradients, and what is remembered of them. */
#include <socle/sys/prim.h>
#include "rule.h"

socle_status optim_l2(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    float l2 = h->v[SOCLE_L2];
    return l2 == 0.0f ? SOCLE_OK : socle_prim_axpby(s->g, l2, s->p, 1.0f);
}

/* The average starts at zero: the first v is (1 - damp) g. (PyTorch starts at g, whatever the dampening.) */
socle_status optim_grad_avg(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)c;
    return socle_prim_axpby(s->stat[SOCLE_STAT_GRAD_AVG], 1.0f - h->v[SOCLE_DAMP], s->g, h->v[SOCLE_MOM]);
}

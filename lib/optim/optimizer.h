/* What an optimizer is made of, for the files of this room. */
#ifndef OPTIM_OPTIMIZER_H
#define OPTIM_OPTIMIZER_H

#include <socle/optim.h>

typedef struct group {
    socle_hypers hypers;
    socle_pstate *all;   /* every parameter: p and stats are owned, g is borrowed during a step */
    socle_pstate **used; /* room for all; those of this step, in order */
    socle_pstate *now;   /* room for all; copies of those, side by side, for the rule */
    size_t n, cap, n_now;
} group;

struct socle_optimizer {
    const socle_opt_rule *rule;
    group *groups;
    size_t n_groups, cap_groups;
    bool fused;
    uint64_t steps;
    socle_clip clip;
    socle_tensor *norm;   /* a scalar; NULL until the length of gradients is limited */
    socle_tensor **grads; /* room for those of all parameters; NULL until then */
};

/* gradients.c: limits the gradients of the parameters gathered for this step. */
socle_status optim_clip(socle_optimizer *o);

#endif

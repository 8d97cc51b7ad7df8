/* Hyper-parameters that follow a schedule, and fits under the policies that are made of one. */
#include <math.h>
#include <string.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>
#include "learner.h"

typedef struct schedule {
    int hyper, group;
    bool closed, per_epoch;
    int n;
    socle_phase phase[]; /* n */
} schedule;

static socle_flow before_batch(socle_learner *l, void *user)
{
    const schedule *s = user;
    if (!l->training)
        return 0;
    size_t step = (size_t)l->epoch, steps = (size_t)l->n_epochs;
    if (!s->per_epoch) {
        step = step * l->n_batches + l->batch_index;
        steps *= l->n_batches;
    }
    double value = socle_schedule_at(s->phase, s->n, socle_schedule_position(step, steps, s->closed));
    return (socle_flow)socle_hyper_set(l->opt, s->group, s->hyper, (float)value);
}

socle_callback socle_cb_schedule(socle_schedule_desc o)
{
    int hyper = o.hyper_name ? socle_hyper_named(o.hyper_name) : o.hyper;
    if (hyper < 0 || hyper >= SOCLE_HYPER_MAX) {
        if (o.hyper_name)
            (void)socle_fail(SOCLE_ERR_ARG, "schedule: there is no hyper-parameter called %s", o.hyper_name);
        else
            (void)socle_fail(SOCLE_ERR_ARG, "schedule: there is no hyper-parameter %d", hyper);
        return (socle_callback){ 0 };
    }
    if (socle_schedule_check(o.phase, o.n) != SOCLE_OK)
        return (socle_callback){ 0 };
    size_t bytes = (size_t)o.n * sizeof *o.phase;
    schedule *s = socle_mem_alloc(sizeof *s + bytes);
    if (!s)
        return (socle_callback){ 0 };
    *s = (schedule){
        .hyper = hyper, .group = o.one_group ? o.group : -1, .closed = o.closed, .per_epoch = o.per_epoch, .n = o.n
    };
    memcpy(s->phase, o.phase, bytes);
    return (socle_callback){ .name = "schedule",
                             .order = 1,
                             .no_rehearsal = true,
                             .dry = true,
                             .user = s,
                             .drop = socle_mem_free,
                             .before_batch = before_batch };
}

/* ---- fits ---- */

/* Schedules for the length of one fit, and the values from before it. */
typedef struct policy {
    socle_learner *l;
    float *kept; /* rates, then momenta, of each group */
    size_t groups;
} policy;

static const char policy_name[] = "policy";

static socle_status begin(policy *p, socle_learner *l, const char *what, int epochs)
{
    if (!l)
        return socle_error_status() ? socle_error_status()
                                    : socle_fail(SOCLE_ERR_ARG, "%s: there is no learner", what);
    if (((const learner *)l)->fitting)
        return socle_fail(SOCLE_ERR_STATE, "%s: called from inside a fit of the same learner", what);
    if (epochs < 1)
        return socle_fail(SOCLE_ERR_ARG, "%s: %d epochs, at least 1 is needed", what, epochs);
    if (!l->data->train)
        return socle_fail(SOCLE_ERR_ARG, "%s: there is no training data", what);
    *p = (policy){ .l = l, .groups = (size_t)socle_optimizer_groups(l->opt) };
    p->kept = socle_mem_zeroed(p->groups, 2 * sizeof *p->kept);
    if (!p->kept)
        return SOCLE_ERR_NOMEM;
    for (size_t g = 0; g < p->groups; g++) {
        p->kept[g] = socle_hyper_get(l->opt, (int)g, SOCLE_LR);
        p->kept[p->groups + g] = socle_hyper_get(l->opt, (int)g, SOCLE_MOM);
    }
    return SOCLE_OK;
}

static socle_status follow(policy *p, socle_schedule_desc o)
{
    socle_callback cb = socle_cb_schedule(o);
    if (!cb.name)
        return socle_error_status();
    cb.name = policy_name;
    if (push_callback((learner *)p->l, cb))
        return SOCLE_OK;
    cb.drop(cb.user);
    return SOCLE_ERR_NOMEM;
}

/* Fits, if all went well so far, and puts things back. */
static socle_status end(policy *p, socle_status s, socle_fit_desc o)
{
    if (s == SOCLE_OK)
        s = socle_fit_with(p->l, o);
    (void)socle_learner_remove(p->l, policy_name);
    for (size_t g = 0; g < p->groups; g++) {
        (void)socle_hyper_set(p->l->opt, (int)g, SOCLE_LR, p->kept[g]);
        (void)socle_hyper_set(p->l->opt, (int)g, SOCLE_MOM, p->kept[p->groups + g]);
    }
    socle_mem_free(p->kept);
    return s;
}

static socle_status check_one_cycle(const socle_one_cycle_desc *o)
{
    if (!(o->pct_start > 0 && o->pct_start <= 1) || !(o->div > 0) || !(o->div_final > 0))
        return socle_fail(SOCLE_ERR_ARG, "fit_one_cycle: a rise for %g of the steps, divided by %g and %g",
                          o->pct_start, o->div, o->div_final);
    return SOCLE_OK;
}

static socle_status rate_of_group(policy *p, const socle_one_cycle_desc *o, size_t group, size_t steps)
{
    double top = o->group_lr ? o->group_lr[group] : o->max_lr;
    if (!(top > 0) || !isfinite(top))
        return socle_fail(SOCLE_ERR_ARG, "fit_one_cycle: a learning rate of %g", top);
    socle_phase phase[SOCLE_ONE_CYCLE_PHASES];
    socle_schedule_one_cycle(phase, steps, o->pct_start, top / o->div, top, top / o->div / o->div_final);
    return follow(p, (socle_schedule_desc){ .hyper = SOCLE_LR,
                                            .phase = phase,
                                            .n = SOCLE_ONE_CYCLE_PHASES,
                                            .one_group = true,
                                            .group = (int)group,
                                            .closed = true });
}

socle_status socle_fit_one_cycle_with(socle_learner *l, socle_one_cycle_desc o)
{
    o.pct_start = o.pct_start != 0 ? o.pct_start : 0.3;
    o.div = o.div != 0 ? o.div : 25;
    o.div_final = o.div_final != 0 ? o.div_final : 1e4;
    o.mom_high = o.mom_high != 0 ? o.mom_high : 0.95;
    o.mom_low = o.mom_low != 0 ? o.mom_low : 0.85;
    policy p;
    socle_status s = begin(&p, l, "fit_one_cycle", o.epochs);
    if (s != SOCLE_OK)
        return s;
    s = check_one_cycle(&o);
    size_t steps = socle_loader_batches(l->data->train) * (size_t)o.epochs;
    for (size_t g = 0; g < p.groups && s == SOCLE_OK; g++)
        s = rate_of_group(&p, &o, g, steps);
    if (s == SOCLE_OK && !o.keep_mom) {
        socle_phase phase[SOCLE_ONE_CYCLE_PHASES];
        socle_schedule_one_cycle(phase, steps, o.pct_start, o.mom_high, o.mom_low, o.mom_high);
        s = follow(&p, (socle_schedule_desc){
                           .hyper = SOCLE_MOM, .phase = phase, .n = SOCLE_ONE_CYCLE_PHASES, .closed = true });
    }
    return end(&p, s, (socle_fit_desc){ .epochs = o.epochs, .reset_opt = o.reset_opt });
}

socle_status socle_fit_one_cycle(socle_learner *l, int epochs, double max_lr)
{
    return socle_fit_one_cycle_with(l, (socle_one_cycle_desc){ .epochs = epochs, .max_lr = max_lr });
}

socle_status socle_fit_flat_cos(socle_learner *l, int epochs, double max_lr)
{
    policy p;
    socle_status s = begin(&p, l, "fit_flat_cos", epochs);
    if (s != SOCLE_OK)
        return s;
    socle_phase phase[SOCLE_FLAT_COS_PHASES];
    socle_schedule_flat_cos(phase, 0.75, max_lr, 0);
    s = max_lr > 0
            ? follow(&p, (socle_schedule_desc){ .hyper = SOCLE_LR, .phase = phase, .n = SOCLE_FLAT_COS_PHASES })
            : socle_fail(SOCLE_ERR_ARG, "fit_flat_cos: a learning rate of %g", max_lr);
    return end(&p, s, (socle_fit_desc){ .epochs = epochs });
}

/* The one optimizer: parameters in groups, what is remembered of each, and the rule that is run over them.
 *
 * A step gathers the parameters of a group that have a gradient and want one into an array that was made with the group,
 * and hands it to the rule's fused path or takes its lists one parameter after the other. Memory of a parameter is made
 * at its first update, so from the second step on nothing is allocated. */
#include <math.h>
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include "optimizer.h"

/* ---- making ---- */

static socle_status check_rule(const socle_opt_rule *r)
{
    if (r == NULL)
        return socle_fail(SOCLE_ERR_ARG, "optimizer: the rule is NULL");
    for (int i = 0; i < r->n_stats; i++)
        if (r->stats[i].slot < 0 || r->stats[i].slot >= SOCLE_STAT_MAX)
            return socle_fail(SOCLE_ERR_ARG, "optimizer: rule %s has a stat in slot %d, 0 to %d are possible",
                              r->name, r->stats[i].slot, SOCLE_STAT_MAX - 1);
    return SOCLE_OK;
}

static socle_status reach_group(socle_optimizer *o, size_t index)
{
    if (index < o->n_groups)
        return SOCLE_OK;
    group *grown = socle_mem_grow(o->groups, &o->cap_groups, index + 1, sizeof *grown);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    o->groups = grown;
    while (o->n_groups <= index)
        o->groups[o->n_groups++] = (group){ .hypers = o->rule->defaults };
    return SOCLE_OK;
}

typedef struct build {
    socle_optimizer *o;
    socle_group_fn group_of;
    void *user;
} build;

static int add_param(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    const build *b = user;
    if (!trainable)
        return 0;
    int index = b->group_of == NULL ? 0 : b->group_of(path, owner, t, b->user);
    if (index < 0)
        return 0;
    if (reach_group(b->o, (size_t)index) != SOCLE_OK)
        return SOCLE_ERR_NOMEM;
    group *g = &b->o->groups[index];
    socle_pstate *grown = socle_mem_grow(g->all, &g->cap, g->n + 1, sizeof *grown);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    g->all = grown;
    g->all[g->n++] = (socle_pstate){ .p = socle_retain(t) };
    return 0;
}

static socle_status make_room(socle_optimizer *o)
{
    for (size_t i = 0; i < o->n_groups; i++) {
        group *g = &o->groups[i];
        g->used = socle_mem_zeroed(g->n, sizeof(socle_pstate *));
        g->now = socle_mem_zeroed(g->n, sizeof *g->now);
        if (g->used == NULL || g->now == NULL)
            return SOCLE_ERR_NOMEM;
    }
    return SOCLE_OK;
}

socle_optimizer *socle_optimizer_new(const socle_opt_rule *r, socle_module *model, socle_group_fn group_of,
                                     void *user)
{
    if (check_rule(r) != SOCLE_OK)
        return NULL;
    if (model == NULL) {
        if (socle_error_status() == SOCLE_OK)
            socle_fail(SOCLE_ERR_ARG, "optimizer: the model is NULL");
        return NULL;
    }
    socle_optimizer *o = socle_mem_zeroed(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->rule = r;
    o->fused = true;
    build b = { o, group_of, user };
    if (reach_group(o, 0) != SOCLE_OK || socle_module_each_param(model, add_param, &b) != 0 ||
        make_room(o) != SOCLE_OK) {
        socle_optimizer_free(o);
        return NULL;
    }
    return o;
}

void socle_optimizer_free(socle_optimizer *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->n_groups; i++) {
        group *g = &o->groups[i];
        for (size_t k = 0; k < g->n; k++) {
            socle_release(g->all[k].p);
            for (int slot = 0; slot < SOCLE_STAT_MAX; slot++)
                socle_release(g->all[k].stat[slot]);
        }
        socle_mem_free(g->all);
        socle_mem_free(g->used);
        socle_mem_free(g->now);
    }
    socle_release(o->norm);
    socle_mem_free(o->grads);
    socle_mem_free(o->groups);
    socle_mem_free(o);
}

/* ---- hypers ---- */

int socle_optimizer_groups(const socle_optimizer *o)
{
    return o == NULL ? 0 : (int)o->n_groups;
}

static bool hyper_exists(const socle_optimizer *o, int index, int hyper)
{
    return o != NULL && index >= 0 && (size_t)index < o->n_groups && hyper >= 0 && hyper < SOCLE_HYPER_MAX;
}

float socle_hyper_get(const socle_optimizer *o, int index, int hyper)
{
    return hyper_exists(o, index, hyper) ? o->groups[index].hypers.v[hyper] : NAN;
}

socle_status socle_hyper_set(socle_optimizer *o, int index, int hyper, float v)
{
    if (!hyper_exists(o, index == -1 ? 0 : index, hyper))
        return socle_fail(SOCLE_ERR_ARG, "hyper_set: there is no hyper %d of group %d, of %d groups", hyper, index,
                          socle_optimizer_groups(o));
    if (!isfinite(v))
        return socle_fail(SOCLE_ERR_ARG, "hyper_set: hyper %d of group %d cannot be %g", hyper, index, (double)v);
    size_t first = index == -1 ? 0 : (size_t)index, last = index == -1 ? o->n_groups : first + 1;
    for (size_t i = first; i < last; i++)
        o->groups[i].hypers.v[hyper] = v;
    return SOCLE_OK;
}

/* ---- a step ---- */

/* What the rule remembers of s, at zero where it is not there yet. */
static socle_status make_stats(const socle_opt_rule *r, socle_pstate *s)
{
    for (int i = 0; i < r->n_stats; i++) {
        socle_tensor **stat = &s->stat[r->stats[i].slot];
        if (*stat != NULL)
            continue;
        socle_tensor *t = socle_tensor_new(socle_device_of(s->p), socle_dtype_of(s->p), socle_shape_of(s->p));
        socle_status status = t == NULL ? socle_error_status() : socle_prim_fill(t, 0.0);
        if (status != SOCLE_OK) {
            socle_release(t);
            return status;
        }
        *stat = t;
    }
    return SOCLE_OK;
}

/* Puts the parameters to be updated into g->now, ready for the rule. */
static socle_status gather(const socle_opt_rule *r, group *g)
{
    g->n_now = 0;
    for (size_t i = 0; i < g->n; i++) {
        socle_pstate *s = &g->all[i];
        if (socle_grad(s->p) == NULL || !socle_requires_grad(s->p))
            continue;
        socle_status status = make_stats(r, s);
        if (status != SOCLE_OK)
            return status;
        socle_pstate *now = &g->now[g->n_now];
        *now = *s;
        now->g = socle_grad(s->p);
        now->step++;
        g->used[g->n_now++] = s;
    }
    return SOCLE_OK;
}

static socle_status run_lists(const socle_opt_rule *r, socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    socle_status status = SOCLE_OK;
    for (int i = 0; i < r->n_grads && status == SOCLE_OK; i++)
        status = r->grads[i](c, s, h);
    for (int i = 0; i < r->n_stats && status == SOCLE_OK; i++)
        status = r->stats[i].update(c, s, h);
    for (int i = 0; i < r->n_steppers && status == SOCLE_OK; i++)
        status = r->steppers[i](c, s, h);
    return status;
}

/* The lists may use ops: what those make is let go after each parameter, and none of it is recorded. */
static socle_status update_by_lists(const socle_optimizer *o, socle_ctx *c, const group *g)
{
    bool grad = socle_ctx_set_grad(c, false);
    socle_status status = SOCLE_OK;
    for (size_t i = 0; i < g->n_now && status == SOCLE_OK; i++) {
        socle_scope scope = socle_scope_begin(c);
        status = run_lists(o->rule, c, &g->now[i], &g->hypers);
        if (status == SOCLE_OK)
            status = socle_ctx_status(c);
        socle_scope_end(c, scope, NULL);
    }
    socle_ctx_set_grad(c, grad);
    return status;
}

static socle_status update(const socle_optimizer *o, socle_ctx *c, const group *g)
{
    if (g->n_now == 0)
        return SOCLE_OK;
    socle_status status = SOCLE_ERR_UNSUPPORTED;
    if (o->fused && o->rule->fused != NULL)
        status = o->rule->fused(c, g->n_now, g->now, &g->hypers);
    if (status == SOCLE_ERR_UNSUPPORTED)
        status = update_by_lists(o, c, g);
    for (size_t i = 0; i < g->n_now && status == SOCLE_OK; i++)
        g->used[i]->step++;
    return status;
}

socle_status socle_optimizer_step(socle_optimizer *o, socle_ctx *c)
{
    if (o == NULL)
        return socle_error_status() != SOCLE_OK
                   ? socle_error_status()
                   : socle_fail(SOCLE_ERR_ARG, "optimizer_step: the optimizer is NULL");
    socle_status status = socle_ctx_status(c);
    for (size_t i = 0; i < o->n_groups && status == SOCLE_OK; i++)
        status = gather(o->rule, &o->groups[i]); /* all first: where their memory runs out, nothing has moved */
    if (status == SOCLE_OK)
        status = optim_clip(o);
    for (size_t i = 0; i < o->n_groups && status == SOCLE_OK; i++)
        status = update(o, c, &o->groups[i]);
    o->steps += status == SOCLE_OK;
    return status;
}

void socle_optimizer_zero_grad(socle_optimizer *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->n_groups; i++)
        for (size_t k = 0; k < o->groups[i].n; k++)
            socle_zero_grad(o->groups[i].all[k].p);
}

void socle_optimizer_set_fused(socle_optimizer *o, bool on)
{
    if (o != NULL)
        o->fused = on;
}

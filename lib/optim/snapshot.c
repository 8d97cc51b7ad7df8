/* Copies of what an optimizer remembers, to return to. */
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include "optimizer.h"

typedef struct memory {
    int64_t step;
    socle_tensor *stat[SOCLE_STAT_MAX]; /* owned copies; NULL where there was none yet */
} memory;

struct socle_optimizer_state {
    const socle_optimizer *of;
    socle_hypers *hypers; /* of each group */
    memory *memories;     /* of each parameter, group after group */
    size_t n_groups, n;
};

static size_t count_parameters(const socle_optimizer *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_groups; i++)
        n += o->groups[i].n;
    return n;
}

static socle_status remember(memory *m, const socle_pstate *p)
{
    m->step = p->step;
    for (int slot = 0; slot < SOCLE_STAT_MAX; slot++) {
        if (p->stat[slot] == NULL)
            continue;
        m->stat[slot] = socle_tensor_copy(p->stat[slot]);
        if (m->stat[slot] == NULL)
            return socle_error_status();
    }
    return SOCLE_OK;
}

static socle_status fill(socle_optimizer_state *s, const socle_optimizer *o)
{
    s->hypers = socle_mem_zeroed(o->n_groups, sizeof *s->hypers);
    s->memories = socle_mem_zeroed(count_parameters(o), sizeof *s->memories);
    if (s->hypers == NULL || s->memories == NULL)
        return SOCLE_ERR_NOMEM;
    s->n_groups = o->n_groups;
    for (size_t i = 0; i < o->n_groups; i++) {
        const group *g = &o->groups[i];
        s->hypers[i] = g->hypers;
        for (size_t k = 0; k < g->n; k++) {
            socle_status status = remember(&s->memories[s->n++], &g->all[k]);
            if (status != SOCLE_OK)
                return status;
        }
    }
    return SOCLE_OK;
}

socle_optimizer_state *socle_optimizer_snapshot(const socle_optimizer *o)
{
    if (o == NULL) {
        if (socle_error_status() == SOCLE_OK)
            socle_fail(SOCLE_ERR_ARG, "optimizer_snapshot: the optimizer is NULL");
        return NULL;
    }
    socle_optimizer_state *s = socle_mem_zeroed(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->of = o;
    if (fill(s, o) != SOCLE_OK) {
        socle_optimizer_state_free(s);
        return NULL;
    }
    return s;
}

void socle_optimizer_state_free(socle_optimizer_state *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        for (int slot = 0; slot < SOCLE_STAT_MAX; slot++)
            socle_release(s->memories[i].stat[slot]);
    socle_mem_free(s->memories);
    socle_mem_free(s->hypers);
    socle_mem_free(s);
}

/* What was made since the snapshot goes: it is made anew, at zero, when it is needed. */
static socle_status recall(socle_pstate *p, const memory *m)
{
    for (int slot = 0; slot < SOCLE_STAT_MAX; slot++) {
        if (m->stat[slot] == NULL) {
            socle_release(p->stat[slot]);
            p->stat[slot] = NULL;
            continue;
        }
        socle_status status = socle_prim_copy(p->stat[slot], m->stat[slot]);
        if (status != SOCLE_OK)
            return status;
    }
    p->step = m->step;
    return SOCLE_OK;
}

socle_status socle_optimizer_restore(socle_optimizer *o, const socle_optimizer_state *s)
{
    if (o == NULL || s == NULL || s->of != o)
        return socle_fail(SOCLE_ERR_ARG, "optimizer_restore: %s",
                          o == NULL   ? "the optimizer is NULL"
                          : s == NULL ? "the snapshot is NULL"
                                      : "the snapshot is of another optimizer");
    const memory *m = s->memories;
    for (size_t i = 0; i < o->n_groups; i++) {
        group *g = &o->groups[i];
        g->hypers = s->hypers[i];
        for (size_t k = 0; k < g->n; k++) {
            socle_status status = recall(&g->all[k], m++);
            if (status != SOCLE_OK)
                return status;
        }
    }
    return SOCLE_OK;
}

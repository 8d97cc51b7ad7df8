/* Stopping when a metric no longer improves, and keeping the model that had the best one. */
#include <socle/sys/memory.h>
#include "watch.h"

/* ---- early stopping ---- */

typedef struct stopper {
    watch watch;
    int patience, waited;
} stopper;

static void stopper_drop(void *user)
{
    stopper *s = user;
    watch_free(&s->watch);
    socle_mem_free(s);
}

static socle_flow stopper_before_fit(socle_learner *l, void *user)
{
    stopper *s = user;
    s->waited = 0;
    watch_begin(&s->watch, l);
    return 0;
}

static socle_flow stopper_after_epoch(socle_learner *l, void *user)
{
    stopper *s = user;
    bool improved;
    if (!watch_wants(&s->watch, l))
        return 0;
    socle_status status = watch_judge(&s->watch, "early stop", &improved);
    if (status != SOCLE_OK)
        return (socle_flow)status;
    s->waited = improved ? 0 : s->waited + 1;
    return s->waited >= s->patience ? SOCLE_CANCEL_FIT : 0;
}

socle_callback socle_cb_early_stop(socle_watch_desc o)
{
    if (o.patience < 0) {
        (void)socle_fail(SOCLE_ERR_ARG, "early stop: a patience of %d epochs", o.patience);
        return (socle_callback){ 0 };
    }
    stopper *s = socle_mem_zeroed(1, sizeof *s);
    if (!s)
        return (socle_callback){ 0 };
    s->patience = o.patience ? o.patience : 3;
    if (watch_init(&s->watch, &o) != SOCLE_OK) {
        stopper_drop(s);
        return (socle_callback){ 0 };
    }
    return (socle_callback){ .name = "early stop",
                             .order = 3,
                             .no_rehearsal = true,
                             .user = s,
                             .drop = stopper_drop,
                             .before_fit = stopper_before_fit,
                             .after_epoch = stopper_after_epoch };
}

/* ---- the best model ---- */

typedef struct keeper {
    watch watch;
    socle_snapshot *best;
} keeper;

static void keeper_drop(void *user)
{
    keeper *k = user;
    watch_free(&k->watch);
    socle_snapshot_free(k->best);
    socle_mem_free(k);
}

static void forget(keeper *k)
{
    socle_snapshot_free(k->best);
    k->best = NULL;
}

static socle_flow keeper_before_fit(socle_learner *l, void *user)
{
    keeper *k = user;
    forget(k);
    watch_begin(&k->watch, l);
    return 0;
}

/* One copy at a time: the one before goes first. */
static socle_flow keeper_after_epoch(socle_learner *l, void *user)
{
    keeper *k = user;
    bool improved;
    if (!watch_wants(&k->watch, l))
        return 0;
    socle_status status = watch_judge(&k->watch, "keep best", &improved);
    if (status != SOCLE_OK || !improved)
        return (socle_flow)status;
    forget(k);
    k->best = socle_module_snapshot(l->model);
    return k->best ? 0 : (socle_flow)socle_error_status();
}

static socle_flow keeper_cleanup_fit(socle_learner *l, void *user)
{
    keeper *k = user;
    socle_status status = k->best ? socle_module_restore(l->model, k->best) : SOCLE_OK;
    forget(k);
    return (socle_flow)status;
}

socle_callback socle_cb_keep_best(socle_watch_desc o)
{
    keeper *k = socle_mem_zeroed(1, sizeof *k);
    if (!k)
        return (socle_callback){ 0 };
    if (watch_init(&k->watch, &o) != SOCLE_OK) {
        keeper_drop(k);
        return (socle_callback){ 0 };
    }
    return (socle_callback){ .name = "keep best",
                             .order = 2,
                             .no_rehearsal = true,
                             .user = k,
                             .drop = keeper_drop,
                             .before_fit = keeper_before_fit,
                             .after_epoch = keeper_after_epoch,
                             .cleanup_fit = keeper_cleanup_fit };
}

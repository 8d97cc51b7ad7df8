#include "rehearsal.h"

#include <limits.h>

/* The plain numbers of the open struct. */
static void put_back(socle_learner *l, const socle_learner *from)
{
    l->n_epochs = from->n_epochs;
    l->epoch = from->epoch;
    l->n_batches = from->n_batches;
    l->batch_index = from->batch_index;
    l->pos = from->pos;
    l->training = from->training;
    l->lr = from->lr;
    l->status = from->status;
    l->epochs_done = from->epochs_done;
}

socle_status rehearse(socle_learner *l, socle_callback cb, socle_fit_desc o)
{
    learner *p = (learner *)l;
    const socle_learner before = *l;
    const bool dry = p->dry;
    uint64_t counter = socle_ctx_random_counter(l->ctx);
    if (!push_callback(p, cb))
        return SOCLE_ERR_NOMEM;
    p->rehearsing = true;
    p->dry = false; /* what is asked for is numbers */
    socle_status s = socle_fit_with(l, o);
    p->rehearsing = false;
    p->dry = dry;
    (void)socle_learner_remove(l, cb.name);
    socle_ctx_set_random_counter(l->ctx, counter);
    put_back(l, &before);
    return s;
}

/* ---- a batch to look at ---- */

static socle_flow take_batch(socle_learner *l, void *user)
{
    *(socle_tensor **)user = socle_retain(l->batch.x);
    return SOCLE_CANCEL_FIT;
}

socle_tensor *socle_learner_batch(socle_learner *l)
{
    socle_tensor *x = NULL;
    if (!l || ((learner *)l)->fitting) {
        if (l)
            (void)socle_fail(SOCLE_ERR_STATE, "batch: asked for inside a fit of the same learner");
        else if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "batch: there is no learner");
        return NULL;
    }
    socle_callback cb = { .name = "take batch", .order = INT_MAX, .user = &x, .before_batch = take_batch };
    socle_status s = rehearse(l, cb, (socle_fit_desc){ .epochs = 1, .no_valid = true });
    if (s == SOCLE_OK && !x)
        (void)socle_fail(SOCLE_ERR_STATE, "batch: a callback ended the fit before its first batch");
    if (s != SOCLE_OK) {
        socle_release(x);
        return NULL;
    }
    return x;
}

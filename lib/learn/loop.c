/* The training loop: a fit of epochs, an epoch of two passes, a pass of batches, a batch of verbs.
 *
 * Each level is before / body / after / cleanup. What a level's events and body answer (socle_flow) ends that
 * level when it names it, and travels on to the enclosing level when it names that one or is a failure. Nothing
 * here waits for the device. */
#include "learner.h"

#include <stddef.h>
#include <socle/sys/memory.h>

#define EVENT(name) offsetof(socle_callback, name)
#define VERB(name)  offsetof(socle_loop, name)

enum { NO_EVENT = 0 }; /* offset 0 is the callback's name */

/* ---- the five verbs ---- */

/* No tensor means a failed ctx; a user's function may also have forgotten to say so. */
static socle_flow gave(const socle_learner *l, const socle_tensor *t, const char *what)
{
    if (t || socle_ctx_status(l->ctx) != SOCLE_OK)
        return 0; /* whoever runs the verbs looks at the ctx */
    return (socle_flow)socle_fail(SOCLE_ERR_USER, "learner: the %s gave no tensor", what);
}

static socle_flow predict(socle_learner *l, void *user)
{
    (void)user;
    l->pred = socle_forward(l->model, l->ctx, l->batch.x);
    return gave(l, l->pred, "model");
}

static socle_flow get_loss(socle_learner *l, void *user)
{
    (void)user;
    l->loss = l->loss_fn.fn(l->ctx, l->pred, l->batch.y, SOCLE_MEAN, l->loss_fn.user);
    return gave(l, l->loss, "loss function");
}

static socle_flow backward(socle_learner *l, void *user)
{
    (void)user;
    return socle_backward(l->ctx, l->loss);
}

static socle_flow step(socle_learner *l, void *user)
{
    (void)user;
    return socle_optimizer_step(l->opt, l->ctx);
}

static socle_flow zero_grad(socle_learner *l, void *user)
{
    (void)user;
    socle_optimizer_zero_grad(l->opt);
    return 0;
}

const socle_loop default_loop = { predict, get_loss, backward, step, zero_grad };

/* ---- a batch ---- */

typedef struct stage {
    size_t verb, event;
    bool train_only;
} stage;
static const stage stages[] = {
    { VERB(predict), EVENT(after_predict), false },
    { VERB(get_loss), EVENT(after_loss), false },
    { VERB(backward), EVENT(after_backward), true },
    { VERB(step), EVENT(after_step), true },
    { VERB(zero_grad), NO_EVENT, true },
};

/* A failed op makes every later one return NULL at once: whoever answered 0, the batch has failed. */
static socle_flow with_ctx(const socle_learner *l, socle_flow f)
{
    return f >= 0 && socle_ctx_status(l->ctx) != SOCLE_OK ? (socle_flow)socle_ctx_status(l->ctx) : f;
}

static socle_flow run_verb(socle_learner *l, size_t verb)
{
    socle_event f = *(const socle_event *)(const void *)((const char *)&l->loop + verb);
    return with_ctx(l, f(l, NULL));
}

static socle_flow event(socle_learner *l, size_t which)
{
    return with_ctx(l, emit(l, which));
}

/* The first failure's message is kept for the end of the fit. */
static socle_flow note(socle_learner *l, socle_flow f)
{
    if (f < 0 && l->status == SOCLE_OK) {
        l->status = (socle_status)f;
        keep_error(((learner *)l)->fail_text);
    }
    return f;
}

/* Ends a level: its cleanup events run, and `own` (the cancellation that names this level, or a narrower one)
 * stops here. */
static socle_flow clean_up(socle_learner *l, socle_flow f, size_t cleanup, socle_flow own)
{
    (void)note(l, f);
    f = note(l, worse_flow(f, emit_all(l, cleanup)));
    return f > 0 && f <= own ? 0 : f;
}

/* A cancellation of something narrower than the level it was answered in ends nothing. */
static socle_flow at_level(socle_flow f, socle_flow own)
{
    return f > 0 && f < own ? 0 : f;
}

static socle_flow one_batch(socle_learner *l)
{
    socle_flow f = event(l, EVENT(before_batch));
    for (size_t i = 0; !f && i < sizeof stages / sizeof *stages; i++) {
        if (stages[i].train_only && !l->training)
            continue;
        f = run_verb(l, stages[i].verb);
        if (!f && stages[i].event != NO_EVENT)
            f = event(l, stages[i].event);
    }
    if (!f)
        f = event(l, EVENT(after_batch));
    return clean_up(l, f, EVENT(cleanup_batch), SOCLE_CANCEL_BATCH);
}

/* ---- a pass ---- */

static void forget_batch(socle_learner *l)
{
    l->batch = (socle_batch){ 0 };
    l->pred = l->loss = NULL;
}

static double position(const socle_learner *l)
{
    return ((double)l->epoch * (double)l->n_batches + (double)l->batch_index) /
           ((double)l->n_batches * l->n_epochs);
}

static socle_flow dry_batches(socle_learner *l)
{
    socle_flow f = 0;
    for (; !f && l->batch_index < l->n_batches; l->batch_index++) {
        l->pos = position(l);
        f = event(l, EVENT(before_batch));
        if (!f)
            f = event(l, EVENT(after_batch));
        f = clean_up(l, f, EVENT(cleanup_batch), SOCLE_CANCEL_BATCH);
    }
    return f;
}

/* The batches of a pass, each in a scope of its own. */
static socle_flow all_batches(socle_learner *l, socle_loader *loader)
{
    socle_flow f = socle_loader_begin(loader, l->epochs_done);
    if (f == 0 && l->training)
        l->epochs_done++;
    while (!f) {
        socle_scope scope = socle_scope_begin(l->ctx);
        int got = socle_loader_next(loader, l->ctx, &l->batch);
        if (got > 0) {
            if (l->training)
                l->pos = position(l);
            f = one_batch(l);
            l->batch_index++;
        }
        forget_batch(l);
        (void)socle_scope_end(l->ctx, scope, NULL);
        if (got <= 0) {
            f = got;
            break;
        }
    }
    (void)note(l, f);
    socle_loader_end(loader);
    return f;
}

static socle_flow one_pass(socle_learner *l, socle_loader *loader, bool training)
{
    l->training = training;
    l->n_batches = socle_loader_batches(loader);
    l->batch_index = 0;
    (void)socle_ctx_set_training(l->ctx, training);
    (void)socle_ctx_set_grad(l->ctx, training);
    socle_flow f = at_level(event(l, EVENT(before_epoch)), SOCLE_CANCEL_EPOCH);
    if (!f)
        f = ((const learner *)l)->dry ? dry_batches(l) : all_batches(l, loader);
    if (!f && training)
        l->pos = (double)(l->epoch + 1) / l->n_epochs;
    if (!f)
        f = at_level(event(l, EVENT(after_epoch)), SOCLE_CANCEL_EPOCH);
    return clean_up(l, f, EVENT(cleanup_epoch), SOCLE_CANCEL_EPOCH);
}

/* ---- a fit ---- */

static socle_flow all_epochs(socle_learner *l, socle_fit_desc o)
{
    socle_flow f = at_level(event(l, EVENT(before_fit)), SOCLE_CANCEL_FIT);
    for (int epoch = 0; !f && epoch < l->n_epochs; epoch++) {
        l->epoch = epoch;
        if (!o.no_train)
            f = one_pass(l, l->data->train, true);
        if (!f && !o.no_valid && l->data->valid && socle_loader_samples(l->data->valid) > 0)
            f = one_pass(l, l->data->valid, false);
    }
    if (!f)
        f = at_level(event(l, EVENT(after_fit)), SOCLE_CANCEL_FIT);
    return clean_up(l, f, EVENT(cleanup_fit), SOCLE_CANCEL_FIT);
}

/* A new optimizer of the same rule, groups, limits and hyper-parameters, without memory. */
static socle_status reset_optimizer(learner *p)
{
    socle_learner *l = &p->open;
    int groups = socle_optimizer_groups(l->opt);
    socle_optimizer *fresh = socle_optimizer_new(p->rule, l->model, p->group_of, p->group_user);
    if (!fresh)
        return socle_error_status();
    socle_status s = socle_optimizer_groups(fresh) == groups ? SOCLE_OK : SOCLE_ERR_UNSUPPORTED;
    if (s != SOCLE_OK)
        (void)socle_fail(s, "fit: an optimizer of %d groups cannot be reset, only made anew", groups);
    for (int i = 0; i < groups && s == SOCLE_OK; i++)
        for (int h = 0; h < SOCLE_HYPER_MAX; h++)
            (void)socle_hyper_set(fresh, i, h, socle_hyper_get(l->opt, i, h));
    if (s == SOCLE_OK)
        s = socle_optimizer_set_clip(fresh, socle_optimizer_clip(l->opt));
    if (s != SOCLE_OK) {
        socle_optimizer_free(fresh);
        return s;
    }
    socle_optimizer_free(l->opt);
    l->opt = fresh;
    return SOCLE_OK;
}

static socle_status prepare(learner *p, socle_fit_desc o)
{
    socle_learner *l = &p->open;
    if (p->fitting)
        return socle_fail(SOCLE_ERR_STATE, "fit: called from inside a fit of the same learner");
    if (p->add_status != SOCLE_OK)
        return socle_fail(p->add_status, "%s", p->add_text);
    if (o.epochs < 1)
        return socle_fail(SOCLE_ERR_ARG, "fit: %d epochs, at least 1 is needed", o.epochs);
    if (!(o.lr >= 0))
        return socle_fail(SOCLE_ERR_ARG, "fit: a learning rate of %g", o.lr);
    if (!o.no_train && !l->data->train)
        return socle_fail(SOCLE_ERR_ARG, "fit: there is no training data");
    if (!o.no_train && socle_loader_samples(l->data->train) == 0)
        return socle_fail(SOCLE_ERR_ARG, "fit: there is no sample in the training data");
    socle_status s = o.reset_opt ? reset_optimizer(p) : SOCLE_OK;
    if (s == SOCLE_OK && o.lr > 0)
        s = socle_hyper_set(l->opt, -1, SOCLE_LR, (float)o.lr);
    return s;
}

static socle_status fit(learner *p, socle_fit_desc o)
{
    socle_learner *l = &p->open;
    socle_status s = prepare(p, o);
    if (s != SOCLE_OK)
        return s;

    /* Whatever callbacks hang into the loop comes out again with the fit. */
    const socle_loop loop = l->loop;
    void (*log)(socle_learner *, int, const char *const *, const double *) = l->log;
    void *log_user = l->log_user;
    bool trained = socle_ctx_training(l->ctx), recorded = socle_ctx_grad(l->ctx);

    socle_ctx_clear(l->ctx);
    l->status = SOCLE_OK;
    l->n_epochs = o.epochs;
    l->lr = (float)o.lr;
    l->epoch = 0;
    l->pos = 0;
    p->n_active = p->n_callbacks;
    p->fitting = true;
    (void)all_epochs(l, o);
    p->fitting = false;
    sort_callbacks(p);
    socle_ctx_clear(l->ctx);
    (void)socle_ctx_set_training(l->ctx, trained);
    (void)socle_ctx_set_grad(l->ctx, recorded);
    l->loop = loop;
    l->log = log;
    l->log_user = log_user;
    return l->status == SOCLE_OK ? SOCLE_OK : socle_fail(l->status, "%s", p->fail_text);
}

/* Training passes only, and the hyper-parameters are afterwards what they were. */
static socle_status dry_fit(learner *p, socle_fit_desc o)
{
    socle_optimizer *opt = p->open.opt;
    int groups = socle_optimizer_groups(opt);
    socle_hypers *kept = socle_mem_alloc((size_t)groups * sizeof *kept);
    if (!kept)
        return SOCLE_ERR_NOMEM;
    for (int g = 0; g < groups; g++)
        for (int h = 0; h < SOCLE_HYPER_MAX; h++)
            kept[g].v[h] = socle_hyper_get(opt, g, h);
    o.no_valid = true;
    o.reset_opt = false;
    socle_status s = fit(p, o);
    for (int g = 0; g < groups; g++)
        for (int h = 0; h < SOCLE_HYPER_MAX; h++)
            (void)socle_hyper_set(opt, g, h, kept[g].v[h]);
    socle_mem_free(kept);
    return s;
}

socle_status socle_fit_with(socle_learner *l, socle_fit_desc o)
{
    if (!l)
        return socle_error_status() ? socle_error_status() : socle_fail(SOCLE_ERR_ARG, "fit: there is no learner");
    learner *p = (learner *)l;
    return p->dry ? dry_fit(p, o) : fit(p, o);
}

socle_status socle_fit(socle_learner *l, int epochs, double lr)
{
    return socle_fit_with(l, (socle_fit_desc){ .epochs = epochs, .lr = lr });
}

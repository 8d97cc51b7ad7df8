/* Callbacks around the optimizer's step: limits of gradients, steps of several batches, averages of weights. */
#include <socle/callbacks.h>
#include <socle/sys/memory.h>
#include "learner.h"

/* ---- limits of gradients ---- */

typedef struct clipper {
    socle_clip clip, before; /* before: the fit */
    bool set;
} clipper;

static socle_flow clip_before_fit(socle_learner *l, void *user)
{
    clipper *p = user;
    p->before = socle_optimizer_clip(l->opt);
    socle_status s = socle_optimizer_set_clip(l->opt, p->clip);
    p->set = s == SOCLE_OK;
    return (socle_flow)s;
}

static socle_flow clip_cleanup_fit(socle_learner *l, void *user)
{
    clipper *p = user;
    bool set = p->set;
    p->set = false;
    return set ? (socle_flow)socle_optimizer_set_clip(l->opt, p->before) : 0;
}

socle_callback socle_cb_clip(socle_clip clip)
{
    clipper *p = socle_mem_alloc(sizeof *p);
    if (!p)
        return (socle_callback){ 0 };
    *p = (clipper){ .clip = clip };
    return (socle_callback){ .name = "clip",
                             .user = p,
                             .drop = socle_mem_free,
                             .before_fit = clip_before_fit,
                             .cleanup_fit = clip_cleanup_fit };
}

/* ---- steps of several batches ---- */

/* Gradients of sums over samples are added up; before the step they become those of the mean over all of them. */
typedef struct accumulator {
    int batches, seen;
    size_t samples;
    socle_event step, zero_grad; /* the learner's own, which run after the last batch of a step */
} accumulator;

static socle_flow backward_of_sum(socle_learner *l, void *user)
{
    (void)user;
    return socle_backward(l->ctx, socle_scale(l->ctx, l->loss, (double)l->batch.size, 0));
}

static socle_flow nothing(socle_learner *l, void *user)
{
    (void)l, (void)user;
    return 0;
}

static socle_flow accumulate_before_fit(socle_learner *l, void *user)
{
    accumulator *a = user;
    if (l->loop.backward != default_loop.backward)
        return (socle_flow)socle_fail(SOCLE_ERR_STATE,
                                      "accumulate: another callback has replaced the backward pass");
    a->step = l->loop.step;
    a->zero_grad = l->loop.zero_grad;
    l->loop.backward = backward_of_sum;
    return 0;
}

static socle_flow accumulate_before_epoch(socle_learner *l, void *user)
{
    accumulator *a = user;
    a->seen = 0;
    a->samples = 0;
    if (l->training)
        socle_optimizer_zero_grad(l->opt);
    return 0;
}

static socle_flow accumulate_after_backward(socle_learner *l, void *user)
{
    accumulator *a = user;
    a->seen++;
    a->samples += l->batch.size;
    bool due = a->seen >= a->batches || l->batch_index + 1 >= l->n_batches;
    l->loop.step = due ? a->step : nothing;
    l->loop.zero_grad = due ? a->zero_grad : nothing;
    if (!due)
        return 0;
    double samples = (double)a->samples;
    a->seen = 0;
    a->samples = 0;
    return (socle_flow)socle_optimizer_scale_grads(l->opt, 1 / samples);
}

socle_callback socle_cb_accumulate(int batches)
{
    if (batches < 1) {
        (void)socle_fail(SOCLE_ERR_ARG, "accumulate: steps of %d batches, at least 1 is needed", batches);
        return (socle_callback){ 0 };
    }
    accumulator *a = socle_mem_zeroed(1, sizeof *a);
    if (!a)
        return (socle_callback){ 0 };
    a->batches = batches;
    return (socle_callback){ .name = "accumulate",
                             .order = -1,
                             .user = a,
                             .drop = socle_mem_free,
                             .before_fit = accumulate_before_fit,
                             .before_epoch = accumulate_before_epoch,
                             .after_backward = accumulate_after_backward };
}

/* ---- averages of weights ---- */

typedef struct averager {
    socle_ema *ema;
    uint64_t steps; /* of the optimizer, when the averages were updated last */
} averager;

static socle_flow average_before_fit(socle_learner *l, void *user)
{
    averager *a = user;
    a->steps = socle_optimizer_steps(l->opt);
    return (socle_flow)(socle_ema_swapped(a->ema) ? socle_ema_swap(a->ema) : SOCLE_OK);
}

/* Where several batches make a step, most of these events come without one. */
static socle_flow average_after_step(socle_learner *l, void *user)
{
    averager *a = user;
    uint64_t steps = socle_optimizer_steps(l->opt);
    if (steps == a->steps)
        return 0;
    a->steps = steps;
    return (socle_flow)socle_ema_update(a->ema);
}

static socle_flow average_before_epoch(socle_learner *l, void *user)
{
    averager *a = user;
    return l->training ? 0 : (socle_flow)socle_ema_swap(a->ema);
}

static socle_flow average_cleanup_epoch(socle_learner *l, void *user)
{
    averager *a = user;
    return !l->training && socle_ema_swapped(a->ema) ? (socle_flow)socle_ema_swap(a->ema) : 0;
}

socle_callback socle_cb_ema(socle_ema *e)
{
    averager *a = e ? socle_mem_zeroed(1, sizeof *a) : NULL;
    if (!a) {
        if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "ema: none was given");
        return (socle_callback){ 0 };
    }
    a->ema = e;
    return (socle_callback){ .name = "ema",
                             .no_rehearsal = true,
                             .user = a,
                             .drop = socle_mem_free,
                             .before_fit = average_before_fit,
                             .before_epoch = average_before_epoch,
                             .after_step = average_after_step,
                             .cleanup_epoch = average_cleanup_epoch };
}

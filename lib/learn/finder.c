/* The learning-rate finder: a callback in a rehearsal, and what its steps change, kept and put back. */
#include <socle/finder.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <socle/sys/memory.h>
#include "rehearsal.h"
#include "suggest.h"

/* ---- the steps ---- */

typedef struct finder {
    socle_lr_find_desc o;
    float *lr, *loss;
    size_t n, cap_lr, cap_loss;
    double average, smallest;
} finder;

static double rate_at(const socle_lr_find_desc *o, size_t step)
{
    if (o->max_iter > 0)
        return o->start * pow(o->end / o->start, (double)step / o->max_iter);
    return o->start * pow(o->gamma, (double)step);
}

static socle_flow before_batch(socle_learner *l, void *user)
{
    const finder *f = user;
    double rate = rate_at(&f->o, f->n);
    if (!(rate <= (double)FLT_MAX))
        return SOCLE_CANCEL_FIT;
    return (socle_flow)socle_hyper_set(l->opt, -1, SOCLE_LR, (float)rate);
}

static bool make_room(finder *f)
{
    float *lr = socle_mem_grow(f->lr, &f->cap_lr, f->n + 1, sizeof *lr);
    f->lr = lr ? lr : f->lr;
    float *loss = lr ? socle_mem_grow(f->loss, &f->cap_loss, f->n + 1, sizeof *loss) : NULL;
    f->loss = loss ? loss : f->loss;
    return loss != NULL;
}

/* The running average without the weight of its start at 0. */
static double smoothed(finder *f, double loss)
{
    f->average = f->o.smooth * f->average + (1 - f->o.smooth) * loss;
    return f->average / (1 - pow(f->o.smooth, (double)f->n + 1));
}

static socle_flow after_batch(socle_learner *l, void *user)
{
    finder *f = user;
    double loss;
    socle_status s = make_room(f) ? socle_item(l->loss, &loss) : SOCLE_ERR_NOMEM;
    if (s != SOCLE_OK)
        return (socle_flow)s;
    loss = smoothed(f, loss);
    f->lr[f->n] = (float)rate_at(&f->o, f->n);
    f->loss[f->n++] = (float)loss;
    if (f->n == 1 || loss < f->smallest)
        f->smallest = loss;
    bool last = f->o.max_iter > 0 && f->n > (size_t)f->o.max_iter;
    return last || isnan(loss) || loss > f->smallest * f->o.max_mult ? SOCLE_CANCEL_FIT : 0;
}

/* ---- what is put back ---- */

typedef struct before {
    socle_snapshot *model;
    socle_optimizer_state *opt;
} before;

static socle_status keep(before *b, const socle_learner *l)
{
    b->model = socle_module_snapshot(l->model);
    b->opt = b->model ? socle_optimizer_snapshot(l->opt) : NULL;
    return b->opt ? SOCLE_OK : socle_error_status();
}

static socle_status put_back(const before *b, socle_learner *l)
{
    socle_optimizer_zero_grad(l->opt);
    socle_status s = socle_module_restore(l->model, b->model);
    socle_status t = socle_optimizer_restore(l->opt, b->opt);
    return s != SOCLE_OK ? s : t;
}

static void forget(before *b)
{
    socle_snapshot_free(b->model);
    socle_optimizer_state_free(b->opt);
}

/* ---- the whole ---- */

static socle_lr_find_desc with_defaults(socle_lr_find_desc o)
{
    bool steps = o.max_iter > 0;
    o.start = o.start != 0 ? o.start : steps ? 1e-6 : 1e-5;
    o.gamma = o.gamma != 0 ? o.gamma : 1.3;
    o.max_epochs = o.max_epochs ? o.max_epochs : 10;
    o.end = o.end != 0 ? o.end : 10;
    o.max_mult = o.max_mult != 0 ? o.max_mult : steps ? 10 : 3;
    return o;
}

static socle_status check(const socle_learner *l, const socle_lr_find_desc *o, const socle_lr_curve *curve)
{
    if (!l)
        return socle_error_status() ? socle_error_status()
                                    : socle_fail(SOCLE_ERR_ARG, "lr_find: there is no learner");
    if (!curve)
        return socle_fail(SOCLE_ERR_ARG, "lr_find: there is nowhere to put the curve");
    if (((const learner *)l)->fitting)
        return socle_fail(SOCLE_ERR_STATE, "lr_find: called from inside a fit of the same learner");
    if (!(o->start > 0) || !isfinite(o->start) || !(o->gamma > 1) || !isfinite(o->gamma) || o->max_epochs < 0)
        return socle_fail(SOCLE_ERR_ARG, "lr_find: from %g on, times %g a step, for %d epochs", o->start, o->gamma,
                          o->max_epochs);
    if (o->max_iter < 0 || (o->max_iter > 0 && !(o->end > o->start && isfinite(o->end))))
        return socle_fail(SOCLE_ERR_ARG, "lr_find: from %g to %g in %d steps", o->start, o->end, o->max_iter);
    if (!(o->max_mult > 1) || !(o->smooth >= 0 && o->smooth < 1))
        return socle_fail(SOCLE_ERR_ARG, "lr_find: a loss of %g times the smallest, smoothed by %g", o->max_mult,
                          o->smooth);
    if (!l->data->train || socle_loader_batches(l->data->train) == 0)
        return socle_fail(SOCLE_ERR_ARG, "lr_find: there is no training data");
    return SOCLE_OK;
}

static int epochs_of(const socle_learner *l, const socle_lr_find_desc *o)
{
    size_t batches = socle_loader_batches(l->data->train);
    if (o->max_iter == 0)
        return o->max_epochs;
    size_t epochs = (size_t)o->max_iter / batches + 1;
    return epochs < INT_MAX ? (int)epochs : INT_MAX;
}

/* With the finder as the last of the callbacks, so that no other has the last word on the rate. */
static socle_status run(socle_learner *l, finder *f)
{
    socle_callback cb = {
        .name = "lr find", .order = INT_MAX, .user = f, .before_batch = before_batch, .after_batch = after_batch
    };
    return rehearse(l, cb, (socle_fit_desc){ .epochs = epochs_of(l, &f->o), .no_valid = true });
}

socle_status socle_lr_find(socle_learner *l, socle_lr_find_desc o, socle_lr_curve *curve)
{
    finder f = { .o = with_defaults(o) };
    before b = { 0 };
    socle_status s = check(l, &f.o, curve);
    if (s != SOCLE_OK)
        return s;
    s = keep(&b, l);
    if (s == SOCLE_OK) {
        char text[512];
        s = run(l, &f);
        keep_error(text);
        socle_status back = put_back(&b, l);
        if (s != SOCLE_OK)
            (void)socle_fail(s, "%s", text); /* the first failure is the one to tell */
        s = s != SOCLE_OK ? s : back;
    }
    forget(&b);
    if (s != SOCLE_OK) {
        socle_mem_free(f.lr);
        socle_mem_free(f.loss);
        return s;
    }
    size_t lowest = suggest_lowest(f.loss, f.n);
    *curve = (socle_lr_curve){ .n = f.n,
                               .lr = f.lr,
                               .loss = f.loss,
                               .steep = suggest_steep(f.lr, f.loss, f.n),
                               .tenth = lowest < f.n ? (double)f.lr[lowest] / 10 : (double)NAN };
    return SOCLE_OK;
}

void socle_lr_curve_free(socle_lr_curve *c)
{
    if (!c)
        return;
    socle_mem_free(c->lr);
    socle_mem_free(c->loss);
    *c = (socle_lr_curve){ 0 };
}

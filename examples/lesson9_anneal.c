/* Lesson 9, the notebooks 05 and 05b: hyper-parameters that change while a network trains. */
#include <socle/socle.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "inspect.h"
#include "lesson9.h"

/* ---- annealing: schedules, and callbacks that follow and record them ---- */

/* A schedule gives a hyper-parameter for a position in [0, 1] of the training. Four shapes; and several of them
 * end to end, as a cosine up over 30% and a cosine down over the rest. ParamScheduler sets the value before each
 * training batch, Recorder keeps it and the loss. In batches of 512 the notebook's third epoch comes to .9397 at
 * rate 0.5, .9218 at 0.3, .9400 along the cosines. */

static const double pi = 3.14159265358979323846;

static double sched_no(double start, double end, double pos)
{
    (void)end, (void)pos;
    return start;
}

static double sched_lin(double start, double end, double pos)
{
    return start + pos * (end - start);
}

static double sched_cos(double start, double end, double pos)
{
    return start + (1 + cos(pi * (1 - pos))) * (end - start) / 2;
}

static double sched_exp(double start, double end, double pos)
{
    return start * pow(end / start, pos);
}

/* 0.3 to 0.6 and on to 0.2, times *user: combine_scheds. */
static double up_and_down(double pos, void *user)
{
    double lr = pos < 0.3 ? sched_cos(0.3, 0.6, pos / 0.3) : sched_cos(0.6, 0.2, (pos - 0.3) / 0.7);
    return lr * *(double *)user;
}

static socle_flow param_scheduler(socle_learner *l, void *user)
{
    return l->training ? (socle_flow)socle_hyper_set(l->opt, -1, SOCLE_LR, (float)up_and_down(l->pos, user)) : 0;
}

typedef struct recorder {
    size_t n, room;
    float *lr, *loss;
} recorder;

static socle_flow recorder_begin(socle_learner *l, void *user)
{
    recorder *r = user;
    *r = (recorder){ .room = (size_t)l->n_epochs * socle_loader_batches(l->data->train) };
    r->lr = malloc(2 * r->room * sizeof *r->lr + 1);
    r->loss = r->lr + r->room;
    return r->lr ? 0 : (socle_flow)socle_fail(SOCLE_ERR_NOMEM, "no memory for %zu losses", r->room);
}

static socle_flow recorder_add(socle_learner *l, void *user)
{
    recorder *r = user;
    if (l->training && r->n < r->room) {
        r->lr[r->n] = socle_hyper_get(l->opt, 0, SOCLE_LR);
        r->loss[r->n++] = (float)item(l->ctx, l->loss);
    }
    return 0;
}

static socle_callback recorder_callback(recorder *r)
{
    return (
        socle_callback){ .name = "recorder", .user = r, .before_fit = recorder_begin, .after_loss = recorder_add };
}

static socle_status draw_annealers(lesson *l)
{
    static const struct {
        const char *name;
        double (*f)(double start, double end, double pos);
    } form[] = { { "no", sched_no }, { "linear", sched_lin }, { "cos", sched_cos }, { "exp", sched_exp } };
    float y[4][101], x[101];
    socle_series series[4];
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k <= 100; k++) {
            x[k] = (float)k / 100;
            y[i][k] = (float)form[i].f(2, 0.01, (double)k / 100);
        }
        series[i] = (socle_series){ .name = form[i].name, .x = x, .y = y[i], .n = 101 };
        printf("from 2 to 0.01, %-6s: %.4f at 0.3, %.4f at 0.5\n", form[i].name, (double)y[i][30],
               (double)y[i][50]);
    }
    double one = 1;
    socle_figure *f = socle_figure_new((socle_figure_desc){ .columns = 2 });
    socle_figure_lines(f, (socle_lines_desc){ .title = "annealing", .series = series, .n_series = 4 });
    socle_plot_function(f, up_and_down, &one, 0, 1, "two cosines");
    return show_figure(&l->o, f, "annealing.png");
}

socle_status step_annealing(lesson *l, socle_ctx *c)
{
    (void)c;
    socle_data *data = batches(l, batch_of(l, 512));
    static const struct {
        const char *name;
        double lr;
        bool scheduled;
    } way[] = { { "lr 0.5", 0.5, false },
                { "lr 0.3", 0.3, false },
                { "lr 0.3, 0.6, 0.2 along cosines", 0.3, true } };
    recorder r = { 0 };
    double one = 1;
    socle_status s = draw_annealers(l);
    for (int i = 0; i < 3 && s == SOCLE_OK; i++) {
        puts(way[i].name);
        free(r.lr);
        r = (recorder){ 0 };
        avg_stats a;
        socle_learner *learn = learner(l, data);
        socle_learner_add(learn, avg_stats_callback(&a));
        socle_learner_add(learn, recorder_callback(&r));
        if (way[i].scheduled)
            socle_learner_add(
                learn,
                (socle_callback){ .name = "sched", .order = 1, .user = &one, .before_batch = param_scheduler });
        s = socle_fit(learn, epochs_of(l, 3), way[i].lr);
        socle_learner_free(learn);
    }
    if (s == SOCLE_OK) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ .columns = 2 });
        socle_plot_rates(f, (socle_plot_table){ .values = r.lr, .rows = 1, .n = r.n });
        socle_plot_losses(f, (socle_plot_losses_desc){ .train = r.loss, .n = r.n });
        s = show_figure(&l->o, f, "recorder.png");
    }
    free(r.lr);
    socle_data_free(data);
    return s;
}

/* ---- finder: a learning rate from one look ---- */

/* LR_Find lets the rate grow from batch to batch by equal factors, from 1e-6 to 10 in a hundred steps, and cancels
 * the fit when the loss is ten times its best. A rate where the loss falls steeply is a good one. It trains the
 * model it looks at, so that is put back; the library's finder puts back everything. */

typedef struct lr_find {
    int n;
    double best;
} lr_find;

static socle_flow lr_find_set(socle_learner *l, void *user)
{
    const lr_find *f = user;
    return (socle_flow)socle_hyper_set(l->opt, -1, SOCLE_LR, (float)(1e-6 * pow(10 / 1e-6, f->n / 100.0)));
}

static socle_flow lr_find_judge(socle_learner *l, void *user)
{
    lr_find *f = user;
    double loss = item(l->ctx, l->loss);
    if (f->n++ >= 100 || loss > 10 * f->best)
        return SOCLE_CANCEL_FIT;
    f->best = fmin(f->best, loss);
    return 0;
}

socle_status step_finder(lesson *l, socle_ctx *c)
{
    (void)c;
    socle_data *data = batches(l, batch_of(l, 512));
    socle_learner *learn = learner(l, data);
    socle_snapshot *before = learn ? socle_module_snapshot(learn->model) : NULL;
    lr_find find = { .best = 1e9 };
    recorder r = { 0 };
    socle_lr_curve curve = { 0 };
    socle_status s =
        before ? socle_lr_find(learn, (socle_lr_find_desc){ .max_iter = 100 }, &curve) : socle_error_status();
    if (s == SOCLE_OK) {
        socle_learner_add(learn, recorder_callback(&r));
        socle_learner_add(learn, (socle_callback){ .name = "lr_find",
                                                   .order = 1,
                                                   .user = &find,
                                                   .before_batch = lr_find_set,
                                                   .after_step = lr_find_judge });
        s = socle_fit_with(learn, (socle_fit_desc){ .epochs = 100, .no_valid = true });
    }
    if (s == SOCLE_OK)
        s = socle_module_restore(learn->model, before);
    if (s == SOCLE_OK && r.n > 0) {
        size_t last = r.n - 1, theirs = curve.n - 1;
        printf("LR_Find:     %zu steps, the last with rate %.4f and loss %.4f\n", r.n, (double)r.lr[last],
               (double)r.loss[last]);
        printf("the library: %zu steps, the last with rate %.4f and loss %.4f\n", curve.n, (double)curve.lr[theirs],
               (double)curve.loss[theirs]);
        printf("the loss falls fastest at rate %.3f\n", curve.steep);
        socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
        socle_plot_lr_find(f, r.lr, r.loss, r.n > 5 ? r.n - 5 : r.n, curve.steep);
        s = show_figure(&l->o, f, "lr_find.png");
    }
    socle_lr_curve_free(&curve);
    free(r.lr);
    socle_snapshot_free(before);
    socle_learner_free(learn);
    socle_data_free(data);
    return s;
}

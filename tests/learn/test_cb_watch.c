/* Early stopping and keeping the best model, by what a script says the metric was. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/sys/test.h>
#include "tiny.h"

/* Logs values[epoch] as "score" after each evaluation, and the weights' sum of that time. */
typedef struct script {
    const double *values;
    int epochs; /* that ran */
    double sum[8];
} script;

static int add_up(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    double w[TINY_IN * TINY_CLASSES];
    size_t n = (size_t)socle_numel(t);
    cr_assert_eq(socle_read(t, w, n * sizeof *w), SOCLE_OK);
    for (size_t i = 0; i < n; i++)
        *(double *)user += w[i] * (double)(i + 1);
    return 0;
}

static double sum_of(socle_learner *l)
{
    double sum = 0;
    (void)socle_module_each_param(l->model, add_up, &sum);
    return sum;
}

static socle_flow report(socle_learner *l, void *user)
{
    script *s = user;
    const char *name[] = { "other", "score" };
    if (l->training)
        return 0;
    s->epochs = l->epoch + 1;
    s->sum[l->epoch] = sum_of(l);
    l->log(l, 2, name, (const double[]){ -100, s->values[l->epoch] });
    return 0;
}

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
    script script;
} setup;

static void set_up(setup *s, const double *values)
{
    *s = (setup){ .d = socle_device_open("ref64", (socle_device_desc){ 0 }), .script.values = values };
    s->data = tiny_data(s->d, 8, 8);
    s->l = tiny_learner(s->d, s->data);
    cr_assert_not_null(s->l, "%s", socle_error());
    socle_learner_add(s->l, (socle_callback){ .name = "script", .user = &s->script, .after_epoch = report });
}

static void tear_down(setup *s)
{
    socle_learner_free(s->l);
    socle_data_free(s->data);
    socle_device_close(s->d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

static int epochs_run(const double *values, socle_watch_desc o)
{
    setup s;
    set_up(&s, values);
    o.metric = "score";
    socle_learner_add(s.l, socle_cb_early_stop(o));
    cr_assert_eq(socle_fit(s.l, 8, 0.1), SOCLE_OK, "%s", socle_error());
    int epochs = s.script.epochs;
    tear_down(&s);
    return epochs;
}

Test(early_stop, waits_as_long_as_it_was_told_after_the_last_improvement)
{
    const double falls[] = { 5, 4, 4, 3, 6, 7, 2, 1 };
    cr_assert_eq(epochs_run(falls, (socle_watch_desc){ .patience = 2 }), 6);
    cr_assert_eq(epochs_run(falls, (socle_watch_desc){ .patience = 1 }), 3);
    cr_assert_eq(epochs_run(falls, (socle_watch_desc){ 0 }), 8);
    cr_assert_eq(epochs_run(falls, (socle_watch_desc){ .patience = 2, .min_delta = 1 }), 3);
    cr_assert_eq(epochs_run(falls, (socle_watch_desc){ .patience = 2, .higher = true }), 3);
}

Test(early_stop, a_number_that_is_none_is_no_improvement)
{
    const double broken[] = { (double)NAN, 4, (double)NAN, (double)NAN, 1, 1, 1, 1 };
    cr_assert_eq(epochs_run(broken, (socle_watch_desc){ .patience = 2 }), 4);
}

Test(early_stop, the_loss_is_what_it_goes_by_unless_told)
{
    setup s;
    const double values[8] = { 0 };
    set_up(&s, values);
    socle_learner_add(s.l, socle_cb_metrics(NULL, 0));
    socle_learner_add(s.l, socle_cb_early_stop((socle_watch_desc){ .patience = 1, .min_delta = 1000 }));
    cr_assert_eq(socle_fit(s.l, 8, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(s.script.epochs, 2);
    tear_down(&s);
}

Test(early_stop, a_metric_that_nobody_logs_is_an_error)
{
    setup s;
    const double values[8] = { 0 };
    set_up(&s, values);
    socle_learner_add(s.l, socle_cb_early_stop((socle_watch_desc){ .metric = "accuracy" }));
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "early stop: nothing called accuracy was logged; the metrics callback logs");
    tear_down(&s);
}

Test(keep_best, the_model_of_the_best_epoch_is_what_a_fit_leaves)
{
    setup s;
    const double values[] = { 3, 9, 1, 9, 5, 0, 0, 0 };
    set_up(&s, values);
    socle_recorder *r = socle_recorder_new();
    socle_learner_add(s.l, socle_cb_keep_best((socle_watch_desc){ .metric = "score", .higher = true }));
    socle_learner_add(s.l, socle_cb_recorder(r));
    cr_assert_eq(socle_fit(s.l, 5, 0.5), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(s.script.epochs, 5);
    cr_assert_neq(s.script.sum[1], s.script.sum[4]);
    cr_assert_eq(sum_of(s.l), s.script.sum[1]);
    cr_assert_eq(socle_recorder_value(r, "score", -1), 5, "others hear what is logged too");
    socle_recorder_free(r);
    tear_down(&s);
}

Test(keep_best, with_early_stopping_the_best_is_kept_too)
{
    setup s;
    const double values[] = { 3, 2, 4, 4, 0, 0, 0, 0 };
    set_up(&s, values);
    socle_learner_add(s.l, socle_cb_early_stop((socle_watch_desc){ .metric = "score", .patience = 2 }));
    socle_learner_add(s.l, socle_cb_keep_best((socle_watch_desc){ .metric = "score" }));
    cr_assert_eq(socle_fit(s.l, 8, 0.5), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(s.script.epochs, 4);
    cr_assert_eq(sum_of(s.l), s.script.sum[1]);
    tear_down(&s);
}

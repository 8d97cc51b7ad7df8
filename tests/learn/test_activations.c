/* Hooks for the length of a fit, and the statistics of activations: what is recorded against what a hook that
 * reads every tensor finds, when, and what is left when fits end early. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/sys/test.h>
#include "tiny.h"

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
    socle_activations *a;
} setup;

static socle_module *net(socle_device *d)
{
    socle_module *m = socle_sequential_new(d);
    socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = TINY_IN, .out = 5, .act = SOCLE_ACT_RELU }));
    socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = 5, .out = TINY_CLASSES }));
    socle_append(m, socle_act_new(d, SOCLE_ACT_TANH, 0));
    return m;
}

static setup set_up(const char *spec, size_t n_train, size_t n_valid, socle_activations_desc o)
{
    setup s = { .d = socle_device_open(spec, (socle_device_desc){ 0 }), .a = socle_activations_new(o) };
    s.data = tiny_data(s.d, n_train, n_valid);
    s.l = socle_learner_new((socle_learner_desc){ .device = s.d, .model = net(s.d), .data = s.data });
    cr_assert_not_null(s.l, "%s", socle_error());
    cr_assert_not_null(s.a, "%s", socle_error());
    socle_learner_add(s.l, socle_cb_activations(s.a));
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_activations_free(s.a);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* ---- what a reading hook finds ---- */

enum { STEPS = 16, LAYERS = 2, BINS = 8 };
typedef struct tally {
    double mean, std;
    int count[BINS];
} tally;
typedef struct tallies {
    tally at[LAYERS][STEPS];
    size_t n[LAYERS];
    double low, width;
    bool both_signs;
} tallies;

static socle_tensor *tally_values(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                                  void *user)
{
    (void)m, (void)c, (void)in;
    tallies *all = user;
    tally *t = &all->at[index][all->n[index]++];
    double v[8 * 5];
    size_t n = (size_t)socle_numel(out);
    cr_assert_eq(socle_read(out, v, n * sizeof *v), SOCLE_OK, "%s", socle_error());
    for (size_t i = 0; i < n; i++)
        t->mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        t->std += (v[i] - t->mean) * (v[i] - t->mean) / (double)(n - 1);
        double place = floor(((all->both_signs ? v[i] : fabs(v[i])) - all->low) / all->width);
        if (place >= 0 && place < BINS)
            t->count[(int)place]++;
    }
    t->std = sqrt(t->std);
    return NULL;
}

static void expect_tallies(const socle_activations *a, const tallies *want)
{
    cr_assert_eq(socle_activations_layers(a), LAYERS);
    for (size_t i = 0; i < LAYERS; i++) {
        const float *mean, *std;
        const int32_t *count;
        cr_assert_eq(socle_activations_mean(a, i, &mean), want->n[i]);
        cr_assert_eq(socle_activations_std(a, i, &std), want->n[i]);
        cr_assert_eq(socle_activations_counts(a, i, &count), want->n[i]);
        for (size_t k = 0; k < want->n[i]; k++) {
            const tally *t = &want->at[i][k];
            cr_assert_float_eq(mean[k], t->mean, 1e-7, "layer %zu step %zu", i, k);
            cr_assert_float_eq(std[k], t->std, 1e-7, "layer %zu step %zu", i, k);
            for (int bin = 0; bin < BINS; bin++)
                cr_assert_eq(count[k * BINS + (size_t)bin], t->count[bin], "layer %zu step %zu bin %d", i, k, bin);
        }
    }
}

Test(activations, every_training_step_is_recorded_as_a_reading_hook_finds_it)
{
    static const bool signs[] = { false, true };
    for (int k = 0; k < 2; k++) {
        socle_activations_desc o = { .bins = BINS, .both_signs = signs[k], .low = signs[k] ? -1 : 0, .high = 1 };
        setup s = set_up("ref64", 14, 8, o);
        tallies want = { .low = o.low, .width = (o.high - o.low) / BINS, .both_signs = o.both_signs };
        socle_learner_add(s.l, socle_cb_hooks((socle_hooks_desc){ .f = tally_values, .user = &want }));
        cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK, "%s", socle_error());
        cr_assert_eq(want.n[0], 8, "two epochs of four batches, and no evaluation");
        expect_tallies(s.a, &want);
        cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
        cr_assert_eq(want.n[0], 12);
        expect_tallies(s.a, &want);
        tear_down(s);
    }
}

Test(activations, evaluation_passes_are_recorded_on_demand)
{
    setup s = set_up("ref64", 8, 8, (socle_activations_desc){ .bins = BINS, .high = 1, .on_valid = true });
    tallies want = { .width = 1.0 / BINS };
    socle_learner_add(s.l,
                      socle_cb_hooks((socle_hooks_desc){ .f = tally_values, .user = &want, .on_valid = true }));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(want.n[0], 3);
    expect_tallies(s.a, &want);
    tear_down(s);
}

Test(activations, defaults_are_those_of_fast_ai_and_layers_are_named)
{
    setup s = set_up("cpu", 8, 0, (socle_activations_desc){ 0 });
    cr_assert_eq(socle_activations_layers(s.a), 0);
    cr_assert_null(socle_activations_path(s.a, 0));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_activations_bins(s.a), 40);
    cr_assert_str_eq(socle_activations_path(s.a, 0), "0");
    cr_assert_str_eq(socle_activations_path(s.a, 1), "2");
    cr_assert_null(socle_activations_path(s.a, 2));
    const int32_t *count;
    cr_assert_eq(socle_activations_counts(s.a, 1, &count), 2);
    int sum = 0;
    for (int bin = 0; bin < 40; bin++) {
        cr_assert(count[bin] == 0 || bin < 4, "tanh is below 1, the fifth bin of a quarter starts there");
        sum += count[bin];
    }
    cr_assert_eq(sum, 4 * TINY_CLASSES);
    cr_assert_float_eq(socle_activations_share(s.a, 1, 0, 0, 0), count[0] / (double)sum, 1e-15);
    cr_assert_float_eq(socle_activations_share(s.a, 1, 0, 0, 39), 1, 1e-15);
    cr_assert(isnan(socle_activations_share(s.a, 1, 2, 0, 0)));
    cr_assert(isnan(socle_activations_share(s.a, 2, 0, 0, 0)));
    tear_down(s);
}

/* ---- fits that end early ---- */

static socle_flow cancel_second(socle_learner *l, void *user)
{
    return l->batch_index == 1 ? *(socle_flow *)user : 0;
}

static size_t steps_of(const setup *s)
{
    const float *mean;
    return socle_activations_mean(s->a, 0, &mean);
}

Test(activations, what_a_cancelled_fit_came_to_is_kept_and_what_a_failed_one_came_to_is_not)
{
    setup s = set_up("cpu", 16, 0, (socle_activations_desc){ 0 });
    socle_flow answer = SOCLE_CANCEL_FIT;
    socle_learner_add(s.l, (socle_callback){ .name = "stop", .user = &answer, .after_predict = cancel_second });
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK);
    cr_assert_eq(steps_of(&s), 2);
    answer = SOCLE_ERR_USER;
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_ERR_USER);
    cr_assert_eq(steps_of(&s), 2);
    answer = SOCLE_CANCEL_BATCH;
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(steps_of(&s), 6);
    tear_down(s);
}

static socle_tensor *count_calls(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                                 void *user)
{
    (void)index, (void)m, (void)c, (void)in, (void)out;
    ++*(int *)user;
    return NULL;
}

Test(activations, a_cancelled_fit_leaves_no_hook_behind)
{
    setup s = set_up("ref", 16, 8, (socle_activations_desc){ 0 });
    int calls = 0;
    socle_learner_add(s.l, socle_cb_hooks((socle_hooks_desc){ .f = count_calls, .user = &calls }));
    socle_learner_add(s.l, socle_cb_single_batch());
    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(socle_fit(s.l, 5, 0.1), SOCLE_OK);
        cr_assert_eq(calls, 2 * i, "hooks of earlier fits are still there");
    }
    socle_ctx *c = socle_ctx_new(s.d, 1);
    socle_forward(s.l->model, c, socle_full(c, SOCLE_F32, socle_shape2(2, TINY_IN), 1));
    cr_assert_eq(calls, 6);
    socle_ctx_free(c);
    tear_down(s);
}

Test(activations, hooks_run_in_the_passes_asked_for)
{
    static const int want[2][2] = { { 4, 6 }, { 0, 2 } }; /* [no_train][on_valid] of 2 layers */
    for (int k = 0; k < 4; k++) {
        setup s = set_up("ref", 8, 8, (socle_activations_desc){ 0 });
        int calls = 0;
        socle_hooks_desc o = { .f = count_calls, .user = &calls, .no_train = k / 2, .on_valid = k % 2 };
        socle_learner_add(s.l, socle_cb_hooks(o));
        cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
        cr_assert_eq(calls, want[k / 2][k % 2]);
        tear_down(s);
    }
}

/* ---- refusals ---- */

Test(activations, bins_that_make_no_sense_are_refused)
{
    static const socle_activations_desc bad[] = {
        { .bins = -1 },          { .bins = 251 },      { .low = 1 },
        { .low = 2, .high = 2 }, { .high = INFINITY }, { .low = NAN },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(socle_activations_new(bad[i]), "case %zu", i);
        cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    }
    cr_assert_null(socle_cb_hooks((socle_hooks_desc){ 0 }).name);
}

static bool only_first(const char *path, const socle_module *m, void *user)
{
    (void)m;
    return *(bool *)user ? strcmp(path, "0") == 0 : socle_module_activates(path, m, NULL);
}

Test(activations, another_model_in_a_later_fit_is_an_error_that_names_the_difference)
{
    bool fewer = false;
    setup s = set_up("ref", 8, 0, (socle_activations_desc){ .which = only_first, .which_user = &fewer });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    fewer = true;
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_STATE);
    cr_assert_str_eq(socle_error(), "activations: 2 layers have been watched so far, this model has 1");
    cr_assert_eq(steps_of(&s), 2);
    tear_down(s);
}

Test(activations, a_model_without_activations_is_trained_and_nothing_is_recorded)
{
    setup s =
        set_up("ref", 8, 0, (socle_activations_desc){ .which = socle_module_is, .which_user = (void *)"LSTM" });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_activations_layers(s.a), 0);
    tear_down(s);
}

/* The learning-rate finder: the rates, when it ends, what it returns, and that nothing is left of it. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <socle/sys/test.h>
#include "tiny.h"

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} setup;

enum { IMAGES = 40, SIDE = 6 };

static socle_loader *shuffled(socle_device *d, size_t n)
{
    static uint8_t x[IMAGES * SIDE * SIDE];
    static int32_t y[IMAGES];
    for (size_t i = 0; i < IMAGES; i++)
        y[i] = (int32_t)(i % TINY_CLASSES);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)(i * 37 + i / (SIDE * SIDE) * 11);
    socle_dataset_desc o = {
        .length = n, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, SIDE, SIDE)
    };
    return socle_loader_new(socle_dataset_from(x, y, o), d, (socle_loader_desc){ .batch = 8, .shuffle = true });
}

/* Everything that a training step changes: weights, statistics of a norm, momentum, draws of dropout. */
static setup set_up(const char *spec)
{
    setup s = { .d = socle_device_open(spec, (socle_device_desc){ .threads = 2 }) };
    s.data = socle_data_new(shuffled(s.d, IMAGES), shuffled(s.d, 16), 1, TINY_CLASSES, NULL);
    socle_module *m = socle_sequential_new(s.d);
    socle_append(
        m,
        socle_conv_new(s.d, (socle_conv_desc){
                                .in = 1, .out = 4, .stride = 2, .norm = SOCLE_NORM_BATCH, .act = SOCLE_ACT_RELU }));
    socle_append(m, socle_flatten_new(s.d));
    socle_append(m, socle_dropout_new(s.d, 0.2f));
    socle_append(m, socle_linear_new(s.d, (socle_linear_desc){ .in = 4 * 3 * 3, .out = TINY_CLASSES }));
    s.l = socle_learner_new(
        (socle_learner_desc){ .device = s.d, .model = m, .data = s.data, .opt = socle_momentum(), .seed = 3 });
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void give_back(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
}

static void tear_down(setup s)
{
    give_back(s);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* ---- what a learner is made of, in bytes ---- */

typedef struct bytes {
    unsigned char at[8192];
    size_t n;
} bytes;

static int add_tensor(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    bytes *b = user;
    size_t n = (size_t)socle_numel(t) * socle_dtype_size(socle_dtype_of(t));
    cr_assert(b->n + n <= sizeof b->at);
    cr_assert_eq(socle_read(t, b->at + b->n, n), SOCLE_OK);
    b->n += n;
    return 0;
}

static void add_number(bytes *b, double v)
{
    memcpy(b->at + b->n, &v, sizeof v);
    b->n += sizeof v;
}

static bytes state_of(const socle_learner *l)
{
    bytes b = { .n = 0 };
    cr_assert_eq(socle_module_each_param(l->model, add_tensor, &b), 0);
    for (int h = 0; h < SOCLE_HYPER_USER; h++)
        add_number(&b, (double)socle_hyper_get(l->opt, 0, h));
    add_number(&b, (double)socle_ctx_random_counter(l->ctx));
    add_number(&b, (double)l->epochs_done);
    add_number(&b, l->n_epochs);
    add_number(&b, l->epoch);
    add_number(&b, (double)l->batch_index);
    add_number(&b, l->pos);
    add_number(&b, (double)l->lr);
    add_number(&b, socle_ctx_training(l->ctx));
    add_number(&b, socle_ctx_grad(l->ctx));
    return b;
}

static void expect_same(const bytes *a, const bytes *b)
{
    cr_assert_eq(a->n, b->n);
    cr_assert_eq(memcmp(a->at, b->at, a->n), 0);
}

static const char *const specs[] = { "ref", "cpu" };

Test(finder, nothing_is_changed_to_the_bit_and_a_fit_afterwards_is_the_one_it_would_have_been)
{
    for (int i = 0; i < 2; i++) {
        setup with = set_up(specs[i]), without = set_up(specs[i]);
        for (int round = 0; round < 2; round++) { /* a fresh optimizer, then one that remembers */
            bytes before = state_of(with.l);
            socle_lr_curve curve;
            cr_assert_eq(socle_lr_find(with.l, (socle_lr_find_desc){ 0 }, &curve), SOCLE_OK, "%s", socle_error());
            cr_assert_gt(curve.n, 5, "it did train");
            socle_lr_curve_free(&curve);
            bytes after = state_of(with.l);
            expect_same(&before, &after);
            cr_assert_eq(socle_fit(with.l, 2, 0.05), SOCLE_OK, "%s", socle_error());
            cr_assert_eq(socle_fit(without.l, 2, 0.05), SOCLE_OK);
            bytes a = state_of(with.l), b = state_of(without.l);
            expect_same(&a, &b);
        }
        give_back(with);
        tear_down(without);
    }
}

/* ---- the curve ---- */

Test(finder, rates_grow_by_the_factor_until_the_loss_is_three_times_the_smallest)
{
    setup s = set_up("cpu");
    socle_lr_curve c;
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ 0 }, &c), SOCLE_OK, "%s", socle_error());
    cr_assert(c.n > 20 && c.n < 50, "5 batches an epoch, 10 epochs; it ended after %zu", c.n);
    double smallest = DBL_MAX;
    for (size_t i = 0; i < c.n; i++) {
        cr_assert_float_eq(c.lr[i], 1e-5 * pow(1.3, (double)i), 1e-6 * (double)c.lr[i], "step %zu", i);
        smallest = fmin(smallest, (double)c.loss[i]);
        cr_assert_eq(i + 1 < c.n, (double)c.loss[i] <= 3 * smallest, "step %zu: %g", i, (double)c.loss[i]);
    }
    cr_assert_float_eq(c.loss[0], log(3), 0.5, "the first loss is that of a network that knows nothing");
    socle_lr_curve_free(&c);
    cr_assert_eq(c.n, 0);
    tear_down(s);
}

Test(finder, given_a_number_of_steps_they_lead_from_start_to_end)
{
    setup s = set_up("cpu");
    socle_lr_curve c;
    socle_lr_find_desc o = { .max_iter = 12, .start = 1e-4, .end = 1e-2 };
    cr_assert_eq(socle_lr_find(s.l, o, &c), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(c.n, 13);
    for (size_t i = 0; i < c.n; i++)
        cr_assert_float_eq(c.lr[i], 1e-4 * pow(100, (double)i / 12), 1e-6 * (double)c.lr[i]);
    socle_lr_curve_free(&c);
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ .max_iter = 1 }, &c), SOCLE_OK);
    cr_assert_eq(c.n, 2);
    cr_assert_float_eq(c.lr[0], 1e-6, 1e-12);
    cr_assert_float_eq(c.lr[1], 10, 1e-5);
    socle_lr_curve_free(&c);
    tear_down(s);
}

Test(finder, a_limit_of_epochs_ends_it_too)
{
    setup s = set_up("cpu");
    socle_lr_curve c;
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ .max_epochs = 2, .start = 1e-9 }, &c), SOCLE_OK);
    cr_assert_eq(c.n, 10);
    socle_lr_curve_free(&c);
    tear_down(s);
}

/* The same run without smoothing tells the losses; the running average of them is known. */
Test(finder, smoothing_is_a_running_average_without_its_start)
{
    setup s = set_up("cpu");
    socle_lr_curve raw, smooth;
    socle_lr_find_desc o = { .max_iter = 10, .start = 1e-4, .end = 1e-2 };
    cr_assert_eq(socle_lr_find(s.l, o, &raw), SOCLE_OK);
    o.smooth = 0.75;
    cr_assert_eq(socle_lr_find(s.l, o, &smooth), SOCLE_OK);
    cr_assert_eq(smooth.n, raw.n);
    for (size_t i = 0; i < raw.n; i++) {
        double sum = 0, weights = 0;
        for (size_t k = 0; k <= i; k++) {
            double w = pow(0.75, (double)(i - k));
            sum += w * (double)raw.loss[k];
            weights += w;
        }
        cr_assert_float_eq(smooth.loss[i], sum / weights, 1e-6, "step %zu", i);
    }
    socle_lr_curve_free(&raw);
    socle_lr_curve_free(&smooth);
    tear_down(s);
}

static socle_tensor *nan_at_third(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r,
                                  void *user)
{
    socle_tensor *loss = socle_cross_entropy(c, pred, target, r);
    return ++*(int *)user == 3 ? socle_scale(c, loss, (double)NAN, 0) : loss;
}

Test(finder, a_loss_that_is_no_number_ends_it_and_leaves_no_trace)
{
    setup s = set_up("cpu");
    int calls = 0;
    s.l->loss_fn = (socle_loss){ nan_at_third, &calls };
    socle_learner_add(s.l, socle_cb_stop_on_nan(1)); /* which would make a failure of it */
    bytes before = state_of(s.l);
    socle_lr_curve c;
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ 0 }, &c), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(c.n, 3);
    cr_assert(isnan(c.loss[2]));
    cr_assert(isnan(c.steep));
    cr_assert_float_eq(c.tenth, 0.1 * (double)(c.loss[0] <= c.loss[1] ? c.lr[0] : c.lr[1]), 1e-12);
    bytes after = state_of(s.l);
    expect_same(&before, &after);
    socle_lr_curve_free(&c);
    tear_down(s);
}

/* ---- other callbacks, failures ---- */

static void note_row(socle_learner *l, int n, const char *const *name, const double *value)
{
    (void)n, (void)name, (void)value;
    ++*(int *)l->log_user;
}

static socle_flow count_batch(socle_learner *l, void *user)
{
    (void)l;
    ++*(int *)user;
    return 0;
}

Test(finder, callbacks_that_report_see_nothing_of_it_and_the_others_take_part)
{
    setup s = set_up("cpu");
    socle_recorder *r = socle_recorder_new();
    socle_metric accuracy = socle_accuracy();
    int rows = 0, batches = 0;
    s.l->log = note_row;
    s.l->log_user = &rows;
    socle_learner_add(s.l, socle_cb_recorder(r));
    socle_learner_add(s.l, socle_cb_metrics(&accuracy, 1));
    socle_learner_add(s.l, (socle_callback){ .name = "count", .user = &batches, .before_batch = count_batch });
    socle_lr_curve c;
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ .max_iter = 7 }, &c), SOCLE_OK);
    const float *loss;
    cr_assert_eq(socle_recorder_losses(r, &loss), 0);
    cr_assert_eq(rows, 0);
    cr_assert_eq(batches, (int)c.n, "and there is no evaluation");
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(socle_recorder_losses(r, &loss), 5);
    cr_assert_eq(rows, 2);
    socle_lr_curve_free(&c);
    socle_learner_remove(s.l, "recorder");
    socle_recorder_free(r);
    tear_down(s);
}

static socle_flow fail_at_third(socle_learner *l, void *user)
{
    (void)l;
    return ++*(int *)user == 3 ? (socle_flow)socle_fail(SOCLE_ERR_USER, "third time unlucky") : 0;
}

Test(finder, a_failure_puts_everything_back_and_keeps_its_message)
{
    setup s = set_up("cpu");
    int calls = 0;
    socle_learner_add(s.l, (socle_callback){ .name = "bad", .user = &calls, .after_backward = fail_at_third });
    bytes before = state_of(s.l);
    socle_lr_curve c = { .n = 77 };
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ 0 }, &c), SOCLE_ERR_USER);
    cr_assert_str_eq(socle_error(), "third time unlucky");
    cr_assert_eq(c.n, 77, "a failure leaves the curve alone");
    bytes after = state_of(s.l);
    expect_same(&before, &after);
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "the learner goes on");
    tear_down(s);
}

static socle_flow find_inside(socle_learner *l, void *user)
{
    socle_lr_curve c;
    *(socle_status *)user = socle_lr_find(l, (socle_lr_find_desc){ 0 }, &c);
    return 0;
}

Test(finder, what_makes_no_sense_is_refused)
{
    static const socle_lr_find_desc bad[] = {
        { .start = -1 },      { .gamma = 1 },     { .gamma = NAN },
        { .max_epochs = -1 }, { .max_iter = -1 }, { .max_iter = 10, .start = 1, .end = 0.5 },
        { .max_mult = 0.5 },  { .smooth = 1 },    { .smooth = -0.1 },
    };
    setup s = set_up("ref");
    socle_lr_curve c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(socle_lr_find(s.l, bad[i], &c), SOCLE_ERR_ARG, "case %zu", i);
        cr_assert_eq(strncmp(socle_error(), "lr_find: ", 9), 0, "case %zu: %s", i, socle_error());
    }
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ 0 }, NULL), SOCLE_ERR_ARG);
    socle_status inside = SOCLE_OK;
    socle_learner_add(s.l, (socle_callback){ .name = "nested", .user = &inside, .before_fit = find_inside });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(inside, SOCLE_ERR_STATE);
    tear_down(s);
}

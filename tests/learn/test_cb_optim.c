/* Callbacks around the optimizer's step: limits, steps of several batches, averages of weights. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/sys/test.h>
#include "support/support.h"
#include "tiny.h"

enum { WEIGHTS = TINY_IN * TINY_CLASSES };

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} setup;

/* n samples in batches of this size. */
static setup set_up(size_t n, size_t batch, const socle_opt_rule *rule)
{
    setup s = { .d = socle_device_open("ref64", (socle_device_desc){ 0 }) };
    s.data = socle_data_new(tiny_loader(s.d, n, batch), tiny_loader(s.d, 9, 8), 1, TINY_CLASSES, NULL);
    socle_module *m = socle_linear_new(s.d, (socle_linear_desc){ .in = TINY_IN, .out = TINY_CLASSES });
    s.l = socle_learner_new((socle_learner_desc){ .device = s.d, .model = m, .data = s.data, .opt = rule });
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
}

static int first_parameter(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    *(socle_tensor **)user = t;
    return 1;
}

static void weights_of(socle_learner *l, double w[WEIGHTS])
{
    socle_tensor *t = NULL;
    (void)socle_module_each_param(l->model, first_parameter, &t);
    cr_assert_eq(socle_read(t, w, WEIGHTS * sizeof *w), SOCLE_OK, "%s", socle_error());
}

/* ---- accumulation ---- */

/* Weights after epochs with batches of 8 of 19 samples, in one piece or two. */
static void train(size_t batch, int accumulate, socle_clip clip, double w[WEIGHTS])
{
    setup s = set_up(19, batch, socle_adamw());
    socle_learner_add(s.l, socle_cb_clip(clip));
    if (accumulate)
        socle_learner_add(s.l, socle_cb_accumulate(accumulate));
    cr_assert_eq(socle_fit(s.l, 3, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_optimizer_steps(s.l->opt), 9);
    weights_of(s.l, w);
    tear_down(s);
}

/* The last step is of 3 samples: one batch of 3, or one of 2 and one of 1. */
Test(accumulate, steps_of_several_batches_are_those_of_larger_batches)
{
    const socle_clip clips[] = { { 0 }, { .norm = 0.25 } };
    for (int k = 0; k < 2; k++) {
        double whole[WEIGHTS], quarters[WEIGHTS];
        train(8, 0, clips[k], whole);
        train(2, 4, clips[k], quarters);
        for (int i = 0; i < WEIGHTS; i++) /* Adam makes a rounding of a small gradient larger; factors are floats */
            cr_assert_float_eq(quarters[i], whole[i], 1e-6, "weight %d: %g, not %g", i, quarters[i], whole[i]);
    }
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* A convolutional network without norms, on images of noise. */
enum { IMAGES = 256, PIXELS = 28 * 28, MOST_WEIGHTS = 8192 };

typedef struct flat {
    double w[MOST_WEIGHTS];
    size_t n;
} flat;

static int append_weights(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    flat *f = user;
    float values[MOST_WEIGHTS];
    size_t n = (size_t)socle_numel(t);
    cr_assert_leq(f->n + n, MOST_WEIGHTS);
    cr_assert_eq(socle_read(t, values, n * sizeof *values), SOCLE_OK, "%s", socle_error());
    for (size_t i = 0; i < n; i++)
        f->w[f->n++] = (double)values[i];
    return 0;
}

static socle_module *small_convnet(socle_device *d)
{
    static const int width[] = { 1, 4, 8, 16, 16 };
    socle_module *m = socle_sequential_new(d);
    for (int i = 0; i < 4; i++)
        socle_append(
            m, socle_conv_new(d, (socle_conv_desc){
                                     .in = width[i], .out = width[i + 1], .stride = 2, .act = SOCLE_ACT_RELU }));
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 16, .out = 10, .stride = 2 }));
    socle_append(m, socle_flatten_new(d));
    cr_assert_eq(socle_reset_parameters(m, 3), SOCLE_OK);
    return m;
}

/* What three steps on the images add to the weights. */
static flat progress(size_t batch, int accumulate)
{
    static float x[IMAGES * PIXELS];
    static double noise[IMAGES * PIXELS];
    int32_t y[IMAGES];
    fill_random(noise, IMAGES * PIXELS, 5, -1, 1);
    for (int i = 0; i < IMAGES * PIXELS; i++)
        x[i] = (float)noise[i];
    for (int i = 0; i < IMAGES; i++)
        y[i] = (i * 7) % 10;
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ 0 });
    socle_dataset_desc o = {
        .length = IMAGES, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, 28, 28)
    };
    socle_loader *train = socle_loader_new(socle_dataset_from(x, y, o), d, (socle_loader_desc){ .batch = batch });
    o.length = 0;
    socle_loader *none = socle_loader_new(socle_dataset_from(x, y, o), d, (socle_loader_desc){ .batch = batch });
    socle_data *data = socle_data_new(train, none, 1, 10, NULL);
    socle_learner *l =
        socle_learner_new((socle_learner_desc){ .device = d, .model = small_convnet(d), .data = data });
    cr_assert_not_null(l, "%s", socle_error());
    if (accumulate)
        socle_learner_add(l, socle_cb_accumulate(accumulate));
    flat before = { .n = 0 }, after = { .n = 0 };
    (void)socle_module_each_param(l->model, append_weights, &before);
    cr_assert_eq(socle_fit(l, 3, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_optimizer_steps(l->opt), 3);
    (void)socle_module_each_param(l->model, append_weights, &after);
    for (size_t i = 0; i < after.n; i++)
        after.w[i] -= before.w[i];
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(d);
    return after;
}

/* Sums of 256 images in another order: each rounds at 6e-8, and so do the weights of about 0.1 that steps of about 0.01 are
 * added to. */
Test(accumulate, four_batches_of_64_are_one_of_256_for_a_network_without_norms)
{
    const flat whole = progress(256, 0), quarters = progress(64, 4);
    double apart = 0, length = 0;
    for (size_t i = 0; i < whole.n; i++) {
        apart += (quarters.w[i] - whole.w[i]) * (quarters.w[i] - whole.w[i]);
        length += whole.w[i] * whole.w[i];
    }
    cr_assert_gt(length, 0);
    cr_assert_lt(sqrt(apart / length), 1e-5, "apart by %g of %g", sqrt(apart), sqrt(length));
}

static socle_flow other_backward(socle_learner *l, void *user)
{
    (void)user;
    return (socle_flow)socle_backward(l->ctx, l->loss);
}

static socle_flow replace_backward(socle_learner *l, void *user)
{
    (void)user;
    l->loop.backward = other_backward;
    return 0;
}

Test(accumulate, does_not_replace_another_callbacks_backward_pass)
{
    setup s = set_up(8, 4, NULL);
    socle_learner_add(s.l, (socle_callback){ .name = "other", .order = -2, .before_fit = replace_backward });
    socle_learner_add(s.l, socle_cb_accumulate(2));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_STATE);
    cr_assert_str_eq(socle_error(), "accumulate: another callback has replaced the backward pass");
    tear_down(s);
}

Test(accumulate, no_batches_are_no_step)
{
    setup s = set_up(8, 4, NULL);
    socle_learner_add(s.l, socle_cb_accumulate(0));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    tear_down(s);
}

/* ---- limits ---- */

Test(clip, holds_for_the_fit_alone)
{
    setup s = set_up(8, 4, NULL);
    cr_assert_eq(socle_optimizer_set_clip(s.l->opt, (socle_clip){ .value = 3 }), SOCLE_OK);
    socle_learner_add(s.l, socle_cb_clip((socle_clip){ .norm = 1e-30 }));
    double before[WEIGHTS], after[WEIGHTS];
    weights_of(s.l, before);
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_OK, "%s", socle_error());
    weights_of(s.l, after);
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert_float_eq(before[i], after[i], 1e-15, "nothing to speak of moves");
    cr_assert_eq(socle_optimizer_clip(s.l->opt).value, 3);
    cr_assert_eq(socle_optimizer_clip(s.l->opt).norm, 0);
    tear_down(s);
}

Test(clip, what_makes_no_sense_fails_the_fit_and_leaves_the_limits)
{
    setup s = set_up(8, 4, NULL);
    cr_assert_eq(socle_optimizer_set_clip(s.l->opt, (socle_clip){ .value = 3 }), SOCLE_OK);
    socle_learner_add(s.l, socle_cb_clip((socle_clip){ .norm = -1 }));
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_ERR_ARG);
    cr_assert_eq(socle_optimizer_clip(s.l->opt).value, 3);
    tear_down(s);
}

/* ---- averages ---- */

/* The average made by hand, and the weights that evaluation saw. */
typedef struct watcher {
    double average[WEIGHTS], seen[WEIGHTS];
} watcher;

static socle_flow follow(socle_learner *l, void *user)
{
    watcher *w = user;
    double now[WEIGHTS];
    weights_of(l, now);
    for (int i = 0; i < WEIGHTS; i++)
        w->average[i] = 0.75 * w->average[i] + 0.25 * now[i];
    return 0;
}

static socle_flow look(socle_learner *l, void *user)
{
    if (!l->training)
        weights_of(l, ((watcher *)user)->seen);
    return 0;
}

Test(ema, evaluation_runs_under_the_averages_and_training_under_the_weights)
{
    setup s = set_up(16, 4, NULL);
    watcher w;
    double own[WEIGHTS], plain[WEIGHTS];
    weights_of(s.l, w.average);
    socle_ema *e = socle_ema_new(s.l->model, (socle_ema_desc){ .decay = 0.75 });
    socle_learner_add(s.l, socle_cb_ema(e));
    socle_learner_add(s.l,
                      (socle_callback){ .name = "watcher", .user = &w, .after_step = follow, .after_loss = look });
    cr_assert_eq(socle_fit(s.l, 2, 0.5), SOCLE_OK, "%s", socle_error());
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert_float_eq(w.seen[i], w.average[i], 1e-14);
    weights_of(s.l, own);
    setup without = set_up(16, 4, NULL);
    cr_assert_eq(socle_fit(without.l, 2, 0.5), SOCLE_OK);
    weights_of(without.l, plain);
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert_eq(own[i], plain[i], "training is as without averages");
    socle_ema_free(e);
    tear_down(without);
    tear_down(s);
}

static socle_flow fail(socle_learner *l, void *user)
{
    (void)user;
    return l->training ? 0 : (socle_flow)socle_fail(SOCLE_ERR_USER, "enough");
}

Test(ema, an_evaluation_that_fails_leaves_the_weights_in_place)
{
    setup s = set_up(16, 4, NULL);
    socle_ema *e = socle_ema_new(s.l->model, (socle_ema_desc){ 0 });
    socle_learner_add(s.l, socle_cb_ema(e));
    socle_learner_add(s.l, (socle_callback){ .name = "fail", .after_loss = fail });
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_ERR_USER);
    cr_assert(!socle_ema_swapped(e));
    socle_ema_free(e);
    tear_down(s);
}

/* One step of 8 batches: the average moves once. */
Test(ema, moves_with_steps_not_with_batches)
{
    setup s = set_up(32, 4, NULL);
    socle_ema *e = socle_ema_new(s.l->model, (socle_ema_desc){ .decay = 0.75 });
    double first[WEIGHTS], last[WEIGHTS], average[WEIGHTS];
    weights_of(s.l, first);
    socle_learner_add(s.l, socle_cb_ema(e));
    socle_learner_add(s.l, socle_cb_accumulate(8));
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_OK, "%s", socle_error());
    weights_of(s.l, last);
    cr_assert_eq(socle_ema_swap(e), SOCLE_OK);
    weights_of(s.l, average);
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert_float_eq(average[i], 0.75 * first[i] + 0.25 * last[i], 1e-14);
    socle_ema_free(e);
    tear_down(s);
}

/* LSUV: that layers come out with the deviation they should have, measured by other means; what is reported of
 * those that do not; and what is left alone. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include <socle/weights.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;
static socle_tensor *x; /* (128, 1, 28, 28), N(0, 1) */
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("cpu", 2);
    c = socle_ctx_new(d, 2);
    x = socle_retain(socle_randn(c, socle_shape4(128, 1, 28, 28)));
    cr_assert_not_null(x);
}

static void tear_down(void)
{
    socle_release(x);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(lsuv, .init = set_up, .fini = tear_down);

/* The network of the lesson: five convolutions of stride 2, the first 5 x 5, and a linear layer. */
enum { CONVOLUTIONS = 5 };
static const int width[] = { 1, 8, 16, 32, 64, 64 };

static socle_module *net(socle_act_desc act)
{
    socle_module *m = socle_sequential_new(d);
    for (int i = 0; i < CONVOLUTIONS; i++)
        socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = width[i],
                                                             .out = width[i + 1],
                                                             .size = i == 0 ? 5 : 3,
                                                             .stride = 2,
                                                             .act = act.kind,
                                                             .leak = act.leak,
                                                             .max_value = act.max_value }));
    socle_append(m, socle_flatten_new(d));
    socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = 64, .out = 10 }));
    cr_assert_not_null(m, "%s", socle_error());
    assert_ok(socle_reset_parameters(m, 1));
    return m;
}

/* ---- measuring once more ---- */

typedef struct moments {
    double mean[8], std[8];
    size_t n;
} moments;

static socle_tensor *measure(size_t index, socle_module *m, socle_ctx *ctx, socle_tensor *in, socle_tensor *out,
                             void *user)
{
    (void)m, (void)ctx, (void)in;
    moments *all = user;
    double *v = values_of(out), n = (double)socle_numel(out), mean = 0, square = 0;
    for (int64_t i = 0; i < socle_numel(out); i++)
        mean += v[i] / n;
    for (int64_t i = 0; i < socle_numel(out); i++)
        square += (v[i] - mean) * (v[i] - mean) / (n - 1);
    free(v);
    all->mean[index] = mean;
    all->std[index] = sqrt(square);
    all->n = index + 1;
    return NULL;
}

static moments moments_of(socle_module *m, const char *type)
{
    moments all = { .n = 0 };
    socle_hooks *h = socle_hooks_new(m, socle_module_is, (void *)(uintptr_t)type, measure, &all);
    socle_scope scope = socle_scope_begin(c);
    cr_assert_not_null(socle_forward(m, c, x), "%s", socle_error());
    socle_scope_end(c, scope, NULL);
    socle_hooks_free(h);
    return all;
}

static const socle_act_desc general = { .kind = SOCLE_ACT_GENERAL_RELU, .leak = 0.1f };

Test(lsuv, every_layer_of_the_lessons_network_comes_out_with_deviation_one)
{
    socle_module *m = net(general);
    moments before = moments_of(m, "Conv2d");
    cr_assert_lt(before.std[CONVOLUTIONS - 1], 0.5, "signals fade in this network before");
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ 0 }, &r));
    moments after = moments_of(m, "Conv2d");
    cr_assert_eq(r.n, CONVOLUTIONS, "the linear layer ends in no activation");
    cr_assert_eq(r.converged, CONVOLUTIONS);
    for (size_t i = 0; i < r.n; i++) {
        const socle_lsuv_layer *l = &r.layer[i];
        char path[4] = { (char)('0' + i), '\0' };
        cr_assert_str_eq(l->path, path);
        cr_assert(l->converged && l->passes <= 20);
        cr_assert_float_eq(after.std[i], 1, 1e-3 + 1e-6, "layer %zu: %g", i, after.std[i]);
        cr_assert_float_eq(l->std, after.std[i], 1e-5);
        cr_assert_float_eq(l->mean, after.mean[i], 1e-5);
    }
    cr_assert_float_eq(r.layer[0].std_before, before.std[0], 1e-5);
    cr_assert_float_eq(r.layer[0].mean_before, before.mean[0], 1e-5);
    socle_lsuv_report_free(&r);
    socle_lsuv_report_free(NULL);
    socle_module_free(m);
}

typedef struct first {
    socle_module *module;
} first;

static int find_first(const char *path, socle_module *m, void *user)
{
    if (strcmp(path, "0") == 0)
        ((first *)user)->module = m;
    return 0;
}

Test(lsuv, the_shift_of_the_activation_takes_the_mean_away_before_the_weights_are_scaled)
{
    socle_module *m = net(general);
    first f;
    socle_module_each(m, find_first, &f);
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ 0 }, &r));
    /* sub moved by the mean in one go: the loop of the lesson adds the mean of a leaky ReLU, which a shift moves
     * one to one. */
    cr_assert_float_eq(socle_act_of(f.module).sub, r.layer[0].mean_before, 1e-3);
    socle_lsuv_report_free(&r);
    socle_module_free(m);
}

/* Every module's output without activations: what the form looks at. */
Test(lsuv, with_biases_it_is_what_the_layers_make_before_their_activations_that_is_scaled)
{
    socle_module *m = net((socle_act_desc){ .kind = SOCLE_ACT_RELU }), *plain = net((socle_act_desc){ 0 });
    socle_lsuv_report r, same;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ .form = SOCLE_LSUV_BIAS }, &r));
    cr_assert_eq(r.n, CONVOLUTIONS + 1);
    cr_assert_eq(r.converged, r.n);
    moments linear = moments_of(m, "Linear");
    cr_assert_float_eq(linear.std[0], 1, 1e-3 + 1e-6);
    /* The first layer sees the same input with and without activations. */
    assert_ok(socle_lsuv(plain, c, x, (socle_lsuv_desc){ .form = SOCLE_LSUV_BIAS }, &same));
    moments convolutions = moments_of(plain, "Conv2d");
    cr_assert_float_eq(convolutions.std[0], 1, 1e-3 + 1e-6);
    cr_assert_float_eq(same.layer[0].std_before, r.layer[0].std_before, 0);
    cr_assert_float_eq(same.layer[0].std, r.layer[0].std, 0);
    moments after = moments_of(m, "Conv2d");
    cr_assert_lt(after.std[0], 0.7, "a ReLU leaves 0.58 of a normal distribution's deviation");
    cr_assert_gt(after.mean[0], 0.3);
    socle_lsuv_report_free(&r);
    socle_lsuv_report_free(&same);
    socle_module_free(m);
    socle_module_free(plain);
}

Test(lsuv, mean_and_deviation_are_brought_in_together_where_that_is_possible)
{
    socle_module *m = net((socle_act_desc){ .kind = SOCLE_ACT_LEAKY_RELU, .leak = 0.5f });
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ .form = SOCLE_LSUV_JOINT, .max_passes = 200 }, &r));
    moments after = moments_of(m, "Conv2d");
    for (size_t i = 0; i < r.n; i++) {
        cr_assert(r.layer[i].converged, "layer %zu: %g, %g", i, r.layer[i].mean, r.layer[i].std);
        cr_assert_float_eq(after.std[i], 1, 1e-3 + 1e-6);
        cr_assert_float_eq(after.mean[i], 0, 1e-3 + 1e-6);
    }
    socle_lsuv_report_free(&r);
    socle_module_free(m);
}

/* ---- what does not converge ---- */

Test(lsuv, passes_are_limited_and_layers_that_do_not_make_it_are_named)
{
    /* Above 0 everywhere, so a ReLU's results have no mean of 0. */
    socle_module *m = net((socle_act_desc){ .kind = SOCLE_ACT_RELU });
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ .form = SOCLE_LSUV_JOINT, .max_passes = 7 }, &r));
    cr_assert_eq(r.n, CONVOLUTIONS);
    cr_assert_eq(r.converged, 0);
    for (size_t i = 0; i < r.n; i++)
        cr_assert(!r.layer[i].converged && r.layer[i].passes <= 7);
    cr_assert_eq(r.layer[0].passes, 7);
    socle_lsuv_report_free(&r);
    socle_module_free(m);
}

Test(lsuv, a_dead_layer_is_left_as_it_is)
{
    socle_module *m = net(general);
    assert_ok(socle_init_cnn(m, (socle_init_cnn_desc){ .leak = 0.1 })); /* no biases */
    socle_tensor *zeros = socle_full(c, SOCLE_F32, socle_shape4(128, 1, 28, 28), 0);
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, zeros, (socle_lsuv_desc){ 0 }, &r));
    for (size_t i = 0; i < r.n; i++) {
        cr_assert(!r.layer[i].converged);
        cr_assert_eq(r.layer[i].passes, 1);
        cr_assert_eq(r.layer[i].std, 0);
    }
    socle_lsuv_report_free(&r);
    socle_module_free(m);
}

/* ---- what is left alone ---- */

typedef struct keeper {
    double *values[32];
    int n;
} keeper;

static int keep_untouched(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    keeper *k = user;
    if (!trainable || strstr(path, "norm") != NULL || strcmp(path, "1.weight") == 0)
        k->values[k->n++] = values_of(t);
    return 0;
}

static int expect_untouched(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    keeper *k = user;
    if (trainable && strstr(path, "norm") == NULL && strcmp(path, "1.weight") != 0)
        return 0;
    double *want = k->values[k->n++];
    cr_assert(tensor_close(t, want, (size_t)socle_numel(t), budget_exact), "%s: %s", path, support_message());
    free(want);
    return 0;
}

static bool only_path_0(const char *path, const socle_module *m, void *user)
{
    (void)m, (void)user;
    return strcmp(path, "0") == 0;
}

Test(lsuv, norms_keep_their_statistics_and_layers_that_are_not_chosen_their_weights)
{
    socle_module *m = socle_sequential_new(d);
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 4, .act = SOCLE_ACT_RELU }));
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 4, .out = 4, .norm = SOCLE_NORM_BATCH }));
    socle_append(m, socle_dropout_new(d, 0.5f));
    assert_ok(socle_reset_parameters(m, 1));
    keeper k = { .n = 0 };
    socle_module_each_param(m, keep_untouched, &k);
    cr_assert_geq(k.n, 5);
    uint64_t counter = socle_ctx_random_counter(c);
    socle_lsuv_report r;
    assert_ok(socle_lsuv(m, c, x, (socle_lsuv_desc){ .which = only_path_0 }, &r));
    cr_assert_eq(r.n, 1);
    cr_assert(r.layer[0].converged, "a plain ReLU has no shift: its layer is only scaled");
    cr_assert_gt(r.layer[0].mean, 0.1);
    k.n = 0;
    socle_module_each_param(m, expect_untouched, &k);
    cr_assert_eq(socle_ctx_random_counter(c), counter);
    cr_assert(socle_ctx_training(c) && socle_ctx_grad(c));
    moments all = moments_of(m, "Conv2d");
    cr_assert_eq(all.n, 2);
    socle_lsuv_report_free(&r);
    socle_module_free(m);
}

/* ---- refusals ---- */

static bool flattens(const char *path, const socle_module *m, void *user)
{
    (void)path, (void)user;
    return strcmp(socle_module_type_of(m)->name, "Flatten") == 0;
}

Test(lsuv, what_makes_no_sense_is_refused)
{
    socle_module *m = net(general);
    socle_lsuv_report r = { .n = 99 };
    cr_assert_eq(socle_lsuv(m, c, x, (socle_lsuv_desc){ .which = flattens }, &r), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "lsuv: Flatten at \"5\" has no parameter \"weight\"");
    cr_assert_eq(socle_lsuv(m, c, x, (socle_lsuv_desc){ .tolerance = -1 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(socle_lsuv(m, c, x, (socle_lsuv_desc){ .max_passes = -1 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(socle_lsuv(m, c, x, (socle_lsuv_desc){ .form = (socle_lsuv_form)7 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(socle_lsuv(m, c, NULL, (socle_lsuv_desc){ 0 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(socle_lsuv(NULL, c, x, (socle_lsuv_desc){ 0 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(r.n, 99);
    /* a batch that does not fit is an op's failure, with the layer's name */
    socle_tensor *wrong = socle_full(c, SOCLE_F32, socle_shape4(2, 3, 28, 28), 1);
    cr_assert_eq(socle_lsuv(m, c, wrong, (socle_lsuv_desc){ 0 }, &r), SOCLE_ERR_SHAPE);
    cr_assert_not_null(strstr(socle_error(), "child \"0\""), "%s", socle_error());
    socle_ctx_clear(c);
    socle_module_free(m);
}

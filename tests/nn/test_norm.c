/* Norm layers: that they are PyTorch's (and the course's) over three training steps and an evaluation, what they keep, and
 * what they refuse. That their kernels compute what they should is conformance's business. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

enum { CHANNELS = 4, HEIGHT = 5, WIDTH = 3 };

/* ---- helpers ---- */

typedef struct search {
    const char *path;
    socle_tensor *found;
} search;

static int match(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    (void)trainable;
    search *s = user;
    if (strcmp(path, s->path) == 0)
        s->found = t;
    return 0;
}

/* Parameter or buffer; NULL where there is none. */
static socle_tensor *tensor_at(socle_module *m, const char *path)
{
    search s = { path, NULL };
    socle_module_each_param(m, match, &s);
    return s.found;
}

static void write_values(socle_tensor *t, const double *values)
{
    size_t n = (size_t)socle_numel(t), size = socle_dtype_size(socle_dtype_of(t));
    void *data = malloc(n * size);
    doubles_to(socle_dtype_of(t), data, values, n);
    assert_ok(socle_write(t, data, n * size));
    free(data);
}

/* ---- parity ---- */

typedef struct norm_case {
    const char *name;
    socle_norm_desc o;
    bool course;
} norm_case;

static const norm_case cases[] = {
    { "batch", { .kind = SOCLE_NORM_BATCH }, false },
    { "batch_1d", { .kind = SOCLE_NORM_BATCH }, false },
    { "batch_course", { .kind = SOCLE_NORM_BATCH }, true },
    { "layer", { .kind = SOCLE_NORM_LAYER, .affine = SOCLE_AFFINE_ELEMENT }, false },
    { "layer_course", { .kind = SOCLE_NORM_LAYER }, true },
    { "layer_channel", { .kind = SOCLE_NORM_LAYER }, false },
    { "instance", { .kind = SOCLE_NORM_INSTANCE }, false },
    { "instance_course", { .kind = SOCLE_NORM_INSTANCE }, true },
    { "group", { .kind = SOCLE_NORM_GROUP, .groups = 2 }, false },
    { "running", { .kind = SOCLE_NORM_RUNNING }, false },
};
enum { CASES = sizeof cases / sizeof cases[0] };

static socle_module *make(const norm_case *k, socle_device *d)
{
    socle_norm_desc o = k->course ? socle_norm_course(k->o.kind) : k->o;
    o.channels = CHANNELS;
    o.shape = socle_shape3(CHANNELS, HEIGHT, WIDTH);
    return socle_norm_new(d, o);
}

/* Numbers reach 2.5 r, with r = 1 / sqrt(0.001) = 30 where channel 1's variance is, and what flows through the variance is
 * of that size too. A channel at 8 has its differences exact to 8 eps, which r = 2 hardly enlarges; but the running norm
 * subtracts squares of 64, and then r^2 of the error counts: 64 eps / 0.3. */
static budget budget_for(const char *name, socle_device *d, double scale)
{
    double amplified = strcmp(name, "running") == 0 ? 200 : 8;
    budget b = budget_sum(socle_device_real(d), 17 * HEIGHT * WIDTH, amplified * fmax(1, scale) / 4);
    /* eps, momentum and what is made of them reach a device as floats, in double too */
    if (socle_device_real(d) == SOCLE_F64)
        b.absolute += eps_of(SOCLE_F32) * fmax(1, scale);
    return b;
}

static void expect_entry(const fixture *f, const char *name, const char *what, const socle_tensor *got,
                         socle_device *d)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, what);
    cr_assert(got != NULL, "%s: %s", full, socle_error());
    const fixture_entry *e = fixture_get(f, full);
    double *want = fixture_values(f, full), scale = 0;
    for (size_t i = 0; i < e->n; i++)
        scale = fmax(scale, fabs(want[i]));
    cr_expect(tensor_close(got, want, e->n, budget_for(name, d, scale)), "%s on %s: %s", full, socle_device_name(d),
              support_message());
    free(want);
}

static socle_tensor *entry(const fixture *f, const char *name, const char *what, socle_device *d)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, what);
    return fixture_tensor(f, d, full);
}

static socle_tensor *input(const fixture *f, const char *name, int step, socle_device *d, int lanes)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%d.x", name, step);
    const fixture_entry *e = fixture_get(f, full);
    double *values = fixture_values(f, full);
    socle_tensor *x = tensor_lanes(d, socle_device_real(d), e->shape, lanes, values);
    free(values);
    assert_ok(socle_set_requires_grad(x, true));
    return x;
}

/* One step of `name`: y and all gradients; then weight and bias move against theirs. */
static void train_step(const fixture *f, const char *name, int step, socle_module *m, socle_ctx *c, int lanes)
{
    char what[32];
    socle_device *d = socle_ctx_device(c);
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *x = input(f, name, step, d, lanes), *y = socle_forward(m, c, x);
    snprintf(what, sizeof what, "%d.dy", step);
    socle_tensor *dy = entry(f, name, what, d);
    snprintf(what, sizeof what, "%d.y", step);
    expect_entry(f, name, what, y, d);
    assert_ok(socle_backward(c, socle_sum(c, socle_mul(c, y, dy), 0, false)));
    snprintf(what, sizeof what, "%d.dx", step);
    expect_entry(f, name, what, socle_grad(x), d);
    for (int i = 0; i < 2; i++) {
        socle_tensor *p = tensor_at(m, i == 0 ? "weight" : "bias");
        snprintf(what, sizeof what, "%d.d%s", step, i == 0 ? "weight" : "bias");
        expect_entry(f, name, what, socle_grad(p), d);
        assert_ok(socle_axpby(c, p, -0.25, socle_grad(p), 1));
        socle_zero_grad(p);
    }
    socle_scope_end(c, scope, NULL);
    socle_release(x);
    socle_release(dy);
}

static void expect_buffers(const fixture *f, const char *name, socle_module *m, socle_device *d)
{
    static const char *const buffers[] = { "running_mean", "running_var", "sums",   "sqrs",
                                           "count",        "batch",       "factor", "offset" };
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        char full[96], what[32];
        snprintf(what, sizeof what, "after.%s", buffers[i]);
        snprintf(full, sizeof full, "%s.%s", name, what);
        if (fixture_has(f, full))
            expect_entry(f, name, what, tensor_at(m, buffers[i]), d);
        else
            cr_expect(tensor_at(m, buffers[i]) == NULL, "%s has a buffer %s", name, buffers[i]);
    }
}

static void check_case(const fixture *f, const norm_case *k, socle_device *d, int lanes)
{
    socle_module *m = make(k, d);
    cr_assert_not_null(m, "%s: %s", k->name, socle_error());
    socle_ctx *c = socle_ctx_new(d, 1);
    for (int i = 0; i < 2; i++) {
        char full[96];
        snprintf(full, sizeof full, "%s.%s", k->name, i == 0 ? "weight" : "bias");
        double *values = fixture_values(f, full);
        write_values(tensor_at(m, i == 0 ? "weight" : "bias"), values);
        free(values);
    }
    for (int step = 0; step < 3; step++)
        train_step(f, k->name, step, m, c, lanes);
    expect_buffers(f, k->name, m, d);
    socle_ctx_set_training(c, false);
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *x = input(f, k->name, 0, d, lanes);
    expect_entry(f, k->name, "eval", socle_forward(m, c, x), d);
    socle_scope_end(c, scope, NULL);
    socle_release(x);
    socle_ctx_free(c);
    socle_module_free(m);
}

static void check_device(const char *spec, bool compose_only)
{
    int64_t live_before = socle_test_live_blocks();
    fixture *f = fixture_open("norm.fix");
    socle_device *d = socle_device_open(spec, (socle_device_desc){ .compose_only = compose_only });
    cr_assert_not_null(d, "%s", socle_error());
    for (int i = 0; i < CASES; i++) {
        check_case(f, &cases[i], d, 1);
        check_case(f, &cases[i], d, SOCLE_LANES);
    }
    socle_device_close(d);
    fixture_free(f);
    cr_assert_eq(socle_test_live_blocks(), live_before);
}

Test(norm_parity, norms_are_those_of_pytorch_and_of_the_course)
{
    const char *only = test_device(NULL);
    if (only != NULL) {
        check_device(only, false);
        return;
    }
    check_device("cpu", false);
    check_device("ref", false);
    check_device("ref64", false);
}

Test(norm_parity, composed_norms_are_too)
{
    check_device(test_device("cpu"), true);
}

/* ---- what layers keep and refuse ---- */

static socle_device *d;
static socle_ctx *c;
static socle_scope scope;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 3);
    scope = socle_scope_begin(c);
}

static void tear_down(void)
{
    socle_scope_end(c, scope, NULL);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(norm, .init = set_up, .fini = tear_down);

static socle_tensor *images(int64_t n, int64_t channels, int64_t side, uint64_t seed)
{
    return tensor_random(d, socle_device_real(d), socle_shape4(n, channels, side, side), seed, -1, 1);
}

Test(norm, a_frozen_batch_norm_neither_learns_nor_looks_at_the_batch)
{
    socle_module *m = socle_norm_new(d, (socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 3 });
    socle_module_set_mode(m, SOCLE_ALWAYS_EVAL);
    socle_tensor *x = images(5, 3, 2, 1);
    assert_ok(socle_set_requires_grad(x, true));
    socle_tensor *y = socle_forward(m, c, x);
    double *before = values_of(x), zeros[3] = { 0 }, ones[3] = { 1, 1, 1 };
    /* mean 0, variance 1, eps 1e-5 */
    for (int i = 0; i < 60; i++)
        before[i] /= sqrt(1 + 1e-5);
    assert_close(y, before, 60, budget_roundings(SOCLE_F32, 4));
    assert_close(tensor_at(m, "running_mean"), zeros, 3, budget_exact);
    assert_close(tensor_at(m, "running_var"), ones, 3, budget_exact);
    assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
    for (int i = 0; i < 60; i++)
        before[i] = 1 / sqrt(1 + 1e-5);
    assert_close(socle_grad(x), before, 60, budget_roundings(SOCLE_F32, 4)); /* statistics are constants */
    free(before);
    socle_release(x);
    socle_module_free(m);
}

/* A few roundings of numbers up to 4, whatever is left when they cancel. */
static const budget of_size_four = { .absolute = 16 * 0x1p-23 };

Test(norm, an_activation_in_the_norm_is_the_activation_after_it)
{
    static const socle_act_desc acts[] = {
        { SOCLE_ACT_RELU, 0, 0, 0 },
        { SOCLE_ACT_LEAKY_RELU, 0.125f, 0, 0 },
        { SOCLE_ACT_GENERAL_RELU, 0.125f, 0.25f, 0.5f },
        { SOCLE_ACT_SILU, 0, 0, 0 },
        { SOCLE_ACT_TANH, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        for (socle_norm_kind kind = SOCLE_NORM_BATCH; kind <= SOCLE_NORM_RUNNING; kind++) {
            socle_norm_desc o = { .kind = kind, .channels = 4, .groups = 2, .act = acts[i] };
            socle_module *joined = socle_norm_new(d, o);
            o.act.kind = SOCLE_ACT_NONE;
            socle_module *norm = socle_norm_new(d, o), *act = socle_act_new_with(d, acts[i]);
            socle_tensor *x = images(6, 4, 3, i);
            for (int training = 1; training >= 0; training--) {
                socle_ctx_set_training(c, training);
                socle_tensor *want = socle_forward(act, c, socle_forward(norm, c, x));
                double *values = values_of(want);
                assert_close(socle_forward(joined, c, x), values, 216, of_size_four);
                free(values);
            }
            cr_expect_eq(socle_act_of(joined).kind, acts[i].kind);
            socle_ctx_set_training(c, true);
            socle_release(x);
            socle_module_free(joined);
            socle_module_free(norm);
            socle_module_free(act);
        }
}

/* The block's result against the same three steps by hand. */
static void check_block(bool act_first)
{
    socle_conv_desc o = {
        .in = 2, .out = 4, .norm = SOCLE_NORM_BATCH, .act = SOCLE_ACT_GENERAL_RELU, .leak = 0.1f
    };
    o.sub = 0.4f;
    o.act_first = act_first;
    socle_module *block = socle_conv_new(d, o);
    cr_assert_not_null(block, "%s", socle_error());
    cr_assert(tensor_at(block, "bias") == NULL, "a norm brings its own shift");
    cr_assert_not_null(tensor_at(block, "norm.running_var"));
    socle_tensor *x = images(5, 2, 4, 9), *y = socle_forward(block, c, x);
    socle_norm_opts plain = { .eps = 1e-5 };
    socle_tensor *z = socle_conv2d(c, x, tensor_at(block, "weight"), NULL, (socle_conv2d_opts){ .pad = 1 });
    if (act_first)
        z = socle_general_relu(c, z, 0.1, 0.4, INFINITY);
    z = socle_batch_norm(c, z, NULL, NULL, NULL, NULL, 0, plain);
    if (!act_first)
        z = socle_general_relu(c, z, 0.1, 0.4, INFINITY);
    double *want = values_of(z);
    assert_close(y, want, 320, of_size_four);
    free(want);
    socle_release(x);
    socle_module_free(block);
}

Test(norm, the_conv_block_normalises_before_or_after_its_activation)
{
    check_block(false);
    check_block(true);
}

Test(norm, the_shift_of_a_block_reaches_the_activation_inside_its_norm)
{
    socle_conv_desc o = { .in = 1, .out = 2, .norm = SOCLE_NORM_GROUP, .act = SOCLE_ACT_GENERAL_RELU };
    o.norm_desc.groups = 2;
    socle_module *block = socle_conv_new(d, o);
    socle_tensor *x = images(2, 1, 4, 5);
    double *before = values_of(socle_forward(block, c, x));
    assert_ok(socle_act_set_shift(block, 0.5f));
    for (int i = 0; i < 64; i++)
        before[i] -= 0.5;
    assert_close(socle_forward(block, c, x), before, 64, of_size_four);
    free(before);
    socle_release(x);
    socle_module_free(block);
}

/* ---- running batch norm ---- */

Test(norm, a_running_norm_goes_on_from_counters_that_somebody_wrote)
{
    socle_norm_desc o = { .kind = SOCLE_NORM_RUNNING, .channels = 2 };
    socle_module *first = socle_norm_new(d, o), *second = socle_norm_new(d, o);
    static const char *const kept[] = { "sums", "sqrs", "count", "batch", "factor", "offset" };
    socle_tensor *x = images(4, 2, 3, 1), *next = images(6, 2, 3, 2);
    socle_forward(first, c, x);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        double *values = values_of(tensor_at(first, kept[i]));
        write_values(tensor_at(second, kept[i]), values);
        free(values);
    }
    cr_assert(tensors_identical(socle_forward(first, c, next), socle_forward(second, c, next)), "%s",
              support_message());
    cr_assert(tensors_identical(tensor_at(first, "count"), tensor_at(second, "count")), "%s", support_message());
    socle_release(x);
    socle_release(next);
    socle_module_free(first);
    socle_module_free(second);
}

/* In double, where the averages of an earlier batch are constants and the batch's own part is not. */
Test(norm, the_gradient_of_a_running_norm_flows_through_what_the_batch_adds)
{
    enum { N = 3, C = 2, S = 4, COUNT = N * C * S };
    static const double step = 1e-5;
    socle_device *exact = open_device("ref64", 1);
    socle_ctx *k = socle_ctx_new(exact, 1);
    double values[COUNT], weights[COUNT], sums[C] = { 3, -2 }, sqrs[C] = { 20, 11 }, count = 18, batch = 40;
    fill_random(values, COUNT, 7, -1, 1);
    fill_random(weights, COUNT, 8, -1, 1);
    socle_module *m = socle_norm_new(exact, (socle_norm_desc){ .kind = SOCLE_NORM_RUNNING, .channels = C });
    socle_tensor *dy = tensor_of(exact, SOCLE_F64, socle_shape3(N, C, S), weights);
    double analytic[COUNT], losses[2];
    for (int i = -1; i < COUNT; i++) /* -1: the gradient itself */
        for (int side = 0; side < (i < 0 ? 1 : 2); side++) {
            double x[COUNT];
            memcpy(x, values, sizeof x);
            if (i >= 0)
                x[i] += side == 0 ? step : -step;
            write_values(tensor_at(m, "sums"), sums);
            write_values(tensor_at(m, "sqrs"), sqrs);
            write_values(tensor_at(m, "count"), &count);
            write_values(tensor_at(m, "batch"), &batch);
            socle_scope s = socle_scope_begin(k);
            socle_tensor *t = tensor_of(exact, SOCLE_F64, socle_shape3(N, C, S), x);
            assert_ok(socle_set_requires_grad(t, true));
            socle_tensor *loss = socle_sum(k, socle_mul(k, socle_forward(m, k, t), dy), 0, false);
            assert_ok(socle_item(loss, &losses[side]));
            if (i < 0) {
                assert_ok(socle_backward(k, loss));
                double *g = values_of(socle_grad(t));
                memcpy(analytic, g, sizeof analytic);
                free(g);
            }
            socle_scope_end(k, s, NULL);
            socle_release(t);
            if (i >= 0 && side == 1)
                /* shares and averages are floats times doubles: 1e-7; the difference itself: step^2 */
                cr_assert_float_eq((losses[0] - losses[1]) / (2 * step), analytic[i], 1e-6, "element %d", i);
        }
    socle_release(dy);
    socle_module_free(m);
    socle_ctx_free(k);
    socle_device_close(exact);
}

/* ---- bad input ---- */

static void expect_refusal(socle_norm_desc o, const char *words)
{
    socle_module *m = socle_norm_new(d, o);
    cr_assert(m == NULL, "accepted: %s", words);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), words) != NULL, "\"%s\" does not say \"%s\"", socle_error(), words);
}

Test(norm, descs_that_make_no_sense_are_refused_in_one_sentence)
{
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_NONE, .channels = 4 }, "no norm 0");
    expect_refusal((socle_norm_desc){ .kind = (socle_norm_kind)77, .channels = 4 }, "no norm 77");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_BATCH }, "BatchNorm: 0 channels");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_GROUP, .channels = 6, .groups = 4 },
                   "4 groups do not divide 6");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_GROUP, .channels = 6 }, "0 groups do not divide 6");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 2, .eps = -1 }, "eps -1");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 2, .momentum = 1.5 }, "momentum 1.5");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 2, .affine = SOCLE_AFFINE_ELEMENT },
                   "LayerNorm's alone");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_LAYER, .channels = 2, .affine = SOCLE_AFFINE_ELEMENT },
                   "shape of an image");
    expect_refusal((socle_norm_desc){ .kind = SOCLE_NORM_RUNNING, .channels = 2, .affine = SOCLE_AFFINE_SCALAR },
                   "for each channel or none");
}

Test(norm, inputs_that_do_not_fit_are_refused_in_one_sentence)
{
    socle_module *batch = socle_norm_new(d, (socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 3 });
    socle_module *running = socle_norm_new(d, (socle_norm_desc){ .kind = SOCLE_NORM_RUNNING, .channels = 3 });
    socle_tensor *wrong = images(4, 2, 3, 1), *one = images(1, 3, 3, 1);
    cr_assert(socle_forward(batch, c, wrong) == NULL);
    cr_assert(strstr(socle_error(), "input (4, 2, 3, 3) has 2 channels, the running mean is of shape (3)") != NULL,
              "%s", socle_error());
    socle_ctx_clear(c);
    scope = socle_scope_begin(c);
    cr_assert(socle_forward(running, c, one) == NULL);
    cr_assert(strstr(socle_error(), "batch of 1 images") != NULL, "%s", socle_error());
    socle_ctx_clear(c);
    scope = socle_scope_begin(c);
    socle_release(wrong);
    socle_release(one);
    socle_module_free(batch);
    socle_module_free(running);
}

static void count_warnings(void *user, socle_log_level level, const char *text)
{
    if (level == SOCLE_LOG_WARN && strstr(text, "no variance") != NULL)
        ++*(int *)user;
}

Test(norm, a_norm_of_single_numbers_leaves_the_bias_and_warns_once)
{
    int warnings = 0;
    socle_set_log(count_warnings, &warnings);
    socle_module *m = socle_norm_new(d, socle_norm_course(SOCLE_NORM_INSTANCE));
    cr_assert(m == NULL); /* the preset says nothing of channels */
    socle_norm_desc o = socle_norm_course(SOCLE_NORM_INSTANCE);
    o.channels = 2;
    m = socle_norm_new(d, o);
    socle_tensor *x = images(3, 2, 1, 4);
    double zeros[6] = { 0 };
    for (int i = 0; i < 3; i++)
        assert_close(socle_forward(m, c, x), zeros, 6, budget_exact);
    socle_set_log(NULL, NULL);
    cr_assert_eq(warnings, 1);
    socle_release(x);
    socle_module_free(m);
}

/* Initialising networks: what is drawn, what is left alone, and that the place alone decides the numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/weights.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_module *model;
static int64_t live_before;

/* Two convolutions, one without a bias, a linear layer, and a parameter of a module of one's own. */
static socle_tensor *pass(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    (void)m, (void)c;
    return x;
}

static const socle_module_type scaled = { .name = "Scaled", .forward = pass };

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
    model = socle_sequential_new(d);
    socle_append(model, socle_conv_new(d, (socle_conv_desc){ .in = 2, .out = 64, .size = 5 }));
    socle_append(model, socle_conv_new(d, (socle_conv_desc){ .in = 64, .out = 32, .bias = SOCLE_BIAS_OFF }));
    socle_append(model, socle_linear_new(d, (socle_linear_desc){ .in = 64, .out = 50 }));
    socle_module *own = socle_module_new(&scaled, d);
    socle_module_param(own, "weight", socle_shape4(4, 4, 3, 3), socle_init_normal(0, 1));
    socle_append(model, socle_module_ready(own));
    cr_assert_not_null(model);
    assert_ok(socle_reset_parameters(model, 5));
}

static void tear_down(void)
{
    socle_module_free(model);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(draw, .init = set_up, .fini = tear_down);

typedef struct moments {
    double mean, std, largest;
    double first; /* number */
} moments;

typedef struct search {
    const char *path;
    moments m;
} search;

static int measure(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner, (void)trainable;
    search *s = user;
    if (strcmp(path, s->path) != 0)
        return 0;
    double *v = values_of(t), n = (double)socle_numel(t);
    s->m.first = v[0];
    for (int64_t i = 0; i < socle_numel(t); i++) {
        s->m.mean += v[i] / n;
        s->m.std += v[i] * v[i] / n;
        s->m.largest = fmax(s->m.largest, fabs(v[i]));
    }
    s->m.std = sqrt(s->m.std - s->m.mean * s->m.mean);
    free(v);
    return 1;
}

static moments of(const char *path)
{
    search s = { .path = path };
    cr_assert_eq(socle_module_each_param(model, measure, &s), 1, "there is no %s", path);
    return s.m;
}

/* n draws: the standard error of the deviation is sqrt((kurtosis - 1) / 4n) of it; five are allowed. */
static void expect(const char *path, double std, double n, double kurtosis)
{
    moments m = of(path);
    cr_assert_float_eq(m.std, std, 5 * std * sqrt((kurtosis - 1) / (4 * n)), "%s: %g, not %g", path, m.std, std);
    cr_assert_float_eq(m.mean, 0, 5 * std / sqrt(n), "%s: mean %g", path, m.mean);
}

Test(draw, convolutions_get_kaiming_weights_and_no_bias_and_nothing_else_changes)
{
    moments linear = of("2.weight"), bias = of("2.bias"), own = of("3.weight");
    assert_ok(socle_init_cnn(model, (socle_init_cnn_desc){ .leak = 0.1, .seed = 5 }));
    expect("0.weight", sqrt(2 / 1.01 / (2 * 25)), 64 * 50, 3);
    expect("1.weight", sqrt(2 / 1.01 / (64 * 9)), 32 * 64 * 9, 3);
    cr_assert_eq(of("0.bias").largest, 0);
    moments after[] = { of("2.weight"), of("2.bias"), of("3.weight") };
    cr_assert_eq(memcmp(&after[0], &linear, sizeof linear), 0);
    cr_assert_eq(memcmp(&after[1], &bias, sizeof bias), 0);
    cr_assert_eq(memcmp(&after[2], &own, sizeof own), 0);
}

Test(draw, the_uniform_form_has_bounds_and_linear_layers_join_on_demand)
{
    assert_ok(socle_init_cnn(model, (socle_init_cnn_desc){ .uniform = true, .linear = true }));
    double std = sqrt(2.0 / 50);
    expect("0.weight", std, 64 * 50, 1.8);
    cr_assert(of("0.weight").largest <= sqrt(3) * std * (1 + 1e-6));
    expect("2.weight", sqrt(2.0 / 64), 50 * 64, 1.8);
    cr_assert_eq(of("2.bias").largest, 0);
}

static bool only_linear(const char *path, socle_module *owner, socle_tensor *t, socle_init *init, void *user)
{
    (void)path, (void)t;
    *(double *)user += init->fill != NULL;
    *init = socle_init_normal(0, 1);
    return strcmp(socle_module_type_of(owner)->name, "Linear") == 0;
}

Test(draw, numbers_depend_on_seed_and_place_and_not_on_what_else_is_drawn)
{
    double asked = 0;
    assert_ok(socle_init_cnn(model, (socle_init_cnn_desc){ .seed = 7, .linear = true }));
    moments with_others = of("2.weight");
    assert_ok(socle_init_parameters(model, only_linear, &asked, 7));
    cr_assert_eq(asked, 6, "every parameter is offered, with the initialiser it was made with");
    /* the same normal numbers under another scale */
    cr_assert_float_eq(of("2.weight").first * sqrt(2.0 / 64), with_others.first, 1e-6);
    assert_ok(socle_init_parameters(model, only_linear, &asked, 8));
    cr_assert_neq(of("2.weight").first * sqrt(2.0 / 64), with_others.first);
}

Test(draw, nothing_may_be_missing)
{
    cr_assert_eq(socle_init_cnn(NULL, (socle_init_cnn_desc){ 0 }), SOCLE_ERR_ARG);
    cr_assert_eq(socle_init_parameters(model, NULL, NULL, 0), SOCLE_ERR_ARG);
}

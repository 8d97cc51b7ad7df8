/* Initial weights: scales as in SPEC's formulas, moments within what the sample size allows, bounds. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
}

static void tear_down(void)
{
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(init, .init = set_up, .fini = tear_down);

Test(init, the_gain_of_a_leak)
{
    /* Values that the course prints, with five decimals. */
    static const double leak_gain[][2] = { { 1, 1 }, { 0, 1.41421 }, { 0.01, 1.41414 }, { 0.1, 1.40720 } };
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(socle_gain(leak_gain[i][0]), leak_gain[i][1], 5e-6);
    cr_assert_float_eq(socle_gain(sqrt(5.0)), 1 / sqrt(3.0), 1e-15);
}

Test(init, fans_count_the_window)
{
    cr_assert_eq(socle_fan(socle_shape4(32, 1, 5, 5), false), 25);
    cr_assert_eq(socle_fan(socle_shape4(32, 1, 5, 5), true), 800);
    cr_assert_eq(socle_fan(socle_shape2(10, 784), false), 784);
    cr_assert_eq(socle_fan(socle_shape2(10, 784), true), 10);
    cr_assert_eq(socle_fan(socle_shape1(7), false), 1);
    cr_assert_eq(socle_fan(socle_shape1(7), true), 7);
}

/* ---- moments ---- */

typedef struct moments {
    double mean, std, low, high;
} moments;

static const int64_t samples = 64 * 32 * 5 * 5;

static moments measure(socle_init init)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, socle_shape4(64, 32, 5, 5));
    socle_rng r = { .key = 12345 };
    assert_ok(socle_init_tensor(t, init, &r));
    double *v = values_of(t);
    moments m = { .low = v[0], .high = v[0] };
    for (int64_t i = 0; i < samples; i++) {
        m.mean += v[i] / (double)samples;
        m.low = fmin(m.low, v[i]);
        m.high = fmax(m.high, v[i]);
    }
    for (int64_t i = 0; i < samples; i++)
        m.std += (v[i] - m.mean) * (v[i] - m.mean) / (double)samples;
    m.std = sqrt(m.std);
    free(v);
    socle_release(t);
    return m;
}

/* The mean of n draws has the standard error std / sqrt(n); their deviation has std sqrt((k - 1) / 4n), where k is the
 * distribution's kurtosis: 3 for the normal, 1.8 for the uniform. Five of them are allowed. */
static void expect(moments m, double mean, double std, double kurtosis)
{
    double n = (double)samples;
    cr_assert_float_eq(m.mean, mean, 5 * std / sqrt(n), "mean %g, expected %g", m.mean, mean);
    cr_assert_float_eq(m.std, std, 5 * std * sqrt((kurtosis - 1) / (4 * n)), "deviation %g, expected %g", m.std,
                       std);
}

static const double normal = 3, uniform = 1.8;

Test(init, kaiming_has_the_deviation_of_its_formula)
{
    static const double leaks[] = { 0, 0.1, 2.2360679774997896 };
    for (int i = 0; i < 3; i++) {
        double gain = sqrt(2 / (1 + leaks[i] * leaks[i]));
        for (int out = 0; out < 2; out++) {
            double std = gain / sqrt(out ? 64 * 25 : 32 * 25);
            expect(measure(socle_init_kaiming_normal(leaks[i], out)), 0, std, normal);
            moments m = measure(socle_init_kaiming_uniform(leaks[i], out));
            expect(m, 0, std, uniform);
            cr_assert(m.high <= sqrt(3) * std * (1 + 1e-7) && m.high > 0.999 * sqrt(3) * std);
            cr_assert(m.low >= -sqrt(3) * std * (1 + 1e-7) && m.low < -0.999 * sqrt(3) * std);
        }
    }
}

Test(init, uniform_and_normal_take_their_parameters)
{
    moments m = measure(socle_init_uniform(-1, 3));
    expect(m, 1, 4 / sqrt(12), uniform);
    cr_assert(m.low >= -1 && m.high <= 3);
    expect(measure(socle_init_normal(0.5, 0.25)), 0.5, 0.25, normal);
    m = measure(socle_init_constant(0.75));
    cr_assert(m.low == 0.75 && m.high == 0.75);
}

Test(init, a_network_initialised_for_relu_keeps_the_size_of_its_signals)
{
    /* What is 1.006 for 512 in the course: mean square after x W^T and a ReLU, for x of N(0, 1) and 2 / fan. The mean of
     * n m squares with variance 5 has the standard error sqrt(5 / nm), 0.009 here; and 0.6 of a mean 0.564, 0.003. */
    enum { N = 256 };
    socle_ctx *c = socle_ctx_new(d, 5);
    socle_tensor *w = socle_tensor_new(d, SOCLE_F32, socle_shape2(N, N));
    socle_rng r = { .key = 99 };
    assert_ok(socle_init_tensor(w, socle_init_kaiming_normal(0, false), &r));
    socle_tensor *y = socle_relu(c, socle_linear(c, socle_randn(c, socle_shape2(N, N)), w, NULL));
    double mean, square;
    assert_ok(socle_item(socle_mean(c, y, 0, false), &mean));
    assert_ok(socle_item(socle_mean(c, socle_square(c, y), 0, false), &square));
    cr_assert_float_eq(mean, 0.564, 5 * 0.0033, "%g", mean);
    cr_assert_float_eq(square, 1.0, 5 * 0.0088, "%g", square);
    socle_release(w);
    socle_ctx_free(c);
}

/* ---- PyTorch's defaults ---- */

static void expect_bound(socle_tensor *t, double bound)
{
    double *v = values_of(t), largest = 0, sum = 0;
    int64_t n = socle_numel(t);
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(v[i]));
        sum += v[i];
    }
    cr_assert(largest <= bound * (1 + 1e-7), "%g is beyond %g", largest, bound);
    /* Of n uniform numbers all stay below 1 - 20 / n of the bound with a chance of exp(-20). */
    cr_assert(largest >= bound * (1 - 20.0 / (double)n), "%g does not come near %g", largest, bound);
    cr_assert(fabs(sum / (double)n) < 5 * bound / sqrt(3.0 * (double)n));
    free(v);
}

static int check_default(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    cr_assert(trainable);
    expect_bound(t, 1 / sqrt(*(const double *)user));
    return 0;
}

Test(init, linear_and_convolution_start_as_pytorchs_do)
{
    double fan = 784;
    socle_module *m = socle_linear_new(d, (socle_linear_desc){ .in = 784, .out = 50 });
    socle_module_each_param(m, check_default, &fan);
    socle_module_free(m);

    fan = 16 / 4 * 5 * 5;
    m = socle_conv_new(d, (socle_conv_desc){ .in = 16, .out = 64, .size = 5, .groups = 4 });
    socle_module_each_param(m, check_default, &fan);
    socle_module_free(m);
}

/* ---- the tensor ---- */

Test(init, only_real_tensors_are_drawn_and_nothing_may_be_missing)
{
    socle_rng r = { .key = 1 };
    socle_tensor *t = socle_tensor_new(d, SOCLE_I32, socle_shape1(3));
    cr_assert_eq(socle_init_tensor(t, socle_init_constant(1), &r), SOCLE_ERR_DTYPE);
    socle_release(t);
    t = socle_tensor_new(d, SOCLE_F32, socle_shape1(3));
    cr_assert_eq(socle_init_tensor(t, (socle_init){ 0 }, &r), SOCLE_ERR_ARG);
    cr_assert_eq(socle_init_tensor(NULL, socle_init_constant(1), &r), SOCLE_ERR_ARG);
    socle_release(t);
    t = socle_tensor_new(d, SOCLE_F32, socle_shape2(0, 3));
    assert_ok(socle_init_tensor(t, socle_init_kaiming_normal(0, true), &r));
    socle_release(t);
}

Test(init, a_stream_goes_on_from_tensor_to_tensor)
{
    socle_rng one = { .key = 8 }, two = { .key = 8 };
    socle_tensor *whole = socle_tensor_new(d, SOCLE_F32, socle_shape1(10));
    socle_tensor *part = socle_tensor_new(d, SOCLE_F32, socle_shape1(5));
    assert_ok(socle_init_tensor(whole, socle_init_uniform(0, 1), &one));
    double *want = values_of(whole);
    for (int i = 0; i < 2; i++) {
        assert_ok(socle_init_tensor(part, socle_init_uniform(0, 1), &two));
        assert_close(part, want + 5 * i, 5, budget_exact);
    }
    free(want);
    socle_release(whole);
    socle_release(part);
}

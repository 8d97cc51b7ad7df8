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

/* The mean of n draws has the standard error std / sqrt(n); their deviation has std sqrt((k - 1) / 4n), where k
 * is the distribution's kurtosis: 3 for the normal, 1.8 for the uniform. Five of them are allowed. */
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

Test(init, xavier_has_the_deviation_of_its_formula)
{
    static const double gains[] = { 1, 5.0 / 3 };
    for (int i = 0; i < 2; i++) {
        double std = gains[i] * sqrt(2.0 / (32 * 25 + 64 * 25));
        expect(measure(socle_init_xavier_normal(gains[i])), 0, std, normal);
        moments m = measure(socle_init_xavier_uniform(gains[i]));
        expect(m, 0, std, uniform);
        cr_assert(m.high <= sqrt(3) * std * (1 + 1e-7) && m.high > 0.999 * sqrt(3) * std);
        cr_assert(m.low >= -sqrt(3) * std * (1 + 1e-7) && m.low < -0.999 * sqrt(3) * std);
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

/* x = w x with a fresh w of N(0, std^2) each time, from x of N(0, 1), `steps` times. */
enum { WIDTH = 256 };
static double *chain(double std, int steps)
{
    socle_ctx *c = socle_ctx_new(d, 5);
    socle_ctx_set_grad(c, false);
    socle_tensor *w = socle_tensor_new(d, SOCLE_F32, socle_shape2(WIDTH, WIDTH));
    socle_tensor *x = socle_randn(c, socle_shape2(WIDTH, 1));
    socle_rng r = { .key = 99 };
    for (int i = 0; i < steps; i++) {
        assert_ok(socle_init_tensor(w, socle_init_normal(0, std), &r));
        x = socle_matmul(c, w, x);
    }
    double *values = values_of(x);
    socle_release(w);
    socle_ctx_free(c);
    return values;
}

static int finite_of(const double *v)
{
    int n = 0;
    for (int i = 0; i < WIDTH; i++)
        n += isfinite(v[i]) != 0;
    return n;
}

Test(init, a_hundred_products_explode_vanish_or_stay)
{
    /* Each product multiplies the deviation by std sqrt(256): by 16, and 16^32 is the largest float. */
    double *early = chain(1, 28), *late = chain(1, 40);
    cr_assert_eq(finite_of(early), WIDTH);
    cr_assert_eq(finite_of(late), 0);
    double *vanished = chain(0.01, 100);
    for (int i = 0; i < WIDTH; i++)
        cr_assert_eq(vanished[i], 0);
    /* The logarithm of the mean square is a sum of 100 terms of mean -1/256 and variance 2/256: -0.39, give or
     * take 0.88. */
    double *kept = chain(1 / sqrt(WIDTH), 100), square = 0;
    for (int i = 0; i < WIDTH; i++)
        square += kept[i] * kept[i] / WIDTH;
    cr_assert_float_eq(log(square), -0.39, 5 * 0.88, "%g", square);
    free(early);
    free(late);
    free(vanished);
    free(kept);
}

Test(init, a_network_initialised_for_relu_keeps_the_size_of_its_signals)
{
    /* What is 1.006 for 512 in the course: mean square after x W^T and a ReLU, for x of N(0, 1) and 2 / fan. The
     * mean of n m squares with variance 5 has the standard error sqrt(5 / nm), 0.009 here; and 0.6 of a mean
     * 0.564, 0.003. */
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

/* One 5x5 convolution of x ~ N(0, 1) with fan 25: outputs are normal with deviation gain(leak), which the leaky
 * ReLU takes to a mean of (1 - leak) gain / sqrt(2 pi) and a mean square of gain^2 (1 + leak^2) / 2 = 1, here
 * for pixels away from the border. Pixels of one image share inputs and those of one filter share weights: at 64
 * filters of 25 weights the mean square carries the error sqrt(2 / 25 / 64) of the filters' sizes. */
Test(init, kaiming_keeps_the_mean_square_through_a_convolution_and_its_activation)
{
    static const double leaks[] = { 0, 0.1, 1 };
    for (int i = 0; i < 3; i++) {
        socle_ctx *c = socle_ctx_new(d, 6);
        socle_tensor *w = socle_tensor_new(d, SOCLE_F32, socle_shape4(64, 1, 5, 5));
        socle_rng r = { .key = 31 };
        assert_ok(socle_init_tensor(w, socle_init_kaiming_uniform(leaks[i], false), &r));
        socle_tensor *x = socle_randn(c, socle_shape4(16, 1, 12, 12));
        socle_tensor *y = socle_leaky_relu(c, socle_conv2d(c, x, w, NULL, (socle_conv2d_opts){ 0 }), leaks[i]);
        double mean, square, gain = sqrt(2 / (1 + leaks[i] * leaks[i]));
        assert_ok(socle_item(socle_mean(c, y, 0, false), &mean));
        assert_ok(socle_item(socle_mean(c, socle_square(c, y), 0, false), &square));
        cr_assert_float_eq(square, 1, 5 * sqrt(2.0 / 25 / 64), "leak %g: %g", leaks[i], square);
        cr_assert_float_eq(mean, (1 - leaks[i]) * gain / sqrt(2 * 3.14159265), 5 * sqrt(0.5 / 25 / 64), "%g", mean);
        socle_release(w);
        socle_ctx_free(c);
    }
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

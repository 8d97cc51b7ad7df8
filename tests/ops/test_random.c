/* Dropout, constants, and writes in place. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/ops.h>
#include "core/tensor.h"
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;

static void setup(void)
{
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 42);
}

static void teardown(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
}

TestSuite(random_ops, .init = setup, .fini = teardown);

Test(random_ops, dropout_is_the_identity_in_evaluation_and_for_p_0)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape1(50), 1, -1, 1);
    uint64_t counter = socle_ctx_random_counter(c);
    assert_identical(socle_dropout(c, x, 0), x);
    socle_ctx_set_training(c, false);
    assert_identical(socle_dropout(c, x, 0.5), x);
    cr_assert(socle_ctx_random_counter(c) == counter, "numbers were drawn for nothing");
    socle_release(x);
}

Test(random_ops, dropout_in_evaluation_lets_the_gradient_through)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape1(2), 1, -1, 1);
    assert_ok(socle_set_requires_grad(x, true));
    socle_ctx_set_training(c, false);
    socle_tensor *y = socle_dropout(c, socle_scale(c, x, 3, 0), 0.5);
    assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
    assert_close(socle_grad(x), ((double[]){ 3, 3 }), 2, budget_exact);
    socle_release(x);
}

Test(random_ops, dropout_drops_the_share_asked_for_and_scales_the_rest)
{
    enum { N = 20000 };
    const double p = 0.3;
    socle_tensor *x = socle_full(c, SOCLE_F32, socle_shape2(N / 10, 10), 1);
    double *y = values_of(socle_dropout(c, x, p));
    int dropped = 0;
    for (int i = 0; i < N; i++) {
        dropped += y[i] == 0;
        cr_assert(y[i] == 0 || fabs(y[i] - 1 / (1 - p)) < 1e-6, "%g", y[i]);
    }
    /* binomial: five standard deviations */
    cr_assert(fabs(dropped - p * N) < 5 * sqrt(N * p * (1 - p)), "%d of %d", dropped, N);
    free(y);
}

Test(random_ops, dropout_backward_uses_the_mask_of_forward_in_any_format)
{
    for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
        double ones[19 * 7];
        for (int i = 0; i < 19 * 7; i++)
            ones[i] = 1;
        socle_tensor *x = tensor_lanes(d, SOCLE_F32, socle_shape2(19, 7), lanes, ones);
        assert_ok(socle_set_requires_grad(x, true));
        socle_ctx_set_random_counter(c, 11);
        socle_tensor *y = socle_dropout(c, x, 0.5);
        double *want = values_of(y);
        assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
        assert_close(socle_grad(x), want, 19 * 7, budget_exact);
        static double first[19 * 7];
        if (lanes == 1)
            memcpy(first, want, sizeof first);
        assert_values(want, first, 19 * 7, budget_exact);
        free(want);
        socle_release(x);
    }
}

Test(random_ops, saving_and_restoring_the_counter_repeats_the_stream)
{
    socle_shape s = socle_shape2(3, 5);
    uint64_t start = socle_ctx_random_counter(c);
    socle_tensor *a = socle_randn(c, s), *b = socle_randn(c, s), *u = socle_rand(c, s);
    socle_ctx_set_random_counter(c, start);
    assert_identical(a, socle_randn(c, s));
    assert_identical(b, socle_randn(c, s));
    assert_identical(u, socle_rand(c, s));
    cr_assert(!tensors_identical(a, b), "two draws are the same");
}

Test(random_ops, dropout_refuses_what_is_no_probability)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape1(2), 1, -1, 1);
    const double bad[] = { 1, -0.1, NAN, 1.5 };
    for (int training = 0; training < 2; training++)
        for (int i = 0; i < 4; i++) {
            socle_ctx_set_training(c, training != 0);
            cr_assert(socle_dropout(c, x, bad[i]) == NULL);
            cr_assert(socle_ctx_status(c) == SOCLE_ERR_ARG);
            cr_assert(strstr(socle_error(), "not in [0, 1)") != NULL, "%s", socle_error());
            socle_ctx_clear(c);
        }
    socle_release(x);
}

Test(random_ops, random_tensors_have_the_moments_of_their_distribution)
{
    enum { N = 40000 };
    for (int normal = 0; normal < 2; normal++) {
        double *v = values_of(normal ? socle_randn(c, socle_shape1(N)) : socle_rand(c, socle_shape1(N)));
        double sum = 0, squares = 0;
        for (int i = 0; i < N; i++) {
            cr_assert(normal || (v[i] >= 0 && v[i] < 1));
            sum += v[i];
            squares += v[i] * v[i];
        }
        double mean = sum / N, var = squares / N - mean * mean;
        double expected_mean = normal ? 0 : 0.5, expected_var = normal ? 1 : 1.0 / 12;
        /* five standard deviations of a mean, and of a variance (fourth moment at most 3 var^2) */
        cr_assert(fabs(mean - expected_mean) < 5 * sqrt(expected_var / N), "%g", mean);
        cr_assert(fabs(var - expected_var) < 5 * expected_var * sqrt(2.0 / N), "%g", var);
        free(v);
    }
}

Test(random_ops, writes_in_place_advance_the_version_and_are_not_recorded)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape2(2, 2), (double[]){ 1, 2, 3, 4 });
    socle_tensor *row = tensor_of(d, SOCLE_I32, socle_shape1(2), (double[]){ 10, 20 });
    assert_ok(socle_set_requires_grad(x, true));
    unsigned long long version = x->store->version;
    assert_ok(socle_assign(c, x, row)); /* broadcast and cast */
    assert_close(x, ((double[]){ 10, 20, 10, 20 }), 4, budget_exact);
    cr_assert(x->store->version > version);
    version = x->store->version;
    assert_ok(socle_axpby(c, x, 2, x, 0.5));
    assert_close(x, ((double[]){ 25, 50, 25, 50 }), 4, budget_exact);
    cr_assert(x->store->version > version);
    version = x->store->version;
    assert_ok(socle_fill(c, x, -1));
    cr_assert(x->store->version > version);
    cr_assert(socle_backward(c, socle_detach(c, socle_slice(c, socle_reshape(c, x, socle_shape1(4)), 0, 0, 1))) ==
              SOCLE_ERR_STATE);
    socle_release(x);
    socle_release(row);
}

Test(random_ops, writes_in_place_refuse_shapes_that_do_not_fit)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape1(2), (double[]){ 1, 2 });
    socle_tensor *y = tensor_of(d, SOCLE_F32, socle_shape1(3), (double[]){ 1, 2, 3 });
    cr_assert(socle_assign(c, x, y) == SOCLE_ERR_SHAPE && socle_ctx_status(c) == SOCLE_ERR_SHAPE);
    socle_ctx_clear(c);
    cr_assert(socle_axpby(c, x, 1, y, 1) == SOCLE_ERR_SHAPE);
    assert_close(x, ((double[]){ 1, 2 }), 2, budget_exact);
    socle_release(x);
    socle_release(y);
}

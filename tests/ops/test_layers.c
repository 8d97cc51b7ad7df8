/* Convolution, pooling, linear, matmul, reductions and losses: the shapes they give, and the sentence each
 * refusal says. Their values are checked in test_parity.c and test_gradients.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/ops.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;

static void setup(void)
{
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 1);
}

static void teardown(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
}

TestSuite(layers, .init = setup, .fini = teardown);

static socle_tensor *zeros(socle_shape s)
{
    return socle_full(c, SOCLE_F32, s, 0);
}

static void expect_shape(const socle_tensor *y, socle_shape s)
{
    cr_expect(y != NULL, "%s", socle_error());
    cr_expect(socle_shape_equal(socle_shape_of(y), s));
}

static void expect_failure(const socle_tensor *y, socle_status s, const char *text)
{
    cr_expect(y == NULL);
    cr_expect(socle_ctx_status(c) == s, "%d: %s", (int)socle_ctx_status(c), socle_error());
    cr_expect(strstr(socle_error(), text) != NULL, "%s", socle_error());
    socle_ctx_clear(c);
}

static socle_tensor *conv(socle_shape x, socle_shape w, socle_shape bias, socle_conv2d_opts o)
{
    return socle_conv2d(c, zeros(x), zeros(w), bias.ndim < 0 ? NULL : zeros(bias), o);
}

static const socle_shape no_bias = { .ndim = -1 };

Test(layers, convolution_defaults_are_stride_1_no_padding_dilation_1_one_group)
{
    expect_shape(
        conv(socle_shape4(2, 3, 7, 9), socle_shape4(5, 3, 3, 2), socle_shape1(5), (socle_conv2d_opts){ 0 }),
        socle_shape4(2, 5, 5, 8));
    expect_shape(conv(socle_shape4(0, 3, 7, 9), socle_shape4(5, 3, 3, 2), no_bias, (socle_conv2d_opts){ 0 }),
                 socle_shape4(0, 5, 5, 8));
    expect_shape(conv(socle_shape4(2, 4, 28, 28), socle_shape4(4, 1, 5, 5), no_bias,
                      (socle_conv2d_opts){ .stride = 3, .pad = 2, .dilation = 2, .groups = 4 }),
                 socle_shape4(2, 4, 8, 8));
}

Test(layers, convolution_says_what_does_not_fit)
{
    socle_conv2d_opts o = { 0 };
    expect_failure(conv(socle_shape4(8, 3, 28, 28), socle_shape4(16, 8, 3, 3), no_bias, o), SOCLE_ERR_SHAPE,
                   "conv2d: input (8, 3, 28, 28) has 3 channels, weight (16, 8, 3, 3) expects 8");
    expect_failure(conv(socle_shape2(8, 784), socle_shape4(16, 1, 3, 3), no_bias, o), SOCLE_ERR_SHAPE,
                   "input 0 of shape (8, 784) has 2 dimensions, expected are 4, (N, C, H, W)");
    expect_failure(
        conv(socle_shape4(8, 1, 2, 2), socle_shape4(4, 1, 3, 3), no_bias, o), SOCLE_ERR_SHAPE,
        "the window of weight (4, 1, 3, 3) with dilation 1 does not fit input (8, 1, 2, 2) with padding 0");
    expect_failure(conv(socle_shape4(8, 1, 5, 5), socle_shape4(4, 1, 3, 3), socle_shape1(3), o), SOCLE_ERR_SHAPE,
                   "bias (3) does not fit weight (4, 1, 3, 3)");
    o.groups = 2;
    expect_failure(conv(socle_shape4(8, 3, 5, 5), socle_shape4(4, 1, 3, 3), no_bias, o), SOCLE_ERR_SHAPE,
                   "has 3 channels, weight (4, 1, 3, 3) expects 2");
    expect_failure(conv(socle_shape4(8, 2, 5, 5), socle_shape4(5, 1, 3, 3), no_bias, o), SOCLE_ERR_SHAPE,
                   "5 channels, not 2 equal groups");
    o.stride = -1;
    expect_failure(conv(socle_shape4(8, 2, 5, 5), socle_shape4(4, 1, 3, 3), no_bias, o), SOCLE_ERR_ARG,
                   "stride -1");
}

Test(layers, an_empty_batch_has_zero_weight_gradients)
{
    socle_tensor *w = tensor_random(d, SOCLE_F32, socle_shape4(2, 1, 3, 3), 1, -1, 1);
    assert_ok(socle_set_requires_grad(w, true));
    socle_tensor *y = socle_conv2d_relu(c, zeros(socle_shape4(0, 1, 5, 5)), w, NULL, (socle_conv2d_opts){ 0 });
    assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
    assert_close(socle_grad(w), ((double[18]){ 0 }), 18, budget_exact);
    socle_release(w);
}

Test(layers, pooling_counts_windows_as_pytorch_does)
{
    socle_tensor *x = zeros(socle_shape4(2, 3, 7, 6));
    expect_shape(socle_max_pool2d(c, x, (socle_pool2d_opts){ .size = 2 }), socle_shape4(2, 3, 3, 3));
    expect_shape(socle_max_pool2d(c, x, (socle_pool2d_opts){ .size = 2, .ceil = true }), socle_shape4(2, 3, 4, 3));
    expect_shape(socle_avg_pool2d(c, x, (socle_pool2d_opts){ .size = 3, .stride = 2, .pad = 1, .ceil = true }),
                 socle_shape4(2, 3, 4, 4));
    /* without the rule on where the last window starts this would be 3 by 3 */
    expect_shape(socle_max_pool2d(c, zeros(socle_shape4(1, 1, 3, 3)),
                                  (socle_pool2d_opts){ .size = 2, .stride = 2, .pad = 1, .ceil = true }),
                 socle_shape4(1, 1, 2, 2));
    expect_shape(socle_max_pool2d(c, zeros(socle_shape4(1, 1, 2, 2)),
                                  (socle_pool2d_opts){ .size = 3, .stride = 2, .ceil = true }),
                 socle_shape4(1, 1, 1, 1));
    expect_shape(socle_adaptive_max_pool2d(c, x, 9, 1), socle_shape4(2, 3, 9, 1));
}

Test(layers, pooling_says_what_does_not_fit)
{
    socle_tensor *x = socle_retain(zeros(socle_shape4(2, 3, 4, 4)));
    expect_failure(socle_max_pool2d(c, x, (socle_pool2d_opts){ .size = 5 }), SOCLE_ERR_SHAPE,
                   "max_pool2d: a window of 5 pixels does not fit input (2, 3, 4, 4) with padding 0");
    expect_failure(socle_avg_pool2d(c, x, (socle_pool2d_opts){ .size = 2, .pad = 2 }), SOCLE_ERR_ARG, "padding 2");
    expect_failure(socle_avg_pool2d(c, x, (socle_pool2d_opts){ 0 }), SOCLE_ERR_ARG, "size 0");
    expect_failure(socle_adaptive_avg_pool2d(c, x, 0, 2), SOCLE_ERR_ARG, "0 by 2");
    expect_failure(socle_adaptive_avg_pool2d(c, zeros(socle_shape2(3, 3)), 1, 1), SOCLE_ERR_SHAPE, "2 dimensions");
    socle_release(x);
}

Test(layers, linear_and_matmul_say_what_does_not_fit)
{
    expect_failure(socle_linear(c, zeros(socle_shape2(8, 5)), zeros(socle_shape2(10, 4)), NULL), SOCLE_ERR_SHAPE,
                   "linear: input (8, 5) has 5 features, weight (10, 4) expects 4");
    expect_failure(
        socle_linear(c, zeros(socle_shape2(8, 4)), zeros(socle_shape2(10, 4)), zeros(socle_shape2(1, 10))),
        SOCLE_ERR_SHAPE, "bias (1, 10) does not fit weight (10, 4), expected is (10)");
    expect_failure(socle_matmul(c, zeros(socle_shape1(4)), zeros(socle_shape2(4, 4))), SOCLE_ERR_SHAPE,
                   "(4) times (4, 4)");
    expect_failure(socle_matmul(c, zeros(socle_shape3(2, 3, 4)), zeros(socle_shape3(3, 4, 5))), SOCLE_ERR_SHAPE,
                   "matmul");
    expect_shape(socle_matmul(c, zeros(socle_shape4(5, 1, 3, 4)), zeros(socle_shape3(2, 4, 6))),
                 socle_shape4(5, 2, 3, 6));
}

Test(layers, a_product_over_nothing_is_zero)
{
    socle_tensor *y = socle_matmul(c, zeros(socle_shape2(2, 0)), zeros(socle_shape2(0, 3)));
    assert_close(y, ((double[6]){ 0 }), 6, budget_exact);
}

Test(layers, reductions_name_dimensions_by_bits)
{
    socle_tensor *x = zeros(socle_shape4(2, 3, 4, 5));
    expect_shape(socle_sum(c, x, 0, false), socle_shape0());
    expect_shape(socle_sum(c, x, 0, true), socle_shape4(1, 1, 1, 1));
    expect_shape(socle_mean(c, x, 1u << 1 | 1u << 3, false), socle_shape2(2, 4));
    expect_shape(socle_mean(c, x, 1u << 1 | 1u << 3, true), socle_shape4(2, 1, 4, 1));
    expect_shape(socle_max(c, x, -2, false), socle_shape3(2, 3, 5));
    expect_failure(socle_sum(c, x, 1u << 4, false), SOCLE_ERR_ARG, "sum: axes 0x10");
}

Test(layers, sums_over_nothing_are_zero_and_means_nan)
{
    socle_tensor *x = zeros(socle_shape2(2, 0));
    assert_close(socle_sum(c, x, 2, false), ((double[]){ 0, 0 }), 2, budget_exact);
    assert_close(socle_mean(c, x, 2, false), ((double[]){ NAN, NAN }), 2, budget_exact);
}

/* mean(target == 1 ? 1 - p : p), and the gradient of p. */
static double distance_to_target(socle_shape p_shape, const double *target, double *gradient)
{
    double loss = NAN;
    socle_tensor *p = tensor_of(d, SOCLE_F32, p_shape, (double[]){ 0.1, 0.2, 0.6, 0.9 });
    socle_tensor *t = tensor_of(d, SOCLE_F32, socle_shape2(4, 1), target);
    assert_ok(socle_set_requires_grad(p, true));
    socle_tensor *is_one = socle_eq(c, t, socle_full(c, SOCLE_F32, socle_shape0(), 1));
    socle_tensor *mean = socle_mean(c, socle_where(c, is_one, socle_scale(c, p, -1, 1), p), 0, false);
    assert_ok(socle_item(mean, &loss));
    assert_ok(socle_backward(c, mean));
    double *all = values_of(socle_grad(p));
    memcpy(gradient, all, 4 * sizeof *all);
    free(all);
    socle_release(p);
    socle_release(t);
    return loss;
}

/* Predictions (n) against targets (n, 1) make n x n pairs. That goes unseen while a batch is of one class, and pushes the few
 * of another class the wrong way where it is not: such a network still learns, only worse. Losses refuse it. */
Test(layers, a_loss_over_all_pairs_differs_only_where_a_batch_has_both_classes)
{
    static const double one_class[] = { 1, 1, 1, 1 }, both[] = { 1, 1, 1, 0 };
    socle_shape column = socle_shape2(4, 1), flat = socle_shape1(4);
    budget b = budget_sum(SOCLE_F32, 16, 1);
    double right[4], pairs[4];
    cr_expect(values_close((double[]){ distance_to_target(column, one_class, right) }, (double[]){ 0.55 }, 1, b));
    cr_expect(values_close((double[]){ distance_to_target(flat, one_class, pairs) }, (double[]){ 0.55 }, 1, b));
    assert_values(pairs, right, 4, b);
    cr_expect(values_close((double[]){ distance_to_target(column, both, right) }, (double[]){ 0.75 }, 1, b));
    cr_expect(values_close((double[]){ distance_to_target(flat, both, pairs) }, (double[]){ 0.525 }, 1, b));
    assert_values(right, ((double[]){ -0.25, -0.25, -0.25, 0.25 }), 4, b);
    assert_values(pairs, ((double[]){ -0.125, -0.125, -0.125, -0.125 }), 4, b);
}

Test(layers, losses_refuse_shapes_that_only_broadcasting_would_join)
{
    socle_tensor *column = socle_retain(zeros(socle_shape2(4, 1))), *flat = socle_retain(zeros(socle_shape1(4)));
    expect_failure(socle_mse(c, column, flat, SOCLE_MEAN), SOCLE_ERR_SHAPE,
                   "mse: input (4, 1) and target (4) differ in shape");
    socle_tensor *target = socle_retain(socle_full(c, SOCLE_I32, socle_shape2(4, 1), 0));
    expect_failure(socle_cross_entropy(c, column, target, SOCLE_MEAN), SOCLE_ERR_SHAPE,
                   "cross_entropy: target (4, 1) does not fit input (4, 1), expected is (4)");
    expect_failure(socle_cross_entropy(c, column, flat, SOCLE_MEAN), SOCLE_ERR_DTYPE,
                   "target is of type f32, expected is i32");
    expect_failure(socle_nll(c, flat, target, SOCLE_MEAN), SOCLE_ERR_SHAPE,
                   "nll: input 0 of shape (4) has 1 dimensions");
    socle_release(column);
    socle_release(flat);
    socle_release(target);
}

Test(layers, a_target_that_is_no_class_is_refused)
{
    socle_tensor *x = zeros(socle_shape2(2, 3));
    socle_tensor *target = tensor_of(d, SOCLE_I32, socle_shape1(2), (double[]){ 0, 3 });
    expect_failure(socle_cross_entropy(c, x, target, SOCLE_MEAN), SOCLE_ERR_ARG, "3");
    expect_failure(socle_nll(c, zeros(socle_shape2(2, 3)), target, SOCLE_MEAN), SOCLE_ERR_ARG, "3");
    socle_release(target);
}

Test(layers, smoothing_beyond_its_range_is_refused_and_none_is_plain_cross_entropy)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape2(4, 3), 1, -3, 3);
    socle_tensor *target = tensor_of(d, SOCLE_I32, socle_shape1(4), (double[]){ 0, 2, 1, 2 });
    expect_failure(socle_cross_entropy_smooth(c, x, target, 1.5, SOCLE_MEAN), SOCLE_ERR_ARG,
                   "cross_entropy_smooth: smoothing is 1.5, not in [0, 1]");
    expect_failure(socle_cross_entropy_smooth(c, x, target, (double)NAN, SOCLE_MEAN), SOCLE_ERR_ARG, "nan");
    double *want = values_of(socle_cross_entropy(c, x, target, SOCLE_NONE));
    assert_close(socle_cross_entropy_smooth(c, x, target, 0, SOCLE_NONE), want, 4, (budget){ 0 });
    free(want);
    socle_release(x);
    socle_release(target);
}

Test(layers, cross_entropy_is_nll_of_log_softmax)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape2(17, 10), 1, -30, 30);
    double labels[17];
    fill_whole(labels, 17, 2, 0, 9);
    socle_tensor *target = tensor_of(d, SOCLE_I32, socle_shape1(17), labels);
    socle_tensor *two = socle_nll(c, socle_log_softmax(c, x, 1), target, SOCLE_NONE);
    double *want = values_of(two);
    /* each: an exponential and a logarithm, of numbers up to 60 */
    assert_close(socle_cross_entropy(c, x, target, SOCLE_NONE), want, 17, budget_sum(SOCLE_F32, 10, 60));
    free(want);
    socle_release(x);
    socle_release(target);
}

/* The ReLU of a sum in one pass: the bits of the two ops it stands for, and what the tape keeps of it. Its derivative by
 * differences: test_gradients.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/ops.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;

static void setup(void)
{
    d = open_device(test_device("cpu"), 2);
    c = socle_ctx_new(d, 1);
}

static void teardown(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
}

TestSuite(add_relu, .init = setup, .fini = teardown);

typedef struct relu_case {
    const char *name;
    bool plain;
    double leak, sub, max;
} relu_case;

static const relu_case cases[] = {
    { "plain", true, 0, 0, 0 },
    { "uncut", false, 0.1, 0.4, INFINITY },
    { "without leak", false, 0, 0.4, 1 },
    { "cut below 0", false, 0.1, 0.4, -0.5 },
    { "not monotone", false, -0.5, 0.4, 1 },
};

static socle_tensor *fused(const relu_case *k, socle_tensor *a, socle_tensor *b)
{
    return k->plain ? socle_add_relu(c, a, b) : socle_add_general_relu(c, a, b, k->leak, k->sub, k->max);
}

static socle_tensor *in_two(const relu_case *k, socle_tensor *a, socle_tensor *b)
{
    socle_tensor *sum = socle_add(c, a, b);
    return k->plain ? socle_relu(c, sum) : socle_general_relu(c, sum, k->leak, k->sub, k->max);
}

/* A leaf that wants a gradient. */
static socle_tensor *leaf(socle_shape s, int lanes, uint64_t seed)
{
    double *values = malloc(shape_count(s) * sizeof *values);
    fill_random(values, shape_count(s), seed, -2, 2);
    socle_tensor *x = tensor_lanes(d, SOCLE_F32, s, lanes, values);
    free(values);
    assert_ok(socle_set_requires_grad(x, true));
    return x;
}

/* The gradients of both, owned, after backward of a sum with uneven weights. */
static void differentiate(socle_tensor *y, socle_tensor *const *x, socle_tensor **grad)
{
    assert_ok(socle_backward(c, socle_sum(c, socle_square(c, y), 0, false)));
    for (int i = 0; i < 2; i++) {
        grad[i] = socle_tensor_copy(socle_grad(x[i]));
        socle_zero_grad(x[i]);
        assert_ok(socle_set_requires_grad(x[i], true));
    }
}

Test(add_relu, is_its_two_ops_bit_for_bit_and_so_are_its_gradients)
{
    const int lanes[][2] = { { 16, 16 }, { 16, 1 }, { 1, 1 } };
    socle_shape s = socle_shape4(19, 3, 4, 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * 3; i++) {
        const relu_case *k = &cases[i / 3];
        socle_tensor *x[] = { leaf(s, lanes[i % 3][0], 1), leaf(s, lanes[i % 3][1], 2) }, *got[2], *want[2];
        socle_tensor *y = fused(k, x[0], x[1]), *z = in_two(k, x[0], x[1]);
        cr_assert_not_null(y, "%s: %s", k->name, socle_error());
        cr_expect(tensors_identical(y, z), "%s: %s", k->name, support_message());
        differentiate(fused(k, x[0], x[1]), x, got);
        differentiate(in_two(k, x[0], x[1]), x, want);
        for (int j = 0; j < 2; j++) {
            cr_expect(tensors_identical(got[j], want[j]), "%s, operand %d: %s", k->name, j, support_message());
            socle_release(got[j]);
            socle_release(want[j]);
            socle_release(x[j]);
        }
    }
}

/* The sum is 0, rounded away by the shift, NaN, just the cut, beyond it. */
Test(add_relu, has_a_slope_where_its_result_does_not_tell_one)
{
    enum { N = 8 };
    const double sum[N] = { 0, 1e-9, NAN, 3, 4, 2, -1, -1e-9 };
    const double value[N] = { -1, -1, NAN, 2, 2, 1, -1.5, -1 };
    const double slope[N] = { 0.5, 0.5, 0.5, 0, 0, 1, 0.5, 0.5 };
    socle_tensor *a = tensor_of(d, SOCLE_F32, socle_shape1(N), sum), *b = leaf(socle_shape1(N), 1, 1);
    assert_ok(socle_prim_fill(b, 0));
    socle_tensor *y = socle_add_general_relu(c, a, b, 0.5, 1, 2);
    assert_close(y, value, N, budget_exact);
    assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
    assert_close(socle_grad(b), slope, N, budget_exact);
    cr_expect(socle_grad(a) == NULL);
    socle_release(a);
    socle_release(b);
}

Test(add_relu, of_a_tensor_and_itself_doubles_the_gradient)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape1(3), (double[]){ -1, 2, 3 });
    assert_ok(socle_set_requires_grad(x, true));
    assert_ok(socle_backward(c, socle_sum(c, socle_add_relu(c, x, x), 0, false)));
    assert_close(socle_grad(x), ((double[]){ 0, 2, 2 }), 3, budget_exact);
    socle_release(x);
}

Test(add_relu, stores_its_result_alone)
{
    socle_tensor *a = leaf(socle_shape2(9, 5), 1, 1), *b = leaf(socle_shape2(9, 5), 1, 2);
    socle_tensor *first = socle_add(c, a, b); /* makes the tape */
    int64_t start = socle_test_live_blocks();
    cr_assert_not_null(socle_add(c, a, b));
    int64_t sum = socle_test_live_blocks() - start;
    cr_assert_not_null(socle_add_general_relu(c, a, first, 0.1, 0.4, 6));
    cr_expect_eq(socle_test_live_blocks() - start, 2 * sum);
    socle_release(a);
    socle_release(b);
}

Test(add_relu, of_nothing_is_refused_as_any_op_refuses_it)
{
    socle_tensor *x = leaf(socle_shape1(3), 1, 1);
    cr_expect(socle_add_relu(c, NULL, x) == NULL);
    cr_expect(socle_ctx_status(c) == SOCLE_ERR_ARG);
    socle_ctx_clear(c);
    cr_expect(socle_add_general_relu(c, x, NULL, 0.1, 0, 1) == NULL);
    cr_expect(socle_ctx_status(c) == SOCLE_ERR_ARG);
    socle_release(x);
}

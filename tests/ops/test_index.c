/* Selection, comparison and joining: the right elements, ties, NaN, types, broadcast, refusals. */
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

TestSuite(index, .init = setup, .fini = teardown);

static void expect_failure(const socle_tensor *y, socle_status s, const char *text)
{
    cr_expect(y == NULL);
    cr_expect(socle_ctx_status(c) == s, "%d: %s", (int)socle_ctx_status(c), socle_error());
    cr_expect(strstr(socle_error(), text) != NULL, "%s", socle_error());
    socle_ctx_clear(c);
}

Test(index, comparisons_take_integers_and_broadcast)
{
    socle_tensor *a = tensor_of(d, SOCLE_I32, socle_shape2(2, 3), (double[]){ 1, 2, 3, 3, 2, 1 });
    socle_tensor *b = tensor_of(d, SOCLE_I32, socle_shape1(3), (double[]){ 1, 2, 2 });
    socle_tensor *y = socle_eq(c, a, b);
    cr_assert(socle_dtype_of(y) == SOCLE_U8);
    assert_close(y, ((double[]){ 1, 1, 0, 0, 1, 0 }), 6, budget_exact);
    assert_close(socle_gt(c, a, b), ((double[]){ 0, 0, 1, 1, 0, 0 }), 6, budget_exact);
    socle_tensor *f = socle_cast(c, a, SOCLE_F32);
    expect_failure(socle_lt(c, f, b), SOCLE_ERR_DTYPE, "lt: f32 is compared with i32");
    socle_release(a);
    socle_release(b);
}

Test(index, nan_compares_as_in_c)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape1(2), (double[]){ NAN, 1 });
    assert_close(socle_eq(c, x, x), ((double[]){ 0, 1 }), 2, budget_exact);
    assert_close(socle_ne(c, x, x), ((double[]){ 1, 0 }), 2, budget_exact);
    assert_close(socle_ge(c, x, x), ((double[]){ 0, 1 }), 2, budget_exact);
    socle_release(x);
}

Test(index, where_broadcasts_all_three)
{
    socle_tensor *cond = tensor_of(d, SOCLE_U8, socle_shape2(2, 1), (double[]){ 1, 0 });
    socle_tensor *a = tensor_of(d, SOCLE_I32, socle_shape1(3), (double[]){ 1, 2, 3 });
    socle_tensor *b = tensor_of(d, SOCLE_I32, socle_shape0(), (double[]){ 7 });
    assert_close(socle_where(c, cond, a, b), ((double[]){ 1, 2, 3, 7, 7, 7 }), 6, budget_exact);
    expect_failure(socle_where(c, a, a, b), SOCLE_ERR_DTYPE, "condition is of type i32");
    socle_release(cond);
    socle_release(a);
    socle_release(b);
}

Test(index, max_and_argmax_take_the_first_of_equals_and_let_nan_win)
{
    socle_tensor *x =
        tensor_of(d, SOCLE_F32, socle_shape2(3, 4), (double[]){ 1, 5, 5, 0, NAN, 2, 9, NAN, -3, -3, -3, -3 });
    assert_ok(socle_set_requires_grad(x, true));
    socle_tensor *i = socle_argmax(c, x, 1);
    cr_assert(socle_dtype_of(i) == SOCLE_I32 && socle_shape_equal(socle_shape_of(i), socle_shape1(3)));
    assert_close(i, ((double[]){ 1, 0, 0 }), 3, budget_exact);
    socle_tensor *y = socle_max(c, x, -1, false);
    assert_close(y, ((double[]){ 5, NAN, -3 }), 3, budget_exact);
    assert_ok(socle_backward(c, socle_sum(c, y, 0, false)));
    assert_close(socle_grad(x), ((double[]){ 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0 }), 12, budget_exact);
    socle_ctx_set_grad(c, false);
    assert_close(socle_max(c, x, -1, false), ((double[]){ 5, NAN, -3 }), 3, budget_exact);
    socle_release(x);
}

Test(index, max_of_nothing_is_refused)
{
    socle_tensor *x = socle_full(c, SOCLE_F32, socle_shape2(3, 0), 0);
    socle_tensor *kept = socle_retain(x);
    expect_failure(socle_max(c, x, 1, false), SOCLE_ERR_SHAPE, "(3, 0) is empty along axis 1");
    expect_failure(socle_argmax(c, kept, 1), SOCLE_ERR_SHAPE, "empty");
    cr_assert(socle_numel(socle_argmax(c, kept, 0)) == 0);
    socle_release(kept);
}

Test(index, gather_picks_along_an_axis_with_a_broadcast_index)
{
    socle_tensor *x = tensor_of(d, SOCLE_I32, socle_shape2(3, 2), (double[]){ 0, 1, 10, 11, 20, 21 });
    socle_tensor *rows = tensor_of(d, SOCLE_I32, socle_shape2(4, 1), (double[]){ 2, 0, 2, 1 });
    assert_close(socle_gather(c, x, rows, 0), ((double[]){ 20, 21, 0, 1, 20, 21, 10, 11 }), 8, budget_exact);
    socle_tensor *each = tensor_of(d, SOCLE_I32, socle_shape2(3, 1), (double[]){ 1, 0, 1 });
    assert_close(socle_gather(c, x, each, -1), ((double[]){ 1, 10, 21 }), 3, budget_exact);
    expect_failure(socle_gather(c, x, rows, 1), SOCLE_ERR_SHAPE,
                   "index (4, 1) does not fit input (3, 2) along dimension 0");
    expect_failure(socle_gather(c, x, socle_cast(c, each, SOCLE_F32), 1), SOCLE_ERR_DTYPE, "index is of type f32");
    socle_release(x);
    socle_release(rows);
    socle_release(each);
}

Test(index, gradients_of_repeated_indices_add_up)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape2(2, 2), (double[]){ 1, 2, 3, 4 });
    socle_tensor *index = tensor_of(d, SOCLE_I32, socle_shape2(3, 1), (double[]){ 1, 1, 1 });
    assert_ok(socle_set_requires_grad(x, true));
    assert_ok(socle_backward(c, socle_sum(c, socle_gather(c, x, index, 0), 0, false)));
    assert_close(socle_grad(x), ((double[]){ 0, 0, 3, 3 }), 4, budget_exact);
    socle_release(x);
    socle_release(index);
}

/* (n, w) with element (i, j) = base + 100 i + j, in a format; owned. */
static socle_tensor *block(int n, int w, int lanes, double base)
{
    double v[400];
    for (int i = 0; i < n * w; i++)
        v[i] = base + i / w * 100 + i % w;
    return tensor_lanes(d, SOCLE_F32, socle_shape2(n, w), lanes, v);
}

Test(index, concat_joins_mixed_formats_along_either_axis)
{
    socle_tensor *a = block(18, 2, SOCLE_LANES, 0), *b = block(18, 3, 1, 2),
                 *below = block(5, 2, SOCLE_LANES, 1800);
    double want[18 * 5];
    for (int i = 0; i < 18 * 5; i++)
        want[i] = i / 5 * 100 + i % 5;
    assert_close(socle_concat(c, 2, (socle_tensor *[]){ a, b }, 1), want, 18 * 5, budget_exact);
    double tall[23 * 2];
    for (int i = 0; i < 23 * 2; i++)
        tall[i] = i / 2 * 100 + i % 2;
    assert_close(socle_concat(c, 2, (socle_tensor *[]){ a, below }, 0), tall, 23 * 2, budget_exact);
    socle_tensor *empty = socle_full(c, SOCLE_F32, socle_shape2(0, 2), 0);
    assert_close(socle_concat(c, 3, (socle_tensor *[]){ empty, a, empty }, 0), tall, 18 * 2, budget_exact);
    socle_release(a);
    socle_release(b);
    socle_release(below);
}

Test(index, concat_refuses_what_does_not_fit)
{
    socle_tensor *a = block(4, 2, 1, 0), *b = block(4, 3, 1, 0), *many[9] = { a, a, a, a, a, a, a, a, a };
    expect_failure(socle_concat(c, 2, (socle_tensor *[]){ a, b }, 0), SOCLE_ERR_SHAPE,
                   "input 0 (4, 2) and input 1 (4, 3) differ in more than axis 0");
    expect_failure(socle_concat(c, 9, many, 0), SOCLE_ERR_ARG, "9 inputs");
    expect_failure(socle_concat(c, 0, many, 0), SOCLE_ERR_ARG, "0 tensors");
    expect_failure(socle_concat(c, 2, (socle_tensor *[]){ a, socle_cast(c, a, SOCLE_I32) }, 0), SOCLE_ERR_DTYPE,
                   "i32");
    socle_release(a);
    socle_release(b);
}

Test(index, pad_surrounds_with_the_value)
{
    for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
        socle_tensor *x = block(2, 2, lanes, 0);
        socle_tensor *y = socle_pad(c, x, (int64_t[]){ 0, 1 }, (int64_t[]){ 0, 2 }, -1);
        assert_close(y, ((double[]){ -1, 0, 1, -1, -1, -1, 100, 101, -1, -1 }), 10, budget_exact);
        y = socle_pad(c, x, (int64_t[]){ 1, 0 }, (int64_t[]){ 1, 1 }, 5);
        assert_close(y, ((double[]){ 5, 5, 5, 0, 1, 5, 100, 101, 5, 5, 5, 5 }), 12, budget_exact);
        expect_failure(socle_pad(c, x, (int64_t[]){ 0, -1 }, (int64_t[]){ 0, 0 }, 0), SOCLE_ERR_ARG, "-1 and 0");
        expect_failure(socle_pad(c, x, (int64_t[]){ 0, INT64_MAX }, (int64_t[]){ 0, INT64_MAX }, 0),
                       SOCLE_ERR_SHAPE, "pad");
        socle_release(x);
    }
}

Test(index, cast_truncates_and_saturates)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape1(5), (double[]){ 1.9, -1.9, 300, NAN, 1e20 });
    assert_close(socle_cast(c, x, SOCLE_I32), ((double[]){ 1, -1, 300, 0, INT32_MAX }), 5, budget_exact);
    assert_close(socle_cast(c, x, SOCLE_U8), ((double[]){ 1, 0, 255, 0, 255 }), 5, budget_exact);
    expect_failure(socle_cast(c, x, SOCLE_F64), SOCLE_ERR_DTYPE, "f64");
    socle_release(x);
}

/* Reshape, permute, slice: the right elements, in every memory order, and memory shared wherever it can be. */
#include <criterion/criterion.h>
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

TestSuite(view, .init = setup, .fini = teardown);

enum { MOST = 20 * 2 * 3 * 4 };

/* 0, 1, 2, ... in row-major order; owned. */
static socle_tensor *counting(socle_shape s, int lanes)
{
    double v[MOST];
    for (int i = 0; i < MOST; i++)
        v[i] = i;
    return tensor_lanes(d, SOCLE_F32, s, lanes, v);
}

static bool shares(const socle_tensor *a, const socle_tensor *b)
{
    return socle_view_of(a).buffer == socle_view_of(b).buffer;
}

/* y holds 0, 1, 2, ... */
static void expect_counting(const socle_tensor *y)
{
    double v[MOST];
    for (int i = 0; i < MOST; i++)
        v[i] = i;
    assert_close(y, v, (size_t)socle_numel(y), budget_exact);
}

Test(view, reshape_of_row_major_memory_is_a_view)
{
    socle_tensor *x = counting(socle_shape4(9, 2, 3, 4), 1);
    socle_tensor *y = socle_reshape(c, x, socle_shape3(-1, 4, 9));
    cr_assert(socle_shape_equal(socle_shape_of(y), socle_shape3(6, 4, 9)));
    cr_assert(shares(x, y));
    expect_counting(y);
    cr_assert(shares(x, socle_reshape(c, x, socle_shape4(9, 1, 1, 24))));
    socle_release(x);
}

Test(view, reshape_within_images_in_blocks_is_a_view)
{
    socle_tensor *x = counting(socle_shape4(19, 2, 3, 4), SOCLE_LANES);
    socle_tensor *y = socle_reshape(c, x, socle_shape2(19, -1));
    cr_assert(shares(x, y) && socle_view_of(y).lanes == SOCLE_LANES);
    expect_counting(y);
    y = socle_reshape(c, y, socle_shape4(19, 1, 6, 4));
    cr_assert(shares(x, y));
    expect_counting(y);
    socle_release(x);
}

Test(view, reshape_across_images_in_blocks_is_a_copy)
{
    socle_tensor *x = counting(socle_shape4(10, 2, 3, 4), SOCLE_LANES);
    socle_tensor *y = socle_reshape(c, x, socle_shape2(20, 12));
    cr_assert(!shares(x, y));
    expect_counting(y);
    expect_counting(socle_reshape(c, x, socle_shape1(240)));
    socle_release(x);
}

Test(view, reshape_of_a_transposed_matrix_reads_in_logical_order)
{
    socle_tensor *x = counting(socle_shape2(2, 3), 1);
    socle_tensor *y = socle_reshape(c, socle_transpose(c, x), socle_shape1(6));
    assert_close(y, ((double[]){ 0, 3, 1, 4, 2, 5 }), 6, budget_exact);
    cr_assert(!shares(x, y));
    socle_release(x);
}

Test(view, reshape_of_a_strided_view_stays_a_view_where_runs_are_even)
{
    socle_tensor *x = counting(socle_shape3(4, 6, 5), 1);
    socle_tensor *part = socle_slice(c, x, 2, 1, 3); /* (4, 6, 2), strides 30, 5, 1 */
    socle_tensor *y = socle_reshape(c, part, socle_shape4(2, 12, 1, 2));
    cr_assert(shares(x, y));
    for (int i = 0; i < 3; i++) {
        socle_tensor *z = i == 0   ? y
                          : i == 1 ? socle_reshape(c, part, socle_shape2(24, 2))
                                   : socle_reshape(c, part, socle_shape1(48));
        double want[48];
        for (int j = 0; j < 48; j++)
            want[j] = j / 2 * 5 + 1 + j % 2;
        assert_close(z, want, 48, budget_exact);
        cr_assert(shares(x, z) == (i < 2), "%d", i);
    }
    socle_release(x);
}

Test(view, reshape_handles_scalars_and_empty_tensors)
{
    socle_tensor *x = counting(socle_shape1(1), 1);
    expect_counting(socle_reshape(c, x, socle_shape0()));
    expect_counting(socle_reshape(c, socle_reshape(c, x, socle_shape0()), socle_shape4(1, 1, 1, 1)));
    socle_tensor *empty = counting(socle_shape2(0, 3), 1);
    cr_assert(socle_shape_equal(socle_shape_of(socle_reshape(c, empty, socle_shape2(-1, 3))), socle_shape2(0, 3)));
    cr_assert(socle_numel(socle_reshape(c, empty, socle_shape3(7, 0, 2))) == 0);
    cr_assert(socle_ctx_status(c) == SOCLE_OK, "%s", socle_error());
    socle_release(x);
    socle_release(empty);
}

static void expect_failure(const socle_tensor *y, socle_status s, const char *text)
{
    cr_expect(y == NULL);
    cr_expect(socle_ctx_status(c) == s, "%d: %s", (int)socle_ctx_status(c), socle_error());
    cr_expect(strstr(socle_error(), text) != NULL, "%s", socle_error());
    socle_ctx_clear(c);
}

Test(view, reshape_refuses_what_does_not_fit)
{
    socle_tensor *x = counting(socle_shape2(4, 6), 1), *empty = counting(socle_shape2(0, 3), 1);
    expect_failure(socle_reshape(c, x, socle_shape2(5, 5)), SOCLE_ERR_SHAPE,
                   "input (4, 6) does not fit shape (5, 5)");
    expect_failure(socle_reshape(c, x, socle_shape2(-1, 5)), SOCLE_ERR_SHAPE, "does not fit");
    expect_failure(socle_reshape(c, x, socle_shape2(-1, -1)), SOCLE_ERR_SHAPE, "both -1");
    expect_failure(socle_reshape(c, x, socle_shape2(-2, 12)), SOCLE_ERR_SHAPE, "-2");
    expect_failure(socle_reshape(c, x, socle_shape2(-1, 0)), SOCLE_ERR_SHAPE, "any size");
    expect_failure(socle_reshape(c, empty, socle_shape2(-1, 0)), SOCLE_ERR_SHAPE, "any size");
    expect_failure(socle_reshape(c, x, (socle_shape){ .ndim = 7 }), SOCLE_ERR_SHAPE, "7 dimensions");
    socle_release(x);
    socle_release(empty);
}

/* y[i][j][k] = x[...] with strides of x in elements. */
static void expect_strided(const socle_tensor *y, int64_t first, int64_t a, int64_t b, int64_t e)
{
    double v[MOST];
    size_t n = 0;
    for (int64_t i = 0; i < socle_dim(y, 0); i++)
        for (int64_t j = 0; j < socle_dim(y, 1); j++)
            for (int64_t k = 0; k < socle_dim(y, 2); k++)
                v[n++] = (double)(first + i * a + j * b + k * e);
    assert_close(y, v, n, budget_exact);
}

Test(view, permute_moves_axes_in_both_formats)
{
    for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
        socle_tensor *x = counting(socle_shape3(19, 3, 4), lanes);
        socle_tensor *y = socle_permute(c, x, (int[]){ 0, 2, 1 });
        cr_assert(shares(x, y));
        expect_strided(y, 0, 12, 1, 4);
        y = socle_permute(c, x, (int[]){ 2, 0, 1 });
        cr_assert(shares(x, y) == (lanes == 1));
        expect_strided(y, 0, 1, 12, 4);
        y = socle_transpose(c, x);
        expect_strided(y, 0, 12, 1, 4);
        socle_release(x);
    }
}

Test(view, permute_refuses_what_is_no_permutation)
{
    socle_tensor *x = counting(socle_shape3(2, 3, 4), 1), *flat = counting(socle_shape1(4), 1);
    expect_failure(socle_permute(c, x, (int[]){ 0, 1, 1 }), SOCLE_ERR_ARG, "axis 1 at place 2");
    expect_failure(socle_permute(c, x, (int[]){ 0, 1, 3 }), SOCLE_ERR_ARG, "axis 3");
    expect_failure(socle_permute(c, x, (int[]){ -1, 1, 2 }), SOCLE_ERR_ARG, "axis -1");
    expect_failure(socle_transpose(c, flat), SOCLE_ERR_ARG, "permute");
    socle_release(x);
    socle_release(flat);
}

Test(view, slice_takes_the_right_elements_in_both_formats)
{
    for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
        socle_tensor *x = counting(socle_shape3(20, 3, 4), lanes);
        socle_tensor *y = socle_slice(c, x, 1, 1, 3);
        cr_assert(shares(x, y));
        expect_strided(y, 4, 12, 4, 1);
        y = socle_slice(c, x, -1, -2, 4);
        cr_assert(shares(x, y));
        expect_strided(y, 2, 12, 4, 1);
        y = socle_slice(c, x, 0, 16, 20);
        cr_assert(shares(x, y));
        expect_strided(y, 16 * 12, 12, 4, 1);
        y = socle_slice(c, x, 0, 17, 19);
        cr_assert(shares(x, y) == (lanes == 1), "images within a block cannot be a view");
        expect_strided(y, 17 * 12, 12, 4, 1);
        y = socle_slice(c, x, 0, 3, 18);
        expect_strided(y, 3 * 12, 12, 4, 1);
        y = socle_slice(c, socle_slice(c, x, 0, 16, 20), 0, 1, 3);
        expect_strided(y, 17 * 12, 12, 4, 1);
        socle_release(x);
    }
}

Test(view, slice_refuses_what_is_empty_or_outside)
{
    socle_tensor *x = counting(socle_shape2(4, 6), 1);
    expect_failure(socle_slice(c, x, 1, 2, 7), SOCLE_ERR_ARG, "2 to 7 of axis 1");
    expect_failure(socle_slice(c, x, 1, 2, 2), SOCLE_ERR_ARG, "empty");
    expect_failure(socle_slice(c, x, 0, -5, 4), SOCLE_ERR_ARG, "-5");
    expect_failure(socle_slice(c, x, 2, 0, 1), SOCLE_ERR_ARG, "slice");
    socle_release(x);
}

Test(view, writing_through_a_view_shows_in_the_original)
{
    socle_tensor *x = counting(socle_shape2(2, 3), 1);
    assert_ok(socle_fill(c, socle_slice(c, x, 1, 1, 2), 9));
    assert_close(x, ((double[]){ 0, 9, 2, 3, 9, 5 }), 6, budget_exact);
    socle_release(x);
}

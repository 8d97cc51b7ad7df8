/* Shapes and views as values. */
#include <criterion/criterion.h>
#include "core/shape.h"

static socle_shape shape_of(int ndim, const int64_t *dim)
{
    socle_shape s = { .ndim = ndim };
    for (int i = 0; i < ndim; i++)
        s.dim[i] = dim[i];
    return s;
}

Test(shape, equality_looks_at_the_dimensions_in_use_only)
{
    socle_shape a = socle_shape2(3, 4), b = a;
    b.dim[5] = 99;
    cr_assert(socle_shape_equal(a, b));
    cr_assert(!socle_shape_equal(a, socle_shape3(3, 4, 1)));
    cr_assert(!socle_shape_equal(a, socle_shape2(3, 5)));
    cr_assert(socle_shape_equal(socle_shape0(), socle_shape0()));
}

Test(shape, check_counts_elements_and_refuses_what_cannot_be_counted)
{
    int64_t n = -1;
    cr_assert_eq(shape_check("x", socle_shape0(), &n), SOCLE_OK);
    cr_assert_eq(n, 1);
    cr_assert_eq(shape_check("x", socle_shape3(2, 0, 5), &n), SOCLE_OK);
    cr_assert_eq(n, 0);
    cr_assert_eq(shape_check("x", socle_shape4(2, 3, 5, 7), &n), SOCLE_OK);
    cr_assert_eq(n, 210);
    n = 42;
    cr_assert_eq(shape_check("conv2d", socle_shape2(3, -1), &n), SOCLE_ERR_SHAPE);
    cr_assert_str_eq(socle_error(), "conv2d: shape (3, -1) has a negative size");
    cr_assert_eq(shape_check("x", socle_shape4(1 << 20, 1 << 20, 1 << 20, 1 << 20), &n), SOCLE_ERR_SHAPE);
    cr_assert_eq(shape_check("x", socle_shape3(INT64_MAX, 0, INT64_MAX), &n), SOCLE_ERR_SHAPE);
    cr_assert_eq(shape_check("x", (socle_shape){ .ndim = SOCLE_MAX_DIMS + 1 }, &n), SOCLE_ERR_SHAPE);
    cr_assert_eq(shape_check("x", (socle_shape){ .ndim = -1 }, &n), SOCLE_ERR_SHAPE);
    cr_assert_eq(n, 42);
}

Test(shape, broadcasting_aligns_on_the_right_and_stretches_ones)
{
    socle_shape y;
    cr_assert_eq(shape_broadcast("add", socle_shape3(5, 1, 3), socle_shape2(4, 1), &y), SOCLE_OK);
    cr_assert(socle_shape_equal(y, socle_shape3(5, 4, 3)));
    cr_assert_eq(shape_broadcast("add", socle_shape0(), socle_shape1(7), &y), SOCLE_OK);
    cr_assert(socle_shape_equal(y, socle_shape1(7)));
    cr_assert_eq(shape_broadcast("add", socle_shape2(0, 3), socle_shape2(1, 3), &y), SOCLE_OK);
    cr_assert(socle_shape_equal(y, socle_shape2(0, 3)));
    cr_assert_eq(shape_broadcast("add", socle_shape2(2, 3), socle_shape1(2), &y), SOCLE_ERR_SHAPE);
    cr_assert_str_eq(socle_error(), "add: shapes (2, 3) and (2) do not broadcast");
}

Test(shape, axes_count_from_both_ends)
{
    int axis = 9;
    cr_assert_eq(shape_axis("sum", socle_shape3(2, 3, 4), -1, &axis), SOCLE_OK);
    cr_assert_eq(axis, 2);
    cr_assert_eq(shape_axis("sum", socle_shape3(2, 3, 4), 0, &axis), SOCLE_OK);
    cr_assert_eq(axis, 0);
    cr_assert_eq(shape_axis("sum", socle_shape3(2, 3, 4), 3, &axis), SOCLE_ERR_ARG);
    cr_assert_eq(shape_axis("sum", socle_shape3(2, 3, 4), -4, &axis), SOCLE_ERR_ARG);
    cr_assert_eq(shape_axis("sum", socle_shape0(), 0, &axis), SOCLE_ERR_ARG);
    cr_assert_eq(axis, 0);
}

Test(shape, text_of_the_largest_shape_fits)
{
    int64_t m = INT64_MIN;
    cr_assert_str_eq(shape_text(shape_of(6, (int64_t[]){ m, m, m, m, m, m })).text,
                     "(-9223372036854775808, -9223372036854775808, -9223372036854775808, -9223372036854775808, "
                     "-9223372036854775808, -9223372036854775808)");
    cr_assert_str_eq(shape_text(socle_shape0()).text, "()");
}

Test(view, dense_strides_are_row_major_or_blocks_of_images)
{
    socle_view v = view_dense(SOCLE_F32, socle_shape4(20, 3, 5, 7), 1);
    int64_t rows[] = { 105, 35, 7, 1 };
    for (int i = 0; i < 4; i++)
        cr_assert_eq(v.stride[i], rows[i]);
    cr_assert_eq(view_extent(&v), 20 * 105);

    v = view_dense(SOCLE_F32, socle_shape4(20, 3, 5, 7), SOCLE_LANES);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(v.stride[i], 16 * rows[i]);
    cr_assert_eq(view_extent(&v), 2 * 16 * 105); /* the second block has 12 pad lanes */
}

Test(view, extent_reaches_the_last_element_and_is_zero_when_empty)
{
    socle_view v = view_dense(SOCLE_F32, socle_shape2(4, 6), 1);
    v.dim[1] = 2; /* two columns of six */
    cr_assert_eq(view_extent(&v), 3 * 6 + 2);
    v.stride[0] = 0;
    cr_assert_eq(view_extent(&v), 2);
    v.dim[0] = 0;
    cr_assert_eq(view_extent(&v), 0);
    v = view_dense(SOCLE_F32, socle_shape0(), 1);
    cr_assert_eq(view_extent(&v), 1);
}

Test(view, density_ignores_strides_of_dimensions_of_size_one)
{
    socle_view v = view_dense(SOCLE_F32, socle_shape3(4, 1, 6), 1);
    cr_assert(view_is_dense(&v));
    v.stride[1] = 1000;
    cr_assert(view_is_dense(&v));
    v.stride[0] = 7;
    cr_assert(!view_is_dense(&v));
    v.dim[2] = 0;
    cr_assert(view_is_dense(&v));

    socle_view transposed = view_dense(SOCLE_F32, socle_shape2(4, 6), 1);
    transposed.dim[0] = 6;
    transposed.dim[1] = 4;
    transposed.stride[0] = 1;
    transposed.stride[1] = 6;
    cr_assert(!view_is_dense(&transposed));

    v = view_dense(SOCLE_F32, socle_shape2(16, 5), SOCLE_LANES);
    v.stride[0] = 999; /* one block: never used */
    cr_assert(view_is_dense(&v));
    v.dim[0] = 17;
    cr_assert(!view_is_dense(&v));
}

Test(view, expansion_repeats_by_stride_zero)
{
    socle_view v = view_dense(SOCLE_F32, socle_shape2(3, 1), 1), y;
    cr_assert(view_expand(&v, socle_shape3(2, 3, 4), &y));
    cr_assert(socle_shape_equal(view_shape(&y), socle_shape3(2, 3, 4)));
    cr_assert_eq(y.stride[0], 0);
    cr_assert_eq(y.stride[1], 1);
    cr_assert_eq(y.stride[2], 0);
    cr_assert_eq(view_extent(&y), 3);
}

Test(view, blocks_expand_over_anything_but_images)
{
    socle_view v = view_dense(SOCLE_F32, socle_shape3(20, 1, 7), SOCLE_LANES), y;
    cr_assert(view_expand(&v, socle_shape3(20, 5, 7), &y));
    cr_assert_eq(y.stride[0], v.stride[0]);
    cr_assert_eq(y.stride[1], 0);
    cr_assert_eq(y.lanes, SOCLE_LANES);
    cr_assert(!view_expand(&v, socle_shape4(2, 20, 5, 7), &y));
    v.dim[0] = 1;
    cr_assert(!view_expand(&v, socle_shape3(20, 5, 7), &y));
}

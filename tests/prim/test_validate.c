/* Arguments that primitives refuse: the status, and a sentence that names the values. */
#include <criterion/criterion.h>
#include <math.h>
#include "support/support.h"

static socle_device *d;

static void open_ref(void)
{
    d = open_device("ref", 0);
}

static void close_ref(void)
{
    socle_device_close(d);
}

TestSuite(validate, .init = open_ref, .fini = close_ref);

static socle_tensor *f32(socle_shape s)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, s);
    assert_ok(socle_prim_fill(t, 1));
    return t;
}

static socle_tensor *i32(socle_shape s)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_I32, s);
    assert_ok(socle_prim_fill(t, 0));
    return t;
}

#define assert_refused(call, status, text)                                                                         \
    do {                                                                                                           \
        cr_assert_eq(call, status);                                                                                \
        cr_assert_str_eq(socle_error(), text);                                                                     \
    } while (0)

Test(validate, binary_names_the_operand_that_does_not_broadcast)
{
    socle_tensor *y = f32(socle_shape2(2, 4)), *a = f32(socle_shape2(2, 1)), *b = f32(socle_shape1(3));
    assert_refused(socle_prim_binary(SOCLE_BINARY_add, y, a, b), SOCLE_ERR_SHAPE,
                   "add: second operand of shape (3) does not broadcast to (2, 4)");
    socle_release(y);
    socle_release(a);
    socle_release(b);
}

Test(validate, types_are_checked_before_the_device_sees_them)
{
    socle_tensor *y = f32(socle_shape1(2)), *n = i32(socle_shape1(2)),
                 *m = socle_tensor_new(d, SOCLE_U8, socle_shape1(2));
    assert_refused(socle_prim_unary(SOCLE_UNARY_exp, y, n, 0, 0, 0), SOCLE_ERR_DTYPE,
                   "exp: operand is i32, expected f32");
    assert_refused(socle_prim_binary(SOCLE_BINARY_eq, m, y, n), SOCLE_ERR_DTYPE,
                   "eq: operands are f32 and i32, expected one type");
    assert_refused(socle_prim_binary(SOCLE_BINARY_eq, y, n, n), SOCLE_ERR_DTYPE, "eq: result is f32, expected u8");
    assert_refused(socle_prim_where(y, m, y, n), SOCLE_ERR_DTYPE,
                   "where: operands are f32 and i32, expected one type");
    assert_refused(socle_prim_where(n, m, y, y), SOCLE_ERR_DTYPE, "where: operands are f32, the result i32");
    socle_release(y);
    socle_release(n);
    socle_release(m);
}

Test(validate, operands_live_on_one_device)
{
    socle_device *other = open_device("ref", 0);
    socle_tensor *y = f32(socle_shape1(2)), *x = socle_tensor_new(other, SOCLE_F32, socle_shape1(2));
    cr_assert_eq(socle_prim_copy(y, x), SOCLE_ERR_ARG);
    cr_assert_eq(socle_prim_copy(x, y), SOCLE_ERR_ARG);
    socle_release(y);
    socle_release(x);
    socle_device_close(other);
}

Test(validate, missing_operands_are_named)
{
    socle_tensor *y = f32(socle_shape1(2));
    assert_refused(socle_prim_copy(y, NULL), SOCLE_ERR_ARG, "copy: source is missing");
    assert_refused(socle_prim_copy(NULL, y), SOCLE_ERR_ARG, "copy: the result is missing");
    assert_refused(socle_prim_unary_grad(SOCLE_UNARY_relu, y, y, y, NULL, 0, 0, 0), SOCLE_ERR_ARG,
                   "relu: kept result is missing");
    assert_refused(socle_prim_binary_grad(SOCLE_BINARY_mul, 0, y, y, NULL, y), SOCLE_ERR_ARG,
                   "mul: first operand is missing");
    socle_release(y);
}

Test(validate, a_repeated_view_cannot_be_written)
{
    socle_tensor *x = f32(socle_shape1(1));
    socle_view v = { .dtype = SOCLE_F32, .ndim = 1, .dim = { 3 }, .stride = { 0 }, .lanes = 1 };
    socle_tensor *wide = socle_tensor_view(x, &v);
    assert_refused(socle_prim_fill(wide, 0), SOCLE_ERR_ARG,
                   "fill: result repeats its elements along dimension 0 and cannot be written");
    socle_release(wide);
    socle_release(x);
}

Test(validate, conv_names_both_numbers_of_channels)
{
    socle_conv p = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    socle_tensor *x = f32(socle_shape4(2, 3, 5, 5)), *w = f32(socle_shape4(4, 8, 3, 3));
    socle_tensor *y = f32(socle_shape4(2, 4, 3, 3));
    assert_refused(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, w, NULL), SOCLE_ERR_SHAPE,
                   "conv2d: input has 3 channels, weight expects 8");
    socle_release(x);
    socle_release(w);
    socle_release(y);
}

Test(validate, conv_judges_its_options_and_the_result)
{
    socle_conv p = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, none = { { 0, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    socle_tensor *x = f32(socle_shape4(2, 3, 5, 5)), *w = f32(socle_shape4(4, 3, 3, 3));
    socle_tensor *y = f32(socle_shape4(2, 4, 4, 3)), *big = f32(socle_shape4(4, 3, 7, 3)),
                 *b = f32(socle_shape1(3));
    assert_refused(socle_prim_conv(&none, SOCLE_EPILOGUE_NONE, y, x, w, NULL), SOCLE_ERR_ARG,
                   "conv2d: stride 0, padding 0, dilation 1");
    assert_refused(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, w, NULL), SOCLE_ERR_SHAPE,
                   "conv2d: result has shape (2, 4, 4, 3), expected (2, 4, 3, 3)");
    assert_refused(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, big, NULL), SOCLE_ERR_SHAPE,
                   "conv2d: a kernel spanning 7 pixels does not fit input (2, 3, 5, 5) with padding 0");
    assert_refused(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, w, b), SOCLE_ERR_SHAPE,
                   "conv2d: bias has shape (3), expected (4)");
    socle_release(x);
    socle_release(w);
    socle_release(y);
    socle_release(big);
    socle_release(b);
}

Test(validate, conv_of_empty_images_is_refused_though_padding_would_fill_it)
{
    socle_conv p = { { 1, 1 }, { 2, 2 }, { 1, 1 }, 1 };
    socle_tensor *x = f32(socle_shape4(2, 3, 0, 5)), *w = f32(socle_shape4(4, 3, 3, 3));
    socle_tensor *y = f32(socle_shape4(2, 4, 2, 7));
    cr_assert_eq(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, w, NULL), SOCLE_ERR_SHAPE);
    socle_release(x);
    socle_release(w);
    socle_release(y);
}

Test(validate, matmul_names_the_inner_sizes_as_used)
{
    socle_tensor *c = f32(socle_shape2(2, 5)), *a = f32(socle_shape2(3, 2)), *b = f32(socle_shape2(4, 5));
    assert_refused(socle_prim_gemm(c, a, true, b, false, 1, 0), SOCLE_ERR_SHAPE,
                   "matmul: (2, 3) times (4, 5): inner sizes 3 and 4 differ");
    socle_release(a);
    socle_release(b);
    socle_release(c);
}

Test(validate, linear_names_both_numbers_of_features)
{
    socle_tensor *y = f32(socle_shape2(2, 5)), *x = f32(socle_shape2(2, 3)), *w = f32(socle_shape2(5, 4));
    assert_refused(socle_prim_linear(SOCLE_EPILOGUE_NONE, y, x, w, NULL), SOCLE_ERR_SHAPE,
                   "linear: input has 3 features, weight expects 4");
    socle_release(y);
    socle_release(x);
    socle_release(w);
}

Test(validate, the_largest_of_nothing_is_refused)
{
    socle_tensor *x = f32(socle_shape2(3, 0)), *y = f32(socle_shape1(3)), *i = i32(socle_shape1(3));
    assert_refused(socle_prim_reduce(SOCLE_REDUCE_MAX, y, x, 2), SOCLE_ERR_SHAPE,
                   "max: nothing to choose from in an operand of shape (3, 0)");
    cr_assert_eq(socle_prim_argreduce(SOCLE_REDUCE_MIN, i, x, 1), SOCLE_ERR_SHAPE);
    assert_refused(socle_prim_reduce(SOCLE_REDUCE_SUM, y, x, 4), SOCLE_ERR_ARG,
                   "sum: axes 0x4 of an operand of shape (3, 0)");
    socle_release(x);
    socle_release(y);
    socle_release(i);
}

Test(validate, pooling_windows_hold_pixels)
{
    socle_pool p = { .max = true, .size = { 2, 2 }, .stride = { 2, 2 } };
    socle_tensor *x = f32(socle_shape4(1, 1, 4, 4)), *y = f32(socle_shape4(1, 1, 3, 2)),
                 *i = i32(socle_shape4(1, 1, 3, 2));
    assert_refused(socle_prim_pool(&p, y, NULL, x), SOCLE_ERR_SHAPE,
                   "pool2d: window 3 of result (1, 1, 3, 2) starts outside input (1, 1, 4, 4)");
    p.pad[0] = 2;
    assert_refused(socle_prim_pool(&p, y, NULL, x), SOCLE_ERR_ARG,
                   "pool2d: padding 2 is more than half of window 2");
    p.pad[0] = 1;
    assert_ok(socle_prim_pool(&p, y, i, x));
    p.max = false;
    assert_refused(socle_prim_pool(&p, y, i, x), SOCLE_ERR_ARG, "pool2d: an average has no winner's index");
    socle_release(x);
    socle_release(y);
    socle_release(i);
}

Test(validate, indices_out_of_range_are_named)
{
    socle_tensor *x = f32(socle_shape2(2, 3)), *y = f32(socle_shape2(1, 3)), *loss = f32(socle_shape1(2));
    socle_tensor *i = tensor_of(d, SOCLE_I32, socle_shape2(1, 1), (const double[]){ 2 });
    socle_tensor *target = tensor_of(d, SOCLE_I32, socle_shape1(2), (const double[]){ 2, -1 });
    assert_refused(socle_prim_gather(y, x, i, 0), SOCLE_ERR_ARG, "gather: index 2 is outside [0, 2)");
    assert_refused(socle_prim_scatter_add(x, y, i, 0), SOCLE_ERR_ARG, "scatter_add: index 2 is outside [0, 2)");
    assert_refused(socle_prim_xent(loss, NULL, x, target), SOCLE_ERR_ARG,
                   "cross entropy: target -1 of sample 1 is outside [0, 3)");
    socle_release(x);
    socle_release(y);
    socle_release(i);
    socle_release(loss);
    socle_release(target);
}

Test(validate, cross_entropy_wants_a_target_for_each_sample)
{
    socle_tensor *x = f32(socle_shape2(2, 3)), *loss = f32(socle_shape1(2)), *target = i32(socle_shape1(3));
    assert_refused(socle_prim_xent(loss, NULL, x, target), SOCLE_ERR_SHAPE,
                   "cross entropy: target has shape (3), expected (2)");
    socle_release(x);
    socle_release(loss);
    socle_release(target);
}

Test(validate, dropout_of_everything_is_refused)
{
    socle_tensor *x = f32(socle_shape1(2));
    assert_refused(socle_prim_dropout(x, x, (socle_philox){ 0, 0 }, 1), SOCLE_ERR_ARG,
                   "dropout: probability 1 is outside [0, 1)");
    socle_release(x);
}

Test(validate, every_parameter_of_a_step_is_judged_before_the_first_is_changed)
{
    socle_tensor *p[2] = { f32(socle_shape1(2)), f32(socle_shape1(3)) };
    socle_tensor *g[2] = { f32(socle_shape1(2)), f32(socle_shape1(2)) };
    socle_sgd_args a = { .lr = 1 };
    assert_refused(socle_prim_sgd_many(2, p, g, NULL, &a), SOCLE_ERR_SHAPE,
                   "sgd: gradient has shape (2), expected (3)");
    assert_close(p[0], ((const double[]){ 1, 1 }), 2, budget_exact);
    for (int i = 0; i < 2; i++) {
        socle_release(p[i]);
        socle_release(g[i]);
    }
}

Test(validate, what_lists_of_tensors_are_made_of_is_judged_before_the_first_changes)
{
    socle_tensor *p[2] = { f32(socle_shape1(2)), f32(socle_shape1(3)) };
    socle_tensor *g[2] = { f32(socle_shape1(2)), f32(socle_shape1(2)) };
    socle_tensor *norm = f32(socle_shape1(2));
    assert_refused(socle_prim_lamb_many(2, p, g, p, NULL, &(socle_lamb_args){ .lr = 1 }), SOCLE_ERR_ARG,
                   "lamb: the averages of squares are missing");
    assert_refused(socle_prim_lamb_many(2, p, g, p, p, &(socle_lamb_args){ .lr = 1 }), SOCLE_ERR_SHAPE,
                   "lamb: gradient has shape (2), expected (3)");
    assert_refused(socle_prim_axpby_many(2, p, 1, g, 1), SOCLE_ERR_SHAPE,
                   "axpby: operand has shape (2), expected (3)");
    assert_refused(socle_prim_clip_many(2, g, norm, 1), SOCLE_ERR_SHAPE,
                   "clip: the length has shape (2), expected one element");
    assert_refused(socle_prim_clip_many(1, g, norm, 0), SOCLE_ERR_ARG, "clip: a limit of 0");
    socle_tensor *one = f32(socle_shape1(1));
    assert_refused(socle_prim_clip_many(1, NULL, one, 1), SOCLE_ERR_ARG, "clip: the list of gradients is missing");
    socle_release(one);
    assert_refused(socle_prim_axpby_many(1, p, 1, NULL, 1), SOCLE_ERR_ARG, "axpby: the list of inputs is missing");
    assert_refused(socle_prim_sgd_many(1, NULL, g, NULL, &(socle_sgd_args){ .lr = 1 }), SOCLE_ERR_ARG,
                   "sgd: the list of parameters is missing");
    assert_close(p[0], ((const double[]){ 1, 1 }), 2, budget_exact);
    assert_close(g[0], ((const double[]){ 1, 1 }), 2, budget_exact);
    for (int i = 0; i < 2; i++) {
        socle_release(p[i]);
        socle_release(g[i]);
    }
    socle_release(norm);
}

Test(validate, what_a_step_remembers_must_fit_its_kind)
{
    socle_tensor *p = f32(socle_shape1(3)), *g = f32(socle_shape1(3)), *v = f32(socle_shape1(2));
    socle_adam_args a = { .kind = SOCLE_ADAM_SCALED, .lr = 1 };
    assert_refused(socle_prim_adam_many(1, &p, &g, NULL, &g, &a), SOCLE_ERR_ARG,
                   "adam: the averages of gradients are missing");
    assert_refused(socle_prim_adam_many(1, &p, &g, &g, NULL, &a), SOCLE_ERR_ARG,
                   "adam: averages of squares are missing");
    assert_refused(socle_prim_adam_many(1, &p, &g, &g, &v, &a), SOCLE_ERR_SHAPE,
                   "adam: average of squares has shape (2), expected (3)");
    a.kind = SOCLE_ADAM_SIGN;
    assert_refused(socle_prim_adam_many(1, &p, &g, &g, &v, &a), SOCLE_ERR_ARG,
                   "adam: averages of squares are given, the step has none");
    a.kind = (socle_adam_kind)9;
    assert_refused(socle_prim_adam_many(1, &p, &g, &g, &v, &a), SOCLE_ERR_ARG, "adam: there is no step of kind 9");
    assert_close(p, ((const double[]){ 1, 1, 1 }), 3, budget_exact);
    socle_release(p);
    socle_release(g);
    socle_release(v);
}

Test(validate, the_relu_of_a_sum_takes_operands_of_one_shape_and_no_other_function)
{
    socle_tensor *y = f32(socle_shape2(2, 3)), *a = f32(socle_shape2(2, 3)), *row = f32(socle_shape1(3));
    assert_refused(socle_prim_add_relu(SOCLE_UNARY_relu, y, a, row, 0, 0, 0), SOCLE_ERR_SHAPE,
                   "add_relu: second operand has shape (3), expected (2, 3)");
    assert_refused(socle_prim_add_relu(SOCLE_UNARY_relu, row, a, a, 0, 0, 0), SOCLE_ERR_SHAPE,
                   "add_relu: first operand has shape (2, 3), expected (3)");
    assert_refused(socle_prim_add_relu(SOCLE_UNARY_neg, y, a, a, 0, 0, 0), SOCLE_ERR_ARG,
                   "add_relu: function 0 is no ReLU");
    socle_release(y);
    socle_release(a);
    socle_release(row);
}

Test(validate, shifted_images_keep_their_number_and_channels)
{
    socle_tensor *x = f32(socle_shape4(2, 3, 4, 5)), *y = f32(socle_shape4(2, 1, 4, 5));
    socle_tensor *place = i32(socle_shape1(6)), *flat = f32(socle_shape1(9));
    assert_refused(socle_prim_shift_images(y, x, place, 0), SOCLE_ERR_SHAPE,
                   "shift_images: result has shape (2, 1, 4, 5), expected (2, 3, 4, 5)");
    assert_refused(socle_prim_shift_images(x, x, place, 0), SOCLE_ERR_SHAPE,
                   "shift_images: place has shape (6), expected (2, 3)");
    assert_refused(socle_prim_shift_images(x, flat, place, 0), SOCLE_ERR_SHAPE,
                   "shift_images: operand has shape (9), expected 4 dimensions");
    socle_release(x);
    socle_release(y);
    socle_release(place);
    socle_release(flat);
}

Test(validate, a_histogram_needs_bins_that_make_sense_and_room_for_them)
{
    socle_tensor *x = f32(socle_shape1(9)), *counts = i32(socle_shape1(3)), *moments = f32(socle_shape1(2));
    socle_bins b = { 4, 0, 1, false };
    assert_refused(socle_prim_histogram(&b, counts, moments, x), SOCLE_ERR_SHAPE,
                   "histogram: result has shape (3), expected (4)");
    b.n = 0;
    assert_refused(socle_prim_histogram(&b, counts, moments, x), SOCLE_ERR_ARG, "histogram: 0 bins, not 1 to 250");
    b = (socle_bins){ 3, 0, 0, false };
    assert_refused(socle_prim_histogram(&b, counts, moments, x), SOCLE_ERR_ARG,
                   "histogram: bins from 0 on, 0 to a unit");
    b.scale = 1;
    assert_refused(socle_prim_histogram(&b, counts, x, x), SOCLE_ERR_SHAPE,
                   "histogram: moments has shape (9), expected (2)");
    socle_release(x);
    socle_release(counts);
    socle_release(moments);
}

Test(validate, the_histogram_of_nothing_is_empty)
{
    socle_tensor *x = f32(socle_shape1(0)), *counts = i32(socle_shape1(3)), *moments = f32(socle_shape1(2));
    socle_bins b = { 3, 0, 1, false };
    assert_ok(socle_prim_histogram(&b, counts, moments, x));
    assert_close(counts, ((const double[]){ 0, 0, 0 }), 3, budget_exact);
    assert_close(moments, ((const double[]){ NAN, NAN }), 2, budget_exact);
    socle_release(x);
    socle_release(counts);
    socle_release(moments);
}

/* What dispatch adds to the slots: broadcasting across formats, empty tensors, kept or removed dimensions,
 * transposed operands, versions, and nothing leaked when memory runs out. */
#include <criterion/criterion.h>
#include <math.h>
#include "core/tensor.h"
#include "support/support.h"
#include <socle/sys/test.h>

static socle_device *d;

static void open_ref(void)
{
    d = open_device("ref", 0);
}

static void close_ref(void)
{
    socle_device_close(d);
}

TestSuite(dispatch, .init = open_ref, .fini = close_ref);

static socle_tensor *f32(socle_shape s, const double *values)
{
    return tensor_of(d, SOCLE_F32, s, values);
}

/* Full of NaN. */
static socle_tensor *result(socle_shape s, int lanes)
{
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, s, lanes);
    assert_ok(socle_prim_fill(t, (double)NAN));
    return t;
}

static unsigned long long version(const socle_tensor *t)
{
    return atomic_load(&t->store->version);
}

/* ---- broadcasting ---- */

Test(dispatch, operands_stretch_to_the_result)
{
    socle_tensor *a = f32(socle_shape2(2, 1), (const double[]){ 10, 20 });
    socle_tensor *b = f32(socle_shape1(3), (const double[]){ 1, 2, 3 }), *y = result(socle_shape2(2, 3), 1);
    assert_ok(socle_prim_binary(SOCLE_BINARY_add, y, a, b));
    assert_close(y, ((const double[]){ 11, 12, 13, 21, 22, 23 }), 6, budget_exact);
    assert_ok(socle_prim_copy(y, b));
    assert_close(y, ((const double[]){ 1, 2, 3, 1, 2, 3 }), 6, budget_exact);
    socle_release(a);
    socle_release(b);
    socle_release(y);
}

/* (17, 2) in blocks against (3, 17, 2): its images are not the result's, so a view cannot say it. */
Test(dispatch, a_blocked_operand_stretches_over_new_leading_dimensions)
{
    double values[34], want[102];
    fill_whole(values, 34, 1, -9, 9);
    for (int i = 0; i < 102; i++)
        want[i] = values[i % 34] + 1;
    socle_tensor *a = tensor_lanes(d, SOCLE_F32, socle_shape2(17, 2), 16, values);
    socle_tensor *one = f32(socle_shape0(), (const double[]){ 1 }), *y = result(socle_shape3(3, 17, 2), 1);
    assert_ok(socle_prim_binary(SOCLE_BINARY_add, y, a, one));
    assert_close(y, want, 102, budget_exact);
    socle_release(a);
    socle_release(one);
    socle_release(y);
}

Test(dispatch, where_and_gradients_stretch_too)
{
    socle_tensor *cond = tensor_of(d, SOCLE_U8, socle_shape2(2, 1), (const double[]){ 1, 0 });
    socle_tensor *a = f32(socle_shape1(2), (const double[]){ 1, 2 }),
                 *b = f32(socle_shape0(), (const double[]){ 7 });
    socle_tensor *y = result(socle_shape2(2, 2), 1);
    assert_ok(socle_prim_where(y, cond, a, b));
    assert_close(y, ((const double[]){ 1, 2, 7, 7 }), 4, budget_exact);
    assert_ok(socle_prim_binary_grad(SOCLE_BINARY_mul, 1, y, b, a, b));
    assert_close(y, ((const double[]){ 7, 14, 7, 14 }), 4, budget_exact);
    assert_ok(socle_prim_binary_grad(SOCLE_BINARY_sub, 1, y, b, NULL, NULL));
    assert_close(y, ((const double[]){ -7, -7, -7, -7 }), 4, budget_exact);
    socle_release(cond);
    socle_release(a);
    socle_release(b);
    socle_release(y);
}

Test(dispatch, a_tie_of_maximum_sends_its_gradient_to_the_first)
{
    socle_tensor *a = f32(socle_shape1(3), (const double[]){ 1, 2, 3 }),
                 *b = f32(socle_shape1(3), (const double[]){ 2, 2, 2 });
    socle_tensor *one = f32(socle_shape0(), (const double[]){ 1 }), *y = result(socle_shape1(3), 1);
    assert_ok(socle_prim_binary_grad(SOCLE_BINARY_maximum, 0, y, one, a, b));
    assert_close(y, ((const double[]){ 0, 1, 1 }), 3, budget_exact);
    assert_ok(socle_prim_binary_grad(SOCLE_BINARY_maximum, 1, y, one, a, b));
    assert_close(y, ((const double[]){ 1, 0, 0 }), 3, budget_exact);
    socle_release(a);
    socle_release(b);
    socle_release(one);
    socle_release(y);
}

/* ---- copies ---- */

Test(dispatch, copies_between_types_truncate_and_saturate)
{
    socle_tensor *x = f32(socle_shape1(6), (const double[]){ -1.9, 1.9, 300, 1e20, -1e20, (double)NAN });
    socle_tensor *n = socle_tensor_new(d, SOCLE_I32, socle_shape1(6)),
                 *u = socle_tensor_new(d, SOCLE_U8, socle_shape1(6));
    assert_ok(socle_prim_copy(n, x));
    assert_close(n, ((const double[]){ -1, 1, 300, 2147483647, -2147483648.0, 0 }), 6, budget_exact);
    assert_ok(socle_prim_copy(u, n));
    assert_close(u, ((const double[]){ 0, 1, 255, 255, 0, 0 }), 6, budget_exact);
    socle_release(x);
    socle_release(n);
    socle_release(u);
}

Test(dispatch, contiguous_copies_only_what_is_not)
{
    double values[40];
    fill_random(values, 40, 1, -1, 1);
    socle_tensor *plain = f32(socle_shape2(20, 2), values),
                 *blocks = tensor_lanes(d, SOCLE_F32, socle_shape2(20, 2), 16, values);
    socle_tensor *same = socle_tensor_contiguous(plain), *copy = socle_tensor_contiguous(blocks);
    cr_assert_eq(same, plain);
    cr_assert_neq(copy, blocks);
    cr_assert_eq(socle_view_of(copy).lanes, 1);
    assert_identical(copy, plain);
    socle_release(plain);
    socle_release(blocks);
    socle_release(same);
    socle_release(copy);
}

/* ---- reductions ---- */

Test(dispatch, reduced_dimensions_are_kept_or_removed_as_the_result_has_them)
{
    socle_tensor *x = f32(socle_shape2(2, 3), (const double[]){ 1, 2, 3, 4, 5, 6 });
    socle_tensor *kept = result(socle_shape2(1, 3), 1), *removed = result(socle_shape1(2), 1),
                 *all = result(socle_shape0(), 1);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, kept, x, 1));
    assert_close(kept, ((const double[]){ 5, 7, 9 }), 3, budget_exact);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_MEAN, removed, x, 2));
    assert_close(removed, ((const double[]){ 2, 5 }), 2, budget_exact);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUMSQ, all, x, 0));
    assert_close(all, ((const double[]){ 91 }), 1, budget_exact);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_MAX, all, all, 0));
    assert_close(all, ((const double[]){ 91 }), 1, budget_exact);
    socle_release(x);
    socle_release(kept);
    socle_release(removed);
    socle_release(all);
}

/* The images are reduced away, and the result's own first dimension lies in blocks. */
Test(dispatch, a_blocked_result_takes_a_removed_first_dimension)
{
    double values[2 * 17 * 3], want[17 * 3];
    fill_whole(values, 102, 1, -9, 9);
    for (int i = 0; i < 51; i++)
        want[i] = values[i] + values[51 + i];
    socle_tensor *x = f32(socle_shape3(2, 17, 3), values), *y = result(socle_shape2(17, 3), 16);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, y, x, 1));
    assert_close(y, want, 51, budget_exact);
    assert_ok(socle_prim_fill(y, 0));
    assert_ok(socle_prim_unbroadcast(y, x));
    assert_close(y, want, 51, budget_exact);
    socle_release(x);
    socle_release(y);
}

Test(dispatch, pad_lanes_are_not_images)
{
    double values[34];
    fill_whole(values, 34, 1, -9, 9);
    socle_tensor *x = socle_tensor_dense(d, SOCLE_F32, socle_shape2(17, 2), 16), *y = result(socle_shape1(2), 1);
    float *memory = tensor_host(x);
    for (int i = 0; i < 64; i++)
        memory[i] = NAN;
    socle_tensor *plain = f32(socle_shape2(17, 2), values);
    assert_ok(socle_prim_copy(x, plain));
    double want[2] = { 0, 0 };
    for (int i = 0; i < 34; i++)
        want[i % 2] += values[i];
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, y, x, 1));
    assert_close(y, want, 2, budget_exact);
    socle_release(x);
    socle_release(y);
    socle_release(plain);
}

Test(dispatch, unbroadcast_adds_up_what_was_repeated)
{
    socle_tensor *x = f32(socle_shape3(2, 2, 2), (const double[]){ 1, 2, 3, 4, 5, 6, 7, 8 });
    socle_tensor *column = result(socle_shape2(2, 1), 1), *row = result(socle_shape1(2), 1),
                 *one = result(socle_shape0(), 1);
    socle_tensor *same = result(socle_shape3(2, 2, 2), 1);
    assert_ok(socle_prim_unbroadcast(column, x));
    assert_close(column, ((const double[]){ 14, 22 }), 2, budget_exact);
    assert_ok(socle_prim_unbroadcast(row, x));
    assert_close(row, ((const double[]){ 16, 20 }), 2, budget_exact);
    assert_ok(socle_prim_unbroadcast(one, x));
    assert_close(one, ((const double[]){ 36 }), 1, budget_exact);
    assert_ok(socle_prim_unbroadcast(same, x));
    assert_identical(same, x);
    socle_release(x);
    socle_release(column);
    socle_release(row);
    socle_release(one);
    socle_release(same);
}

Test(dispatch, nan_wins_and_the_first_of_equals)
{
    socle_tensor *x =
        f32(socle_shape2(3, 4), (const double[]){ 1, 3, 3, 2, 0, (double)NAN, 9, (double)NAN, -1, -1, -2, -2 });
    socle_tensor *i = socle_tensor_new(d, SOCLE_I32, socle_shape1(3)), *y = result(socle_shape2(3, 1), 1);
    assert_ok(socle_prim_argreduce(SOCLE_REDUCE_MAX, i, x, -1));
    assert_close(i, ((const double[]){ 1, 1, 0 }), 3, budget_exact);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_MIN, y, x, 2));
    assert_close(y, ((const double[]){ 1, (double)NAN, -2 }), 3, budget_exact);
    socle_release(x);
    socle_release(i);
    socle_release(y);
}

/* ---- empty tensors ---- */

Test(dispatch, reductions_over_nothing_have_their_neutral_value)
{
    socle_tensor *x = result(socle_shape2(0, 2), 1), *y = result(socle_shape1(2), 1);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, y, x, 1));
    assert_close(y, ((const double[]){ 0, 0 }), 2, budget_exact);
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_MEAN, y, x, 1));
    assert_close(y, ((const double[]){ (double)NAN, (double)NAN }), 2, budget_exact);
    assert_ok(socle_prim_unbroadcast(y, x));
    assert_close(y, ((const double[]){ 0, 0 }), 2, budget_exact);
    socle_release(x);
    socle_release(y);
}

Test(dispatch, a_product_without_terms_is_beta_c)
{
    socle_tensor *a = result(socle_shape2(2, 0), 1), *c = result(socle_shape2(2, 2), 1);
    assert_ok(socle_prim_gemm(c, a, false, a, true, 1, 0));
    assert_close(c, ((const double[]){ 0, 0, 0, 0 }), 4, budget_exact);
    assert_ok(socle_prim_fill(c, 3));
    assert_ok(socle_prim_gemm(c, a, false, a, true, 1, 2));
    assert_close(c, ((const double[]){ 6, 6, 6, 6 }), 4, budget_exact);
    socle_release(a);
    socle_release(c);
}

Test(dispatch, a_linear_layer_without_features_has_its_bias)
{
    socle_tensor *x = result(socle_shape2(2, 0), 1), *w = result(socle_shape2(2, 0), 1),
                 *y = result(socle_shape2(2, 2), 1);
    socle_tensor *bias = f32(socle_shape1(2), (const double[]){ -1, 4 }), *db = result(socle_shape1(2), 1);
    assert_ok(socle_prim_linear(SOCLE_EPILOGUE_RELU, y, x, w, bias));
    assert_close(y, ((const double[]){ 0, 4, 0, 4 }), 4, budget_exact);
    assert_ok(socle_prim_linear_grad(SOCLE_EPILOGUE_RELU, x, w, db, y, x, w, y));
    assert_close(db, ((const double[]){ 0, 8 }), 2, budget_exact);
    socle_release(x);
    socle_release(w);
    socle_release(y);
    socle_release(bias);
    socle_release(db);
}

Test(dispatch, a_batch_of_no_images_has_gradients_of_zero)
{
    socle_conv p = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    socle_tensor *x = result(socle_shape4(0, 1, 3, 3), 1), *w = result(socle_shape4(2, 1, 3, 3), 1);
    socle_tensor *y = result(socle_shape4(0, 2, 1, 1), 1), *dw = result(socle_shape4(2, 1, 3, 3), 1),
                 *db = result(socle_shape1(2), 1);
    double zeros[18] = { 0 };
    assert_ok(socle_prim_conv(&p, SOCLE_EPILOGUE_NONE, y, x, w, NULL));
    assert_ok(socle_prim_conv_grad(&p, SOCLE_EPILOGUE_NONE, x, dw, db, y, x, w, NULL));
    assert_close(dw, zeros, 18, budget_exact);
    assert_close(db, zeros, 2, budget_exact);
    socle_release(x);
    socle_release(w);
    socle_release(y);
    socle_release(dw);
    socle_release(db);
}

/* ---- products ---- */

/* a (17, 3) in blocks given transposed, b (1, 17, 2) stretched over the batch */
Test(dispatch, products_take_transposed_blocked_and_stretched_operands)
{
    double a[51], b[34], want[2 * 3 * 2] = { 0 };
    fill_whole(a, 51, 1, -5, 5);
    fill_whole(b, 34, 2, -5, 5);
    for (int e = 0; e < 12; e++)
        for (int k = 0; k < 17; k++)
            want[e] += a[k * 3 + e / 2 % 3] * b[k * 2 + e % 2];
    socle_tensor *ta = tensor_lanes(d, SOCLE_F32, socle_shape2(17, 3), 16, a), *tb = f32(socle_shape3(1, 17, 2), b);
    socle_tensor *c = result(socle_shape3(2, 3, 2), 1);
    assert_ok(socle_prim_gemm(c, ta, true, tb, false, 1, 0));
    assert_close(c, want, 12, budget_exact);
    for (int e = 0; e < 12; e++)
        want[e] *= 1.5;
    assert_ok(socle_prim_gemm(c, ta, true, tb, false, 0.5f, 1));
    assert_close(c, want, 12, budget_exact);
    socle_release(ta);
    socle_release(tb);
    socle_release(c);
}

/* ---- indexing ---- */

Test(dispatch, gather_stretches_its_index_and_scatter_add_undoes_it)
{
    socle_tensor *x = f32(socle_shape2(3, 2), (const double[]){ 1, 2, 3, 4, 5, 6 }),
                 *y = result(socle_shape2(2, 2), 1);
    socle_tensor *index = tensor_of(d, SOCLE_I32, socle_shape2(2, 1), (const double[]){ 2, 2 });
    socle_tensor *back = result(socle_shape2(3, 2), 1);
    assert_ok(socle_prim_gather(y, x, index, 0));
    assert_close(y, ((const double[]){ 5, 6, 5, 6 }), 4, budget_exact);
    assert_ok(socle_prim_fill(back, 1));
    assert_ok(socle_prim_scatter_add(back, y, index, -2));
    assert_close(back, ((const double[]){ 1, 1, 1, 1, 11, 13 }), 6, budget_exact);
    socle_release(x);
    socle_release(y);
    socle_release(index);
    socle_release(back);
}

/* ---- random ---- */

Test(dispatch, draws_depend_on_the_element_not_on_the_format)
{
    socle_philox r = { 3, 9 };
    socle_tensor *plain = result(socle_shape2(21, 3), 1), *blocks = result(socle_shape2(21, 3), 16);
    assert_ok(socle_prim_random_uniform(plain, r, -1, 1));
    assert_ok(socle_prim_random_uniform(blocks, r, -1, 1));
    assert_identical(plain, blocks);
    assert_ok(socle_prim_random_normal(plain, r, 0, 1));
    assert_ok(socle_prim_random_normal(blocks, r, 0, 1));
    assert_identical(plain, blocks);
    socle_release(plain);
    socle_release(blocks);
}

Test(dispatch, normal_numbers_have_the_mean_and_deviation_asked_for)
{
    enum { COUNT = 40000 };
    socle_tensor *t = result(socle_shape1(COUNT), 1);
    assert_ok(socle_prim_random_normal(t, (socle_philox){ 1, 0 }, 3, 2));
    double *values = values_of(t), sum = 0, squares = 0, neighbours = 0;
    for (int i = 0; i < COUNT; i++) {
        double z = (values[i] - 3) / 2;
        sum += z;
        squares += z * z;
        neighbours += i > 0 ? z * (values[i - 1] - 3) / 2 : 0;
    }
    /* five standard errors of each estimate */
    cr_assert(fabs(sum / COUNT) < 5 / sqrt(COUNT));
    cr_assert(fabs(squares / COUNT - 1) < 5 * sqrt(2.0 / COUNT));
    cr_assert(fabs(neighbours / COUNT) < 5 / sqrt(COUNT));
    free(values);
    socle_release(t);
}

/* ---- versions ---- */

Test(dispatch, everything_written_advances_its_version_and_nothing_else)
{
    double values[6] = { 1, 2, 3, 4, 5, 6 };
    socle_tensor *x = f32(socle_shape2(2, 3), values), *y = result(socle_shape2(2, 3), 1),
                 *w = f32(socle_shape2(2, 3), values);
    socle_tensor *dy = result(socle_shape2(2, 2), 1), *dw = result(socle_shape2(2, 3), 1),
                 *db = result(socle_shape1(2), 1);
    unsigned long long before_x = version(x), before_y = version(y), before_w = version(w);
    assert_ok(socle_prim_unary(SOCLE_UNARY_exp, y, x, 0, 0, 0));
    cr_assert_gt(version(y), before_y);
    unsigned long long before[3] = { version(y), version(dw), version(db) };
    assert_ok(socle_prim_linear_grad(SOCLE_EPILOGUE_NONE, y, dw, db, dy, x, w, NULL));
    cr_assert_gt(version(y), before[0]);
    cr_assert_gt(version(dw), before[1]);
    cr_assert_gt(version(db), before[2]);
    assert_ok(socle_prim_sgd_many(1, &w, &x, &y, &(socle_sgd_args){ .lr = 1, .mom = 0.9f }));
    cr_assert_gt(version(w), before_w);
    cr_assert_gt(version(y), before[0] + 1);
    cr_assert_eq(version(x), before_x);
    socle_release(x);
    socle_release(y);
    socle_release(w);
    socle_release(dy);
    socle_release(dw);
    socle_release(db);
}

/* ---- memory ---- */

/* More than are kept on the stack. Empty ones are among them and are passed over. */
Test(dispatch, a_step_takes_any_number_of_parameters)
{
    enum { MANY = 70 };
    socle_tensor *p[MANY], *g[MANY];
    for (int i = 0; i < MANY; i++) {
        const socle_shape shape = socle_shape1(i % 7 == 3 ? 0 : 2);
        p[i] = f32(shape, (const double[]){ i, -i });
        g[i] = f32(shape, (const double[]){ 1, i });
    }
    assert_ok(socle_prim_sgd_many(MANY, p, g, NULL, &(socle_sgd_args){ .lr = 0.5f }));
    for (int i = 0; i < MANY; i++) {
        if (i % 7 != 3)
            assert_close(p[i], ((const double[]){ i - 0.5, -1.5 * i }), 2, budget_exact);
        socle_release(p[i]);
        socle_release(g[i]);
    }
}

typedef struct scene {
    socle_tensor *x, *w, *y, *dx, *dw, *db;
} scene;

static socle_status compose_everything(const scene *s)
{
    socle_conv p = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    socle_status status = socle_prim_conv(&p, SOCLE_EPILOGUE_RELU, s->y, s->x, s->w, s->db);
    if (status == SOCLE_OK)
        status = socle_prim_conv_grad(&p, SOCLE_EPILOGUE_RELU, s->dx, s->dw, s->db, s->y, s->x, s->w, s->y);
    if (status == SOCLE_OK)
        status = socle_prim_softmax(s->y, s->y, 1, true);
    if (status == SOCLE_OK)
        status = socle_prim_dropout(s->y, s->y, (socle_philox){ 1, 2 }, 0.5f);
    if (status == SOCLE_OK)
        status = socle_prim_sgd_many(1, &s->w, &s->dw, NULL, &(socle_sgd_args){ .lr = 0.1f, .l2 = 0.1f });
    return status;
}

Test(dispatch, every_failing_allocation_of_a_composition_is_reported_and_leaks_nothing)
{
    int64_t failures = 0;
    for (bool failed = true; failed; failures += failed) {
        socle_device *composed = socle_device_open("ref", (socle_device_desc){ .compose_only = true });
        socle_shape sx = socle_shape4(17, 1, 3, 3), sw = socle_shape4(2, 1, 3, 3), sy = socle_shape4(17, 2, 3, 3);
        scene s = {
            socle_tensor_dense(composed, SOCLE_F32, sx, 16), socle_tensor_new(composed, SOCLE_F32, sw),
            socle_tensor_dense(composed, SOCLE_F32, sy, 16), socle_tensor_dense(composed, SOCLE_F32, sx, 1),
            socle_tensor_new(composed, SOCLE_F32, sw),       socle_tensor_new(composed, SOCLE_F32, socle_shape1(2))
        };
        int64_t live = socle_test_live_blocks();
        socle_test_fail_alloc(failures);
        socle_status status = compose_everything(&s);
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(status, failed ? SOCLE_ERR_NOMEM : SOCLE_OK, "allocation %lld: %s", (long long)failures,
                     socle_error());
        cr_assert_leq(socle_test_live_blocks() - live, 1, "allocation %lld",
                      (long long)failures); /* the counters */
        socle_tensor *all[] = { s.x, s.w, s.y, s.dx, s.dw, s.db };
        for (int i = 0; i < 6; i++)
            socle_release(all[i]);
        socle_device_close(composed);
    }
    cr_assert_gt(failures, 20, "the countdown did not reach the temporaries");
}

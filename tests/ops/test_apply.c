/* What holds for every op: sticky failures, missing operands, one device, the memory format of results. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <socle/ops.h>
#include <socle/sys/op.h>
#include <socle/sys/test.h>
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

TestSuite(apply, .init = setup, .fini = teardown);

static socle_tensor *zeros(socle_shape s)
{
    return socle_full(c, SOCLE_F32, s, 0);
}

Test(apply, the_first_failure_sticks_and_later_ops_leave_its_message_alone)
{
    socle_tensor *x = zeros(socle_shape2(2, 3));
    socle_tensor *bad = socle_matmul(c, x, x);
    cr_assert(bad == NULL);
    char first[512];
    snprintf(first, sizeof first, "%s", socle_error());
    cr_assert(strcmp(first, "matmul: (2, 3) times (2, 3)") == 0, "%s", first);

    uint64_t counter = socle_ctx_random_counter(c);
    socle_tensor *y = socle_sum(c, socle_relu(c, bad), 0, false);
    cr_assert(y == NULL);
    cr_assert(socle_relu(c, x) == NULL, "an op ran on a failed ctx");
    cr_assert(socle_full(c, SOCLE_F32, socle_shape1(-1), 0) == NULL);
    cr_assert(socle_rand(c, socle_shape1(4)) == NULL && socle_dropout(c, x, 0.5) == NULL);
    cr_assert(socle_dropout(c, x, 0) == NULL && socle_cast(c, x, SOCLE_F32) == NULL);
    cr_assert(socle_concat(c, 100, &x, 0) == NULL && socle_permute(c, x, (int[]){ 7, 7 }) == NULL);
    cr_assert(socle_fill(c, x, 1) == SOCLE_ERR_SHAPE && socle_assign(c, NULL, x) == SOCLE_ERR_SHAPE);
    cr_assert(socle_axpby(c, x, 1, NULL, 1) == SOCLE_ERR_SHAPE);
    cr_assert(socle_backward(c, NULL) == SOCLE_ERR_SHAPE);
    cr_assert(strcmp(socle_error(), first) == 0, "%s", socle_error());
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_SHAPE);
    cr_assert(socle_ctx_random_counter(c) == counter, "a failed ctx drew random numbers");

    socle_ctx_clear(c);
    cr_assert(zeros(socle_shape1(2)) != NULL);
}

Test(apply, a_missing_operand_is_named_with_what_went_wrong_before)
{
    socle_fail(SOCLE_ERR_IO, "the file is gone");
    cr_assert(socle_add(c, zeros(socle_shape1(2)), NULL) == NULL);
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "add: input 1 is NULL") != NULL, "%s", socle_error());
    cr_assert(strstr(socle_error(), "the file is gone") != NULL, "%s", socle_error());
}

Test(apply, every_function_answers_null_operands_with_null)
{
    socle_tensor *null = NULL;
    int64_t none[SOCLE_MAX_DIMS] = { 0 };
    int axes[SOCLE_MAX_DIMS] = { 0 };
#define expect_refused(call)                                                                                       \
    do {                                                                                                           \
        cr_expect((call) == NULL, #call);                                                                          \
        cr_expect(socle_ctx_status(c) == SOCLE_ERR_ARG, #call);                                                    \
        socle_ctx_clear(c);                                                                                        \
    } while (0)
    expect_refused(socle_neg(c, NULL));
    expect_refused(socle_scale(c, NULL, 1, 2));
    expect_refused(socle_add(c, NULL, NULL));
    expect_refused(socle_eq(c, NULL, NULL));
    expect_refused(socle_where(c, NULL, NULL, NULL));
    expect_refused(socle_sum(c, NULL, 0, false));
    expect_refused(socle_max(c, NULL, 0, false));
    expect_refused(socle_argmax(c, NULL, 0));
    expect_refused(socle_matmul(c, NULL, NULL));
    expect_refused(socle_linear(c, NULL, NULL, NULL));
    expect_refused(socle_conv2d(c, NULL, NULL, NULL, (socle_conv2d_opts){ 0 }));
    expect_refused(socle_max_pool2d(c, NULL, (socle_pool2d_opts){ .size = 2 }));
    expect_refused(socle_adaptive_avg_pool2d(c, NULL, 1, 1));
    expect_refused(socle_softmax(c, NULL, 0));
    expect_refused(socle_nll(c, NULL, NULL, SOCLE_MEAN));
    expect_refused(socle_cross_entropy(c, NULL, NULL, SOCLE_MEAN));
    expect_refused(socle_mse(c, NULL, NULL, SOCLE_MEAN));
    expect_refused(socle_reshape(c, NULL, socle_shape1(1)));
    expect_refused(socle_permute(c, NULL, axes));
    expect_refused(socle_transpose(c, NULL));
    expect_refused(socle_slice(c, NULL, 0, 0, 1));
    expect_refused(socle_concat(c, 1, &null, 0));
    expect_refused(socle_pad(c, NULL, none, none, 0));
    expect_refused(socle_gather(c, NULL, NULL, 0));
    expect_refused(socle_cast(c, NULL, SOCLE_I32));
    expect_refused(socle_detach(c, NULL));
    expect_refused(socle_dropout(c, NULL, 0.5));
    cr_expect(socle_fill(c, NULL, 0) == SOCLE_ERR_ARG);
    socle_ctx_clear(c);
    cr_expect(socle_assign(c, zeros(socle_shape1(1)), NULL) == SOCLE_ERR_ARG);
}

Test(apply, a_null_ctx_is_a_failed_one)
{
    socle_tensor *x = zeros(socle_shape1(2));
    cr_assert(socle_relu(NULL, x) == NULL && socle_full(NULL, SOCLE_F32, socle_shape1(2), 0) == NULL);
    cr_assert(socle_backward(NULL, x) != SOCLE_OK && socle_fill(NULL, x, 1) != SOCLE_OK);
}

Test(apply, operands_of_another_device_are_refused)
{
    socle_device *other = open_device("ref", 1);
    socle_tensor *x = tensor_of(other, SOCLE_F32, socle_shape1(2), (double[]){ 1, 2 });
    cr_assert(socle_relu(c, x) == NULL);
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "relu: input 0 lives on another device") != NULL, "%s", socle_error());
    socle_release(x);
    socle_device_close(other);
}

Test(apply, types_the_device_does_not_compute_in_are_refused)
{
    socle_tensor *x = socle_full(c, SOCLE_I32, socle_shape1(2), 1);
    cr_assert(socle_exp(c, x) == NULL);
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_DTYPE);
    cr_assert(strcmp(socle_error(), "exp: input 0 is of type i32, the device computes in f32") == 0, "%s",
              socle_error());
}

static int lanes_of(const socle_tensor *t)
{
    return socle_view_of(t).lanes;
}

static socle_tensor *blocks(socle_shape s)
{
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, s, SOCLE_LANES);
    assert_ok(socle_prim_fill(t, 0.5));
    return t;
}

Test(apply, results_inherit_blocks_of_images_with_the_images)
{
    socle_tensor *x = blocks(socle_shape4(9, 2, 4, 4)), *w = blocks(socle_shape2(9, 9));
    cr_assert(lanes_of(socle_relu(c, x)) == SOCLE_LANES);
    cr_assert(lanes_of(socle_add(c, zeros(socle_shape3(2, 1, 1)), x)) == SOCLE_LANES);
    cr_assert(lanes_of(socle_mean(c, x, 12, true)) == SOCLE_LANES);
    cr_assert(lanes_of(socle_mean(c, x, 12, false)) == 1, "a dimension went");
    cr_assert(lanes_of(socle_sum(c, x, 1, true)) == 1, "the images went");
    cr_assert(lanes_of(socle_max_pool2d(c, x, (socle_pool2d_opts){ .size = 2 })) == SOCLE_LANES);
    cr_assert(lanes_of(socle_add(c, zeros(socle_shape4(9, 2, 4, 4)), x)) == SOCLE_LANES);
    cr_assert(lanes_of(socle_matmul(c, w, w)) == 1);
    cr_assert(socle_ctx_status(c) == SOCLE_OK);
    socle_release(x);
    socle_release(w);
}

/* out[1] exists for backward only: a pass without gradients must not pay for it. */
static const socle_tensor *seen_second;
static bool was_called;

static socle_status pair_infer(const socle_call *k, socle_spec *out)
{
    out[0] = out[1] = k->spec[0];
    return SOCLE_OK;
}

static socle_status pair_forward(socle_call *k)
{
    was_called = true;
    seen_second = k->out[1];
    return socle_prim_copy(k->out[0], k->in[0]);
}

static socle_status pair_backward(socle_call *k)
{
    return socle_prim_copy(k->gin[0], k->gout[0]);
}

static const socle_op pair = { .name = "pair",
                               .n_out = 2,
                               .keep = SOCLE_KEEP_OUT(1),
                               .infer = pair_infer,
                               .forward = pair_forward,
                               .backward = pair_backward };

Test(apply, the_second_result_is_made_only_where_backward_will_ask_for_it)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape1(1), (double[]){ 1 });
    socle_apply(c, &pair, NULL, 1, 1, &x);
    cr_assert(was_called && seen_second == NULL);
    assert_ok(socle_set_requires_grad(x, true));
    socle_tensor *y = socle_apply(c, &pair, NULL, 1, 1, &x);
    cr_assert(seen_second != NULL);
    assert_ok(socle_backward(c, y));
    assert_close(socle_grad(x), ((double[]){ 1 }), 1, budget_exact);
    socle_release(x);
}

Test(apply, a_table_that_promises_too_much_is_refused)
{
    static const socle_op fat = { .name = "fat", .n_out = 1, .attr_size = SOCLE_OP_ATTR_MAX + 1 };
    cr_assert(socle_apply(c, &fat, NULL, 0, 0, NULL) == NULL);
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_ARG);
}

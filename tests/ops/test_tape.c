/* Recording and backward: what is recorded, where gradients go, what is given back, what is refused. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/ops.h>
#include <socle/sys/op.h>
#include <socle/sys/test.h>
#include "core/ctx.h"
#include "core/tensor.h"
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;

static void setup(void)
{
    d = open_device("ref64", 1);
    c = socle_ctx_new(d, 1);
}

static void teardown(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
}

TestSuite(tape, .init = setup, .fini = teardown);

/* A leaf (2) that wants a gradient. */
static socle_tensor *leaf(double a, double b)
{
    socle_tensor *x = tensor_of(d, SOCLE_F64, socle_shape1(2), (double[]){ a, b });
    assert_ok(socle_set_requires_grad(x, true));
    return x;
}

static socle_tensor *sum(socle_tensor *x)
{
    return socle_sum(c, x, 0, false);
}

#define expect_grad(x, a, b) assert_close(socle_grad(x), ((double[]){ a, b }), 2, budget_roundings(SOCLE_F64, 4))

Test(tape, backward_adds_to_an_existing_gradient)
{
    socle_tensor *x = leaf(2, 3);
    assert_ok(socle_backward(c, sum(socle_square(c, x))));
    expect_grad(x, 4, 6);
    assert_ok(socle_backward(c, sum(x)));
    expect_grad(x, 5, 7);
    socle_zero_grad(x);
    assert_ok(socle_backward(c, sum(x)));
    expect_grad(x, 1, 1);
    socle_release(x);
}

/* ---- ops that add to a gradient that is there ---- */

static uint64_t calls_of(const char *slot)
{
    socle_slot_stat stat[64];
    size_t n = socle_prim_stats(d, stat, 64);
    for (size_t i = 0; i < n && i < 64; i++)
        if (strcmp(stat[i].name, slot) == 0)
            return stat[i].slot + stat[i].composed;
    return 0;
}

static socle_tensor *image(const double *pixels)
{
    socle_tensor *x = tensor_of(d, SOCLE_F64, socle_shape4(1, 1, 2, 2), pixels);
    assert_ok(socle_set_requires_grad(x, true));
    return x;
}

static socle_tensor *pooled(socle_tensor *x)
{
    return socle_avg_pool2d(c, x, (socle_pool2d_opts){ .size = 2 });
}

Test(tape, pooling_and_gather_add_to_the_gradient_that_another_op_made)
{
    socle_tensor *x = image((double[]){ 1, 2, 3, 4 });
    socle_tensor *index = tensor_of(d, SOCLE_I32, socle_shape4(1, 1, 2, 1), (double[]){ 1, 1 });
    socle_tensor *y = socle_scale(c, x, 2, 0);
    socle_tensor *a = sum(pooled(y)), *b = sum(socle_gather(c, y, index, 2)), *square = sum(socle_square(c, y));
    assert_ok(socle_backward(c, socle_add(c, socle_add(c, a, b), square)));
    /* 2 (2 y + 1 / 4 + [second row] 2) */
    assert_close(socle_grad(x), ((double[]){ 8.5, 16.5, 28.5, 36.5 }), 4, budget_exact);
    cr_expect_eq(calls_of("axpby"), 0);
    socle_release(index);
    socle_release(x);
}

Test(tape, nothing_is_added_to_a_gradient_that_two_tensors_share)
{
    socle_tensor *x = image((double[]){ 1, 2, 3, 4 }), *z = image((double[]){ 5, 6, 7, 8 });
    socle_tensor *y = socle_scale(c, x, 2, 0), *a = sum(pooled(y));
    socle_tensor *other = socle_scale(c, z, 3, 0), *b = sum(socle_square(c, socle_add(c, y, other)));
    assert_ok(socle_backward(c, socle_add(c, a, b)));
    /* s = 2 x + 3 z: 17, 22, 27, 32 */
    assert_close(socle_grad(x), ((double[]){ 68.5, 88.5, 108.5, 128.5 }), 4, budget_exact);
    assert_close(socle_grad(z), ((double[]){ 102, 132, 162, 192 }), 4, budget_exact);
    socle_release(x);
    socle_release(z);
}

Test(tape, a_leaf_used_twice_gets_both_gradients)
{
    socle_tensor *x = leaf(2, 3);
    assert_ok(socle_backward(c, sum(socle_mul(c, x, x))));
    expect_grad(x, 4, 6);
    socle_release(x);
}

Test(tape, both_arms_of_a_diamond_meet)
{
    /* y = e^x; z = y^2 + 3 y; dz/dx = (2 y + 3) y */
    socle_tensor *x = leaf(0, 0);
    socle_tensor *y = socle_exp(c, x);
    socle_tensor *z = socle_add(c, socle_square(c, y), socle_scale(c, y, 3, 0));
    assert_ok(socle_backward(c, sum(z)));
    expect_grad(x, 5, 5);
    socle_release(x);
}

Test(tape, gradients_shared_by_two_arms_are_not_added_to_in_place)
{
    /* add hands one gradient to both of its sides: y's two gradients are also those of u and v, which come
     * later. */
    socle_tensor *x = leaf(1, 2), *a = leaf(1, 1), *b = leaf(1, 1);
    socle_tensor *u = socle_scale(c, a, 5, 0), *v = socle_scale(c, b, 6, 0), *y = socle_scale(c, x, 2, 0);
    socle_tensor *first = socle_scale(c, socle_add(c, y, u), 10, 0);
    socle_tensor *second = socle_scale(c, socle_add(c, y, v), 100, 0);
    assert_ok(socle_backward(c, sum(socle_add(c, first, second))));
    expect_grad(x, 220, 220);
    expect_grad(a, 50, 50);
    expect_grad(b, 600, 600);
    socle_release(x);
    socle_release(a);
    socle_release(b);
}

Test(tape, a_gradient_seen_through_a_view_is_not_added_to_in_place)
{
    /* The same, with the gradients arriving as views of u's and v's. */
    socle_tensor *x = leaf(1, 2), *a = leaf(1, 1), *b = leaf(1, 1);
    socle_shape s = socle_shape2(2, 1);
    socle_tensor *u = socle_reshape(c, socle_scale(c, a, 5, 0), s),
                 *v = socle_reshape(c, socle_scale(c, b, 6, 0), s);
    socle_tensor *y = socle_scale(c, x, 2, 0);
    socle_tensor *first = socle_scale(c, socle_add(c, socle_reshape(c, y, s), u), 10, 0);
    socle_tensor *second = socle_scale(c, socle_add(c, socle_reshape(c, y, s), v), 100, 0);
    assert_ok(socle_backward(c, sum(socle_add(c, first, second))));
    expect_grad(x, 220, 220);
    expect_grad(a, 50, 50);
    expect_grad(b, 600, 600);
    socle_release(x);
    socle_release(a);
    socle_release(b);
}

Test(tape, two_slices_of_one_tensor_fill_its_gradient)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *a = socle_slice(c, x, 0, 0, 1), *b = socle_slice(c, x, 0, 1, 2);
    assert_ok(socle_backward(c, socle_add(c, sum(socle_scale(c, a, 3, 0)), sum(socle_square(c, b)))));
    expect_grad(x, 3, 4);
    socle_release(x);
}

Test(tape, an_unused_branch_costs_nothing_and_gets_nothing)
{
    socle_tensor *x = leaf(1, 2), *w = leaf(1, 2);
    socle_tensor *loss = sum(socle_square(c, x));
    socle_exp(c, w);
    socle_exp(c, x);
    assert_ok(socle_backward(c, loss));
    expect_grad(x, 2, 4);
    cr_assert(socle_grad(w) == NULL);
    socle_release(x);
    socle_release(w);
}

Test(tape, detach_stops_the_gradient_and_shares_the_memory)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *y = socle_square(c, x), *cut = socle_detach(c, y);
    assert_ok(socle_backward(c, sum(socle_mul(c, cut, x)))); /* d/dx = cut */
    expect_grad(x, 1, 4);
    assert_ok(socle_fill(c, cut, 7));
    assert_close(y, ((double[]){ 7, 7 }), 2, budget_exact);
    socle_release(x);
}

Test(tape, nothing_is_recorded_without_need)
{
    socle_tensor *x = leaf(1, 2), *plain = tensor_of(d, SOCLE_F64, socle_shape1(2), (double[]){ 1, 2 });
    socle_square(c, plain);
    cr_assert(c->tape == NULL, "an op on constants was recorded");
    bool before = socle_ctx_set_grad(c, false);
    cr_assert(before);
    socle_tensor *loss = sum(x);
    cr_assert(c->tape == NULL, "an op was recorded with gradients off");
    socle_ctx_set_grad(c, true);
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    cr_assert(socle_ctx_status(c) == SOCLE_ERR_STATE, "the failure did not stick");
    socle_release(x);
    socle_release(plain);
}

Test(tape, a_second_backward_is_out_of_order)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *loss = sum(x);
    assert_ok(socle_backward(c, loss));
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    expect_grad(x, 1, 1);
    socle_release(x);
}

Test(tape, a_loss_whose_scope_has_ended_is_refused_in_words)
{
    socle_tensor *x = leaf(2, 3);
    socle_scope outermost = socle_scope_begin(c);
    socle_tensor *y = socle_scope_end(c, outermost, socle_square(c, x));
    cr_assert_eq(socle_backward(c, sum(y)), SOCLE_ERR_STATE);
    cr_assert_not_null(strstr(socle_error(), "one scope"), "%s", socle_error());
    socle_release(x);
}

Test(tape, a_loss_of_another_ctx_is_refused)
{
    socle_tensor *x = leaf(1, 2);
    socle_ctx *other = socle_ctx_new(d, 1);
    socle_tensor *loss = socle_sum(other, x, 0, false);
    sum(x);
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    assert_ok(socle_backward(other, loss));
    socle_ctx_free(other);
    socle_release(x);
}

Test(tape, a_loss_of_more_than_one_element_is_refused)
{
    socle_tensor *x = leaf(1, 2);
    cr_assert(socle_backward(c, socle_square(c, x)) == SOCLE_ERR_SHAPE);
    cr_assert(strstr(socle_error(), "(2)") != NULL, "%s", socle_error());
    cr_assert(socle_grad(x) == NULL);
    socle_release(x);
}

Test(tape, a_result_kept_past_its_tape_is_a_constant)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *old = socle_retain(socle_square(c, x));
    socle_ctx_clear(c);
    assert_ok(socle_backward(c, sum(socle_mul(c, old, x)))); /* d/dx = old, not 3 x^2 */
    expect_grad(x, 1, 4);
    socle_release(old);
    socle_release(x);
}

Test(tape, an_input_changed_after_forward_is_noticed)
{
    socle_tensor *x = leaf(1, 2), *w = leaf(3, 4);
    socle_tensor *loss = sum(socle_mul(c, x, w));
    assert_ok(socle_fill(c, w, 0));
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    cr_assert(strstr(socle_error(), "mul: input 1 was modified in place") != NULL, "%s", socle_error());
    cr_assert(socle_grad(x) == NULL);
    socle_release(x);
    socle_release(w);
}

Test(tape, an_output_changed_after_forward_is_noticed)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *y = socle_exp(c, x);
    socle_tensor *loss = sum(y);
    assert_ok(socle_axpby(c, y, 1, x, 1));
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    cr_assert(strstr(socle_error(), "exp: output 0 was modified in place") != NULL, "%s", socle_error());
    socle_release(x);
}

Test(tape, a_change_through_a_view_is_noticed)
{
    socle_tensor *x = leaf(1, 2);
    socle_tensor *loss = sum(socle_square(c, x));
    assert_ok(socle_fill(c, socle_slice(c, x, 0, 0, 1), 5));
    cr_assert(socle_backward(c, loss) == SOCLE_ERR_STATE);
    socle_release(x);
}

Test(tape, what_backward_does_not_look_at_may_change)
{
    socle_tensor *x = leaf(1, 2), *w = leaf(3, 4);
    socle_tensor *loss = sum(socle_add(c, x, w));
    assert_ok(socle_fill(c, w, 0));
    assert_ok(socle_backward(c, loss));
    expect_grad(x, 1, 1);
    socle_release(x);
    socle_release(w);
}

Test(tape, the_end_of_the_outermost_scope_frees_everything)
{
    socle_tensor *x = leaf(1, 2);
    socle_scope warm = socle_scope_begin(c); /* lists reach their size */
    sum(socle_exp(c, socle_square(c, x)));
    socle_scope_end(c, warm, NULL);
    int64_t before = socle_test_live_blocks();
    socle_scope outer = socle_scope_begin(c), inner = socle_scope_begin(c);
    socle_tensor *y = socle_scope_end(c, inner, socle_exp(c, socle_square(c, x)));
    socle_tensor *loss = sum(y);
    cr_assert(socle_test_live_blocks() > before);
    socle_scope_end(c, outer, NULL);
    cr_assert(socle_test_live_blocks() == before, "%lld blocks are left",
              (long long)(socle_test_live_blocks() - before));
    (void)loss;
    socle_release(x);
}

/* An op that looks at how much memory is live while backward runs. */
static int64_t live_in_backward;

static socle_status probe_infer(const socle_call *k, socle_spec *out)
{
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status probe_forward(socle_call *k)
{
    return socle_prim_copy(k->out[0], k->in[0]);
}

static socle_status probe_backward(socle_call *k)
{
    live_in_backward = socle_test_live_blocks();
    return socle_prim_copy(k->gin[0], k->gout[0]);
}

static const socle_op probe = {
    .name = "probe", .n_out = 1, .infer = probe_infer, .forward = probe_forward, .backward = probe_backward
};

Test(tape, backward_gives_activations_back_as_it_goes)
{
    socle_tensor *x = leaf(1, 2), *y = x;
    socle_scope outer = socle_scope_begin(c), inner = socle_scope_begin(c);
    y = socle_apply(c, &probe, NULL, 1, 1, &y);
    for (int i = 0; i < 20; i++)
        y = socle_square(c, y); /* keeps its input */
    y = socle_scope_end(c, inner, sum(y));
    int64_t forward = socle_test_live_blocks();
    assert_ok(socle_backward(c, y));
    cr_assert(live_in_backward <= forward - 2 * 18, "%lld blocks after forward, %lld at the last node of backward",
              (long long)forward, (long long)live_in_backward);
    socle_scope_end(c, outer, NULL);
    socle_release(x);
}

Test(tape, the_gradient_of_a_leaf_in_blocks_is_row_major)
{
    double v[10 * 3];
    fill_random(v, 30, 1, -1, 1);
    socle_tensor *x = tensor_lanes(d, SOCLE_F64, socle_shape2(10, 3), SOCLE_LANES, v);
    assert_ok(socle_set_requires_grad(x, true));
    assert_ok(socle_backward(c, sum(socle_square(c, x))));
    cr_assert(socle_view_of(socle_grad(x)).lanes == 1);
    for (int i = 0; i < 30; i++)
        v[i] *= 2;
    assert_close(socle_grad(x), v, 30, budget_roundings(SOCLE_F64, 2));
    socle_release(x);
}

Test(tape, the_gradient_belongs_to_the_leaf_alone)
{
    /* add shares its gradient between two leaves; later sums into one must not reach the other. */
    socle_tensor *x = leaf(1, 2), *w = leaf(3, 4);
    assert_ok(socle_backward(c, sum(socle_add(c, x, w))));
    assert_ok(socle_backward(c, sum(socle_scale(c, x, 10, 0))));
    expect_grad(x, 11, 11);
    expect_grad(w, 1, 1);
    socle_release(x);
    socle_release(w);
}

/* ---- allocation failures ---- */

/* One small training step with views, sharing, broadcasting and a loss. */
static socle_status step(socle_tensor *x, socle_tensor *w, socle_tensor *b, socle_tensor *target)
{
    socle_scope s = socle_scope_begin(c);
    socle_tensor *y = socle_add(c, socle_matmul(c, x, w), b);
    y = socle_dropout(c, socle_relu(c, y), 0.25);
    y = socle_add(c, y, socle_reshape(c, socle_transpose(c, socle_square(c, y)), socle_shape_of(y)));
    y = socle_div(c, y, socle_add(c, socle_max(c, y, 1, true), socle_full(c, SOCLE_F64, socle_shape0(), 2)));
    socle_tensor *parts[] = { socle_slice(c, y, 1, 0, 1), socle_slice(c, y, 1, 1, 3) };
    y = socle_concat(c, 2, parts, 1);
    socle_tensor *loss = socle_add(c, socle_cross_entropy(c, y, target, SOCLE_MEAN),
                                   socle_mse(c, y, socle_detach(c, y), SOCLE_MEAN));
    socle_status status = socle_backward(c, loss);
    socle_scope_end(c, s, NULL);
    return status;
}

Test(tape, every_failing_allocation_is_reported_and_leaks_nothing)
{
    socle_tensor *x = tensor_random(d, SOCLE_F64, socle_shape2(4, 2), 1, -1, 1);
    socle_tensor *w = tensor_random(d, SOCLE_F64, socle_shape2(2, 3), 2, -1, 1);
    socle_tensor *b = tensor_random(d, SOCLE_F64, socle_shape1(3), 3, -1, 1);
    socle_tensor *target = tensor_of(d, SOCLE_I32, socle_shape1(4), (double[]){ 0, 2, 1, 1 });
    assert_ok(socle_set_requires_grad(w, true));
    assert_ok(socle_set_requires_grad(b, true));
    assert_ok(step(x, w, b, target)); /* the device has its counters now */
    socle_zero_grad(w);
    socle_zero_grad(b);
    socle_ctx_free(c);
    int64_t before = socle_test_live_blocks(), k = 0;
    for (bool failed = true; failed; k++) {
        c = socle_ctx_new(d, 1);
        socle_test_fail_alloc(k);
        socle_status s = step(x, w, b, target);
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert(s == (failed ? SOCLE_ERR_NOMEM : SOCLE_OK), "allocation %lld: %d %s", (long long)k, (int)s,
                  socle_error());
        cr_assert(socle_ctx_status(c) == s);
        socle_ctx_free(c);
        c = NULL;
        cr_assert((socle_grad(w) != NULL) || failed);
        socle_zero_grad(w);
        socle_zero_grad(b);
        cr_assert(socle_test_live_blocks() == before, "allocation %lld leaks %lld blocks", (long long)k,
                  (long long)(socle_test_live_blocks() - before));
    }
    cr_assert(k > 60, "only %lld allocations were reached", (long long)k);
    socle_release(x);
    socle_release(w);
    socle_release(b);
    socle_release(target);
}

/* Sequences: order, what is consumed, and that values are let go on the way. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;
static socle_scope scope;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 3);
    scope = socle_scope_begin(c);
}

static void tear_down(void)
{
    socle_scope_end(c, scope, NULL);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(sequential, .init = set_up, .fini = tear_down);

static socle_tensor *pass(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    (void)m;
    (void)ctx;
    return x;
}

static const socle_module_type plain = { .name = "Plain", .forward = pass };

/* y = a x + b, for numbers that tell the order. */
typedef struct affine {
    double a, b;
} affine;

static socle_tensor *affine_forward(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    const affine *s = socle_module_state(m);
    return socle_scale(ctx, x, s->a, s->b);
}

static const socle_module_type affine_type = { .name = "Affine",
                                               .size = sizeof(affine),
                                               .forward = affine_forward };

static socle_module *affine_new(double a, double b)
{
    socle_module *m = socle_module_new(&affine_type, d);
    *(affine *)socle_module_state(m) = (affine){ a, b };
    return m;
}

static double value_of(socle_module *m, double x)
{
    double y = -1;
    socle_tensor *t = socle_forward(m, c, socle_full(c, SOCLE_F32, socle_shape1(1), x));
    assert_ok(socle_item(t, &y));
    return y;
}

Test(sequential, children_run_in_order)
{
    socle_module *m = socle_sequential_new(d);
    cr_assert_eq(value_of(m, 3), 3, "without children: the input");
    socle_append(m, affine_new(2, 0));
    cr_assert_eq(value_of(m, 3), 6);
    cr_assert_eq(socle_append(m, affine_new(1, 10)), m);
    cr_assert_eq(value_of(m, 3), 16);
    socle_append(m, affine_new(5, 0));
    cr_assert_eq(value_of(m, 3), 80);
    socle_module_free(m);
}

Test(sequential, children_that_hand_their_input_on_are_allowed_anywhere)
{
    for (int place = 0; place < 4; place++) {
        socle_module *m = socle_sequential_new(d);
        for (int i = 0; i < 4; i++)
            socle_append(m, i == place ? socle_module_new(&plain, d) : affine_new(2, 1));
        cr_assert_eq(value_of(m, 1), 15, "at %d", place);
        socle_module_free(m);
    }
    socle_module *m =
        socle_append(socle_append(socle_sequential_new(d), affine_new(2, 1)), socle_sequential_new(d));
    socle_append(socle_append(m, socle_sequential_new(d)), socle_module_new(&plain, d));
    cr_assert_eq(value_of(m, 1), 3);
    socle_module_free(m);
}

/* y is the product of all weights, so each weight times its gradient is y. */
static int expect_gradient(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    (void)trainable;
    double weight, gradient, y = *(const double *)user;
    cr_assert_not_null(socle_grad(t), "%s", path);
    assert_ok(socle_item(t, &weight));
    assert_ok(socle_item(socle_grad(t), &gradient));
    cr_assert_float_eq(weight * gradient / y, 1, 1e-6, "%s", path); /* some ten roundings of 6e-8 */
    return 0;
}

Test(sequential, gradients_reach_every_child)
{
    socle_module *m = socle_sequential_new(d);
    for (int i = 0; i < 4; i++) {
        socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = 1, .out = 1, .no_bias = true }));
        socle_append(m, socle_module_new(&plain, d));
    }
    assert_ok(socle_reset_parameters(m, 1));
    socle_tensor *y = socle_forward(m, c, socle_full(c, SOCLE_F32, socle_shape2(1, 1), 1.0));
    double product;
    assert_ok(socle_item(y, &product));
    assert_ok(socle_backward(c, y));
    socle_module_each_param(m, expect_gradient, &product);
    socle_module_free(m);
}

typedef struct probe {
    int64_t most;
} probe;

static socle_tensor *watch(socle_module *m, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)m;
    (void)ctx;
    (void)in;
    (void)out;
    probe *p = user;
    if (p->most < socle_test_live_blocks())
        p->most = socle_test_live_blocks();
    return NULL;
}

static int64_t most_blocks(int depth)
{
    socle_tensor *x = socle_full(c, SOCLE_F32, socle_shape2(10, 10), 1.0);
    socle_module *m = socle_sequential_new(d);
    probe p = { 0 };
    for (int i = 0; i < depth; i++) {
        socle_module *child = affine_new(1, 1);
        socle_module_hook(child, watch, &p);
        socle_append(m, child);
    }
    int64_t before = socle_test_live_blocks();
    socle_forward(m, c, x);
    socle_module_free(m);
    return p.most - before;
}

Test(sequential, an_evaluation_holds_a_few_values_however_deep_the_network)
{
    socle_ctx_set_grad(c, false);
    most_blocks(3); /* the ctx's list of results has its size now */
    cr_assert_eq(most_blocks(40), most_blocks(3));
}

Test(sequential, what_is_appended_is_consumed_and_null_breaks_the_sequence)
{
    cr_assert_null(socle_append(NULL, affine_new(1, 1)));
    socle_module *m = socle_append(socle_sequential_new(d), affine_new(1, 1));
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 0, .out = 1 }));
    socle_append(m, affine_new(1, 1));
    cr_assert_eq(strncmp(socle_error(), "Conv2d: ", 8), 0, "%s", socle_error());
    cr_assert_null(socle_module_ready(m));
}

Test(sequential, only_a_sequence_can_be_appended_to)
{
    socle_module *m = affine_new(1, 1);
    cr_assert_eq(socle_append(m, affine_new(2, 2)), m);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_module_ready(m));
}

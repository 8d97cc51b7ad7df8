/* Limits and factors of gradients. */
#include "bag.h"
#include <math.h>
#include <socle/layers.h>
#include <socle/sys/prim.h>
#include <socle/sys/test.h>

static socle_device *d;
static socle_ctx *c;
static socle_module *m;
static socle_tensor *a, *b;
static int64_t live_before;

/* A loss whose gradients are (3, -4) and 12, of length 13. */
static void go_back(void)
{
    const double factors[] = { 3, -4 };
    socle_tensor *f = tensor_of(d, SOCLE_F64, socle_shape1(2), factors);
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *loss =
        socle_add(c, socle_sum(c, socle_mul(c, a, f), 0, false), socle_sum(c, socle_scale(c, b, 12, 0), 0, false));
    assert_ok(socle_backward(c, loss));
    socle_scope_end(c, scope, NULL);
    socle_release(f);
}

static const socle_module_type pair_type = { .name = "Pair", .size = sizeof(bag), .forward = bag_forward };

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref64", 1);
    c = socle_ctx_new(d, 1);
    m = socle_module_new(&pair_type, d);
    a = socle_module_param(m, "a", socle_shape1(2), socle_init_constant(0));
    b = socle_module_param(m, "b", socle_shape1(1), socle_init_constant(0));
}

static void tear_down(void)
{
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(gradients, .init = set_up, .fini = tear_down);

static int apart(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)owner, (void)p, (void)user;
    return path[0] == 'b';
}

/* One step with lr 1 from zero: minus the limited gradients. */
static void step_with(socle_clip clip, const double *want, double norm)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, apart, NULL);
    assert_ok(socle_hyper_set(o, -1, SOCLE_LR, 1));
    assert_ok(socle_optimizer_set_clip(o, clip));
    go_back();
    assert_ok(socle_optimizer_step(o, c));
    /* A length in a few roundings, and limits in float. */
    assert_close(a, want, 2, (budget){ .absolute = 13 * 4 * eps_of(SOCLE_F32) });
    assert_close(b, want + 2, 1, (budget){ .absolute = 13 * 4 * eps_of(SOCLE_F32) });
    const socle_tensor *length = socle_optimizer_grad_norm(o);
    if (norm > 0)
        assert_close(length, &norm, 1, (budget){ .absolute = 13 * 4 * eps_of(SOCLE_F64) });
    else
        cr_assert_null(length);
    socle_optimizer_free(o);
}

Test(gradients, their_length_over_all_groups_is_cut_to_the_limit)
{
    step_with((socle_clip){ .norm = 6.5 }, (const double[]){ -1.5, 2, -6 }, 13);
}

Test(gradients, shorter_ones_are_left_alone)
{
    step_with((socle_clip){ .norm = 13.5 }, (const double[]){ -3, 4, -12 }, 13);
}

Test(gradients, each_number_is_cut_to_its_limit)
{
    step_with((socle_clip){ .value = 3.5 }, (const double[]){ -3, 3.5, -3.5 }, 0);
}

Test(gradients, numbers_are_cut_before_the_length)
{
    step_with((socle_clip){ .value = 4, .norm = 1 }, (const double[]){ -3 / sqrt(41), 4 / sqrt(41), -4 / sqrt(41) },
              sqrt(41));
}

Test(gradients, no_limit_is_the_default_and_can_be_had_again)
{
    step_with((socle_clip){ 0 }, (const double[]){ -3, 4, -12 }, 0);
}

Test(gradients, of_zero_length_stay_zero)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    assert_ok(socle_optimizer_set_clip(o, (socle_clip){ .norm = 1 }));
    socle_scope scope = socle_scope_begin(c);
    assert_ok(socle_backward(c, socle_sum(c, socle_scale(c, a, 0, 0), 0, false)));
    socle_scope_end(c, scope, NULL);
    assert_ok(socle_optimizer_step(o, c));
    assert_close(a, ((const double[]){ 0, 0 }), 2, budget_exact);
    socle_optimizer_free(o);
}

/* As PyTorch does: nobody can go on with the others as if nothing had happened. */
Test(gradients, one_that_is_no_number_makes_all_of_them_none)
{
    const char *const specs[] = { "ref", "cpu" };
    for (int i = 0; i < 4; i++) {
        socle_device *dev = socle_device_open(specs[i / 2], (socle_device_desc){ .compose_only = i % 2 });
        socle_tensor *g[2] = { tensor_of(dev, SOCLE_F32, socle_shape1(2), (const double[]){ 3, 4 }),
                               tensor_of(dev, SOCLE_F32, socle_shape1(1), (const double[]){ (double)NAN }) };
        socle_tensor *norm = socle_tensor_new(dev, SOCLE_F32, socle_shape0());
        assert_ok(socle_prim_clip_many(2, g, norm, 1));
        double *limited = values_of(g[0]), *length = values_of(norm);
        cr_assert(isnan(limited[0]) && isnan(limited[1]) && isnan(length[0]), "case %d", i);
        free(limited);
        free(length);
        assert_ok(socle_prim_clip_many(0, g, norm, 1));
        assert_close(norm, ((const double[]){ 0 }), 1, budget_exact);
        socle_release(g[0]);
        socle_release(g[1]);
        socle_release(norm);
        socle_device_close(dev);
    }
}

Test(gradients, a_limit_that_makes_no_sense_changes_nothing)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    assert_ok(socle_optimizer_set_clip(o, (socle_clip){ .norm = 2 }));
    cr_assert_eq(socle_optimizer_set_clip(o, (socle_clip){ .norm = -1 }), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "clip: a limit of 0 for each number and of -1 for their length");
    cr_assert_eq(socle_optimizer_set_clip(o, (socle_clip){ .value = (double)NAN }), SOCLE_ERR_ARG);
    cr_assert_eq(socle_optimizer_clip(o).norm, 2);
    socle_optimizer_free(o);
}

Test(gradients, from_the_second_step_on_limits_allocate_nothing)
{
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), m, NULL, NULL);
    assert_ok(socle_optimizer_set_clip(o, (socle_clip){ .value = 5, .norm = 1 }));
    go_back();
    assert_ok(socle_optimizer_step(o, c));
    socle_test_fail_alloc(0);
    socle_status s = socle_optimizer_step(o, c);
    bool allocated = socle_test_alloc_failed();
    socle_test_fail_alloc(-1);
    cr_assert(s == SOCLE_OK && !allocated);
    cr_assert_eq(socle_optimizer_steps(o), 2);
    socle_optimizer_free(o);
}

Test(gradients, all_that_there_are_can_be_multiplied)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, apart, NULL);
    assert_ok(socle_optimizer_scale_grads(o, 2)); /* there are none yet */
    go_back();
    assert_ok(socle_optimizer_scale_grads(o, 0.5));
    assert_close(socle_grad(a), ((const double[]){ 1.5, -2 }), 2, budget_exact);
    assert_close(socle_grad(b), ((const double[]){ 6 }), 1, budget_exact);
    socle_optimizer_free(o);
}

/* ---- groups ---- */

Test(groups, prefixes_are_whole_names)
{
    const char *const prefix[] = { "1", "body.2", "head." };
    socle_group_prefixes list = { prefix, 3 };
    cr_assert_eq(socle_group_by_prefix("1.weight", NULL, NULL, &list), 0);
    cr_assert_eq(socle_group_by_prefix("10.weight", NULL, NULL, &list), 3);
    cr_assert_eq(socle_group_by_prefix("body.2.conv.bias", NULL, NULL, &list), 1);
    cr_assert_eq(socle_group_by_prefix("body.21.conv.bias", NULL, NULL, &list), 3);
    cr_assert_eq(socle_group_by_prefix("head.bias", NULL, NULL, &list), 2);
    const char *const all[] = { "" };
    cr_assert_eq(socle_group_by_prefix("x", NULL, NULL, &(socle_group_prefixes){ all, 1 }), 0);
}

Test(groups, decay_can_be_of_weights_alone)
{
    socle_device *dev = open_device("ref", 1);
    socle_module *net = socle_sequential_new(dev);
    socle_append(net, socle_linear_new(dev, (socle_linear_desc){ .in = 2, .out = 3 }));
    socle_append(net, socle_norm_new(dev, (socle_norm_desc){ .kind = SOCLE_NORM_BATCH, .channels = 3 }));
    socle_optimizer *o = socle_optimizer_new(socle_adamw(), net, socle_group_no_decay, NULL);
    cr_assert_eq(socle_optimizer_groups(o), 2);
    socle_optimizer_free(o);
    socle_tensor *matrix = socle_tensor_new(dev, SOCLE_F32, socle_shape2(2, 2));
    cr_assert_eq(socle_group_no_decay("0.weight", NULL, matrix, NULL), 0);
    cr_assert_eq(socle_group_no_decay("0.bias", NULL, matrix, NULL), 1);
    cr_assert_eq(socle_group_no_decay("bias", NULL, matrix, NULL), 1);
    socle_tensor *line = socle_tensor_new(dev, SOCLE_F32, socle_shape1(2));
    cr_assert_eq(socle_group_no_decay("1.weight", NULL, line, NULL), 1);
    socle_release(matrix);
    socle_release(line);
    socle_module_free(net);
    socle_device_close(dev);
}

/* Snapshots of an optimizer: steps after a return to one are the steps that were made before. */
#include "bag.h"
#include <socle/sys/test.h>

static socle_device *d;
static socle_ctx *c;
static socle_module *m;
static bag *b;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 1);
    m = bag_new(d, 4);
    b = socle_module_state(m);
}

static void tear_down(void)
{
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(optimizer_snapshot, .init = set_up, .fini = tear_down);

static void steps(socle_optimizer *o, int n, int last)
{
    for (int i = 0; i < n; i++) {
        assert_ok(bag_backward(b, c, 0, last));
        assert_ok(socle_optimizer_step(o, c));
        socle_optimizer_zero_grad(o);
    }
}

/* p0 .. p3 after two steps from a snapshot of model and optimizer, from which both return. */
static void two_steps(socle_optimizer *o, double *values[4])
{
    socle_snapshot *model = socle_module_snapshot(m);
    socle_optimizer_state *s = socle_optimizer_snapshot(o);
    cr_assert_not_null(s, "%s", socle_error());
    steps(o, 2, 4);
    for (int i = 0; i < 4; i++)
        values[i] = values_of(b->p[i]);
    assert_ok(socle_hyper_set(o, 0, SOCLE_LR, 5));
    assert_ok(socle_module_restore(m, model));
    assert_ok(socle_optimizer_restore(o, s));
    socle_snapshot_free(model);
    socle_optimizer_state_free(s);
}

Test(optimizer_snapshot, steps_from_a_snapshot_are_the_same_to_the_bit)
{
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), m, NULL, NULL);
    for (int round = 0; round < 3; round++) { /* without statistics, with those of three parameters, with all */
        double *first[4], *second[4];
        two_steps(o, first);
        two_steps(o, second);
        for (int i = 0; i < 4; i++) {
            cr_assert(values_close(first[i], second[i], (size_t)socle_numel(b->p[i]), budget_exact), "%s",
                      support_message());
            free(first[i]);
            free(second[i]);
        }
        cr_assert_float_eq(socle_hyper_get(o, 0, SOCLE_LR), 0.01f, 0);
        steps(o, 2, round == 0 ? 3 : 4);
    }
    socle_optimizer_free(o);
}

static int64_t seen_step;

static socle_status note_step(socle_ctx *ctx, socle_pstate *s, const socle_hypers *h)
{
    (void)ctx, (void)h;
    seen_step = s->step;
    return SOCLE_OK;
}

Test(optimizer_snapshot, step_counts_come_back)
{
    static const socle_pstate_fn steppers[] = { note_step };
    static const socle_opt_rule rule = { .name = "counting", .steppers = steppers, .n_steppers = 1 };
    socle_optimizer *o = socle_optimizer_new(&rule, m, NULL, NULL);
    steps(o, 3, 4);
    socle_optimizer_state *s = socle_optimizer_snapshot(o);
    steps(o, 4, 4);
    cr_assert_eq(seen_step, 7);
    assert_ok(socle_optimizer_restore(o, s));
    steps(o, 1, 4);
    cr_assert_eq(seen_step, 4);
    socle_optimizer_state_free(s);
    socle_optimizer_free(o);
}

Test(optimizer_snapshot, a_snapshot_goes_into_no_other_optimizer)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    socle_optimizer *other = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    socle_optimizer_state *s = socle_optimizer_snapshot(o);
    cr_assert_eq(socle_optimizer_restore(other, s), SOCLE_ERR_ARG);
    cr_assert_eq(socle_optimizer_restore(NULL, s), SOCLE_ERR_ARG);
    cr_assert_eq(socle_optimizer_restore(o, NULL), SOCLE_ERR_ARG);
    cr_assert_null(socle_optimizer_snapshot(NULL));
    socle_optimizer_state_free(s);
    socle_optimizer_state_free(NULL);
    socle_optimizer_free(o);
    socle_optimizer_free(other);
}

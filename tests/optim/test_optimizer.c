/* The optimizer itself: which parameters it updates, groups, hypers, what it allocates, rules of a user's own. */
#include "bag.h"
#include <math.h>
#include <string.h>
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
    cr_assert_not_null(m);
    b = socle_module_state(m);
}

static void tear_down(void)
{
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(optimizer, .init = set_up, .fini = tear_down);

/* Sum of the differences between p and values, which are freed. */
static double moved(socle_tensor *p, double *values)
{
    double *now = values_of(p), sum = 0;
    for (int64_t i = 0; i < socle_numel(p); i++)
        sum += fabs(now[i] - values[i]);
    free(now);
    free(values);
    return sum;
}

/* ---- which parameters ---- */

Test(optimizer, only_parameters_that_have_a_gradient_and_want_one_move)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    double *before[4];
    for (int i = 0; i < 4; i++)
        before[i] = values_of(b->p[i]);
    assert_ok(bag_backward(b, c, 1, 4)); /* p0 has none */
    assert_ok(socle_set_requires_grad(b->p[3], false));
    assert_ok(socle_hyper_set(o, 0, SOCLE_WD, 0.5f)); /* nor do they decay */
    assert_ok(socle_optimizer_step(o, c));
    cr_assert_eq(moved(b->p[0], before[0]), 0);
    cr_assert_gt(moved(b->p[1], before[1]), 0);
    cr_assert_gt(moved(b->p[2], before[2]), 0);
    cr_assert_eq(moved(b->p[3], before[3]), 0, "a frozen parameter moved");
    socle_optimizer_free(o);
}

Test(optimizer, a_parameter_frozen_at_first_is_updated_once_it_thaws)
{
    socle_module_freeze(m, true);
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), m, NULL, NULL);
    assert_ok(socle_optimizer_step(o, c));
    socle_module_freeze(m, false);
    assert_ok(bag_backward(b, c, 0, 4));
    double *before = values_of(b->p[1]);
    assert_ok(socle_optimizer_step(o, c));
    cr_assert_gt(moved(b->p[1], before), 0);
    socle_optimizer_free(o);
}

Test(optimizer, zero_grad_drops_the_gradients)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    assert_ok(bag_backward(b, c, 0, 4));
    cr_assert_not_null(socle_grad(b->p[2]));
    socle_optimizer_zero_grad(o);
    for (int i = 0; i < 4; i++)
        cr_assert_null(socle_grad(b->p[i]));
    socle_optimizer_free(o);
}

Test(optimizer, parameters_outlive_their_model_in_the_optimizer)
{
    socle_module *other = bag_new(d, 2);
    assert_ok(bag_backward(socle_module_state(other), c, 0, 2));
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), other, NULL, NULL);
    socle_module_free(other);
    assert_ok(socle_optimizer_step(o, c));
    socle_optimizer_free(o);
}

Test(optimizer, more_parameters_than_one_call_takes_are_all_updated)
{
    socle_module *many = bag_new(d, BAG_MAX);
    bag *all = socle_module_state(many);
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), many, NULL, NULL);
    assert_ok(bag_backward(all, c, 0, BAG_MAX));
    for (int i = 0; i < BAG_MAX; i++)
        assert_ok(socle_fill(c, all->p[i], 1)); /* the gradients stay those of before */
    assert_ok(socle_hyper_set(o, 0, SOCLE_LR, 1.0f));
    assert_ok(socle_optimizer_step(o, c));
    for (int i = 0; i < BAG_MAX; i++) {
        double *p = values_of(all->p[i]), *g = values_of(socle_grad(all->p[i]));
        for (int64_t k = 0; k < socle_numel(all->p[i]); k++)
            cr_assert_eq(p[k], (double)(1.0f - (float)g[k]), "p%d", i);
        free(p);
        free(g);
    }
    socle_optimizer_free(o);
    socle_module_free(many);
}

Test(optimizer, an_update_is_seen_by_the_tape)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    for (int fused = 0; fused < 2; fused++) {
        socle_optimizer_set_fused(o, fused);
        assert_ok(bag_backward(b, c, 0, 1));
        socle_scope scope = socle_scope_begin(c);
        socle_tensor *loss = socle_sum(c, socle_square(c, b->p[0]), 0, false);
        assert_ok(socle_optimizer_step(o, c));
        cr_assert_eq(socle_backward(c, loss), SOCLE_ERR_STATE);
        cr_assert_not_null(strstr(socle_error(), "modified in place"), "%s", socle_error());
        socle_scope_end(c, scope, NULL);
        socle_ctx_clear(c);
    }
    socle_optimizer_free(o);
}

/* ---- memory ---- */

Test(optimizer, from_the_second_step_on_the_optimizer_allocates_nothing)
{
    static const socle_opt_rule *(*const rules[])(void) = { socle_sgd, socle_momentum, socle_nesterov };
    for (int i = 0; i < 6; i++) {
        socle_optimizer *o = socle_optimizer_new(rules[i / 2](), m, NULL, NULL);
        socle_optimizer_set_fused(o, i % 2);
        assert_ok(bag_backward(b, c, 0, 4));
        assert_ok(socle_optimizer_step(o, c));
        socle_test_fail_alloc(i % 2); /* the fused primitive makes an array of views, and that is all */
        socle_status s = socle_optimizer_step(o, c);
        bool allocated = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(s, SOCLE_OK);
        cr_assert(!allocated, "case %d", i);
        socle_optimizer_free(o);
    }
}

Test(optimizer, from_the_second_step_on_adaptive_rules_allocate_nothing_but_views)
{
    static const socle_opt_rule *(*const rules[])(void) = { socle_rmsprop, socle_rmsprop_momentum, socle_adamw,
                                                            socle_radam, socle_lion, socle_lamb };
    for (int i = 0; i < 6; i++) {
        socle_optimizer *o = socle_optimizer_new(rules[i](), m, NULL, NULL);
        assert_ok(bag_backward(b, c, 0, 4));
        assert_ok(socle_optimizer_step(o, c));
        socle_test_fail_alloc(1);
        socle_status s = socle_optimizer_step(o, c);
        bool allocated = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(s, SOCLE_OK);
        cr_assert(!allocated, "%s", rules[i]()->name);
        socle_optimizer_free(o);
    }
}

/* ---- groups and hypers ---- */

static int by_number(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    cr_assert_eq(owner, m);
    cr_assert_eq(p, b->p[path[1] - '0']);
    return ((const int *)user)[path[1] - '0'];
}

Test(optimizer, each_group_has_hypers_of_its_own)
{
    const int group[] = { 2, 0, -1, 2 };
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, by_number, (void *)(uintptr_t)group);
    cr_assert_eq(socle_optimizer_groups(o), 3);
    assert_ok(socle_hyper_set(o, -1, SOCLE_LR, 0.5f));
    assert_ok(socle_hyper_set(o, 2, SOCLE_LR, 0.0f));
    cr_assert_eq(socle_hyper_get(o, 0, SOCLE_LR), 0.5f);
    cr_assert_eq(socle_hyper_get(o, 1, SOCLE_LR), 0.5f);
    cr_assert_eq(socle_hyper_get(o, 2, SOCLE_LR), 0.0f);
    double *before[4];
    for (int i = 0; i < 4; i++)
        before[i] = values_of(b->p[i]);
    assert_ok(bag_backward(b, c, 0, 4));
    assert_ok(socle_optimizer_step(o, c));
    cr_assert_eq(moved(b->p[0], before[0]), 0);
    cr_assert_gt(moved(b->p[1], before[1]), 0);
    cr_assert_eq(moved(b->p[2], before[2]), 0, "left alone");
    cr_assert_eq(moved(b->p[3], before[3]), 0);
    socle_optimizer_free(o);
}

Test(optimizer, where_memory_for_the_state_runs_out_nothing_has_moved)
{
    static const int group[] = { 0, 0, 1, 1 }; /* memory may be left for one of them only */
    assert_ok(bag_backward(b, c, 0, 4));
    int64_t live = socle_test_live_blocks();
    for (int64_t k = 0;; k++) {
        double *before = values_of(b->p[0]);
        socle_test_fail_alloc(k);
        socle_optimizer *o = socle_optimizer_new(socle_momentum(), m, by_number, (void *)(uintptr_t)group);
        socle_optimizer_set_fused(o, false); /* the fused primitive may need memory of its own */
        socle_status s = o == NULL ? socle_error_status() : socle_optimizer_step(o, c);
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        socle_optimizer_free(o);
        cr_assert_eq(socle_test_live_blocks(), live, "allocation %d", (int)k);
        if (!failed) {
            cr_assert_eq(s, SOCLE_OK);
            free(before);
            break;
        }
        cr_assert_eq(s, SOCLE_ERR_NOMEM);
        cr_assert_eq(moved(b->p[0], before), 0, "allocation %d", (int)k);
    }
}

Test(optimizer, a_hyper_or_group_that_does_not_exist_reads_as_nan_and_cannot_be_set)
{
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), m, NULL, NULL);
    static const int bad[][2] = {
        { 1, SOCLE_LR }, { -2, SOCLE_LR }, { 0, -1 }, { 0, SOCLE_HYPER_MAX }, { -1, 99 }
    };
    for (int i = 0; i < 5; i++) {
        cr_assert(isnan(socle_hyper_get(o, bad[i][0], bad[i][1])));
        cr_assert_eq(socle_hyper_set(o, bad[i][0], bad[i][1], 1.0f), SOCLE_ERR_ARG);
    }
    cr_assert(isnan(socle_hyper_get(NULL, 0, SOCLE_LR)));
    cr_assert_eq(socle_hyper_set(NULL, 0, SOCLE_LR, 1.0f), SOCLE_ERR_ARG);
    cr_assert_eq(socle_hyper_set(o, 0, SOCLE_LR, NAN), SOCLE_ERR_ARG);
    cr_assert_eq(socle_hyper_get(o, 0, SOCLE_LR), 1e-2f);
    cr_assert_eq(socle_hyper_get(o, 0, SOCLE_MOM), 0.9f);
    assert_ok(socle_hyper_set(o, 0, SOCLE_HYPER_USER, 3.0f));
    cr_assert_eq(socle_hyper_get(o, 0, SOCLE_HYPER_USER), 3.0f);
    socle_optimizer_free(o);
}

Test(optimizer, a_model_without_parameters_has_one_group)
{
    socle_module *empty = bag_new(d, 0);
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), empty, NULL, NULL);
    cr_assert_eq(socle_optimizer_groups(o), 1);
    assert_ok(socle_hyper_set(o, -1, SOCLE_LR, 0.5f));
    assert_ok(socle_optimizer_step(o, c));
    socle_optimizer_free(o);
    socle_module_free(empty);
}

/* ---- rules of a user's own ---- */

static int64_t seen[8];
static int n_seen;

static socle_status note_step(socle_ctx *ctx, socle_pstate *s, const socle_hypers *h)
{
    (void)ctx;
    (void)h;
    cr_assert(s->stat[0] == NULL && s->stat[SOCLE_STAT_USER] != NULL);
    seen[n_seen++] = s->step;
    return SOCLE_OK;
}

/* v = v + 1, by an op */
static socle_status count_up(socle_ctx *ctx, socle_pstate *s, const socle_hypers *h)
{
    (void)h;
    socle_tensor *more = socle_scale(ctx, socle_mul(ctx, s->p, s->p), 0, 1);
    return socle_axpby(ctx, s->stat[SOCLE_STAT_USER], 1, more, 1);
}

static socle_status step_by_count(socle_ctx *ctx, socle_pstate *s, const socle_hypers *h)
{
    return socle_axpby(ctx, s->p, (double)h->v[SOCLE_HYPER_USER], s->stat[SOCLE_STAT_USER], 1);
}

static socle_status refuse(socle_ctx *ctx, size_t n, socle_pstate *s, const socle_hypers *h)
{
    (void)ctx;
    (void)n;
    (void)s;
    (void)h;
    return socle_fail(SOCLE_ERR_UNSUPPORTED, "not here");
}

static socle_status fail(socle_ctx *ctx, size_t n, socle_pstate *s, const socle_hypers *h)
{
    refuse(ctx, n, s, h);
    return socle_fail(SOCLE_ERR_DEVICE, "broken");
}

static const socle_stat user_stats[] = { { SOCLE_STAT_USER, count_up } };
static const socle_pstate_fn user_steppers[] = { note_step, step_by_count };
static const socle_opt_rule user_rule = { .name = "user",
                                          .defaults = { .v = { [SOCLE_HYPER_USER] = 0.5f } },
                                          .stats = user_stats,
                                          .n_stats = 1,
                                          .steppers = user_steppers,
                                          .n_steppers = 2,
                                          .fused = refuse };

Test(optimizer, a_rule_made_of_ops_runs_and_each_parameter_counts_its_own_steps)
{
    socle_module *two = bag_new(d, 2);
    bag *p = socle_module_state(two);
    socle_optimizer *o = socle_optimizer_new(&user_rule, two, NULL, NULL);
    double *before = values_of(p->p[0]);
    assert_ok(bag_backward(p, c, 0, 1)); /* the second has its first gradient one step later */
    assert_ok(socle_optimizer_step(o, c));
    assert_ok(bag_backward(p, c, 1, 2));
    assert_ok(socle_optimizer_step(o, c));
    int64_t live = socle_test_live_blocks();
    assert_ok(socle_optimizer_step(o, c));
    cr_assert_eq(socle_test_live_blocks(), live, "what the ops made is let go");
    const int64_t want[] = { 1, 2, 1, 3, 2 };
    cr_assert_eq(n_seen, 5);
    cr_assert_eq(memcmp(seen, want, sizeof want), 0);
    for (int i = 0; i < 3; i++)
        before[i] += 0.5 * (1 + 2 + 3);
    assert_close(p->p[0], before, 3, (budget){ .absolute = 3 * 4 * eps_of(SOCLE_F32) }); /* three sums of up to 4 */
    cr_assert(socle_ctx_grad(c), "the ctx records again");
    free(before);
    socle_optimizer_free(o);
    socle_module_free(two);
}

Test(optimizer, a_failure_of_the_fused_path_is_reported)
{
    socle_opt_rule rule = user_rule;
    rule.fused = fail;
    socle_optimizer *o = socle_optimizer_new(&rule, m, NULL, NULL);
    assert_ok(bag_backward(b, c, 0, 4));
    cr_assert_eq(socle_optimizer_step(o, c), SOCLE_ERR_DEVICE);
    socle_optimizer_set_fused(o, false);
    assert_ok(socle_optimizer_step(o, c));
    cr_assert_eq(seen[0], 1, "a failed step does not count");
    socle_optimizer_free(o);
}

Test(optimizer, a_failed_ctx_moves_nothing)
{
    socle_optimizer *o = socle_optimizer_new(socle_sgd(), m, NULL, NULL);
    assert_ok(bag_backward(b, c, 0, 4));
    double *before = values_of(b->p[0]);
    socle_ctx_fail(c, socle_fail(SOCLE_ERR_FORMAT, "the cause"));
    cr_assert_eq(socle_optimizer_step(o, c), SOCLE_ERR_FORMAT);
    cr_assert_eq(moved(b->p[0], before), 0);
    cr_assert_str_eq(socle_error(), "the cause");
    socle_optimizer_free(o);
}

Test(optimizer, what_cannot_be_made_is_null_with_a_reason)
{
    cr_assert_null(socle_optimizer_new(socle_sgd(), NULL, NULL, NULL));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    static const socle_stat bad[] = { { SOCLE_STAT_MAX, count_up } };
    socle_opt_rule rule = user_rule;
    rule.stats = bad;
    cr_assert_null(socle_optimizer_new(&rule, m, NULL, NULL));
    cr_assert_not_null(strstr(socle_error(), "user"), "%s", socle_error());
    cr_assert_null(socle_optimizer_new(NULL, m, NULL, NULL));
    cr_assert_eq(socle_optimizer_step(NULL, c), SOCLE_ERR_ARG);
    socle_optimizer_zero_grad(NULL);
    socle_optimizer_free(NULL);
}

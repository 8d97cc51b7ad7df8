/* The built-in rules: against PyTorch, and each fused path against its lists. */
#include "bag.h"
#include "golden_sgd.h"
#include <socle/sys/test.h>

static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
}

static void tear_down(void)
{
    assert_no_leak(live_before);
}

TestSuite(rules, .init = set_up, .fini = tear_down);

/* ---- PyTorch ---- */

static const socle_module_type one_type = { .name = "One", .size = sizeof(bag), .forward = bag_forward };

static void set_hypers(socle_optimizer *o, const float *v)
{
    for (int h = SOCLE_LR; h <= SOCLE_L2; h++)
        assert_ok(socle_hyper_set(o, -1, h, v[h]));
}

static void follow(const struct golden *g, bool fused)
{
    socle_device *d = open_device("ref64", 1);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_module *m = socle_module_new(&one_type, d);
    socle_tensor *p = socle_module_param(m, "p", socle_shape1(GOLDEN_SIZE), socle_init_constant(0));
    socle_tensor *a = tensor_of(d, SOCLE_F64, socle_shape1(GOLDEN_SIZE), golden_scale);
    socle_tensor *b = tensor_of(d, SOCLE_F64, socle_shape1(GOLDEN_SIZE), golden_target);
    assert_ok(socle_write(p, golden_start, sizeof golden_start));
    socle_optimizer *o = socle_optimizer_new(g->rule(), m, NULL, NULL);
    socle_optimizer_set_fused(o, fused);
    set_hypers(o, (const float[]){ g->lr, g->mom, g->damp, g->wd, g->l2 });
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        socle_scope scope = socle_scope_begin(c);
        socle_tensor *square = socle_square(c, socle_sub(c, p, b));
        assert_ok(socle_backward(c, socle_scale(c, socle_sum(c, socle_mul(c, square, a), 0, false), 0.5, 0)));
        socle_scope_end(c, scope, NULL);
        assert_ok(socle_optimizer_step(o, c));
        socle_optimizer_zero_grad(o);
        /* A dozen roundings a step of numbers up to 3, which the contraction of the loss does not let grow. */
        budget b20 = { .absolute = 3 * 12 * GOLDEN_STEPS * eps_of(SOCLE_F64) };
        cr_assert(tensor_close(p, g->p[step], GOLDEN_SIZE, b20), "%s, step %d: %s", g->name, step,
                  support_message());
    }
    socle_optimizer_free(o);
    socle_release(a);
    socle_release(b);
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
}

Test(rules, twenty_steps_are_pytorchs)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        follow(&golden[i], true);
        follow(&golden[i], false);
    }
}

/* ---- fused against lists ---- */

static const float hyper_rows[][5] = {
    /* lr     mom   damp  wd    l2 */
    { 0.1f, 0.9f, 0, 0, 0 },    { 0.07f, 0.8f, 0.3f, 0, 0 },       { 0.1f, 0.9f, 0, 0.2f, 0 },
    { 0.1f, 0.9f, 0, 0, 0.3f }, { 0.05f, 0.7f, 0.1f, 0.2f, 0.3f },
};

/* Parameters go to group 0, 1 or none. */
static int third_alone(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)owner;
    (void)p;
    (void)user;
    return path[1] == '2' ? 1 : path[1] == '4' ? -1 : 0;
}

typedef struct trial {
    socle_module *m;
    socle_optimizer *o;
} trial;

static trial trial_new(socle_device *d, const socle_opt_rule *rule, const float *hypers, bool fused)
{
    trial t = { .m = bag_new(d, 6) };
    t.o = socle_optimizer_new(rule, t.m, third_alone, NULL);
    cr_assert_not_null(t.o, "%s", socle_error());
    set_hypers(t.o, hypers);
    assert_ok(socle_hyper_set(t.o, 1, SOCLE_LR, 0.5f * hypers[SOCLE_LR]));
    socle_optimizer_set_fused(t.o, fused);
    return t;
}

static void compare(const char *spec, const socle_opt_rule *rule, const float *hypers, budget allowed)
{
    socle_device *d = open_device(spec, 2);
    socle_ctx *c = socle_ctx_new(d, 1);
    trial fused = trial_new(d, rule, hypers, true), lists = trial_new(d, rule, hypers, false);
    bag *a = socle_module_state(fused.m), *b = socle_module_state(lists.m);
    for (int step = 0; step < 5; step++) {
        int last = step == 1 ? 5 : 6; /* in one step the last parameter has no gradient */
        assert_ok(bag_backward(a, c, 0, last));
        assert_ok(bag_backward(b, c, 0, last));
        assert_ok(socle_optimizer_step(fused.o, c));
        assert_ok(socle_optimizer_step(lists.o, c));
        socle_optimizer_zero_grad(fused.o);
        socle_optimizer_zero_grad(lists.o);
        for (int i = 0; i < a->n; i++) {
            double *want = values_of(b->p[i]);
            cr_assert(tensor_close(a->p[i], want, (size_t)socle_numel(b->p[i]), allowed),
                      "%s on %s, step %d, p%d: %s", rule->name, spec, step, i, support_message());
            free(want);
        }
    }
    socle_optimizer_free(fused.o);
    socle_optimizer_free(lists.o);
    socle_module_free(fused.m);
    socle_module_free(lists.m);
    socle_ctx_free(c);
    socle_device_close(d);
}

/* "ref" rounds after each operation as the lists do, so it must agree to the bit. The lists' scalars are float, also on
 * "ref64". Other devices may fuse: some ten roundings a step for five steps of numbers up to 3. */
static void compare_all(const socle_opt_rule *rule)
{
    budget several = { .absolute = 3 * 5 * 10 * eps_of(SOCLE_F32) };
    for (size_t i = 0; i < sizeof hyper_rows / sizeof *hyper_rows; i++) {
        compare("ref", rule, hyper_rows[i], budget_exact);
        compare("ref64", rule, hyper_rows[i], several);
        compare("cpu", rule, hyper_rows[i], several);
    }
}

Test(rules, the_fused_path_of_sgd_does_what_its_lists_do)
{
    compare_all(socle_sgd());
}

Test(rules, the_fused_path_of_momentum_does_what_its_lists_do)
{
    compare_all(socle_momentum());
}

Test(rules, the_fused_path_of_nesterov_does_what_its_lists_do)
{
    compare_all(socle_nesterov());
}

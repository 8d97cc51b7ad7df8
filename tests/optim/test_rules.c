/* The built-in rules: against PyTorch, and each fused path against its lists. */
#include "bag.h"
#include "golden_sgd.h"
#include "golden_adam.h"
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

/* A rule on its way down the loss that the golden numbers were made with. */
typedef struct descent {
    socle_device *d;
    socle_ctx *c;
    socle_module *m;
    socle_tensor *p, *a, *b;
    socle_optimizer *o;
} descent;

static descent descent_new(const socle_opt_rule *rule, bool fused)
{
    descent t = { .d = open_device("ref64", 1) };
    t.c = socle_ctx_new(t.d, 1);
    t.m = socle_module_new(&one_type, t.d);
    t.p = socle_module_param(t.m, "p", socle_shape1(GOLDEN_SIZE), socle_init_constant(0));
    t.a = tensor_of(t.d, SOCLE_F64, socle_shape1(GOLDEN_SIZE), golden_scale);
    t.b = tensor_of(t.d, SOCLE_F64, socle_shape1(GOLDEN_SIZE), golden_target);
    assert_ok(socle_write(t.p, golden_start, sizeof golden_start));
    t.o = socle_optimizer_new(rule, t.m, NULL, NULL);
    socle_optimizer_set_fused(t.o, fused);
    return t;
}

static void descent_follow(descent *t, const char *name, const double want[][GOLDEN_SIZE], budget allowed)
{
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        socle_scope scope = socle_scope_begin(t->c);
        socle_tensor *square = socle_square(t->c, socle_sub(t->c, t->p, t->b));
        assert_ok(socle_backward(
            t->c, socle_scale(t->c, socle_sum(t->c, socle_mul(t->c, square, t->a), 0, false), 0.5, 0)));
        socle_scope_end(t->c, scope, NULL);
        assert_ok(socle_optimizer_step(t->o, t->c));
        socle_optimizer_zero_grad(t->o);
        cr_assert(tensor_close(t->p, want[step], GOLDEN_SIZE, allowed), "%s, step %d: %s", name, step,
                  support_message());
    }
    socle_optimizer_free(t->o);
    socle_release(t->a);
    socle_release(t->b);
    socle_module_free(t->m);
    socle_ctx_free(t->c);
    socle_device_close(t->d);
}

static void follow(const struct golden *g, bool fused)
{
    descent t = descent_new(g->rule(), fused);
    set_hypers(t.o, (const float[]){ g->lr, g->mom, g->damp, g->wd, g->l2 });
    /* A dozen roundings a step of numbers up to 3, which the contraction of the loss does not let grow. */
    descent_follow(&t, g->name, g->p, (budget){ .absolute = 3 * 12 * GOLDEN_STEPS * eps_of(SOCLE_F64) });
}

/* Coefficients that depend on the step are rounded to float: some four of a step of at most 1/8, in each of the steps. */
static void follow_adam(const struct golden_adam *g, bool fused)
{
    descent t = descent_new(g->rule(), fused);
    for (int i = 0; i < 8 && g->hyper[i] != NULL; i++)
        assert_ok(socle_hyper_set(t.o, -1, socle_hyper_named(g->hyper[i]), (float)g->value[i]));
    descent_follow(&t, g->name, g->p, (budget){ .absolute = 4 * 0.125 * GOLDEN_STEPS * eps_of(SOCLE_F32) });
}

Test(rules, twenty_steps_are_pytorchs)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        follow(&golden[i], true);
        follow(&golden[i], false);
    }
}

Test(rules, twenty_steps_of_adaptive_rules_are_pytorchs_or_their_papers)
{
    for (size_t i = 0; i < sizeof golden_adam / sizeof *golden_adam; i++) {
        follow_adam(&golden_adam[i], true);
        follow_adam(&golden_adam[i], false);
    }
}

Test(rules, hypers_have_names)
{
    for (int h = SOCLE_LR; h <= SOCLE_TRUST; h++)
        cr_assert_eq(socle_hyper_named(socle_hyper_name(h)), h);
    cr_assert_eq(socle_hyper_named("rate"), -1);
    cr_assert_eq(socle_hyper_named(NULL), -1);
    cr_assert_null(socle_hyper_name(-1));
    cr_assert_null(socle_hyper_name(SOCLE_HYPER_USER));
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

/* The lists and the primitive order some operations differently, and "ref64" has coefficients in float. */
static void compare_adaptive(const socle_opt_rule *rule)
{
    budget several = { .absolute = 3 * 5 * 10 * eps_of(SOCLE_F32) };
    for (size_t i = 0; i < sizeof hyper_rows / sizeof *hyper_rows; i++) {
        compare("ref", rule, hyper_rows[i], several);
        compare("ref64", rule, hyper_rows[i], several);
        compare("cpu", rule, hyper_rows[i], several);
    }
}

Test(rules, the_fused_paths_of_adaptive_rules_do_what_their_lists_do)
{
    compare_adaptive(socle_rmsprop());
    compare_adaptive(socle_rmsprop_momentum());
    compare_adaptive(socle_rmsprop_course());
    compare_adaptive(socle_adam());
    compare_adaptive(socle_adam_course());
    compare_adaptive(socle_adam_course_library());
    compare_adaptive(socle_radam());
    compare_adaptive(socle_lion());
    compare_adaptive(socle_momentum_course_library());
    compare_adaptive(socle_lamb());
}

Test(rules, a_parameter_at_zero_can_leave_it_under_lamb)
{
    socle_device *d = open_device("ref64", 1);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_module *m = socle_module_new(&one_type, d);
    socle_tensor *p = socle_module_param(m, "p", socle_shape1(2), socle_init_constant(0));
    socle_optimizer *o = socle_optimizer_new(socle_lamb(), m, NULL, NULL);
    assert_ok(socle_hyper_set(o, -1, SOCLE_LR, 0.25f));
    assert_ok(socle_backward(c, socle_sum(c, p, 0, false)));
    assert_ok(socle_optimizer_step(o, c));
    assert_close(p, ((const double[]){ -0.25, -0.25 }), 2, (budget){ .absolute = 8 * 1e-6 });
    socle_optimizer_free(o);
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
}

/* Forward hooks: order, replacement, removal at any time. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;
static socle_module *m;
static socle_tensor *x;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = socle_device_open("ref", (socle_device_desc){ 0 });
    c = socle_ctx_new(d, 1);
    m = socle_act_new(d, SOCLE_ACT_RELU, 0);
    x = socle_full(c, SOCLE_F32, socle_shape1(1), 1.0);
    cr_assert_not_null(x);
}

static void tear_down(void)
{
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(hook, .init = set_up, .fini = tear_down);

static char order[32];

static socle_tensor *note(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    cr_assert_eq(owner, m);
    cr_assert_eq(ctx, c);
    cr_assert_eq(in, x);
    cr_assert_not_null(out);
    strcat(order, user);
    return NULL;
}

static double run(void)
{
    double value = -1;
    socle_tensor *y = socle_forward(m, c, x);
    cr_assert_eq(socle_item(y, &value), SOCLE_OK, "%s", socle_error());
    return value;
}

Test(hook, hooks_run_in_order_of_registration)
{
    cr_assert_not_null(socle_module_hook(m, note, "a"));
    cr_assert_not_null(socle_module_hook(m, note, "b"));
    cr_assert_not_null(socle_module_hook(m, note, "a"));
    run();
    cr_assert_str_eq(order, "aba");
}

Test(hook, a_removed_hook_runs_no_more)
{
    socle_hook *a = socle_module_hook(m, note, "a");
    socle_module_hook(m, note, "b");
    socle_hook_remove(a);
    socle_hook_remove(NULL);
    run();
    cr_assert_str_eq(order, "b");
}

static socle_tensor *add_two(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)owner;
    (void)in;
    (void)user;
    return socle_scale(ctx, out, 1, 2);
}

static socle_tensor *triple(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)owner;
    (void)in;
    (void)user;
    return socle_scale(ctx, out, 3, 0);
}

Test(hook, a_replacement_is_what_the_next_hook_and_the_caller_get)
{
    socle_module_hook(m, add_two, NULL);
    socle_module_hook(m, triple, NULL);
    cr_assert_eq(run(), 9.0);
}

static socle_hook *victim[3];

static socle_tensor *remove_two(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out,
                                void *user)
{
    note(owner, ctx, in, out, user);
    socle_hook_remove(victim[0]);
    socle_hook_remove(victim[2]);
    return NULL;
}

Test(hook, a_hook_may_remove_itself_and_one_that_is_still_to_come)
{
    victim[0] = socle_module_hook(m, remove_two, "a");
    victim[1] = socle_module_hook(m, note, "b");
    victim[2] = socle_module_hook(m, note, "c");
    socle_module_hook(m, note, "d");
    run();
    cr_assert_str_eq(order, "abd");
    run();
    cr_assert_str_eq(order, "abdbd");
}

static socle_tensor *add_more(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    note(owner, ctx, in, out, user);
    for (int i = 0; i < 20; i++) /* enough for the list to move */
        socle_module_hook(owner, note, "n");
    return NULL;
}

Test(hook, a_hook_added_by_a_hook_runs_from_the_next_pass_on)
{
    socle_hook *first = socle_module_hook(m, add_more, "a");
    socle_module_hook(m, note, "b");
    run();
    cr_assert_str_eq(order, "ab");
    socle_hook_remove(first);
    order[0] = '\0';
    run();
    cr_assert_str_eq(order, "bnnnnnnnnnnnnnnnnnnnn");
}

static socle_tensor *run_again(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)out;
    int *left = user;
    if (--*left > 0)
        socle_forward(owner, ctx, in);
    else
        socle_hook_remove(victim[1]);
    return NULL;
}

Test(hook, a_hook_removed_in_a_pass_inside_a_pass_lives_until_the_outer_one_ends)
{
    int left = 3;
    victim[1] = socle_module_hook(m, note, "b");
    socle_module_hook(m, run_again, &left);
    victim[2] = socle_module_hook(m, note, "c");
    run();
    cr_assert_str_eq(order, "bbbccc");
}

static socle_tensor *break_it(socle_module *owner, socle_ctx *ctx, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)owner;
    (void)in;
    (void)user;
    return socle_matmul(ctx, out, out); /* one dimension is too few */
}

Test(hook, a_failure_in_a_hook_is_a_failure_of_forward_and_says_so)
{
    socle_module_hook(m, break_it, NULL);
    socle_module_hook(m, note, "later");
    cr_assert_null(socle_forward(m, c, x));
    cr_assert_not_null(strstr(socle_error(), "(in a hook of ReLU)"), "%s", socle_error());
    cr_assert_str_eq(order, "", "hooks after a failure do not run");
}

Test(hook, hooks_do_not_run_after_a_failed_forward)
{
    socle_module *l = socle_linear_new(d, (socle_linear_desc){ .in = 3, .out = 3 });
    socle_module_hook(l, note, "a");
    cr_assert_null(socle_forward(l, c, x));
    cr_assert_str_eq(order, "");
    socle_module_free(l);
}

Test(hook, a_hook_without_a_module_or_a_function_is_refused)
{
    cr_assert_null(socle_module_hook(NULL, note, NULL));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_module_hook(m, NULL, NULL));
}

/* ---- one hook on many modules ---- */

static socle_tensor *note_index(size_t index, socle_module *owner, socle_ctx *ctx, socle_tensor *in,
                                socle_tensor *out, void *user)
{
    (void)owner, (void)ctx, (void)in, (void)out;
    char digit[2] = { (char)('0' + index), '\0' };
    strcat(user, digit);
    return NULL;
}

Test(hook, hooks_of_a_set_know_their_places_and_go_together)
{
    socle_module *seq = socle_sequential_new(d);
    for (int i = 0; i < 3; i++)
        socle_append(seq, socle_act_new(d, i == 1 ? SOCLE_ACT_NONE : SOCLE_ACT_TANH, 0));
    socle_hooks *h = socle_hooks_new(seq, socle_module_activates, NULL, note_index, order);
    cr_assert_not_null(h, "%s", socle_error());
    const socle_module_list *l = socle_hooks_list(h);
    cr_assert_eq(l->n, 2);
    cr_assert_str_eq(l->path[1], "2");
    socle_forward(seq, c, x);
    socle_forward(seq, c, x);
    cr_assert_str_eq(order, "0101");
    socle_hooks_free(h);
    socle_forward(seq, c, x);
    cr_assert_str_eq(order, "0101");
    socle_hooks_free(NULL);
    socle_module_free(seq);
}

Test(hook, a_set_needs_modules_and_a_function_and_may_be_empty)
{
    cr_assert_null(socle_hooks_new(NULL, socle_module_activates, NULL, note_index, NULL));
    cr_assert_null(socle_hooks_new(m, socle_module_activates, NULL, NULL, NULL));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    socle_hooks *h = socle_hooks_new(m, socle_module_is, (void *)"Conv2d", note_index, NULL);
    cr_assert_not_null(h);
    cr_assert_eq(socle_hooks_list(h)->n, 0);
    socle_hooks_free(h);
}

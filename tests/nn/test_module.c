/* Life of modules, broken ones, consumed children, modes, freezing, and whose name a failure carries. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = socle_device_open("ref", (socle_device_desc){ 0 });
    c = socle_ctx_new(d, 1);
    cr_assert_not_null(c);
}

static void tear_down(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(module, .init = set_up, .fini = tear_down);

/* ---- modules to test with ---- */

static socle_tensor *pass(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    (void)m;
    (void)ctx;
    return x;
}

static const socle_module_type plain = { .name = "Plain", .forward = pass };

/* Runs all its children, which it finds in its state, and a child that it does not own. */
typedef struct chain {
    socle_module *first, *second;
} chain;

static socle_tensor *chain_forward(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    chain *s = socle_module_state(m);
    return socle_forward(s->second, ctx, socle_forward(s->first, ctx, x));
}

static const socle_module_type chain_type = { .name = "Chain", .size = sizeof(chain), .forward = chain_forward };

static socle_module *chain_new(socle_module *first, socle_module *second)
{
    socle_module *m = socle_module_new(&chain_type, d);
    chain s = { socle_module_child(m, "first", first), socle_module_child(m, "second", second) };
    if (socle_module_ready(m) == NULL)
        return NULL;
    *(chain *)socle_module_state(m) = s;
    return m;
}

static socle_module *linear(int in, int out)
{
    return socle_linear_new(d, (socle_linear_desc){ .in = in, .out = out });
}

static socle_tensor *zeros(int64_t rows, int64_t columns)
{
    return socle_full(c, SOCLE_F32, socle_shape2(rows, columns), 0.0);
}

/* ---- life ---- */

typedef struct counted {
    int64_t zero;
    int *drops;
} counted;

static void count_drop(socle_module *m)
{
    counted *s = socle_module_state(m);
    if (s->drops != NULL)
        ++*s->drops;
}

static const socle_module_type counted_type = {
    .name = "Counted", .size = sizeof(counted), .forward = pass, .drop = count_drop
};

Test(module, state_is_zero_at_birth_and_dropped_once)
{
    int drops = 0;
    socle_module *parent = socle_module_new(&plain, d), *m = socle_module_new(&counted_type, d);
    counted *s = socle_module_state(m);
    cr_assert_eq(s->zero, 0);
    cr_assert_null(s->drops);
    cr_assert_eq((uintptr_t)s % _Alignof(max_align_t), 0);
    s->drops = &drops;
    cr_assert_eq(socle_module_child(parent, "counted", m), m);
    socle_module_free(parent);
    cr_assert_eq(drops, 1);
}

Test(module, a_module_without_parameters_keeps_its_device_open)
{
    socle_device *own = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_module *m = socle_flatten_new(own);
    socle_device_close(own);
    cr_assert_not_null(strstr(socle_device_name(socle_module_device(m)), "ref"));
    socle_module_free(m);
}

Test(module, parameters_are_drawn_at_once_and_want_gradients_while_buffers_do_not)
{
    socle_module *m = socle_module_new(&plain, d);
    socle_tensor *w = socle_module_param(m, "w", socle_shape1(100), socle_init_uniform(2, 3));
    socle_tensor *b = socle_module_buffer(m, "b", socle_shape1(3), 7);
    float numbers[100], filled[3];
    cr_assert_eq(socle_read(w, numbers, sizeof numbers), SOCLE_OK);
    cr_assert_eq(socle_read(b, filled, sizeof filled), SOCLE_OK);
    for (int i = 0; i < 100; i++)
        cr_assert(numbers[i] >= 2.0f && numbers[i] <= 3.0f && (i == 0 || numbers[i] != numbers[i - 1]));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(filled[i], 7.0f);
    cr_assert(socle_requires_grad(w));
    cr_assert(!socle_requires_grad(b));
    cr_assert_eq(socle_module_numel(m), 100);
    socle_module_free(m);
}

/* ---- broken modules ---- */

Test(module, a_parameter_that_fails_breaks_its_module)
{
    socle_module *m = socle_module_new(&plain, d);
    cr_assert_not_null(socle_module_param(m, "good", socle_shape1(2), socle_init_constant(1)));
    cr_assert_null(socle_module_param(m, "bad", socle_shape1(-2), socle_init_constant(1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_SHAPE);
    cr_assert_null(socle_module_param(m, "later", socle_shape1(2), socle_init_constant(1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_SHAPE, "the first failure is the one to read: %s", socle_error());
    cr_assert_null(socle_module_ready(m));
}

Test(module, a_name_with_a_dot_or_taken_or_missing_breaks_the_module)
{
    static const char *const bad[] = { "a.b", "", NULL, "weight", "running", "child" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        socle_module *m = socle_module_new(&plain, d);
        socle_module_param(m, "weight", socle_shape1(1), socle_init_constant(0));
        socle_module_buffer(m, "running", socle_shape1(1), 0);
        socle_module_child(m, "child", socle_module_new(&plain, d));
        cr_assert_null(socle_module_param(m, bad[i], socle_shape1(1), socle_init_constant(0)));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
        cr_assert_null(socle_module_child(m, bad[i], socle_module_new(&plain, d)));
        cr_assert_null(socle_module_ready(m), "name %zu was accepted", i);
    }
}

Test(module, null_parts_break_a_module_without_a_new_message)
{
    socle_module *m = socle_module_new(&plain, d);
    socle_fail(SOCLE_ERR_IO, "the cause");
    cr_assert_null(socle_module_child(m, "child", NULL));
    cr_assert_str_eq(socle_error(), "the cause");
    cr_assert_null(socle_module_ready(m));
    cr_assert_null(socle_module_new(&plain, NULL));
    cr_assert_null(socle_module_param(NULL, "w", socle_shape1(1), socle_init_constant(0)));
    cr_assert_null(socle_module_ready(NULL));
    socle_module_free(NULL);
    cr_assert_str_eq(socle_error(), "the cause");
}

Test(module, a_null_child_without_a_cause_is_named)
{
    socle_module *m = socle_module_new(&plain, d);
    cr_assert_null(socle_module_child(m, "child", NULL));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_module_ready(m));
}

/* The suite's end finds what is not freed. */
Test(module, a_child_is_consumed_even_when_that_fails)
{
    cr_assert_null(socle_module_child(NULL, "child", linear(2, 2)));
    socle_module *m = socle_module_new(&plain, d);
    cr_assert_null(socle_module_child(m, "no.good", linear(2, 2)));
    cr_assert_null(socle_module_child(m, "later", linear(2, 2)));
    cr_assert_null(socle_module_ready(m));

    socle_device *other = socle_device_open("ref", (socle_device_desc){ 0 });
    m = socle_module_new(&plain, other);
    cr_assert_null(socle_module_child(m, "foreign", linear(2, 2)));
    cr_assert_not_null(strstr(socle_error(), "another device"));
    cr_assert_null(socle_module_ready(m));
    socle_device_close(other);
}

Test(module, a_broken_child_breaks_its_parent)
{
    socle_module *m = socle_module_new(&plain, d), *child = socle_module_new(&plain, d);
    socle_module_param(child, "w", socle_shape1(-1), socle_init_constant(0));
    cr_assert_null(socle_module_child(m, "child", child));
    cr_assert_null(socle_module_ready(m));
}

Test(module, a_child_of_one_parent_is_refused_to_another_and_stays_where_it_is)
{
    socle_module *a = socle_module_new(&plain, d), *b = socle_module_new(&plain, d), *child = linear(2, 2);
    cr_assert_eq(socle_module_child(a, "child", child), child);
    cr_assert_null(socle_module_child(b, "child", child));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_module_ready(b));
    cr_assert_eq(socle_module_numel(a), 6);
    cr_assert_null(socle_module_child(child, "up", a), "a cycle");
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    socle_module_free(a);
}

/* ---- freezing and modes ---- */

Test(module, freezing_reaches_all_below_and_can_be_undone)
{
    socle_module *m = chain_new(linear(2, 3), chain_new(linear(3, 3), linear(3, 1)));
    chain *inner = socle_module_state(((chain *)socle_module_state(m))->second);
    socle_scope s = socle_scope_begin(c);
    socle_module_freeze(m, true);
    socle_tensor *y = socle_sum(c, socle_forward(m, c, zeros(4, 2)), 0, false);
    cr_assert_neq(socle_backward(c, y), SOCLE_OK, "a frozen network has no gradient to send back");
    cr_assert_eq(socle_module_numel(m), 9 + 12 + 4, "frozen numbers are parameters all the same");
    socle_ctx_clear(c);
    s = socle_scope_begin(c);
    socle_module_freeze(inner->second, false);
    y = socle_sum(c, socle_forward(m, c, zeros(4, 2)), 0, false);
    cr_assert_eq(socle_backward(c, y), SOCLE_OK, "%s", socle_error());
    socle_scope_end(c, s, NULL);
    socle_module_free(m);
}

static socle_tensor *look_at_mode(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    *(bool *)socle_module_state(m) = socle_ctx_training(ctx);
    return x;
}

static const socle_module_type looker = { .name = "Looker", .size = sizeof(bool), .forward = look_at_mode };

Test(module, a_mode_holds_for_all_below_unless_one_has_its_own)
{
    socle_module *a = socle_module_new(&looker, d), *b = socle_module_new(&looker, d);
    socle_module *after = socle_module_new(&looker, d);
    socle_module *m = chain_new(a, chain_new(b, chain_new(after, linear(2, 2))));
    *(bool *)socle_module_state(after) = true;
    socle_module_set_mode(m, SOCLE_ALWAYS_EVAL);
    socle_module_set_mode(b, SOCLE_ALWAYS_TRAIN);
    cr_assert_not_null(socle_forward(m, c, zeros(1, 2)));
    cr_assert(!*(bool *)socle_module_state(a));
    cr_assert(*(bool *)socle_module_state(b));
    cr_assert(!*(bool *)socle_module_state(after), "b's mode is b's alone");
    cr_assert(socle_ctx_training(c), "the ctx has its own mode back");

    cr_assert_null(socle_forward(m, c, zeros(1, 3)), "three numbers do not fit");
    cr_assert(socle_ctx_training(c), "after a failure too");
    socle_module_free(m);
}

/* ---- forward ---- */

Test(module, forward_keeps_its_result_alone)
{
    socle_module *m = chain_new(linear(2, 3), linear(3, 4));
    socle_ctx_set_grad(c, false);
    socle_tensor *x = zeros(5, 2);
    socle_tensor *y = socle_forward(m, c, x);
    int64_t one = socle_test_live_blocks();
    socle_tensor *z = socle_forward(m, c, x);
    int64_t two = socle_test_live_blocks();
    socle_tensor *own = zeros(5, 4);
    cr_assert_eq(socle_test_live_blocks() - two, two - one, "a result leaves one tensor behind");
    cr_assert(socle_shape_equal(socle_shape_of(z), socle_shape_of(own)));
    cr_assert_not_null(y);
    socle_module_free(m);
}

Test(module, a_null_module_fails_the_ctx)
{
    cr_assert_null(socle_forward(NULL, c, zeros(1, 1)));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "forward: the module is NULL");
}

Test(module, a_null_module_tells_what_happened_before)
{
    socle_tensor *x = zeros(1, 1);
    socle_module *m = linear(0, 3);
    cr_assert_null(m);
    cr_assert_null(socle_forward(m, c, x));
    cr_assert_not_null(strstr(socle_error(), "Linear: 0 inputs"), "%s", socle_error());
}

Test(module, a_failed_ctx_keeps_its_first_message)
{
    socle_ctx_fail(c, socle_fail(SOCLE_ERR_FORMAT, "the first"));
    socle_module *m = linear(1, 1);
    cr_assert_null(socle_forward(m, c, NULL));
    cr_assert_null(socle_forward(NULL, c, NULL));
    cr_assert_str_eq(socle_error(), "the first");
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_FORMAT);
    socle_module_free(m);
}

Test(module, a_broken_module_does_not_run)
{
    socle_module *m = socle_append(socle_sequential_new(d), linear(2, -1));
    cr_assert_null(socle_forward(m, c, zeros(1, 2)));
    cr_assert_not_null(strstr(socle_error(), "Sequential"), "%s", socle_error());
    cr_assert_not_null(strstr(socle_error(), "-1 outputs"), "%s", socle_error());
    socle_module_free(m);
}

static socle_tensor *nothing(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    (void)m;
    (void)ctx;
    (void)x;
    return NULL;
}

static const socle_module_type silent = { .name = "Silent", .forward = nothing };

Test(module, a_forward_that_gives_nothing_is_a_failure)
{
    socle_module *m = socle_module_new(&silent, d);
    cr_assert_null(socle_forward(m, c, zeros(1, 1)));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_STATE);
    cr_assert_not_null(strstr(socle_error(), "(in Silent)"), "%s", socle_error());
    socle_module_free(m);
}

/* ---- whose name ---- */

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

Test(module, a_shape_that_does_not_fit_names_the_innermost_layer_and_its_path_once)
{
    socle_module *inner = socle_append(socle_append(socle_sequential_new(d), linear(3, 4)), linear(5, 6));
    socle_module *m = chain_new(linear(2, 3), inner);
    cr_assert_null(socle_forward(m, c, zeros(7, 2)));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_SHAPE);
    const char *tail = " (in Linear(5, 6), child \"second.1\" of Chain)";
    size_t n = strlen(socle_error());
    cr_assert(n > strlen(tail) && strcmp(socle_error() + n - strlen(tail), tail) == 0, "%s", socle_error());
    cr_assert_eq(count(socle_error(), "(in "), 1, "%s", socle_error());
    cr_assert_eq(strncmp(socle_error(), "linear: ", 8), 0, "the op's own words come first: %s", socle_error());
    socle_module_free(m);
}

Test(module, a_layer_that_runs_alone_is_named_without_a_path)
{
    socle_module *m = linear(2, 3);
    cr_assert_null(socle_forward(m, c, zeros(7, 4)));
    cr_assert_not_null(strstr(socle_error(), "(in Linear(2, 3))"), "%s", socle_error());
    socle_module_free(m);
}

static socle_tensor *narrow_forward(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    chain *s = socle_module_state(m);
    return socle_slice(ctx, socle_forward(s->first, ctx, x), 1, 0, 100);
}

static const socle_module_type narrow_type = { .name = "Narrow", .size = sizeof(chain), .forward = narrow_forward };

Test(module, a_failure_of_a_parents_own_is_named_after_one_of_its_child)
{
    socle_module *m = socle_module_new(&narrow_type, d), *child = linear(2, 3);
    ((chain *)socle_module_state(m))->first = socle_module_child(m, "first", child);
    cr_assert_null(socle_forward(child, c, zeros(1, 9)), "the child alone, so that its parent hears of it");
    socle_ctx_clear(c);
    cr_assert_null(socle_forward(m, c, zeros(1, 2)));
    cr_assert_not_null(strstr(socle_error(), "(in Narrow)"), "%s", socle_error());
    socle_module_free(m);
}

static socle_tensor *recovers(socle_module *m, socle_ctx *ctx, socle_tensor *x)
{
    (void)m;
    socle_ctx_fail(ctx, socle_fail(SOCLE_ERR_FORMAT, "mine"));
    socle_fail(SOCLE_ERR_IO, "another matter");
    return x;
}

static const socle_module_type recovers_type = { .name = "Recovers", .forward = recovers };

Test(module, a_message_that_is_not_of_this_failure_is_left_alone)
{
    socle_module *m = socle_module_new(&recovers_type, d);
    cr_assert_null(socle_forward(m, c, zeros(1, 1)));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_FORMAT);
    cr_assert_str_eq(socle_error(), "another matter");
    socle_module_free(m);
}

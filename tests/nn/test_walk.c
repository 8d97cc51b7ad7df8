/* Order and paths of the walks, and what depends on them: drawing parameters anew. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
}

static void tear_down(void)
{
    assert_no_leak(live_before);
}

TestSuite(walk, .init = set_up, .fini = tear_down);

static socle_tensor *pass(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    (void)m;
    (void)c;
    return x;
}

static const socle_module_type plain = { .name = "Plain", .forward = pass };

/* Plain: child "body" (Sequential of two Linear), own "scale" and buffer "mean" registered after it. */
static socle_module *tree(socle_device *d)
{
    socle_module *m = socle_module_new(&plain, d), *body = socle_sequential_new(d);
    socle_append(body, socle_linear_new(d, (socle_linear_desc){ .in = 2, .out = 3 }));
    socle_append(body, socle_linear_new(d, (socle_linear_desc){ .in = 3, .out = 2, .no_bias = true }));
    socle_module_child(m, "body", body);
    socle_module_param(m, "scale", socle_shape1(40), socle_init_normal(0, 1));
    socle_module_buffer(m, "mean", socle_shape1(2), 5);
    return socle_module_ready(m);
}

static int note_param(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    cr_assert_not_null(owner);
    cr_assert_eq(trainable, socle_requires_grad(t));
    strcat(strcat(user, path), trainable ? " " : "* ");
    return 0;
}

static int note_module(const char *path, socle_module *m, void *user)
{
    strcat(strcat(strcat(strcat(user, path), "="), socle_module_type_of(m)->name), " ");
    return 0;
}

Test(walk, a_modules_own_tensors_come_before_its_childrens_in_order_of_registration)
{
    char text[200] = "";
    socle_device *d = open_device("ref", 1);
    socle_module *m = tree(d);
    cr_assert_eq(socle_module_each_param(m, note_param, text), 0);
    cr_assert_str_eq(text, "scale mean* body.0.weight body.0.bias body.1.weight ");
    text[0] = '\0';
    cr_assert_eq(socle_module_each(m, note_module, text), 0);
    cr_assert_str_eq(text, "=Plain body=Sequential body.0=Linear body.1=Linear ");
    cr_assert_eq(socle_module_each(NULL, note_module, text), 0);
    socle_module_free(m);
    socle_device_close(d);
}

static int compare_named(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner, (void)trainable;
    cr_assert_eq(socle_module_named(user, path), t, "%s", path);
    return 0;
}

Test(walk, every_path_of_the_walk_leads_to_its_tensor_and_no_other_path_does)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = tree(d);
    cr_assert_eq(socle_module_each_param(m, compare_named, m), 0);
    static const char *const nowhere[] = {
        "",       "body",   "body.0",      "body.0.", "body.2.weight", "bod.0.weight", "body.0.weight.x",
        "scale.", ".scale", "body0.weight"
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        cr_assert_null(socle_module_named(m, nowhere[i]), "\"%s\"", nowhere[i]);
    cr_assert_null(socle_module_named(NULL, "scale"));
    cr_assert_null(socle_module_named(m, NULL));
    socle_module_free(m);
    socle_device_close(d);
}

static int stop_at_third(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    (void)t;
    (void)trainable;
    int *calls = user;
    return ++*calls == 3 ? -7 : 0;
}

static int stop_below(const char *path, socle_module *m, void *user)
{
    (void)m;
    ++*(int *)user;
    return strcmp(path, "body.0") == 0 ? 9 : 0;
}

Test(walk, a_nonzero_answer_stops_the_walk_and_is_returned)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = tree(d);
    int calls = 0;
    cr_assert_eq(socle_module_each_param(m, stop_at_third, &calls), -7);
    cr_assert_eq(calls, 3);
    calls = 0;
    cr_assert_eq(socle_module_each(m, stop_below, &calls), 9);
    cr_assert_eq(calls, 3);
    socle_module_free(m);
    socle_device_close(d);
}

Test(walk, a_deep_tree_has_long_paths)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = socle_linear_new(d, (socle_linear_desc){ .in = 1, .out = 1, .no_bias = true });
    for (int i = 0; i < 200; i++)
        m = socle_append(socle_sequential_new(d), m);
    char text[600] = "", want[600] = "";
    for (int i = 0; i < 200; i++)
        strcat(want, "0.");
    strcat(want, "weight ");
    cr_assert_eq(socle_module_each_param(m, note_param, text), 0);
    cr_assert_str_eq(text, want);
    socle_module_free(m);
    socle_device_close(d);
}

/* ---- drawing anew ---- */

typedef struct numbers {
    double value[100];
    size_t n;
} numbers;

static int collect(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    (void)trainable;
    numbers *all = user;
    double *values = values_of(t);
    for (int64_t i = 0; i < socle_numel(t); i++)
        all->value[all->n++] = values[i];
    free(values);
    return 0;
}

static numbers numbers_of(socle_module *m)
{
    numbers all = { .n = 0 };
    socle_module_each_param(m, collect, &all);
    return all;
}

static bool same(const numbers *a, const numbers *b)
{
    return a->n == b->n && memcmp(a->value, b->value, a->n * sizeof *a->value) == 0;
}

static numbers drawn(const char *spec, uint64_t seed)
{
    socle_device *d = open_device(spec, 1);
    socle_module *m = tree(d);
    assert_ok(socle_reset_parameters(m, seed));
    numbers all = numbers_of(m);
    socle_module_free(m);
    socle_device_close(d);
    return all;
}

Test(walk, the_same_seed_draws_the_same_weights_on_every_device)
{
    numbers a = drawn("ref", 3), b = drawn("ref64", 3), again = drawn("cpu", 3), other = drawn("ref", 4);
    cr_assert_eq(a.n, 40 + 2 + 6 + 3 + 6);
    cr_assert(same(&a, &b));
    cr_assert(same(&a, &again));
    for (size_t i = 0; i < a.n; i++)
        cr_assert((i == 40 || i == 41) == (a.value[i] == other.value[i]), "number %zu", i);
    cr_assert_eq(a.value[40], 5.0, "a buffer is not drawn");
}

Test(walk, parameters_of_one_shape_and_rule_get_different_numbers_at_different_places)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = socle_sequential_new(d);
    for (int i = 0; i < 2; i++)
        socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = 4, .out = 5, .no_bias = true }));
    numbers fresh = numbers_of(m);
    cr_assert_eq(memcmp(fresh.value, fresh.value + 20, 20 * sizeof(double)), 0, "fresh: both as at place 0");
    assert_ok(socle_reset_parameters(m, 0));
    numbers all = numbers_of(m);
    cr_assert_eq(memcmp(all.value, fresh.value, 20 * sizeof(double)), 0,
                 "place 0 of seed 0 is what a fresh one has");
    for (int i = 0; i < 20; i++)
        cr_assert_neq(all.value[i], all.value[20 + i]);
    socle_module_free(m);
    socle_device_close(d);
}

Test(walk, drawing_anew_without_a_module_fails)
{
    cr_assert_eq(socle_reset_parameters(NULL, 1), SOCLE_ERR_ARG);
}

/* ---- finding ---- */

static bool in_body(const char *path, const socle_module *m, void *user)
{
    (void)m, (void)user;
    return strncmp(path, "body", 4) == 0;
}

Test(walk, finding_goes_depth_first_and_not_into_what_it_found)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = tree(d);
    socle_module_list l = { 0 };
    assert_ok(socle_module_find(m, socle_module_is, (void *)"Linear", &l));
    cr_assert_eq(l.n, 2);
    cr_assert_str_eq(l.path[0], "body.0");
    cr_assert_str_eq(l.path[1], "body.1");
    cr_assert_str_eq(socle_module_type_of(l.module[1])->name, "Linear");
    socle_module_list_free(&l);
    cr_assert_eq(l.n, 0);

    assert_ok(socle_module_find(m, in_body, NULL, &l));
    cr_assert_eq(l.n, 1);
    cr_assert_str_eq(l.path[0], "body");
    socle_module_list_free(&l);

    assert_ok(socle_module_find(m, socle_module_is, (void *)"Plain", &l));
    cr_assert_eq(l.n, 1);
    cr_assert_str_eq(l.path[0], "", "the root has no path");
    socle_module_list_free(&l);
    socle_module_free(m);
    socle_device_close(d);
}

Test(walk, modules_that_end_in_an_activation_are_found)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = socle_sequential_new(d);
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 2, .act = SOCLE_ACT_RELU }));
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 2, .out = 2 }));
    socle_append(m, socle_flatten_new(d));
    socle_append(m, socle_act_new(d, SOCLE_ACT_NONE, 0));
    socle_append(m, socle_act_new(d, SOCLE_ACT_TANH, 0));
    socle_module_list l = { 0 };
    assert_ok(socle_module_find(m, socle_module_activates, NULL, &l));
    cr_assert_eq(l.n, 2);
    cr_assert_str_eq(l.path[0], "0");
    cr_assert_str_eq(l.path[1], "4");
    socle_module_list_free(&l);
    cr_assert_eq(socle_module_find(NULL, socle_module_activates, NULL, &l), SOCLE_ERR_ARG);
    cr_assert_eq(socle_module_find(m, NULL, NULL, &l), SOCLE_ERR_ARG);
    socle_module_free(m);
    socle_device_close(d);
}

/* The summary: its text, and that it changes nothing. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
}

static void tear_down(void)
{
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(summary, .init = set_up, .fini = tear_down);

/* The first network of the Fashion-MNIST challenge: 4,474 parameters, 49 thousand multiply-adds an image. */
static socle_module *fashion_net(void)
{
    static const int width[] = { 1, 4, 8, 16, 16 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 4; i++)
        socle_append(
            net, socle_conv_new(d, (socle_conv_desc){
                                       .in = width[i], .out = width[i + 1], .stride = 2, .act = SOCLE_ACT_RELU }));
    socle_append(net,
                 socle_conv_new(d, (socle_conv_desc){ .in = 16, .out = 10, .size = 2, .pad = SOCLE_PAD_NONE }));
    return socle_append(net, socle_flatten_new(d));
}

Test(summary, the_table_of_a_network)
{
    socle_module *net = fashion_net();
    char *text = NULL;
    assert_ok(socle_summary(net, socle_shape4(1, 1, 28, 28), &text));
    cr_assert_str_eq(text,
                     "Module                                      | Output shape   | Params |   MACs\n"
                     "--------------------------------------------+----------------+--------+-------\n"
                     "Sequential                                  | (1, 10)        |      - |      -\n"
                     "  0: Conv2d(1, 4, size 3, stride 2, relu)   | (1, 4, 14, 14) |     40 |  7,056\n"
                     "  1: Conv2d(4, 8, size 3, stride 2, relu)   | (1, 8, 7, 7)   |    296 | 14,112\n"
                     "  2: Conv2d(8, 16, size 3, stride 2, relu)  | (1, 16, 4, 4)  |  1,168 | 18,432\n"
                     "  3: Conv2d(16, 16, size 3, stride 2, relu) | (1, 16, 2, 2)  |  2,320 |  9,216\n"
                     "  4: Conv2d(16, 10, size 2, pad 0)          | (1, 10, 1, 1)  |    650 |    640\n"
                     "  5: Flatten                                | (1, 10)        |      - |      -\n"
                     "--------------------------------------------+----------------+--------+-------\n"
                     "Total                                       |                |  4,474 | 49,456\n",
                     "\n%s", text);
    socle_text_free(text);
    socle_module_free(net);
}

/* Runs its first child twice and never its second. */
static socle_tensor *twice_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    socle_module **child = socle_module_state(m);
    return socle_forward(*child, c, socle_forward(*child, c, x));
}

static const socle_module_type twice = { .name = "Twice",
                                         .size = sizeof(socle_module *),
                                         .forward = twice_forward };

Test(summary, shared_unused_frozen_and_nested_modules)
{
    socle_module *m = socle_module_new(&twice, d), *net = socle_sequential_new(d);
    *(socle_module **)socle_module_state(m) = socle_module_child(
        m, "used", socle_linear_new(d, (socle_linear_desc){ .in = 3, .out = 3, .no_bias = true }));
    socle_module *unused =
        socle_linear_new(d, (socle_linear_desc){ .in = 999, .out = 2, .act = SOCLE_ACT_LEAKY_RELU, .leak = 0.1f });
    socle_module_freeze(socle_module_child(m, "unused", unused), true);
    socle_append(net, m);
    char *text = NULL;
    assert_ok(socle_summary(net, socle_shape2(2, 3), &text));
    cr_assert_str_eq(text,
                     "Module                               | Output shape | Params | MACs\n"
                     "-------------------------------------+--------------+--------+-----\n"
                     "Sequential                           | (2, 3)       |      - |    -\n"
                     "  0: Twice                           | (2, 3)       |      - |    -\n"
                     "    used: Linear(3, 3, no bias)      | (2, 3)       |      9 |   36\n"
                     "    unused: Linear(999, 2, leak 0.1) | -            |  2,000 |    -\n"
                     "-------------------------------------+--------------+--------+-----\n"
                     "Total                                |              |  2,009 |   36\n"
                     "2,000 of the parameters are frozen\n",
                     "\n%s", text);
    socle_text_free(text);
    socle_module_free(net);
}

/* ---- changes nothing ---- */

static int copy_values(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    (void)trainable;
    double **to = user, *values = values_of(t);
    memcpy(*to, values, (size_t)socle_numel(t) * sizeof *values);
    *to += socle_numel(t);
    free(values);
    return 0;
}

static socle_tensor *count_calls(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)m;
    (void)c;
    (void)in;
    (void)out;
    ++*(int *)user;
    return NULL;
}

/* Adds 1 to its buffer in training, as a norm's running mean would move. */
static socle_tensor *moving_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    socle_tensor **mean = socle_module_state(m);
    double value;
    if (socle_ctx_training(c) && socle_item(*mean, &value) == SOCLE_OK)
        socle_fill(c, *mean, value + 1);
    return x;
}

static const socle_module_type moving = { .name = "Moving",
                                          .size = sizeof(socle_tensor *),
                                          .forward = moving_forward };

Test(summary, a_summary_changes_nothing)
{
    socle_module *net =
        socle_append(socle_sequential_new(d), socle_linear_new(d, (socle_linear_desc){ .in = 3, .out = 4 }));
    socle_module *m = socle_module_new(&moving, d);
    socle_tensor *mean = socle_module_buffer(m, "mean", socle_shape1(1), 0);
    *(socle_tensor **)socle_module_state(m) = mean;
    socle_module_set_mode(m, SOCLE_ALWAYS_TRAIN);
    socle_append(net, m);
    int calls = 0;
    socle_module_hook(net, count_calls, &calls);
    socle_module_hook(m, count_calls, &calls);

    double before[32], after[32], *to = before;
    socle_module_each_param(net, copy_values, &to);
    char *text = NULL;
    assert_ok(socle_summary(net, socle_shape2(5, 3), &text));
    socle_text_free(text);
    int64_t live = socle_test_live_blocks(); /* the device has made its own tables by now */
    cr_assert_neq(socle_summary(net, socle_shape2(5, 7), &text), SOCLE_OK, "an input that does not fit");
    cr_assert_not_null(strstr(socle_error(), "child \"0\" of Sequential"), "%s", socle_error());
    cr_assert_eq(socle_test_live_blocks(), live);
    to = after;
    socle_module_each_param(net, copy_values, &to);
    cr_assert_eq(memcmp(before, after, 17 * sizeof *before), 0);
    cr_assert_eq(calls, 0, "hooks of the user's");

    socle_ctx *c = socle_ctx_new(d, 1);
    socle_ctx_set_training(c, false);
    socle_forward(net, c, socle_full(c, SOCLE_F32, socle_shape2(5, 3), 0));
    double value;
    assert_ok(socle_item(mean, &value));
    cr_assert_eq(value, 1, "the module's own mode is back");
    cr_assert_eq(calls, 2, "so are its hooks");
    socle_ctx_free(c);
    socle_module_free(net);
}

Test(summary, without_a_module_there_is_nothing_to_sum_up)
{
    char *text = NULL;
    cr_assert_eq(socle_summary(NULL, socle_shape1(1), &text), SOCLE_ERR_ARG);
    cr_assert_null(text);
    socle_text_free(NULL);
}

Test(summary, out_of_memory_anywhere_leaves_nothing_behind)
{
    socle_module *net = fashion_net();
    int calls = 0;
    socle_module_hook(net, count_calls, &calls);
    char *warm = NULL;
    assert_ok(socle_summary(net, socle_shape4(1, 1, 28, 28), &warm));
    socle_text_free(warm);
    int64_t live = socle_test_live_blocks(); /* the device has made its own tables by now */
    for (int64_t k = 0;; k++) {
        char *text = NULL;
        socle_test_fail_alloc(k);
        socle_status s = socle_summary(net, socle_shape4(1, 1, 28, 28), &text);
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        socle_text_free(text);
        cr_assert_eq(socle_test_live_blocks(), live, "allocation %d", (int)k);
        if (!failed)
            break;
        cr_assert_eq(s, SOCLE_ERR_NOMEM, "allocation %d", (int)k);
        cr_assert_null(text);
    }
    socle_module_free(net);
    cr_assert_eq(calls, 0);
}

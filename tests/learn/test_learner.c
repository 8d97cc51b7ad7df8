/* A learner's callbacks: order, removal, ownership; and learners that cannot be made. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/sys/test.h>
#include "tiny.h"

static char order[32];
static int drops;

static socle_flow write_name(socle_learner *l, void *user)
{
    (void)l;
    strcat(order, user);
    return 0;
}

static void drop(void *user)
{
    (void)user;
    drops++;
}

static socle_callback named(char *name, int place)
{
    return (socle_callback){ .name = name, .order = place, .user = name, .drop = drop, .before_fit = write_name };
}

static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";

static socle_flow add_late(socle_learner *l, void *user)
{
    (void)user;
    socle_learner_add(l, named(d, -5));
    return 0;
}

typedef struct setup {
    socle_device *device;
    socle_data *data;
    socle_learner *l;
} setup;

static setup set_up(void)
{
    setup s = { .device = socle_device_open("ref", (socle_device_desc){ 0 }) };
    s.data = tiny_data(s.device, 8, 0);
    s.l = tiny_learner(s.device, s.data);
    cr_assert_not_null(s.l, "%s", socle_error());
    order[0] = '\0';
    drops = 0;
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.device);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

Test(learner, callbacks_run_by_order_and_equal_ones_as_added)
{
    setup s = set_up();
    socle_learner_add(s.l, named(c, 2));
    socle_learner_add(s.l, named(a, 0));
    socle_learner_add(s.l, named(d, 2));
    socle_learner_add(s.l, named(b, 0));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_str_eq(order, "abcd");
    tear_down(s);
    cr_assert_eq(drops, 4);
}

Test(learner, removing_drops_all_of_a_name)
{
    setup s = set_up();
    socle_learner_add(s.l, named(a, 0));
    socle_learner_add(s.l, named(b, 0));
    socle_learner_add(s.l, named(a, 1));
    cr_assert_eq(socle_learner_remove(s.l, "a"), 2);
    cr_assert_eq(socle_learner_remove(s.l, "a"), 0);
    cr_assert_eq(drops, 2);
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_str_eq(order, "b");
    tear_down(s);
    cr_assert_eq(drops, 3);
}

Test(learner, a_callback_added_inside_a_fit_joins_the_next)
{
    setup s = set_up();
    socle_learner_add(s.l, (socle_callback){ .name = "adder", .after_fit = add_late });
    socle_learner_add(s.l, named(a, 0));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_str_eq(order, "a");
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_str_eq(order, "ada", "and takes its place in the order");
    tear_down(s);
}

Test(learner, a_callback_that_could_not_be_made_fails_the_fit_with_its_message)
{
    setup s = set_up();
    socle_learner_add(s.l, socle_cb_normalize(0, 0));
    (void)socle_fail(SOCLE_ERR_IO, "something later");
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "normalize"), "%s", socle_error());
    tear_down(s);
}

Test(learner, a_learner_without_its_parts_is_null_and_consumes_the_model)
{
    socle_device *device = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_module *m = socle_linear_new(device, (socle_linear_desc){ .in = 4, .out = 3 });
    cr_assert_null(socle_learner_new((socle_learner_desc){ .device = device, .model = m }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "data"), "%s", socle_error());
    socle_device_close(device);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* What the README's program does when the device is unknown: no check until the fit. */
Test(learner, the_first_failure_survives_a_chain_of_constructors_to_the_fit)
{
    socle_device *device = socle_device_open("abacus", (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, "/nowhere", (socle_loader_desc){ .batch = 256 });
    socle_module *net = socle_append(socle_sequential_new(device), socle_flatten_new(device));
    socle_learner *l = socle_learner_new((socle_learner_desc){ .device = device, .model = net, .data = data });
    socle_learner_add(l, socle_cb_single_batch());
    cr_assert_eq(socle_fit(l, 5, 0.2), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "abacus"), "%s", socle_error());
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(device);
}

static int weights_apart(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)path, (void)owner;
    ++*(int *)user;
    return socle_shape_of(p).ndim > 1;
}

Test(learner, groups_its_optimizers_parameters_and_groups_them_again_when_it_is_reset)
{
    socle_device *device = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_data *data = tiny_data(device, 8, 0);
    socle_module *m = socle_linear_new(device, (socle_linear_desc){ .in = TINY_IN, .out = TINY_CLASSES });
    int asked = 0;
    socle_learner *l = socle_learner_new((socle_learner_desc){ .device = device,
                                                               .model = m,
                                                               .data = data,
                                                               .opt = socle_adamw(),
                                                               .group_of = weights_apart,
                                                               .group_user = &asked });
    cr_assert_eq(socle_optimizer_groups(l->opt), 2);
    cr_assert_eq(socle_hyper_set(l->opt, 1, SOCLE_WD, 0.5f), SOCLE_OK);
    cr_assert_eq(socle_optimizer_set_clip(l->opt, (socle_clip){ .norm = 2 }), SOCLE_OK);
    cr_assert_eq(socle_fit_with(l, (socle_fit_desc){ .epochs = 1, .reset_opt = true }), SOCLE_OK, "%s",
                 socle_error());
    cr_assert_eq(asked, 4);
    cr_assert_eq(socle_hyper_get(l->opt, 1, SOCLE_WD), 0.5f);
    cr_assert_eq(socle_hyper_get(l->opt, 0, SOCLE_WD), 0.01f);
    cr_assert_eq(socle_optimizer_clip(l->opt).norm, 2);
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(device);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* Snapshots of a network: what comes back, and into what they do not go. */
#include <criterion/criterion.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("cpu", 1);
}

static void tear_down(void)
{
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(snapshot, .init = set_up, .fini = tear_down);

static socle_module *net(void)
{
    socle_module *m = socle_sequential_new(d);
    socle_append(m, socle_conv_new(d, (socle_conv_desc){ .in = 2, .out = 3, .norm = SOCLE_NORM_BATCH }));
    socle_append(m, socle_linear_new(d, (socle_linear_desc){ .in = 4, .out = 2 }));
    cr_assert_eq(socle_reset_parameters(m, 11), SOCLE_OK);
    return m;
}

static int spoil(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    return socle_fill(user, t, 7);
}

typedef struct copies {
    double *values[16];
    int n;
} copies;

static int keep_values(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    copies *all = user;
    all->values[all->n++] = values_of(t);
    return 0;
}

static int compare_values(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner, (void)trainable;
    copies *all = user;
    double *want = all->values[all->n++];
    cr_assert(tensor_close(t, want, (size_t)socle_numel(t), budget_exact), "%s: %s", path, support_message());
    free(want);
    return 0;
}

Test(snapshot, parameters_and_buffers_come_back_as_often_as_wanted)
{
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_module *m = net();
    copies before = { .n = 0 };
    socle_module_each_param(m, keep_values, &before);
    cr_assert_geq(before.n, 7, "a convolution, a norm with its statistics, a linear layer");
    socle_snapshot *s = socle_module_snapshot(m);
    cr_assert_not_null(s, "%s", socle_error());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(socle_module_each_param(m, spoil, c), 0);
        assert_ok(socle_module_restore(m, s));
    }
    before.n = 0;
    socle_module_each_param(m, compare_values, &before);
    socle_snapshot_free(s);
    socle_snapshot_free(NULL);
    socle_module_free(m);
    socle_ctx_free(c);
}

Test(snapshot, a_snapshot_goes_into_no_other_module)
{
    socle_module *a = net(), *b = net();
    socle_snapshot *s = socle_module_snapshot(a);
    cr_assert_eq(socle_module_restore(b, s), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "restore: the snapshot is of another module than this Sequential");
    socle_append(a, socle_linear_new(d, (socle_linear_desc){ .in = 1, .out = 1 }));
    cr_assert_eq(socle_module_restore(a, s), SOCLE_ERR_ARG, "it has grown since");
    cr_assert_eq(socle_module_restore(NULL, s), SOCLE_ERR_ARG);
    cr_assert_eq(socle_module_restore(a, NULL), SOCLE_ERR_ARG);
    cr_assert_null(socle_module_snapshot(NULL));
    socle_snapshot_free(s);
    socle_module_free(a);
    socle_module_free(b);
}

/* Averages of weights. */
#include "bag.h"
#include <socle/sys/test.h>

static socle_device *d;
static socle_module *m;
static socle_tensor *p, *buffer;
static int64_t live_before;

static const socle_module_type one_type = { .name = "One", .size = sizeof(bag), .forward = bag_forward };

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref64", 1);
    m = socle_module_new(&one_type, d);
    p = socle_module_param(m, "p", socle_shape1(2), socle_init_constant(4));
    buffer = socle_module_buffer(m, "buffer", socle_shape1(1), 8);
}

static void tear_down(void)
{
    socle_module_free(m);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(ema, .init = set_up, .fini = tear_down);

static void set(socle_tensor *t, double x, double y)
{
    assert_ok(socle_write(t, (const double[]){ x, y }, (size_t)socle_numel(t) * sizeof x));
}

Test(ema, parameters_are_averaged_buffers_are_copied_and_both_change_places)
{
    socle_ema *e = socle_ema_new(m, (socle_ema_desc){ .decay = 0.75 });
    set(p, 8, 0);
    set(buffer, 16, 0);
    assert_ok(socle_ema_update(e)); /* 4 + (8 - 4) / 4, 4 - 4 / 4 */
    assert_ok(socle_ema_update(e));
    assert_ok(socle_ema_swap(e));
    cr_assert(socle_ema_swapped(e));
    assert_close(p, ((const double[]){ 5.75, 2.25 }), 2, budget_exact);
    assert_close(buffer, ((const double[]){ 16 }), 1, budget_exact);
    cr_assert_eq(socle_ema_update(e), SOCLE_ERR_STATE);
    assert_ok(socle_ema_swap(e));
    assert_close(p, ((const double[]){ 8, 0 }), 2, budget_exact);
    assert_ok(socle_ema_swap(e));
    assert_close(p, ((const double[]){ 5.75, 2.25 }), 2, budget_exact);
    socle_ema_free(e);
}

Test(ema, buffers_can_be_averaged_and_early_weights_forgotten)
{
    socle_ema *e = socle_ema_new(m, (socle_ema_desc){ .decay = 0.75, .warm = true, .average_buffers = true });
    set(p, 14, 4);
    set(buffer, 18, 0);
    assert_ok(socle_ema_update(e)); /* decay 1/10 */
    assert_ok(socle_ema_swap(e));
    assert_close(p, ((const double[]){ 13, 4 }), 2, (budget){ .absolute = 16 * eps_of(SOCLE_F32) });
    assert_close(buffer, ((const double[]){ 17 }), 1, (budget){ .absolute = 16 * eps_of(SOCLE_F32) });
    socle_ema_free(e);
}

Test(ema, an_exchange_without_memory_moves_nothing)
{
    socle_ema *e = socle_ema_new(m, (socle_ema_desc){ 0 });
    set(p, 1, 2);
    bool failed = true;
    for (int64_t k = 0; failed; k++) {
        socle_test_fail_alloc(k);
        socle_status s = socle_ema_swap(e);
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(s, failed ? SOCLE_ERR_NOMEM : SOCLE_OK);
        cr_assert_eq(socle_ema_swapped(e), !failed);
        const double moved[] = { failed ? 1 : 4, failed ? 2 : 4 };
        assert_close(p, moved, 2, budget_exact);
    }
    socle_ema_free(e);
}

Test(ema, what_cannot_be_made_is_null_with_a_reason)
{
    cr_assert_null(socle_ema_new(m, (socle_ema_desc){ .decay = 1 }));
    cr_assert_str_eq(socle_error(), "ema: a decay of 1 is outside (0, 1)");
    cr_assert_eq(socle_ema_update(NULL), SOCLE_ERR_ARG);
    cr_assert_eq(socle_ema_swap(NULL), SOCLE_ERR_ARG);
    cr_assert(!socle_ema_swapped(NULL));
    socle_ema_free(NULL);
}

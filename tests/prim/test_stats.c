/* Slot counters: who ran, who was composed, and what a backend that refuses or lacks a slot gets instead. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include "support/support.h"

static socle_slot_stat stat_of(const socle_device *d, const char *name)
{
    socle_slot_stat all[64] = { 0 };
    size_t n = socle_prim_stats(d, all, 64);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i];
    cr_assert(false, "there is no slot %s", name);
    return all[0];
}

static void one_softmax(socle_device *d)
{
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape2(2, 2), (const double[]){ 0, 0, 1, 1 });
    assert_ok(socle_prim_softmax(x, x, 1, false));
    assert_close(x, ((const double[]){ 0.5, 0.5, 0.5, 0.5 }), 4, budget_exact);
    socle_release(x);
}

Test(stats, a_fresh_device_has_counted_nothing)
{
    socle_device *d = open_device("ref", 0);
    socle_slot_stat few[2] = { 0 };
    cr_assert(socle_prim_stats(d, NULL, 0) > 20);
    cr_assert(socle_prim_stats(d, few, 2) > 20);
    cr_assert_str_eq(few[0].name, "fill");
    cr_assert_eq(few[0].slot + few[1].slot, 0);
    socle_device_close(d);
}

Test(stats, a_slot_that_runs_is_counted_as_one)
{
    socle_device *d = open_device("ref", 0);
    one_softmax(d);
    one_softmax(d);
    cr_assert_eq(stat_of(d, "softmax").slot, 2);
    cr_assert_eq(stat_of(d, "softmax").composed, 0);
    cr_assert_eq(stat_of(d, "reduce").slot, 0);
    socle_device_close(d);
}

Test(stats, compose_only_counts_a_composition_and_the_slots_it_used)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ .compose_only = true });
    one_softmax(d);
    cr_assert_eq(stat_of(d, "softmax").slot, 0);
    cr_assert_eq(stat_of(d, "softmax").composed, 1);
    cr_assert_eq(stat_of(d, "reduce").slot, 2); /* the largest, the sum */
    socle_device_close(d);
}

Test(stats, empty_tensors_are_answered_without_the_device)
{
    socle_device *d = open_device("ref", 0);
    socle_tensor *x = socle_tensor_new(d, SOCLE_F32, socle_shape2(0, 3));
    assert_ok(socle_prim_softmax(x, x, 1, false));
    assert_ok(socle_prim_fill(x, 1));
    cr_assert_eq(stat_of(d, "softmax").slot + stat_of(d, "softmax").composed + stat_of(d, "fill").slot, 0);
    socle_release(x);
    socle_device_close(d);
}

/* ---- a backend of one's own: the reference, but for softmax ---- */

static int asked;

static socle_status refuse(void *self, socle_out y, socle_in x, int axis, bool log)
{
    (void)self, (void)y, (void)x, (void)axis, (void)log;
    asked++;
    return socle_fail(SOCLE_ERR_UNSUPPORTED, "softmax: not here");
}

static socle_status break_down(void *self, socle_out y, socle_in x, int axis, bool log)
{
    (void)self, (void)y, (void)x, (void)axis, (void)log;
    return socle_fail(SOCLE_ERR_DEVICE, "softmax: it burns");
}

static socle_device *open_changed(socle_backend *b, const char *name)
{
    socle_device *ref = open_device("ref", 0);
    socle_backend changed = *socle_device_backend(ref);
    changed.name = name;
    changed.size = b->size ? b->size : changed.size;
    changed.softmax = b->softmax;
    *b = changed;
    socle_device_close(ref);
    assert_ok(socle_backend_register(b));
    return open_device(name, 0);
}

Test(stats, a_slot_that_refuses_is_replaced_by_its_composition)
{
    static socle_backend b = { .softmax = refuse };
    socle_device *d = open_changed(&b, "refuser");
    one_softmax(d);
    cr_assert_eq(asked, 1);
    cr_assert_eq(stat_of(d, "softmax").slot, 0);
    cr_assert_eq(stat_of(d, "softmax").composed, 1);
    socle_device_close(d);
}

Test(stats, a_slot_that_is_missing_is_replaced_by_its_composition)
{
    static socle_backend b = { .softmax = NULL };
    socle_device *d = open_changed(&b, "lacking");
    one_softmax(d);
    cr_assert_eq(stat_of(d, "softmax").composed, 1);
    socle_device_close(d);
}

Test(stats, a_table_from_an_older_header_ends_before_the_slot)
{
    static socle_backend b = { .size = offsetof(socle_backend, softmax), .softmax = break_down };
    socle_device *d = open_changed(&b, "older");
    one_softmax(d);
    cr_assert_eq(stat_of(d, "softmax").composed, 1);
    socle_device_close(d);
}

Test(stats, a_slot_that_fails_is_not_covered_up_by_its_composition)
{
    static socle_backend b = { .softmax = break_down };
    socle_device *d = open_changed(&b, "burning");
    socle_tensor *x = tensor_of(d, SOCLE_F32, socle_shape2(1, 2), (const double[]){ 0, 0 });
    cr_assert_eq(socle_prim_softmax(x, x, 1, false), SOCLE_ERR_DEVICE);
    cr_assert_str_eq(socle_error(), "softmax: it burns");
    cr_assert_eq(stat_of(d, "softmax").composed, 0);
    socle_release(x);
    socle_device_close(d);
}

/* ---- the log ---- */

typedef struct heard {
    int softmax, fill;
} heard;

static void listen(void *user, socle_log_level level, const char *text)
{
    heard *h = user;
    if (level != SOCLE_LOG_INFO)
        return;
    h->softmax += strstr(text, "softmax") && strstr(text, "3") && strstr(text, "ref");
    h->fill += strstr(text, "fill") != NULL;
}

Test(stats, closing_the_device_tells_what_ran)
{
    heard h = { 0, 0 };
    socle_set_log(listen, &h);
    socle_device *d = open_device("ref", 0);
    for (int i = 0; i < 3; i++)
        one_softmax(d);
    cr_assert_eq(h.softmax, 0);
    socle_device_close(d);
    socle_set_log(NULL, NULL);
    cr_assert_eq(h.softmax, 1);
    cr_assert_eq(h.fill, 0, "what never ran is not worth a line");
}

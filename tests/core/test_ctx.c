/* Scopes, sticky status, modes, the random stream, and when the tape is told to go. Results are handed to the ctx
 * by ctx_own, as ops do. */
#include <criterion/criterion.h>
#include "core/alloc.h"
#include "core/ctx.h"
#include "core/error.h"
#include "core/tensor.h"

static socle_device *d;
static socle_ctx *c;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = socle_device_open("ref", (socle_device_desc){ .threads = 1 });
    c = socle_ctx_new(d, 7);
    cr_assert_not_null(c);
}

static void tear_down(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), live_before);
}

TestSuite(ctx, .init = set_up, .fini = tear_down);

static socle_tensor *result(void)
{
    return ctx_own(c, socle_tensor_new(d, SOCLE_F32, socle_shape1(3)));
}

Test(ctx, a_scope_releases_what_was_made_in_it)
{
    socle_tensor *outside = result();
    int64_t live = socle_test_live_blocks();
    socle_scope s = socle_scope_begin(c);
    for (int i = 0; i < 5; i++)
        result();
    cr_assert_gt(socle_test_live_blocks(), live);
    cr_assert_null(socle_scope_end(c, s, NULL));
    cr_assert_eq(socle_test_live_blocks(), live);
    cr_assert_eq(socle_numel(outside), 3);
}

Test(ctx, a_kept_result_moves_to_the_enclosing_scope)
{
    int64_t live = socle_test_live_blocks();
    socle_scope outer = socle_scope_begin(c);
    result();
    socle_scope inner = socle_scope_begin(c);
    result();
    socle_tensor *y = result();
    result();
    int64_t four = socle_test_live_blocks();
    cr_assert_eq(socle_scope_end(c, inner, y), y);
    cr_assert_eq(c->n_owned, 2);
    cr_assert_eq(c->owned[1], y);
    cr_assert_lt(socle_test_live_blocks(), four);
    cr_assert_eq(socle_numel(y), 3);
    socle_scope_end(c, outer, NULL);
    cr_assert_leq(socle_test_live_blocks(), live + 1); /* the list itself */
    cr_assert_eq(c->n_owned, 0);
}

Test(ctx, keeping_what_the_scope_does_not_own_changes_nothing)
{
    socle_tensor *mine = socle_tensor_new(d, SOCLE_F32, socle_shape1(1));
    socle_tensor *outside = result();
    socle_scope s = socle_scope_begin(c);
    result();
    cr_assert_eq(socle_scope_end(c, s, outside), outside);
    cr_assert_eq(c->n_owned, 1);
    s = socle_scope_begin(c);
    cr_assert_eq(socle_scope_end(c, s, mine), mine);
    cr_assert_eq(c->n_owned, 1);
    socle_release(mine);
}

Test(ctx, a_result_owned_twice_is_kept_once)
{
    socle_scope s = socle_scope_begin(c);
    result();
    socle_tensor *y = result();
    ctx_own(c, socle_retain(y));
    socle_scope_end(c, s, y);
    cr_assert_eq(c->n_owned, 1);
    cr_assert(tensor_is_sole_owner(y));
}

Test(ctx, a_retained_result_outlives_scope_ctx_and_device)
{
    socle_scope s = socle_scope_begin(c);
    socle_tensor *y = socle_retain(result());
    socle_scope_end(c, s, NULL);
    socle_ctx_free(c);
    socle_device_close(d);
    float host[3] = { 1, 2, 3 };
    cr_assert_eq(socle_write(y, host, sizeof host), SOCLE_OK);
    socle_release(y);
    cr_assert_eq(socle_test_live_blocks(), live_before);
    set_up();
}

Test(ctx, the_list_grows_past_any_number_of_results)
{
    socle_scope s = socle_scope_begin(c);
    socle_tensor *first = result();
    for (int i = 0; i < 1000; i++)
        cr_assert_not_null(result());
    cr_assert_eq(socle_numel(first), 3);
    socle_scope_end(c, s, first);
    cr_assert_eq(c->n_owned, 1);
}

/* ---- status ---- */

Test(ctx, the_first_failure_sticks_until_clear)
{
    cr_assert_eq(socle_ctx_status(c), SOCLE_OK);
    cr_assert_eq(socle_ctx_fail(c, SOCLE_OK), SOCLE_OK);
    cr_assert_eq(socle_ctx_fail(c, SOCLE_ERR_SHAPE), SOCLE_ERR_SHAPE);
    cr_assert_eq(socle_ctx_fail(c, SOCLE_ERR_IO), SOCLE_ERR_SHAPE);
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_SHAPE);
    result();
    socle_ctx_clear(c);
    cr_assert_eq(socle_ctx_status(c), SOCLE_OK);
    cr_assert_eq(c->n_owned, 0);
}

Test(ctx, a_missing_result_fails_the_ctx_with_the_cause)
{
    cr_assert_null(ctx_own(c, socle_tensor_new(d, SOCLE_F32, socle_shape1(-2))));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_SHAPE);
}

Test(ctx, a_result_is_released_when_the_list_cannot_grow)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, socle_shape1(1));
    int64_t live = socle_test_live_blocks();
    socle_test_fail_alloc(0);
    cr_assert_null(ctx_own(c, t));
    cr_assert(socle_test_alloc_failed());
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_NOMEM);
    cr_assert_lt(socle_test_live_blocks(), live);
}

Test(ctx, no_ctx_is_a_ctx_that_failed)
{
    (void)socle_fail(SOCLE_ERR_DEVICE, "no such device");
    cr_assert_null(socle_ctx_new(NULL, 0));
    cr_assert_eq(socle_ctx_status(NULL), SOCLE_ERR_DEVICE);
    cr_assert_str_eq(socle_error(), "no such device");
    cr_assert(!socle_ctx_training(NULL));
    socle_scope s = socle_scope_begin(NULL);
    cr_assert_null(socle_scope_end(NULL, s, NULL));
    socle_ctx_clear(NULL);
    socle_ctx_free(NULL);
}

/* ---- modes and random numbers ---- */

Test(ctx, setters_return_what_was_there)
{
    cr_assert(socle_ctx_training(c) && socle_ctx_grad(c));
    cr_assert(socle_ctx_set_training(c, false));
    cr_assert(!socle_ctx_set_training(c, true));
    cr_assert(socle_ctx_set_grad(c, false));
    cr_assert(!socle_ctx_grad(c));
    cr_assert(socle_ctx_training(c));
}

Test(ctx, draws_do_not_overlap_and_can_be_repeated)
{
    uint64_t start = socle_ctx_random_counter(c);
    socle_philox a = socle_ctx_draw(c, 1), b = socle_ctx_draw(c, 9), e = socle_ctx_draw(c, 4);
    cr_assert_eq(b.counter - a.counter, 1);
    cr_assert_eq(e.counter - b.counter, 3); /* blocks of 4 words */
    cr_assert_eq(socle_ctx_random_counter(c) - e.counter, 1);
    socle_ctx_set_random_counter(c, start);
    socle_philox again = socle_ctx_draw(c, 1);
    cr_assert(again.key == a.key && again.counter == a.counter);

    socle_ctx *other = socle_ctx_new(d, 8);
    cr_assert_neq(socle_ctx_draw(other, 1).key, a.key);
    socle_ctx_free(other);
}

/* ---- the tape ---- */

static int cleared, freed;
static void count_clear(struct tape *t)
{
    (void)t;
    cleared++;
}
static void count_free(struct tape *t)
{
    (void)t;
    freed++;
}

static void hang_tape(void)
{
    static int any;
    c->tape = (struct tape *)(void *)&any;
    c->tape_clear = count_clear;
    c->tape_free = count_free;
}

Test(ctx, the_end_of_the_outermost_scope_clears_the_tape)
{
    hang_tape();
    socle_scope outer = socle_scope_begin(c);
    socle_scope inner = socle_scope_begin(c);
    socle_scope_end(c, inner, NULL);
    cr_assert_eq(cleared, 0);
    socle_scope_end(c, outer, NULL);
    cr_assert_eq(cleared, 1);
    socle_ctx_clear(c);
    cr_assert_eq(cleared, 2);
    socle_ctx_free(c);
    cr_assert_eq(freed, 1);
    c = NULL;
}

Test(ctx, an_outer_end_closes_scopes_that_were_left_open)
{
    hang_tape();
    socle_scope outer = socle_scope_begin(c);
    result();
    (void)socle_scope_begin(c);
    (void)socle_scope_begin(c);
    result();
    socle_scope_end(c, outer, NULL);
    cr_assert_eq(c->n_owned, 0);
    cr_assert_eq(cleared, 1);
    socle_scope next = socle_scope_begin(c);
    cr_assert_eq(cleared, 1);
    socle_scope_end(c, next, NULL);
    cr_assert_eq(cleared, 2);
}

Test(ctx, ends_after_a_clear_do_no_harm)
{
    socle_scope outer = socle_scope_begin(c);
    result();
    socle_scope inner = socle_scope_begin(c);
    result();
    socle_ctx_clear(c);
    socle_scope_end(c, inner, NULL);
    result();
    socle_scope_end(c, outer, NULL);
    cr_assert_eq(c->n_owned, 0);
}

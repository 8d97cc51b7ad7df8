/* A batch to look at: the one that a fit will begin with, transformed, without a trace. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/sys/test.h>
#include "tiny.h"

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} setup;

static setup set_up(size_t n_train)
{
    setup s = { .d = socle_device_open("ref", (socle_device_desc){ 0 }) };
    s.data = tiny_data(s.d, n_train, 8);
    s.l = tiny_learner(s.d, s.data);
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

enum { NUMBERS = 4 * TINY_IN };

static socle_flow keep_first(socle_learner *l, void *user)
{
    if (l->batch_index == 0 && l->training)
        cr_assert_eq(socle_read(l->batch.x, user, NUMBERS * sizeof(float)), SOCLE_OK);
    return 0;
}

Test(rehearsal, the_batch_is_what_a_fit_begins_with)
{
    setup s = set_up(16);
    float seen[NUMBERS], got[NUMBERS];
    socle_learner_add(s.l, socle_cb_normalize(0.5, 0.25));
    socle_tensor *x = socle_learner_batch(s.l);
    cr_assert_not_null(x, "%s", socle_error());
    cr_assert(socle_shape_equal(socle_shape_of(x), socle_shape2(4, TINY_IN)));
    cr_assert_eq(socle_read(x, got, sizeof got), SOCLE_OK);
    socle_release(x);
    cr_assert_eq(s.l->epochs_done, 0);
    socle_learner_add(s.l,
                      (socle_callback){ .name = "keep", .order = 5, .user = seen, .after_predict = keep_first });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(memcmp(seen, got, sizeof seen), 0);
    cr_assert_eq(socle_learner_remove(s.l, "take batch"), 0);
    tear_down(s);
}

static socle_flow count(socle_learner *l, void *user)
{
    (void)l;
    ++*(int *)user;
    return 0;
}

Test(rehearsal, a_dry_learner_still_shows_its_batch_finds_rates_and_predicts)
{
    setup s = set_up(16);
    cr_assert_eq(socle_learner_set_dry(s.l, true), SOCLE_OK);
    socle_tensor *x = socle_learner_batch(s.l);
    cr_assert_not_null(x, "%s", socle_error());
    socle_release(x);
    socle_lr_curve curve;
    cr_assert_eq(socle_lr_find(s.l, (socle_lr_find_desc){ .max_iter = 5 }, &curve), SOCLE_OK, "%s", socle_error());
    cr_assert_gt(curve.n, 1u);
    socle_lr_curve_free(&curve);
    socle_predictions p;
    cr_assert_eq(socle_predict(s.l, (socle_predict_desc){ 0 }, &p), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(p.n, 8u);
    socle_predictions_free(&p);
    int steps = 0;
    socle_learner_add(s.l, (socle_callback){ .name = "count", .user = &steps, .before_batch = count });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(steps, 0, "it is dry again");
    tear_down(s);
}

static socle_flow ask_inside(socle_learner *l, void *user)
{
    *(socle_status *)user = socle_learner_batch(l) == NULL ? socle_error_status() : SOCLE_OK;
    return 0;
}

static socle_flow refuse(socle_learner *l, void *user)
{
    (void)l, (void)user;
    return (socle_flow)socle_fail(SOCLE_ERR_USER, "not this one");
}

Test(rehearsal, without_a_batch_there_is_a_reason)
{
    setup s = set_up(0);
    cr_assert_null(socle_learner_batch(s.l));
    cr_assert_str_eq(socle_error(), "fit: there is no sample in the training data");
    tear_down(s);

    s = set_up(8);
    socle_status inside = SOCLE_OK;
    socle_learner_add(s.l, (socle_callback){ .name = "ask", .user = &inside, .before_fit = ask_inside });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(inside, SOCLE_ERR_STATE);
    socle_learner_remove(s.l, "ask");
    socle_learner_add(s.l, (socle_callback){ .name = "refuse", .before_batch = refuse });
    cr_assert_null(socle_learner_batch(s.l));
    cr_assert_str_eq(socle_error(), "not this one");
    tear_down(s);
    cr_assert_null(socle_learner_batch(NULL));
}

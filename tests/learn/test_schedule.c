/* Hyper-parameters that follow a schedule, and the fits that are made of one. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/sys/test.h>
#include "tiny.h"

enum { STEPS = 40 };

/* What each training batch ran under. */
typedef struct record {
    size_t n;
    double lr[STEPS], mom[STEPS], other[STEPS]; /* other: the last group's rate */
} record;

static socle_flow note(socle_learner *l, void *user)
{
    record *seen = user;
    if (!l->training)
        return 0;
    cr_assert_lt(seen->n, STEPS);
    seen->lr[seen->n] = (double)socle_hyper_get(l->opt, 0, SOCLE_LR);
    seen->mom[seen->n] = (double)socle_hyper_get(l->opt, 0, SOCLE_MOM);
    seen->other[seen->n++] = (double)socle_hyper_get(l->opt, socle_optimizer_groups(l->opt) - 1, SOCLE_LR);
    return 0;
}

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
    record seen;
} setup;

/* 5 batches an epoch, the last of one sample. */
static void set_up(setup *s)
{
    *s = (setup){ .d = socle_device_open("ref64", (socle_device_desc){ 0 }) };
    s->data = tiny_data(s->d, 17, 8);
    s->l = tiny_learner(s->d, s->data);
    cr_assert_not_null(s->l, "%s", socle_error());
    socle_learner_add(s->l, (socle_callback){ .name = "log", .user = &s->seen, .after_step = note });
}

static void tear_down_with(setup *s, socle_recorder *r)
{
    socle_learner_free(s->l);
    socle_recorder_free(r);
    socle_data_free(s->data);
    socle_device_close(s->d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

static void tear_down(setup *s)
{
    tear_down_with(s, NULL);
}

static int weights_apart(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)path, (void)owner, (void)user;
    return socle_shape_of(p).ndim > 1;
}

static void two_groups(socle_learner *l)
{
    socle_optimizer_free(l->opt);
    l->opt = socle_optimizer_new(socle_momentum(), l->model, weights_apart, NULL);
    cr_assert_not_null(l->opt);
}

Test(schedule, a_batch_runs_under_the_value_of_its_own_position)
{
    setup s;
    set_up(&s);
    const socle_phase p[] = { { .share = 0.5, .from = 0, .to = 1 }, { .share = 0.5, .from = 1, .to = 0 } };
    socle_learner_add(s.l, socle_cb_schedule((socle_schedule_desc){ .phase = p, .n = 2 }));
    cr_assert_eq(socle_fit(s.l, 2, 7), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(s.seen.n, 10);
    for (int i = 0; i < 10; i++)
        cr_assert_float_eq(s.seen.lr[i], i <= 5 ? 0.2 * i : 2 - 0.2 * i, 1e-6, "batch %d: %g", i, s.seen.lr[i]);
    tear_down(&s);
}

Test(schedule, any_hyper_by_name_of_one_group_up_to_the_end_or_by_epochs)
{
    setup s;
    set_up(&s);
    two_groups(s.l);
    const socle_phase rise = { .share = 1, .from = 0.5, .to = 0.9 }, fall = { .share = 1, .from = 3, .to = 1 };
    socle_learner_add(s.l, socle_cb_schedule((socle_schedule_desc){
                               .hyper_name = "mom", .phase = &rise, .n = 1, .closed = true }));
    socle_learner_add(s.l, socle_cb_schedule((socle_schedule_desc){
                               .phase = &fall, .n = 1, .one_group = true, .group = 1, .per_epoch = true }));
    cr_assert_eq(socle_fit(s.l, 2, 0.125), SOCLE_OK, "%s", socle_error());
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(s.seen.lr[i], 0.125);
        cr_assert_float_eq(s.seen.mom[i], 0.5 + 0.4 * i / 9, 1e-6);
        cr_assert_float_eq(s.seen.other[i], i < 5 ? 3 : 2, 1e-6);
    }
    tear_down(&s);
}

Test(schedule, what_cannot_be_followed_fails_the_fit_with_its_reason)
{
    const socle_phase half = { .share = 0.5, .from = 1, .to = 2 }, whole = { .share = 1, .from = 1, .to = 2 };
    const socle_schedule_desc bad[] = { { .phase = &half, .n = 1 },
                                        { .hyper_name = "rate", .phase = &whole, .n = 1 },
                                        { .hyper = SOCLE_HYPER_MAX, .phase = &whole, .n = 1 },
                                        { .phase = &whole, .n = 1, .one_group = true, .group = 1 } };
    const char *const why[] = { "schedule: the shares of 1 phases sum to 0.5, not to 1",
                                "schedule: there is no hyper-parameter called rate",
                                "schedule: there is no hyper-parameter 24",
                                "hyper_set: there is no hyper 0 of group 1, of 1 groups" };
    for (int i = 0; i < 4; i++) {
        setup s;
        set_up(&s);
        socle_learner_add(s.l, socle_cb_schedule(bad[i]));
        cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
        cr_assert_str_eq(socle_error(), why[i]);
        tear_down(&s);
    }
}

/* 20 steps: torch.optim.lr_scheduler.OneCycleLR(max_lr=0.5, total_steps=20). */
Test(schedule, a_one_cycle_fit_runs_every_batch_under_pytorchs_numbers_and_puts_back_what_was)
{
    setup s;
    set_up(&s);
    two_groups(s.l);
    cr_assert_eq(socle_hyper_set(s.l->opt, -1, SOCLE_LR, 0.25f), SOCLE_OK);
    cr_assert_eq(socle_fit_one_cycle(s.l, 4, 0.5), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(s.seen.n, 20);
    for (int i = 0; i < 20; i++) {
        const double pi = 3.14159265358979323846, top = 0.3 * 20 - 1;
        double t = i <= top ? i / top : (i - top) / (19 - top);
        double from = i <= top ? 0.02 : 0.5, to = i <= top ? 0.5 : 2e-6;
        double start = i <= top ? 0.95 : 0.85, end = i <= top ? 0.85 : 0.95;
        cr_assert_float_eq(s.seen.lr[i], to + (from - to) / 2 * (1 + cos(pi * t)), 1e-7, "batch %d", i);
        cr_assert_float_eq(s.seen.mom[i], end + (start - end) / 2 * (1 + cos(pi * t)), 1e-7, "batch %d", i);
        cr_assert_eq(s.seen.other[i], s.seen.lr[i]);
    }
    cr_assert_eq(socle_hyper_get(s.l->opt, 1, SOCLE_LR), 0.25f);
    cr_assert_eq(socle_hyper_get(s.l->opt, 0, SOCLE_MOM), 0.9f);
    cr_assert_eq(socle_fit(s.l, 1, 0.0625), SOCLE_OK);
    cr_assert_eq(s.seen.lr[24], 0.0625, "the schedule is gone");
    tear_down(&s);
}

Test(schedule, groups_can_have_peaks_of_their_own)
{
    setup s;
    set_up(&s);
    two_groups(s.l);
    const double peaks[] = { 0.5, 0.05 };
    socle_one_cycle_desc o = { .epochs = 2, .group_lr = peaks, .div = 10, .div_final = 100, .keep_mom = true };
    cr_assert_eq(socle_fit_one_cycle_with(s.l, o), SOCLE_OK, "%s", socle_error());
    for (int i = 0; i < 10; i++) {
        cr_assert_float_eq(s.seen.other[i], s.seen.lr[i] / 10, 1e-8);
        cr_assert_eq(s.seen.mom[i], (double)0.9f);
    }
    cr_assert_float_eq(s.seen.lr[0], 0.05, 1e-8);
    cr_assert_float_eq(s.seen.lr[9], 0.0005, 1e-8);
    tear_down(&s);
}

Test(schedule, flat_then_cosine_over_a_fit)
{
    setup s;
    set_up(&s);
    cr_assert_eq(socle_fit_flat_cos(s.l, 4, 0.5), SOCLE_OK, "%s", socle_error());
    for (int i = 0; i < 20; i++) {
        double t = i < 15 ? 0 : (i - 15) / 5.0;
        cr_assert_float_eq(s.seen.lr[i], 0.25 * (1 + cos(3.14159265358979323846 * t)), 1e-7, "batch %d", i);
    }
    tear_down(&s);
}

Test(schedule, the_recorder_keeps_what_each_batch_ran_under_for_every_group)
{
    setup s;
    set_up(&s);
    two_groups(s.l);
    socle_recorder *r = socle_recorder_new();
    cr_assert_eq(socle_recorder_track(r, SOCLE_LR), SOCLE_OK);
    cr_assert_eq(socle_recorder_track(r, SOCLE_MOM), SOCLE_OK);
    cr_assert_eq(socle_recorder_track(r, SOCLE_LR), SOCLE_OK);
    cr_assert_eq(socle_recorder_track(r, SOCLE_HYPER_MAX), SOCLE_ERR_ARG);
    socle_learner_add(s.l, socle_cb_recorder(r));
    const double peaks[] = { 0.5, 0.25 };
    cr_assert_eq(socle_fit_one_cycle_with(s.l, (socle_one_cycle_desc){ .epochs = 2, .group_lr = peaks }), SOCLE_OK);
    const float *lr, *other, *mom;
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_LR, 0, &lr), 10);
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_LR, 1, &other), 10);
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_MOM, 1, &mom), 10);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(lr[i], s.seen.lr[i]);
        cr_assert_eq(other[i], s.seen.other[i]);
        cr_assert_eq(mom[i], s.seen.mom[i]);
    }
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_LR, 2, &lr), 0);
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_WD, 0, &lr), 0);
    tear_down_with(&s, r);
}

Test(schedule, policies_without_a_sensible_rate_are_refused)
{
    setup s;
    set_up(&s);
    cr_assert_eq(socle_fit_one_cycle(s.l, 1, 0), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "fit_one_cycle: a learning rate of 0");
    cr_assert_eq(socle_fit_one_cycle(s.l, 0, 1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_fit_flat_cos(s.l, 1, -1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_fit_one_cycle(NULL, 1, 1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_fit_one_cycle_with(s.l, (socle_one_cycle_desc){ .epochs = 1, .max_lr = 1, .pct_start = 2 }),
                 SOCLE_ERR_ARG);
    cr_assert_eq(s.seen.n, 0);
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_OK, "nothing is left behind: %s", socle_error());
    tear_down(&s);
}

/* ---- dry runs ---- */

typedef struct shadow {
    int calls;
    socle_status inside;
} shadow;

static socle_flow not_dry(socle_learner *l, void *user)
{
    shadow *s = user;
    s->calls++;
    s->inside = socle_learner_set_dry(l, true);
    return 0;
}

Test(schedule, a_dry_run_records_what_the_fit_will_use_and_leaves_no_trace)
{
    setup s;
    set_up(&s);
    two_groups(s.l);
    cr_assert_eq(socle_hyper_set(s.l->opt, 1, SOCLE_LR, 0.125f), SOCLE_OK);
    shadow seen = { 0 };
    socle_learner_add(s.l, (socle_callback){ .name = "shadow", .user = &seen, .before_batch = not_dry });
    socle_recorder *r = socle_recorder_new();
    cr_assert_eq(socle_recorder_track(r, SOCLE_LR), SOCLE_OK);
    cr_assert_eq(socle_recorder_track(r, SOCLE_MOM), SOCLE_OK);
    socle_learner_add(s.l, socle_cb_recorder(r));
    const double peaks[] = { 0.5, 0.25 };
    const socle_one_cycle_desc o = { .epochs = 2, .group_lr = peaks };

    cr_assert_eq(socle_learner_set_dry(NULL, true), SOCLE_ERR_ARG);
    cr_assert_eq(socle_learner_set_dry(s.l, true), SOCLE_OK);
    cr_assert_eq(socle_fit_one_cycle_with(s.l, o), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_fit(s.l, 1, 3), SOCLE_OK);
    cr_assert_eq(seen.calls, 0);
    cr_assert_eq(s.seen.n, 0, "no step was made");
    cr_assert_eq(s.l->epochs_done, 0);
    cr_assert_eq(socle_hyper_get(s.l->opt, 1, SOCLE_LR), 0.125f);

    cr_assert_eq(socle_learner_set_dry(s.l, false), SOCLE_OK);
    cr_assert_eq(socle_fit_one_cycle_with(s.l, o), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(seen.inside, SOCLE_ERR_STATE);
    const float *lr, *other, *mom, *loss;
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_LR, 0, &lr), 25, "10 dry ones, 5 of a constant rate, 10 real ones");
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_LR, 1, &other), 25);
    cr_assert_eq(socle_recorder_hyper(r, SOCLE_MOM, 0, &mom), 25);
    cr_assert_eq(socle_recorder_losses(r, &loss), 10);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(lr[i], s.seen.lr[i], "step %d", i);
        cr_assert_eq(other[i], s.seen.other[i]);
        cr_assert_eq(mom[i], s.seen.mom[i]);
    }
    cr_assert_eq(lr[12], 3.0f);
    tear_down_with(&s, r);
}

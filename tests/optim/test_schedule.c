/* Schedules: their values, where phases meet, and the policies made of them. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/schedule.h>

static void assert_near(double is, double wanted, double relative)
{
    cr_assert(fabs(is - wanted) <= relative * fabs(wanted), "%.12g, not %.12g", is, wanted);
}

Test(schedule, each_way_starts_and_ends_where_it_was_told)
{
    const socle_anneal ways[] = { socle_anneal_lin, socle_anneal_cos, socle_anneal_exp, socle_anneal_poly };
    for (int i = 0; i < 4; i++) {
        assert_near(ways[i](0.3, 0.6, 0, 2), 0.3, 1e-15);
        assert_near(ways[i](0.3, 0.6, 1, 2), 0.6, 1e-15);
    }
    assert_near(socle_anneal_lin(2, 4, 0.25, 0), 2.5, 1e-15);
    assert_near(socle_anneal_cos(2, 4, 0.5, 0), 3, 1e-15);
    assert_near(socle_anneal_exp(1e-3, 10, 0.25, 0), 1e-2, 1e-14);
    assert_near(socle_anneal_poly(4, 0, 0.25, 2), 4 * 0.75 * 0.75, 1e-15);
    assert_near(socle_anneal_constant(4, 0, 0.25, 2), 4, 0);
}

/* The course's example: 30% cosine from 0.3 to 0.6, 70% cosine from 0.6 to 0.2. */
Test(schedule, phases_are_laid_end_to_end_and_one_is_the_last_ones_end)
{
    const socle_phase p[] = { { 0.3, 0.3, 0.6, socle_anneal_cos, 0 }, { 0.7, 0.6, 0.2, socle_anneal_cos, 0 } };
    assert_near(socle_schedule_at(p, 2, 0), 0.3, 1e-15);
    assert_near(socle_schedule_at(p, 2, 0.15), 0.45, 1e-15);
    assert_near(socle_schedule_at(p, 2, 0.3), 0.6, 1e-15);
    assert_near(socle_schedule_at(p, 2, 0.65), 0.4, 1e-14);
    cr_assert_eq(socle_schedule_at(p, 2, 1), 0.2);
    cr_assert_eq(socle_schedule_at(p, 2, 7), 0.2);
    cr_assert_eq(socle_schedule_at(p, 2, -1), 0.3);
    cr_assert(isnan(socle_schedule_at(p, 0, 0.5)));
}

Test(schedule, shares_that_are_rounded_still_end_at_the_end)
{
    socle_phase p[10];
    for (int i = 0; i < 10; i++)
        p[i] = (socle_phase){ .share = 0.1f, .from = i, .to = i + 1 }; /* a float's tenth */
    cr_assert_eq(socle_schedule_check(p, 10), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_schedule_at(p, 10, 1), 10);
}

Test(schedule, what_is_no_schedule_is_named)
{
    const socle_phase half = { .share = 0.5, .from = 1, .to = 2 };
    cr_assert_eq(socle_schedule_check(&half, 1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "schedule: the shares of 1 phases sum to 0.5, not to 1");
    cr_assert_eq(socle_schedule_check(NULL, 1), SOCLE_ERR_ARG);
    const socle_phase zero[] = { half, { .share = 0.5, .from = 0, .to = 2, .f = socle_anneal_exp } };
    cr_assert_eq(socle_schedule_check(zero, 2), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "schedule: phase 1 cannot go in equal factors from 0 to 2");
    const socle_phase nan = { .share = 1, .from = (double)NAN, .to = 1 };
    cr_assert_eq(socle_schedule_check(&nan, 1), SOCLE_ERR_ARG);
}

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=1e-2, total_steps=295), numbers to ten digits. */
Test(schedule, one_cycle_is_pytorchs_at_every_step)
{
    static const struct {
        size_t step;
        double lr, mom;
    } golden[] = {
        { 0, 4e-4, 0.95 },
        { 1, 4.030934865e-4, 0.9499677762 },
        { 44, 5.243084121e-3, 0.8995512071 },
        { 88, 9.999855344e-3, 0.8500014466 },
        { 150, 7.904985156e-3, 0.8709502322 },
        { 250, 1.079049728e-3, 0.9392098596 },
        { 294, 4e-8, 0.95 },
    };
    socle_phase lr[SOCLE_ONE_CYCLE_PHASES], mom[SOCLE_ONE_CYCLE_PHASES];
    socle_schedule_one_cycle(lr, 295, 0.3, 1e-2 / 25, 1e-2, 1e-2 / 25 / 1e4);
    socle_schedule_one_cycle(mom, 295, 0.3, 0.95, 0.85, 0.95);
    double rates[295], momenta[295];
    socle_schedule_values(lr, 2, true, 295, rates);
    socle_schedule_values(mom, 2, true, 295, momenta);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        assert_near(rates[golden[i].step], golden[i].lr, 5e-10);
        assert_near(momenta[golden[i].step], golden[i].mom, 5e-10);
    }
}

Test(schedule, one_cycle_of_hardly_any_steps_is_a_schedule)
{
    for (size_t steps = 1; steps < 6; steps++) {
        socle_phase p[SOCLE_ONE_CYCLE_PHASES];
        socle_schedule_one_cycle(p, steps, 0.3, 1, 2, 0.5);
        cr_assert_eq(socle_schedule_check(p, 2), SOCLE_OK, "%s", socle_error());
        double value[6];
        socle_schedule_values(p, 2, true, steps, value);
        cr_assert(steps == 1 || value[steps - 1] == 0.5);
    }
}

Test(schedule, flat_then_cosine)
{
    socle_phase p[SOCLE_FLAT_COS_PHASES];
    socle_schedule_flat_cos(p, 0.75, 0.1, 0);
    assert_near(socle_schedule_at(p, 2, 0.7), 0.1, 0);
    assert_near(socle_schedule_at(p, 2, 0.875), 0.05, 1e-14);
    cr_assert_eq(socle_schedule_at(p, 2, 1), 0);
}

/* CosineAnnealingWarmRestarts(T_0=2, T_mult=2) for 14 steps: eta_min + (base - eta_min)(1 + cos(pi t / T)) / 2. */
Test(schedule, warm_restarts_start_again_at_the_step_that_begins_a_cycle)
{
    socle_phase p[3];
    cr_assert_eq(socle_schedule_cos_restarts(p, 3, 2, 1, 0), 3);
    double value[14];
    socle_schedule_values(p, 3, false, 14, value);
    for (int i = 0, t = 0, length = 2; i < 14; i++, t++) {
        if (t == length) {
            t = 0;
            length *= 2;
        }
        double wanted = (1 + cos(3.14159265358979323846 * t / length)) / 2;
        cr_assert(fabs(value[i] - wanted) < 1e-12, "step %d: %g, not %g", i, value[i], wanted);
    }
    cr_assert_eq(socle_schedule_cos_restarts(p, 0, 2, 1, 0), 0);
    cr_assert_eq(socle_schedule_cos_restarts(p, 3, -2, 1, 0), 0);
}

/* StepLR(step_size=10, gamma=0.1) for 30 steps. */
Test(schedule, a_step_takes_effect_at_the_step_that_begins_its_span)
{
    socle_phase p[3];
    cr_assert_eq(socle_schedule_steps(p, 3, 0.5, 0.1), 3);
    double value[30];
    socle_schedule_values(p, 3, false, 30, value);
    for (int i = 0; i < 30; i++)
        assert_near(value[i], 0.5 * pow(0.1, i / 10), 1e-14);
}

/* Suggested rates on curves whose answer is known. */
#include <criterion/criterion.h>
#include <math.h>
#include "learn/suggest.h"

enum { N = 61 };

/* Rates 1e-6 to 1, ten a decade, and a loss that falls as a logistic curve about 1e-3 and rises again from 1e-1
 * on. */
static void make_curve(float *lr, float *loss)
{
    for (int i = 0; i < N; i++) {
        double decades = -6 + i / 10.0;
        lr[i] = (float)pow(10, decades);
        loss[i] = (float)(2 / (1 + exp(4 * (decades + 3))) + (decades > -1 ? 5 * (decades + 1) : 0));
    }
}

Test(suggest, the_steepest_fall_and_the_lowest_point_are_found)
{
    float lr[N], loss[N];
    make_curve(lr, loss);
    cr_assert_float_eq(suggest_steep(lr, loss, N), 1e-3, 1e-6);
    cr_assert_eq(suggest_lowest(loss, N), 50);
}

Test(suggest, a_steep_fall_after_the_lowest_point_does_not_count)
{
    float lr[N], loss[N];
    make_curve(lr, loss);
    for (int i = 52; i < N; i++)
        loss[i] = i < 56 ? 100 : 1; /* off the rails and part of the way back */
    cr_assert_float_eq(suggest_steep(lr, loss, N), 1e-3, 1e-6);
}

Test(suggest, one_wild_step_does_not_make_a_slope)
{
    float lr[N], loss[N];
    make_curve(lr, loss);
    loss[12] += 0.15f; /* the true curve falls by 0.2 a step where it is steepest */
    cr_assert_float_eq(suggest_steep(lr, loss, N), 1e-3, 2.6e-4);
}

Test(suggest, numbers_that_are_none_are_passed_over_and_a_rising_loss_suggests_nothing)
{
    float lr[N], loss[N];
    make_curve(lr, loss);
    loss[N - 1] = NAN;
    loss[N - 2] = INFINITY;
    cr_assert_float_eq(suggest_steep(lr, loss, N), 1e-3, 1e-6);
    for (int i = 0; i < N; i++)
        loss[i] = (float)i;
    cr_assert(isnan(suggest_steep(lr, loss, N)));
    cr_assert_eq(suggest_lowest(loss, N), 0);
    for (int i = 0; i < N; i++)
        loss[i] = NAN;
    cr_assert_eq(suggest_lowest(loss, N), N);
    cr_assert(isnan(suggest_steep(lr, loss, N)));
    cr_assert(isnan(suggest_steep(lr, loss, 3)));
    cr_assert_eq(suggest_lowest(loss, 0), 0);
}

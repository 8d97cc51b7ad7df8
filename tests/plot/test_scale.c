/* From values to pixels: ranges, and lines with fewer points that look the same. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "plot/scale.h"

static panel panel_of(series *s, mark *m, int n_marks)
{
    return (panel){ .kind = PANEL_LINES, .lines = { .series = s, .n_series = 1, .marks = m, .n_marks = n_marks } };
}

Test(scale, a_range_holds_finite_points_and_marks_only)
{
    float x[] = { 0, 1, 2, INFINITY, 4 }, y[] = { 5, NAN, -3, 100, 2 };
    series s = { .x = x, .y = y, .n = 5 };
    mark m[] = { { .at = 7, .horizontal = true }, { .at = -2 } };
    panel p = panel_of(&s, m, 2);
    scale along_x, along_y;
    cr_assert(scale_find(&along_x, &p, false, 0));
    cr_assert(scale_find(&along_y, &p, true, 0));
    cr_assert(along_x.low == -2 && along_x.high == 4, "%g to %g", along_x.low, along_x.high);
    cr_assert(along_y.low == -3 && along_y.high == 7, "%g to %g", along_y.low, along_y.high);
}

Test(scale, a_logarithmic_range_leaves_out_what_is_not_positive)
{
    float y[] = { -1, 0, 0.01f, 10 };
    series s = { .y = y, .n = 4 };
    panel p = panel_of(&s, NULL, 0);
    p.y.log = true;
    scale k;
    cr_assert(scale_find(&k, &p, true, 0));
    cr_assert(k.low == (double)0.01f && k.high == 10);
    cr_assert(!scale_has(&k, 0) && !scale_has(&k, -1) && scale_has(&k, 1));
    k.from = 100;
    k.to = 400;
    cr_assert_float_eq(scale_at(&k, sqrt(k.low * k.high)), 250, 1e-9, "the geometric mean lies in the middle");
}

Test(scale, is_never_empty)
{
    float same[] = { 3, 3 }, zero[] = { 0 }, none[] = { NAN };
    series s[] = { { .y = same, .n = 2 }, { .y = zero, .n = 1 }, { .y = none, .n = 1 }, { .n = 0 } };
    for (int i = 0; i < 4; i++) {
        for (int log = 0; log < 2; log++) {
            panel p = panel_of(&s[i], NULL, 0);
            p.y.log = log;
            scale k;
            bool any = scale_find(&k, &p, true, 0.05);
            cr_assert_eq(any, i == 0 || (i == 1 && !log));
            cr_assert(k.low < k.high && isfinite(k.low) && isfinite(k.high) && (!log || k.low > 0), "%d %d", i,
                      log);
        }
    }
}

Test(scale, a_thinned_line_has_the_extremes_of_every_column)
{
    enum { N = 100000, PIXELS = 200 };
    static float y[N];
    static point out[N];
    for (int i = 0; i < N; i++)
        y[i] = (float)sin(i * 0.01);
    y[31234] = 9;
    y[71234] = -9;
    series s = { .y = y, .n = N };
    scale sx = { .low = 0, .high = N - 1, .to = PIXELS }, sy = { .low = -10, .high = 10, .from = 0, .to = 100 };
    size_t n = scale_thin(out, &s, &sx, &sy);
    cr_assert(n <= 4 * (PIXELS + 1) && n >= 2 * PIXELS, "%zu points", n);
    double low[PIXELS + 1], high[PIXELS + 1];
    for (int k = 0; k <= PIXELS; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        int k = (int)out[i].x;
        cr_assert(i == 0 || out[i].x >= out[i - 1].x, "the order of points is kept");
        low[k] = fmin(low[k], out[i].y);
        high[k] = fmax(high[k], out[i].y);
    }
    for (int i = 0; i < N; i++) {
        int k = (int)scale_at(&sx, i);
        double at = scale_at(&sy, (double)y[i]);
        cr_assert(at >= low[k] && at <= high[k], "value %d sticks out of the line that is drawn", i);
    }
}

Test(scale, a_line_breaks_where_values_are_missing)
{
    float y[] = { 1, 2, NAN, 3, INFINITY, NAN, 4 };
    series s = { .y = y, .n = 7 };
    scale sx = { .low = 0, .high = 6, .to = 600 }, sy = { .low = 0, .high = 4, .to = 100 };
    point out[7];
    size_t n = scale_thin(out, &s, &sx, &sy), breaks = 0;
    for (size_t i = 0; i < n; i++)
        breaks += isnan(out[i].x) ? 1 : 0;
    cr_assert_eq(breaks, 2, "neighbouring gaps are one");
    cr_assert_eq(n, 4 + breaks);
    cr_assert(isnan(out[2].x) && isnan(out[4].x));
}

Test(scale, points_far_outside_keep_coordinates_that_can_be_drawn)
{
    scale s = { .low = 0, .high = 1, .from = 0, .to = 1000 };
    cr_assert_leq(fabs(scale_at(&s, 1e38)), 10000.0);
    cr_assert_leq(fabs(scale_at(&s, -1e38)), 10000.0);
}

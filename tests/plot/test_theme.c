/* Colours: that they can be told from what they stand on. */
#include <criterion/criterion.h>
#include <math.h>
#include "plot/theme.h"

static void check(socle_theme which)
{
    const theme *t = theme_of(which);
    /* WCAG 2: 4.5 for text, 3 for graphics */
    cr_assert_geq(color_contrast(t->ink, t->paper), 4.5);
    cr_assert_geq(color_contrast(t->soft, t->paper), 4.5);
    for (int i = 0; i < THEME_SERIES; i++)
        cr_assert_geq(color_contrast(t->series[i], t->paper), 3.0, "series %d of theme %d: %g", i, (int)which,
                      color_contrast(t->series[i], t->paper));
    for (int i = 0; i <= 100; i++) {
        color cell = color_mix(t->empty, t->full, i / 100.0);
        cr_assert_geq(color_contrast(color_text_on(cell), cell), 4.5, "a count on a cell with %d %% of its row", i);
    }
}

Test(theme, everything_stands_out_in_both)
{
    check(SOCLE_THEME_LIGHT);
    check(SOCLE_THEME_DARK);
}

Test(theme, contrast_is_that_of_wcag)
{
    const color black = { 0, 0, 0 }, white = { 1, 1, 1 }, gray = { 119 / 255.0, 119 / 255.0, 119 / 255.0 };
    cr_assert_float_eq(color_contrast(black, white), 21, 1e-12);
    cr_assert_float_eq(color_contrast(gray, white), 4.478, 1e-3, "the standard's own example, just short of 4.5");
}

/* Even steps of lightness L* (CIE 1976), within what straight lines between nine colours allow. */
Test(theme, the_map_grows_lighter_in_even_steps)
{
    double before = 0, step[20];
    for (int i = 0; i <= 20; i++) {
        double lightness = 116 * cbrt(color_luminance(theme_map(i / 20.0))) - 16;
        if (i > 0)
            step[i - 1] = lightness - before;
        before = lightness;
    }
    for (int i = 0; i < 20; i++)
        cr_assert(step[i] > 2 && step[i] < 6, "step %d: %g", i, step[i]);
    color low = theme_map(-1), none = theme_map(0), high = theme_map(2), all = theme_map(1);
    cr_assert(low.r == none.r && low.b == none.b && high.r == all.r && high.b == all.b);
}

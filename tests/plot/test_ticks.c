/* Ticks: where, how many, and that their labels tell them apart. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "plot/scale.h"

static ticks made(double low, double high, bool log, bool whole, int at_most)
{
    scale s = { .low = low, .high = high, .log = log };
    ticks t;
    ticks_make(&t, &s, whole, at_most);
    return t;
}

static void check_labels(const char *const *want, int n, ticks t)
{
    cr_assert_eq(t.n, n, "%d ticks", t.n);
    for (int i = 0; i < n; i++)
        cr_assert_str_eq(t.text[i], want[i]);
}

/* Ascending, inside, no more than asked for, and no label twice. */
static void check_order(ticks t, double low, double high, int at_most)
{
    cr_assert_leq(t.n, at_most, "%g to %g", low, high);
    for (int i = 0; i < t.n; i++) {
        cr_assert(t.at[i] >= low && t.at[i] <= high, "%g outside %g to %g", t.at[i], low, high);
        cr_assert(i == 0 || t.at[i] > t.at[i - 1], "%g to %g", low, high);
        cr_assert(i == 0 || strcmp(t.text[i], t.text[i - 1]) != 0, "'%s' twice from %g to %g", t.text[i], low,
                  high);
    }
    for (int i = 0; i < t.n_minor; i++)
        cr_assert(t.minor[i] >= low && t.minor[i] <= high, "%g outside %g to %g", t.minor[i], low, high);
}

/* Ranges of all sizes and places; the numbers come from a small generator of our own. */
Test(ticks, are_ascending_inside_the_range_and_few)
{
    uint32_t state = 1;
    for (int i = 0; i < 20000; i++) {
        double random[3];
        for (int k = 0; k < 3; k++) {
            state = state * 1664525u + 1013904223u;
            random[k] = state / 4294967296.0;
        }
        double size = pow(10, 60 * random[0] - 30), low = (random[1] - 0.5) * size * pow(10, i % 7);
        int at_most = 2 + i % 12;
        ticks t = made(low, low + size, false, false, at_most);
        check_order(t, low, low + size, at_most);
        cr_assert(at_most < 5 || t.n >= 2, "%d of %d ticks from %g to %g", t.n, at_most, low, low + size);
        double factor = pow(10, 0.01 + 30 * random[2]);
        t = made(size, size * factor, true, false, at_most);
        check_order(t, size, size * factor, at_most);
    }
}

Test(ticks, labels_stand_for_their_values)
{
    static const double span[] = { 1e-7, 3e-4, 0.02, 0.7, 5, 42, 999, 12345, 8e6, 3e13, 1e20 };
    for (size_t i = 0; i < sizeof span / sizeof *span; i++) {
        ticks t = made(-span[i] / 3, span[i], false, false, 8);
        for (int k = 0; k < t.n; k++) {
            char *end;
            double v = strtod(t.text[k], &end);
            v *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : *end == 'T' ? 1e12 : 1;
            cr_assert(fabs(v - t.at[k]) <= 1e-9 * span[i], "'%s' for %g", t.text[k], t.at[k]);
        }
    }
}

Test(ticks, steps_are_one_two_or_five_and_written_alike)
{
    check_labels((const char *[]){ "0", "0.2", "0.4", "0.6", "0.8", "1.0" }, 6, made(0, 1, false, false, 6));
    check_labels((const char *[]){ "0", "20k", "40k", "60k" }, 4, made(0, 60000, false, false, 5));
    check_labels((const char *[]){ "-1e-5", "0", "1e-5" }, 3, made(-1.2e-5, 1.2e-5, false, false, 4));
    check_labels((const char *[]){ "0.5M", "1.0M", "1.5M" }, 3, made(4e5, 1.6e6, false, false, 3));
    check_labels((const char *[]){ "0.1", "0.2", "0.3" }, 3, made(0.1, 0.3, false, false, 3));
}

Test(ticks, small_differences_of_large_numbers_show)
{
    ticks t = made(1000000, 1000004, false, false, 6);
    check_labels((const char *[]){ "1000000", "1000001", "1000002", "1000003", "1000004" }, 5, t);
}

Test(ticks, whole_ones_are_integers)
{
    check_labels((const char *[]){ "0", "1", "2" }, 3, made(-0.1, 2.1, false, true, 10));
    cr_assert_eq(made(0.2, 0.8, false, true, 10).n, 0);
}

Test(ticks, a_logarithmic_axis_is_labelled_at_decades)
{
    check_labels((const char *[]){ "1e-5", "1e-4", "0.001", "0.01", "0.1", "1" }, 6, made(7e-6, 3, true, false, 8));
    ticks few = made(1e-9, 1e9, true, false, 5);
    for (int i = 0; i < few.n; i++) {
        double decades = log10(few.at[i] / few.at[0]) / log10(few.at[1] / few.at[0]);
        cr_assert(fabs(decades - i) < 1e-9, "labels are equally far apart");
    }
}

Test(ticks, a_short_logarithmic_axis_has_ticks_between_decades)
{
    check_labels((const char *[]){ "0.1", "0.2", "0.5", "1", "2" }, 5, made(0.08, 3, true, false, 6));
    ticks t = made(2.1, 2.4, true, false, 6);
    cr_assert_geq(t.n, 2, "less than a factor of two still has labels");
}

Test(ticks, minor_ones_are_multiples_of_decades)
{
    ticks t = made(1e-4, 1, true, false, 8);
    cr_assert_eq(t.n_minor, 4 * 8);
    for (int i = 0; i < t.n_minor; i++) {
        double mantissa = t.minor[i] / pow(10, floor(log10(t.minor[i]) + 1e-12));
        cr_assert(fabs(mantissa - round(mantissa)) < 1e-9 && mantissa > 1.5, "%g", t.minor[i]);
    }
}

Test(ticks, single_numbers_are_short)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = { { 0, "0" },          { 0.0123, "0.0123" }, { 1e-5, "1e-5" },   { 1.26e-4, "1.26e-4" },
                 { 12000, "12k" },    { 1, "1" },           { 0.001, "0.001" }, { 2.5, "2.5" },
                 { 3.14159, "3.14" }, { -40, "-40" },       { 1.5e6, "1.5M" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TICK_TEXT];
        tick_text(text, rows[i].v);
        cr_assert_str_eq(text, rows[i].text);
    }
}

/* exp, log, tanh, sine and cosine, and the normal distribution of isa/math.h against the C library's double functions, for every instruction
 * set this machine has: the promise is 2 units in the last place. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/select.h"
#include "cpu/isa/kernels_elementwise.h"

#define VW 4
#include "cpu/isa/math.h"

enum { BATCH = 1024 };

/* Error of got in units in the last place of the true value, as a float. */
static double ulps(float got, double want)
{
    float nearest = (float)want;
    if (isnan(got) || isnan(nearest) || isinf(got) || isinf(nearest))
        return (isnan(got) && isnan(nearest)) || got == nearest ? 0 : INFINITY;
    if (fabs(want) < (double)FLT_MIN)
        return fabs((double)got) <= (double)FLT_MIN ? 0 : INFINITY;
    int exponent;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1, exponent - 24);
}

static const struct cpu_kernels *tables[3];

static int find_tables(void)
{
    static const char *names[] = { "scalar", "avx2", "avx512" };
    int n = 0;
    for (int i = 0; i < 3; i++) {
        const struct cpu_kernels *k = NULL;
        setenv("SOCLE_CPU_ISA", names[i], 1);
        if (cpu_select(&k) == SOCLE_OK && (n == 0 || k != tables[n - 1]))
            tables[n++] = k;
    }
    return n;
}

/* Every `step`-th float of those whose bits lie in from .. to. */
static void check_range(socle_unary op, double (*want)(double), uint32_t from, uint32_t to, uint32_t step)
{
    int n = find_tables();
    for (int t = 0; t < n; t++) {
        float x[BATCH], y[BATCH];
        for (uint64_t bits = from; bits <= to;) {
            int m = 0;
            for (; m < BATCH && bits <= to; m++, bits += step)
                x[m] = float_of((uint32_t)bits);
            tables[t]->elementwise->unary(op, m, y, 1, x, 1, 0, 0, 0);
            for (int i = 0; i < m; i++)
                cr_assert(ulps(y[i], want((double)x[i])) <= 2, "%s: of %.9g comes %.9g, %.2f ulps away",
                          tables[t]->name, (double)x[i], (double)y[i], ulps(y[i], want((double)x[i])));
        }
    }
}

/* All normal floats of both signs, and the edges: step is prime, about 300,000 values of each sign. */
static void check_all(socle_unary op, double (*want)(double))
{
    enum { STEP = 7001 };
    check_range(op, want, 0x00800000u, 0x7f800000u, STEP);
    check_range(op, want, 0x80800000u, 0xff800000u, STEP);
}

Test(math, exp_is_within_two_ulps)
{
    check_all(SOCLE_UNARY_exp, exp);
    check_range(SOCLE_UNARY_exp, exp, bits_of(1e-3f), bits_of(89.5f), 331); /* where it varies */
    check_range(SOCLE_UNARY_exp, exp, bits_of(-1e-3f), bits_of(-88.5f), 331);
}

Test(math, log_is_within_two_ulps)
{
    check_all(SOCLE_UNARY_log, log);
    check_range(SOCLE_UNARY_log, log, bits_of(0.5f), bits_of(2.0f), 31); /* about its zero */
}

Test(math, tanh_is_within_two_ulps)
{
    check_all(SOCLE_UNARY_tanh, tanh);
    check_range(SOCLE_UNARY_tanh, tanh, bits_of(0.5f), bits_of(10.0f), 61);
}

Test(math, infinities_zeros_and_nan_come_out_as_from_the_c_library)
{
    static const float edges[] = { 0.0f,    -0.0f,    INFINITY,  -INFINITY, NAN,     -1.0f,
                                   FLT_MAX, -FLT_MAX, 88.72283f, 88.8f,     -103.0f, -150.0f };
    enum { N = sizeof edges / sizeof *edges };
    int n = find_tables();
    for (int t = 0; t < n; t++) {
        float y[N];
        static const struct {
            socle_unary op;
            double (*want)(double);
        } f[] = { { SOCLE_UNARY_exp, exp }, { SOCLE_UNARY_log, log }, { SOCLE_UNARY_tanh, tanh } };
        for (int k = 0; k < 3; k++) {
            tables[t]->elementwise->unary(f[k].op, N, y, 1, edges, 1, 0, 0, 0);
            for (int i = 0; i < N; i++)
                cr_assert(ulps(y[i], f[k].want((double)edges[i])) <= 2, "%s, function %d: of %g comes %g",
                          tables[t]->name, k, (double)edges[i], (double)y[i]);
        }
    }
}

/* Sine and cosine are near the true value within 2^-23 of a full swing, and at quarter turns exact. */
Test(math, cosine_and_sine_of_turns)
{
    for (int i = 0; i < 1 << 24; i += 997) {
        float v = (float)i / 16777216.0f, c, s;
        math_cos_sin(v, &c, &s);
        double angle = 2 * 3.14159265358979323846 * (double)v;
        cr_assert(fabs((double)c - cos(angle)) <= 0x1p-23 && fabs((double)s - sin(angle)) <= 0x1p-23, "%.9g turns",
                  (double)v);
    }
    static const float quarter[][3] = { { 0, 1, 0 }, { 0.25f, 0, 1 }, { 0.5f, -1, 0 }, { 0.75f, 0, -1 } };
    for (int i = 0; i < 4; i++) {
        float c, s;
        math_cos_sin(quarter[i][0], &c, &s);
        cr_assert(c == quarter[i][1] && s == quarter[i][2], "%g turns: %g, %g", (double)quarter[i][0], (double)c,
                  (double)s);
    }
}

static double distribution(double x)
{
    return 0.5 * erfc(x * -0.70710678118654752440);
}

/* Far below 0 as well, where 1 + erf(x) would have no digit right: the rounding of a tail's five factors. */
Test(math, the_normal_distribution_is_right_in_its_tails)
{
    for (int i = -13 * 4096; i <= 13 * 4096; i++) {
        float x = (float)i / 4096.0f, p = math_cdf(x);
        cr_assert(ulps(p, distribution((double)x)) <= 8, "below %g lies %.9g, %.2f ulps away", (double)x, (double)p,
                  ulps(p, distribution((double)x)));
    }
    static const float edges[][2] = { { -INFINITY, 0 }, { -1e30f, 0 }, { -15, 0 },
                                      { 15, 1 },        { 1e30f, 1 },  { INFINITY, 1 } };
    for (int i = 0; i < 6; i++)
        cr_assert(math_cdf(edges[i][0]) == edges[i][1], "below %g lies %.9g", (double)edges[i][0],
                  (double)math_cdf(edges[i][0]));
    cr_assert(isnan(math_cdf(NAN)));
}

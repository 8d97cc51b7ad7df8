/* Schedules: values between two ends, phases end to end, positions of steps. */
#include <socle/schedule.h>

#include <math.h>

/* ---- from one value to another ---- */

double socle_anneal_constant(double from, double to, double t, double power)
{
    (void)to, (void)t, (void)power;
    return from;
}

double socle_anneal_lin(double from, double to, double t, double power)
{
    (void)power;
    return from + t * (to - from);
}

/* Written from the end, so that t = 1 gives it without rounding. */
double socle_anneal_cos(double from, double to, double t, double power)
{
    (void)power;
    return to + (from - to) / 2 * (1 + cos(3.14159265358979323846 * t));
}

double socle_anneal_exp(double from, double to, double t, double power)
{
    (void)power;
    return from * pow(to / from, t);
}

double socle_anneal_poly(double from, double to, double t, double power)
{
    return to + (from - to) * pow(1 - t, power != 0 ? power : 1);
}

/* ---- phases ---- */

socle_status socle_schedule_check(const socle_phase *phase, int n)
{
    if (phase == NULL || n < 1)
        return socle_fail(SOCLE_ERR_ARG, "schedule: there are no phases");
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const socle_phase *p = &phase[i];
        if (!(p->share >= 0 && p->share <= 1) || !isfinite(p->from) || !isfinite(p->to) || !isfinite(p->power))
            return socle_fail(SOCLE_ERR_ARG, "schedule: phase %d is a share of %g, from %g to %g", i, p->share,
                              p->from, p->to);
        if (p->f == socle_anneal_exp && !(p->from * p->to > 0))
            return socle_fail(SOCLE_ERR_ARG, "schedule: phase %d cannot go in equal factors from %g to %g", i,
                              p->from, p->to);
        sum += p->share;
    }
    if (!(fabs(sum - 1) <= 1e-6))
        return socle_fail(SOCLE_ERR_ARG, "schedule: the shares of %d phases sum to %.9g, not to 1", n, sum);
    return SOCLE_OK;
}

/* Sums of shares are rounded, and positions of steps: what is this near to where two phases meet is there. */
static const double near = 1e-9;

double socle_schedule_at(const socle_phase *phase, int n, double pos)
{
    if (phase == NULL || n < 1 || isnan(pos))
        return NAN;
    double start = 0;
    int i = 0;
    for (; i < n - 1 && pos >= start + phase[i].share - near; i++)
        start += phase[i].share;
    const socle_phase *p = &phase[i];
    double t = p->share > 0 ? (pos - start) / p->share : 1;
    t = t < 0 ? 0 : t > 1 || pos >= 1 ? 1 : t;
    return (p->f != NULL ? p->f : socle_anneal_lin)(p->from, p->to, t, p->power);
}

double socle_schedule_position(size_t step, size_t steps, bool closed)
{
    size_t last = closed ? steps - 1 : steps;
    return steps == 0 || last == 0 ? 0 : (double)step / (double)last;
}

void socle_schedule_values(const socle_phase *phase, int n, bool closed, size_t steps, double *value)
{
    for (size_t i = 0; i < steps; i++)
        value[i] = socle_schedule_at(phase, n, socle_schedule_position(i, steps, closed));
}

/* ---- schedules one meets often ---- */

/* The first phase ends between steps where pct_start steps is no whole number. */
void socle_schedule_one_cycle(socle_phase phase[SOCLE_ONE_CYCLE_PHASES], size_t steps, double pct_start,
                              double start, double top, double end)
{
    double share = steps > 1 ? (pct_start * (double)steps - 1) / ((double)steps - 1) : 0;
    share = share < 0 ? 0 : share;
    phase[0] = (socle_phase){ .share = share, .from = start, .to = top, .f = socle_anneal_cos };
    phase[1] = (socle_phase){ .share = 1 - share, .from = top, .to = end, .f = socle_anneal_cos };
}

void socle_schedule_flat_cos(socle_phase phase[SOCLE_FLAT_COS_PHASES], double flat, double value, double end)
{
    phase[0] = (socle_phase){ .share = flat, .from = value, .to = value, .f = socle_anneal_constant };
    phase[1] = (socle_phase){ .share = 1 - flat, .from = value, .to = end, .f = socle_anneal_cos };
}

static bool makes_sense(const char *what, const socle_phase *phase, int n, double factor)
{
    if (phase != NULL && n >= 1 && n <= SOCLE_SCHEDULE_MAX && factor > 0 && isfinite(factor))
        return true;
    (void)socle_fail(SOCLE_ERR_ARG, "schedule: %d %s, each %g times the one before", n, what, factor);
    return false;
}

int socle_schedule_cos_restarts(socle_phase *phase, int cycles, double mult, double from, double to)
{
    mult = mult != 0 ? mult : 1;
    if (!makes_sense("cycles", phase, cycles, mult))
        return 0;
    double whole = 0;
    for (int i = 0; i < cycles; i++)
        whole += pow(mult, i);
    for (int i = 0; i < cycles; i++)
        phase[i] = (socle_phase){ .share = pow(mult, i) / whole, .from = from, .to = to, .f = socle_anneal_cos };
    return cycles;
}

int socle_schedule_steps(socle_phase *phase, int levels, double from, double gamma)
{
    if (!makes_sense("levels", phase, levels, gamma))
        return 0;
    for (int i = 0; i < levels; i++) {
        double value = from * pow(gamma, i);
        phase[i] = (socle_phase){ .share = 1.0 / levels, .from = value, .to = value, .f = socle_anneal_constant };
    }
    return levels;
}

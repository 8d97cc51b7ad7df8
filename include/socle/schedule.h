/* Schedules of hyper-parameters: phases laid end to end over a training, as data. Nothing here needs a model: a schedule can
 * be looked at before anything is trained. callbacks.h has what follows one. */
#ifndef SOCLE_SCHEDULE_H
#define SOCLE_SCHEDULE_H

#include "optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The value at t in [0, 1] on the way from one value to another. power: of POLY, else not read. */
typedef double (*socle_anneal)(double from, double to, double t, double power);
SOCLE_API double socle_anneal_constant(double from, double to, double t, double power); /* from */
SOCLE_API double socle_anneal_lin(double from, double to, double t, double power);
/* Half a cosine, flat at both ends; equal factors, for ends of one sign, not 0; to + (from - to) (1 - t)^power. */
SOCLE_API double socle_anneal_cos(double from, double to, double t, double power);
SOCLE_API double socle_anneal_exp(double from, double to, double t, double power);
SOCLE_API double socle_anneal_poly(double from, double to, double t, double power);

typedef struct socle_phase {
    double share; /* of the whole, in [0, 1] */
    double from, to;
    socle_anneal f; /* NULL: linear */
    double power;   /* of socle_anneal_poly; 0: 1 */
} socle_phase;

/* Whether n phases (at least 1) make a schedule: shares are in [0, 1] and sum to 1 within 1e-6, values are finite. ERR_ARG
 * names the phase that does not. */
SOCLE_API socle_status socle_schedule_check(const socle_phase *phase, int n);
/* The value at position pos, which is cut to [0, 1]: 0 is the start of the first phase, 1 the end of the last; where two
 * phases meet, the later one starts. NaN for no schedule. */
SOCLE_API double socle_schedule_at(const socle_phase *phase, int n, double pos);

/* Positions of the steps of a training of so many: open ones end before 1 (step / steps), as fast.ai's do; closed ones give
 * the last step the schedule's end (step / (steps - 1)), as PyTorch's one-cycle policy does. */
SOCLE_API double socle_schedule_position(size_t step, size_t steps, bool closed);
/* What each of so many steps would use, into value (steps): for plots and dry runs. */
SOCLE_API void socle_schedule_values(const socle_phase *phase, int n, bool closed, size_t steps, double *value);

/* ---- schedules one meets often; each fills phases ---- */

enum { SOCLE_ONE_CYCLE_PHASES = 2, SOCLE_FLAT_COS_PHASES = 2, SOCLE_SCHEDULE_MAX = 64 /* phases */ };

/* The one-cycle policy (Smith 2018) as torch.optim.lr_scheduler.OneCycleLR has it: from `start` up to `top` until step
 * pct_start steps - 1, and on to `end` at the last step, both along cosines. For closed positions. */
SOCLE_API void socle_schedule_one_cycle(socle_phase phase[SOCLE_ONE_CYCLE_PHASES], size_t steps, double pct_start,
                                        double start, double top, double end);
/* value for a share of `flat` in [0, 1], then along a cosine to end. */
SOCLE_API void socle_schedule_flat_cos(socle_phase phase[SOCLE_FLAT_COS_PHASES], double flat, double value,
                                       double end);
/* Cosine annealing with warm restarts (Loshchilov and Hutter 2017): `cycles` falls from `from` to `to`, each `mult` times as
 * long as the one before; mult 0: 1. One cycle is plain cosine annealing. phase: room for cycles, which is returned; 0
 * with ERR_ARG for numbers that make no sense or more cycles than SOCLE_SCHEDULE_MAX. */
SOCLE_API int socle_schedule_cos_restarts(socle_phase *phase, int cycles, double mult, double from, double to);
/* `levels` equal spans of constant values: from, from gamma, from gamma^2, ... As the above. */
SOCLE_API int socle_schedule_steps(socle_phase *phase, int levels, double from, double gamma);

#ifdef __cplusplus
}
#endif
#endif

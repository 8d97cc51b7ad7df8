/* The learning-rate finder: a training whose rate grows with every step, until the loss runs away; then all is
 * put back (Smith, "Cyclical learning rates for training neural networks", 2017). */
#ifndef SOCLE_FINDER_H
#define SOCLE_FINDER_H

#include "learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means the default. Two ways, as in fast.ai's two courses: times gamma a step; or, where max_iter is
 * given, from start to end in max_iter equal factors, which makes max_iter + 1 steps. */
typedef struct socle_lr_find_desc {
    double start;    /* rate of the first step; 0: 1e-5, or 1e-6 with max_iter */
    double gamma;    /* 0: 1.3 */
    int max_epochs;  /* 0: 10 */
    int max_iter;    /* 0: the first way */
    double end;      /* 0: 10 */
    double max_mult; /* ends when the loss is NaN or above the smallest so far times this; 0: 3, or 10 with max_iter */
    double smooth;   /* share of the average so far in a running average of the losses, in [0, 1); debiased. 0: none */
} socle_lr_find_desc;

/* What happened at each step, the one that ended it included; the rate and the (smoothed) loss under it. The
 * suggestions are NaN where the curve has none. */
typedef struct socle_lr_curve {
    size_t n;
    float *lr, *loss;
    double steep; /* where the loss, as a mean of five neighbours, falls fastest with the logarithm of the rate */
    double tenth; /* a tenth of the rate of the smallest loss */
} socle_lr_curve;

/* Fills curve (free it with socle_lr_curve_free); left alone on failure. All parameter groups get the same rate.
 * Afterwards parameters, buffers, the optimizer's hypers, steps and statistics, the random stream, the order of
 * the data and the learner's counters are what they were, to the bit, on failure too; gradients are dropped.
 * Callbacks take part but for those that want no rehearsal: metrics, progress, recorder and the like. The loss
 * of every step is read, which waits. ERR_ARG for a desc that makes no sense or no batch of training data,
 * ERR_STATE inside a fit, and what socle_fit raises. */
SOCLE_API socle_status socle_lr_find(socle_learner *l, socle_lr_find_desc o, socle_lr_curve *curve) SOCLE_MUST_USE;
SOCLE_API void socle_lr_curve_free(socle_lr_curve *c); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif

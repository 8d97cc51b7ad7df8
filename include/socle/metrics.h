/* Metrics: accumulated on the device, weighted by samples, read once per pass. */
#ifndef SOCLE_METRICS_H
#define SOCLE_METRICS_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct socle_metric {
    const char *name;
    /* Sum over the batch's samples, one real element, on the device; gradients are off. */
    socle_tensor *(*batch)(socle_ctx *c, socle_tensor *pred, socle_tensor *target);
} socle_metric;

/* Share of samples whose largest prediction (N, K) is at the target (N). */
SOCLE_API socle_metric socle_accuracy(void);

#ifdef __cplusplus
}
#endif
#endif

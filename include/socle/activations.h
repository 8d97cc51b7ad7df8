/* What the activations of a network look like while it trains: mean, standard deviation and histogram of each
 * layer at each step (fast.ai's ActivationStats). They stay on the device until the pass ends: nothing waits
 * inside a step. */
#ifndef SOCLE_ACTIVATIONS_H
#define SOCLE_ACTIVATIONS_H

#include "learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means the default. ERR_ARG for more than 250 bins or a range without length. */
typedef struct socle_activations_desc {
    socle_module_filter which; /* the modules whose results are watched; NULL: those that end in an activation */
    void *which_user;
    int bins;         /* 0: 40 */
    bool both_signs;  /* histograms of the values, not of their sizes |x| */
    double low, high; /* the bins divide [low, high), the rest is left out; both 0: 0 to 10, or -7 to 7 */
    bool on_valid;    /* evaluation passes too */
} socle_activations_desc;
typedef struct socle_activations socle_activations;
/* Owned by the caller; must outlive the learner. NULL on failure. */
SOCLE_API socle_activations *socle_activations_new(socle_activations_desc o);
SOCLE_API void socle_activations_free(socle_activations *a);
/* Watches the modules that the model has when a fit begins; a later fit goes on with the same steps, and fails
 * (ERR_STATE) where it finds other modules. Of a module that runs several times in a step the first run counts. */
SOCLE_API socle_callback socle_cb_activations(socle_activations *a);

/* What has been recorded; all of it is borrowed from a until it records again. Layers are in the order of
 * socle_module_find; there are none before the first fit. A step that was cancelled before its forward pass is
 * no step. */
SOCLE_API size_t socle_activations_layers(const socle_activations *a);
SOCLE_API size_t socle_activations_bins(const socle_activations *a);
/* "body.1"; NULL: there is no such layer. */
SOCLE_API const char *socle_activations_path(const socle_activations *a, size_t layer);
/* They answer the number of steps. std: with divisor n - 1. counts: (steps, bins). */
SOCLE_API size_t socle_activations_mean(const socle_activations *a, size_t layer, const float **mean);
SOCLE_API size_t socle_activations_std(const socle_activations *a, size_t layer, const float **std);
SOCLE_API size_t socle_activations_counts(const socle_activations *a, size_t layer, const int32_t **count);
/* Of the numbers that were counted at that step, the share in bins first .. last. Bin 0 of the default is
 * [0, 0.25): the dead. NaN where there is no such step, or nothing was counted. */
SOCLE_API double socle_activations_share(const socle_activations *a, size_t layer, size_t step, int first, int last);

#ifdef __cplusplus
}
#endif
#endif

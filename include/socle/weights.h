/* Initial weights of whole networks. */
#ifndef SOCLE_WEIGHTS_H
#define SOCLE_WEIGHTS_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kaiming weights (fan in) and biases of 0 for every Conv2d of m, fast.ai's init_cnn; everything else keeps its
 * values. Streams as in socle_reset_parameters. */
typedef struct socle_init_cnn_desc {
    double leak;   /* slope for negative values of the activations that follow */
    bool uniform;  /* else normal */
    bool linear;   /* every Linear too */
    uint64_t seed;
} socle_init_cnn_desc;
SOCLE_API socle_status socle_init_cnn(socle_module *m, socle_init_cnn_desc o);

/* LSUV: layer after layer, weights are divided by the standard deviation of what the layer makes of a batch
 * until that is 1, and what shifts the layer is moved until the mean is 0 (Mishkin and Matas, "All you need is a
 * good init", 2016). */
typedef enum socle_lsuv_form {
    SOCLE_LSUV_SHIFT, /* after the activation: first the general ReLU's sub, then the weights (the mean moves again) */
    SOCLE_LSUV_BIAS,  /* before the activation: first the bias, then the weights */
    SOCLE_LSUV_JOINT  /* after the activation: bias and weights in turn. With a ReLU there may be no such pair */
} socle_lsuv_form;
typedef struct socle_lsuv_desc {
    socle_lsuv_form form;
    /* Each with a parameter "weight" (else ERR_ARG). NULL: every Conv2d and Linear; in the forms SHIFT and JOINT, those
     * that end in an activation. */
    socle_module_filter which;
    void *which_user;
    double tolerance; /* of mean and deviation; 0: 1e-3 */
    int max_passes;   /* forward passes for one layer; 0: 20 */
} socle_lsuv_desc;

/* Of one layer: mean and standard deviation (divisor n - 1) at its turn and after it. A layer without sub or
 * bias is scaled only, and its mean is as it comes. */
typedef struct socle_lsuv_layer {
    char *path;
    double mean_before, std_before, mean, std;
    int passes;
    bool converged;
} socle_lsuv_layer;
typedef struct socle_lsuv_report {
    size_t n, converged; /* layers; how many of them */
    socle_lsuv_layer *layer;
} socle_lsuv_report;

/* x: a batch as the model gets it, large enough for its statistics to be trusted. A layer that does not converge
 * (a report says which) is no failure. Passes run in evaluation mode and record nothing: norms keep their
 * statistics, dropout drops nothing. Waits for every pass. report (NULL: not wanted; free it with
 * socle_lsuv_report_free) is left alone on failure, after which weights may have changed. */
SOCLE_API socle_status socle_lsuv(socle_module *m, socle_ctx *c, socle_tensor *x, socle_lsuv_desc o,
                                  socle_lsuv_report *report) SOCLE_MUST_USE;
SOCLE_API void socle_lsuv_report_free(socle_lsuv_report *r); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif

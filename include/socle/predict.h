/* A model's predictions for a whole set of data, on the host: to count, to draw, to average. */
#ifndef SOCLE_PREDICT_H
#define SOCLE_PREDICT_H

#include "learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero: the validation data, the learner's model, its inputs as they are. Of several models and forms of the inputs the
 * logits are averaged; every model sees every form. */
typedef struct socle_predict_desc {
    bool train;    /* the training data as its loader makes it, in the order of the epoch to come */
    size_t inputs; /* keep x of so many samples, from the first */
    /* Test-time augmentation of images: x as it is, and */
    bool flip; /* mirrored left to right; */
    int shift; /* moved up, down, left and right by so many pixels, with 0 where nothing was; each mirrored too with flip */
    socle_module *const *others; /* borrowed: an ensemble with the learner's model */
    int n_others;
} socle_predict_desc;

typedef struct socle_predictions {
    size_t n; /* samples */
    int classes;
    float *logits;       /* (n, classes) */
    int32_t *label;      /* (n): index of the largest logit, of equals the first */
    int32_t *target;     /* (n), or NULL where targets are no labels */
    size_t inputs;       /* samples in x, at most n */
    socle_shape x_shape; /* of one */
    float *x;            /* as the model got them, after the callbacks' before_batch; NULL where none are wanted */
} socle_predictions;

/* Fills out (free it with socle_predictions_free); left alone on failure. An evaluation pass that ends with after_predict of
 * each batch: the learner's callbacks take part but for those that want no rehearsal, losses and metrics are not computed.
 * Nothing is trained; counters and random stream are put back. Reads each batch, which waits. ERR_ARG for a desc that makes
 * no sense or without data, ERR_SHAPE for a model whose result is not (N, classes), ERR_STATE inside a fit, and what
 * loading, computing or callbacks raise. */
SOCLE_API socle_status socle_predict(socle_learner *l, socle_predict_desc o, socle_predictions *out) SOCLE_MUST_USE;
SOCLE_API void socle_predictions_free(socle_predictions *p); /* NULL is allowed */

/* Share of the samples whose label is their target; NaN without targets. */
SOCLE_API double socle_predictions_accuracy(const socle_predictions *p);
/* counts (classes, classes): how many samples of target i got label j. ERR_ARG without targets, or for one that is no
 * class. */
SOCLE_API socle_status socle_predictions_confusion(const socle_predictions *p, int64_t *counts) SOCLE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

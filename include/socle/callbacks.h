/* The built-in callbacks. Each is a value to hand to socle_learner_add. */
#ifndef SOCLE_CALLBACKS_H
#define SOCLE_CALLBACKS_H

#include <stdio.h>
#include "augment.h"
#include "learner.h"
#include "metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Mean of each metric and of the loss over the samples of a pass, logged as the row: metrics, "loss", "epoch",
 * "train" (1 or 0). Sums live on the device and are read once, after the pass. m is copied. Order 0. */
SOCLE_API socle_callback socle_cb_metrics(const socle_metric *m, int n);

/* Prints the rows that callbacks log, as a table with aligned columns (metrics and loss with 3 decimals, "train" as
 * train or eval, and the pass's time); on a terminal also a progress bar. Not owned; flushed after each row. */
typedef struct socle_progress_desc {
    FILE *out;    /* NULL: stdout */
    bool plot;    /* on a terminal: a small live curve of the training loss */
    bool no_bar;  /* never a bar, even on a terminal */
} socle_progress_desc;
SOCLE_API socle_callback socle_cb_progress(socle_progress_desc o);

/* Keeps the loss of every training batch (on the device until the pass ends) and the rows that are logged, and writes
 * them. The recorder is owned by the caller and must outlive the learner. */
typedef struct socle_recorder socle_recorder;
SOCLE_API socle_recorder *socle_recorder_new(void);
SOCLE_API void socle_recorder_free(socle_recorder *r);
SOCLE_API socle_callback socle_cb_recorder(socle_recorder *r);
SOCLE_API size_t socle_recorder_losses(const socle_recorder *r, const float **loss); /* borrowed */
/* One line a row: the columns' names, then values as printed by %.9g. The file appears whole or not at all. */
SOCLE_API socle_status socle_recorder_write_csv(const socle_recorder *r, const char *path) SOCLE_MUST_USE;
/* Value of column `name` in row `row` (-1: the last); NaN if there is none. */
SOCLE_API double socle_recorder_value(const socle_recorder *r, const char *name, long row);

/* batch.x = f(batch.x) at before_batch, in the passes asked for. */
typedef socle_tensor *(*socle_batch_fn)(socle_ctx *c, socle_tensor *x, void *user);
SOCLE_API socle_callback socle_cb_batch_transform(socle_batch_fn f, void *user, bool on_train, bool on_valid);
/* batch.x = (batch.x - mean) / std. */
SOCLE_API socle_callback socle_cb_normalize(double mean, double std);

/* batch.x = socle_random_crop(batch.x) (augment.h), in training passes, with on_valid in evaluation passes too. Add it behind
 * socle_cb_normalize, so that the padding is a normalised value. */
SOCLE_API socle_callback socle_cb_random_crop(socle_crop_desc o, bool on_valid);
/* socle_random_erase and socle_random_copy likewise. */
SOCLE_API socle_callback socle_cb_random_erase(socle_patch_desc o, bool on_valid);
SOCLE_API socle_callback socle_cb_random_copy(socle_patch_desc o, bool on_valid);

/* f on every module that `which` accepts, in the passes asked for. The hooks are made in before_fit and gone after cleanup_fit,
 * however the fit ends. See socle_hooks_new. */
typedef struct socle_hooks_desc {
    socle_module_filter which; /* NULL: socle_module_activates */
    void *which_user;
    socle_hooks_fn f;
    void *user;
    bool no_train; /* not in training passes */
    bool on_valid; /* in evaluation passes too */
} socle_hooks_desc;
SOCLE_API socle_callback socle_cb_hooks(socle_hooks_desc o);

/* Ends the fit after its first batch. */
SOCLE_API socle_callback socle_cb_single_batch(void);

/* Ends the fit as a failure (ERR_STATE, naming epoch and batch) when a training loss is NaN or infinite. Reads the loss
 * of every `every`-th batch (0: 50) and of each pass's last one: reading waits. */
SOCLE_API socle_callback socle_cb_stop_on_nan(int every);

#ifdef __cplusplus
}
#endif
#endif

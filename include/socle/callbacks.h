/* The built-in callbacks. Each is a value to hand to socle_learner_add. */
#ifndef SOCLE_CALLBACKS_H
#define SOCLE_CALLBACKS_H

#include <stdio.h>
#include "augment.h"
#include "learner.h"
#include "metrics.h"
#include "schedule.h"

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

/* The recorder keeps the value of a hyper (SOCLE_LR ...) under which each training batch ran too, for every parameter
 * group: host numbers, nothing waits. Called before the fit. ERR_ARG for a hyper that does not exist. */
SOCLE_API socle_status socle_recorder_track(socle_recorder *r, int hyper) SOCLE_MUST_USE;
/* How many were kept for that group, 0 where none were, and *value: a row for socle_plot_rates, borrowed until the next
 * batch. */
SOCLE_API size_t socle_recorder_hyper(const socle_recorder *r, int hyper, int group, const float **value);

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

/* ---- around the optimizer's step ---- */

/* Limits gradients for the length of a fit: see socle_optimizer_set_clip. */
SOCLE_API socle_callback socle_cb_clip(socle_clip clip);
/* A step for every `batches` training batches, and one for what is left at the end of a pass: the same step, but for roundings,
 * as one of a batch of all their samples, where the loss is a mean over samples and no layer looks across them. Replaces
 * the backward verb (ERR_STATE if another callback has); after_step comes after every batch. Order -1. */
SOCLE_API socle_callback socle_cb_accumulate(int batches);
/* Updates the averages after each step, and evaluates with them. e is owned by the caller and must outlive the learner: after
 * a fit the model has its own values again, socle_ema_swap gives it the averages; a fit begins with the model's own. */
SOCLE_API socle_callback socle_cb_ema(socle_ema *e);

/* ---- by a metric ---- */

/* The column of the rows that are logged (by socle_cb_metrics) to go by. Evaluation passes count, or training ones. */
typedef struct socle_watch_desc {
    const char *metric; /* copied; NULL: "loss" */
    bool higher;        /* a larger value is better: accuracy */
    bool on_train;      /* of training passes */
    double min_delta;   /* what is not better by more than this is no improvement */
    int patience;       /* early stopping: epochs without improvement; 0: 3 */
} socle_watch_desc;
/* Ends the fit quietly after `patience` epochs without improvement. Order 3. */
SOCLE_API socle_callback socle_cb_early_stop(socle_watch_desc o);
/* Keeps a copy of the model on the device whenever it is the best of the fit, and gives it back its values when the fit
 * ends, however it ends; with socle_cb_ema, the averages that were evaluated. Order 2. */
SOCLE_API socle_callback socle_cb_keep_best(socle_watch_desc o);

/* ---- schedules ---- */

/* One hyper-parameter follows a schedule over the training batches of a fit: set before each, it is what that batch uses, and
 * a recorder sees it. The positions are those of socle_schedule_position. The phases are copied. Order 1. */
typedef struct socle_schedule_desc {
    int hyper;              /* SOCLE_LR ... */
    const char *hyper_name; /* or by name; NULL: hyper */
    const socle_phase *phase;
    int n;
    bool one_group; /* only of group `group`; else of all */
    int group;
    bool closed;    /* the last batch has the schedule's end */
    bool per_epoch; /* one value for all batches of an epoch: epochs are the steps */
} socle_schedule_desc;
SOCLE_API socle_callback socle_cb_schedule(socle_schedule_desc o);

/* A fit under the one-cycle policy: the learning rate goes from max_lr / 25 up to max_lr, until 30% of the steps, and down to
 * max_lr / 25e4, while momentum (or Adam's beta1) goes from 0.95 to 0.85 and back, along cosines, as PyTorch's OneCycleLR
 * does, step by step. Afterwards learning rates and momenta are what they were. Statuses as of socle_fit. */
SOCLE_API socle_status socle_fit_one_cycle(socle_learner *l, int epochs, double max_lr) SOCLE_MUST_USE;
typedef struct socle_one_cycle_desc {
    int epochs;
    double max_lr;
    const double *group_lr;   /* or one for each parameter group */
    double pct_start;         /* share of the steps that the rate rises; 0: 0.3 */
    double div, div_final;    /* the rate starts at max_lr / div, ends at max_lr / div / div_final; 0: 25, 1e4 */
    double mom_high, mom_low; /* 0: 0.95, 0.85 */
    bool keep_mom;            /* leave momentum alone */
    bool reset_opt;
} socle_one_cycle_desc;
SOCLE_API socle_status socle_fit_one_cycle_with(socle_learner *l, socle_one_cycle_desc o) SOCLE_MUST_USE;
/* max_lr for three quarters of the steps, then down to 0 along a cosine. Afterwards learning rates are what they were. */
SOCLE_API socle_status socle_fit_flat_cos(socle_learner *l, int epochs, double max_lr) SOCLE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

/* The Learner: a model, data, a loss and an optimizer, and a loop whose every step callbacks can watch, change or cancel.
 *
 * Each fit, epoch and batch is before / body / after, and cleanup, which always runs. One epoch of fast.ai's table is two
 * passes here as there: a training pass and an evaluation pass, each with its own before_epoch ... cleanup_epoch. */
#ifndef SOCLE_LEARNER_H
#define SOCLE_LEARNER_H

#include "data.h"
#include "layers.h"
#include "optim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct socle_learner socle_learner;

/* What an event answers: 0 goes on; positive ends the named level quietly (its after_ event is skipped, its cleanup_ is
 * not); negative is a socle_status and ends the fit as a failure. */
typedef int socle_flow;
enum { SOCLE_CANCEL_BATCH = 1, SOCLE_CANCEL_EPOCH = 2, SOCLE_CANCEL_FIT = 3 };
typedef socle_flow (*socle_event)(socle_learner *l, void *user);

#define SOCLE_EVENTS(X)                                                                                              \
    X(before_fit) X(before_epoch) X(before_batch)                                                                    \
    X(after_predict) X(after_loss) X(after_backward) X(after_step)                                                   \
    X(after_batch) X(after_epoch) X(after_fit)                                                                       \
    X(cleanup_batch) X(cleanup_epoch) X(cleanup_fit)

/* A C callback must not throw through the library. The first answer that is not 0 ends the event; cleanup events reach
 * every callback whatever the others answer. */
typedef struct socle_callback {
    const char *name;
    int order; /* small runs first; equal: order of adding */
    void *user;
    void (*drop)(void *user); /* or NULL; called once when the callback is removed */
#define SOCLE_X(event) socle_event event;
    SOCLE_EVENTS(SOCLE_X) /* each may be NULL */
#undef SOCLE_X
    bool no_rehearsal; /* left out of fits that are undone afterwards (socle_lr_find): it reports, stops or schedules */
    bool dry;          /* takes part in dry runs: its events need no batch, no prediction and no loss */
} socle_callback;

/* pred and target are borrowed; shapes that do not agree are ERR_SHAPE. MEAN gives the scalar to train on. */
typedef struct socle_loss {
    socle_tensor *(*fn)(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r, void *user);
    void *user;
} socle_loss;
SOCLE_API socle_loss socle_loss_cross_entropy(void); /* pred (N, K) logits, target (N) I32 */
/* socle_cross_entropy_smooth; *smoothing is borrowed. Evaluation, too, measures this loss. */
SOCLE_API socle_loss socle_loss_cross_entropy_smooth(const double *smoothing);
SOCLE_API socle_loss socle_loss_mse(void);

/* The five verbs of a training step. A callback that changes one (mixup, accumulation, mixed precision) saves the old
 * pointer in before_fit and restores it in cleanup_fit. */
typedef struct socle_loop {
    socle_event predict, get_loss, backward, step, zero_grad;
} socle_loop;

/* Open on purpose: callbacks read and replace these. New fields are added at the end only. */
struct socle_learner {
    socle_ctx *ctx;
    socle_module *model;
    socle_data *data;
    socle_optimizer *opt;
    socle_loss loss_fn;
    socle_loop loop;
    int n_epochs, epoch;           /* of this fit; epoch counts from 0 */
    size_t n_batches, batch_index; /* of this pass */
    double pos;                    /* share of the training batches of this fit done, [0, 1] */
    bool training;                 /* this pass trains */
    socle_batch batch;             /* valid from before_batch to cleanup_batch; callbacks may replace x and y */
    socle_tensor *pred, *loss;     /* valid from their after_ event to cleanup_batch */
    /* A row of results: n names and values. Set by the progress callback; NULL: nobody listens. */
    void (*log)(socle_learner *l, int n, const char *const *name, const double *value);
    void *log_user;
    float lr;                      /* what socle_fit was told */
    socle_status status;           /* of the fit so far, readable in cleanup events */
    uint64_t epochs_done;          /* training passes begun in all fits: the loaders' epoch number */
};

typedef struct socle_learner_desc {
    socle_device *device;
    socle_module *model;       /* consumed, whatever happens */
    socle_data *data;          /* borrowed */
    socle_loss loss;           /* fn NULL: cross entropy */
    const socle_opt_rule *opt; /* NULL: socle_sgd() */
    uint64_t seed;             /* of dropout and the ops' random stream */
    socle_group_fn group_of;   /* of the optimizer; NULL: one group. Must outlive the learner, as group_user must */
    void *group_user;
} socle_learner_desc;
SOCLE_API socle_learner *socle_learner_new(socle_learner_desc o); /* NULL on failure */
SOCLE_API void socle_learner_free(socle_learner *l);
/* Copies cb. One that could not be made (its name is NULL) fails the next fit with its own message. */
SOCLE_API void socle_learner_add(socle_learner *l, socle_callback cb);
/* Removes (and drops) the callbacks of that name; how many there were. Not inside a fit: 0 then. */
SOCLE_API int socle_learner_remove(socle_learner *l, const char *name);

/* epochs training passes, each followed by an evaluation pass (when data has validation samples). lr > 0: set on all
 * groups; 0: what the optimizer has. ERR_ARG for epochs < 1, lr < 0 or training data without a sample, and what loading,
 * computing or callbacks raise.
 * The optimizer keeps its state from fit to fit. Starts with socle_ctx_clear. */
SOCLE_API socle_status socle_fit(socle_learner *l, int epochs, double lr) SOCLE_MUST_USE;
typedef struct socle_fit_desc {
    int epochs;
    double lr;
    bool no_train, no_valid;
    bool reset_opt; /* forget the optimizer's state first */
} socle_fit_desc;
SOCLE_API socle_status socle_fit_with(socle_learner *l, socle_fit_desc o) SOCLE_MUST_USE;

/* While dry, fits of l (of any policy) compute and load nothing: they walk through their training batches for those callbacks
 * alone that say dry, the schedules and the recorder, so that a recorder tells which hyper-parameters every step would have.
 * Hyper-parameters are put back afterwards; counters and random stream stay as they are. socle_lr_find, socle_learner_batch and
 * socle_predict, which put everything back themselves, go on as ever. Not inside a fit: ERR_STATE. */
SOCLE_API socle_status socle_learner_set_dry(socle_learner *l, bool dry);

/* x of the first training batch of the epoch to come, as the model will get it: after the callbacks' before_batch. What
 * socle_lsuv wants, and whoever looks at the data. Owned: socle_release it. Nothing is trained, the learner's counters
 * and random stream are put back. NULL on failure. */
SOCLE_API socle_tensor *socle_learner_batch(socle_learner *l);

#ifdef __cplusplus
}
#endif
#endif

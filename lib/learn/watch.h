/* One column of the rows that callbacks log, and the best value of it in a fit. */
#ifndef LEARN_WATCH_H
#define LEARN_WATCH_H

#include <socle/callbacks.h>

typedef struct watch {
    char *metric; /* owned */
    bool higher, on_train;
    double min_delta;
    double value; /* of this pass; NaN until it is logged */
    bool logged;
    double best; /* of this fit; NaN before the first number */
    /* Who listened before. */
    void (*next)(socle_learner *l, int n, const char *const *name, const double *value);
    void *next_user;
} watch;

/* metric NULL: "loss". */
socle_status watch_init(watch *w, const socle_watch_desc *o);
void watch_free(watch *w);
/* before_fit: begins to listen. w is what the learner's log_user points at while its function runs. */
void watch_begin(watch *w, socle_learner *l);
/* after_epoch, once a pass that is watched is over: *improved says whether its value is the best so far, by more than
 * min_delta. ERR_ARG, in the name of who watches, if nothing was logged under that name. */
socle_status watch_judge(watch *w, const char *who, bool *improved);
/* Whether this pass is one that is watched. */
bool watch_wants(const watch *w, const socle_learner *l);

#endif

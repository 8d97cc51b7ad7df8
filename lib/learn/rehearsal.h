/* Fits whose counters are put back. */
#ifndef LEARN_REHEARSAL_H
#define LEARN_REHEARSAL_H

#include "learner.h"

/* A fit with cb beside the learner's callbacks, as the last of its order, and without those that want no rehearsal.
 * Afterwards the learner's counters and the random stream are what they were, so that the next fit sees the same data
 * and the same draws. What steps change is the caller's to put back. */
socle_status rehearse(socle_learner *l, socle_callback cb, socle_fit_desc o);

#endif

/* The losses of training batches: kept as tensors while a pass runs, so that nothing waits, and read after it. */
#ifndef LEARN_LOSSES_H
#define LEARN_LOSSES_H

#include <socle/learner.h>

typedef struct losses {
    float *value; /* of the batches read so far */
    size_t n, cap;
    socle_tensor **pending; /* owned */
    size_t n_pending, cap_pending;
} losses;

socle_status losses_push(losses *s, socle_tensor *loss);
/* Reads what is pending; waits. keep false: drops it instead. */
socle_status losses_settle(losses *s, bool keep);
void losses_free(losses *s);

#endif

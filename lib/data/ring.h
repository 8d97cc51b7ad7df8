/* A ring of slots in which worker threads make batches ahead of need. The ring knows order and threads; what a
 * batch is, and where its memory comes from, its owner says.
 *
 * Batch b of a round is made in slot b % slots. The owner puts room into the slot and calls ring_put; a worker
 * makes it; ring_front waits for the oldest batch that was not taken yet; ring_pop takes it. Workers pick batches
 * in order, so batches are ready in about that order, and the owner sees them in exactly that order. */
#ifndef DATA_RING_H
#define DATA_RING_H

#include "batch.h"

typedef struct ring_slot {
    size_t batch; /* the number of the batch in this slot */
    /* The owner's: tensors, where to write, and memory for devices that cannot be written to directly. */
    socle_tensor *x, *y;
    batch_memory to_x, to_y;
    void *stage_x, *stage_y;
    /* The answer of make. A worker's message lives in the worker's thread: text carries it over. */
    socle_status status;
    char text[512];
    bool done;
} ring_slot;

/* Fills slot->to_x and to_y with batch slot->batch. Called from worker `worker`'s thread, or with worker 0 from
 * ring_front where there are none. */
typedef socle_status (*ring_make)(void *user, int worker, ring_slot *slot);

typedef struct ring ring;
ring *ring_new(size_t slots, int workers, ring_make make, void *user);
void ring_free(ring *r); /* stops; the slots' contents are the owner's to free, before */
size_t ring_slots(const ring *r);
ring_slot *ring_slot_at(ring *r, size_t i);

socle_status ring_begin(ring *r, size_t batches) SOCLE_MUST_USE; /* starts the threads at its first call */
size_t ring_ahead(const ring *r);                                /* the number of the next batch to be put */
void ring_put(ring *r);                                          /* its slot has room now */
ring_slot *ring_front(ring *r);                                  /* waits; NULL after the last batch */
void ring_pop(ring *r);                                          /* the front slot is free again */
void ring_end(ring *r); /* waits for what is being made, forgets the rest */

#endif

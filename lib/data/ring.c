/* The loader's threads and their one lock. Counters only grow within a round: pop <= take <= put <= batches, and
 * slots in use are those of batches pop .. put - 1. */
#include "ring.h"

#include <string.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/thread.h"

typedef struct worker {
    struct ring *ring;
    int number;
    thread thread;
} worker;

struct ring {
    ring_make make;
    void *user;
    ring_slot *slot;
    worker *worker;
    size_t slots, batches;
    int workers, started;
    /* Under the lock: */
    mutex lock;
    condition work, made;
    size_t pop, take, put; /* next batch to be popped, made, put */
    int busy;              /* workers making one */
    bool quit;
};

static void make_in(ring *r, int number, ring_slot *slot)
{
    slot->status = r->make(r->user, number, slot);
    if (slot->status == SOCLE_OK)
        return;
    size_t length = strlen(socle_error());
    length = length < sizeof slot->text ? length : sizeof slot->text - 1;
    memcpy(slot->text, socle_error(), length);
    slot->text[length] = '\0';
}

static void *work(void *arg)
{
    worker *w = arg;
    ring *r = w->ring;
    mutex_lock(&r->lock);
    while (!r->quit) {
        if (r->take == r->put) {
            condition_wait(&r->work, &r->lock);
            continue;
        }
        ring_slot *slot = &r->slot[r->take++ % r->slots];
        r->busy++;
        mutex_unlock(&r->lock);
        make_in(r, w->number, slot);
        mutex_lock(&r->lock);
        r->busy--;
        slot->done = true;
        condition_wake_all(&r->made);
    }
    mutex_unlock(&r->lock);
    return NULL;
}

static socle_status init_lock(ring *r)
{
    SOCLE_TRY(mutex_init(&r->lock));
    socle_status s = condition_init(&r->work);
    if (s == SOCLE_OK) {
        s = condition_init(&r->made);
        if (s == SOCLE_OK)
            return SOCLE_OK;
        condition_free(&r->work);
    }
    mutex_free(&r->lock);
    return s;
}

ring *ring_new(size_t slots, int workers, ring_make make, void *user)
{
    ring *r = socle_mem_zeroed(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (ring){ .make = make, .user = user, .slots = slots, .workers = workers };
    r->slot = socle_mem_zeroed(slots, sizeof *r->slot);
    r->worker = r->slot ? socle_mem_zeroed((size_t)workers, sizeof *r->worker) : NULL;
    if (r->worker && init_lock(r) == SOCLE_OK)
        return r;
    socle_mem_free(r->worker);
    socle_mem_free(r->slot);
    socle_mem_free(r);
    return NULL;
}

static void stop_threads(ring *r)
{
    mutex_lock(&r->lock);
    r->quit = true;
    condition_wake_all(&r->work);
    mutex_unlock(&r->lock);
    for (; r->started > 0; r->started--)
        thread_join(&r->worker[r->started - 1].thread);
    r->quit = false;
}

void ring_free(ring *r)
{
    if (!r)
        return;
    stop_threads(r);
    condition_free(&r->made);
    condition_free(&r->work);
    mutex_free(&r->lock);
    socle_mem_free(r->worker);
    socle_mem_free(r->slot);
    socle_mem_free(r);
}

size_t ring_slots(const ring *r)
{
    return r->slots;
}

ring_slot *ring_slot_at(ring *r, size_t i)
{
    return &r->slot[i];
}

socle_status ring_begin(ring *r, size_t batches)
{
    r->batches = batches;
    for (; r->started < r->workers; r->started++) {
        worker *w = &r->worker[r->started];
        *w = (worker){ .ring = r, .number = r->started };
        socle_status s = thread_start(&w->thread, work, w);
        if (s != SOCLE_OK) {
            stop_threads(r);
            return s;
        }
    }
    return SOCLE_OK;
}

/* put and pop are written by the owner's thread alone, so it may read them without the lock. */
size_t ring_ahead(const ring *r)
{
    return r->put;
}

void ring_put(ring *r)
{
    ring_slot *slot = &r->slot[r->put % r->slots];
    mutex_lock(&r->lock);
    slot->batch = r->put++;
    slot->status = SOCLE_OK;
    slot->done = false;
    condition_wake_all(&r->work);
    mutex_unlock(&r->lock);
}

ring_slot *ring_front(ring *r)
{
    if (r->pop == r->batches)
        return NULL;
    ring_slot *slot = &r->slot[r->pop % r->slots];
    if (r->workers == 0 && !slot->done) {
        make_in(r, 0, slot);
        slot->done = true;
    }
    mutex_lock(&r->lock);
    while (!slot->done)
        condition_wait(&r->made, &r->lock);
    mutex_unlock(&r->lock);
    return slot;
}

void ring_pop(ring *r)
{
    mutex_lock(&r->lock);
    r->pop++;
    mutex_unlock(&r->lock);
}

void ring_end(ring *r)
{
    mutex_lock(&r->lock);
    r->take = r->put; /* nothing further to make */
    while (r->busy > 0)
        condition_wait(&r->made, &r->lock);
    r->pop = r->take = r->put = 0;
    r->batches = 0;
    mutex_unlock(&r->lock);
}

/* Counters behind socle_prim_stats: who is silently slow? Relaxed atomics, so that threads sharing a device do
 * not wait for each other; the numbers are exact once they are done. */
#include "prim/stats.h"

#include "core/error.h"
#include "core/log.h"
#include <socle/sys/memory.h>

struct prim_stats {
    atomic_ullong slot[PRIM_SLOT_COUNT], composed[PRIM_SLOT_COUNT];
};

static const char *const slot_names[PRIM_SLOT_COUNT] = {
#define SLOT(name) #name,
    PRIM_SLOTS(SLOT)
#undef SLOT
};

static void drop(socle_device *d, struct prim_stats *s)
{
    for (int i = 0; i < PRIM_SLOT_COUNT && log_enabled(SOCLE_LOG_INFO); i++) {
        unsigned long long slot = atomic_load(&s->slot[i]), composed = atomic_load(&s->composed[i]);
        if (slot || composed)
            log_text(SOCLE_LOG_INFO, "%s: %s ran %llu times, its composition %llu times", d->backend->name,
                     slot_names[i], slot, composed);
    }
    socle_mem_free(s);
}

socle_status stats_ready(socle_device *d)
{
    if (atomic_load_explicit(&d->stats, memory_order_acquire))
        return SOCLE_OK;
    struct prim_stats *made = socle_mem_zeroed(1, sizeof *made), *there = NULL;
    if (!made)
        return SOCLE_ERR_NOMEM;
    if (atomic_compare_exchange_strong(&d->stats, &there, made))
        d->stats_drop = drop;
    else
        socle_mem_free(made);
    return SOCLE_OK;
}

void stats_slot(socle_device *d, prim_slot slot)
{
    struct prim_stats *s = atomic_load_explicit(&d->stats, memory_order_acquire);
    atomic_fetch_add_explicit(&s->slot[slot], 1, memory_order_relaxed);
}

void stats_composed(socle_device *d, prim_slot slot)
{
    struct prim_stats *s = atomic_load_explicit(&d->stats, memory_order_acquire);
    atomic_fetch_add_explicit(&s->composed[slot], 1, memory_order_relaxed);
}

size_t socle_prim_stats(const socle_device *d, socle_slot_stat *out, size_t cap)
{
    struct prim_stats *s = atomic_load_explicit(&d->stats, memory_order_acquire);
    for (size_t i = 0; i < PRIM_SLOT_COUNT && i < cap; i++)
        out[i] = (socle_slot_stat){ .name = slot_names[i],
                                    .slot = s ? atomic_load(&s->slot[i]) : 0,
                                    .composed = s ? atomic_load(&s->composed[i]) : 0 };
    return PRIM_SLOT_COUNT;
}

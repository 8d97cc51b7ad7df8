/* Devices: opening, their reference count, and what can be asked of one. Which there are: registry.c. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include "alloc.h"
#include "error.h"

enum { MOST_THREADS = 1024 };

/* Bytes of host memory that a device keeps for the next step: a thousand tensors take a third of a megabyte. */
static const size_t host_keep = (size_t)8 << 20;

/* ---- life ---- */

static socle_status device_open(const char *spec, const socle_device_desc *desc, socle_device **out)
{
    device_place s = { 0 };
    SOCLE_TRY(registry_find(spec, &s));
    SOCLE_CHECK(desc->threads >= 0 && desc->threads <= MOST_THREADS, SOCLE_ERR_ARG,
                "device '%s': %d threads, 1 to %d are possible, or 0 for the default", s.backend->name,
                desc->threads, (int)MOST_THREADS);
    socle_device *d = socle_mem_zeroed(1, sizeof *d);
    if (d == NULL)
        return SOCLE_ERR_NOMEM;
    atomic_init(&d->refs, 1);
    atomic_init(&d->generations, 0);
    atomic_init(&d->stats, NULL);
    d->backend = s.backend;
    d->compose_only = desc->compose_only;
    d->cache = socle_mem_cache_new(host_keep);
    socle_status status = d->cache == NULL ? SOCLE_ERR_NOMEM : s.backend->open(s.index, desc, &d->self);
    if (status != SOCLE_OK) {
        socle_mem_cache_free(d->cache);
        socle_mem_free(d);
        return status;
    }
    s.backend->caps(d->self, &d->caps);
    snprintf(d->name, sizeof d->name, "%s: %.*s", s.backend->name, (int)sizeof d->caps.name - 1, d->caps.name);
    *out = d;
    return SOCLE_OK;
}

socle_device *socle_device_open(const char *spec, socle_device_desc desc)
{
    if (spec == NULL)
        spec = getenv("SOCLE_DEVICE");
    char best[64];
    if (spec == NULL || spec[0] == '\0') {
        if (socle_device_default(best, sizeof best) != SOCLE_OK)
            return NULL;
        spec = best;
    }
    socle_device *d = NULL;
    return device_open(spec, &desc, &d) == SOCLE_OK ? d : NULL;
}

void device_retain(socle_device *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
}

void device_release(socle_device *d)
{
    if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (d->stats_drop != NULL)
        d->stats_drop(d, atomic_load(&d->stats));
    d->backend->close(d->self);
    socle_mem_cache_free(d->cache);
    socle_mem_free(d);
}

void socle_device_close(socle_device *d)
{
    device_release(d);
}

/* ---- questions ---- */

socle_status socle_device_sync(socle_device *d)
{
    SOCLE_CHECK(d != NULL, SOCLE_ERR_ARG, "device_sync: the device is NULL");
    return d->backend->sync(d->self);
}

const char *socle_device_name(const socle_device *d)
{
    return d == NULL ? "no device" : d->name;
}

socle_dtype socle_device_real(const socle_device *d)
{
    return d == NULL ? SOCLE_F32 : d->caps.real;
}

const socle_backend *socle_device_backend(const socle_device *d)
{
    return d->backend;
}

void *socle_device_self(const socle_device *d)
{
    return d->self;
}

socle_counters socle_device_counters(const socle_device *d)
{
    socle_counters c = { 0 };
    if (d->backend->counters != NULL)
        d->backend->counters(d->self, &c);
    return c;
}

/* The registry of backends, specs like "cl:1", reference-counted devices, and their memory. */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include <stdatomic.h>
#include <socle/sys/backend.h>
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>

struct socle_device {
    atomic_int refs; /* the owner's, each storage's and each ctx's */
    const socle_backend *backend;
    void *self;
    socle_caps caps;
    bool compose_only;
    socle_mem_cache *cache; /* of what is made and dropped in every step: handles, storages, tables */
    atomic_ullong generations;          /* tapes take numbers from here */
    _Atomic(struct prim_stats *) stats; /* made by the first primitive, owned; lib/prim/stats.c alone knows it */
    void (*stats_drop)(struct socle_device *d, struct prim_stats *s); /* logs and frees, or NULL */
    char name[192];
};

/* ---- registry.c ---- */
typedef struct device_place {
    const socle_backend *backend;
    int index;
} device_place;
socle_status registry_find(const char *spec, device_place *out); /* ERR_ARG unless it fits exactly one device */

/* ---- device.c ---- */
void device_retain(socle_device *d);
void device_release(socle_device *d); /* the last one closes the backend */

#endif

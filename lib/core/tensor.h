/* Views over reference-counted storage. */
#ifndef CORE_TENSOR_H
#define CORE_TENSOR_H

#include <stdatomic.h>
#include <socle/sys/prim.h>
#include "device.h"

/* Device memory with its owner count; pins the device. */
typedef struct storage {
    atomic_int refs;
    socle_device *device;
    void *buffer; /* NULL when bytes is 0 */
    size_t bytes;
    atomic_ullong version; /* advanced by every write after birth */
} storage;

struct socle_tensor {
    atomic_int refs;
    storage *store;
    socle_view view;
    bool requires_grad; /* leaf that wants a gradient */
    socle_tensor *grad; /* owned, or NULL */
    /* Which recorded op made it: the tape's generation (0: none), node and output. Meaningless once the tape moved
     * on. */
    uint64_t generation;
    int32_t node, output;
};

storage *storage_new(socle_device *d, size_t bytes);
storage *storage_retain(storage *s);
void storage_release(storage *s);
/* The tensor's memory if the host may touch it (after all commands are done), else NULL. */
void *tensor_host(const socle_tensor *t);
/* ---- transfer.c ---- */
/* Raw bytes into a dense t, in its own memory order: (dim[0] rounded up to lanes) x the other dims elements, for workers
 * that have laid them out already. Nothing is rearranged on the device. */
socle_status tensor_upload_dense(socle_tensor *t, const void *host, size_t bytes) SOCLE_MUST_USE;

/* ---- tensor.c ---- */
/* Advances the version: call after enqueuing a write to t. */
void tensor_touch(socle_tensor *t);
/* Nobody else holds this handle or its storage. */
bool tensor_is_sole_owner(const socle_tensor *t);
void tensor_set_grad(socle_tensor *t, socle_tensor *g); /* takes over the reference to g */

#endif

/* Device and memory of the reference, shared by its two tables: the device has no state, its memory is the
 * host's. */
#ifndef REF_REF_H
#define REF_REF_H

#include <socle/sys/backend.h>

int ref_count(void);
socle_status ref_open(int index, const socle_device_desc *o, void **self);
void ref_close(void *self);
socle_status ref_alloc(void *self, size_t bytes, void **buffer);
void ref_free(void *self, void *buffer, size_t bytes);
void *ref_host_ptr(void *self, void *buffer);
socle_status ref_write(void *self, void *buffer, size_t at, const void *src, size_t bytes);
socle_status ref_read(void *self, void *buffer, size_t at, void *dst, size_t bytes);
socle_status ref_sync(void *self);

#endif

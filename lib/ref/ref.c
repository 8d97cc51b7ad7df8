/* The reference device: plain host memory, everything done when the call returns. The primitives are in
 * body_*.h, the two tables, socle_backend_ref (float) and socle_backend_ref64 (double), in ref_f32.c and
 * ref_f64.c. */
#include "ref.h"

#include <string.h>
#include <socle/sys/memory.h>

int ref_count(void)
{
    return 1;
}

socle_status ref_open(int index, const socle_device_desc *o, void **self)
{
    (void)index, (void)o;
    *self = NULL;
    return SOCLE_OK;
}

void ref_close(void *self)
{
    (void)self;
}

socle_status ref_alloc(void *self, size_t bytes, void **buffer)
{
    (void)self;
    if (bytes > SIZE_MAX - 63)
        return socle_fail(SOCLE_ERR_NOMEM, "a buffer of %zu bytes does not fit into memory", bytes);
    *buffer = socle_mem_alloc((bytes + 63) / 64 * 64);
    return *buffer ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

void ref_free(void *self, void *buffer, size_t bytes)
{
    (void)self, (void)bytes;
    socle_mem_free(buffer);
}

void *ref_host_ptr(void *self, void *buffer)
{
    (void)self;
    return buffer;
}

socle_status ref_write(void *self, void *buffer, size_t at, const void *src, size_t bytes)
{
    (void)self;
    memcpy((char *)buffer + at, src, bytes);
    return SOCLE_OK;
}

socle_status ref_read(void *self, void *buffer, size_t at, void *dst, size_t bytes)
{
    (void)self;
    memcpy(dst, (const char *)buffer + at, bytes);
    return SOCLE_OK;
}

socle_status ref_sync(void *self)
{
    (void)self;
    return SOCLE_OK;
}

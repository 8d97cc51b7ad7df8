/* Device memory with an owner count and a version. Buffers count as live blocks and can be made to fail, like host
 * memory (sys/test.h). */
#include "alloc.h"
#include "error.h"
#include "tensor.h"

static socle_status take_buffer(socle_device *d, size_t bytes, void **buffer)
{
    if (bytes == 0)
        return SOCLE_OK;
    SOCLE_CHECK(!socle_test_take_fault(), SOCLE_ERR_NOMEM, "out of device memory: %zu bytes were asked for", bytes);
    SOCLE_TRY(d->backend->alloc(d->self, bytes, buffer));
    live_blocks_add(+1);
    return SOCLE_OK;
}

storage *storage_new(socle_device *d, size_t bytes)
{
    storage *s = socle_mem_cache_take(d->cache, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (storage){ .device = d, .bytes = bytes };
    atomic_init(&s->refs, 1);
    atomic_init(&s->version, 0);
    if (take_buffer(d, bytes, &s->buffer) != SOCLE_OK) {
        socle_mem_cache_give(d->cache, s, sizeof *s);
        return NULL;
    }
    device_retain(d);
    return s;
}

storage *storage_retain(storage *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void storage_release(storage *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    socle_device *d = s->device;
    if (s->bytes > 0) {
        d->backend->free(d->self, s->buffer, s->bytes);
        live_blocks_add(-1);
    }
    socle_mem_cache_give(d->cache, s, sizeof *s);
    device_release(d);
}

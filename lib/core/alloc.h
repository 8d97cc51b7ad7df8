/* Overflow-checked sizes; the allocator itself is public: sys/memory.h. alloc.c also holds the live-block count and
 * the fault countdown of sys/test.h. */
#ifndef CORE_ALLOC_H
#define CORE_ALLOC_H

#include <socle/sys/memory.h>
#include <socle/sys/test.h>

/* False when the product or sum does not fit. */
bool size_mul(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

/* Device buffers count as blocks too: +1 when one is taken, -1 when it is given back. */
void live_blocks_add(int change);

/* NULL, with ERR_NOMEM raised for that many bytes. */
void *mem_exhausted(size_t bytes);

#endif

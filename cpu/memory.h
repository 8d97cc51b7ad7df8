/* Memory of the device: blocks that are kept when freed and used again, since returning large blocks to the
 * system and faulting them in anew costs more than the arithmetic of a training step. */
#ifndef CPU_MEMORY_H
#define CPU_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Safe to use from several threads. */
typedef struct memory_pool memory_pool;

/* keep: bytes that freed blocks may hold. NULL on failure, with ERR_NOMEM raised. */
memory_pool *memory_pool_new(size_t keep);
/* Gives back what is kept. Blocks still in use must have been given back before. */
void memory_pool_free(memory_pool *p);

/* At least `bytes`, 64-byte aligned (2 MiB and more: aligned to 2 MiB, in huge pages where the system has them),
 * padded to 64, contents undefined. The block of its size that was freed last, which the caches still hold, or a
 * new one. NULL on failure, with ERR_NOMEM raised. */
void *memory_take(memory_pool *p, size_t bytes);
/* NULL is allowed. */
void memory_give(memory_pool *p, void *block);

/* Bytes in kept blocks. */
size_t memory_kept(memory_pool *p);
/* Bytes of all blocks ever taken from the allocator. */
uint64_t memory_taken(memory_pool *p);

#endif

/* Host memory from the library's allocator (socle_set_allocator), for layers, optimizer rules, datasets and backends: what
 * is taken here is counted and made to fail by the tests. NULL on failure, with ERR_NOMEM raised. */
#ifndef SOCLE_SYS_MEMORY_H
#define SOCLE_SYS_MEMORY_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

SOCLE_API void *socle_mem_alloc(size_t bytes);               /* 64-byte aligned, contents undefined; 0 bytes is a block */
SOCLE_API void *socle_mem_zeroed(size_t count, size_t size); /* zeros; the product is checked */
SOCLE_API char *socle_mem_string(const char *text);          /* a copy */
SOCLE_API void socle_mem_free(void *ptr);                    /* NULL is allowed */
/* ptr (or NULL) grown to hold at least `need` items of `size` bytes; *cap is updated. NULL: ptr is as it was. */
SOCLE_API void *socle_mem_grow(void *ptr, size_t *cap, size_t need, size_t size);

/* Blocks that are taken and given back over and over, as in every training step: what is given back is kept and serves the
 * next request of about its size. Safe to use from several threads. Built with AddressSanitizer it keeps nothing, so that
 * use after free is found. */
typedef struct socle_mem_cache socle_mem_cache;
SOCLE_API socle_mem_cache *socle_mem_cache_new(size_t keep); /* bytes that kept blocks may hold */
SOCLE_API void socle_mem_cache_free(socle_mem_cache *m);     /* after all blocks have been given back */
/* 64-byte aligned, contents undefined. */
SOCLE_API void *socle_mem_cache_take(socle_mem_cache *m, size_t bytes);
SOCLE_API void socle_mem_cache_give(socle_mem_cache *m, void *block, size_t bytes); /* as taken; NULL is allowed */
SOCLE_API bool socle_mem_cache_keeps(void); /* false with AddressSanitizer */

#ifdef __cplusplus
}
#endif
#endif

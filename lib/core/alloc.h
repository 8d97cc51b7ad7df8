/* Host memory: the user's allocator, overflow-checked sizes, live-block count and the fault countdown of the tests. */
#ifndef CORE_ALLOC_H
#define CORE_ALLOC_H

#include <socle/base.h>

/* All NULL on failure, with ERR_NOMEM raised (which allocates nothing). Zero bytes give a unique block. */
void *mem_alloc(size_t bytes);                 /* 64-byte aligned, contents undefined */
void *mem_zeroed(size_t count, size_t size);   /* count * size bytes of zeros; the product is checked */
char *mem_copy_string(const char *text);
void mem_free(void *ptr);                      /* NULL is allowed */
/* ptr (or NULL) grown to hold at least `need` items of `size` bytes; *cap is updated. ptr stays valid on failure. */
void *mem_grow(void *ptr, size_t *cap, size_t need, size_t size);

/* False when the product or sum does not fit. */
bool size_mul(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

#endif

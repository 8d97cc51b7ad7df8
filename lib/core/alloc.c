/* Host memory: the process's allocator, how many blocks it has out, and the countdown that makes one request fail.
 *
 * A block is preceded by one cache line that remembers its size, since the user's free is told it. */
#define _DEFAULT_SOURCE /* madvise */
#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { ALIGN = 64, HEADER = ALIGN, PAGE = 4096, HUGE_LEAST = 4 << 20 };

typedef struct header {
    size_t bytes; /* of the block with this header: what the allocator gave */
} header;
_Static_assert(sizeof(header) <= HEADER, "a header is one cache line");

/* A data set of 47 MB is 11,500 small pages, each of which costs the kernel a microsecond or more when it is first
 * touched. */
static void wish_for_huge_pages(void *ptr, size_t bytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    uintptr_t from = ((uintptr_t)ptr + PAGE - 1) / PAGE * PAGE, to = (uintptr_t)ptr + bytes;
    (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)ptr, (void)bytes;
#endif
}

static void *system_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    void *ptr = NULL;
    if (posix_memalign(&ptr, align, bytes) != 0)
        return NULL;
    if (bytes >= HUGE_LEAST)
        wish_for_huge_pages(ptr, bytes);
    return ptr;
}

static void system_free(void *user, void *ptr, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(ptr);
}

static socle_allocator allocator = { system_alloc, system_free, NULL };
static atomic_bool in_use; /* the allocator is fixed from now on */
static atomic_llong live;
static atomic_llong countdown = -1;
static atomic_bool countdown_hit;

socle_status socle_set_allocator(const socle_allocator *a)
{
    SOCLE_CHECK(a != NULL && a->alloc != NULL && a->free != NULL, SOCLE_ERR_ARG,
                "set_allocator: alloc and free are both required");
    SOCLE_CHECK(!atomic_load(&in_use), SOCLE_ERR_STATE, "set_allocator: memory has been taken already");
    allocator = *a;
    return SOCLE_OK;
}

/* ---- tests ---- */

void socle_test_fail_alloc(int64_t n)
{
    atomic_store(&countdown_hit, false);
    atomic_store(&countdown, n);
}

bool socle_test_alloc_failed(void)
{
    return atomic_load(&countdown_hit);
}

int64_t socle_test_live_blocks(void)
{
    return atomic_load(&live);
}

bool socle_test_take_fault(void)
{
    if (atomic_load_explicit(&countdown, memory_order_relaxed) < 0 || atomic_fetch_sub(&countdown, 1) != 0)
        return false;
    atomic_store(&countdown_hit, true);
    return true;
}

void live_blocks_add(int change)
{
    atomic_fetch_add_explicit(&live, change, memory_order_relaxed);
}

/* ---- sizes ---- */

bool size_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

/* ---- blocks ---- */

void *mem_exhausted(size_t bytes)
{
    socle_fail(SOCLE_ERR_NOMEM, "out of host memory: %zu bytes were asked for", bytes);
    return NULL;
}

void *socle_mem_alloc(size_t bytes)
{
    if (!atomic_load_explicit(&in_use, memory_order_relaxed))
        atomic_store(&in_use, true);
    size_t total;
    if (socle_test_take_fault() || !size_add(bytes, HEADER, &total))
        return mem_exhausted(bytes);
    unsigned char *block = allocator.alloc(allocator.user, total, ALIGN);
    if (block == NULL)
        return mem_exhausted(bytes);
    *(header *)(void *)block = (header){ total };
    live_blocks_add(+1);
    return block + HEADER;
}

void socle_mem_free(void *ptr)
{
    if (ptr == NULL)
        return;
    unsigned char *block = (unsigned char *)ptr - HEADER;
    allocator.free(allocator.user, block, ((header *)(void *)block)->bytes);
    live_blocks_add(-1);
}

void *socle_mem_zeroed(size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes))
        return mem_exhausted(SIZE_MAX);
    void *ptr = socle_mem_alloc(bytes);
    return ptr == NULL ? NULL : memset(ptr, 0, bytes);
}

char *socle_mem_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = socle_mem_alloc(bytes);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

/* Grows by half, so that n appends cost O(n). */
void *socle_mem_grow(void *ptr, size_t *cap, size_t need, size_t size)
{
    if (ptr != NULL && need <= *cap)
        return ptr;
    size_t more = *cap + *cap / 2;
    size_t count = need > more ? need : more;
    if (count < 8)
        count = 8;
    size_t bytes;
    if (!size_mul(count, size, &bytes))
        return mem_exhausted(SIZE_MAX);
    void *grown = socle_mem_alloc(bytes);
    if (grown == NULL)
        return NULL;
    if (ptr != NULL)
        memcpy(grown, ptr, *cap * size);
    socle_mem_free(ptr);
    *cap = count;
    return grown;
}

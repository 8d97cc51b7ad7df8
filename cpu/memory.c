/* The pool of memory.h: one stack of free blocks for each of a fixed list of sizes, powers of two and the three
 * quarter steps between them, so that no block is more than a quarter larger than asked for.
 *
 * A block comes from the library's allocator and is preceded by one cache line that says where it came from.
 * Under AddressSanitizer what nobody asked for is poisoned: the rest of a block in use, and all of a free one. */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "memory.h"

#include <pthread.h>
#include <stdint.h>
#include <socle/sys/memory.h>
#include <socle/sys/test.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#ifdef POISONS
#include <sanitizer/asan_interface.h>
#endif

enum { LINE = 64, HUGE_PAGE = 2 << 20, STEPS = 4, SIZES = 58 * STEPS };

typedef struct block {
    void *raw;          /* from the allocator */
    size_t bytes;       /* usable */
    struct block *next; /* below it in its stack */
    int size_index;
} block;
_Static_assert(sizeof(block) <= LINE, "a block's header is one cache line");

struct memory_pool {
    pthread_mutex_t lock;
    size_t keep, kept; /* bytes */
    uint64_t taken;    /* bytes, in all */
    block *free[SIZES];
};

static void poison(const void *p, size_t bytes)
{
#ifdef POISONS
    ASAN_POISON_MEMORY_REGION(p, bytes);
#endif
    (void)p, (void)bytes;
}

static void unpoison(const void *p, size_t bytes)
{
#ifdef POISONS
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#endif
    (void)p, (void)bytes;
}

/* ---- sizes ---- */

/* Index of the smallest size that holds bytes; *size is that size. Sizes below 4 lines are whole lines. */
static int size_index(size_t bytes, size_t *size)
{
    size_t lines = bytes <= LINE ? 1 : (bytes - 1) / LINE + 1;
    if (lines <= STEPS) {
        *size = lines * LINE;
        return (int)lines - 1;
    }
    int log = 63 - __builtin_clzll((unsigned long long)lines - 1); /* 2^log <= lines - 1 < 2^(log + 1) */
    size_t step = (size_t)1 << (log - 2);
    size_t steps = (lines - 1) / step + 1; /* 5 to 8 */
    *size = steps * step * LINE;
    return (log - 1) * STEPS + (int)steps - STEPS - 1;
}

/* ---- blocks ---- */

static block *header_of(void *data)
{
    return (block *)((unsigned char *)data - LINE);
}

static void *data_of(block *b)
{
    return (unsigned char *)b + LINE;
}

static void release(block *b)
{
    unpoison(b->raw, (size_t)((unsigned char *)data_of(b) - (unsigned char *)b->raw) + b->bytes);
    socle_mem_free(b->raw);
}

static block *block_new(size_t size, int index)
{
    size_t align = size >= HUGE_PAGE ? HUGE_PAGE : LINE;
    if (size > SIZE_MAX - LINE - align)
        return socle_mem_alloc(SIZE_MAX); /* raises ERR_NOMEM */
    unsigned char *raw = socle_mem_alloc(size + LINE + (align > LINE ? align : 0));
    if (raw == NULL)
        return NULL;
    uintptr_t data = ((uintptr_t)raw + LINE + align - 1) / align * align;
    block *b = header_of(raw + (data - (uintptr_t)raw));
    *b = (block){ .raw = raw, .bytes = size, .size_index = index };
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == HUGE_PAGE)
        (void)madvise(data_of(b), size, MADV_HUGEPAGE); /* a wish: small pages do as well, only slower */
#endif
    return b;
}

/* ---- pool ---- */

memory_pool *memory_pool_new(size_t keep)
{
    memory_pool *p = socle_mem_zeroed(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->keep = keep;
    pthread_mutex_init(&p->lock, NULL); /* Linux and the BSDs: cannot fail with default attributes */
    return p;
}

/* Gives all kept blocks back to the allocator; true if there were any. */
static bool drain(memory_pool *p)
{
    pthread_mutex_lock(&p->lock);
    block *all = NULL;
    for (int i = 0; i < SIZES; i++) {
        while (p->free[i] != NULL) {
            block *b = p->free[i];
            p->free[i] = b->next;
            b->next = all;
            all = b;
        }
    }
    p->kept = 0;
    pthread_mutex_unlock(&p->lock);
    bool any = all != NULL;
    while (all != NULL) {
        block *b = all;
        all = b->next;
        release(b);
    }
    return any;
}

void memory_pool_free(memory_pool *p)
{
    if (p == NULL)
        return;
    drain(p);
    pthread_mutex_destroy(&p->lock);
    socle_mem_free(p);
}

static block *take_block(memory_pool *p, size_t size, int index)
{
    block *b = block_new(size, index);
    if (b != NULL) {
        pthread_mutex_lock(&p->lock);
        p->taken += size;
        pthread_mutex_unlock(&p->lock);
    }
    return b;
}

void *memory_take(memory_pool *p, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return socle_mem_alloc(SIZE_MAX); /* raises ERR_NOMEM */
    size_t size;
    int index = size_index(bytes, &size);
    pthread_mutex_lock(&p->lock);
    block *b = p->free[index];
    if (b != NULL) {
        p->free[index] = b->next;
        p->kept -= size;
    }
    pthread_mutex_unlock(&p->lock);
    if (b == NULL)
        b = take_block(p, size, index);
    /* What is kept may be what is missing. (Not where a test made the allocation fail: it wants to see that.) */
    if (b == NULL && !socle_test_alloc_failed() && drain(p))
        b = take_block(p, size, index);
    if (b == NULL)
        return NULL;
    size_t padded = bytes <= LINE ? LINE : (bytes - 1) / LINE * LINE + LINE;
    unpoison(data_of(b), padded);
    poison((unsigned char *)data_of(b) + padded, size - padded);
    return data_of(b);
}

void memory_give(memory_pool *p, void *data)
{
    if (data == NULL)
        return;
    block *b = header_of(data);
    pthread_mutex_lock(&p->lock);
    bool keeps = b->bytes <= p->keep && p->kept <= p->keep - b->bytes;
    if (keeps) {
        poison(data, b->bytes);
        b->next = p->free[b->size_index];
        p->free[b->size_index] = b;
        p->kept += b->bytes;
    }
    pthread_mutex_unlock(&p->lock);
    if (!keeps)
        release(b);
}

size_t memory_kept(memory_pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t kept = p->kept;
    pthread_mutex_unlock(&p->lock);
    return kept;
}

uint64_t memory_taken(memory_pool *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t taken = p->taken;
    pthread_mutex_unlock(&p->lock);
    return taken;
}

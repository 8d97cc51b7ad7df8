/* The cache of sys/memory.h: one stack of free blocks for each power of two.
 *
 * To the tests' counts a kept block is as good as returned, and taking it again is an allocation, which a countdown may
 * make fail: what a program takes does not depend on what happens to be kept. */
#include "alloc.h"

#include "error.h"
#include "thread.h"

#if defined(__SANITIZE_ADDRESS__)
#define FINDS_USE_AFTER_FREE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FINDS_USE_AFTER_FREE 1
#endif
#endif

enum { LEAST = 64, SIZES = 16 }; /* up to 2 MiB; larger blocks are not kept */

typedef struct spare {
    struct spare *next; /* below it in its stack */
} spare;

struct socle_mem_cache {
    mutex lock;
    size_t keep, kept; /* bytes */
    spare *free[SIZES];
};

bool socle_mem_cache_keeps(void)
{
#ifdef FINDS_USE_AFTER_FREE
    return false; /* a block that is used again at once would hide that somebody still used it */
#else
    return true;
#endif
}

/* The stack of blocks that hold bytes, and their size; SIZES if there is none. */
static int size_index(size_t bytes, size_t *size)
{
    int i = 0;
    for (*size = LEAST; i < SIZES && *size < bytes; i++)
        *size *= 2;
    return i;
}

socle_mem_cache *socle_mem_cache_new(size_t keep)
{
    socle_mem_cache *m = socle_mem_zeroed(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->keep = socle_mem_cache_keeps() ? keep : 0;
    if (mutex_init(&m->lock) != SOCLE_OK) {
        socle_mem_free(m);
        return NULL;
    }
    return m;
}

static void drop_stack(spare *s)
{
    while (s != NULL) {
        spare *next = s->next;
        live_blocks_add(+1);
        socle_mem_free(s);
        s = next;
    }
}

void socle_mem_cache_free(socle_mem_cache *m)
{
    if (m == NULL)
        return;
    for (int i = 0; i < SIZES; i++)
        drop_stack(m->free[i]);
    mutex_free(&m->lock);
    socle_mem_free(m);
}

/* Puts s among the spare blocks, if there is room. */
static bool keep_block(socle_mem_cache *m, spare *s, int index, size_t size)
{
    mutex_lock(&m->lock);
    bool keeps = size <= m->keep && m->kept <= m->keep - size;
    if (keeps) {
        s->next = m->free[index];
        m->free[index] = s;
        m->kept += size;
    }
    mutex_unlock(&m->lock);
    return keeps;
}

static spare *spare_block(socle_mem_cache *m, int index, size_t size)
{
    mutex_lock(&m->lock);
    spare *s = m->free[index];
    if (s != NULL) {
        m->free[index] = s->next;
        m->kept -= size;
    }
    mutex_unlock(&m->lock);
    return s;
}

void *socle_mem_cache_take(socle_mem_cache *m, size_t bytes)
{
    size_t size;
    int index = size_index(bytes, &size);
    if (index == SIZES)
        return socle_mem_alloc(bytes);
    spare *s = spare_block(m, index, size);
    if (s == NULL)
        return socle_mem_alloc(size);
    live_blocks_add(+1);
    if (!socle_test_take_fault())
        return s;
    socle_mem_cache_give(m, s, bytes);
    return mem_exhausted(bytes);
}

void socle_mem_cache_give(socle_mem_cache *m, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    size_t size;
    int index = size_index(bytes, &size);
    if (index < SIZES && keep_block(m, block, index, size))
        live_blocks_add(-1);
    else
        socle_mem_free(block);
}

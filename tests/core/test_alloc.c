/* Host memory: alignment, counts, faults, growth, and the user's own allocator. Every test is a process of its own,
 * so "before first use" can be tested. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include "core/alloc.h"

Test(alloc, a_block_is_aligned_counted_and_given_back)
{
    int64_t before = socle_test_live_blocks();
    void *block[4];
    for (size_t i = 0; i < 4; i++) {
        block[i] = socle_mem_alloc(i * 33); /* 0 bytes too */
        cr_assert_not_null(block[i]);
        cr_assert_eq((uintptr_t)block[i] % 64, 0);
        memset(block[i], 0xA5, i * 33);
    }
    cr_assert_neq(block[0], block[1]);
    cr_assert_eq(socle_test_live_blocks(), before + 4);
    for (size_t i = 0; i < 4; i++)
        socle_mem_free(block[i]);
    socle_mem_free(NULL);
    cr_assert_eq(socle_test_live_blocks(), before);
}

Test(alloc, zeroed_memory_is_zero_after_reuse_and_checks_its_product)
{
    unsigned char *dirty = socle_mem_alloc(1000);
    memset(dirty, 0xFF, 1000);
    socle_mem_free(dirty);
    unsigned char *clean = socle_mem_zeroed(10, 100);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(clean[i], 0);
    socle_mem_free(clean);
    cr_assert_null(socle_mem_zeroed(SIZE_MAX / 2, 3));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    cr_assert_null(socle_mem_alloc(SIZE_MAX)); /* no room for the header */
}

Test(alloc, sizes_that_overflow_are_refused)
{
    size_t out = 7;
    cr_assert(size_mul(SIZE_MAX / 8, 8, &out));
    cr_assert_eq(out, SIZE_MAX / 8 * 8);
    cr_assert(!size_mul(SIZE_MAX / 8 + 1, 8, &out));
    cr_assert(size_mul(SIZE_MAX, 0, &out) && out == 0);
    cr_assert(size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    cr_assert(!size_add(SIZE_MAX, 1, &out));
}

Test(alloc, growth_keeps_the_items_and_failure_leaves_them_alone)
{
    size_t cap = 0;
    int *items = NULL;
    for (int i = 0; i < 1000; i++) {
        int *grown = socle_mem_grow(items, &cap, (size_t)i + 1, sizeof *items);
        cr_assert_not_null(grown);
        items = grown;
        items[i] = i;
    }
    cr_assert_geq(cap, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(items[i], i);

    size_t cap_before = cap;
    socle_test_fail_alloc(0);
    cr_assert_null(socle_mem_grow(items, &cap, cap + 1, sizeof *items));
    cr_assert_eq(cap, cap_before);
    cr_assert_eq(items[999], 999);
    cr_assert_null(socle_mem_grow(items, &cap, SIZE_MAX / 2, sizeof *items));
    cr_assert_eq(cap, cap_before);
    socle_mem_free(items);
}

Test(alloc, the_countdown_fails_one_allocation_and_says_so)
{
    void *block[5];
    socle_test_fail_alloc(2);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(socle_test_alloc_failed(), i > 2);
        block[i] = socle_mem_alloc(8);
        cr_assert_eq(block[i] == NULL, i == 2);
    }
    cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    for (int i = 0; i < 5; i++)
        socle_mem_free(block[i]);
    socle_test_fail_alloc(-1);
    cr_assert(!socle_test_alloc_failed());
    char *copy = socle_mem_string("text");
    cr_assert_str_eq(copy, "text");
    socle_mem_free(copy);
}

/* ---- the user's allocator ---- */

typedef struct ledger {
    size_t taken, returned; /* bytes */
    int blocks;
    bool refuse;
} ledger;

static void *ledger_alloc(void *user, size_t bytes, size_t align)
{
    ledger *l = user;
    cr_assert(align > 0 && align <= 64 && (align & (align - 1)) == 0);
    if (l->refuse)
        return NULL;
    l->taken += bytes;
    l->blocks++;
    void *ptr = NULL;
    return posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, bytes) == 0 ? ptr : NULL;
}

static void ledger_free(void *user, void *ptr, size_t bytes)
{
    ledger *l = user;
    l->returned += bytes;
    l->blocks--;
    free(ptr);
}

Test(alloc, an_allocator_gets_back_the_sizes_it_gave)
{
    ledger l = { 0 };
    socle_allocator a = { ledger_alloc, ledger_free, &l };
    cr_assert_eq(socle_set_allocator(&a), SOCLE_OK);
    size_t cap = 0;
    void *items = socle_mem_grow(NULL, &cap, 5, 12);
    items = socle_mem_grow(items, &cap, 500, 12);
    void *one = socle_mem_alloc(1);
    cr_assert_eq(l.blocks, 2);
    socle_mem_free(items);
    socle_mem_free(one);
    cr_assert_eq(l.blocks, 0);
    cr_assert_eq(l.taken, l.returned);

    l.refuse = true;
    int64_t live = socle_test_live_blocks();
    cr_assert_null(socle_mem_alloc(1));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(alloc, an_allocator_comes_before_the_first_block)
{
    ledger l = { 0 };
    cr_assert_eq(socle_set_allocator(NULL), SOCLE_ERR_ARG);
    cr_assert_eq(socle_set_allocator(&(socle_allocator){ ledger_alloc, NULL, NULL }), SOCLE_ERR_ARG);
    socle_mem_free(socle_mem_alloc(1));
    cr_assert_eq(socle_set_allocator(&(socle_allocator){ ledger_alloc, ledger_free, &l }), SOCLE_ERR_STATE);
    socle_mem_free(socle_mem_alloc(1));
    cr_assert_eq(l.taken, 0);
}

/* ---- blocks that are kept ---- */

Test(alloc, a_cache_gives_the_block_that_came_back_last)
{
    int64_t live = socle_test_live_blocks();
    socle_mem_cache *m = socle_mem_cache_new(1 << 20);
    void *a = socle_mem_cache_take(m, 100), *b = socle_mem_cache_take(m, 128);
    cr_assert(a != b && (uintptr_t)a % 64 == 0 && (uintptr_t)b % 64 == 0);
    memset(a, 0xA5, 100);
    memset(b, 0x5A, 128);
    socle_mem_cache_give(m, a, 100);
    socle_mem_cache_give(m, b, 128);
    void *same = socle_mem_cache_take(m, 65), *large = socle_mem_cache_take(m, 129);
    void *below = socle_mem_cache_take(m, 128);
    cr_assert_eq(socle_test_live_blocks(), live + 4, "the cache, and three blocks");
    if (socle_mem_cache_keeps()) {
        cr_assert_eq(same, b, "65 bytes and 128 are the same to it");
        cr_assert(large != a && below == a, "129 are not");
    }
    socle_mem_cache_give(m, same, 65);
    socle_mem_cache_give(m, large, 129);
    socle_mem_cache_give(m, below, 128);
    socle_mem_cache_free(m);
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(alloc, a_cache_keeps_no_more_than_it_may)
{
    ledger l = { 0 };
    cr_assert_eq(socle_set_allocator(&(socle_allocator){ ledger_alloc, ledger_free, &l }), SOCLE_OK);
    socle_mem_cache *m = socle_mem_cache_new(3 * 256);
    enum { BLOCKS = 8 };
    void *block[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        block[i] = socle_mem_cache_take(m, 200);
    cr_assert_eq(l.blocks, 1 + BLOCKS);
    for (int i = 0; i < BLOCKS; i++)
        socle_mem_cache_give(m, block[i], 200);
    cr_assert_eq(l.blocks, 1 + (socle_mem_cache_keeps() ? 3 : 0));
    void *large = socle_mem_cache_take(m, (size_t)100 << 20); /* of a size that is never kept */
    memset(large, 1, 100);
    socle_mem_cache_give(m, large, (size_t)100 << 20);
    socle_mem_cache_give(m, NULL, 1);
    cr_assert_null(socle_mem_cache_take(m, SIZE_MAX));
    socle_mem_cache_free(m);
    socle_mem_cache_free(NULL);
    cr_assert_eq(l.blocks, 0);
    cr_assert_eq(l.taken, l.returned);
}

Test(alloc, a_countdown_counts_and_fails_kept_blocks_too)
{
    socle_mem_cache *m = socle_mem_cache_new(1 << 20);
    socle_mem_cache_give(m, socle_mem_cache_take(m, 64), 64);
    int64_t live = socle_test_live_blocks();
    for (int i = 0; i < 2; i++) {
        socle_test_fail_alloc(0);
        cr_assert_null(socle_mem_cache_take(m, 64));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
        cr_assert(socle_test_alloc_failed());
    }
    cr_assert_eq(socle_test_live_blocks(), live, "what is kept is not live");
    void *p = socle_mem_cache_take(m, 64);
    cr_assert_not_null(p);
    cr_assert_eq(socle_test_live_blocks(), live + 1);
    socle_mem_cache_give(m, p, 64);
    socle_mem_cache_free(m);
}

/* The pool of kept blocks: alignment, reuse, bounds, what is left behind, and two threads at once. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <socle/sys/test.h>
#include "cpu/memory.h"
#include "support/support.h"

enum { HUGE_PAGE = 2 << 20 };

static memory_pool *pool_of(size_t keep)
{
    memory_pool *p = memory_pool_new(keep);
    cr_assert_not_null(p);
    return p;
}

Test(memory, blocks_are_aligned_and_usable_to_their_padded_end)
{
    memory_pool *p = pool_of(SIZE_MAX);
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 256, 257, 4095, 100000, HUGE_PAGE - 1, HUGE_PAGE, 5000001 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t bytes = sizes[i], padded = bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
        unsigned char *block = memory_take(p, bytes);
        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % (bytes >= HUGE_PAGE ? HUGE_PAGE : 64), 0, "%zu bytes", bytes);
        memset(block, 1, padded); /* an overrun is the sanitizer's to see */
        memory_give(p, block);
    }
    memory_pool_free(p);
}

Test(memory, the_block_freed_last_comes_back_first)
{
    memory_pool *p = pool_of(SIZE_MAX);
    void *a = memory_take(p, 1000), *b = memory_take(p, 1000);
    cr_assert_neq(a, b);
    memory_give(p, a);
    memory_give(p, b);
    cr_assert_eq(memory_take(p, 1000), b);
    cr_assert_eq(memory_take(p, 1000), a);
    memory_give(p, a);
    memory_give(p, b);
    memory_pool_free(p);
}

/* A second step of the same sizes takes nothing from the allocator. */
Test(memory, kept_blocks_serve_the_same_sizes_without_allocating)
{
    memory_pool *p = pool_of(SIZE_MAX);
    for (size_t bytes = 1; bytes < 300000; bytes += bytes / 3 + 1)
        memory_give(p, memory_take(p, bytes));
    int64_t live = socle_test_live_blocks();
    uint64_t taken = memory_taken(p);
    cr_assert_geq(taken, 300000 / 2);
    for (size_t bytes = 1; bytes < 300000; bytes += bytes / 3 + 1)
        memory_give(p, memory_take(p, bytes));
    cr_assert_eq(socle_test_live_blocks(), live);
    cr_assert_eq(memory_taken(p), taken);
    memory_pool_free(p);
}

Test(memory, a_block_is_at_most_a_quarter_larger_than_its_padded_size)
{
    memory_pool *p = pool_of(SIZE_MAX);
    for (size_t lines = 1; lines < 5000; lines += lines / 7 + 1) {
        size_t before = memory_kept(p);
        void *block = memory_take(p, lines * 64);
        bool fresh = memory_kept(p) == before;
        memory_give(p, block);
        size_t size = memory_kept(p) - before;
        if (!fresh)
            continue;
        cr_assert_geq(size, lines * 64);
        cr_assert_leq(size, lines * 64 + lines * 16, "%zu bytes for %zu", size, lines * 64);
    }
    memory_pool_free(p);
}

Test(memory, no_more_than_the_bound_is_kept)
{
    int64_t live = socle_test_live_blocks();
    memory_pool *p = pool_of(2000);
    void *a = memory_take(p, 1024), *b = memory_take(p, 1024), *large = memory_take(p, 4096);
    memory_give(p, large);
    cr_assert_eq(memory_kept(p), 0);
    memory_give(p, a);
    memory_give(p, b);
    cr_assert_eq(memory_kept(p), 1024);
    memory_pool_free(p);
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(memory, closing_gives_back_everything)
{
    int64_t live = socle_test_live_blocks();
    memory_pool *p = pool_of(SIZE_MAX);
    void *blocks[20];
    for (size_t i = 0; i < 20; i++)
        blocks[i] = memory_take(p, 100 * (i + 1));
    for (size_t i = 0; i < 20; i++)
        memory_give(p, blocks[i]);
    memory_give(p, NULL);
    memory_pool_free(p);
    memory_pool_free(NULL);
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(memory, exhaustion_is_reported_and_leaves_the_pool_usable)
{
    memory_pool *p = pool_of(SIZE_MAX);
    memory_give(p, memory_take(p, 64));
    socle_test_fail_alloc(0);
    cr_assert_null(memory_take(p, 5000));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    socle_test_fail_alloc(-1);
    static const size_t absurd[] = { SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2 + 1 };
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        cr_assert_null(memory_take(p, absurd[i]));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    }
    void *block = memory_take(p, 5000);
    cr_assert_not_null(block);
    memory_give(p, block);
    memory_pool_free(p);
}

/* Each thread writes its mark into blocks it holds; a block that two hold at once loses one of them. */
static void *take_and_give(void *arg)
{
    memory_pool *p = arg;
    unsigned char mark = (unsigned char)((uintptr_t)&mark >> 12);
    for (int i = 0; i < 3000; i++) {
        size_t bytes = (size_t)(64 << (i % 5));
        unsigned char *block = memory_take(p, bytes);
        memset(block, mark, bytes);
        for (size_t j = 0; j < bytes; j++)
            if (block[j] != mark)
                return NULL;
        memory_give(p, block);
    }
    return p;
}

Test(memory, two_threads_never_hold_one_block)
{
    memory_pool *p = pool_of(1 << 20);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, p), 0);
    for (int i = 0; i < 2; i++) {
        void *whole = NULL;
        pthread_join(threads[i], &whole);
        cr_assert_eq(whole, p);
    }
    memory_pool_free(p);
}

/* The same through the device: what tensors and workspaces held is kept, and gone when it closes. */
Test(memory, a_closed_device_leaves_no_block)
{
    int64_t live = socle_test_live_blocks();
    socle_device *d = open_device("cpu", 2);
    socle_tensor *x = socle_tensor_new(d, SOCLE_F32, socle_shape2(64, 300));
    socle_tensor *y = socle_tensor_new(d, SOCLE_F32, socle_shape2(64, 300));
    assert_ok(socle_prim_fill(x, 1));
    assert_ok(socle_prim_softmax(y, x, 1, false));
    socle_release(x);
    socle_release(y);
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), live);
}

/* cpu_for: what is run, in which pieces, by whom, and in which floating-point mode. */
#include <criterion/criterion.h>
#include <float.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "cpu/parallel.h"

enum { MOST = 1000 };

typedef struct visits {
    atomic_int count[MOST];
    int64_t grain, n;
    atomic_int wrong; /* pieces that are no chunk, threads out of range */
    int threads;
} visits;

static void visit(void *arg, int64_t first, int64_t last)
{
    visits *v = arg;
    int64_t end = first + v->grain < v->n ? first + v->grain : v->n;
    if (first % v->grain != 0 || last != end || cpu_thread() < 0 || cpu_thread() >= v->threads)
        atomic_fetch_add(&v->wrong, 1);
    for (int64_t i = first; i < last; i++)
        atomic_fetch_add(&v->count[i], 1);
}

/* Chunks do not depend on the number of threads, and there may be more threads than chunks. */
Test(parallel, every_element_is_visited_once_in_chunks_of_the_grain)
{
    for (int threads = 1; threads <= 4; threads++)
        for (int64_t n = 0; n < MOST; n = n * 2 + 1)
            for (int64_t grain = 1; grain <= 64; grain *= 4) {
                visits v = { .grain = grain, .n = n, .threads = threads };
                cpu_for(threads, n, grain, visit, &v);
                cr_assert_eq(atomic_load(&v.wrong), 0, "%d threads, %d elements", threads, (int)n);
                for (int64_t i = 0; i < n; i++)
                    cr_assert_eq(atomic_load(&v.count[i]), 1);
            }
}

static void visit_nested(void *arg, int64_t first, int64_t last)
{
    visits *v = arg;
    int outside = cpu_thread();
    for (int64_t i = first; i < last; i++) {
        visits inner = { .grain = 2, .n = 10, .threads = v->threads };
        cpu_for(v->threads, 10, 2, visit, &inner);
        for (int64_t j = 0; j < 10; j++)
            if (atomic_load(&inner.count[j]) != 1)
                atomic_fetch_add(&v->wrong, 1);
        if (atomic_load(&inner.wrong) != 0 || cpu_thread() != outside)
            atomic_fetch_add(&v->wrong, 1);
        atomic_fetch_add(&v->count[i], 1);
    }
}

Test(parallel, a_nested_region_runs_in_its_caller)
{
    visits v = { .grain = 1, .n = 20, .threads = 3 };
    cpu_for(3, 20, 1, visit_nested, &v);
    cr_assert_eq(atomic_load(&v.wrong), 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(atomic_load(&v.count[i]), 1);
    cr_assert_eq(cpu_thread(), 0);
}

/* Chunk 0 waits until all others are done, or 5 seconds. */
static void wait_for_others(void *arg, int64_t first, int64_t last)
{
    atomic_int *done = arg;
    (void)last;
    for (int ms = 0; first == 0 && atomic_load(done) < 39 && ms < 5000; ms++)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    if (first != 0 || atomic_load(done) == 39)
        atomic_fetch_add(done, 1);
}

static void *run_stuck(void *arg)
{
    cpu_for(2, 40, 1, wait_for_others, arg);
    return NULL;
}

/* Half of the chunks are meant for the thread that is stuck in the first one. From a thread of its own, which has not
 * lost its patience in another test. */
Test(parallel, what_a_late_thread_has_not_begun_is_taken_over)
{
    atomic_int done = 0;
    pthread_t caller;
    cr_assert_eq(pthread_create(&caller, NULL, run_stuck, &done), 0);
    pthread_join(caller, NULL);
    cr_assert_eq(atomic_load(&done), 40);
}

#if defined(__SSE__)
#include <xmmintrin.h>

static volatile float tiny = FLT_MIN, half = 0.5f;

static void count_denormals(void *arg, int64_t first, int64_t last)
{
    atomic_int *n = arg;
    (void)first, (void)last;
    if (tiny * half != 0)
        atomic_fetch_add(n, 1);
}

/* The mode; the flags that record what happened are the C library's business. */
static unsigned mode(void)
{
    return _mm_getcsr() & ~0x3fu;
}

Test(parallel, denormals_are_flushed_inside_and_the_callers_mode_is_untouched)
{
    unsigned before = mode();
    for (int threads = 1; threads <= 3; threads++) {
        atomic_int denormals = 0;
        cpu_for(threads, 64, 1, count_denormals, &denormals);
        cr_assert_eq(atomic_load(&denormals), 0, "%d threads", threads);
        cr_assert_eq(mode(), before);
        cr_assert(tiny * half != 0, "the caller's denormals are flushed");
    }
}

/* Rounding up outside must not be changed either. */
Test(parallel, a_callers_rounding_mode_comes_back)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr((before & ~0x6000u) | 0x4000u);
    unsigned rounding = mode();
    atomic_int denormals = 0;
    cpu_for(2, 64, 1, count_denormals, &denormals);
    unsigned after = mode();
    _mm_setcsr(before);
    cr_assert_eq(after, rounding);
}
#endif

Test(parallel, there_is_at_least_one_core)
{
    int n = cpu_cores();
    cr_assert(n >= 1 && n <= 1024, "%d cores", n);
}

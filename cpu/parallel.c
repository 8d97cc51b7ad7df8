/* cpu_for on OpenMP: the one file that knows it.
 *
 * Chunks are cut by the caller's grain, never by the number of threads, and thread t always gets the same
 * neighbouring chunks, so that the memory it touched first stays near it. A region always has all of the
 * device's threads, the idle ones too: GNU's runtime ends the surplus threads of a smaller team and would start
 * them anew for the next larger one.
 *
 * Denormals are flushed to zero inside, by every thread for itself (the mode is per thread, and threads of the
 * pool do not inherit it), also when all runs in the caller: otherwise results would depend on the number of
 * threads. */
#include "parallel.h"

#include <stdbool.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static _Thread_local int thread_number;
static _Thread_local bool inside;

typedef struct job {
    int64_t n, grain, chunks;
    cpu_range fn;
    void *arg;
    int done; /* threads that finished */
} job;

/* ---- denormals ---- */

#if defined(__SSE__)
typedef unsigned int float_mode;

static float_mode flush_denormals(void)
{
    float_mode old = _mm_getcsr();
    _mm_setcsr(old | 0x8000u | 0x0040u); /* flush to zero, denormals are zero */
    return old;
}

/* Flags that were raised inside do not reach the caller. */
static void restore_mode(float_mode old)
{
    _mm_setcsr(old);
}
#elif defined(__aarch64__)
typedef uint64_t float_mode;

static float_mode flush_denormals(void)
{
    float_mode old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(old | (uint64_t)1 << 24));
    return old;
}

static void restore_mode(float_mode old)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(old));
}
#else
typedef int float_mode;

static float_mode flush_denormals(void)
{
    return 0;
}

static void restore_mode(float_mode old)
{
    (void)old;
}
#endif

/* ---- work ---- */

static void run_chunks(const job *j, int64_t from, int64_t to)
{
    for (int64_t c = from; c < to; c++) {
        int64_t first = c * j->grain, last = first + j->grain;
        j->fn(j->arg, first, last < j->n ? last : j->n);
    }
}

static void run_here(const job *j)
{
    bool was_inside = inside;
    float_mode mode = flush_denormals();
    inside = true;
    run_chunks(j, 0, j->chunks);
    inside = was_inside;
    restore_mode(mode);
}

#ifdef _OPENMP
#include <omp.h>

/* The atomics order what the caller wrote before the region, and the workers in it, for ThreadSanitizer too, which
 * cannot see into the OpenMP runtime. */
static __attribute__((noinline)) void run_share(job *j, int thread, int threads)
{
    (void)__atomic_load_n(&j->done, __ATOMIC_ACQUIRE);
    thread_number = thread;
    inside = true;
    float_mode mode = flush_denormals();
    run_chunks(j, j->chunks * thread / threads, j->chunks * (thread + 1) / threads);
    restore_mode(mode);
    inside = false;
    thread_number = 0;
    __atomic_fetch_add(&j->done, 1, __ATOMIC_ACQ_REL);
}

#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static void
run_region(job *j, int threads)
{
#pragma omp parallel num_threads(threads)
    run_share(j, omp_get_thread_num(), omp_get_num_threads());
}

static void run_everywhere(job *j, int threads)
{
    __atomic_store_n(&j->done, 0, __ATOMIC_RELEASE);
    run_region(j, threads);
    (void)__atomic_load_n(&j->done, __ATOMIC_ACQUIRE);
}

static bool may_fork(void)
{
    return !inside && !omp_in_parallel();
}
#else
static void run_everywhere(job *j, int threads)
{
    (void)threads;
    run_here(j);
}

static bool may_fork(void)
{
    return false;
}
#endif

void cpu_for(int threads, int64_t n, int64_t grain, cpu_range fn, void *arg)
{
    if (n <= 0)
        return;
    job j = { .n = n, .grain = grain > 0 ? grain : 1, .fn = fn, .arg = arg };
    j.chunks = (n - 1) / j.grain + 1;
    if (j.chunks == 1 || threads <= 1 || !may_fork())
        run_here(&j);
    else
        run_everywhere(&j, threads);
}

int cpu_thread(void)
{
    return thread_number;
}

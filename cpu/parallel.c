/* cpu_for on OpenMP: the one file that knows it.
 *
 * Chunks are cut by the caller's grain, never by the number of threads. Each thread starts with the same
 * neighbouring chunks every time, so that the memory it touched first stays near it, and then takes over what
 * late ones have not begun. A region always has all of the device's threads, the idle ones too: GNU's runtime
 * ends the surplus threads of a smaller team and would start them anew for the next larger one.
 *
 * Denormals are flushed to zero inside, by every thread for itself (the mode is per thread, and threads of the
 * pool do not inherit it), also when all runs in the caller: otherwise results would depend on the number of
 * threads.
 *
 * Threads of OpenMP spin while they wait. On a machine with more to run than it has cores, that burns their
 * share of time, and when there is work they are not running: a region of 50 us then takes milliseconds. A
 * caller who has waited so long runs alone for a while, before it tries again: no result depends on that. */
#include "parallel.h"

#include <stdbool.h>
#include <time.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static _Thread_local int thread_number;
static _Thread_local bool inside;

enum { MOST_SHARES = 64, LINE = 64 };

/* Chunks that thread i starts with: the next one nobody has taken, up to end. */
typedef struct share {
    _Alignas(LINE) int64_t next;
    int64_t end;
} share;

/* Whatever changes while threads work has a line of its own: each line that one core writes and another reads costs up to
 * 0.2 us, which is as much as a hundredth of a small layer. */
typedef struct job {
    int64_t n, grain, chunks;
    cpu_range fn;
    void *arg;
    int shares;
    share share[MOST_SHARES];
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

static void run_chunk(const job *j, int64_t c)
{
    int64_t first = c * j->grain, last = first + j->grain;
    j->fn(j->arg, first, last < j->n ? last : j->n);
}

static void run_here(const job *j)
{
    bool was_inside = inside;
    float_mode mode = flush_denormals();
    inside = true;
    for (int64_t c = 0; c < j->chunks; c++)
        run_chunk(j, c);
    inside = was_inside;
    restore_mode(mode);
}

#ifdef _OPENMP
#include <omp.h>

/* ---- patience ---- */

/* A loss that no imbalance explains, ns; how often pauses double; regions without such a loss that undo one. */
enum { TOO_LONG = 1000000, MOST_LEVELS = 6, FORGIVEN = 100 };

/* Of a calling thread. */
static _Thread_local struct {
    int64_t alone_until; /* ns */
    int64_t start, end;  /* of its own share of the region */
    int level, good;
} crowd;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* After a region that began at `start`: what the caller did not work, it waited, or stood by while a waiting thread had its
 * core. */
static void judge_region(int64_t start)
{
    const int64_t end = now(), busy = crowd.end - crowd.start, lost = end - start - busy;
    if (lost > TOO_LONG && lost > 2 * busy) {
        crowd.alone_until = end + (lost << crowd.level);
        crowd.level += crowd.level < MOST_LEVELS;
        crowd.good = 0;
    } else if (crowd.level > 0 && ++crowd.good == FORGIVEN) {
        crowd.level--;
        crowd.good = 0;
    }
}

/* ---- regions ---- */

/* The thread's own chunks, then those of the others, starting with its neighbour's. */
static void run_shares(job *j, int thread)
{
    for (int i = 0; i < j->shares; i++) {
        share *s = &j->share[(thread + i) % j->shares];
        for (;;) {
            int64_t c = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
            if (c >= s->end)
                break;
            run_chunk(j, c);
        }
    }
}

/* OpenMP orders what the caller wrote before the region, and the workers in it. ThreadSanitizer cannot see into its runtime
 * and is told so. */
#ifdef __SANITIZE_THREAD__
static int order;
#define PUBLISH() (void)__atomic_fetch_add(&order, 1, __ATOMIC_ACQ_REL)
#define RECEIVE() (void)__atomic_load_n(&order, __ATOMIC_ACQUIRE)
#else
#define PUBLISH() (void)0
#define RECEIVE() (void)0
#endif

static __attribute__((noinline)) void run_thread(job *j, int thread)
{
    RECEIVE();
    thread_number = thread;
    inside = true;
    float_mode mode = flush_denormals();
    if (thread == 0)
        crowd.start = now();
    run_shares(j, thread);
    if (thread == 0)
        crowd.end = now();
    restore_mode(mode);
    inside = false;
    thread_number = 0;
    PUBLISH();
}

static __attribute__((no_sanitize("thread"))) void run_region(job *j, int threads)
{
#pragma omp parallel num_threads(threads)
    run_thread(j, omp_get_thread_num());
}

static void run_everywhere(job *j, int threads)
{
    int64_t start = now();
    if (start < crowd.alone_until) {
        run_here(j);
        return;
    }
    j->shares = threads < MOST_SHARES ? threads : MOST_SHARES;
    for (int i = 0; i < j->shares; i++) {
        j->share[i].next = j->chunks * i / j->shares;
        j->share[i].end = j->chunks * (i + 1) / j->shares;
    }
    PUBLISH();
    run_region(j, threads);
    RECEIVE();
    judge_region(start);
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
    job j; /* not initialised as a whole: the shares are large, and most jobs are run here */
    j.n = n;
    j.grain = grain > 0 ? grain : 1;
    j.fn = fn;
    j.arg = arg;
    j.chunks = (n - 1) / j.grain + 1;
    if (j.chunks == 1 || threads <= 1 || !may_fork())
        run_here(&j);
    else
        run_everywhere(&j, threads);
}

void cpu_stream_end(void)
{
#if defined(__SSE__)
    _mm_sfence();
#endif
}

int cpu_thread(void)
{
    return thread_number;
}

/* What the peers written in C share: the clock, and the median of calls. */
#ifndef PEERS_TIMING_H
#define PEERS_TIMING_H

#include <stdlib.h>
#include <time.h>

enum { TIMING_MOST = 100000, TIMING_LEAST = 3 };

static inline double timing_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int timing_by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of one call, for about `seconds`; a call before them does not count. */
static inline void timing_calls(void (*call)(void *arg), void *arg, double seconds, double *min, double *median)
{
    static double sample[TIMING_MOST];
    int n = 0;
    call(arg);
    for (const double end = timing_now() + seconds; n < TIMING_LEAST || (timing_now() < end && n < TIMING_MOST);
         n++) {
        const double start = timing_now();
        call(arg);
        sample[n] = timing_now() - start;
    }
    qsort(sample, (size_t)n, sizeof *sample, timing_by_value);
    *min = sample[0];
    *median = sample[n / 2];
}

#endif

/* Threads. The only file that mentions OpenMP is parallel.c; without OpenMP everything runs in the caller. */
#ifndef CPU_PARALLEL_H
#define CPU_PARALLEL_H

#include <stdint.h>

/* Runs fn(arg, first, last) over pieces of [0, n): chunk c is [c * grain, min(n, (c + 1) * grain)), whatever the
 * number of threads, so a chunk's result cannot depend on it. Runs in the caller when there is one chunk, one
 * thread, or the caller is inside a parallel region already. Worker threads compute with denormals flushed to
 * zero and restore their mode, the caller too. fn must not fail. */
typedef void (*cpu_range)(void *arg, int64_t first, int64_t last);
void cpu_for(int threads, int64_t n, int64_t grain, cpu_range fn, void *arg);

/* The running thread's number inside cpu_for, 0 .. threads - 1; 0 outside. */
int cpu_thread(void);

/* Results of so many floats, 8 MB, are stored past the caches (vf_stream), which keep less of them until they are read than
 * they would read first. */
enum { CPU_STREAM_FLOATS = 1 << 21 };
/* What the calling thread has stored so is seen by others from here on. */
void cpu_stream_end(void);

/* Cores this process may use: affinity and cgroup quota. At least 1. */
int cpu_cores(void);

#endif

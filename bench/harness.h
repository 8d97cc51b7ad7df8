/* Time, repetition, the yardstick, and the printing of lines: what all benchmarks share.
 *
 * Machines are noisy, most of all shared ones: clocks change and neighbours come and go within milliseconds. So the runs of
 * a row and those of the yardstick take turns, the minimum stands for what the code can do, the median for what it
 * did, and a fraction of the peak compares the minimum with the best yardstick of the same row. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <socle/sys/prim.h>

typedef struct bench {
    socle_device *device;
    int threads;        /* of the device */
    double seconds;     /* for each row */
    int batch;          /* images a step of a training; 0: the workload's own */
    const char *filter; /* only rows whose "family name" contains it; NULL: all */
    bool all;           /* every row of tests/cases that passes over memory, not only those worth timing */
    bool json;
    int *heading; /* of bench_print_row and bench_print_pass: which columns have their heads printed; at first 0 */
} bench;

/* One thing to time. */
typedef struct bench_task {
    const char *what; /* "forward" */
    socle_status (*run)(void *arg);
    void *arg;
    double flops, nominal; /* of one run: useful operations; those with padding counted as if it were there */
    double bytes;          /* instead: what it must read and write */
    double min, median;    /* out: seconds of one run */
} bench_task;

double bench_now(void); /* seconds */

/* Multiply-adds in registers on all threads, GFLOP/s, for about a millisecond; 0 where the device has no such kernel. */
double bench_yardstick(const bench *b);

/* What a triad, a[i] = b[i] + s c[i], over so much memory in all reads and writes on all threads, GB/s, for about a millisecond.
 * memory: zeros, at least 64 words a thread. */
double bench_triad(float *memory, size_t words, int threads);

/* Times n tasks in turns for about b->seconds; *peak is the best yardstick met on the way: a triad's over as many bytes where
 * the first task has .bytes, else multiply-adds. 0 where the device is not the cpu. A failing task's status. */
socle_status bench_measure(const bench *b, bench_task *tasks, int n, double *peak);

/* Of n > 0 samples, which are sorted. */
void bench_summarize(double *samples, int n, double *min, double *median);

bool bench_wanted(const bench *b, const char *family, const char *name);
/* One line for each task of a row, under heads of columns where the line before was not of that kind. */
void bench_print_row(const bench *b, const char *family, const char *name, const char *shape,
                     const bench_task *tasks, int n, double peak);

/* Likewise for rows whose one task has .bytes. */
void bench_print_pass(const bench *b, const char *slot, const char *row, const bench_task *t, double limit);

/* "program: text" on stderr. */
void complain(const char *fmt, ...) SOCLE_PRINTF(1, 2);

/* ---- the benchmarks; 0, or the exit status ---- */
int bench_peak(int threads, double seconds, bool json); /* threads: 1 to this many */
/* Rows of tests/cases marked for the bench, each checked against "ref" before it is timed. */
int bench_conv(const bench *b);
int bench_linear(const bench *b);
int bench_gemm(const bench *b);
/* All others, on the device that spec names; b->device is not read. */
int bench_rows(const bench *b, const char *spec);
/* The loader, and reading the IDX files in folder (NULL: none). */
int bench_load(const bench *b, const char *folder);
/* A workload (NULL: the first) on the device that spec names; b.device is not read. started: bench_now() when the program
 * began. To be called before anything else of the library: it counts host memory. */
int bench_train(bench b, const char *spec, const char *workload, double started);

#endif

/* See harness.h. */
#include "harness.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <socle/sys/memory.h>

#include "cpu/device.h"
#include "cpu/isa/kernels_conv.h"
#include "cpu/parallel.h"

enum { SAMPLES = 2000 };

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- yardstick ---- */

typedef struct peak_job {
    const struct cpu_conv_kernels *kernels;
    int64_t n;
    volatile float sink;
} peak_job;

static void run_peak(void *arg, int64_t first, int64_t last)
{
    peak_job *j = arg;
    for (int64_t i = first; i < last; i++) {
        float sum = j->kernels->peak(j->n);
        if (sum == 0.25f) /* never: keeps the loop */
            j->sink = sum;
    }
}

double bench_yardstick(const bench *b)
{
    enum { RUNS = 20000 };
    if (strcmp(socle_device_backend(b->device)->name, "cpu") != 0)
        return 0;
    const cpu_device *d = socle_device_self(b->device);
    peak_job j = { .kernels = d->kernels->conv, .n = RUNS };
    cpu_for(d->threads, d->threads, 1, run_peak, &j); /* wakes the threads */
    double start = bench_now();
    cpu_for(d->threads, d->threads, 1, run_peak, &j);
    return (double)RUNS * d->threads * j.kernels->peak_flops / (bench_now() - start) * 1e-9;
}

/* ---- repetition ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_summarize(double *samples, int n, double *min, double *median)
{
    qsort(samples, (size_t)n, sizeof *samples, ascending);
    *min = samples[0];
    *median = samples[n / 2];
}

/* Seconds of one of `runs` runs. */
static socle_status sample(const bench *b, const bench_task *t, int runs, double *seconds)
{
    double start = bench_now();
    for (int i = 0; i < runs; i++) {
        socle_status s = t->run(t->arg);
        if (s != SOCLE_OK)
            return s;
    }
    socle_status s = socle_device_sync(b->device);
    *seconds = (bench_now() - start) / runs;
    return s;
}

/* Runs that take about a third of a millisecond: long against the clock, short against what disturbs. */
static socle_status runs_of_a_sample(const bench *b, const bench_task *t, int *runs)
{
    double seconds = 0;
    socle_status s = sample(b, t, 1, &seconds); /* the first takes memory and fills caches */
    if (s == SOCLE_OK)
        s = sample(b, t, 3, &seconds);
    double wanted = 0.0003 / (seconds > 1e-9 ? seconds : 1e-9);
    *runs = wanted < 1 ? 1 : wanted > 1000 ? 1000 : (int)wanted;
    return s;
}

/* Memory for a triad over as many bytes as a task moves; NULL where none is wanted. */
static float *triad_memory(const bench *b, const bench_task *t, size_t *words)
{
    *words = (size_t)(t->bytes / sizeof(float));
    if (*words < 64 * (size_t)b->threads)
        *words = 64 * (size_t)b->threads;
    bool wanted = t->bytes > 0 && strcmp(socle_device_backend(b->device)->name, "cpu") == 0;
    return wanted ? socle_mem_zeroed(*words, sizeof(float)) : NULL;
}

socle_status bench_measure(const bench *b, bench_task *tasks, int n, double *peak)
{
    enum { TASKS = 8 };
    int runs[TASKS], taken = 0;
    double *times = malloc(sizeof(double) * SAMPLES * (size_t)n);
    if (!times || n > TASKS) {
        free(times);
        return socle_fail(SOCLE_ERR_NOMEM, "out of memory for samples");
    }
    size_t words;
    float *triad = triad_memory(b, tasks, &words);
    socle_status s = SOCLE_OK;
    for (int i = 0; i < n && s == SOCLE_OK; i++)
        s = runs_of_a_sample(b, &tasks[i], &runs[i]);
    *peak = 0;
    double end = bench_now() + b->seconds;
    while (s == SOCLE_OK && taken < SAMPLES && (taken < 5 || bench_now() < end)) {
        if (triad)
            *peak = fmax(*peak, bench_triad(triad, words, b->threads));
        else if (tasks[0].bytes == 0)
            *peak = fmax(*peak, bench_yardstick(b));
        for (int i = 0; i < n && s == SOCLE_OK; i++)
            s = sample(b, &tasks[i], runs[i], &times[i * SAMPLES + taken]);
        taken++;
    }
    for (int i = 0; i < n && s == SOCLE_OK; i++)
        bench_summarize(times + i * SAMPLES, taken, &tasks[i].min, &tasks[i].median);
    socle_mem_free(triad);
    free(times);
    return s;
}

/* ---- lines ---- */

bool bench_wanted(const bench *b, const char *family, const char *name)
{
    char all[160];
    snprintf(all, sizeof all, "%s %s", family, name);
    return !b->filter || strstr(all, b->filter);
}

/* The heads of a kind's columns, where others stand above. */
static void print_heads(const bench *b, int kind)
{
    if (*b->heading == kind)
        return;
    if (*b->heading == 0)
        printf("%s\n", socle_device_name(b->device));
    *b->heading = kind;
    if (kind == 1)
        printf("%-7s %-17s %-25s %-9s %10s %10s %8s %8s %7s\n", "", "", "", "", "min us", "median us", "GFLOP/s",
               "nominal", "peak");
    else
        printf("%-15s %-58s %10s %10s %8s %8s\n", "", "", "min us", "median us", "GB/s", "triad");
}

void bench_print_row(const bench *b, const char *family, const char *name, const char *shape,
                     const bench_task *tasks, int n, double peak)
{
    for (int i = 0; i < n; i++) {
        const bench_task *t = &tasks[i];
        double rate = t->flops / t->min * 1e-9, nominal = t->nominal / t->min * 1e-9;
        if (b->json) {
            printf("{\"family\": \"%s\", \"name\": \"%s\", \"shape\": \"%s\", \"what\": \"%s\", \"threads\": %d, "
                   "\"min_s\": %.4g, \"median_s\": %.4g, \"gflops\": %.4g, \"nominal_gflops\": %.4g, "
                   "\"peak_gflops\": %.4g, \"fraction\": %.4g}\n",
                   family, name, shape, t->what, b->threads, t->min, t->median, rate, nominal, peak,
                   peak > 0 ? rate / peak : 0);
            continue;
        }
        print_heads(b, 1);
        printf("%-7s %-17s %-25s %-9s %10.2f %10.2f %8.1f %8.1f", family, name, shape, t->what, t->min * 1e6,
               t->median * 1e6, rate, nominal);
        if (peak > 0)
            printf(" %7.1f %5.0f%%", peak, 100 * rate / peak);
        putchar('\n');
    }
    fflush(stdout);
}

void bench_print_pass(const bench *b, const char *slot, const char *row, const bench_task *t, double limit)
{
    double rate = t->bytes / t->min * 1e-9;
    if (b->json) {
        printf("{\"family\": \"%s\", \"name\": \"%s\", \"threads\": %d, \"min_s\": %.4g, \"median_s\": %.4g, "
               "\"bytes\": %.0f, \"gbs\": %.4g, \"triad_gbs\": %.4g, \"fraction\": %.4g}\n",
               slot, row, b->threads, t->min, t->median, t->bytes, rate, limit, limit > 0 ? rate / limit : 0);
    } else {
        print_heads(b, 2);
        printf("%-15s %-58s %10.2f %10.2f %8.1f", slot, row, t->min * 1e6, t->median * 1e6, rate);
        if (limit > 0)
            printf(" %8.1f %5.0f%%", limit, 100 * rate / limit);
        putchar('\n');
    }
    fflush(stdout);
}

void complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("socle-bench: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

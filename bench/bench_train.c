/* A training step of a workload: how long its parts and the whole take, what a step costs besides time, and how long a
 * program waits for its first one.
 *
 * Between the parts the device is waited for, so that each can be timed; a whole step does not wait, and steps follow each
 * other into the device's queue as in a real training. So on a device that works while the host goes on, the parts add up to
 * more than the step. The loader is not measured: the batch lies on the device. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "workloads.h"

enum { FORWARD, BACKWARD, OPTIMIZER, STEP, PARTS };
static const char *const part_name[PARTS] = { "forward", "backward", "optimizer", "step" };

enum {
    WARM = 4,    /* steps until memory is taken and caches are full */
    STEADY = 16, /* steps whose costs are counted */
    ROW = 4,     /* steps of a sample of whole steps */
    SAMPLES = 4000
};

typedef struct report {
    double min[PARTS], median[PARTS]; /* seconds */
    double first;                     /* seconds from the start of the program to the end of the first step */
    double launches, waits;           /* of a step */
    double device_bytes, host_bytes;  /* taken from the system in a step */
    socle_counters start;             /* when the first step was done */
} report;

/* ---- the library's host memory, counted ---- */

static void *count_alloc(void *user, size_t bytes, size_t align)
{
    atomic_fetch_add_explicit((atomic_ullong *)user, bytes, memory_order_relaxed);
    void *p = NULL;
    return posix_memalign(&p, align, bytes) == 0 ? p : NULL;
}

static void count_free(void *user, void *p, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(p);
}

/* ---- measuring ---- */

static socle_status steps(workload_training *t, int n)
{
    socle_status s = SOCLE_OK;
    for (int i = 0; i < n && s == SOCLE_OK; i++)
        s = workload_step(t);
    return s;
}

/* What a step takes besides time, once everything is warm. */
static socle_status count_costs(const bench *b, workload_training *t, atomic_ullong *host, report *r)
{
    socle_status s = steps(t, WARM);
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    const socle_counters before = socle_device_counters(b->device);
    const unsigned long long host_before = atomic_load(host);
    if (s == SOCLE_OK)
        s = steps(t, STEADY);
    const socle_counters after = socle_device_counters(b->device);
    r->host_bytes = (double)(atomic_load(host) - host_before) / STEADY;
    r->device_bytes = (double)(after.bytes - before.bytes) / STEADY;
    r->launches = (double)(after.launches - before.launches) / STEADY;
    r->waits = (double)(after.waits - before.waits) / STEADY;
    return s == SOCLE_OK ? socle_device_sync(b->device) : s;
}

/* Seconds of one step's parts, each waited for, and of one step in a row of them. The device is idle at the start and at
 * the end. */
static socle_status sample(const bench *b, workload_training *t, double seconds[PARTS])
{
    static socle_status (*const parts[])(workload_training *) = { workload_forward, workload_backward,
                                                                  workload_update };
    socle_status s = SOCLE_OK;
    for (int i = FORWARD; i <= OPTIMIZER && s == SOCLE_OK; i++) {
        double start = bench_now();
        s = parts[i](t);
        if (s == SOCLE_OK)
            s = socle_device_sync(b->device);
        seconds[i] = bench_now() - start;
    }
    double start = bench_now();
    if (s == SOCLE_OK)
        s = steps(t, ROW);
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    seconds[STEP] = (bench_now() - start) / ROW;
    return s;
}

static socle_status measure(const bench *b, workload_training *t, report *r)
{
    double(*times)[SAMPLES] = malloc(PARTS * sizeof *times);
    if (!times)
        return socle_fail(SOCLE_ERR_NOMEM, "out of memory for samples");
    socle_status s = SOCLE_OK;
    int taken = 0;
    for (double end = bench_now() + b->seconds; taken < SAMPLES && (taken < 5 || bench_now() < end); taken++) {
        double seconds[PARTS];
        s = sample(b, t, seconds);
        if (s != SOCLE_OK)
            break;
        for (int i = 0; i < PARTS; i++)
            times[i][taken] = seconds[i];
    }
    for (int i = 0; i < PARTS && s == SOCLE_OK; i++)
        bench_summarize(times[i], taken, &r->min[i], &r->median[i]);
    free(times);
    return s;
}

/* ---- printing ---- */

static void print_json(const bench *b, const workload *w, const report *r)
{
    printf("{\"workload\": \"%s\", \"device\": \"%s\", \"threads\": %d, \"batch\": %d", w->name,
           socle_device_name(b->device), b->threads, w->batch);
    for (int i = 0; i < PARTS; i++)
        printf(", \"%s_min_s\": %.4g, \"%s_median_s\": %.4g", part_name[i], r->min[i], part_name[i], r->median[i]);
    printf(", \"images_per_s\": %.4g, \"device_bytes\": %.4g, \"host_bytes\": %.4g, \"launches\": %.4g, "
           "\"waits\": %.4g, \"first_step_s\": %.4g, \"compiled\": %llu, \"loaded\": %llu}\n",
           w->batch / r->median[STEP], r->device_bytes, r->host_bytes, r->launches, r->waits, r->first,
           (unsigned long long)r->start.compiled, (unsigned long long)r->start.loaded);
}

static void print(const bench *b, const workload *w, const report *r)
{
    printf("%s\n%s: %s, batch %d\n%-9s %10s %10s\n", socle_device_name(b->device), w->name, w->what, w->batch, "",
           "min us", "median us");
    for (int i = 0; i < PARTS; i++)
        printf("%-9s %10.1f %10.1f%s\n", part_name[i], r->min[i] * 1e6, r->median[i] * 1e6,
               i == STEP ? "  (the device is waited for between parts, not within a step)" : "");
    printf("%.0f images/s\n", w->batch / r->median[STEP]);
    printf("a step takes %.0f bytes of device memory from the system, %.0f of host memory", r->device_bytes,
           r->host_bytes);
    if (r->launches > 0)
        printf("; it launches %g kernels and waits for the device %g times", r->launches, r->waits);
    printf("\nthe first step was done %.3f s after the start", r->first);
    if (r->start.compiled + r->start.loaded > 0)
        printf("; %llu programs of kernels were compiled, %llu came from the cache",
               (unsigned long long)r->start.compiled, (unsigned long long)r->start.loaded);
    putchar('\n');
}

/* ---- a training ---- */

static socle_status run(bench *b, const workload *w, double started, atomic_ullong *host, report *r)
{
    workload_training t;
    socle_status s = workload_start(&t, w, b->device, 1) ? workload_step(&t) : socle_error_status();
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    r->first = bench_now() - started;
    r->start = socle_device_counters(b->device);
    if (s == SOCLE_OK)
        s = count_costs(b, &t, host, r);
    if (s == SOCLE_OK)
        s = measure(b, &t, r);
    workload_stop(&t);
    return s;
}

int bench_train(bench b, const char *spec, const char *name, double started)
{
    static atomic_ullong host; /* outlives whatever the library still holds when this returns */
    const workload *w = name ? workload_find(name) : workload_at(0);
    if (!w) {
        complain("there is no workload \"%s\"; try --help", name);
        return 2;
    }
    socle_status s = socle_set_allocator(&(socle_allocator){ count_alloc, count_free, &host });
    if (s == SOCLE_OK)
        b.device = socle_device_open(spec, (socle_device_desc){ .threads = b.threads });
    report r = { .first = 0 };
    s = b.device ? run(&b, w, started, &host, &r) : socle_error_status();
    if (s != SOCLE_OK)
        complain("%s", socle_error());
    else if (b.json)
        print_json(&b, w, &r);
    else
        print(&b, w, &r);
    socle_device_close(b.device);
    return s == SOCLE_OK ? 0 : 1;
}

/* A training step of a workload: how long its parts and the whole take, what a step costs besides time, and how long a
 * program waits for its first one.
 *
 * Between the parts the device is waited for, so that each can be timed; a whole step does not wait, and steps follow each
 * other into the device's queue as in a real training. So on a device that works while the host goes on, the parts add up to
 * more than the step. The batch lies on the device; what a batch costs the loader without workers, from bytes in memory and in
 * the calling thread, is a line of its own, which a training with workers does not wait for. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"
#include "workloads.h"

enum { LOADER, FORWARD, BACKWARD, OPTIMIZER, STEP, PARTS };
static const char *const part_name[PARTS] = { "loader", "forward", "backward", "optimizer", "step" };

enum {
    WARM = 2,   /* steps that may take memory */
    STEADY = 8, /* the steps after them: their costs are counted */
    ROW = 4,    /* steps of a sample of whole steps, where they are short */
    SAMPLES = 4000,
    LEAST_SAMPLES = 3,
    BATCHES = 4 /* of the loader */
};
static const double long_step = 0.05; /* seconds */

typedef struct report {
    double min[PARTS], median[PARTS]; /* seconds */
    double first;                     /* seconds from the start of the program to the end of the first step */
    double launches, waits, calls;    /* of a step; calls of primitives, each a pass over its operands */
    double device_bytes, host_bytes;  /* taken from the system in a step */
    socle_counters start;             /* when the first step was done */
    int64_t parameters;
    double peak_bytes; /* the most memory the process ever held */
    int row;           /* steps of a sample */
} report;

/* What is measured: steps, and a loader that makes batches like theirs. */
typedef struct subject {
    workload_training training;
    socle_loader *loader;
    uint64_t epoch;
} subject;

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

static double calls_of(const socle_device *d)
{
    enum { MOST_SLOTS = 64 };
    socle_slot_stat stat[MOST_SLOTS];
    size_t n = socle_prim_stats(d, stat, MOST_SLOTS);
    double calls = 0;
    for (size_t i = 0; i < n && i < MOST_SLOTS; i++)
        calls += (double)(stat[i].slot + stat[i].composed);
    return calls;
}

/* What a step takes besides time, once two of them are done: nothing may be left to allocate. */
static socle_status count_costs(const bench *b, workload_training *t, atomic_ullong *host, report *r)
{
    socle_status s = steps(t, WARM - 1);
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    const socle_counters before = socle_device_counters(b->device);
    const unsigned long long host_before = atomic_load(host);
    const double calls = calls_of(b->device), start = bench_now();
    if (s == SOCLE_OK)
        s = steps(t, STEADY);
    const socle_counters after = socle_device_counters(b->device);
    r->host_bytes = (double)(atomic_load(host) - host_before) / STEADY;
    r->device_bytes = (double)(after.bytes - before.bytes) / STEADY;
    r->launches = (double)(after.launches - before.launches) / STEADY;
    r->waits = (double)(after.waits - before.waits) / STEADY;
    r->calls = (calls_of(b->device) - calls) / STEADY;
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    r->row = bench_now() - start > STEADY * long_step ? 1 : ROW;
    return s;
}

/* The next batch, which goes with the scope. */
static socle_status load(subject *o)
{
    socle_ctx *c = o->training.ctx;
    socle_scope scope = socle_scope_begin(c);
    socle_batch batch;
    int got = socle_loader_next(o->loader, c, &batch);
    if (got == 0) {
        socle_status s = socle_loader_begin(o->loader, ++o->epoch);
        got = s == SOCLE_OK ? socle_loader_next(o->loader, c, &batch) : (int)s;
    }
    (void)socle_scope_end(c, scope, NULL);
    return got < 0 ? (socle_status)got : SOCLE_OK;
}

static socle_status part(subject *o, int i)
{
    workload_training *t = &o->training;
    switch (i) {
    case LOADER:
        return load(o);
    case FORWARD:
        return workload_forward(t);
    case BACKWARD:
        return workload_backward(t);
    default:
        return workload_update(t);
    }
}

/* Seconds of one step's parts, each waited for, and of one step in a row of them. The device is idle at the start and at
 * the end. */
static socle_status sample(const bench *b, subject *o, int row, double seconds[PARTS])
{
    socle_status s = SOCLE_OK;
    for (int i = LOADER; i < STEP && s == SOCLE_OK; i++) {
        double start = bench_now();
        s = part(o, i);
        if (s == SOCLE_OK)
            s = socle_device_sync(b->device);
        seconds[i] = bench_now() - start;
    }
    double start = bench_now();
    if (s == SOCLE_OK)
        s = steps(&o->training, row);
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    seconds[STEP] = (bench_now() - start) / row;
    return s;
}

static socle_status measure(const bench *b, subject *o, report *r)
{
    double(*times)[SAMPLES] = malloc(PARTS * sizeof *times);
    if (!times)
        return socle_fail(SOCLE_ERR_NOMEM, "out of memory for samples");
    socle_status s = SOCLE_OK;
    int taken = 0;
    double end = bench_now() + b->seconds;
    for (; taken < SAMPLES && (taken < LEAST_SAMPLES || bench_now() < end); taken++) {
        double seconds[PARTS];
        s = sample(b, o, r->row, seconds);
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

/* The most memory this process ever held. */
static double peak_bytes(void)
{
#ifdef __APPLE__
    const double unit = 1;
#else
    const double unit = 1024;
#endif
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (double)u.ru_maxrss * unit : 0;
}

/* ---- printing ---- */

static void print_json(const bench *b, const workload *w, const report *r)
{
    printf("{\"workload\": \"%s\", \"device\": \"%s\", \"threads\": %d, \"batch\": %d, \"parameters\": %lld",
           w->name, socle_device_name(b->device), b->threads, w->batch, (long long)r->parameters);
    for (int i = 0; i < PARTS; i++)
        printf(", \"%s_min_s\": %.4g, \"%s_median_s\": %.4g", part_name[i], r->min[i], part_name[i], r->median[i]);
    printf(", \"images_per_s\": %.4g, \"device_bytes\": %.4g, \"host_bytes\": %.4g, \"calls\": %.4g, "
           "\"launches\": %.4g, \"waits\": %.4g, \"peak_bytes\": %.0f, \"first_step_s\": %.4g, "
           "\"compiled\": %llu, \"loaded\": %llu}\n",
           w->batch / r->median[STEP], r->device_bytes, r->host_bytes, r->calls, r->launches, r->waits,
           r->peak_bytes, r->first, (unsigned long long)r->start.compiled, (unsigned long long)r->start.loaded);
}

static void print(const bench *b, const workload *w, const report *r)
{
    printf("%s\n%s: %s, %lld parameters, batch %d\n%-9s %10s %10s\n", socle_device_name(b->device), w->name,
           w->what, (long long)r->parameters, w->batch, "", "min us", "median us");
    for (int i = 0; i < PARTS; i++)
        printf("%-9s %10.1f %10.1f%s\n", part_name[i], r->min[i] * 1e6, r->median[i] * 1e6,
               i == LOADER ? "  (a batch from bytes in memory, in the calling thread; not in a step)"
               : i == STEP ? "  (the device is waited for between parts, not within a step)"
                           : "");
    printf("%.0f images/s\n", w->batch / r->median[STEP]);
    printf("from the third on, a step takes %.0f bytes of device memory from the system, %.0f of host memory\n",
           r->device_bytes, r->host_bytes);
    printf("it calls %g primitives", r->calls);
    if (r->launches > 0)
        printf(", launches %g kernels and waits for the device %g times", r->launches, r->waits);
    printf("\nat most %.0f MB of memory were in use", r->peak_bytes * 1e-6);
    printf("\nthe first step was done %.3f s after the start", r->first);
    if (r->start.compiled + r->start.loaded > 0)
        printf("; %llu programs of kernels were compiled, %llu came from the cache",
               (unsigned long long)r->start.compiled, (unsigned long long)r->start.loaded);
    putchar('\n');
}

/* ---- a training ---- */

static socle_status run(bench *b, const workload *w, double started, atomic_ullong *host, report *r)
{
    subject o = { .loader = NULL };
    workload_training *t = &o.training;
    socle_status s = workload_start(t, w, b->device, 1) ? workload_step(t) : socle_error_status();
    if (s == SOCLE_OK)
        s = socle_device_sync(b->device);
    r->first = bench_now() - started;
    r->start = socle_device_counters(b->device);
    double before = 0, after = 0;
    if (s == SOCLE_OK)
        s = workload_loss(t, &before);
    if (s == SOCLE_OK)
        s = count_costs(b, t, host, r);
    if (s == SOCLE_OK) {
        r->parameters = workload_parameters(t);
        o.loader = workload_loader(w, b->device, 0, BATCHES);
        s = o.loader ? socle_loader_begin(o.loader, o.epoch) : socle_error_status();
    }
    if (s == SOCLE_OK)
        s = measure(b, &o, r);
    r->peak_bytes = peak_bytes();
    if (s == SOCLE_OK)
        s = workload_loss(t, &after);
    if (s == SOCLE_OK && !(after < before)) /* a step that does not learn is no step */
        s = socle_fail(SOCLE_ERR_STATE, "%s: the loss went from %g to %g", w->name, before, after);
    socle_loader_free(o.loader);
    workload_stop(t);
    return s;
}

int bench_train(bench b, const char *spec, const char *name, double started)
{
    static atomic_ullong host; /* outlives whatever the library still holds when this returns */
    const workload *found = name ? workload_find(name) : workload_at(0);
    if (!found) {
        complain("there is no workload \"%s\"; try --help", name);
        return 2;
    }
    workload w = *found;
    if (b.batch > 0)
        w.batch = b.batch;
    socle_status s = socle_set_allocator(&(socle_allocator){ count_alloc, count_free, &host });
    if (s == SOCLE_OK)
        b.device = socle_device_open(spec, (socle_device_desc){ .threads = b.threads });
    report r = { .first = 0 };
    s = b.device ? run(&b, &w, started, &host, &r) : socle_error_status();
    if (s != SOCLE_OK)
        complain("%s", socle_error());
    else if (b.json)
        print_json(&b, &w, &r);
    else
        print(&b, &w, &r);
    socle_device_close(b.device);
    return s == SOCLE_OK ? 0 : 1;
}

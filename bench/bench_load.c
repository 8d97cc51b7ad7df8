/* The data pipeline without a network: how fast the loader makes batches, by workers, from images that lie in memory as bytes,
 * and how fast IDX files are read. An epoch is a run; between epochs the workers start anew, as in a training. */
#include <socle/socle.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "workloads.h"

enum { NAME = 64 };

static void print(const bench *b, const char *name, int workers, const bench_task *t, double images)
{
    if (b->json) {
        printf("{\"family\": \"load\", \"name\": \"%s\", \"threads\": %d, \"workers\": %d, \"min_s\": %.4g, "
               "\"median_s\": %.4g, "
               "\"images_per_s\": %.4g, \"gbs\": %.4g}\n",
               name, b->threads, workers, t->min, t->median, images / t->median, t->bytes / t->median * 1e-9);
    } else {
        printf("%-20s %7d %10.2f %10.2f %12.0f %8.2f\n", name, workers, t->min * 1e3, t->median * 1e3,
               images / t->median, t->bytes / t->median * 1e-9);
    }
    fflush(stdout);
}

/* ---- batches ---- */

typedef struct loading {
    socle_loader *loader;
    socle_ctx *ctx;
    uint64_t epoch;
} loading;

static socle_status run_epoch(void *arg)
{
    loading *o = arg;
    socle_status s = socle_loader_begin(o->loader, o->epoch++);
    int got = 1;
    while (s == SOCLE_OK && got == 1) {
        socle_scope scope = socle_scope_begin(o->ctx);
        socle_batch batch;
        got = socle_loader_next(o->loader, o->ctx, &batch);
        (void)socle_scope_end(o->ctx, scope, NULL);
        if (got < 0)
            s = (socle_status)got;
    }
    return s;
}

static bool measure_loader(const bench *b, const workload *w, const char *name, int workers)
{
    enum { BATCHES = 32 };
    loading o = { .loader = workload_loader(w, b->device, workers, BATCHES), .ctx = socle_ctx_new(b->device, 1) };
    double images = (double)w->batch * BATCHES, pixels = (double)w->image[0] * w->image[1] * w->image[2], limit;
    /* a byte is read and a float written */
    bench_task task = { .run = run_epoch, .arg = &o, .bytes = images * pixels * 5 };
    bool good = o.loader && o.ctx && bench_measure(b, &task, 1, &limit) == SOCLE_OK;
    if (good)
        print(b, name, workers, &task, images);
    socle_loader_free(o.loader);
    socle_ctx_free(o.ctx);
    return good;
}

/* The i-th workload is the first with such batches. */
static bool is_first(size_t i, const char *name)
{
    char other[NAME];
    for (size_t k = 0; k < i; k++) {
        const workload *w = workload_at(k);
        snprintf(other, sizeof other, "%dx%dx%dx%d", w->batch, w->image[0], w->image[1], w->image[2]);
        if (strcmp(other, name) == 0)
            return false;
    }
    return true;
}

static bool measure_loaders(const bench *b)
{
    bool good = true;
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)) && good; i++) {
        char name[NAME];
        snprintf(name, sizeof name, "%dx%dx%dx%d", w->batch, w->image[0], w->image[1], w->image[2]);
        if (!is_first(i, name) || !bench_wanted(b, "load", name))
            continue;
        for (int workers = 0; workers <= b->threads && good; workers++)
            good = measure_loader(b, w, name, workers);
    }
    return good;
}

/* ---- files ---- */

typedef struct files {
    char images[4096], labels[4096];
    socle_dataset_desc desc; /* out: of what was read */
} files;

static socle_status read_files(void *arg)
{
    files *f = arg;
    socle_dataset *d = socle_dataset_idx(f->images, f->labels, 10);
    if (!d)
        return socle_error_status();
    f->desc = socle_dataset_desc_of(d);
    socle_dataset_free(d);
    return SOCLE_OK;
}

static bool measure_files(const bench *b, const char *folder)
{
    files f;
    snprintf(f.images, sizeof f.images, "%s/train-images-idx3-ubyte", folder);
    snprintf(f.labels, sizeof f.labels, "%s/train-labels-idx1-ubyte", folder);
    if (!bench_wanted(b, "load", "files") || read_files(&f) != SOCLE_OK)
        return !bench_wanted(b, "load", "files");
    double images = (double)f.desc.length, bytes = images, limit;
    for (int i = 0; i < f.desc.x_shape.ndim; i++)
        bytes *= (double)f.desc.x_shape.dim[i];
    bench_task task = { .run = read_files, .arg = &f, .bytes = bytes };
    if (bench_measure(b, &task, 1, &limit) != SOCLE_OK)
        return false;
    print(b, "files", 0, &task, images);
    return true;
}

int bench_load(const bench *b, const char *folder)
{
    if (!b->json)
        printf("%s\n%-20s %7s %10s %10s %12s %8s\n", socle_device_name(b->device), "batches", "workers", "min ms",
               "median ms", "images/s", "GB/s");
    bool good = measure_loaders(b) && (!folder || measure_files(b, folder));
    if (!good)
        complain("%s", socle_error());
    return good ? 0 : 1;
}

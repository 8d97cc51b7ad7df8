/* The loader: what every batch holds, whoever makes it; order, endings and failures. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <socle/data.h>
#include <socle/sys/backend.h>
#include <socle/sys/prim.h>
#include <socle/sys/test.h>

/* Sample i: x = i and a random number, y = i. fail_at: that sample fails, in the thread that makes it. */
typedef struct counted {
    size_t fail_at;
    bool slow; /* samples take longer the earlier they are, so that workers overtake each other */
} counted;

static socle_status counted_get(void *self, size_t index, bool train, socle_rng *rng, void *x, void *y)
{
    const counted *c = self;
    if (index == c->fail_at)
        return socle_fail(SOCLE_ERR_USER, "sample %zu is rotten", index);
    if (c->slow) {
        struct timespec wait = { .tv_nsec = index % 7 == 0 ? 2000000 : 10000 };
        nanosleep(&wait, NULL);
    }
    ((float *)x)[0] = (float)index;
    ((float *)x)[1] = train ? (float)socle_rng_uniform(rng) : -1;
    *(int32_t *)y = (int32_t)index;
    return SOCLE_OK;
}

static const socle_dataset_type counted_type = { .get = counted_get };

static socle_dataset *counted_new(counted *c, size_t length)
{
    return socle_dataset_new(
        &counted_type, c,
        (socle_dataset_desc){
            .length = length, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = socle_shape1(2) });
}

typedef struct epoch {
    size_t n, batches, sizes[64];
    double x[512], noise[512];
    int32_t y[512];
} epoch;

/* Runs an epoch, or its first `most` batches; returns what next answered last. */
static int run(socle_loader *l, socle_device *d, uint64_t number, size_t most, epoch *e)
{
    socle_ctx *c = socle_ctx_new(d, 0);
    cr_assert_eq(socle_loader_begin(l, number), SOCLE_OK, "%s", socle_error());
    *e = (epoch){ 0 };
    int got = 1;
    while (got > 0 && e->batches < most) {
        socle_scope scope = socle_scope_begin(c);
        socle_batch b;
        got = socle_loader_next(l, c, &b);
        if (got > 0) {
            float x32[256];
            double x64[256];
            bool wide = socle_dtype_of(b.x) == SOCLE_F64;
            cr_assert(socle_shape_equal(socle_shape_of(b.x), socle_shape2((int64_t)b.size, 2)));
            cr_assert(socle_shape_equal(socle_shape_of(b.y), socle_shape1((int64_t)b.size)));
            cr_assert_eq(socle_read(b.x, wide ? (void *)x64 : x32, b.size * 2 * (wide ? 8 : 4)), SOCLE_OK);
            cr_assert_eq(socle_read(b.y, e->y + e->n, b.size * 4), SOCLE_OK);
            for (size_t i = 0; i < b.size; i++) {
                e->x[e->n + i] = wide ? x64[2 * i] : x32[2 * i];
                e->noise[e->n + i] = wide ? x64[2 * i + 1] : x32[2 * i + 1];
            }
            e->sizes[e->batches++] = b.size;
            e->n += b.size;
        }
        socle_scope_end(c, scope, NULL);
    }
    socle_loader_end(l);
    socle_ctx_free(c);
    return got;
}

static socle_loader *loader(socle_device *d, counted *c, size_t length, socle_loader_desc o)
{
    socle_loader *l = socle_loader_new(counted_new(c, length), d, o);
    cr_assert_not_null(l, "%s", socle_error());
    return l;
}

static counted healthy = { .fail_at = SIZE_MAX };
static epoch one, two;

Test(loader, an_epoch_holds_every_sample_once_with_its_own_target)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_loader *l = loader(d, &healthy, 101, (socle_loader_desc){ .batch = 10, .shuffle = true, .seed = 3 });
    cr_assert_eq(socle_loader_batches(l), 11u);
    cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0);
    bool seen[101] = { false };
    cr_assert_eq(one.n, 101u);
    for (size_t i = 0; i < one.n; i++) {
        cr_assert(!seen[one.y[i]], "sample %d twice", (int)one.y[i]);
        seen[one.y[i]] = true;
        cr_assert_eq(one.x[i], one.y[i]);
        cr_assert_eq(one.noise[i], -1.0, "get is told that this is not training");
    }
    cr_assert_eq(one.sizes[9], 10u);
    cr_assert_eq(one.sizes[10], 1u, "the last batch is smaller");
    socle_loader_free(l);
    socle_device_close(d);
}

Test(loader, the_batches_are_the_same_bit_for_bit_for_0_1_and_4_workers)
{
    const struct {
        int workers, prefetch;
    } way[] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 4, 0 }, { 4, 2 }, { 3, 100 } };
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        counted c = { .fail_at = SIZE_MAX, .slow = true };
        socle_loader *l = loader(d, &c, 100,
                                 (socle_loader_desc){ .batch = 7,
                                                      .shuffle = true,
                                                      .train = true,
                                                      .seed = 11,
                                                      .workers = way[i].workers,
                                                      .prefetch = way[i].prefetch });
        for (uint64_t e = 0; e < 2; e++) {
            epoch *into = i == 0 && e == 1 ? &one : &two;
            cr_assert_eq(run(l, d, e, SIZE_MAX, into), 0);
        }
        if (i > 0)
            cr_assert_eq(memcmp(&one, &two, sizeof one), 0, "%d workers, prefetch %d", way[i].workers,
                         way[i].prefetch);
        socle_loader_free(l);
    }
    socle_device_close(d);
}

Test(loader, order_depends_on_seed_and_epoch_alone)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_loader_desc o = { .batch = 10, .shuffle = true, .train = true, .seed = 1 };
    socle_loader *l = loader(d, &healthy, 50, o);
    run(l, d, 0, SIZE_MAX, &one);
    run(l, d, 1, SIZE_MAX, &two);
    cr_assert_neq(memcmp(one.y, two.y, sizeof one.y), 0, "epochs differ");
    cr_assert_neq(memcmp(one.noise, two.noise, sizeof one.noise), 0);
    run(l, d, 0, SIZE_MAX, &two);
    cr_assert_eq(memcmp(&one, &two, sizeof one), 0, "an epoch repeats, whatever ran in between");
    socle_loader_free(l);
    o.seed = 2;
    l = loader(d, &healthy, 50, o);
    run(l, d, 0, SIZE_MAX, &two);
    cr_assert_neq(memcmp(one.y, two.y, sizeof one.y), 0, "seeds differ");
    socle_loader_free(l);
    o.batch = 25;
    o.seed = 1;
    l = loader(d, &healthy, 50, o);
    run(l, d, 0, SIZE_MAX, &two);
    cr_assert_eq(memcmp(one.y, two.y, sizeof one.y), 0, "the batch size changes nothing");
    cr_assert_eq(memcmp(one.noise, two.noise, sizeof one.noise), 0);
    socle_loader_free(l);
    socle_device_close(d);
}

Test(loader, without_shuffling_samples_come_in_order_and_drop_last_leaves_out_the_rest)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_loader *l = loader(d, &healthy, 25, (socle_loader_desc){ .batch = 10, .drop_last = true, .workers = 2 });
    cr_assert_eq(socle_loader_batches(l), 2u);
    cr_assert_eq(socle_loader_samples(l), 20u);
    cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0);
    cr_assert_eq(one.n, 20u);
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(one.y[i], (int32_t)i);
    socle_loader_free(l);
    socle_device_close(d);
}

Test(loader, a_batch_larger_than_the_data_is_the_data_and_no_data_is_no_batch)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_loader *l = loader(d, &healthy, 5, (socle_loader_desc){ .batch = SIZE_MAX, .workers = 3 });
    cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0);
    cr_assert_eq(one.n, 5u);
    socle_loader_free(l);
    for (int workers = 0; workers < 2; workers++) {
        l = loader(d, &healthy, 0, (socle_loader_desc){ .shuffle = true, .workers = workers });
        cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0);
        cr_assert_eq(one.batches, 0u);
        socle_loader_free(l);
    }
    socle_device_close(d);
}

Test(loader, a_failing_sample_surfaces_at_its_batch_with_its_own_words)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    for (int workers = 0; workers <= 4; workers += 2) {
        counted c = { .fail_at = 33 };
        socle_loader *l = loader(d, &c, 100, (socle_loader_desc){ .batch = 10, .workers = workers, .prefetch = 8 });
        (void)socle_fail(SOCLE_ERR_ARG, "something older");
        cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), SOCLE_ERR_USER, "%d workers", workers);
        cr_assert_eq(one.batches, 3u, "the batches before it arrive");
        cr_assert_str_eq(socle_error(), "sample 33 is rotten");
        c.fail_at = SIZE_MAX;
        cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0, "the next epoch is a new one");
        cr_assert_eq(one.n, 100u);
        socle_loader_free(l);
    }
    socle_device_close(d);
}

Test(loader, an_epoch_may_end_early_and_the_next_is_whole)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    for (int workers = 0; workers <= 4; workers += 2) {
        counted c = { .fail_at = SIZE_MAX, .slow = true };
        socle_loader *l = loader(d, &c, 100, (socle_loader_desc){ .batch = 10, .workers = workers });
        for (size_t most = 0; most < 4; most++) {
            run(l, d, 0, most, &one);
            cr_assert_eq(one.batches, most);
        }
        cr_assert_eq(run(l, d, 0, SIZE_MAX, &one), 0);
        cr_assert_eq(one.n, 100u);
        cr_assert_eq(socle_loader_begin(l, 1), SOCLE_OK, "begin within an epoch ends that one");
        cr_assert_eq(socle_loader_begin(l, 2), SOCLE_OK);
        socle_loader_free(l);
    }
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

Test(loader, calls_out_of_order_and_bad_arguments_are_errors)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_device *other = socle_device_open("ref64", (socle_device_desc){ 0 });
    socle_loader *l = loader(d, &healthy, 10, (socle_loader_desc){ 0 });
    socle_ctx *c = socle_ctx_new(d, 0), *elsewhere = socle_ctx_new(other, 0);
    socle_batch b;
    cr_assert_eq(socle_loader_next(l, c, &b), SOCLE_ERR_STATE);
    cr_assert_eq(socle_loader_begin(l, 0), SOCLE_OK);
    cr_assert_eq(socle_loader_next(l, elsewhere, &b), SOCLE_ERR_ARG);
    socle_loader_end(l);
    cr_assert_eq(socle_loader_next(l, c, &b), SOCLE_ERR_STATE);
    socle_ctx_free(c);
    socle_ctx_free(elsewhere);
    socle_loader_free(l);
    const socle_loader_desc bad[] = { { .workers = -1 }, { .workers = 257 }, { .prefetch = -1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(socle_loader_new(counted_new(&healthy, 10), d, bad[i]));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    }
    socle_device_close(other);
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* A device whose memory the host cannot reach: another one under another name, without host_ptr. */
static socle_device *far_from(const char *spec, const char *name, socle_backend *table)
{
    if (!table->name) {
        socle_device *d = socle_device_open(spec, (socle_device_desc){ 0 });
        *table = *socle_device_backend(d);
        socle_device_close(d);
        table->name = name;
        table->host_ptr = NULL;
        cr_assert_eq(socle_backend_register(table), SOCLE_OK, "%s", socle_error());
    }
    return socle_device_open(name, (socle_device_desc){ 0 });
}

static socle_device *far_device(void)
{
    static socle_backend table;
    return far_from("ref64", "far", &table);
}

/* The same in blocks of 16 images. */
static int copies;
static socle_status (*copy_of_cpu)(void *self, socle_out y, socle_in x);

static socle_status count_copies(void *self, socle_out y, socle_in x)
{
    copies++;
    return copy_of_cpu(self, y, x);
}

static socle_device *far_blocks(void)
{
    static socle_backend table;
    socle_device *d = far_from("cpu", "far-blocks", &table);
    if (table.copy != count_copies) {
        copy_of_cpu = table.copy;
        table.copy = count_copies;
    }
    return d;
}

Test(loader, devices_that_the_host_cannot_write_to_get_the_same_batches)
{
    socle_loader_desc o = { .batch = 9, .shuffle = true, .train = true };
    for (o.workers = 0; o.workers < 3; o.workers++) {
        socle_device *d = socle_device_open("ref64", (socle_device_desc){ 0 }), *far_away = far_device();
        socle_loader *l = loader(d, &healthy, 50, o), *far_loader = loader(far_away, &healthy, 50, o);
        cr_assert_eq(run(l, d, 4, SIZE_MAX, &one), 0);
        cr_assert_eq(run(far_loader, far_away, 4, SIZE_MAX, &two), 0);
        cr_assert_eq(memcmp(&one, &two, sizeof one), 0);
        socle_loader_free(l);
        socle_loader_free(far_loader);
        socle_device_close(d);
        socle_device_close(far_away);
    }
}

Test(loader, images_become_real_numbers_in_the_format_the_device_wants)
{
    enum { N = 45, PIXELS = 12 };
    static uint8_t pixels[N * PIXELS];
    static int32_t labels[N];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i >> 2);
    const char *const spec[] = { "cpu", "ref", "blocks that the host cannot reach" };
    for (int i = 0; i < 3; i++) {
        socle_device *d = i == 2 ? far_blocks() : socle_device_open(spec[i], (socle_device_desc){ .threads = 1 });
        cr_assert_not_null(d, "%s", socle_error());
        socle_dataset *ds = socle_dataset_from(
            pixels, labels,
            (socle_dataset_desc){
                .length = N, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, 3, 4) });
        socle_loader *l = socle_loader_new(ds, d, (socle_loader_desc){ .batch = 40, .workers = i });
        socle_ctx *c = socle_ctx_new(d, 0);
        cr_assert_eq(socle_loader_begin(l, 0), SOCLE_OK);
        size_t done = 0;
        socle_batch b;
        while (socle_loader_next(l, c, &b) > 0) {
            float x[40 * PIXELS];
            cr_assert_eq(copies, 0, "the device rearranged what a worker could have laid out");
            int lanes = i != 1 && b.size >= SOCLE_BATCH_MIN ? SOCLE_LANES : 1;
            cr_assert_eq(socle_view_of(b.x).lanes, lanes, "%zu images on %s", b.size, spec[i]);
            cr_assert_eq(socle_read(b.x, x, b.size * PIXELS * 4), SOCLE_OK);
            copies = 0; /* those of the read */
            for (size_t k = 0; k < b.size * PIXELS; k++)
                cr_assert_eq(x[k], (float)(pixels[done * PIXELS + k] * (1.0 / 255.0)), "%s, element %zu", spec[i],
                             k);
            done += b.size;
        }
        cr_assert_eq(done, (size_t)N);
        socle_ctx_free(c);
        socle_loader_free(l);
        socle_device_close(d);
    }
}

/* Large enough for shares: 300 images in batches of 130 and 40, of which the last block is not full. */
Test(loader, the_devices_threads_make_the_batch_that_one_worker_makes)
{
    enum { N = 300, PIXELS = 28 * 28, BATCH = 130 };
    static uint8_t pixels[N * PIXELS];
    static int32_t labels[N];
    static float x[2][BATCH * PIXELS];
    int32_t y[2][BATCH];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i >> 3);
    for (int i = 0; i < N; i++)
        labels[i] = i % 7;
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ .threads = 3 });
    socle_ctx *c = socle_ctx_new(d, 0);
    socle_loader *l[2];
    for (int i = 0; i < 2; i++) {
        const socle_dataset_desc o = {
            .length = N, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, 28, 28)
        };
        l[i] = socle_loader_new(socle_dataset_from(pixels, labels, o), d,
                                (socle_loader_desc){ .batch = BATCH, .workers = i, .shuffle = true, .seed = 3 });
        cr_assert_eq(socle_loader_begin(l[i], 2), SOCLE_OK);
    }
    for (size_t done = 0; done < N;) {
        socle_batch b[2];
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(socle_loader_next(l[i], c, &b[i]), 1, "%s", socle_error());
            cr_assert_eq(socle_read(b[i].x, x[i], b[i].size * PIXELS * sizeof(float)), SOCLE_OK);
            cr_assert_eq(socle_read(b[i].y, y[i], b[i].size * sizeof(int32_t)), SOCLE_OK);
        }
        cr_assert_eq(memcmp(x[0], x[1], b[0].size * PIXELS * sizeof(float)), 0, "images from %zu on", done);
        cr_assert_eq(memcmp(y[0], y[1], b[0].size * sizeof(int32_t)), 0, "labels from %zu on", done);
        done += b[0].size;
    }
    for (int i = 0; i < 2; i++)
        socle_loader_free(l[i]);
    socle_ctx_free(c);
    socle_device_close(d);
}

Test(loader, real_targets_follow_the_device_and_may_have_dimensions)
{
    const float x[6] = { 0 }, y[12] = { 0, .25f, .5f, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    socle_device *d = socle_device_open("ref64", (socle_device_desc){ 0 });
    socle_dataset *ds = socle_dataset_from(
        x, y,
        (socle_dataset_desc){ .length = 6, .x_type = SOCLE_F32, .y_type = SOCLE_F32, .y_shape = socle_shape1(2) });
    socle_loader *l = socle_loader_new(ds, d, (socle_loader_desc){ .batch = 4 });
    socle_ctx *c = socle_ctx_new(d, 0);
    socle_batch b;
    double got[8];
    cr_assert_eq(socle_loader_begin(l, 0), SOCLE_OK);
    cr_assert_eq(socle_loader_next(l, c, &b), 1);
    cr_assert(socle_shape_equal(socle_shape_of(b.y), socle_shape2(4, 2)));
    cr_assert(socle_shape_equal(socle_shape_of(b.x), socle_shape1(4)), "a scalar sample is a vector of samples");
    cr_assert_eq(socle_dtype_of(b.y), SOCLE_F64);
    cr_assert_eq(socle_read(b.y, got, sizeof got), SOCLE_OK);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(got[i], y[i]);
    socle_ctx_free(c);
    socle_loader_free(l);
    socle_device_close(d);
}

/* Everything from the dataset to the third batch, with allocation k failing. Without workers: the countdown is of
 * one thread. */
static socle_status short_epoch(socle_device *d)
{
    static const uint8_t x[30];
    static const int32_t y[30];
    socle_dataset *ds = socle_dataset_from(
        x, y,
        (socle_dataset_desc){ .length = 30, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape1(1) });
    socle_loader *l = socle_loader_new(ds, d, (socle_loader_desc){ .batch = 10, .shuffle = true });
    socle_ctx *c = l ? socle_ctx_new(d, 0) : NULL;
    int s = c ? (int)socle_loader_begin(l, 0) : (int)socle_error_status();
    socle_batch b;
    for (int i = 0; i < 4 && s >= 0; i++)
        s = socle_loader_next(l, c, &b);
    socle_ctx_free(c);
    socle_loader_free(l);
    return (socle_status)s;
}

Test(loader, a_failing_allocation_is_reported_and_leaves_nothing)
{
    for (int far_too = 0; far_too < 2; far_too++) {
        socle_device *d = far_too ? far_device() : socle_device_open("ref", (socle_device_desc){ 0 });
        int64_t live = socle_test_live_blocks();
        int k = 0;
        for (bool failed = true; failed; k++) {
            socle_test_fail_alloc(k);
            socle_status s = short_epoch(d);
            failed = socle_test_alloc_failed();
            socle_test_fail_alloc(-1);
            cr_assert_eq(s, failed ? SOCLE_ERR_NOMEM : SOCLE_OK, "allocation %d: %d", k, s);
            cr_assert_eq(socle_test_live_blocks(), live, "allocation %d", k);
        }
        cr_assert_gt(k, 15);
        socle_device_close(d);
    }
}

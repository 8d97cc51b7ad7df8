/* Training the small Fashion-MNIST network on an OpenCL device: it never waits, it is deterministic, and it computes what
 * the CPU's own backend does. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/socle.h>
#include <string.h>
#include "bench/workloads.h"
#include "support/support.h"

enum { BATCH = 256, BATCHES = 4, SAMPLES = BATCH * BATCHES - 9, PIXELS = 28 * 28, STEPS_MAX = 50 };

static uint8_t images[SAMPLES * PIXELS];
static int32_t labels[SAMPLES];

/* Noise with a bright patch whose place is the label, but for every fourth image: something to learn, and no loss so
 * small that it is all rounding. */
static void make_samples(void)
{
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)((i * 2654435761u >> 13) % 96);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i * 7 % 10;
        for (int j = 0; j < 64; j++)
            images[(size_t)i * PIXELS +
                   (size_t)((4 + labels[i] / 5 * 10 + j / 8) * 28 + labels[i] % 5 * 5 + j % 8 % 5)] = 250;
        if (i % 4 == 0)
            labels[i] = i * 3 % 10;
    }
}

typedef struct training {
    socle_device *d;
    socle_module *net;
    socle_ctx *c;
    socle_optimizer *o;
    socle_loader *l;
    uint64_t epoch;
    socle_tensor *loss[STEPS_MAX]; /* owned: read when all steps are on their way */
    int steps;
} training;

static training training_new(const char *spec)
{
    training t = { .d = open_device(spec, 0) };
    make_samples();
    socle_dataset_desc o = {
        .length = SAMPLES, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, 28, 28)
    };
    t.net = workload_model(workload_find("fashion_conv"), t.d, 5);
    t.c = socle_ctx_new(t.d, 1);
    t.o = socle_optimizer_new(socle_momentum(), t.net, NULL, NULL);
    t.l = socle_loader_new(socle_dataset_from(images, labels, o), t.d,
                           (socle_loader_desc){ .batch = BATCH, .workers = 1, .shuffle = true, .seed = 3 });
    cr_assert(t.net && t.c && t.o && t.l, "%s", socle_error());
    assert_ok(socle_hyper_set(t.o, -1, SOCLE_LR, 0.08f));
    assert_ok(socle_loader_begin(t.l, t.epoch++));
    return t;
}

static void training_free(training *t)
{
    for (int i = 0; i < t->steps; i++)
        socle_release(t->loss[i]);
    socle_loader_free(t->l);
    socle_optimizer_free(t->o);
    socle_ctx_free(t->c);
    socle_module_free(t->net);
    socle_device_close(t->d);
}

static void step(training *t)
{
    socle_scope scope = socle_scope_begin(t->c);
    socle_batch b;
    int got = socle_loader_next(t->l, t->c, &b);
    if (got == 0) {
        assert_ok(socle_loader_begin(t->l, t->epoch++));
        got = socle_loader_next(t->l, t->c, &b);
    }
    cr_assert_eq(got, 1, "%s", socle_error());
    socle_tensor *loss = socle_cross_entropy(t->c, socle_forward(t->net, t->c, b.x), b.y, SOCLE_MEAN);
    assert_ok(socle_backward(t->c, loss));
    assert_ok(socle_optimizer_step(t->o, t->c));
    socle_optimizer_zero_grad(t->o);
    t->loss[t->steps++] = socle_retain(loss);
    socle_scope_end(t->c, scope, NULL);
}

static void run(training *t, int steps)
{
    for (int i = 0; i < steps; i++)
        step(t);
}

static void losses_of(const training *t, double *out)
{
    for (int i = 0; i < t->steps; i++)
        assert_ok(socle_item(t->loss[i], &out[i]));
}

typedef struct parameters {
    socle_tensor *tensor[16];
    int n;
} parameters;

static int collect(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    parameters *p = user;
    (void)path;
    (void)owner;
    if (trainable && p->n < 16)
        p->tensor[p->n++] = t;
    return 0;
}

static parameters parameters_of(socle_module *net)
{
    parameters p = { .n = 0 };
    (void)socle_module_each_param(net, collect, &p);
    return p;
}

Test(training, a_step_waits_for_nothing_takes_no_memory_and_at_most_60_launches)
{
    enum { MEASURED = 6 };
    training t = training_new("cl");
    run(&t, 2); /* kernels are built, memory is taken */
    assert_ok(socle_device_sync(t.d));
    socle_counters before = socle_device_counters(t.d);
    run(&t, MEASURED);
    socle_counters after = socle_device_counters(t.d);
    uint64_t launches = after.launches - before.launches;
    cr_expect_eq(after.waits, before.waits, "%d steps waited for the device %llu times", MEASURED,
                 (unsigned long long)(after.waits - before.waits));
    cr_expect(launches > 0 && launches <= 60 * MEASURED, "%d steps launched %llu kernels", MEASURED,
              (unsigned long long)launches);
    cr_expect_eq(after.bytes, before.bytes, "%d steps took %llu bytes", MEASURED,
                 (unsigned long long)(after.bytes - before.bytes));
    training_free(&t);
}

/* Of one batch. */
static void backward(training *t)
{
    socle_scope scope = socle_scope_begin(t->c);
    socle_batch b;
    cr_assert_eq(socle_loader_next(t->l, t->c, &b), 1, "%s", socle_error());
    assert_ok(socle_backward(t->c, socle_cross_entropy(t->c, socle_forward(t->net, t->c, b.x), b.y, SOCLE_MEAN)));
    socle_scope_end(t->c, scope, NULL);
}

/* Two for lengths of parameters and their steps, three for the length of gradients, one for averages of weights. */
Test(training, what_is_done_to_all_parameters_is_a_few_launches)
{
    enum { MEASURED = 4 };
    training t = training_new("cl");
    socle_optimizer *o = socle_optimizer_new(socle_lamb(), t.net, NULL, NULL);
    socle_ema *e = socle_ema_new(t.net, (socle_ema_desc){ 0 });
    assert_ok(socle_optimizer_set_clip(o, (socle_clip){ .norm = 0.01 }));
    backward(&t);
    socle_counters before = { 0 };
    for (int i = 0; i < 2 + MEASURED; i++) {
        if (i == 2)
            before = socle_device_counters(t.d);
        assert_ok(socle_optimizer_step(o, t.c));
        assert_ok(socle_ema_update(e));
    }
    socle_counters after = socle_device_counters(t.d);
    cr_expect_eq(after.launches - before.launches, (2 + 3 + 1) * MEASURED, "%d steps launched %llu kernels",
                 MEASURED, (unsigned long long)(after.launches - before.launches));
    cr_expect_eq(after.waits, before.waits);
    cr_expect_eq(after.bytes, before.bytes);
    socle_ema_free(e);
    socle_optimizer_free(o);
    training_free(&t);
}

Test(training, twice_gives_the_same_bits)
{
    double first[STEPS_MAX], second[STEPS_MAX];
    training a = training_new("cl"), b = training_new("cl");
    run(&a, 20);
    run(&b, 20);
    losses_of(&a, first);
    losses_of(&b, second);
    cr_expect_eq(memcmp(first, second, 20 * sizeof *first), 0);
    parameters pa = parameters_of(a.net), pb = parameters_of(b.net);
    cr_assert_eq(pa.n, 10);
    for (int i = 0; i < pa.n; i++)
        assert_identical(pa.tensor[i], pb.tensor[i]);
    training_free(&a);
    training_free(&b);
}

Test(training, its_first_50_losses_are_those_of_the_cpu)
{
    double cl[STEPS_MAX], cpu[STEPS_MAX];
    training a = training_new("cl"), b = training_new("cpu");
    run(&a, STEPS_MAX);
    run(&b, STEPS_MAX);
    losses_of(&a, cl);
    losses_of(&b, cpu);
    for (int i = 0; i < STEPS_MAX; i++)
        cr_expect_leq(fabs(cl[i] - cpu[i]), 1e-4 * fabs(cpu[i]), "step %d: %.8g, on the cpu %.8g", i, cl[i],
                      cpu[i]);
    cr_expect_lt(cpu[STEPS_MAX - 1], 0.95 * cpu[0], "nothing was learnt: %g, then %g", cpu[0], cpu[STEPS_MAX - 1]);
    training_free(&a);
    training_free(&b);
}

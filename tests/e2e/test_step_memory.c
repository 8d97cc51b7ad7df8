/* What a training step asks the system for once two of them are done: nothing, be it memory of the host or of the device.
 *
 * A small convolution network with batch norms, trained on the bare tape and by the Learner, with everything between a
 * dataset in memory and the optimizer. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <socle/socle.h>
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include "support/support.h"

enum { BATCH = 20, SIDE = 12, PIXELS = SIDE * SIDE, CLASSES = 3, STEPS = 10, WARM = 2, SAMPLES = STEPS * BATCH };

static atomic_int taken; /* blocks from the system */

static void *counted_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    atomic_fetch_add(&taken, 1);
    void *p = NULL;
    return posix_memalign(&p, align, bytes) == 0 ? p : NULL;
}

static void counted_free(void *user, void *p, size_t bytes)
{
    (void)user, (void)bytes;
    free(p);
}

static void count_blocks(void)
{
    assert_ok(socle_set_allocator(&(socle_allocator){ counted_alloc, counted_free, NULL }));
}

/* With more parameters than a list's views have room for in the frame of a call. */
static socle_module *net_new(socle_device *d)
{
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 12; i++)
        socle_append(net, socle_conv_new(d, (socle_conv_desc){ .in = i ? 4 : 1,
                                                               .out = 4,
                                                               .stride = i ? 1 : 2,
                                                               .norm = SOCLE_NORM_BATCH,
                                                               .act = SOCLE_ACT_RELU }));
    socle_append(net, socle_max_pool_new(d, (socle_pool2d_opts){ .size = 2 }));
    socle_append(net, socle_dropout_new(d, 0.25f));
    socle_append(net, socle_flatten_new(d));
    socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 36, .out = CLASSES }));
    return socle_module_ready(net);
}

static void demand_none(const char *where, int more, uint64_t more_bytes)
{
    if (socle_mem_cache_keeps()) /* else a step takes what it always takes, and AddressSanitizer looks at it */
        cr_expect_eq(more, 0, "%s: steps 3 to %d took %d blocks of host memory", where, (int)STEPS, more);
    cr_expect_eq(more_bytes, 0, "%s: steps 3 to %d took %llu bytes of device memory", where, (int)STEPS,
                 (unsigned long long)more_bytes);
}

/* ---- the bare tape ---- */

static void step(socle_ctx *c, socle_module *net, socle_optimizer *o, socle_tensor *x, socle_tensor *y)
{
    socle_scope scope = socle_scope_begin(c);
    assert_ok(socle_backward(c, socle_cross_entropy(c, socle_forward(net, c, x), y, SOCLE_MEAN)));
    assert_ok(socle_optimizer_step(o, c));
    socle_optimizer_zero_grad(o);
    (void)socle_scope_end(c, scope, NULL);
}

static void train_on_tape(const char *spec, const socle_opt_rule *rule)
{
    socle_device *d = open_device(spec, 2);
    socle_module *net = net_new(d);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_optimizer *o = socle_optimizer_new(rule, net, NULL, NULL);
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(BATCH, 1, SIDE, SIDE), 1, 0, 1);
    socle_tensor *y = tensor_random(d, SOCLE_I32, socle_shape1(BATCH), 2, 0, 0);
    int before = 0;
    uint64_t bytes = 0;
    for (int i = 0; i < STEPS; i++) {
        if (i == WARM) {
            before = atomic_load(&taken);
            bytes = socle_device_counters(d).bytes;
        }
        step(c, net, o, x, y);
    }
    demand_none(spec, atomic_load(&taken) - before, socle_device_counters(d).bytes - bytes);
    socle_release(x);
    socle_release(y);
    socle_optimizer_free(o);
    socle_ctx_free(c);
    socle_module_free(net);
    socle_device_close(d);
}

Test(step_memory, of_steps_on_the_tape_is_kept)
{
    count_blocks();
    train_on_tape(test_device("cpu"), socle_sgd());
    train_on_tape(test_device("cpu"), socle_adamw());
}

/* ---- the Learner ---- */

static socle_loader *loader_new(socle_device *d, int workers)
{
    static uint8_t x[SAMPLES * PIXELS];
    static int32_t y[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        y[i] = i % CLASSES;
    for (int i = 0; i < SAMPLES * PIXELS; i++)
        x[i] = (uint8_t)(i * 37 + i / PIXELS * 11);
    socle_dataset_desc o = {
        .length = SAMPLES, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, SIDE, SIDE)
    };
    return socle_loader_new(
        socle_dataset_from(x, y, o), d,
        (socle_loader_desc){ .batch = BATCH, .workers = workers, .shuffle = true, .train = true });
}

typedef struct watch {
    int before;
    uint64_t bytes;
    int steps;
} watch;

/* Sees the first WARM steps end and the last one, each before the next batch is fetched. */
static socle_flow watch_step(socle_learner *l, void *user)
{
    watch *w = user;
    if (!l->training)
        return 0;
    w->steps++;
    if (w->steps == WARM) {
        w->before = atomic_load(&taken);
        w->bytes = socle_device_counters(socle_ctx_device(l->ctx)).bytes;
    } else if (w->steps == STEPS) {
        w->before = atomic_load(&taken) - w->before;
        w->bytes = socle_device_counters(socle_ctx_device(l->ctx)).bytes - w->bytes;
    }
    return 0;
}

static socle_learner *learner_new(socle_device *d, socle_data *data, watch *w)
{
    socle_learner *l = socle_learner_new(
        (socle_learner_desc){ .device = d, .model = net_new(d), .data = data, .opt = socle_adamw() });
    socle_learner_add(l, socle_cb_random_crop((socle_crop_desc){ .pad = 1, .flip = 0.5 }, false));
    socle_learner_add(l, socle_cb_random_erase((socle_patch_desc){ .pct = 0.2, .max_num = 2 }, false));
    socle_learner_add(l, socle_cb_random_copy((socle_patch_desc){ .pct = 0.2, .max_num = 2 }, false));
    socle_learner_add(l,
                      (socle_callback){ .name = "watch", .order = 1000, .user = w, .cleanup_batch = watch_step });
    return l;
}

/* No recorder: its lists grow with every step, by half when they are full, and are the user's result. */
static void fit(const char *spec, int workers)
{
    watch w = { 0 };
    socle_device *d = open_device(spec, 2);
    socle_data *data = socle_data_new(loader_new(d, workers), loader_new(d, 0), 1, CLASSES, NULL);
    socle_learner *l = learner_new(d, data, &w);
    assert_ok(socle_fit_one_cycle(l, 1, 1e-3));
    cr_assert_eq(w.steps, STEPS);
    demand_none(spec, w.before, w.bytes);
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(d);
}

Test(step_memory, of_a_fit_is_kept)
{
    count_blocks();
    fit(test_device("cpu"), 0);
    fit(test_device("cpu"), 2);
}

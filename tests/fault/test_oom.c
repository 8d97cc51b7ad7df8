/* What happens when memory runs out: each scenario runs with allocation 0 failing, then 1, 2, ... until it needs no
 * allocation that fails. Every run must report ERR_NOMEM and give back every block, host and device.
 *
 * A scenario opens its own device, so that memory a device keeps for reuse counts too. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <socle/socle.h>
#include <socle/sys/prim.h>
#include <socle/sys/test.h>

typedef struct place {
    const char *spec;
    bool compose_only; /* the workspace of the compositions fails too */
} place;
static place places[] = { { "ref", false }, { "ref", true }, { "cpu", false }, { "cpu", true } };
enum { PLACES = sizeof places / sizeof places[0] };

/* Every place, or the one device that SOCLE_TEST_DEVICE names. */
static int count_places(void)
{
    const char *only = getenv("SOCLE_TEST_DEVICE");
    if (only == NULL || only[0] == '\0')
        return PLACES;
    places[0] = (place){ only, false };
    return 1;
}

/* Returns its first failure; frees all it made. */
typedef socle_status (*scenario)(place p);

static void sweep(scenario run, place p, int64_t at_least)
{
    int64_t live = socle_test_live_blocks();
    cr_assert_eq(run(p), SOCLE_OK, "%s: %s", p.spec, socle_error()); /* threads and tables that stay are made now */
    cr_assert_eq(socle_test_live_blocks(), live, "%s: blocks stay live without any failure", p.spec);
    int64_t k = 0;
    for (;; k++) {
        socle_test_fail_alloc(k);
        socle_status s = run(p);
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(socle_test_live_blocks(), live, "%s: %lld blocks stay live after allocation %lld failed",
                     p.spec, (long long)(socle_test_live_blocks() - live), (long long)k);
        if (!failed) {
            cr_assert_eq(s, SOCLE_OK, "%s: %s", p.spec, socle_error());
            break;
        }
        cr_assert_eq(s, SOCLE_ERR_NOMEM, "%s: allocation %lld failed and this was reported: %s: %s", p.spec,
                     (long long)k, socle_status_text(s), s == SOCLE_OK ? "" : socle_error());
    }
    cr_assert_geq(k, at_least, "%s: only %lld allocations: does the scenario do its work?", p.spec, (long long)k);
}

static socle_device *open_at(place p)
{
    return socle_device_open(p.spec, (socle_device_desc){ .threads = 2, .compose_only = p.compose_only });
}

/* ---- tensors and ops, no module ---- */

static socle_status compute(socle_device *d, socle_ctx *c)
{
    float host[6] = { 1, 2, 3, 4, 5, 6 }, back[4];
    socle_tensor *a = socle_tensor_from(d, SOCLE_F32, socle_shape2(2, 3), host);
    socle_tensor *b = socle_tensor_from(d, SOCLE_F32, socle_shape2(3, 2), host);
    socle_status s = a == NULL || b == NULL ? socle_error_status() : socle_set_requires_grad(a, true);
    if (s == SOCLE_OK) {
        socle_scope scope = socle_scope_begin(c);
        socle_tensor *y = socle_matmul(c, socle_transpose(c, b), socle_transpose(c, socle_relu(c, a)));
        socle_tensor *loss = socle_sum(c, socle_softmax(c, socle_add(c, y, y), 1), 0, false);
        double value;
        s = socle_backward(c, loss);
        if (s == SOCLE_OK)
            s = socle_read(y, back, sizeof back); /* y may be no row-major tensor */
        if (s == SOCLE_OK)
            s = socle_item(loss, &value);
        socle_scope_end(c, scope, NULL);
    }
    socle_release(a);
    socle_release(b);
    return s;
}

static socle_status tensors_and_ops(place p)
{
    socle_device *d = open_at(p);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_status s = c == NULL ? socle_error_status() : compute(d, c);
    socle_ctx_free(c);
    socle_device_close(d);
    return s;
}

Test(oom, tensors_and_ops)
{
    for (int i = 0, n = count_places(); i < n; i++)
        sweep(tensors_and_ops, places[i], 20);
}

/* ---- convolutions of many channels, which transform all they read ---- */

static socle_status convolve(place p)
{
    const socle_conv conv = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    socle_device *d = open_at(p);
    const socle_shape images = socle_shape4(17, 32, 8, 8), results = socle_shape4(17, 48, 8, 8);
    const socle_shape windows = socle_shape4(48, 32, 3, 3);
    socle_tensor *x = socle_tensor_dense(d, SOCLE_F32, images, 0),
                 *y = socle_tensor_dense(d, SOCLE_F32, results, 0);
    socle_tensor *dx = socle_tensor_dense(d, SOCLE_F32, images, 0);
    socle_tensor *w = socle_tensor_new(d, SOCLE_F32, windows), *dw = socle_tensor_new(d, SOCLE_F32, windows);
    bool made = x != NULL && y != NULL && dx != NULL && w != NULL && dw != NULL;
    socle_status s = made ? socle_prim_fill(x, 1) : socle_error_status();
    if (s == SOCLE_OK)
        s = socle_prim_fill(w, 1);
    if (s == SOCLE_OK)
        s = socle_prim_conv(&conv, SOCLE_EPILOGUE_NONE, y, x, w, NULL);
    if (s == SOCLE_OK)
        s = socle_prim_conv_grad(&conv, SOCLE_EPILOGUE_NONE, dx, dw, NULL, y, x, w, NULL);
    socle_tensor *all[] = { x, y, dx, w, dw };
    for (int i = 0; i < 5; i++)
        socle_release(all[i]);
    socle_device_close(d);
    return s;
}

Test(oom, convolutions_of_many_channels)
{
    for (int i = 0, n = count_places(); i < n; i++)
        sweep(convolve, places[i], 5);
}

/* ---- building a network, and training steps ---- */

static socle_module *net_new(socle_device *d)
{
    socle_module *net = socle_sequential_new(d);
    socle_append(net,
                 socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 4, .stride = 2, .act = SOCLE_ACT_RELU }));
    socle_append(net,
                 socle_conv_new(d, (socle_conv_desc){ .in = 4, .out = 4, .groups = 2, .act = SOCLE_ACT_TANH }));
    socle_append(net, socle_max_pool_new(d, (socle_pool2d_opts){ .size = 2 }));
    socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    socle_append(net, socle_dropout_new(d, 0.25f));
    socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 4, .out = 3 }));
    return socle_module_ready(net);
}

enum { IMAGES = 9 }; /* enough for the batch format, with lanes to spare */

static socle_status train_step(socle_module *net, socle_optimizer *o, socle_ctx *c, const int32_t *labels)
{
    socle_device *d = socle_ctx_device(c);
    socle_tensor *target = socle_tensor_from(d, SOCLE_I32, socle_shape1(IMAGES), labels);
    if (target == NULL)
        return socle_error_status();
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *x = socle_randn(c, socle_shape4(IMAGES, 1, 8, 8));
    socle_tensor *loss = socle_cross_entropy(c, socle_forward(net, c, x), target, SOCLE_MEAN);
    socle_status s = socle_backward(c, loss);
    if (s == SOCLE_OK)
        s = socle_optimizer_step(o, c);
    socle_optimizer_zero_grad(o);
    socle_scope_end(c, scope, NULL);
    socle_release(target);
    return s;
}

static socle_status build_and_train(place p)
{
    static const int32_t labels[IMAGES] = { 0, 1, 2, 0, 1, 2, 0, 1, 2 };
    socle_device *d = open_at(p);
    socle_module *net = net_new(d);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), net, NULL, NULL);
    socle_status s = net == NULL || c == NULL || o == NULL ? socle_error_status() : SOCLE_OK;
    for (int step = 0; step < 2 && s == SOCLE_OK; step++)
        s = train_step(net, o, c, labels);
    socle_optimizer_free(o);
    socle_ctx_free(c);
    socle_module_free(net);
    socle_device_close(d);
    return s;
}

Test(oom, building_a_network_and_training_it)
{
    for (int i = 0, n = count_places(); i < n; i++)
        sweep(build_and_train, places[i], 100);
}

/* ---- a whole training: dataset, loaders, Learner, callbacks ---- */

enum { SAMPLES = 20, PIXELS = 64 };

static socle_loader *loader_new(socle_device *d, int workers)
{
    static uint8_t x[SAMPLES * PIXELS];
    static int32_t y[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        y[i] = i % 3;
    for (int i = 0; i < SAMPLES * PIXELS; i++)
        x[i] = (uint8_t)(i * 37 + i / PIXELS);
    socle_dataset_desc o = {
        .length = SAMPLES, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, 8, 8)
    };
    return socle_loader_new(socle_dataset_from(x, y, o), d,
                            (socle_loader_desc){ .batch = 9, .workers = workers, .shuffle = true });
}

static socle_tensor *look_on(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                             void *user)
{
    (void)index, (void)m, (void)c, (void)in, (void)out, (void)user;
    return NULL;
}

static socle_status fit(socle_learner *l, socle_recorder *r, socle_activations *a, FILE *nowhere)
{
    socle_metric accuracy = socle_accuracy();
    socle_learner_add(l, socle_cb_normalize(0.3, 0.5));
    socle_learner_add(l, socle_cb_random_crop((socle_crop_desc){ .pad = 1, .flip = 0.5 }, false));
    socle_learner_add(l, socle_cb_random_copy((socle_patch_desc){ .pct = 0.3 }, false));
    socle_learner_add(l, socle_cb_random_erase((socle_patch_desc){ .pct = 0.3, .per_batch = true }, false));
    socle_learner_add(l, socle_cb_metrics(&accuracy, 1));
    socle_learner_add(l, socle_cb_progress((socle_progress_desc){ .out = nowhere }));
    socle_learner_add(l, socle_cb_recorder(r));
    socle_learner_add(l, socle_cb_activations(a));
    socle_learner_add(l, socle_cb_hooks((socle_hooks_desc){ .f = look_on }));
    socle_learner_add(l, socle_cb_stop_on_nan(1));
    socle_learner_add(l, socle_cb_clip((socle_clip){ .value = 1, .norm = 1 }));
    socle_learner_add(l, socle_cb_accumulate(2));
    socle_learner_add(l, socle_cb_early_stop((socle_watch_desc){ .metric = "accuracy", .higher = true }));
    socle_learner_add(l, socle_cb_keep_best((socle_watch_desc){ 0 }));
    socle_ema *e = l ? socle_ema_new(l->model, (socle_ema_desc){ 0 }) : NULL;
    socle_learner_add(l, socle_cb_ema(e));
    socle_status s = socle_recorder_track(r, SOCLE_LR);
    if (s == SOCLE_OK)
        s = socle_fit_one_cycle(l, 2, 0.1);
    socle_learner_remove(l, "ema");
    socle_ema_free(e);
    return s;
}

static socle_status learn(place p, int workers)
{
    FILE *nowhere = fopen("/dev/null", "w");
    cr_assert_not_null(nowhere);
    socle_device *d = open_at(p);
    socle_loader *train = loader_new(d, workers), *valid = loader_new(d, workers);
    socle_data *data = socle_data_new(train, valid, 1, 3, NULL);
    socle_recorder *r = socle_recorder_new();
    socle_activations *a = socle_activations_new((socle_activations_desc){ 0 });
    socle_learner *l = socle_learner_new(
        (socle_learner_desc){ .device = d, .model = net_new(d), .data = data, .opt = socle_adamw() });
    socle_status s = l == NULL || r == NULL || a == NULL ? socle_error_status() : fit(l, r, a, nowhere);
    socle_learner_free(l);
    socle_activations_free(a);
    socle_recorder_free(r);
    socle_data_free(data);
    socle_device_close(d);
    fclose(nowhere);
    return s;
}

static socle_status learn_alone(place p)
{
    return learn(p, 0);
}

/* Which allocation fails depends on how the threads run; that it is reported and nothing leaks does not. */
static socle_status learn_with_workers(place p)
{
    return learn(p, 2);
}

Test(oom, a_whole_fit)
{
    sweep(learn_alone, places[0], 200);
    sweep(learn_with_workers, places[2], 200);
}

/* ---- around a training: initial weights, LSUV, the learning-rate finder, predictions ---- */

static socle_status look_for_a_start(socle_learner *l)
{
    socle_tensor *x = socle_learner_batch(l);
    socle_lsuv_report report = { 0 };
    socle_lr_curve curve = { 0 };
    socle_status s = x == NULL ? socle_error_status() : socle_init_cnn(l->model, (socle_init_cnn_desc){ 0 });
    if (s == SOCLE_OK)
        s = socle_lsuv(l->model, l->ctx, x, (socle_lsuv_desc){ .form = SOCLE_LSUV_BIAS }, &report);
    socle_release(x);
    if (s == SOCLE_OK)
        s = socle_lr_find(l, (socle_lr_find_desc){ .max_iter = 3 }, &curve);
    socle_lsuv_report_free(&report);
    socle_lr_curve_free(&curve);
    return s;
}

static socle_status ask(socle_learner *l)
{
    socle_predictions p = { 0 };
    socle_status s = socle_predict(l, (socle_predict_desc){ .inputs = 11, .flip = true }, &p);
    socle_predictions_free(&p);
    return s;
}

static socle_status prepare(place p)
{
    socle_device *d = open_at(p);
    socle_loader *train = loader_new(d, 0), *valid = loader_new(d, 0);
    socle_data *data = socle_data_new(train, valid, 1, 3, NULL);
    socle_learner *l = socle_learner_new(
        (socle_learner_desc){ .device = d, .model = net_new(d), .data = data, .opt = socle_momentum() });
    socle_status s = l == NULL ? socle_error_status() : look_for_a_start(l);
    if (s == SOCLE_OK)
        s = ask(l);
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(d);
    return s;
}

Test(oom, preparing_a_training)
{
    for (int i = 0, n = count_places(); i < n; i++)
        sweep(prepare, places[i], 200);
}

/* A failed step leaves a ctx that works again once it is cleared, and a network as it was. */
Test(oom, a_failed_step_can_be_repeated)
{
    static const int32_t labels[IMAGES] = { 0 };
    socle_device *d = open_at(places[0]);
    socle_module *net = net_new(d);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_optimizer *o = socle_optimizer_new(socle_momentum(), net, NULL, NULL);
    cr_assert_not_null(o, "%s", socle_error());
    bool failed = true;
    for (int64_t k = 0; failed; k++) {
        socle_test_fail_alloc(k);
        socle_status s = train_step(net, o, c, labels);
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(s, failed ? SOCLE_ERR_NOMEM : SOCLE_OK, "allocation %lld: %s", (long long)k, socle_error());
        socle_ctx_clear(c);
        cr_assert_eq(train_step(net, o, c, labels), SOCLE_OK, "after allocation %lld: %s", (long long)k,
                     socle_error());
    }
    socle_optimizer_free(o);
    socle_ctx_free(c);
    socle_module_free(net);
    socle_device_close(d);
}

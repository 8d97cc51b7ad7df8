/* The augmentation callbacks in a fit: whose batches they change, and that weights do not depend on threads or workers. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/socle.h>
#include <socle/sys/test.h>

enum { SAMPLES = 40, SIDE = 6, BATCH = 16, CLASSES = 3, PIXELS = SIDE * SIDE };

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
    return socle_loader_new(socle_dataset_from(x, y, o), d,
                            (socle_loader_desc){ .batch = BATCH, .workers = workers });
}

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} setup;

static setup set_up(int threads, int workers)
{
    setup s = { .d = socle_device_open("cpu", (socle_device_desc){ .threads = threads }) };
    s.data = socle_data_new(loader_new(s.d, workers), loader_new(s.d, workers), 1, CLASSES, NULL);
    socle_module *net = socle_sequential_new(s.d);
    socle_append(net, socle_conv_new(s.d, (socle_conv_desc){ .in = 1, .out = 4, .act = SOCLE_ACT_RELU }));
    socle_append(net, socle_adaptive_avg_pool_new(s.d, 1, 1));
    socle_append(net, socle_flatten_new(s.d));
    socle_append(net, socle_linear_new(s.d, (socle_linear_desc){ .in = 4, .out = CLASSES }));
    s.l = socle_learner_new((socle_learner_desc){ .device = s.d, .model = net, .data = s.data, .seed = 5 });
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* The first batch of every pass, as the model gets it. */
enum { PASSES = 4 };
typedef struct seen {
    int passes;
    float x[PASSES][BATCH * PIXELS];
} seen;

static socle_flow keep_first(socle_learner *l, void *user)
{
    seen *s = user;
    if (l->batch_index == 0)
        cr_assert_eq(socle_read(l->batch.x, s->x[s->passes++], sizeof s->x[0]), SOCLE_OK, "%s", socle_error());
    return 0;
}

static void fit_with(setup s, bool on_valid, seen *to)
{
    socle_learner_add(s.l, socle_cb_normalize(0.3, 0.35));
    socle_learner_add(s.l, socle_cb_random_crop((socle_crop_desc){ .pad = 1, .flip = 0.5 }, on_valid));
    socle_learner_add(s.l, (socle_callback){ .name = "keep", .order = 5, .user = to, .after_predict = keep_first });
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(to->passes, PASSES);
}

Test(augment, changes_training_batches_alone_unless_asked_and_differently_each_epoch)
{
    seen plain = { 0 }, all = { 0 };
    setup s = set_up(1, 0);
    fit_with(s, false, &plain);
    tear_down(s);
    s = set_up(1, 0);
    fit_with(s, true, &all);
    tear_down(s);
    enum { TRAIN, VALID, TRAIN_2, VALID_2 };
    cr_assert_eq(memcmp(plain.x[VALID], plain.x[VALID_2], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(plain.x[TRAIN], plain.x[VALID], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(plain.x[TRAIN], plain.x[TRAIN_2], sizeof plain.x[0]), 0);
    cr_assert_eq(memcmp(all.x[TRAIN], plain.x[TRAIN], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(all.x[VALID], plain.x[VALID], sizeof plain.x[0]), 0);
}

Test(augment, does_not_depend_on_threads_or_workers)
{
    static const int ways[][2] = { { 1, 0 }, { 2, 0 }, { 2, 3 } }; /* threads, workers */
    seen first = { 0 };
    for (int i = 0; i < 3; i++) {
        seen now = { 0 };
        setup s = set_up(ways[i][0], ways[i][1]);
        fit_with(s, false, i == 0 ? &first : &now);
        tear_down(s);
        cr_assert(i == 0 || memcmp(first.x, now.x, sizeof now.x) == 0, "%d threads, %d workers", ways[i][0],
                  ways[i][1]);
    }
}

Test(augment, what_cannot_be_drawn_ends_the_fit)
{
    setup s = set_up(1, 0);
    socle_learner_add(s.l, socle_cb_random_crop((socle_crop_desc){ .flip = 2 }, false));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "random_crop: probability 2 is not in [0, 1]");
    tear_down(s);
}

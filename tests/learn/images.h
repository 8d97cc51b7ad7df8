/* A training on images small enough for tests: a convolution and a linear layer; training and evaluation see the same 40
 * images of 6 by 6, whose pixels are all different. For Criterion programs, which include it after Criterion. */
#ifndef IMAGES_H
#define IMAGES_H

#include <socle/socle.h>
#include <socle/sys/test.h>

enum { SAMPLES = 40, SIDE = 6, BATCH = 16, CLASSES = 3, PIXELS = SIDE * SIDE };

static inline socle_loader *images_loader(socle_device *d, int workers)
{
    static uint8_t x[SAMPLES * PIXELS];
    static int32_t y[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        y[i] = (i * i + 1) % CLASSES;
    for (int i = 0; i < SAMPLES * PIXELS; i++)
        x[i] = (uint8_t)(i * 37 + i / PIXELS * 11);
    socle_dataset_desc o = {
        .length = SAMPLES, .x_type = SOCLE_U8, .y_type = SOCLE_I32, .x_shape = socle_shape3(1, SIDE, SIDE)
    };
    return socle_loader_new(socle_dataset_from(x, y, o), d,
                            (socle_loader_desc){ .batch = BATCH, .workers = workers });
}

typedef struct images_setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} images_setup;

static inline images_setup images_set_up(int threads, int workers)
{
    images_setup s = { .d = socle_device_open("cpu", (socle_device_desc){ .threads = threads }) };
    s.data = socle_data_new(images_loader(s.d, workers), images_loader(s.d, workers), 1, CLASSES, NULL);
    socle_module *net = socle_sequential_new(s.d);
    socle_append(net, socle_conv_new(s.d, (socle_conv_desc){ .in = 1, .out = 4, .act = SOCLE_ACT_RELU }));
    socle_append(net, socle_adaptive_avg_pool_new(s.d, 1, 1));
    socle_append(net, socle_flatten_new(s.d));
    socle_append(net, socle_linear_new(s.d, (socle_linear_desc){ .in = 4, .out = CLASSES }));
    s.l = socle_learner_new((socle_learner_desc){ .device = s.d, .model = net, .data = s.data, .seed = 5 });
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static inline void images_tear_down(images_setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

#endif

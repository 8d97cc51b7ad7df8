/* A training small enough for tests: 3 classes, told apart by which of 4 inputs is large; one linear layer. */
#ifndef TINY_H
#define TINY_H

#include <socle/socle.h>

enum { TINY_IN = 4, TINY_CLASSES = 3 };

static inline socle_loader *tiny_loader(socle_device *d, size_t n, size_t batch)
{
    static float x[256 * TINY_IN];
    static int32_t y[256];
    for (size_t i = 0; i < n; i++) {
        y[i] = (int32_t)(i % TINY_CLASSES);
        for (size_t k = 0; k < TINY_IN; k++)
            x[i * TINY_IN + k] = (k == (size_t)y[i] ? 1.0f : 0.0f) + 0.1f * (float)((i * 7 + k * 3) % 5);
    }
    socle_dataset_desc o = {
        .length = n, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = socle_shape1(TINY_IN)
    };
    return socle_loader_new(socle_dataset_from(x, y, o), d, (socle_loader_desc){ .batch = batch });
}

/* Batches of 4 in training and 8 in evaluation. n_valid 0: an evaluation set without samples, and so no
 * evaluation. */
static inline socle_data *tiny_data(socle_device *d, size_t n_train, size_t n_valid)
{
    return socle_data_new(tiny_loader(d, n_train, 4), tiny_loader(d, n_valid, 8), 1, TINY_CLASSES, NULL);
}

static inline socle_learner *tiny_learner(socle_device *d, socle_data *data)
{
    socle_module *m = socle_linear_new(d, (socle_linear_desc){ .in = TINY_IN, .out = TINY_CLASSES });
    return socle_learner_new((socle_learner_desc){ .device = d, .model = m, .data = data });
}

#endif

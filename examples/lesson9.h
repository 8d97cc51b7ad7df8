/* What the parts of lesson 9 share: the table that every step works at, and the network that most of them train. */
#ifndef EXAMPLES_LESSON9_H
#define EXAMPLES_LESSON9_H

#include "mnist.h"
#include "options.h"

typedef struct lesson {
    options o;
    socle_device *device;
    mnist digits;
} lesson;

/* A step prints what the notebook's cells print. c has a scope open that lasts as long as the step, and fails it
 * where it has failed. */
typedef socle_status (*lesson_step)(lesson *l, socle_ctx *c);
socle_status step_loss(lesson *l, socle_ctx *c);
socle_status step_loop(lesson *l, socle_ctx *c);
socle_status step_data(lesson *l, socle_ctx *c);
socle_status step_validation(lesson *l, socle_ctx *c);
socle_status step_accumulate(lesson *l, socle_ctx *c);
socle_status step_callbacks(lesson *l, socle_ctx *c);
socle_status step_annealing(lesson *l, socle_ctx *c);
socle_status step_cancelling(lesson *l, socle_ctx *c);
socle_status step_finder(lesson *l, socle_ctx *c);

/* 784 pixels -> 50 -> ReLU -> 10, PyTorch's first weights. NULL on failure. */
socle_module *network(const lesson *l);
/* The digits in batches, flat; a Learner of them with the network and SGD, and no callbacks. NULL on failure. */
socle_data *batches(lesson *l, size_t size);
socle_learner *learner(lesson *l, socle_data *data);

/* Prints the means of loss and accuracy over the images of each pass: written in the step "callbacks". */
typedef struct avg_stats {
    double loss, hits, n;
} avg_stats;
socle_callback avg_stats_callback(avg_stats *a);

/* The one element of t; NaN, and c has failed, where there is none. */
double item(socle_ctx *c, socle_tensor *t);
/* What --epochs, --batch-size and --lr say, else the step's own. */
int epochs_of(const lesson *l, int own);
size_t batch_of(const lesson *l, size_t own);
double rate_of(const lesson *l, double own);

#endif

/* Whole networks with their recipes, defined once for the benchmark, its peers' counterparts and the tests.
 *
 * A training repeats one batch of synthetic images that lies on the device: what is measured is the network, not the loader,
 * and no data set has to be there. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include <socle/socle.h>

typedef struct workload {
    const char *name;
    const char *what; /* a line for people */
    int batch;        /* images a step */
    int image[3];     /* channels, rows, columns */
    int classes;
    socle_module *(*model)(socle_device *d); /* its weights not yet drawn from a seed */
    socle_tensor *(*loss)(socle_ctx *c, socle_tensor *y, socle_tensor *target); /* of labels (batch) I32 */
    const socle_opt_rule *(*rule)(void);
    float lr;
} workload;

/* The i-th workload; NULL past the last. */
const workload *workload_at(size_t i);
/* NULL where there is none of that name. */
const workload *workload_find(const char *name);
/* The network with the weights that belong to seed; owned by the caller. NULL on failure, with the error raised. */
socle_module *workload_model(const workload *w, socle_device *d, uint64_t seed);

/* A training under way. A step is forward, backward, update, in this order. */
typedef struct workload_training {
    const workload *recipe; /* outlives the training */
    socle_module *model;
    socle_ctx *ctx;
    socle_optimizer *optimizer;
    socle_tensor *x, *y; /* the batch, in the device's format */
    socle_tensor *loss;  /* borrowed: from forward to update */
    socle_scope scope;
} workload_training;
/* A loader of so many batches of such images, which lie in memory as bytes; owned by the caller. NULL on failure, with the error
 * raised. */
socle_loader *workload_loader(const workload *w, socle_device *d, int workers, size_t batches);
/* Numbers that the optimizer changes. */
int64_t workload_parameters(const workload_training *t);
/* False on failure, with the error raised; workload_stop what was made. */
bool workload_start(workload_training *t, const workload *w, socle_device *d, uint64_t seed);
void workload_stop(workload_training *t);
/* Each enqueues and does not wait. */
socle_status workload_forward(workload_training *t);
socle_status workload_backward(workload_training *t);
socle_status workload_update(workload_training *t); /* the optimizer's step; the intermediates are given back */
socle_status workload_step(workload_training *t);   /* the three */
/* The loss of the batch as the network is; waits. */
socle_status workload_loss(workload_training *t, double *loss);

#endif

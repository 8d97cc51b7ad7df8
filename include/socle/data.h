/* Datasets, samplers, and the loader that turns samples into batches in the device's own format, ahead of need. */
#ifndef SOCLE_DATA_H
#define SOCLE_DATA_H

#include "ctx.h"
#include "init.h"

#ifdef __cplusplus
extern "C" {
#endif

/* get writes one sample: x and y point at room for numel(x shape) elements of the dataset's x type and likewise y.
 * Called from worker threads at once; self must not change. rng depends on (seed, epoch, index) only, so augmentation
 * does not depend on the number of workers. On failure: a status, with socle_fail's text. */
typedef struct socle_dataset_type {
    socle_status (*get)(void *self, size_t index, bool train, socle_rng *rng, void *x, void *y);
    /* Or NULL. Where x of sample `index` lies in memory already, constant; or NULL again. If it does, get is called with
     * rng and x NULL and writes y alone. */
    const void *(*peek)(void *self, size_t index);
    void (*drop)(void *self); /* or NULL */
} socle_dataset_type;

/* x of type U8 (images, kept 8-bit in memory) or F32, y of type I32 or F32. In batches U8 becomes real numbers
 * x * mul + add, by default x / 255. */
typedef struct socle_dataset_desc {
    size_t length;
    socle_dtype x_type, y_type;
    socle_shape x_shape, y_shape; /* of one sample; ndim 0 is a scalar */
    double mul, add;              /* both 0: 1/255 and 0 for U8, 1 and 0 else */
} socle_dataset_desc;
typedef struct socle_dataset socle_dataset;
/* self is consumed (dropped on failure too). t must outlive it. */
SOCLE_API socle_dataset *socle_dataset_new(const socle_dataset_type *t, void *self, socle_dataset_desc o);
SOCLE_API void socle_dataset_free(socle_dataset *d);
SOCLE_API socle_dataset_desc socle_dataset_desc_of(const socle_dataset *d);
/* Samples first .. first + length - 1 of d, which is consumed. */
SOCLE_API socle_dataset *socle_dataset_range(socle_dataset *d, size_t first, size_t length);
/* The same, but d stays the caller's and must outlive the part: several data sets on one memory. */
SOCLE_API socle_dataset *socle_dataset_part(const socle_dataset *d, size_t first, size_t length);
/* Arrays of host memory, copied: x of `length` samples, y alike. */
SOCLE_API socle_dataset *socle_dataset_from(const void *x, const void *y, socle_dataset_desc o);
/* Copies one sample out, as get gives it in evaluation. */
SOCLE_API socle_status socle_dataset_get(socle_dataset *d, size_t index, void *x, void *y);

/* x (n, ...) real, y (n, ...); n == size. Borrowed from the ctx that asked. */
typedef struct socle_batch {
    socle_tensor *x, *y;
    size_t size;
} socle_batch;
typedef struct socle_loader_desc {
    size_t batch; /* 0: 64 */
    /* Threads. 0: batches are made when they are asked for, in the calling thread; a CPU device's threads help it where
     * samples are arrays of bytes. */
    int workers;
    int prefetch;   /* batches made ahead; 0: 2 per worker */
    bool shuffle;   /* else in order */
    bool drop_last; /* leave out a last batch that is smaller */
    bool train;     /* what get is told */
    uint64_t seed;  /* order is a function of (seed, epoch) alone */
} socle_loader_desc;
typedef struct socle_loader socle_loader;
/* ds is consumed. ERR_ARG for negative numbers or more than 256 workers. */
SOCLE_API socle_loader *socle_loader_new(socle_dataset *ds, socle_device *d, socle_loader_desc o);
SOCLE_API void socle_loader_free(socle_loader *l);
SOCLE_API size_t socle_loader_batches(const socle_loader *l); /* per epoch */
SOCLE_API size_t socle_loader_samples(const socle_loader *l); /* per epoch */
SOCLE_API socle_dataset *socle_loader_dataset(const socle_loader *l);
SOCLE_API socle_status socle_loader_begin(socle_loader *l, uint64_t epoch) SOCLE_MUST_USE;
/* 1 and a batch, 0 at the end, negative (a socle_status) on failure. Batches arrive in order whatever the workers do; a
 * worker's failure surfaces here, at its batch, with its message carried over to the calling thread. */
SOCLE_API int socle_loader_next(socle_loader *l, socle_ctx *c, socle_batch *out);
SOCLE_API void socle_loader_end(socle_loader *l); /* also in the middle of an epoch */

/* What a Learner trains on. */
typedef struct socle_data {
    socle_loader *train, *valid; /* owned */
    int c_in, c_out;             /* channels, classes */
    const char *const *vocab;    /* c_out names, or NULL; constant */
} socle_data;
/* Loaders are consumed; NULL for either is a failure of its constructor, and of this one. (To train without validation,
 * fill a socle_data of your own: valid may be NULL there.) vocab must outlive it. */
SOCLE_API socle_data *socle_data_new(socle_loader *train, socle_loader *valid, int c_in, int c_out,
                                     const char *const *vocab);
SOCLE_API void socle_data_free(socle_data *d);

#ifdef __cplusplus
}
#endif
#endif

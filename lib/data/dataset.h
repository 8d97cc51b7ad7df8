/* Datasets from inside: samples of a window [first, first + length) of what the type offers. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <socle/data.h>

struct socle_dataset {
    const socle_dataset_type *type;
    void *self;
    bool borrowed;           /* self: another dataset's */
    size_t first;            /* of the window, in the type's own numbering */
    socle_dataset_desc desc; /* length is the window's; mul and add are filled in */
};

/* Elements of one sample; shapes were checked by socle_dataset_new. */
size_t sample_numel(socle_shape s);

/* A dataset on arrays of o.length samples each, which it takes over (freed on failure too). NULL if either is
 * NULL. */
socle_dataset *dataset_own(void *x, void *y, socle_dataset_desc o);

/* Arrays: reading a sample runs no code of the user's, and cannot fail. */
bool dataset_is_memory(const socle_dataset *d);

/* What the loader asks of a dataset for sample `index` (of the window). */
typedef struct sample_draw {
    bool train;
    uint64_t seed, epoch; /* random numbers are a function of these and of the index */
} sample_draw;

/* Puts y into place and returns in *x where the sample's x is: in the dataset's own memory, or in x_room. */
socle_status dataset_sample(const socle_dataset *d, size_t index, sample_draw draw, void *x_room, void *y,
                            const void **x) SOCLE_MUST_USE;

#endif

/* From samples to the memory of a batch. Plain C on host memory: this runs in the loader's worker threads, which
 * never touch the device. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include <socle/sys/backend.h>
#include "dataset.h"

/* How one side (x or y) of the samples becomes the batch's numbers: to = from * mul + add, computed in double and
 * rounded once; I32 is copied. */
typedef struct batch_side {
    socle_dtype from, to; /* U8 or F32 -> F32 or F64; I32 -> I32 */
    size_t length;        /* elements of a sample */
    double mul, add;
    float table[256]; /* of U8 -> F32 */
} batch_side;

batch_side batch_side_of(socle_dtype from, socle_dtype to, socle_shape sample, double mul, double add);
size_t batch_sample_bytes(const batch_side *s);

/* Where a side goes: n samples, row-major (lanes 1) or in dense blocks of 16 (sys/backend.h). */
typedef struct batch_memory {
    void *at;
    int lanes;
} batch_memory;

/* Writes samples first .. first + count - 1 of a batch from their rows. first is a multiple of SOCLE_LANES and
 * count at most that; the lanes beyond count are set to zero. */
void batch_put(const batch_side *s, batch_memory m, size_t first, size_t count, const void *const *row);

/* Samples first .. last - 1 of a batch, which are order[first ...] (NULL: from + first, ...) of the data set, into x and y,
 * the memory of the whole batch. first is a multiple of SOCLE_LANES. room: batch_room_bytes of scratch memory. */
typedef struct batch_plan {
    const socle_dataset *dataset;
    batch_side x, y;
} batch_plan;
size_t batch_room_bytes(const batch_plan *p);
socle_status batch_fill(const batch_plan *p, const size_t *order, size_t from, size_t first, size_t last,
                        sample_draw draw, void *room, batch_memory x, batch_memory y) SOCLE_MUST_USE;

#endif

/* How often each slot of a device ran, and how often its composition did instead. The counters are made by the
 * first primitive on a device and go, with a line in the log for each slot used, when it closes. */
#ifndef PRIM_STATS_H
#define PRIM_STATS_H

#include "core/device.h"

/* Every primitive slot of sys/backend.h, in its order. */
/* clang-format off */
#define PRIM_SLOTS(X)                                                                                              \
    X(fill) X(copy) X(unary) X(unary_grad) X(binary) X(binary_grad) X(where) X(reduce) X(argreduce) X(gemm)        \
    X(im2col) X(col2im) X(pool) X(pool_grad) X(gather) X(scatter_add) X(random_uniform) X(random_normal)           \
    X(axpby) X(add_relu) X(conv) X(conv_grad) X(linear) X(linear_grad) X(moments) X(normalize) X(normalize_grad)               \
    X(conv_norm_grad) X(softmax) X(softmax_grad) X(xent) X(xent_grad) X(dropout) X(sgd_many) X(adam_many)          \
    X(lamb_many) X(clip_many) X(axpby_many) X(histogram) X(shift_images)

typedef enum prim_slot {
#define SLOT(name) PRIM_##name,
    PRIM_SLOTS(SLOT)
#undef SLOT
    PRIM_SLOT_COUNT
} prim_slot;
/* clang-format on */

/* Makes d's counters unless it has them. */
socle_status stats_ready(socle_device *d) SOCLE_MUST_USE;
/* The counters are there. */
void stats_slot(socle_device *d, prim_slot slot);
void stats_composed(socle_device *d, prim_slot slot);

#endif

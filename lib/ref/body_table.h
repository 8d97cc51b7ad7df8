/* All bodies and the table they fill. Whoever includes this has defined `real`, its enumerator REAL_TYPE, the R_*
 * functions that the lists of sys/ are written in, and TABLE, TABLE_NAME, TABLE_CAPS; nothing but TABLE leaves the
 * file. */
#include <stdio.h>
#include "ref.h"
#include "view.h"

#include "body_elementwise.h"
#include "body_reduce.h"
#include "body_histogram.h"
#include "body_gemm.h"
#include "body_conv.h"
#include "body_pool.h"
#include "body_index.h"
#include "body_shift.h"
#include "body_normalize.h"
#include "body_softmax.h"
#include "body_random.h"
#include "body_optim.h"

static void caps(void *self, socle_caps *out)
{
    (void)self;
    *out = (socle_caps){ .real = REAL_TYPE, .lanes = 1 };
    snprintf(out->name, sizeof out->name, "%s", TABLE_CAPS);
}

static socle_status describe(int index, socle_device_info *out)
{
    (void)index;
    *out = (socle_device_info){ .kind = SOCLE_KIND_REFERENCE };
    snprintf(out->name, sizeof out->name, "%s", TABLE_CAPS);
    return SOCLE_OK;
}

extern const socle_backend TABLE;
const socle_backend TABLE = {
    .size = sizeof(socle_backend),
    .name = TABLE_NAME,
    .count = ref_count,
    .open = ref_open,
    .close = ref_close,
    .caps = caps,
    .alloc = ref_alloc,
    .free = ref_free,
    .host_ptr = ref_host_ptr,
    .write = ref_write,
    .read = ref_read,
    .sync = ref_sync,
    .fill = fill,
    .copy = copy,
    .unary = unary,
    .unary_grad = unary_grad,
    .binary = binary,
    .binary_grad = binary_grad,
    .where = where,
    .reduce = reduce,
    .argreduce = argreduce,
    .gemm = gemm,
    .im2col = im2col,
    .col2im = col2im,
    .pool = pool,
    .pool_grad = pool_grad,
    .gather = gather,
    .scatter_add = scatter_add,
    .random_uniform = random_uniform,
    .random_normal = random_normal,
    .axpby = axpby,
    .add_relu = add_relu,
    .conv = conv,
    .conv_grad = conv_grad,
    .linear = linear,
    .linear_grad = linear_grad,
    .moments = moments,
    .normalize = normalize,
    .normalize_grad = normalize_grad,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .xent = xent,
    .xent_grad = xent_grad,
    .dropout = dropout,
    .sgd_many = sgd_many,
    .adam_many = adam_many,
    .lamb_many = lamb_many,
    .clip_many = clip_many,
    .axpby_many = axpby_many,
    .histogram = histogram,
    .shift_images = shift_images,
    .describe = describe,
};

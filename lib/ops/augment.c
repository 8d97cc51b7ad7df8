/* Augmentation of batches of images: what each image is to undergo is drawn here, on the host, from the ctx's random
 * stream, as a table of a few numbers an image; the device is handed the table. */
#include <socle/augment.h>

#include <string.h>
#include <socle/sys/memory.h>
#include <socle/sys/philox.h>
#include "core/ctx.h"
#include "core/tensor.h"
#include "op.h"

/* `each` blocks of four words for every image, or with per_batch the same ones for all. */
typedef struct lots {
    socle_philox stream;
    int64_t each;
    bool per_batch;
} lots;

static lots lots_of(socle_ctx *c, int64_t images, int64_t each, bool per_batch)
{
    return (lots){ socle_ctx_draw(c, 4 * each * (per_batch ? 1 : images)), each, per_batch };
}

static void draw(const lots *l, int64_t image, int64_t block, uint32_t words[4])
{
    uint64_t at = (uint64_t)((l->per_batch ? 0 : image * l->each) + block);
    socle_philox_block(l->stream.key, l->stream.counter + at, words);
}

/* One of 0 .. n - 1. */
static int32_t one_of(uint32_t word, int64_t n)
{
    return (int32_t)((uint64_t)word * (uint64_t)n >> 32);
}

static socle_tensor *failed(socle_ctx *c, socle_status s)
{
    socle_ctx_fail(c, s);
    return NULL;
}

/* x is (N, C, H, W), of c's device and its real type. */
static socle_status check_images(socle_ctx *c, const char *what, const socle_tensor *x)
{
    SOCLE_TRY(socle_ctx_status(c));
    SOCLE_CHECK(x != NULL, SOCLE_ERR_ARG, "%s: the images are NULL", what);
    socle_shape s = socle_shape_of(x);
    socle_dtype real = socle_device_real(socle_ctx_device(c));
    SOCLE_CHECK(socle_device_of(x) == socle_ctx_device(c), SOCLE_ERR_ARG,
                "%s: the images live on another device (%s) than the ctx (%s)", what,
                socle_device_name(socle_device_of(x)), socle_device_name(socle_ctx_device(c)));
    SOCLE_CHECK(socle_dtype_of(x) == real, SOCLE_ERR_DTYPE, "%s: images of type %s, the device computes in %s",
                what, socle_dtype_name(socle_dtype_of(x)), socle_dtype_name(real));
    SOCLE_CHECK(s.ndim == 4, SOCLE_ERR_SHAPE, "%s: images of shape %s, expected are 4 dimensions, (N, C, H, W)",
                what, shape_text(s).text);
    return SOCLE_OK;
}

/* ---- crop and flip ---- */

static socle_status check_crop(const socle_crop_desc *o)
{
    SOCLE_CHECK(o->pad >= 0 && o->pad <= INT32_MAX / 4, SOCLE_ERR_ARG, "random_crop: a padding of %d pixels",
                o->pad);
    SOCLE_CHECK(o->flip >= 0 && o->flip <= 1, SOCLE_ERR_ARG, "random_crop: probability %g is not in [0, 1]",
                o->flip);
    return SOCLE_OK;
}

/* Rows top, left, mirrored of a new tensor. */
static socle_tensor *crop_places(socle_ctx *c, int64_t images, const socle_crop_desc *o)
{
    const size_t bytes = (size_t)images * 3 * sizeof(int32_t);
    int32_t *place = socle_mem_cache_take(c->device->cache, bytes);
    if (place == NULL)
        return NULL;
    lots l = lots_of(c, images, 1, o->per_batch);
    int64_t offsets = 2 * (int64_t)o->pad + 1;
    for (int64_t n = 0; n < images; n++) {
        uint32_t w[4];
        draw(&l, n, 0, w);
        place[3 * n] = one_of(w[0], offsets) - o->pad;
        place[3 * n + 1] = one_of(w[1], offsets) - o->pad;
        place[3 * n + 2] = (double)socle_philox_float(w[2]) < o->flip;
    }
    socle_tensor *t = socle_tensor_from(socle_ctx_device(c), SOCLE_I32, socle_shape2(images, 3), place);
    socle_mem_cache_give(c->device->cache, place, bytes);
    return t;
}

socle_tensor *socle_random_crop(socle_ctx *c, socle_tensor *x, socle_crop_desc o)
{
    socle_status s = check_images(c, "random_crop", x);
    if (s == SOCLE_OK)
        s = check_crop(&o);
    if (s != SOCLE_OK)
        return failed(c, s);
    socle_tensor *place = ctx_own(c, crop_places(c, socle_dim(x, 0), &o));
    return place == NULL ? NULL : socle_shift_images(c, x, place, socle_dim(x, 2), socle_dim(x, 3), o.value);
}

/* ---- blocks: erase and copy ---- */

typedef struct blocks {
    socle_patch_desc o;
    int64_t images;                    /* that differ: 1 with per_batch */
    int64_t height, width, rows, cols; /* of an image; of a block */
    lots l;
} blocks;

typedef struct corner {
    int64_t top, left;
} corner;

static socle_status check_blocks(const char *what, const socle_tensor *x, const socle_patch_desc *o)
{
    socle_shape s = socle_shape_of(x);
    SOCLE_CHECK(s.dim[2] == 0 || s.dim[3] <= INT32_MAX / s.dim[2], SOCLE_ERR_SHAPE,
                "%s: input %s has too many pixels", what, shape_text(s).text);
    SOCLE_CHECK(o->pct > 0 && o->pct <= 1, SOCLE_ERR_ARG, "%s: blocks of %g of a side, not of (0, 1]", what,
                o->pct);
    SOCLE_CHECK(o->max_num >= 1 && o->max_num <= 1000, SOCLE_ERR_ARG, "%s: %d blocks, not 1 to 1000", what,
                o->max_num);
    return SOCLE_OK;
}

static blocks blocks_of(socle_ctx *c, const socle_tensor *x, socle_patch_desc o)
{
    blocks b = { .o = o, .images = o.per_batch ? 1 : socle_dim(x, 0) };
    b.height = socle_dim(x, 2);
    b.width = socle_dim(x, 3);
    b.rows = (int64_t)(o.pct * (double)b.height);
    b.cols = (int64_t)(o.pct * (double)b.width);
    b.l = lots_of(c, b.images, 1 + (int64_t)o.max_num, o.per_batch);
    return b;
}

static int32_t block_count(const blocks *b, int64_t image)
{
    uint32_t w[4];
    draw(&b->l, image, 0, w);
    return one_of(w[0], (int64_t)b->o.max_num + 1);
}

/* floor(u (1 - pct) size), inside whatever the rounding. */
static int64_t start_of(uint32_t word, double pct, int64_t size, int64_t block)
{
    int64_t at = (int64_t)((double)socle_philox_float(word) * (1 - pct) * (double)size);
    return at < size - block ? at : size - block;
}

/* Where block k of an image lies, and another place of its size. */
static corner block_at(const blocks *b, int64_t image, int32_t k, corner *other)
{
    uint32_t w[4];
    draw(&b->l, image, 1 + k, w);
    *other = (corner){ start_of(w[2], b->o.pct, b->height, b->rows), start_of(w[3], b->o.pct, b->width, b->cols) };
    return (corner){ start_of(w[0], b->o.pct, b->height, b->rows), start_of(w[1], b->o.pct, b->width, b->cols) };
}

/* Block `at` of image n in a mask of the format of m: elements of a row are `step` apart. */
static void mark_block(uint8_t *mask, const socle_view *m, const blocks *b, int64_t n, corner at)
{
    int64_t step = m->lanes, pixels = b->height * b->width;
    uint8_t *image = mask + n / step * step * pixels + n % step;
    for (int64_t i = at.top; i < at.top + b->rows; i++)
        for (int64_t j = at.left; j < at.left + b->cols; j++)
            image[(i * b->width + j) * step] = 1;
}

/* (images, 1, H, W) U8: 1 in the blocks. Made in the device's batch format: a choice among operands of one format is many
 * times faster than among several. */
static socle_tensor *block_mask(socle_ctx *c, const blocks *b)
{
    socle_shape s = socle_shape4(b->images, 1, b->height, b->width);
    socle_tensor *t = socle_tensor_dense(socle_ctx_device(c), SOCLE_U8, s, 0);
    size_t bytes = t == NULL ? 0 : (size_t)view_extent(&t->view);
    uint8_t *mask = t == NULL ? NULL : socle_mem_cache_take(c->device->cache, bytes);
    if (mask != NULL)
        memset(mask, 0, bytes);
    for (int64_t n = 0; mask != NULL && n < b->images; n++)
        for (int32_t k = 0, count = block_count(b, n); k < count; k++) {
            corner unused;
            mark_block(mask, &t->view, b, n, block_at(b, n, k, &unused));
        }
    if (mask == NULL || tensor_upload_dense(t, mask, bytes) != SOCLE_OK) {
        socle_release(t);
        t = NULL;
    }
    socle_mem_cache_give(c->device->cache, mask, bytes);
    return t;
}

/* Normal numbers of x's mean and standard deviation, cut to x's range: x's shape and format, borrowed from c. */
static socle_status fill_noise(socle_ctx *c, socle_tensor *y, socle_tensor *x)
{
    const socle_norm all = { .batch = true, .groups = 1, .unbiased = true };
    socle_dtype real = socle_dtype_of(y);
    socle_tensor *mean = socle_full(c, real, socle_shape1(1), 0), *std = socle_full(c, real, socle_shape1(1), 0);
    socle_tensor *low = socle_full(c, real, socle_shape0(), 0), *high = socle_full(c, real, socle_shape0(), 0);
    socle_tensor *row = socle_reshape(c, x, socle_shape3(socle_dim(x, 0), 1, -1));
    SOCLE_TRY(socle_ctx_status(c));
    SOCLE_TRY(socle_prim_moments(&all, mean, std, row));
    SOCLE_TRY(socle_prim_unary(SOCLE_UNARY_sqrt, std, std, 0, 0, 0));
    SOCLE_TRY(socle_prim_reduce(SOCLE_REDUCE_MIN, low, x, 0));
    SOCLE_TRY(socle_prim_reduce(SOCLE_REDUCE_MAX, high, x, 0));
    SOCLE_TRY(socle_prim_random_normal(y, socle_ctx_draw(c, socle_numel(x)), 0, 1));
    SOCLE_TRY(socle_prim_binary(SOCLE_BINARY_mul, y, y, std));
    SOCLE_TRY(socle_prim_binary(SOCLE_BINARY_add, y, y, mean));
    SOCLE_TRY(socle_prim_binary(SOCLE_BINARY_maximum, y, y, low));
    return socle_prim_binary(SOCLE_BINARY_minimum, y, y, high);
}

static socle_tensor *noise_like(socle_ctx *c, socle_tensor *x)
{
    socle_tensor *y = ctx_own(c, socle_tensor_dense(socle_ctx_device(c), socle_dtype_of(x), socle_shape_of(x), 0));
    socle_status s = y == NULL ? socle_ctx_status(c) : fill_noise(c, y, x);
    return s == SOCLE_OK ? y : failed(c, s);
}

static socle_tensor *erase(socle_ctx *c, socle_tensor *x, const blocks *b)
{
    socle_tensor *mask = ctx_own(c, block_mask(c, b));
    return mask == NULL ? NULL : socle_where(c, mask, noise_like(c, x), x);
}

/* Where each pixel of (images, 1, H W) comes from, after all copies, one upon the other. */
static socle_tensor *copy_index(socle_ctx *c, const blocks *b)
{
    size_t pixels = (size_t)(b->height * b->width), cols = (size_t)b->cols;
    const size_t bytes = ((size_t)b->images + 1) * pixels * sizeof(int32_t);
    int32_t *index = socle_mem_cache_take(c->device->cache, bytes);
    if (index == NULL)
        return NULL;
    int32_t *block = index + (size_t)b->images * pixels;
    for (int64_t n = 0; n < b->images; n++) {
        int32_t *image = index + (size_t)n * pixels;
        for (size_t p = 0; p < pixels; p++)
            image[p] = (int32_t)p;
        for (int32_t k = 0, count = block_count(b, n); k < count; k++) {
            corner from, to = block_at(b, n, k, &from);
            for (int64_t i = 0; i < b->rows; i++)
                memcpy(block + (size_t)i * cols, image + (from.top + i) * b->width + from.left,
                       cols * sizeof *block);
            for (int64_t i = 0; i < b->rows; i++)
                memcpy(image + (to.top + i) * b->width + to.left, block + (size_t)i * cols, cols * sizeof *block);
        }
    }
    socle_shape s = socle_shape3(b->images, 1, (int64_t)pixels);
    socle_tensor *t = socle_tensor_from(socle_ctx_device(c), SOCLE_I32, s, index);
    socle_mem_cache_give(c->device->cache, index, bytes);
    return t;
}

static socle_tensor *copy_blocks(socle_ctx *c, socle_tensor *x, const blocks *b)
{
    socle_tensor *index = ctx_own(c, copy_index(c, b));
    socle_shape s = socle_shape_of(x);
    if (index == NULL)
        return NULL;
    if (b->images != s.dim[0]) { /* gather wants an index for each image */
        socle_tensor *wide =
            socle_tensor_new(socle_ctx_device(c), SOCLE_I32, socle_shape3(s.dim[0], 1, socle_dim(index, 2)));
        index = wide == NULL || socle_prim_copy(wide, index) == SOCLE_OK ? ctx_own(c, wide) : NULL;
    }
    socle_tensor *rows = socle_reshape(c, x, socle_shape3(s.dim[0], s.dim[1], -1));
    return socle_reshape(c, socle_gather(c, rows, index, 2), s);
}

/* Zero fields made their defaults, arguments judged, nothing recorded. */
static socle_tensor *change_blocks(socle_ctx *c, const char *what, socle_tensor *x, socle_patch_desc o,
                                   socle_tensor *(*change)(socle_ctx *c, socle_tensor *x, const blocks *b))
{
    o.pct = o.pct == 0 ? 0.2 : o.pct;
    o.max_num = o.max_num == 0 ? 4 : o.max_num;
    socle_status s = check_images(c, what, x);
    if (s == SOCLE_OK)
        s = check_blocks(what, x, &o);
    if (s != SOCLE_OK)
        return failed(c, s);
    if (socle_numel(x) == 0)
        return op_identity(c, x);
    blocks b = blocks_of(c, x, o);
    bool grad = socle_ctx_set_grad(c, false);
    socle_tensor *y = change(c, x, &b);
    socle_ctx_set_grad(c, grad);
    return y;
}

socle_tensor *socle_random_erase(socle_ctx *c, socle_tensor *x, socle_patch_desc o)
{
    return change_blocks(c, "random_erase", x, o, erase);
}

socle_tensor *socle_random_copy(socle_ctx *c, socle_tensor *x, socle_patch_desc o)
{
    return change_blocks(c, "random_copy", x, o, copy_blocks);
}

/* Augmentation of batches of images: what each image is to undergo is drawn here, on the host, from the ctx's random
 * stream, as a table of a few numbers an image; the device is handed the table. */
#include <socle/augment.h>
#include <socle/sys/memory.h>
#include <socle/sys/philox.h>
#include "op.h"

/* Four words for each image, or with per_batch the same four. */
typedef struct lots {
    socle_philox stream;
    bool per_batch;
} lots;

static lots lots_of(socle_ctx *c, int64_t images, bool per_batch)
{
    return (lots){ socle_ctx_draw(c, 4 * (per_batch ? 1 : images)), per_batch };
}

static void draw(const lots *l, int64_t image, uint32_t words[4])
{
    socle_philox_block(l->stream.key, l->stream.counter + (l->per_batch ? 0 : (uint64_t)image), words);
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
    int32_t *place = socle_mem_alloc((size_t)images * 3 * sizeof *place);
    if (place == NULL)
        return NULL;
    lots l = lots_of(c, images, o->per_batch);
    int64_t offsets = 2 * (int64_t)o->pad + 1;
    for (int64_t n = 0; n < images; n++) {
        uint32_t w[4];
        draw(&l, n, w);
        place[3 * n] = one_of(w[0], offsets) - o->pad;
        place[3 * n + 1] = one_of(w[1], offsets) - o->pad;
        place[3 * n + 2] = (double)socle_philox_float(w[2]) < o->flip;
    }
    socle_tensor *t = socle_tensor_from(socle_ctx_device(c), SOCLE_I32, socle_shape2(images, 3), place);
    socle_mem_free(place);
    return t;
}

socle_tensor *socle_random_crop(socle_ctx *c, socle_tensor *x, socle_crop_desc o)
{
    if (x == NULL || socle_ctx_status(c) != SOCLE_OK)
        return socle_shift_images(c, x, x, 1, 1, 0); /* which says so */
    socle_status s = check_crop(&o);
    if (s != SOCLE_OK)
        return failed(c, s);
    socle_shape shape = socle_shape_of(x);
    socle_tensor *place = crop_places(c, shape.ndim > 0 ? shape.dim[0] : 0, &o);
    if (place == NULL)
        return failed(c, socle_error_status());
    socle_tensor *y = socle_shift_images(c, x, place, shape.ndim == 4 ? shape.dim[2] : 1,
                                         shape.ndim == 4 ? shape.dim[3] : 1, o.value);
    socle_release(place);
    return y;
}

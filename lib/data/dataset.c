/* Datasets: a user's get behind a checked description, windows onto one, and arrays of host memory. */
#include "dataset.h"

#include <string.h>
#include <socle/sys/philox.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/shape.h"

size_t sample_numel(socle_shape s)
{
    return (size_t)shape_numel(s);
}

/* One sample's shape: checked, not empty, and with room for the batch's dimension. */
static socle_status check_sample(const char *what, socle_shape s, socle_dtype t)
{
    int64_t numel;
    SOCLE_TRY(shape_check(what, s, &numel));
    SOCLE_CHECK(numel > 0, SOCLE_ERR_SHAPE, "%s: a sample of shape %s is empty", what, shape_text(s).text);
    SOCLE_CHECK(s.ndim < SOCLE_MAX_DIMS, SOCLE_ERR_SHAPE, "%s: a sample has %d dimensions, at most %d are possible",
                what, (int)s.ndim, SOCLE_MAX_DIMS - 1);
    SOCLE_CHECK((uint64_t)numel <= SIZE_MAX / (16 * socle_dtype_size(t)), SOCLE_ERR_SHAPE,
                "%s: a sample of shape %s is too large", what, shape_text(s).text);
    return SOCLE_OK;
}

static socle_status check_desc(const socle_dataset_type *t, const socle_dataset_desc *o)
{
    SOCLE_CHECK(t && t->get, SOCLE_ERR_ARG, "dataset: its type has no get");
    SOCLE_CHECK(o->x_type == SOCLE_U8 || o->x_type == SOCLE_F32, SOCLE_ERR_DTYPE, "dataset: x is %s, not u8 or f32",
                socle_dtype_name(o->x_type));
    SOCLE_CHECK(o->y_type == SOCLE_I32 || o->y_type == SOCLE_F32, SOCLE_ERR_DTYPE,
                "dataset: y is %s, not i32 or f32", socle_dtype_name(o->y_type));
    SOCLE_TRY(check_sample("dataset: x", o->x_shape, o->x_type));
    return check_sample("dataset: y", o->y_shape, o->y_type);
}

socle_dataset *socle_dataset_new(const socle_dataset_type *t, void *self, socle_dataset_desc o)
{
    socle_dataset *d = check_desc(t, &o) == SOCLE_OK ? socle_mem_alloc(sizeof *d) : NULL;
    if (!d) {
        if (t && t->drop)
            t->drop(self);
        return NULL;
    }
    if (o.mul == 0 && o.add == 0)
        o.mul = o.x_type == SOCLE_U8 ? 1.0 / 255.0 : 1.0;
    *d = (socle_dataset){ .type = t, .self = self, .desc = o };
    return d;
}

void socle_dataset_free(socle_dataset *d)
{
    if (!d)
        return;
    if (d->type->drop && !d->borrowed)
        d->type->drop(d->self);
    socle_mem_free(d);
}

socle_dataset_desc socle_dataset_desc_of(const socle_dataset *d)
{
    return d->desc;
}

socle_dataset *socle_dataset_range(socle_dataset *d, size_t first, size_t length)
{
    if (!d)
        return NULL;
    if (first > d->desc.length || length > d->desc.length - first) {
        (void)socle_fail(SOCLE_ERR_ARG, "dataset range: %zu samples from %zu on, of %zu", length, first,
                         d->desc.length);
        socle_dataset_free(d);
        return NULL;
    }
    d->first += first;
    d->desc.length = length;
    return d;
}

socle_dataset *socle_dataset_part(const socle_dataset *d, size_t first, size_t length)
{
    socle_dataset *part = d ? socle_mem_alloc(sizeof *part) : NULL;
    if (!part)
        return NULL;
    *part = *d;
    part->borrowed = true;
    return socle_dataset_range(part, first, length);
}

/* A get that answers something else than a status it has explained still ends in a status with a text. */
static socle_status judge(socle_status s, size_t index)
{
    if (s == SOCLE_OK || (s < 0 && s >= SOCLE_STATUS_LOWEST && socle_error_status() == s))
        return s;
    if (s > 0 || s < SOCLE_STATUS_LOWEST)
        return socle_fail(SOCLE_ERR_USER, "dataset: get answered %d for sample %zu", (int)s, index);
    return socle_fail(s, "dataset: sample %zu: %s", index, socle_status_text(s));
}

socle_status dataset_sample(const socle_dataset *d, size_t index, sample_draw draw, void *x_room, void *y,
                            const void **x)
{
    size_t place = d->first + index;
    const void *found = d->type->peek ? d->type->peek(d->self, place) : NULL;
    *x = found ? found : x_room;
    if (found)
        return judge(d->type->get(d->self, place, draw.train, NULL, NULL, y), index);
    socle_rng rng = { .key = socle_philox_key(draw.seed, SOCLE_PURPOSE_SAMPLE, draw.epoch, place) };
    return judge(d->type->get(d->self, place, draw.train, &rng, x_room, y), index);
}

socle_status socle_dataset_get(socle_dataset *d, size_t index, void *x, void *y)
{
    SOCLE_CHECK(d, SOCLE_ERR_ARG, "dataset: none was given");
    SOCLE_CHECK(index < d->desc.length, SOCLE_ERR_ARG, "dataset: sample %zu of %zu", index, d->desc.length);
    const void *found;
    SOCLE_TRY(dataset_sample(d, index, (sample_draw){ .train = false }, x, y, &found));
    if (found != x)
        memcpy(x, found, sample_numel(d->desc.x_shape) * socle_dtype_size(d->desc.x_type));
    return SOCLE_OK;
}

/* ---- arrays ---- */

typedef struct arrays {
    uint8_t *x, *y;
    size_t x_bytes, y_bytes; /* of one sample */
} arrays;

static const void *arrays_peek(void *self, size_t index)
{
    arrays *a = self;
    return a->x + index * a->x_bytes;
}

static socle_status arrays_get(void *self, size_t index, bool train, socle_rng *rng, void *x, void *y)
{
    arrays *a = self;
    (void)train, (void)rng;
    if (x)
        memcpy(x, a->x + index * a->x_bytes, a->x_bytes);
    memcpy(y, a->y + index * a->y_bytes, a->y_bytes);
    return SOCLE_OK;
}

static void arrays_drop(void *self)
{
    arrays *a = self;
    socle_mem_free(a->x);
    socle_mem_free(a->y);
    socle_mem_free(a);
}

static const socle_dataset_type arrays_type = { .get = arrays_get, .peek = arrays_peek, .drop = arrays_drop };

bool dataset_is_memory(const socle_dataset *d)
{
    return d->type == &arrays_type;
}

static void *copy_of(const void *p, size_t length, size_t sample_bytes)
{
    size_t bytes;
    if (!size_mul(length, sample_bytes, &bytes)) {
        (void)socle_fail(SOCLE_ERR_SHAPE, "dataset: %zu samples of %zu bytes are too many", length, sample_bytes);
        return NULL;
    }
    void *copy = socle_mem_alloc(bytes);
    if (copy && bytes)
        memcpy(copy, p, bytes);
    return copy;
}

socle_dataset *dataset_own(void *x, void *y, socle_dataset_desc o)
{
    arrays *a = x && y && check_desc(&arrays_type, &o) == SOCLE_OK ? socle_mem_alloc(sizeof *a) : NULL;
    if (!a) {
        socle_mem_free(x);
        socle_mem_free(y);
        return NULL;
    }
    *a = (arrays){ .x = x,
                   .y = y,
                   .x_bytes = sample_numel(o.x_shape) * socle_dtype_size(o.x_type),
                   .y_bytes = sample_numel(o.y_shape) * socle_dtype_size(o.y_type) };
    return socle_dataset_new(&arrays_type, a, o);
}

socle_dataset *socle_dataset_from(const void *x, const void *y, socle_dataset_desc o)
{
    if (check_desc(&arrays_type, &o) != SOCLE_OK)
        return NULL;
    if ((!x || !y) && o.length > 0) {
        (void)socle_fail(SOCLE_ERR_ARG, "dataset: the array of %s is missing", x ? "y" : "x");
        return NULL;
    }
    void *x_copy = copy_of(x, o.length, sample_numel(o.x_shape) * socle_dtype_size(o.x_type));
    void *y_copy = x_copy ? copy_of(y, o.length, sample_numel(o.y_shape) * socle_dtype_size(o.y_type)) : NULL;
    return dataset_own(x_copy, y_copy, o);
}

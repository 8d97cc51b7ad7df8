/* Images moved, mirrored and cut. One loop for all formats: of each row the part that lies inside x is copied, forwards
 * or backwards, the rest is padding. In blocks of images a row of 16 images is a few cache lines in L1, through which
 * the images pass one after the other. */
#include "device.h"

#include "iterate.h"
#include "parallel.h"

typedef struct shifting {
    socle_in y, x, place;
    float pad;
} shifting;

/* Where an image lies: its first pixel in a channel, and what its row of place says. */
typedef struct image {
    float *y;
    const float *x;
    int64_t top, left;
    bool mirrored;
} image;

static image image_of(const shifting *s, int64_t n, int64_t channel)
{
    const int32_t *place = (const int32_t *)s->place->buffer + s->place->offset + 3 * n;
    return (image){
        .y = (float *)s->y->buffer + s->y->offset + view_along(s->y, 0, n) + channel * s->y->stride[1],
        .x = (const float *)s->x->buffer + s->x->offset + view_along(s->x, 0, n) + channel * s->x->stride[1],
        .top = place[0],
        .left = place[1],
        .mirrored = place[2] != 0,
    };
}

static int64_t clamped(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Row i, written from its end where it is mirrored. */
static void shift_row(const shifting *s, const image *m, int64_t i)
{
    int64_t width = s->y->dim[3], step = s->y->stride[3], x_step = s->x->stride[3], row = i + m->top;
    int64_t from = clamped(-m->left, 0, width), to = clamped(s->x->dim[3] - m->left, from, width);
    if (row < 0 || row >= s->x->dim[2])
        from = to = width;
    float *y = m->y + i * s->y->stride[2];
    if (m->mirrored) {
        y += (width - 1) * step;
        step = -step;
    }
    for (int64_t j = 0; j < from; j++)
        y[j * step] = s->pad;
    if (from < to) {
        const float *x = m->x + row * s->x->stride[2] + m->left * x_step;
        for (int64_t j = from; j < to; j++)
            y[j * step] = x[j * x_step];
    }
    for (int64_t j = to; j < width; j++)
        y[j * step] = s->pad;
}

/* A unit: a channel of 16 images. */
static void shift_units(void *arg, int64_t first, int64_t last)
{
    const shifting *s = arg;
    for (int64_t unit = first; unit < last; unit++) {
        int64_t n = unit / s->y->dim[1] * SOCLE_LANES, left = s->y->dim[0] - n;
        int64_t images = left < SOCLE_LANES ? left : SOCLE_LANES;
        image m[SOCLE_LANES];
        for (int64_t k = 0; k < images; k++)
            m[k] = image_of(s, n + k, unit % s->y->dim[1]);
        for (int64_t i = 0; i < s->y->dim[2]; i++)
            for (int64_t k = 0; k < images; k++)
                shift_row(s, &m[k], i);
    }
}

socle_status cpu_shift_images(void *self, socle_out y, socle_in x, socle_in place, float pad)
{
    const cpu_device *d = self;
    shifting s = { .y = y, .x = x, .place = place, .pad = pad };
    int64_t units = (y->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES * y->dim[1];
    int64_t numbers = SOCLE_LANES * y->dim[2] * y->dim[3];
    cpu_for(d->threads, units, numbers < LOOP_GRAIN ? LOOP_GRAIN / numbers : 1, shift_units, &s);
    return SOCLE_OK;
}

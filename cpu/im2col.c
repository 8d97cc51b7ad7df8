/* im2col and col2im, for convolutions of a few images and as required slots: any strides, any formats.
 *
 *     cols[n, (c, r, s), (i, j)] = x[n, c, i stride - pad + r dilation, j stride - pad + s dilation], 0 outside
 *
 * One chunk is an image (or a block of 16, where both sides keep them so) and a channel: the windows of a channel
 * touch no other, so col2im adds tap by tap, in order, without races. */
#include "device.h"

#include "parallel.h"
#include "workspace.h"

typedef struct cols_job {
    const socle_conv *p;
    socle_in x, cols;
    int64_t r, s, ho, wo;
    int64_t width; /* floats that move together: 16 lanes, or 1 */
    bool back;     /* col2im */
} cols_job;

/* Where an image, or a block of `width`, starts in v. */
static float *image_of(socle_in v, int64_t i, int64_t width)
{
    if (width > 1)
        return view_floats(v) + i * v->stride[0];
    return view_floats(v) + (v->lanes == 1 ? i * v->stride[0] : i / SOCLE_LANES * v->stride[0] + i % SOCLE_LANES);
}

static void move(float *to, const float *from, int64_t width)
{
    for (int64_t l = 0; l < width; l++)
        to[l] = from[l];
}

static void add(float *to, const float *from, int64_t width)
{
    for (int64_t l = 0; l < width; l++)
        to[l] += from[l];
}

static void clear(float *to, int64_t width)
{
    for (int64_t l = 0; l < width; l++)
        to[l] = 0;
}

/* One tap of one channel: x the channel's plane, cols the tap's row. */
static void move_tap(const cols_job *j, float *x, float *cols, int64_t r, int64_t s)
{
    const int *stride = j->p->stride, *pad = j->p->pad, *dilation = j->p->dilation;
    for (int64_t i = 0; i < j->ho; i++) {
        const int64_t h = i * stride[0] - pad[0] + r * dilation[0];
        const bool row_inside = h >= 0 && h < j->x->dim[2];
        for (int64_t q = 0; q < j->wo; q++, cols += j->cols->stride[2]) {
            const int64_t w = q * stride[1] - pad[1] + s * dilation[1];
            const bool inside = row_inside && w >= 0 && w < j->x->dim[3];
            float *pixel = inside ? x + h * j->x->stride[2] + w * j->x->stride[3] : NULL;
            if (j->back && inside)
                add(pixel, cols, j->width);
            else if (inside)
                move(cols, pixel, j->width);
            else if (!j->back)
                clear(cols, j->width);
        }
    }
}

static void channels(void *arg, int64_t first, int64_t last)
{
    const cols_job *j = arg;
    const int64_t taps = j->r * j->s, count = j->x->dim[1];
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t image = unit / count, c = unit % count;
        float *x = image_of(j->x, image, j->width) + c * j->x->stride[1];
        float *cols = image_of(j->cols, image, j->width) + c * taps * j->cols->stride[1];
        for (int64_t h = 0; j->back && h < j->x->dim[2]; h++)
            for (int64_t w = 0; w < j->x->dim[3]; w++)
                clear(x + h * j->x->stride[2] + w * j->x->stride[3], j->width);
        for (int64_t t = 0; t < taps; t++)
            move_tap(j, x, cols + t * j->cols->stride[1], t / j->s, t % j->s);
    }
}

static socle_status run(cpu_device *d, cols_job *j)
{
    enum { WORK = 16384 }; /* elements worth a chunk */
    const bool blocks = j->x->lanes == SOCLE_LANES && j->cols->lanes == SOCLE_LANES;
    j->width = blocks ? SOCLE_LANES : 1;
    const int64_t images = blocks ? (j->x->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES : j->x->dim[0];
    const int64_t elements = j->r * j->s * j->ho * j->wo * j->width;
    cpu_for(d->threads, images * j->x->dim[1], WORK / elements + 1, channels, j);
    return SOCLE_OK;
}

socle_status cpu_im2col(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo)
{
    cols_job j = { .p = p, .x = x, .cols = cols, .r = r, .s = s, .ho = ho, .wo = wo };
    return run(self, &j);
}

socle_status cpu_col2im(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo)
{
    cols_job j = { .p = p, .x = x, .cols = cols, .r = r, .s = s, .ho = ho, .wo = wo, .back = true };
    return run(self, &j);
}

/* Random numbers and dropout. Memory in any order: beside the operands walks one that is not there, whose
 * "address" is the element's number in row-major order, and the kernels draw for numbers a step apart. Solid
 * blocks of images have a faster way of their own. */
#include "device.h"

#include "isa/kernels_elementwise.h"
#include "isa/kernels_random.h"
#include "iterate.h"
#include "parallel.h"

enum { DRAWN = 1024 }; /* numbers at a time, on the stack */

typedef struct draw {
    const struct cpu_kernels *kernels;
    bool normal;
    socle_philox r;
    float scale, shift, p;
    float *y;
    const float *x; /* of dropout */
} draw;

/* dims, with row-major strides. */
static socle_view numbers_of(socle_in dims)
{
    socle_view v = *dims;
    int64_t stride = 1;
    v.lanes = 1;
    v.offset = 0;
    for (int i = v.ndim - 1; i >= 0; i--) {
        v.stride[i] = stride;
        stride *= v.dim[i];
    }
    return v;
}

/* Operands: y, the element's number. */
static void random_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const draw *w = arg;
    float drawn[DRAWN];
    for (int64_t from = 0; from < n; from += DRAWN) {
        int64_t m = n - from < DRAWN ? n - from : DRAWN, first = at[1] + from * stride[1];
        if (w->normal)
            w->kernels->random->normal(w->r, first, stride[1], m, drawn);
        else
            w->kernels->random->uniform(w->r, first, stride[1], m, drawn);
        float *y = w->y + at[0] + from * stride[0];
        w->kernels->elementwise->unary(SOCLE_UNARY_affine, m, y, stride[0], drawn, 1, w->scale, w->shift, 0);
    }
}

/* ---- blocks of images ---- */

/* Numbers follow each other along an image, images lie across memory: 16 images' worth is drawn, then
 * transposed. */
enum { PIXELS = 64 };

typedef struct block_draw {
    draw w;
    int64_t pixels, chunks, ldy, ldx; /* of an image; chunks of PIXELS; strides from block to block */
} block_draw;

/* 16 images are as good as one row: every pixel next to the one before it. */
static bool is_solid(socle_in v)
{
    int64_t stride = SOCLE_LANES;
    for (int i = v->ndim - 1; i > 0; i--) {
        if (v->dim[i] != 1 && v->stride[i] != stride)
            return false;
        stride *= v->dim[i];
    }
    return v->lanes == SOCLE_LANES;
}

static void draw_blocks(void *arg, int64_t first, int64_t last)
{
    const block_draw *b = arg;
    const draw *w = &b->w;
    float along[SOCLE_LANES][PIXELS], across[PIXELS * SOCLE_LANES];
    for (int64_t unit = first; unit < last; unit++) {
        int64_t block = unit / b->chunks, from = unit % b->chunks * PIXELS, left = b->pixels - from;
        int64_t n = left < PIXELS ? left : PIXELS;
        for (int64_t i = 0; i < SOCLE_LANES; i++) {
            int64_t element = (block * SOCLE_LANES + i) * b->pixels + from;
            if (w->normal)
                w->kernels->random->normal(w->r, element, 1, n, along[i]);
            else
                w->kernels->random->uniform(w->r, element, 1, n, along[i]);
        }
        w->kernels->elementwise->transpose(n, SOCLE_LANES, across, SOCLE_LANES, along[0], PIXELS);
        float *y = w->y + block * b->ldy + from * SOCLE_LANES;
        const float *x = w->x != NULL ? w->x + block * b->ldx + from * SOCLE_LANES : NULL;
        if (x != NULL)
            w->kernels->random->dropout(n * SOCLE_LANES, y, 1, x, 1, across, w->p);
        else
            w->kernels->elementwise->unary(SOCLE_UNARY_affine, n * SOCLE_LANES, y, 1, across, 1, w->scale, w->shift,
                                           0);
    }
}

/* False where y or x (NULL: there is none) are not of that kind. Lanes past the last image get numbers nobody
 * asked for. */
static bool run_blocks(const cpu_device *d, const draw *w, socle_out y, socle_in x)
{
    if (!is_solid(y) || (x != NULL && !is_solid(x)))
        return false;
    block_draw b = { .w = *w, .pixels = 1, .ldy = y->stride[0], .ldx = x != NULL ? x->stride[0] : 0 };
    b.w.y += y->offset;
    if (x != NULL)
        b.w.x += x->offset;
    for (int i = 1; i < y->ndim; i++)
        b.pixels *= y->dim[i];
    b.chunks = (b.pixels - 1) / PIXELS + 1;
    int64_t blocks = (y->dim[0] - 1) / SOCLE_LANES + 1;
    cpu_for(d->threads, blocks * b.chunks, LOOP_GRAIN_HEAVY / (PIXELS * SOCLE_LANES), draw_blocks, &b);
    return true;
}

static void run_draw(const cpu_device *d, socle_out y, draw *w)
{
    if (run_blocks(d, w, y, NULL))
        return;
    socle_view numbers = numbers_of(y);
    const socle_view *v[] = { y, &numbers };
    iterate(d->threads, LOOP_GRAIN_HEAVY, 2, v, false, random_row, w);
}

socle_status cpu_random_uniform(void *self, socle_out y, socle_philox r, float lo, float hi)
{
    const cpu_device *d = self;
    draw w = { .kernels = d->kernels, .r = r, .scale = hi - lo, .shift = lo, .y = y->buffer };
    run_draw(d, y, &w);
    return SOCLE_OK;
}

socle_status cpu_random_normal(void *self, socle_out y, socle_philox r, float mean, float std)
{
    const cpu_device *d = self;
    draw w = { .kernels = d->kernels, .normal = true, .r = r, .scale = std, .shift = mean, .y = y->buffer };
    run_draw(d, y, &w);
    return SOCLE_OK;
}

/* Operands: y, x, the element's number. */
static void dropout_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const draw *w = arg;
    float drawn[DRAWN];
    for (int64_t from = 0; from < n; from += DRAWN) {
        int64_t m = n - from < DRAWN ? n - from : DRAWN;
        w->kernels->random->uniform(w->r, at[2] + from * stride[2], stride[2], m, drawn);
        w->kernels->random->dropout(m, w->y + at[0] + from * stride[0], stride[0], w->x + at[1] + from * stride[1],
                                    stride[1], drawn, w->p);
    }
}

socle_status cpu_dropout(void *self, socle_out y, socle_in x, socle_philox r, float p)
{
    const cpu_device *d = self;
    draw w = { .kernels = d->kernels, .r = r, .p = p, .y = y->buffer, .x = x->buffer };
    if (run_blocks(d, &w, y, x))
        return SOCLE_OK;
    socle_view numbers = numbers_of(y);
    const socle_view *v[] = { y, x, &numbers };
    iterate(d->threads, LOOP_GRAIN_HEAVY, 3, v, false, dropout_row, &w);
    return SOCLE_OK;
}

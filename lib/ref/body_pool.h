/* Pooling and its gradient. A window is cut to the image; the average may count the padding it covers. */
#include <socle/sys/memory.h>

typedef struct window {
    int64_t from, to; /* pixels inside the image, from <= h < to */
    int64_t counted;  /* what the average divides by */
} window;

/* Window of output pixel i along rows (d = 0) or columns (d = 1) of `size` pixels, `outputs` windows in all. */
static window window_of(const socle_pool *p, int d, int64_t i, int64_t size, int64_t outputs)
{
    if (p->adaptive) {
        int64_t from = i * size / outputs, to = ((i + 1) * size + outputs - 1) / outputs;
        return (window){ from, to, to - from };
    }
    int64_t from = i * p->stride[d] - p->pad[d], to = from + p->size[d], edge = size + p->pad[d];
    int64_t padded = (to < edge ? to : edge) - from;
    from = from > 0 ? from : 0;
    to = to < size ? to : size;
    return (window){ from, to, p->count_pad ? padded : to - from };
}

/* The window of y's pixel at o (n, c, i, j). */
static void windows_of(const socle_pool *p, socle_in x, socle_in y, const int64_t *o, window *rows, window *cols)
{
    *rows = window_of(p, 0, o[2], x->dim[2], y->dim[2]);
    *cols = window_of(p, 1, o[3], x->dim[3], y->dim[3]);
}

static double window_max(socle_in x, const int64_t *o, window rows, window cols, int64_t *index)
{
    double best = load4(x, o[0], o[1], rows.from, cols.from);
    *index = rows.from * x->dim[3] + cols.from;
    for (int64_t h = rows.from; h < rows.to; h++)
        for (int64_t w = cols.from; w < cols.to; w++) {
            double v = load4(x, o[0], o[1], h, w);
            if (beats(SOCLE_REDUCE_MAX, v, best)) {
                best = v;
                *index = h * x->dim[3] + w;
            }
        }
    return best;
}

static double window_sum(socle_in x, const int64_t *o, window rows, window cols)
{
    double sum = 0;
    for (int64_t h = rows.from; h < rows.to; h++)
        for (int64_t w = cols.from; w < cols.to; w++)
            sum += load4(x, o[0], o[1], h, w);
    return sum;
}

static socle_status pool(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x)
{
    (void)self;
    int64_t o[4] = { 0 }; /* n, c, i, j */
    do {
        window rows, cols;
        windows_of(p, x, y, o, &rows, &cols);
        if (p->max) {
            int64_t winner;
            store(y, o, window_max(x, o, rows, cols, &winner));
            if (index)
                store(index, o, (double)winner);
        } else {
            store(y, o, window_sum(x, o, rows, cols) / (double)(rows.counted * cols.counted));
        }
    } while (next(y, o));
    return SOCLE_OK;
}

/* Adds the gradient of one channel of one image to plane (H, W); o holds its n and c. */
static void pool_grad_plane(const socle_pool *p, socle_in dx, socle_in dy, socle_in index, int64_t *o,
                            double *plane)
{
    do {
        double g = load(dy, o);
        if (p->max) {
            plane[(int64_t)load(index, o)] += g;
            continue;
        }
        window rows, cols;
        windows_of(p, dx, dy, o, &rows, &cols);
        for (int64_t h = rows.from; h < rows.to; h++)
            for (int64_t w = cols.from; w < cols.to; w++)
                plane[h * dx->dim[3] + w] += g / (double)(rows.counted * cols.counted);
    } while (next_along(dy, 1u << 2 | 1u << 3, o));
}

static socle_status pool_grad(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index)
{
    (void)self;
    int64_t height = dx->dim[2], width = dx->dim[3];
    double *plane = socle_mem_alloc((size_t)(height * width) * sizeof *plane);
    if (!plane)
        return SOCLE_ERR_NOMEM;
    int64_t o[4] = { 0 };
    do {
        for (int64_t k = 0; k < height * width; k++)
            plane[k] = add ? load4(dx, o[0], o[1], k / width, k % width) : 0;
        pool_grad_plane(p, dx, dy, index, o, plane);
        for (int64_t k = 0; k < height * width; k++)
            store4(dx, o[0], o[1], k / width, k % width, plane[k]);
    } while (next_along(dy, 1u << 0 | 1u << 1, o));
    socle_mem_free(plane);
    return SOCLE_OK;
}

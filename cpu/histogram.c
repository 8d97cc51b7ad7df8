/* Histogram, mean and variance of all elements of a view: chunks of a fixed size, each brought into a row where it
 * is none, and their results put together in order, so that none of it depends on threads. Pad lanes are never
 * looked at.
 *
 * Two parts of n and m numbers with means p and q: the squared deviations from the common mean are those from
 * their own and (q - p)^2 n m / (n + m) (Chan, Golub and LeVeque 1979). */
#include "device.h"

#include "isa/kernels_reduce.h"
#include "iterate.h"
#include "parallel.h"

enum { UNITS = 2 /* chunks that are worth a thread's while */ };

/* What came of one chunk. */
typedef struct part {
    int64_t n;
    double moments[2];
    uint32_t count[HISTOGRAM_ROOM];
} part;

typedef struct job {
    const struct cpu_reduce_kernels *kernels;
    const socle_bins *bins;
    const float *x;
    const loop *l;
    int64_t row, rows, per_unit, pieces; /* elements of a row, rows; rows in a unit, or units in a row */
    part *parts;
} job;

static void job_begin(job *j, const loop *l)
{
    j->l = l;
    j->row = l->dim[l->ndim - 1];
    j->rows = loop_count(l) / j->row;
    j->per_unit = j->row < HISTOGRAM_CHUNK ? HISTOGRAM_CHUNK / j->row : 1;
    j->pieces = (j->row - 1) / HISTOGRAM_CHUNK + 1;
}

static int64_t units_of(const job *j)
{
    return ((j->rows - 1) / j->per_unit + 1) * j->pieces;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The elements of a unit in a row: where they lie, or in tile. */
static const float *unit_row(const job *j, int64_t unit, float *tile, int64_t *n)
{
    int64_t row = unit / j->pieces * j->per_unit, from = unit % j->pieces * HISTOGRAM_CHUNK;
    int64_t rows = least(j->per_unit, j->rows - row), length = least(j->row - from, HISTOGRAM_CHUNK);
    int64_t stride = j->l->stride[0][j->l->ndim - 1];
    walk w = walk_from(j->l, 1, row);
    *n = rows * length;
    if (rows == 1 && stride == 1)
        return j->x + w.at[0] + from;
    for (int64_t r = 0; r < rows; r++, walk_next(&w)) {
        const float *x = j->x + w.at[0] + from * stride;
        for (int64_t i = 0; i < length; i++)
            tile[r * length + i] = x[i * stride];
    }
    return tile;
}

static void count_units(void *arg, int64_t first, int64_t last)
{
    const job *j = arg;
    float tile[HISTOGRAM_CHUNK];
    for (int64_t unit = first; unit < last; unit++) {
        part *p = &j->parts[unit];
        const float *x = unit_row(j, unit, tile, &p->n);
        j->kernels->histogram(j->bins, p->n, x, p->count, p->moments);
    }
}

static void finish(const part *parts, int64_t units, int bins, socle_out counts, socle_out moments)
{
    int64_t count[HISTOGRAM_ROOM] = { 0 };
    double n = 0, mean = 0, squares = 0;
    for (int64_t u = 0; u < units; u++) {
        const part *p = &parts[u];
        double m = (double)p->n, apart = p->moments[0] - mean;
        squares += p->moments[1] + apart * apart * n * m / (n + m);
        mean += apart * m / (n + m);
        n += m;
        for (int i = 0; i < bins; i++)
            count[i] += p->count[i];
    }
    for (int i = 0; i < bins; i++)
        ((int32_t *)counts->buffer)[counts->offset + i * counts->stride[0]] = (int32_t)least(count[i], INT32_MAX);
    float *y = (float *)moments->buffer + moments->offset;
    y[0] = (float)mean;
    y[moments->stride[0]] = (float)(n > 1 ? squares / (n - 1) : 0);
}

socle_status cpu_histogram(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x)
{
    cpu_device *d = self;
    loop l[2];
    int loops = loop_build(l, 1, &x, false);
    job j[2];
    int64_t units = 0;
    for (int i = 0; i < loops; i++) {
        j[i] = (job){ .kernels = d->kernels->reduce, .bins = b, .x = x->buffer };
        job_begin(&j[i], &l[i]);
        units += units_of(&j[i]);
    }
    size_t bytes = (size_t)units * sizeof(part);
    part *parts = cpu_scratch(d, bytes);
    if (parts == NULL)
        return SOCLE_ERR_NOMEM;
    part *at = parts;
    for (int i = 0; i < loops; i++) {
        j[i].parts = at;
        cpu_for(d->threads, units_of(&j[i]), UNITS, count_units, &j[i]);
        at += units_of(&j[i]);
    }
    finish(parts, units, b->n, counts, moments);
    cpu_scratch_free(d, parts, bytes);
    return SOCLE_OK;
}

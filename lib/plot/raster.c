#include "raster.h"

#include <math.h>

typedef struct span {
    size_t from, to;
} span;

/* What cell i of `cells` covers of n values: at least one. */
static span cover(size_t i, size_t cells, size_t n)
{
    size_t from = (size_t)((double)i * (double)n / (double)cells);
    size_t to = (size_t)((double)(i + 1) * (double)n / (double)cells);
    from = from < n ? from : n - 1;
    return (span){ from, to > from ? to < n ? to : n : from + 1 };
}

double raster_share(const raster *r, size_t channel, size_t rows, size_t columns, size_t i, size_t j)
{
    span down = cover(r->origin_low ? rows - 1 - i : i, rows, r->rows), along = cover(j, columns, r->columns);
    double sum = 0;
    size_t n = 0;
    for (size_t row = down.from; row < down.to; row++) {
        const float *v = r->value + (channel * r->rows + row) * r->columns;
        for (size_t k = along.from; k < along.to; k++) {
            if (isfinite(v[k])) {
                sum += (double)v[k];
                n++;
            }
        }
    }
    if (n == 0)
        return NAN;
    return fmin(fmax((sum / (double)n - r->low) / (r->high - r->low), 0), 1);
}

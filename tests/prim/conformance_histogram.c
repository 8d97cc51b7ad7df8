/* Conformance of histogram. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/histogram.h"
#include "support/die.h"
#include "support/support.h"

static socle_status call_histogram(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->histogram(self, &((const histogram_row *)t->attr)->bins, v[0], v[1], v[2]);
}

static socle_status prim_histogram(socle_tensor *const *v, const trial *t)
{
    return socle_prim_histogram(&((const histogram_row *)t->attr)->bins, v[0], v[1], v[2]);
}

static const trial_slot histogram_slot = { "histogram", offsetof(socle_backend, histogram), true, call_histogram,
                                           prim_histogram };

/* What a device may add up in one go: the error of a mean grows with it. */
enum { RUN = 8192 };

/* values NULL: drawn from the row's range. Counts are exact. The terms of the mean are the values; those of the
 * variance are squares of deviations, of up to half the range. */
static void try_histogram(session *s, const histogram_row *row, socle_shape shape, unsigned flags,
                          const double *values)
{
    char words[64];
    trial t;
    trial_begin(&t, &histogram_slot, row, "%s %s%s", row->name, shape_words(shape, words), values ? ", edges" : "");
    t.flags = flags;
    trial_out(&t, "counts", SOCLE_I32, socle_shape1(row->bins.n));
    operand *moments = trial_out(&t, "moments", TRIAL_REAL, socle_shape1(2));
    moments->length = fmin((double)shape_count(shape), RUN);
    moments->scale = support_alloc(2 * sizeof(double));
    moments->scale[0] = fmax(fabs(row->lo), fabs(row->hi));
    moments->scale[1] = (row->hi - row->lo) * (row->hi - row->lo) / 4;
    operand *x = trial_in(&t, "x", TRIAL_REAL, shape);
    if (values)
        operand_values(x, values);
    else
        operand_uniform(&t, x, row->lo, row->hi);
    trial_run(s, &t);
}

/* On the edges of bins, beside them, and what lies in none. */
static void try_edges(session *s, const histogram_row *row)
{
    enum { EDGES = 64, MORE = 8 };
    double x[3 * EDGES + MORE], low = (double)row->bins.low, width = 1 / (double)row->bins.scale;
    int n = 0;
    for (int i = 0; i < EDGES; i++) {
        float edge = (float)(low + width * (i % (row->bins.n + 1)));
        x[n++] = (double)edge;
        x[n++] = (double)nextafterf(edge, -INFINITY);
        x[n++] = (double)nextafterf(edge, INFINITY);
    }
    const double more[MORE] = { 0, -0.0, 1e-30, -1e-30, 1e15, -1e15, low, -low };
    for (int i = 0; i < MORE; i++)
        x[n++] = more[i];
    histogram_row wide = *row;
    wide.lo = -1e15;
    wide.hi = 1e15;
    try_histogram(s, &wide, socle_shape1(n), 0, x);
    x[5] = NAN;
    x[n - 1] = NAN;
    try_histogram(s, &wide, socle_shape1(n), 0, x);
}

void family_histogram(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(histogram_rows); i++) {
        for (size_t k = 0; k < CASE_COUNT(histogram_shapes); k++)
            if (session_wants(s, histogram_shapes[k].flags))
                try_histogram(s, &histogram_rows[i], case_shape(&histogram_shapes[k]), histogram_shapes[k].flags,
                              NULL);
        try_edges(s, &histogram_rows[i]);
    }
}

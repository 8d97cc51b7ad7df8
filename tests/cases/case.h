/* Cases as data: tests/cases/<family>.h hold the shapes, attributes and budgets that conformance, the gradient checks and
 * the bench walk alike. A row is plain data; who walks it decides what to do with it.
 *
 * budget: how many eps of the default bound's unit (see tests/prim/conformance.h) a row may use; 0 is the default of 4.
 * A row that needs more says why beside it. */
#ifndef CASES_CASE_H
#define CASES_CASE_H

#include <socle/sys/backend.h>

enum {
    CASE_BENCH = 1, /* worth timing */
    CASE_LARGE = 2, /* enough work for several threads; conformance walks fewer memory layouts */
    CASE_HUGE = 4   /* too much for the short conformance: the scalar reference would take seconds */
};

#define CASE_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

typedef struct shape_row {
    int32_t ndim;
    int64_t dim[SOCLE_MAX_DIMS];
    unsigned flags;
} shape_row;

static inline socle_shape case_shape(const shape_row *row)
{
    socle_shape s = { .ndim = row->ndim };
    for (int i = 0; i < row->ndim; i++)
        s.dim[i] = row->dim[i];
    return s;
}

#endif

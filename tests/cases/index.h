/* Gather along an axis and its transpose, scatter_add. */
#ifndef CASES_INDEX_H
#define CASES_INDEX_H

#include "case.h"

/* picked has the shape of the many-side: what gather writes and scatter_add reads. rows: the other side's size along axis;
 * its other sizes are picked's. repeat: dimensions along which the index is one (stride 0). */
typedef struct index_row {
    const char *name;
    shape_row picked;
    int axis, rows;
    uint32_t repeat;
} index_row;

/* clang-format off */
static const index_row index_rows[] = {
    { "one of one",          { 1, { 1 }, 0 }, 0, 1, 0 },
    { "none of a table",     { 2, { 0, 7 }, 0 }, 0, 11, 2 },
    { "vector",              { 1, { 37 }, 0 }, 0, 5, 0 },
    { "rows of a table",     { 2, { 19, 7 }, 0 }, 0, 11, 2 }, /* embedding */
    { "picked log-prob",     { 2, { 17, 1 }, 0 }, 1, 10, 0 }, /* NLL */
    { "columns",             { 2, { 5, 16 }, 0 }, 1, 33, 1 },
    { "elementwise",         { 2, { 16, 9 }, 0 }, 0, 3, 0 },
    { "images",              { 4, { 17, 2, 3, 2 }, 0 }, 0, 9, 14 }, /* mixup's partners */
    { "inner axis",          { 4, { 15, 3, 2, 5 }, 0 }, 3, 4, 0 },
    { "middle axis",         { 3, { 4, 8, 3 }, 0 }, 1, 2, 5 },
    { "many images",         { 4, { 300, 3, 16, 16 }, CASE_BENCH | CASE_LARGE }, 0, 200, 14 },
};
/* clang-format on */

#endif

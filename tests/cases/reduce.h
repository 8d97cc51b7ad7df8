/* Reductions over sets of axes, and arg-reductions over one. */
#ifndef CASES_REDUCE_H
#define CASES_REDUCE_H

#include "case.h"

typedef struct reduce_row {
    shape_row shape;
    uint32_t axes; /* bit i: dimension i */
} reduce_row;

/* clang-format off */
static const reduce_row reduce_rows[] = {
    { { 1, { 0 }, 0 }, 1 }, /* a sum without terms is 0 */
    { { 2, { 3, 0 }, 0 }, 2 },
    { { 2, { 0, 3 }, 0 }, 2 },
    { { 1, { 1 }, 0 }, 1 },
    { { 1, { 7 }, 0 }, 1 },
    { { 1, { 16 }, 0 }, 1 },
    { { 1, { 33 }, 0 }, 1 },
    { { 1, { 1009 }, 0 }, 1 },
    { { 2, { 5, 17 }, 0 }, 1 },
    { { 2, { 5, 17 }, 0 }, 2 },
    { { 2, { 5, 17 }, 0 }, 3 },
    { { 2, { 17, 10 }, 0 }, 1 },
    { { 2, { 33, 10 }, 0 }, 2 },
    { { 2, { 16, 1 }, 0 }, 2 },
    { { 3, { 4, 15, 3 }, 0 }, 2 },
    { { 3, { 4, 15, 3 }, 0 }, 5 },
    { { 4, { 17, 3, 4, 5 }, 0 }, 1 | 4 | 8 },
    { { 4, { 16, 3, 4, 5 }, 0 }, 1 | 4 | 8 },
    { { 4, { 15, 3, 5, 3 }, 0 }, 4 | 8 },
    { { 4, { 17, 5, 2, 3 }, 0 }, 2 },
    { { 4, { 7, 2, 3, 3 }, 0 }, 1 },
    { { 4, { 9, 2, 3, 3 }, 0 }, 15 },
    { { 4, { 33, 2, 1, 4 }, 0 }, 2 | 8 },
    { { 6, { 2, 3, 2, 3, 2, 3 }, 0 }, 2 | 16 },
    { { 1, { 65536 }, CASE_LARGE }, 1 },
    { { 1, { 100003 }, CASE_LARGE }, 1 },
    { { 2, { 1000, 130 }, CASE_LARGE }, 1 },
    { { 2, { 130, 1000 }, CASE_LARGE }, 2 },
    { { 4, { 100, 16, 14, 14 }, CASE_BENCH | CASE_LARGE }, 1 | 4 | 8 },
    { { 4, { 100, 16, 14, 14 }, CASE_BENCH | CASE_LARGE }, 4 | 8 },
    { { 4, { 100, 16, 14, 14 }, CASE_BENCH | CASE_LARGE }, 15 },
};

typedef struct argreduce_row {
    shape_row shape;
    int axis;
} argreduce_row;

static const argreduce_row argreduce_rows[] = {
    { { 2, { 0, 3 }, 0 }, 1 },
    { { 1, { 1 }, 0 }, 0 },
    { { 1, { 17 }, 0 }, 0 },
    { { 1, { 251 }, 0 }, 0 },
    { { 2, { 16, 10 }, 0 }, 1 },
    { { 2, { 17, 10 }, 0 }, 1 },
    { { 2, { 33, 3 }, 0 }, 0 },
    { { 3, { 3, 16, 5 }, 0 }, 1 },
    { { 4, { 15, 7, 2, 3 }, 0 }, 1 },
    { { 4, { 9, 2, 5, 3 }, 0 }, 3 },
    { { 2, { 5000, 10 }, CASE_BENCH | CASE_LARGE }, 1 },
};
/* clang-format on */

#endif

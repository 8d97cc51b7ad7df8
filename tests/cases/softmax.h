/* Softmax, its logarithm, and cross entropy of logits. */
#ifndef CASES_SOFTMAX_H
#define CASES_SOFTMAX_H

#include "case.h"

typedef struct softmax_row {
    shape_row shape;
    int axis;
    double range; /* logits in [-range, range) */
} softmax_row;

/* clang-format off */
static const softmax_row softmax_rows[] = {
    { { 2, { 0, 10 }, 0 }, 1, 4 },
    { { 1, { 1 }, 0 }, 0, 2 },
    { { 1, { 17 }, 0 }, 0, 4 },
    { { 2, { 1, 10 }, 0 }, 1, 4 },
    { { 2, { 7, 10 }, 0 }, 1, 4 },
    { { 2, { 15, 3 }, 0 }, 1, 4 },
    { { 2, { 16, 10 }, 0 }, 1, 4 },
    { { 2, { 17, 33 }, 0 }, 1, 4 },
    { { 2, { 33, 16 }, 0 }, 1, 50 },
    { { 2, { 16, 1 }, 0 }, 1, 4 },
    { { 2, { 17, 5 }, 0 }, 0, 4 },
    { { 3, { 5, 7, 16 }, 0 }, 1, 4 },
    { { 4, { 17, 3, 2, 5 }, 0 }, 1, 4 },
    { { 4, { 9, 2, 3, 15 }, 0 }, 3, 4 },
    { { 2, { 3, 8 }, 0 }, 1, 2000 }, /* exp overflows unless the maximum is subtracted */
    { { 2, { 17, 777 }, 0 }, 1, 4 },
    { { 2, { 33, 1024 }, CASE_LARGE }, 1, 4 },
    { { 4, { 9, 600, 2, 3 }, CASE_LARGE }, 1, 4 },
    { { 2, { 512, 130 }, CASE_LARGE }, 1, 4 },
    { { 2, { 4096, 10 }, CASE_BENCH | CASE_LARGE }, 1, 4 },
};

/* Logits x (n, k). */
typedef struct xent_row {
    int n, k;
    double range;
    unsigned flags;
} xent_row;

static const xent_row xent_rows[] = {
    { 0, 10, 4, 0 },
    { 1, 1, 4, 0 },
    { 1, 10, 4, 0 },
    { 7, 3, 4, 0 },
    { 8, 10, 4, 0 },
    { 15, 10, 4, 0 },
    { 16, 10, 4, 0 },
    { 17, 10, 50, 0 },
    { 33, 37, 4, 0 },
    { 16, 2, 2000, 0 },
    { 17, 777, 4, 0 },
    { 100, 1000, 4, CASE_BENCH | CASE_LARGE },
    { 256, 10, 4, CASE_BENCH | CASE_LARGE },
    { 5000, 10, 4, CASE_BENCH | CASE_LARGE },
};
/* clang-format on */

#endif

/* Draws, and dropout, which is one of them. */
#ifndef CASES_RANDOM_H
#define CASES_RANDOM_H

#include "case.h"

typedef struct random_row {
    shape_row shape;
    socle_philox philox;
    float a, b; /* lo and hi, or mean and deviation */
} random_row;

/* clang-format off */
static const random_row random_rows[] = {
    { { 2, { 0, 3 }, 0 },                    { 1, 0 }, 0, 1 },
    { { 1, { 1 }, 0 },                       { 1, 0 }, 0, 1 },
    { { 1, { 2 }, 0 },                       { 2, 5 }, 0, 1 },
    { { 1, { 3 }, 0 },                       { 3, 0 }, -1, 1 },
    { { 1, { 5 }, 0 },                       { 0, 0 }, -2, 3 },
    { { 1, { 17 }, 0 },                      { 77, 1 }, 0, 1 },
    { { 1, { 251 }, 0 },                     { 5, 3 }, 1, 0.5f },
    { { 2, { 16, 5 }, 0 },                   { UINT64_C(0x123456789abcdef0), 9 }, 0, 1 },
    { { 2, { 17, 3 }, 0 },                   { 8, UINT64_C(0xfffffffe) }, 0, 1 },         /* the counter's halves carry */
    { { 4, { 15, 2, 3, 3 }, 0 },             { UINT64_C(0xffffffffffffffff), 4 }, 0, 2 },
    { { 4, { 33, 3, 2, 1 }, 0 },             { 9, UINT64_C(0xffffffffffffffff) }, 0, 1 }, /* and wrap */
    { { 4, { 100, 16, 7, 7 }, CASE_BENCH | CASE_LARGE }, { 10, 100 }, 0, 1 },
};

static const float dropout_rows[] = { 0, 0.1f, 0.5f, 0.9f };
/* clang-format on */

#endif

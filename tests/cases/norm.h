/* Norms of x (N, G, K, S): images, groups, channels of a group, pixels. */
#ifndef CASES_NORM_H
#define CASES_NORM_H

#include "case.h"

typedef enum norm_affine { NORM_PLAIN, NORM_SCALAR, NORM_CHANNEL, NORM_ELEMENT } norm_affine;

typedef struct norm_row {
    int n, g, k, s;
    bool batch;         /* k is 1 */
    norm_affine affine; /* gamma and beta */
    double centre;      /* x in [centre - 1, centre + 1) */
    unsigned flags;
} norm_row;

/* clang-format off */
static const norm_row norm_rows[] = {
    /* over images and pixels */
    { 0, 3, 1, 4,       true, NORM_CHANNEL, 0, 0 },
    { 1, 2, 1, 1,       true, NORM_CHANNEL, 0, 0 },  /* one number: its variance is 0, biased or not */
    { 2, 3, 1, 1,       true, NORM_CHANNEL, 0, 0 },
    { 2, 5, 1, 49,      true, NORM_CHANNEL, 0, 0 },
    { 3, 2, 1, 17,      true, NORM_PLAIN, 0, 0 },
    { 7, 4, 1, 33,      true, NORM_CHANNEL, 0, 0 },
    { 8, 3, 1, 4,       true, NORM_CHANNEL, 0, 0 },
    { 15, 2, 1, 9,      true, NORM_SCALAR, 0, 0 },
    { 16, 5, 1, 7,      true, NORM_CHANNEL, 0, 0 },
    { 17, 3, 1, 5,      true, NORM_CHANNEL, 0, 0 },
    { 33, 10, 1, 1,     true, NORM_CHANNEL, 0, 0 },  /* features */
    { 40, 3, 1, 6,      true, NORM_ELEMENT, 0, 0 },
    { 33, 2, 1, 12,     true, NORM_CHANNEL, 100, 0 }, /* far from 0: squares minus the squared mean would be noise */
    { 5, 2, 1, 30,      true, NORM_CHANNEL, 100, 0 },
    { 17, 1, 1, 260,    true, NORM_CHANNEL, 3, 0 },  /* sums in pieces, by images */
    { 1, 1, 1, 5000,    true, NORM_CHANNEL, 0, CASE_LARGE },
    { 1, 2, 1, 8300,    true, NORM_CHANNEL, 100, CASE_LARGE }, /* by pixels */
    { 65, 70, 1, 4,     true, NORM_CHANNEL, 0, CASE_LARGE },
    { 100, 4, 1, 196,   true, NORM_CHANNEL, 3, CASE_LARGE },
    { 256, 8, 1, 49,    true, NORM_CHANNEL, 0, CASE_BENCH | CASE_LARGE },
    { 512, 8, 1, 196,   true, NORM_CHANNEL, 0, CASE_BENCH | CASE_HUGE },
    /* over a group's channels and pixels */
    { 0, 2, 3, 4,       false, NORM_CHANNEL, 0, 0 },
    { 1, 1, 1, 1,       false, NORM_CHANNEL, 0, 0 },
    { 2, 3, 1, 1,       false, NORM_CHANNEL, 0, 0 },
    { 2, 1, 5, 16,      false, NORM_ELEMENT, 0, 0 },
    { 3, 4, 2, 17,      false, NORM_CHANNEL, 0, 0 },
    { 7, 1, 3, 33,      false, NORM_SCALAR, 0, 0 },
    { 8, 2, 2, 5,       false, NORM_CHANNEL, 0, 0 },
    { 15, 4, 1, 9,      false, NORM_CHANNEL, 0, 0 }, /* instance norm */
    { 16, 1, 6, 4,      false, NORM_ELEMENT, 0, 0 }, /* layer norm */
    { 17, 2, 3, 4,      false, NORM_CHANNEL, 0, 0 },
    { 33, 1, 20, 1,     false, NORM_ELEMENT, 0, 0 },
    { 18, 1, 4, 6,      false, NORM_SCALAR, 0, 0 },
    { 18, 3, 2, 4,      false, NORM_PLAIN, 0, 0 },
    { 17, 2, 2, 6,      false, NORM_CHANNEL, 100, 0 },
    { 3, 2, 2, 10,      false, NORM_CHANNEL, 100, 0 },
    { 2, 1, 5, 2000,    false, NORM_ELEMENT, 0, CASE_LARGE }, /* sums in pieces, by channels */
    { 9, 1, 3, 200,     false, NORM_SCALAR, 100, CASE_LARGE },
    { 65, 4, 16, 4,     false, NORM_CHANNEL, 0, CASE_LARGE },
    { 40, 1, 8, 196,    false, NORM_SCALAR, 0, CASE_LARGE },
    { 128, 2, 4, 49,    false, NORM_ELEMENT, 0, CASE_BENCH | CASE_LARGE },
};
/* clang-format on */

#endif

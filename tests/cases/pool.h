/* Pooling, fixed and adaptive windows, forward and backward. */
#ifndef CASES_POOL_H
#define CASES_POOL_H

#include "case.h"

/* x (n, c, h, w) -> y (n, c, ho, wo); every row is walked as max and as average, where its p.max is not read. ho and wo
 * are given, because ceil mode adds windows that hang over the edge. */
typedef struct pool_row {
    const char *name;
    int n, c, h, w, ho, wo;
    socle_pool p;
    unsigned flags;
    double budget;
} pool_row;

/* size, stride, pad */
#define POOL(z, t, p)                                                                                              \
    {                                                                                                              \
        .size = { z, z }, .stride = { t, t }, .pad = { p, p }                                                      \
    }
#define POOL_PADDED(z, t, p)                                                                                       \
    {                                                                                                              \
        .count_pad = true, .size = { z, z }, .stride = { t, t }, .pad = { p, p }                                   \
    }
#define POOL_ADAPTIVE                                                                                              \
    {                                                                                                              \
        .adaptive = true                                                                                           \
    }

/* clang-format off */
static const pool_row pool_rows[] = {
    { "2x2",                  16, 3, 4, 6, 2, 3,    POOL(2, 2, 0), 0, 0 },
    { "no images",            0, 3, 4, 4, 2, 2,     POOL(2, 2, 0), 0, 0 },
    { "2x2 one image",        1, 3, 5, 5, 2, 2,     POOL(2, 2, 0), 0, 0 },
    { "2x2 7 images",         7, 2, 4, 4, 2, 2,     POOL(2, 2, 0), 0, 0 },
    { "2x2 15 images",        15, 2, 4, 4, 2, 2,    POOL(2, 2, 0), 0, 0 },
    { "2x2 17 images ceil",   17, 2, 5, 5, 3, 3,    POOL(2, 2, 0), 0, 0 },
    { "3x3 s2 pad 1",         16, 2, 7, 8, 4, 4,    POOL(3, 2, 1), 0, 0 },
    { "3x3 s1 overlapping",   33, 1, 5, 6, 3, 4,    POOL(3, 1, 0), 0, 0 },
    { "3x3 s2 ceil",          9, 2, 6, 6, 3, 3,     POOL(3, 2, 0), 0, 0 },
    { "3x3 s3 pad 1 ceil",    8, 2, 6, 7, 3, 3,     POOL(3, 3, 1), 0, 0 },
    { "2x2 s3 with gaps",     16, 2, 8, 8, 3, 3,    POOL(2, 3, 0), 0, 0 },
    { "1x1",                  17, 2, 3, 3, 3, 3,    POOL(1, 1, 0), 0, 0 },
    { "3x2 s1x2",             16, 2, 5, 6, 3, 3,    { .size = { 3, 2 }, .stride = { 1, 2 } }, 0, 0 },
    { "count pad",            16, 2, 5, 5, 3, 3,    POOL_PADDED(3, 2, 1), 0, 0 },
    { "count pad ceil",       7, 2, 6, 6, 4, 4,     POOL_PADDED(2, 2, 1), 0, 0 },
    { "count pad ceil over",  17, 1, 6, 6, 3, 3,    POOL_PADDED(3, 2, 0), 0, 0 },
    { "window is the image",  16, 3, 4, 5, 1, 1,    { .size = { 4, 5 }, .stride = { 1, 1 } }, 0, 0 },
    { "adaptive 1x1",         17, 3, 5, 4, 1, 1,    POOL_ADAPTIVE, 0, 0 },
    { "adaptive 3x2 of 7x5",  16, 2, 7, 5, 3, 2,    POOL_ADAPTIVE, 0, 0 },
    { "adaptive 4x4 of 4x4",  8, 2, 4, 4, 4, 4,     POOL_ADAPTIVE, 0, 0 },
    { "adaptive 5x7 of 3x4",  9, 1, 3, 4, 5, 7,     POOL_ADAPTIVE, 0, 0 }, /* windows repeat */
    { "2x2 of 28",            256, 8, 28, 28, 14, 14, POOL(2, 2, 0), CASE_BENCH | CASE_LARGE, 0 },
    { "3x3 s2 of 14",         64, 16, 14, 14, 7, 7, POOL(3, 2, 1), CASE_BENCH | CASE_LARGE, 0 },
    { "adaptive 1x1 of 7",    128, 32, 7, 7, 1, 1,  POOL_ADAPTIVE, CASE_BENCH | CASE_LARGE, 0 },
};
/* clang-format on */

#endif

/* Histograms: shapes, and bins with the values that are counted. */
#ifndef CASES_HISTOGRAM_H
#define CASES_HISTOGRAM_H

#include "case.h"

static const shape_row histogram_shapes[] = {
    { 0, { 0 }, 0 },
    { 1, { 1 }, 0 },
    { 1, { 2 }, 0 },
    { 1, { 63 }, 0 },
    { 1, { 1009 }, 0 },
    { 2, { 17, 5 }, 0 },
    { 4, { 16, 3, 4, 5 }, 0 },
    { 4, { 33, 2, 3, 3 }, 0 },
    { 4, { 15, 1, 7, 2 }, 0 },
    { 6, { 2, 3, 1, 2, 5, 3 }, 0 },
    { 1, { 0 }, 0 },
    { 4, { 256, 4, 14, 14 }, CASE_BENCH | CASE_LARGE },
    { 4, { 100, 7, 11, 13 }, CASE_LARGE },
};

typedef struct histogram_row {
    const char *name;
    socle_bins bins;
    double lo, hi; /* values */
} histogram_row;

/* clang-format off */
static const histogram_row histogram_rows[] = {
    { "activations", { 40, 0, 4, true }, -4, 4 },      /* as fast.ai shows them */
    { "beyond both ends", { 40, -7, 40 / 14.0f, false }, -9, 9 },
    { "sizes from 0.1 on", { 7, 0.1f, 10 / 3.0f, true }, -3, 3 },
    { "many", { SOCLE_BINS_MAX, -1, 125, false }, -1.1, 1.1 },
    { "one", { 1, 0, 0.5f, false }, -1, 3 },
    { "far from 0", { 10, 1000, 10, false }, 1000, 1000.9 }, /* squares of values hold nothing of the variance */
};
/* clang-format on */

#endif

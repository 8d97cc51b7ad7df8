/* Images moved, mirrored and cut. */
#ifndef CASES_SHIFT_H
#define CASES_SHIFT_H

#include "case.h"

/* x, the size of y's images, and how far places go: from -far to far. */
typedef struct shift_row {
    const char *name;
    shape_row x;
    int height, width, far;
} shift_row;

/* clang-format off */
static const shift_row shift_rows[] = {
    { "one pixel",        { 4, { 1, 1, 1, 1 }, 0 }, 1, 1, 1 },
    { "nothing to move",  { 4, { 9, 2, 0, 3 }, 0 }, 2, 2, 1 },
    { "one image",        { 4, { 1, 3, 5, 4 }, 0 }, 5, 4, 2 },
    { "crop of 1",        { 4, { 17, 1, 7, 6 }, 0 }, 7, 6, 1 },
    { "colours",          { 4, { 16, 3, 4, 5 }, 0 }, 4, 5, 3 },
    { "cut smaller",      { 4, { 19, 2, 6, 7 }, 0 }, 3, 2, 4 },
    { "cut larger",       { 4, { 9, 2, 3, 2 }, 0 }, 5, 6, 3 },
    { "far away",         { 4, { 8, 1, 3, 3 }, 0 }, 3, 3, 2000000000 },
    { "batch of digits",  { 4, { 256, 1, 28, 28 }, CASE_BENCH | CASE_LARGE }, 28, 28, 1 },
};
/* clang-format on */

#endif

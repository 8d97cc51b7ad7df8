/* A curve in a terminal. */
#ifndef PLOT_CURVE_H
#define PLOT_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CURVE_ROWS = 8 };

/* Draws v[0 .. n - 1] as CURVE_ROWS lines, the largest and smallest value written beside; values that are not
 * finite are left out. unicode: Braille dots, 2 x 4 a character; else stars. Draws nothing, and answers 0, when
 * no value is finite; else CURVE_ROWS. */
int curve_draw(FILE *out, const float *v, size_t n, bool unicode);

#endif

/* Colours. */
#ifndef PLOT_THEME_H
#define PLOT_THEME_H

#include <socle/plot.h>

typedef struct color {
    double r, g, b; /* sRGB, [0, 1] */
} color;

enum { THEME_SERIES = 8 };
typedef struct theme {
    color paper;                /* behind everything */
    color ink, soft;            /* titles; labels and axes */
    color grid;                 /* lines behind the data */
    color empty, full;          /* cells of a matrix: no share of the row, all of it */
    color series[THEME_SERIES]; /* told apart with any common form of colour blindness, by lightness too */
} theme;

const theme *theme_of(socle_theme t);
/* 0 (dark blue) to 1 (yellow) through green, of even lightness steps: the map named viridis. */
color theme_map(double share);
/* a, and b by its share. */
color color_mix(color a, color b, double share);
/* Relative luminance of WCAG 2, [0, 1]. */
double color_luminance(color c);
/* Contrast of WCAG 2, 1 to 21. */
double color_contrast(color a, color b);
/* Black or white, whichever is read better on it: a contrast of at least 4.58, the root of 21. */
color color_text_on(color back);

#endif

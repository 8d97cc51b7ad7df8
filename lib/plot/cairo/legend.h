/* The box that says which line is which. */
#ifndef PLOT_LEGEND_H
#define PLOT_LEGEND_H

#include "draw.h"

typedef struct legend {
    const lines *lines;
    int entries, shown; /* series with a name; those there is room for */
    double width, height;
} legend;

/* Fits into most_width x most_height pixels: names are cut, entries that do not fit are counted in a last line. No
 * entries: width 0. */
legend legend_make(canvas *c, const lines *l, double most_width, double most_height);
void legend_draw(canvas *c, const legend *l, double x, double y);

/* How the i-th series is drawn. */
color legend_color(canvas *c, const lines *l, int i);
void legend_dash(canvas *c, const lines *l, int i);

#endif

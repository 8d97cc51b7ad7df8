/* From values to places on an axis, and the ticks of the axis. */
#ifndef PLOT_SCALE_H
#define PLOT_SCALE_H

#include <stdbool.h>
#include "figure.h"

/* low < high, both finite (and > 0 where log); from and to are their places in pixels, in either order. */
typedef struct scale {
    double low, high, from, to;
    bool log;
} scale;

/* The smallest range with all finite values of the panel's series and marks along x or y (positive values where the axis
 * is logarithmic), with a margin of that share of it; or the axis' own. Never empty: where there is one value or none,
 * something around it. Returns whether there was any. */
bool scale_find(scale *s, const panel *p, bool along_y, double margin);
/* Does v have a place? */
bool scale_has(const scale *s, double v);
/* Its place, at most a few times the axis' length away from it. */
double scale_at(const scale *s, double v);

/* Values to label, in ascending order inside the range, and the minor ticks between. */
enum { TICKS_MOST = 16, TICKS_MINOR_MOST = 64, TICK_TEXT = 24 };
typedef struct ticks {
    int n, n_minor;
    double at[TICKS_MOST], minor[TICKS_MINOR_MOST];
    char text[TICKS_MOST][TICK_TEXT];
} ticks;

/* At most at_most (2 to TICKS_MOST) ticks: multiples of 1, 2 or 5 times a power of ten, or powers of ten on a
 * logarithmic scale that has two of them. whole: integers only. */
void ticks_make(ticks *t, const scale *s, bool whole, int at_most);
/* v as a label of its own: "0.001", "1e-5", "12k". */
void tick_text(char text[TICK_TEXT], double v);

/* Points in pixels. A break in the line is a point whose x is NaN. */
typedef struct point {
    double x, y;
} point;
/* The series as a line, in at most n points: where many fall into one column of pixels, the first, the lowest, the highest
 * and the last of them draw the same picture. out has room for s->n points. */
size_t scale_thin(point *out, const series *s, const scale *x, const scale *y);

#endif

/* Drawing with cairo. Nothing here reports errors: cairo keeps the first one in its context and draws no more, and
 * write.c asks for it at the end. Out of memory of our own is kept in the canvas the same way. */
#ifndef PLOT_DRAW_H
#define PLOT_DRAW_H

#include <cairo.h>
#include "plot/figure.h"
#include "plot/scale.h"
#include "plot/theme.h"

typedef struct canvas {
    cairo_t *cr;
    const theme *theme;
    socle_status status;
} canvas;

/* Pixels. */
typedef struct box {
    double x, y, width, height;
} box;

/* ---- text.c ---- */

enum { TEXT_TICK = 11, TEXT_LABEL = 12, TEXT_TITLE = 13, TEXT_HEADING = 16 }; /* sizes in pixels */

typedef struct text_style {
    double size;
    color color;
    bool bold, upright; /* upright: turned a quarter to the left */
    double align;       /* of the place given along the line of text: 0 it starts there, 0.5 is centred, 1 ends */
} text_style;

double draw_text_width(canvas *c, const char *text, double size, bool bold);
/* (x, y): the middle of the line's height. Text longer than `most` pixels ends in an ellipsis. */
void draw_text(canvas *c, const char *text, double x, double y, double most, text_style s);
/* A panel's title: centred at x, or as near to it as the panel's place allows. */
void draw_title(canvas *c, const char *text, double x, double y, box place);

/* ---- axes.c ---- */

typedef struct axes {
    scale x, y;
    ticks x_ticks, y_ticks;
    box inside;     /* where the data goes */
    bool downwards; /* y grows from top to bottom */
} axes;

/* Takes title, labels and tick labels from the panel's place, and `right` pixels; sets all but the scales' ranges and
 * `downwards`, which are given. */
void axes_layout(canvas *c, axes *a, const panel *p, box place, double right);
/* grid: lines behind the data too. */
void axes_draw(canvas *c, const axes *a, const panel *p, box place, bool grid);

/* ---- one file each ---- */

void draw_lines(canvas *c, const panel *p, box place);
void draw_heatmap(canvas *c, const panel *p, box place);
void draw_image(canvas *c, const panel *p, box place);
void draw_matrix(canvas *c, const panel *p, box place);

/* The size in pixels at which a figure is read well. */
void page_size(const socle_figure *f, double *width, double *height);
void page_draw(canvas *c, const socle_figure *f, double width, double height);

void draw_color(canvas *c, color k);
/* A line of crisp pixels: from (x0, y0) to (x1, y1), horizontal or vertical. */
void draw_rule(canvas *c, double x0, double y0, double x1, double y1, double width, color k);
/* In the color set before. */
void draw_dot(canvas *c, double x, double y, double radius);

#endif

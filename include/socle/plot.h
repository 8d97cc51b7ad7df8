/* Pictures: a figure is a grid of panels (lines, heat maps, images, matrices of counts), written as PNG or SVG, or
 * printed as text. No device is involved: panels are made of plain host arrays, which are copied.
 *
 * A figure remembers the first thing that went wrong while it was filled. Later calls then do nothing, and
 * socle_figure_write and socle_figure_print answer with that failure, so that nothing between needs a check:
 *
 *     socle_figure *f = socle_figure_new((socle_figure_desc){ .title = "training" });
 *     socle_plot_losses(f, (socle_plot_losses_desc){ .train = loss, .n = n });
 *     socle_status s = socle_figure_write(f, "loss.png");
 *     socle_figure_free(f);
 *
 * One thread at a time works on a figure. */
#ifndef SOCLE_PLOT_H
#define SOCLE_PLOT_H

#include <stdio.h>
#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- figures ---- */

typedef enum socle_theme { SOCLE_THEME_LIGHT, SOCLE_THEME_DARK } socle_theme;

typedef struct socle_figure_desc {
    int width, height; /* pixels, 64 to 16384; 0: what the panels need to be read well */
    /* of the grid of panels. Both 0: rows = floor(sqrt n), columns = ceil(n / rows); one 0: as many as the panels take.
     * Cells beyond the last panel stay blank. */
    int rows, columns;
    const char *title; /* NULL: none */
    socle_theme theme;
} socle_figure_desc;

typedef struct socle_figure socle_figure;

/* Text here and below is UTF-8, copied; bytes that are not are shown as "?". NULL on failure; every function that takes a
 * figure takes that NULL and answers with the failure. */
SOCLE_API socle_figure *socle_figure_new(socle_figure_desc o);
SOCLE_API void socle_figure_free(socle_figure *f);

/* Writes a PNG or SVG image, as path ends in .png or .svg (any case; else ERR_ARG). The file appears whole or not at all.
 * ERR_IO names path and the system's reason; ERR_ARG without a panel; ERR_UNSUPPORTED where the library was built without
 * cairo. */
SOCLE_API socle_status socle_figure_write(const socle_figure *f, const char *path) SOCLE_MUST_USE;

typedef struct socle_print_desc {
    int columns;  /* of the terminal, 32 to 512; 0: 80 */
    bool unicode; /* Braille dots and shaded blocks; else ASCII */
    bool color;   /* ANSI escapes tell series apart */
} socle_print_desc;
/* A rough form as text, panel under panel; SOCLE_FAINT series are left out where there are others. Needs no cairo. */
SOCLE_API socle_status socle_figure_print(const socle_figure *f, FILE *out, socle_print_desc o) SOCLE_MUST_USE;

/* ---- panels: each call adds one; they fill the grid row by row ----
 *
 * Missing arrays, ranges that are empty, sizes that make no sense, and a panel too many for the grid fail the figure with
 * ERR_ARG, in words with the values. */

typedef struct socle_axis {
    const char *label; /* NULL: none */
    bool log;          /* log10; values <= 0 are left out */
    bool whole;        /* ticks at whole numbers only: steps, epochs */
    double low, high;  /* the range; both 0: that of the data and a margin */
} socle_axis;

typedef enum socle_series_style {
    SOCLE_LINE,
    SOCLE_LINE_POINTS, /* a marker on every point */
    SOCLE_POINTS,      /* markers without a line */
    SOCLE_FAINT        /* a pale line behind the others, in the colour of the series after it */
} socle_series_style;

typedef struct socle_series {
    const char *name;   /* in the legend; NULL: not there */
    const float *x, *y; /* n of each; x NULL: 0, 1, 2 ...; where either is NaN or infinite, the line is broken */
    size_t n;
    socle_series_style style;
} socle_series;

/* A straight line across the panel at a value of x, or of y where horizontal. */
typedef struct socle_mark {
    double at;
    bool horizontal;
    const char *label; /* NULL: none */
} socle_mark;

typedef struct socle_lines_desc {
    const char *title;
    socle_axis x, y;
    const socle_series *series;
    int n_series;
    const socle_mark *marks;
    int n_marks;
} socle_lines_desc;
SOCLE_API void socle_figure_lines(socle_figure *f, socle_lines_desc o);

/* A table of values as colours of a perceptually uniform map, dark to bright; NaN is left blank. */
typedef struct socle_heatmap_desc {
    const char *title;
    socle_axis x, y;     /* low, high: coordinates of the table's edges; both 0: 0 to columns or rows. No log */
    const float *values; /* (rows, columns), row-major */
    size_t rows, columns;
    double low, high;    /* values of the darkest and the brightest colour; both 0: smallest and largest of values */
    bool origin_low;     /* row 0 is at the bottom */
    bool no_bar;         /* no scale of colours beside it */
} socle_heatmap_desc;
SOCLE_API void socle_figure_heatmap(socle_figure *f, socle_heatmap_desc o);

/* An image, its pixels enlarged to squares. */
typedef struct socle_image_desc {
    const char *title;
    const float *pixels;         /* (channels, height, width), row-major */
    int channels, height, width; /* channels 1 (grey) or 3 (red, green, blue) */
    double low, high;            /* black and white; both 0: smallest and largest of pixels */
} socle_image_desc;
SOCLE_API void socle_figure_image(socle_figure *f, socle_image_desc o);

/* A table of counts, written in its cells; a cell's colour is its share of the row. */
typedef struct socle_matrix_desc {
    const char *title;
    const char *x_label, *y_label;
    const int64_t *counts; /* (rows, columns), row-major, none negative */
    int rows, columns;     /* 1 to 256 */
    const char *const *row_names; /* NULL: 0, 1, 2 ... */
    const char *const *column_names;
} socle_matrix_desc;
SOCLE_API void socle_figure_matrix(socle_figure *f, socle_matrix_desc o);

/* ---- the usual pictures of a training run, as panels ---- */

/* Training loss of each step, from 100 steps on pale behind its moving average over 1/40 of the steps; validation losses, the
 * k-th (from 0) at step (k + 1) * steps_per_epoch. */
typedef struct socle_plot_losses_desc {
    const float *train;
    size_t n;
    const float *valid; /* NULL: none */
    size_t n_valid;
    size_t steps_per_epoch; /* 0: n / n_valid, at least 1 */
    const char *title;      /* NULL: "loss" */
    bool log;               /* log10 of the loss */
} socle_plot_losses_desc;
SOCLE_API void socle_plot_losses(socle_figure *f, socle_plot_losses_desc o);

/* Several named rows of values over a common x = 0, 1, 2 ... */
typedef struct socle_plot_table {
    const char *const *names; /* rows; NULL: no legend */
    const float *values;      /* (rows, n), row-major; NaN: a gap */
    size_t rows, n;
    const char *title; /* NULL: the picture's own */
} socle_plot_table;
SOCLE_API void socle_plot_metrics(socle_figure *f, socle_plot_table t); /* n epochs: one point each */
SOCLE_API void socle_plot_rates(socle_figure *f, socle_plot_table t);   /* n steps: learning rates of the groups */
SOCLE_API void socle_plot_dead(socle_figure *f, socle_plot_table t);    /* n steps: dead share of each layer, [0, 1] */
/* Two panels, the layers' means and standard deviations; the tables' names and sizes agree. */
SOCLE_API void socle_plot_stats(socle_figure *f, socle_plot_table means, socle_plot_table stds);

/* Loss against learning rate on a log axis. suggestion > 0 is marked. */
SOCLE_API void socle_plot_lr_find(socle_figure *f, const float *lr, const float *loss, size_t n, double suggestion);

/* y over x from low to high: an activation, a schedule. Called 201 times, before this returns. */
typedef double (*socle_plot_fn)(double x, void *user);
SOCLE_API void socle_plot_function(socle_figure *f, socle_plot_fn y, void *user, double low, double high,
                                   const char *title);

/* One panel for each layer: a column for every step, brightness for log(1 + count), small values at the bottom. */
typedef struct socle_plot_histograms_desc {
    const char *const *names;   /* layers; NULL: "layer 0" ... */
    const float *const *values; /* layers pointers to (bins, steps): log(1 + count) */
    size_t layers, bins, steps;
    double low, high; /* values at the edges of the bins, for the ticks; both 0: 0 to bins */
} socle_plot_histograms_desc;
SOCLE_API void socle_plot_histograms(socle_figure *f, socle_plot_histograms_desc o);

/* One panel for each image. */
typedef struct socle_plot_images_desc {
    const float *pixels; /* (n, channels, height, width), row-major */
    size_t n;
    int channels, height, width;
    const char *const *titles; /* n; NULL: none */
    double low, high;          /* black and white of all; both 0: each image's own */
} socle_plot_images_desc;
SOCLE_API void socle_plot_images(socle_figure *f, socle_plot_images_desc o);

/* counts (classes, classes): row = the true class, column = the predicted one. names NULL: numbers. */
SOCLE_API void socle_plot_confusion(socle_figure *f, const int64_t *counts, int classes, const char *const *names);

#ifdef __cplusplus
}
#endif
#endif

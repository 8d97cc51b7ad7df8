/* A figure as it is kept: copies of what the caller gave, checked, and nothing of how it will be drawn. */
#ifndef PLOT_FIGURE_H
#define PLOT_FIGURE_H

#include <socle/plot.h>

typedef struct axis {
    char *label; /* NULL: none */
    bool log, whole;
    double low, high; /* equal: the data's */
} axis;

typedef struct series {
    char *name;   /* NULL: not in the legend */
    float *x, *y; /* x NULL: 0, 1, 2 ... */
    size_t n;
    socle_series_style style;
} series;

typedef struct mark {
    char *label; /* NULL: none */
    double at;
    bool horizontal;
} mark;

typedef struct lines {
    series *series;
    mark *marks;
    int n_series, n_marks;
} lines;

/* Heat maps have one channel, images one or three. */
typedef struct raster {
    float *value; /* (channels, rows, columns) */
    size_t channels, rows, columns;
    double low, high; /* low < high, also where all values are equal */
    bool origin_low, bar;
} raster;

typedef struct matrix {
    int64_t *count; /* (rows, columns) */
    int rows, columns;
    char **row_name, **column_name;
} matrix;

typedef enum panel_kind { PANEL_LINES, PANEL_HEATMAP, PANEL_IMAGE, PANEL_MATRIX } panel_kind;

typedef struct panel {
    panel_kind kind;
    char *title; /* NULL: none */
    axis x, y;
    lines lines;   /* of PANEL_LINES */
    raster raster; /* of PANEL_HEATMAP, PANEL_IMAGE */
    matrix matrix; /* of PANEL_MATRIX */
} panel;

struct socle_figure {
    int width, height, rows, columns; /* 0: chosen when drawn */
    socle_theme theme;
    char *title; /* NULL: none */
    panel *panel;
    size_t n, cap;
    socle_status status; /* the first failure */
    char why[256];
};

/* f can be drawn: it is there, nothing failed, and it has a panel. Else raises what is wrong again. */
socle_status figure_check(const socle_figure *f);
/* Fails f with this thread's error, unless it has failed before. */
void figure_fail(socle_figure *f);
/* The grid of its panels. */
void figure_grid(const socle_figure *f, int *rows, int *columns);
/* x of the series' point i. */
double series_x(const series *s, size_t i);

#endif

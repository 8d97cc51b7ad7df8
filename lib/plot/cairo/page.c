/* The figure: its heading, and the grid of panels in cells of one size. */
#include <math.h>
#include "draw.h"

enum {
    MARGIN = 12,
    BETWEEN = 16, /* panels */
    HEADING = 34,
    IMAGE_SIDE = 112, /* the longer side of an image among others */
    IMAGE_SIDE_ALONE = 336,
    SIDE_MOST = 16384 /* pixels of a figure */
};

static box panel_size(const panel *p, bool alone)
{
    switch (p->kind) {
    case PANEL_LINES:
        return alone ? (box){ .width = 720, .height = 420 } : (box){ .width = 520, .height = 320 };
    case PANEL_HEATMAP:
        return alone ? (box){ .width = 640, .height = 360 } : (box){ .width = 400, .height = 240 };
    case PANEL_MATRIX:
        return (box){ .width = 150 + fmax(52.0 * p->matrix.columns, 200),
                      .height = 110 + fmax(38.0 * p->matrix.rows, 150) };
    case PANEL_IMAGE: {
        double w = (double)p->raster.columns, h = (double)p->raster.rows,
               side = alone ? IMAGE_SIDE_ALONE : IMAGE_SIDE;
        double times = fmax(1, floor(side / fmax(w, h)));
        return (box){ .width = w * times, .height = h * times + (p->title != NULL ? 20 : 0) };
    }
    }
    return (box){ 0 };
}

static double between(const socle_figure *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->panel[i].kind != PANEL_IMAGE)
            return BETWEEN;
    return BETWEEN / 2.0;
}

void page_size(const socle_figure *f, double *width, double *height)
{
    int rows, columns;
    box cell = { 0 };
    figure_grid(f, &rows, &columns);
    for (size_t i = 0; i < f->n; i++) {
        box one = panel_size(&f->panel[i], f->n == 1);
        cell.width = fmax(cell.width, one.width);
        cell.height = fmax(cell.height, one.height);
    }
    double gap = between(f);
    *width = f->width ? f->width : 2 * MARGIN + columns * cell.width + (columns - 1) * gap;
    *height = f->height ? f->height
                        : 2 * MARGIN + rows * cell.height + (rows - 1) * gap + (f->title != NULL ? HEADING : 0);
    *width = ceil(fmin(*width, SIDE_MOST));
    *height = ceil(fmin(*height, SIDE_MOST));
}

static void draw_panel(canvas *c, const panel *p, box place)
{
    switch (p->kind) {
    case PANEL_LINES:
        draw_lines(c, p, place);
        break;
    case PANEL_HEATMAP:
        draw_heatmap(c, p, place);
        break;
    case PANEL_IMAGE:
        draw_image(c, p, place);
        break;
    case PANEL_MATRIX:
        draw_matrix(c, p, place);
        break;
    }
}

void page_draw(canvas *c, const socle_figure *f, double width, double height)
{
    int rows, columns;
    double top = MARGIN, gap = between(f);
    figure_grid(f, &rows, &columns);
    draw_color(c, c->theme->paper);
    cairo_paint(c->cr);
    if (f->title != NULL) {
        draw_text(c, f->title, width / 2, top + HEADING / 2.0 - 5, width - 2 * MARGIN,
                  (text_style){ .size = TEXT_HEADING, .color = c->theme->ink, .bold = true, .align = 0.5 });
        top += HEADING;
    }
    double w = (width - 2 * MARGIN - (columns - 1) * gap) / columns;
    double h = (height - top - MARGIN - (rows - 1) * gap) / rows;
    for (size_t i = 0; i < f->n && w > 0 && h > 0; i++) {
        int row = (int)i / columns, column = (int)i % columns;
        box place = { MARGIN + column * (w + gap), top + row * (h + gap), w, h };
        cairo_save(c->cr);
        draw_panel(c, &f->panel[i], place);
        cairo_restore(c->cr);
    }
}

/* A table of counts with the names of rows and columns. Names of columns that are too long for their cells are turned. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "draw.h"

enum { GAP = 6, LINE = 16, TITLE_LINE = 24, NAMES_MOST = 140 };

typedef struct table {
    box inside;
    double cell_width, cell_height, text_size;
    double names_width, names_height; /* of the rows' and columns' names */
    bool upright;                     /* the columns' names */
} table;

static double widest(canvas *c, char *const *name, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, draw_text_width(c, name[i], TEXT_TICK, false));
    return ceil(most);
}

/* The size at which every count fits into its cell; 0: none that can be read. */
static double count_size(canvas *c, const matrix *m, double width, double height)
{
    int64_t most = 0;
    char text[24];
    for (int i = 0; i < m->rows * m->columns; i++)
        most = m->count[i] > most ? m->count[i] : most;
    snprintf(text, sizeof text, "%" PRId64, most);
    double size = fmin(TEXT_LABEL, height * 0.7);
    double wide = draw_text_width(c, text, size, false);
    size *= fmin(1, (width - 4) / wide);
    return size < 6 ? 0 : size;
}

static table layout(canvas *c, const panel *p, box place)
{
    const matrix *m = &p->matrix;
    table t = { .names_width = fmin(widest(c, m->row_name, m->rows), fmin(NAMES_MOST, place.width / 3)) };
    double left = place.x + (p->y.label != NULL ? LINE + GAP : 0) + t.names_width + GAP;
    double top = place.y + (p->title != NULL ? TITLE_LINE : 0);
    double below = p->x.label != NULL ? LINE + GAP : 0, names = widest(c, m->column_name, m->columns);
    t.inside = (box){ round(left), round(top), 0, 0 };
    t.cell_width = fmax(1, floor((place.x + place.width - left) / m->columns));
    t.upright = names > t.cell_width - 4;
    t.names_height = t.upright ? fmin(names, fmin(NAMES_MOST, place.height / 3)) + GAP : LINE + GAP;
    t.cell_height = fmax(1, floor((place.y + place.height - top - below - t.names_height) / m->rows));
    t.inside.width = t.cell_width * m->columns;
    t.inside.height = t.cell_height * m->rows;
    t.text_size = count_size(c, m, t.cell_width, t.cell_height);
    return t;
}

/* A count's share of its row. */
static double share(const matrix *m, int row, int column)
{
    double sum = 0;
    for (int i = 0; i < m->columns; i++)
        sum += (double)m->count[row * m->columns + i];
    return sum > 0 ? (double)m->count[row * m->columns + column] / sum : 0;
}

static void draw_cell(canvas *c, const table *t, const matrix *m, int row, int column)
{
    const theme *th = c->theme;
    int64_t count = m->count[row * m->columns + column];
    double x = t->inside.x + column * t->cell_width, y = t->inside.y + row * t->cell_height;
    double line = t->cell_width >= 8 && t->cell_height >= 8 ? 1 : 0; /* of paper between cells */
    /* the root lets small shares be seen */
    color back = color_mix(th->empty, th->full, sqrt(share(m, row, column)));
    draw_color(c, back);
    cairo_rectangle(c->cr, x, y, t->cell_width - line, t->cell_height - line);
    cairo_fill(c->cr);
    if (t->text_size <= 0)
        return;
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, count);
    color ink = count > 0 ? color_text_on(back) : color_mix(th->soft, back, 0.45);
    draw_text(c, text, x + (t->cell_width - line) / 2, y + (t->cell_height - line) / 2, INFINITY,
              (text_style){ .size = t->text_size, .color = ink, .align = 0.5 });
}

/* Every so many names, so that they do not touch. */
static int name_stride(double cell)
{
    return cell >= TEXT_TICK + 2 ? 1 : (int)ceil((TEXT_TICK + 2) / cell);
}

static void draw_names(canvas *c, const table *t, const matrix *m)
{
    text_style style = { .size = TEXT_TICK, .color = c->theme->soft, .align = 1 };
    for (int i = 0; i < m->rows; i += name_stride(t->cell_height))
        draw_text(c, m->row_name[i], t->inside.x - GAP, t->inside.y + (i + 0.5) * t->cell_height,
                  t->names_width + 1, style);
    double bottom = t->inside.y + t->inside.height;
    style.upright = t->upright;
    style.align = t->upright ? 1 : 0.5;
    for (int i = 0; i < m->columns; i += t->upright ? name_stride(t->cell_width) : 1)
        draw_text(c, m->column_name[i], t->inside.x + (i + 0.5) * t->cell_width,
                  t->upright ? bottom + GAP : bottom + LINE / 2.0 + 2, t->upright ? t->names_height : t->cell_width,
                  style);
}

void draw_matrix(canvas *c, const panel *p, box place)
{
    const matrix *m = &p->matrix;
    table t = layout(c, p, place);
    for (int row = 0; row < m->rows; row++)
        for (int column = 0; column < m->columns; column++)
            draw_cell(c, &t, m, row, column);
    draw_names(c, &t, m);
    double middle = t.inside.x + t.inside.width / 2;
    text_style label = { .size = TEXT_LABEL, .color = c->theme->soft, .align = 0.5 };
    if (p->x.label != NULL)
        draw_text(c, p->x.label, middle, t.inside.y + t.inside.height + t.names_height + LINE / 2.0 + 2,
                  t.inside.width, label);
    label.upright = true;
    draw_text(c, p->y.label, place.x + LINE / 2.0, t.inside.y + t.inside.height / 2, t.inside.height, label);
    draw_title(c, p->title, middle, place.y + TITLE_LINE / 2.0 - 2, place);
}

/* Figures as text: the shape of the data and its numbers, not the picture. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <socle/sys/memory.h>
#include "core/error.h"
#include "figure.h"
#include "raster.h"
#include "scale.h"
#include "term.h"
#include "text.h"

enum {
    COLUMNS_LEAST = 32,
    COLUMNS_USUAL = 80,
    COLUMNS_MOST = 512,
    CHART_ROWS = 12,
    RASTER_ROWS = 16,
    NAME_MOST = 16
};

typedef struct printer {
    FILE *out;
    int columns;
    bool unicode, color;
} printer;

static void put_blanks(printer *p, int n)
{
    fprintf(p->out, "%*s", n > 0 ? n : 0, "");
}

/* Of text at most `most` characters. */
static void put_cut(printer *p, const char *text, int most)
{
    size_t bytes = 0;
    for (int n = 0; n < most && text[bytes] != '\0'; n++)
        bytes += text_step(text + bytes);
    fprintf(p->out, "%.*s", (int)bytes, text);
}

static int shown(const char *text, int most)
{
    int n = (int)text_count(text);
    return n < most ? n : most;
}

/* ---- lines ---- */

typedef struct chart {
    term_canvas canvas;
    scale x, y;
    ticks x_ticks, y_ticks;
    int left; /* characters before the axis */
} chart;

/* Faint series are shown where there is nothing else. */
static bool is_shown(const lines *l, int i)
{
    if (l->series[i].style != SOCLE_FAINT)
        return true;
    for (int k = 0; k < l->n_series; k++)
        if (l->series[k].style != SOCLE_FAINT)
            return false;
    return true;
}

static int count_shown(const lines *l)
{
    int n = 0;
    for (int i = 0; i < l->n_series; i++)
        n += is_shown(l, i);
    return n;
}

static void layout(chart *c, const panel *l, const printer *p)
{
    scale_find(&c->x, l, false, 0);
    scale_find(&c->y, l, true, 0);
    ticks_make(&c->y_ticks, &c->y, l->y.whole, 5);
    for (int i = 0; i < c->y_ticks.n; i++)
        c->left = (int)fmax(c->left, (double)strlen(c->y_ticks.text[i]));
    /* Braille dots of several series cannot be told apart without color */
    c->canvas = (term_canvas){ .columns = p->columns - c->left - 1,
                               .rows = CHART_ROWS,
                               .braille = p->unicode && (p->color || count_shown(&l->lines) < 2),
                               .color = p->color };
    c->x.to = term_width(&c->canvas) - 1;
    c->y.from = term_height(&c->canvas) - 1;
    ticks_make(&c->x_ticks, &c->x, l->x.whole, c->canvas.columns / 12);
}

static socle_status draw_series(chart *c, const series *s, unsigned char ink)
{
    point *at = socle_mem_zeroed(s->n, sizeof *at);
    if (at == NULL)
        return SOCLE_ERR_NOMEM;
    size_t n = scale_thin(at, s, &c->x, &c->y);
    for (size_t i = 0; i < n; i++) {
        if (isnan(at[i].x))
            continue;
        const point *from = i > 0 && !isnan(at[i - 1].x) && s->style != SOCLE_POINTS ? &at[i - 1] : &at[i];
        term_line(&c->canvas, (int)lround(from->x), (int)lround(from->y), (int)lround(at[i].x),
                  (int)lround(at[i].y), ink);
    }
    socle_mem_free(at);
    return SOCLE_OK;
}

/* The label of the tick in this row of characters, or nothing. */
static const char *row_label(const chart *c, int row)
{
    for (int i = 0; i < c->y_ticks.n; i++) {
        double dot = scale_at(&c->y, c->y_ticks.at[i]);
        if ((int)(lround(dot) * c->canvas.rows / term_height(&c->canvas)) == row)
            return c->y_ticks.text[i];
    }
    return "";
}

static void put_x_axis(const chart *c, printer *p, const panel *l)
{
    put_blanks(p, c->left);
    fprintf(p->out, p->unicode ? "\xe2\x94\x94" : "+");
    for (int i = 0; i < c->canvas.columns; i++)
        fprintf(p->out, p->unicode ? "\xe2\x94\x80" : "-");
    fputc('\n', p->out);
    int at = 0;
    for (int i = 0; i < c->x_ticks.n; i++) {
        int width = (int)strlen(c->x_ticks.text[i]);
        int place = (int)(scale_at(&c->x, c->x_ticks.at[i]) * c->canvas.columns / term_width(&c->canvas));
        int start = c->left + 1 + place - width / 2;
        start = start + width > p->columns ? p->columns - width : start;
        if (start < at + (at > 0))
            continue;
        put_blanks(p, start - at);
        fprintf(p->out, "%s", c->x_ticks.text[i]);
        at = start + width;
    }
    fputc('\n', p->out);
    if (l->x.label != NULL) {
        put_blanks(p, c->left + 1 + (c->canvas.columns - shown(l->x.label, c->canvas.columns)) / 2);
        put_cut(p, l->x.label, c->canvas.columns);
        fputc('\n', p->out);
    }
}

static void put_legend(const chart *c, printer *p, const lines *l)
{
    int at = 0, ink = 0;
    for (int i = 0; i < l->n_series; i++) {
        ink += is_shown(l, i);
        if (!is_shown(l, i) || l->series[i].name == NULL)
            continue;
        int width = shown(l->series[i].name, p->columns - c->left - 5) + 4;
        bool first = at == 0 || at + width > p->columns;
        if (first) {
            fprintf(p->out, "%s", at > 0 ? "\n" : "");
            at = c->left + 1;
        }
        put_blanks(p, first ? at : 2);
        term_print_ink(&c->canvas, (unsigned char)(1 + (ink - 1) % 255), p->out);
        fputc(' ', p->out);
        put_cut(p, l->series[i].name, width - 4);
        at += width;
    }
    if (at > 0)
        fputc('\n', p->out);
}

static socle_status print_lines(printer *p, const panel *l)
{
    chart c = { .left = 0 };
    layout(&c, l, p);
    c.canvas.dot = socle_mem_zeroed(term_dots(&c.canvas), 1);
    if (c.canvas.dot == NULL)
        return SOCLE_ERR_NOMEM;
    socle_status s = SOCLE_OK;
    for (int i = 0, ink = 0; i < l->lines.n_series && s == SOCLE_OK; i++)
        if (is_shown(&l->lines, i))
            s = draw_series(&c, &l->lines.series[i], (unsigned char)(1 + ink++ % 255));
    for (int row = 0; row < c.canvas.rows && s == SOCLE_OK; row++) {
        fprintf(p->out, "%*s", c.left, row_label(&c, row));
        fprintf(p->out, p->unicode ? "\xe2\x94\x82" : "|");
        term_print_row(&c.canvas, row, p->out);
        fputc('\n', p->out);
    }
    if (s == SOCLE_OK) {
        put_x_axis(&c, p, l);
        put_legend(&c, p, &l->lines);
    }
    socle_mem_free(c.canvas.dot);
    return s;
}

/* ---- heat maps and images ---- */

static void put_shade(printer *p, double share)
{
    static const char *const blocks[] = { " ", "\xe2\x96\x91", "\xe2\x96\x92", "\xe2\x96\x93", "\xe2\x96\x88" };
    static const char ramp[] = " .:-=+*#%@";
    if (isnan(share))
        fputc(' ', p->out);
    else if (p->unicode)
        fprintf(p->out, "%s", blocks[(int)fmin(share * 5, 4)]);
    else
        fputc(ramp[(int)fmin(share * 10, 9)], p->out);
}

/* A character is about twice as high as it is wide. */
static void print_raster(printer *p, const panel *l)
{
    const raster *r = &l->raster;
    int columns = p->columns, rows = RASTER_ROWS;
    if (l->kind == PANEL_IMAGE) {
        columns = (int)fmin(fmax(1, 2.0 * rows * (double)r->columns / (double)r->rows), p->columns);
        rows = (int)fmax(1, round(columns / 2.0 * (double)r->rows / (double)r->columns));
    } else if (r->rows < RASTER_ROWS) {
        rows = (int)r->rows;
    }
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            double share = 0;
            for (size_t k = 0; k < r->channels; k++)
                share +=
                    raster_share(r, k, (size_t)rows, (size_t)columns, (size_t)i, (size_t)j) / (double)r->channels;
            put_shade(p, share);
        }
        fputc('\n', p->out);
    }
}

/* ---- matrices ---- */

static void print_matrix(printer *p, const panel *l)
{
    const matrix *m = &l->matrix;
    int names = 0, cell = 3;
    for (int i = 0; i < m->rows; i++)
        names = (int)fmax(names, shown(m->row_name[i], NAME_MOST));
    for (int i = 0; i < m->rows * m->columns; i++)
        cell = (int)fmax(cell, snprintf(NULL, 0, "%" PRId64, m->count[i]));
    int room = (p->columns - names) / m->columns - 1; /* for the columns' names */
    for (int i = 0; i < m->columns; i++)
        cell = (int)fmax(cell, fmin(room, shown(m->column_name[i], NAME_MOST)));
    put_blanks(p, names);
    for (int i = 0; i < m->columns; i++) {
        put_blanks(p, 1 + cell - shown(m->column_name[i], cell));
        put_cut(p, m->column_name[i], cell);
    }
    fputc('\n', p->out);
    for (int row = 0; row < m->rows; row++) {
        put_blanks(p, names - shown(m->row_name[row], NAME_MOST));
        put_cut(p, m->row_name[row], NAME_MOST);
        for (int i = 0; i < m->columns; i++)
            fprintf(p->out, " %*" PRId64, cell, m->count[row * m->columns + i]);
        fputc('\n', p->out);
    }
}

/* ---- the figure ---- */

static void put_title(printer *p, const char *title)
{
    if (title == NULL)
        return;
    put_blanks(p, (p->columns - shown(title, p->columns)) / 2);
    put_cut(p, title, p->columns);
    fputc('\n', p->out);
}

static socle_status print_panel(printer *p, const panel *l)
{
    put_title(p, l->title);
    switch (l->kind) {
    case PANEL_LINES:
        return print_lines(p, l);
    case PANEL_HEATMAP:
    case PANEL_IMAGE:
        print_raster(p, l);
        break;
    case PANEL_MATRIX:
        print_matrix(p, l);
        break;
    }
    return SOCLE_OK;
}

socle_status socle_figure_print(const socle_figure *f, FILE *out, socle_print_desc o)
{
    SOCLE_TRY(figure_check(f));
    SOCLE_CHECK(out != NULL, SOCLE_ERR_ARG, "figure: nowhere to print to");
    SOCLE_CHECK(o.columns == 0 || (o.columns >= COLUMNS_LEAST && o.columns <= COLUMNS_MOST), SOCLE_ERR_ARG,
                "figure: %d columns to print in, %d to %d are possible", o.columns, COLUMNS_LEAST, COLUMNS_MOST);
    errno = 0;
    printer p = { out, o.columns ? o.columns : COLUMNS_USUAL, o.unicode, o.color };
    put_title(&p, f->title);
    for (size_t i = 0; i < f->n; i++)
        SOCLE_TRY(print_panel(&p, &f->panel[i]));
    SOCLE_CHECK(fflush(out) == 0 && !ferror(out), SOCLE_ERR_IO, "figure: cannot print: %s", strerror(errno));
    return SOCLE_OK;
}

#include "legend.h"

#include <math.h>
#include <stdio.h>

enum { ROW = 18, SWATCH = 20, GAP = 6, PAD = 6 };

/* Series share colours with the faint one before them; after the last colour they start again, dashed. */
static int number(const lines *l, int i)
{
    int n = 0;
    for (int k = 0; k < i; k++)
        n += l->series[k].style != SOCLE_FAINT || k + 1 == l->n_series;
    return n;
}

color legend_color(canvas *c, const lines *l, int i)
{
    color own = c->theme->series[number(l, i) % THEME_SERIES];
    return l->series[i].style == SOCLE_FAINT ? color_mix(own, c->theme->paper, 0.6) : own;
}

void legend_dash(canvas *c, const lines *l, int i)
{
    static const double dash[3][4] = { { 6, 3 }, { 2, 2 }, { 8, 3, 2, 3 } };
    int round = number(l, i) / THEME_SERIES;
    if (round == 0)
        cairo_set_dash(c->cr, NULL, 0, 0);
    else
        cairo_set_dash(c->cr, dash[(round - 1) % 3], (round - 1) % 3 == 2 ? 4 : 2, 0);
}

legend legend_make(canvas *c, const lines *l, double most_width, double most_height)
{
    legend g = { .lines = l };
    double names = 0;
    for (int i = 0; i < l->n_series; i++) {
        if (l->series[i].name == NULL)
            continue;
        g.entries++;
        names = fmax(names, draw_text_width(c, l->series[i].name, TEXT_TICK, false));
    }
    int rows = (int)((most_height - 2 * PAD) / ROW);
    if (g.entries == 0 || rows < 1)
        return (legend){ 0 };
    g.shown = g.entries <= rows ? g.entries : rows - 1;
    g.width = ceil(fmin(2 * PAD + SWATCH + GAP + names, most_width));
    g.height = 2 * PAD + ROW * (g.entries <= rows ? g.entries : rows);
    return g;
}

static void swatch(canvas *c, const lines *l, int i, double x, double y)
{
    const series *s = &l->series[i];
    draw_color(c, legend_color(c, l, i));
    if (s->style != SOCLE_POINTS) {
        legend_dash(c, l, i);
        cairo_set_line_width(c->cr, 2);
        cairo_move_to(c->cr, x, y);
        cairo_line_to(c->cr, x + SWATCH, y);
        cairo_stroke(c->cr);
        cairo_set_dash(c->cr, NULL, 0, 0);
    }
    if (s->style == SOCLE_POINTS || s->style == SOCLE_LINE_POINTS)
        draw_dot(c, x + SWATCH / 2.0, y, 3);
}

void legend_draw(canvas *c, const legend *l, double x, double y)
{
    if (l->width <= 0)
        return;
    draw_color(c, c->theme->paper);
    cairo_rectangle(c->cr, x, y, l->width, l->height);
    cairo_fill_preserve(c->cr);
    draw_color(c, c->theme->grid);
    cairo_set_line_width(c->cr, 1);
    cairo_stroke(c->cr);
    text_style style = { .size = TEXT_TICK, .color = c->theme->ink };
    double text_x = x + PAD + SWATCH + GAP, most = l->width - 2 * PAD - SWATCH - GAP + 0.5,
           at = y + PAD + ROW / 2.0;
    for (int i = 0, shown = 0; i < l->lines->n_series && shown < l->shown; i++) {
        if (l->lines->series[i].name == NULL)
            continue;
        swatch(c, l->lines, i, x + PAD, at);
        draw_text(c, l->lines->series[i].name, text_x, at, most, style);
        at += ROW;
        shown++;
    }
    if (l->shown < l->entries) {
        char rest[32];
        snprintf(rest, sizeof rest, "%d more", l->entries - l->shown);
        draw_text(c, rest, text_x, at, most, style);
    }
}

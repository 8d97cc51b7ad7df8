#include "draw.h"

#include <math.h>

void draw_color(canvas *c, color k)
{
    cairo_set_source_rgb(c->cr, k.r, k.g, k.b);
}

void draw_rule(canvas *c, double x0, double y0, double x1, double y1, double width, color k)
{
    /* pixels are crisp where a line's edges lie between them */
    double shift = fmod(width, 2) / 2;
    draw_color(c, k);
    cairo_set_line_width(c->cr, width);
    if (x0 == x1)
        x0 = x1 = floor(x0) + shift;
    else
        y0 = y1 = floor(y0) + shift;
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    cairo_stroke(c->cr);
}

void draw_dot(canvas *c, double x, double y, double radius)
{
    static const double turn = 6.283185307179586;
    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, x, y, radius, 0, turn);
    cairo_fill(c->cr);
}

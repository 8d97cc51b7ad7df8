/* Title, axis labels, ticks and grid around a rectangle of data. */
#include <math.h>
#include "draw.h"

enum {
    GAP = 6,         /* between neighbours */
    TICK_LENGTH = 4, /* of the marks outside the axis */
    LINE = 16,       /* height of a line of small text */
    TITLE_LINE = 22,
    X_SPACING = 72, /* pixels a tick wants along x and y, at least */
    Y_SPACING = 40
};

static double widest(canvas *c, const ticks *t)
{
    double most = 0;
    for (int i = 0; i < t->n; i++)
        most = fmax(most, draw_text_width(c, t->text[i], TEXT_TICK, false));
    return most;
}

/* Do labels side by side keep a gap? */
static bool apart(canvas *c, const ticks *t, const scale *s)
{
    double end = -INFINITY;
    for (int i = 0; i < t->n; i++) {
        double width = draw_text_width(c, t->text[i], TEXT_TICK, false), at = scale_at(s, t->at[i]);
        if (at - width / 2 < end + 2 * GAP)
            return false;
        end = at + width / 2;
    }
    return true;
}

static void make_x_ticks(canvas *c, axes *a, bool whole)
{
    int most = (int)(a->inside.width / X_SPACING) + 1;
    do
        ticks_make(&a->x_ticks, &a->x, whole, most);
    while (--most >= 2 && !apart(c, &a->x_ticks, &a->x));
    if (!apart(c, &a->x_ticks, &a->x))
        a->x_ticks.n = 1; /* a very narrow panel */
}

void axes_layout(canvas *c, axes *a, const panel *p, box place, double right)
{
    double top = place.y + (p->title != NULL ? TITLE_LINE : GAP) + GAP / 2.0;
    double bottom = place.y + place.height - LINE - TICK_LENGTH - (p->x.label != NULL ? LINE + GAP / 2.0 : 0);
    double height = fmax(bottom - top, 1);
    a->y.from = a->downwards ? top : bottom;
    a->y.to = a->downwards ? bottom : top;
    ticks_make(&a->y_ticks, &a->y, p->y.whole, (int)(height / Y_SPACING) + 1);
    double left =
        place.x + (p->y.label != NULL ? LINE + GAP / 2.0 : 0) + widest(c, &a->y_ticks) + TICK_LENGTH + GAP;
    double end = place.x + place.width - right - GAP;
    a->inside = (box){ left, top, fmax(end - left, 1), height };
    a->x.from = left;
    a->x.to = left + a->inside.width;
    make_x_ticks(c, a, p->x.whole);
    /* the last label may stand out over the end of the axis */
    if (a->x_ticks.n > 0) {
        int last = a->x_ticks.n - 1;
        double over = scale_at(&a->x, a->x_ticks.at[last]) +
                      draw_text_width(c, a->x_ticks.text[last], TEXT_TICK, false) / 2 -
                      (place.x + place.width - right);
        if (over > 0) {
            a->inside.width = fmax(a->inside.width - over, 1);
            a->x.to = left + a->inside.width;
            make_x_ticks(c, a, p->x.whole);
        }
    }
    a->inside.width = floor(a->inside.width);
    a->inside.x = round(a->inside.x);
    a->x.from = a->inside.x;
    a->x.to = a->inside.x + a->inside.width;
}

static void draw_x_ticks(canvas *c, const axes *a, double y, bool grid)
{
    for (int i = 0; i < a->x_ticks.n; i++) {
        double x = scale_at(&a->x, a->x_ticks.at[i]);
        if (grid)
            draw_rule(c, x, a->inside.y, x, y, 1, c->theme->grid);
        draw_rule(c, x, y, x, y + TICK_LENGTH, 1, c->theme->soft);
        draw_text(c, a->x_ticks.text[i], x, y + TICK_LENGTH + LINE / 2.0, INFINITY,
                  (text_style){ .size = TEXT_TICK, .color = c->theme->soft, .align = 0.5 });
    }
    for (int i = 0; i < a->x_ticks.n_minor; i++) {
        double x = scale_at(&a->x, a->x_ticks.minor[i]);
        draw_rule(c, x, y, x, y + TICK_LENGTH / 2.0, 1, c->theme->soft);
    }
}

static void draw_y_ticks(canvas *c, const axes *a, bool grid)
{
    double x = a->inside.x;
    for (int i = 0; i < a->y_ticks.n; i++) {
        double y = scale_at(&a->y, a->y_ticks.at[i]);
        if (grid)
            draw_rule(c, x, y, x + a->inside.width, y, 1, c->theme->grid);
        draw_rule(c, x - TICK_LENGTH, y, x, y, 1, c->theme->soft);
        draw_text(c, a->y_ticks.text[i], x - TICK_LENGTH - GAP / 2.0, y, INFINITY,
                  (text_style){ .size = TEXT_TICK, .color = c->theme->soft, .align = 1 });
    }
    for (int i = 0; i < a->y_ticks.n_minor; i++) {
        double y = scale_at(&a->y, a->y_ticks.minor[i]);
        draw_rule(c, x - TICK_LENGTH / 2.0, y, x, y, 1, c->theme->soft);
    }
}

void axes_draw(canvas *c, const axes *a, const panel *p, box place, bool grid)
{
    double bottom = a->inside.y + a->inside.height, middle = a->inside.x + a->inside.width / 2;
    draw_x_ticks(c, a, bottom, grid);
    draw_y_ticks(c, a, grid);
    draw_rule(c, a->inside.x, a->inside.y, a->inside.x, bottom, 1, c->theme->soft);
    draw_rule(c, a->inside.x, bottom, a->inside.x + a->inside.width, bottom, 1, c->theme->soft);
    text_style label = { .size = TEXT_LABEL, .color = c->theme->soft, .align = 0.5 };
    draw_text(c, p->x.label, middle, place.y + place.height - LINE / 2.0, a->inside.width, label);
    label.upright = true;
    draw_text(c, p->y.label, place.x + LINE / 2.0, a->inside.y + a->inside.height / 2, a->inside.height, label);
    draw_title(c, p->title, middle, place.y + TITLE_LINE / 2.0, place);
}

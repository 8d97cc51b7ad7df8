/* A panel of lines. The legend goes to the corner where there is no data; where every corner has some, the data moves
 * to the left and the legend stands beside it. */
#include <math.h>
#include <socle/sys/memory.h>
#include "draw.h"
#include "legend.h"

enum {
    INSET = 8,          /* pixels between legend and axes */
    LEGEND_LEAST = 240, /* pixels of a panel that has room for a legend */
    LABEL_LINE = 16,
    CORNERS = 4,
    MANY_POINTS = 60, /* get smaller markers */
    FEW_SERIES = 4    /* get thicker lines */
};

/* ---- the legend's place ---- */

typedef struct corners {
    box box[CORNERS];
    size_t hits[CORNERS];
} corners;

static void count_hit(corners *k, double x, double y)
{
    for (int i = 0; i < CORNERS; i++)
        k->hits[i] += x > k->box[i].x - INSET / 2.0 && x < k->box[i].x + k->box[i].width + INSET / 2.0 &&
                      y > k->box[i].y - INSET / 2.0 && y < k->box[i].y + k->box[i].height + INSET / 2.0;
}

/* Samples of the line every few pixels. */
static void count_path(corners *k, const point *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i].x))
            continue;
        count_hit(k, p[i].x, p[i].y);
        if (i + 1 == n || isnan(p[i + 1].x))
            continue;
        double dx = p[i + 1].x - p[i].x, dy = p[i + 1].y - p[i].y;
        int steps = (int)(hypot(dx, dy) / 3);
        for (int s = 1; s < steps; s++)
            count_hit(k, p[i].x + dx * s / steps, p[i].y + dy * s / steps);
    }
}

/* The series in pixels; free it. Without memory it is NULL, of no points. */
static point *trace(canvas *c, const axes *a, const series *s, size_t *n)
{
    point *p = socle_mem_zeroed(s->n, sizeof *p);
    if (p == NULL) {
        c->status = SOCLE_ERR_NOMEM;
        *n = 0;
        return NULL;
    }
    *n = scale_thin(p, s, &a->x, &a->y);
    return p;
}

/* ---- marks ---- */

static double label_width(canvas *c, const axes *a, const mark *m)
{
    return fmin(draw_text_width(c, m->label, TEXT_TICK, false), fmax(a->inside.width - 8, 0));
}

/* Where the label of the panel's i-th mark starts; labels of neighbours stand on lines of their own. */
static point label_place(canvas *c, const axes *a, const lines *l, int i)
{
    const mark *m = &l->marks[i];
    double width = label_width(c, a, m), right = a->inside.x + a->inside.width;
    if (m->horizontal) {
        double y = scale_at(&a->y, m->at);
        return (point){ right - width - 4,
                        y - LABEL_LINE > a->inside.y ? y - LABEL_LINE / 2.0 : y + LABEL_LINE / 2.0 };
    }
    double at = scale_at(&a->x, m->at), x = at + 5 + width <= right ? at + 5 : at - 5 - width;
    int line = 0;
    for (int k = 0; k < i; k++)
        line += !l->marks[k].horizontal;
    return (point){ fmax(x, a->inside.x + 4), a->inside.y + LABEL_LINE * (line % 4 + 0.5) };
}

static bool on_axis(const scale *s, double v)
{
    return scale_has(s, v) && v >= s->low && v <= s->high;
}

static void count_labels(canvas *c, corners *k, const axes *a, const lines *l)
{
    for (int i = 0; i < l->n_marks; i++) {
        if (l->marks[i].label == NULL)
            continue;
        point at = label_place(c, a, l, i);
        double width = label_width(c, a, &l->marks[i]);
        for (double x = 0; x <= width; x += 4)
            count_hit(k, at.x + x, at.y);
    }
}

static void draw_marks(canvas *c, const axes *a, const lines *l)
{
    static const double dash[] = { 5, 4 };
    const box *in = &a->inside;
    cairo_set_dash(c->cr, dash, 2, 0);
    for (int i = 0; i < l->n_marks; i++) {
        const mark *m = &l->marks[i];
        double at = m->horizontal ? scale_at(&a->y, m->at) : scale_at(&a->x, m->at);
        if (!on_axis(m->horizontal ? &a->y : &a->x, m->at))
            continue;
        if (m->horizontal)
            draw_rule(c, in->x, at, in->x + in->width, at, 1, c->theme->soft);
        else
            draw_rule(c, at, in->y, at, in->y + in->height, 1, c->theme->soft);
    }
    cairo_set_dash(c->cr, NULL, 0, 0);
}

static void draw_mark_labels(canvas *c, const axes *a, const lines *l)
{
    for (int i = 0; i < l->n_marks; i++) {
        const mark *m = &l->marks[i];
        if (m->label == NULL || !on_axis(m->horizontal ? &a->y : &a->x, m->at))
            continue;
        point at = label_place(c, a, l, i);
        double width = label_width(c, a, m);
        const color *paper = &c->theme->paper;
        cairo_set_source_rgba(c->cr, paper->r, paper->g, paper->b, 0.7); /* data below stays visible */
        cairo_rectangle(c->cr, at.x - 2, at.y - LABEL_LINE / 2.0 + 1, width + 4, LABEL_LINE - 2);
        cairo_fill(c->cr);
        draw_text(c, m->label, at.x, at.y, width + 0.5, (text_style){ .size = TEXT_TICK, .color = c->theme->ink });
    }
}

/* ---- series ---- */

static void draw_points(canvas *c, const axes *a, const series *s)
{
    double radius = s->n > MANY_POINTS ? 2 : 3;
    point before = { -INFINITY, -INFINITY };
    for (size_t i = 0; i < s->n; i++) {
        if (!on_axis(&a->x, series_x(s, i)) || !on_axis(&a->y, (double)s->y[i]))
            continue;
        point at = { scale_at(&a->x, series_x(s, i)), scale_at(&a->y, (double)s->y[i]) };
        if (hypot(at.x - before.x, at.y - before.y) < 0.5)
            continue; /* one on the other: a million of them are one marker, and a small file */
        draw_dot(c, at.x, at.y, radius);
        before = at;
    }
}

static void draw_path(canvas *c, const point *p, size_t n, double width)
{
    cairo_set_line_width(c->cr, width);
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i].x))
            continue;
        if (i > 0 && !isnan(p[i - 1].x)) {
            cairo_line_to(c->cr, p[i].x, p[i].y);
        } else if (i + 1 < n && !isnan(p[i + 1].x)) {
            cairo_move_to(c->cr, p[i].x, p[i].y);
        } else { /* alone between two breaks */
            cairo_stroke(c->cr);
            draw_dot(c, p[i].x, p[i].y, width);
        }
    }
    cairo_stroke(c->cr);
}

static void draw_series(canvas *c, const axes *a, const lines *l, int i)
{
    const series *s = &l->series[i];
    draw_color(c, legend_color(c, l, i));
    if (s->style != SOCLE_POINTS) {
        size_t n;
        point *p = trace(c, a, s, &n);
        legend_dash(c, l, i);
        draw_path(c, p, n, s->style == SOCLE_FAINT ? 1 : l->n_series <= FEW_SERIES ? 2 : 1.5);
        cairo_set_dash(c->cr, NULL, 0, 0);
        socle_mem_free(p);
    }
    if (s->style == SOCLE_POINTS || s->style == SOCLE_LINE_POINTS)
        draw_points(c, a, s);
}

static void draw_data(canvas *c, const axes *a, const lines *l)
{
    cairo_save(c->cr);
    cairo_rectangle(c->cr, a->inside.x - 3, a->inside.y - 3, a->inside.width + 6, a->inside.height + 6);
    cairo_clip(c->cr);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < l->n_series; i++)
        if (l->series[i].style == SOCLE_FAINT)
            draw_series(c, a, l, i);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_BUTT);
    draw_marks(c, a, l);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < l->n_series; i++)
        if (l->series[i].style != SOCLE_FAINT)
            draw_series(c, a, l, i);
    cairo_restore(c->cr);
}

/* The emptiest corner inside. */
static box legend_corner(canvas *c, const axes *a, const lines *l, const legend *g, size_t *hits)
{
    corners k = { .hits = { 0 } };
    for (int i = 0; i < CORNERS; i++) /* right first, top first */
        k.box[i] = (box){ i % 2 == 0 ? a->inside.x + a->inside.width - g->width - INSET : a->inside.x + INSET,
                          i / 2 == 0 ? a->inside.y + INSET : a->inside.y + a->inside.height - g->height - INSET,
                          g->width, g->height };
    for (int i = 0; i < l->n_series; i++) {
        size_t n;
        point *p = trace(c, a, &l->series[i], &n);
        count_path(&k, p, n);
        socle_mem_free(p);
    }
    count_labels(c, &k, a, l);
    int best = 0;
    for (int i = 1; i < CORNERS; i++)
        if (k.hits[i] < k.hits[best])
            best = i;
    *hits = k.hits[best];
    return k.box[best];
}

void draw_lines(canvas *c, const panel *p, box place)
{
    const lines *l = &p->lines;
    axes a = { 0 };
    size_t hits = 0;
    bool any = scale_find(&a.x, p, false, 0.02);
    any = scale_find(&a.y, p, true, 0.06) && any;
    axes_layout(c, &a, p, place, 0);
    legend g = { 0 };
    if (place.width >= LEGEND_LEAST)
        g = legend_make(c, l, a.inside.width * 0.6, a.inside.height - 2 * INSET);
    box at = { 0 };
    if (g.width > 0)
        at = legend_corner(c, &a, l, &g, &hits);
    if (hits > 0) {
        g = legend_make(c, l, place.width / 3, a.inside.height);
        axes_layout(c, &a, p, place, g.width + INSET);
        at = (box){ place.x + place.width - g.width - 1, a.inside.y, g.width, g.height };
    }
    axes_draw(c, &a, p, place, true);
    draw_data(c, &a, l);
    draw_mark_labels(c, &a, l);
    legend_draw(c, &g, at.x, at.y);
    if (!any)
        draw_text(c, "no data", a.inside.x + a.inside.width / 2, a.inside.y + a.inside.height / 2, a.inside.width,
                  (text_style){ .size = TEXT_LABEL, .color = c->theme->soft, .align = 0.5 });
}

/* Heat maps and images. Both are enlarged or shrunk here, to whole pixels: viewers of SVG files would smooth them. */
#include <math.h>
#include <stdint.h>
#include "draw.h"
#include "plot/raster.h"

enum { BAR = 12, BAR_GAP = 10, BAR_TICK = 4, TITLE_LINE = 20 };

typedef color (*shade)(const canvas *c, const raster *r, int rows, int columns, int i, int j);

/* rows x columns pixels at (x, y), each as the function says. */
static void draw_pixels(canvas *c, const raster *r, shade of, double x, double y, int rows, int columns)
{
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
    unsigned char *data = cairo_image_surface_get_data(s);
    int stride = cairo_image_surface_get_stride(s);
    cairo_surface_flush(s);
    for (int i = 0; data != NULL && i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            color k = of(c, r, rows, columns, i, j);
            uint32_t *pixel = (uint32_t *)(void *)(data + (ptrdiff_t)i * stride) + j;
            *pixel =
                (uint32_t)lround(k.r * 255) << 16 | (uint32_t)lround(k.g * 255) << 8 | (uint32_t)lround(k.b * 255);
        }
    }
    cairo_surface_mark_dirty(s);
    cairo_set_source_surface(c->cr, s, x, y); /* a surface without memory hands its error on */
    cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_NEAREST);
    cairo_rectangle(c->cr, x, y, columns, rows);
    cairo_fill(c->cr);
    cairo_surface_destroy(s);
}

/* ---- heat maps ---- */

static color shade_heat(const canvas *c, const raster *r, int rows, int columns, int i, int j)
{
    double v = raster_share(r, 0, (size_t)rows, (size_t)columns, (size_t)i, (size_t)j);
    return isnan(v) ? c->theme->paper : theme_map(v);
}

static color shade_bar(const canvas *c, const raster *r, int rows, int columns, int i, int j)
{
    (void)c, (void)r, (void)columns, (void)j;
    return theme_map(1 - (i + 0.5) / rows);
}

static void draw_bar(canvas *c, const raster *r, const ticks *t, const scale *s, double x)
{
    draw_pixels(c, r, shade_bar, x, s->to, (int)(s->from - s->to), BAR);
    for (int i = 0; i < t->n; i++) {
        double y = scale_at(s, t->at[i]);
        draw_rule(c, x + BAR, y, x + BAR + BAR_TICK, y, 1, c->theme->soft);
        draw_text(c, t->text[i], x + BAR + BAR_TICK + 3, y, INFINITY,
                  (text_style){ .size = TEXT_TICK, .color = c->theme->soft });
    }
}

/* The bar's ticks, and the width of all of it. */
static double bar_layout(canvas *c, const raster *r, ticks *t, scale *s, double height)
{
    double text = 0;
    *s = (scale){ .low = r->low, .high = r->high };
    ticks_make(t, s, false, height > 160 ? 6 : 4);
    for (int i = 0; i < t->n; i++)
        text = fmax(text, draw_text_width(c, t->text[i], TEXT_TICK, false));
    return BAR_GAP + BAR + BAR_TICK + 3 + text;
}

void draw_heatmap(canvas *c, const panel *p, box place)
{
    axes a = { .x = { .low = p->x.low, .high = p->x.high },
               .y = { .low = p->y.low, .high = p->y.high },
               .downwards = !p->raster.origin_low };
    ticks t;
    scale s;
    double bar = p->raster.bar ? bar_layout(c, &p->raster, &t, &s, place.height) : 0;
    axes_layout(c, &a, p, place, bar);
    int rows = (int)a.inside.height, columns = (int)a.inside.width;
    draw_pixels(c, &p->raster, shade_heat, a.inside.x, round(a.inside.y), rows, columns);
    axes_draw(c, &a, p, place, false);
    if (p->raster.bar) {
        s.from = a.inside.y + a.inside.height;
        s.to = a.inside.y;
        draw_bar(c, &p->raster, &t, &s, a.inside.x + a.inside.width + BAR_GAP);
    }
}

/* ---- images ---- */

static color shade_image(const canvas *c, const raster *r, int rows, int columns, int i, int j)
{
    double v[3] = { 0 };
    for (size_t k = 0; k < r->channels; k++) {
        v[k] = raster_share(r, k, (size_t)rows, (size_t)columns, (size_t)i, (size_t)j);
        if (isnan(v[k]))
            return c->theme->paper;
    }
    return r->channels == 3 ? (color){ v[0], v[1], v[2] } : (color){ v[0], v[0], v[0] };
}

void draw_image(canvas *c, const panel *p, box place)
{
    double title = p->title != NULL ? TITLE_LINE : 0, w = (double)p->raster.columns, h = (double)p->raster.rows;
    double times = fmin(place.width / w, (place.height - title) / h);
    times = times >= 1 ? floor(times) : times;
    int columns = (int)fmax(1, w * times), rows = (int)fmax(1, h * times);
    double x = round(place.x + (place.width - columns) / 2), y = round(place.y + title);
    draw_text(c, p->title, place.x + place.width / 2, place.y + title / 2 - 1, place.width + 6,
              (text_style){ .size = TEXT_LABEL, .color = c->theme->ink, .align = 0.5 });
    draw_pixels(c, &p->raster, shade_image, x, y, rows, columns);
}

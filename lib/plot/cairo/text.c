/* Text by cairo's simple interface: whatever sans-serif font there is, cairo's own outlines where there is none. */
#include <math.h>
#include <string.h>
#include <socle/sys/memory.h>
#include "draw.h"
#include "plot/text.h"

static void set_font(canvas *c, double size, bool bold)
{
    cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cr, size);
}

double draw_text_width(canvas *c, const char *text, double size, bool bold)
{
    cairo_text_extents_t e = { 0 };
    if (text == NULL)
        return 0;
    set_font(c, size, bold);
    cairo_text_extents(c->cr, text, &e);
    return e.x_advance;
}

/* Takes characters from the end until the text and an ellipsis fit. Returns whether any is left. */
static bool shorten(canvas *c, char *text, size_t length, double most)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    cairo_text_extents_t e = { 0 };
    do {
        do
            length--;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80);
        memcpy(text + length, ellipsis, sizeof ellipsis);
        cairo_text_extents(c->cr, text, &e);
    } while (length > 0 && e.x_advance > most);
    return length > 0;
}

static void show(canvas *c, const char *text, double x, double y, text_style s)
{
    cairo_font_extents_t font = { 0 };
    cairo_text_extents_t e = { 0 };
    cairo_font_extents(c->cr, &font);
    cairo_text_extents(c->cr, text, &e);
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    if (s.upright) {
        cairo_matrix_t quarter;
        cairo_matrix_init(&quarter, 0, -1, 1, 0, 0, 0);
        cairo_transform(c->cr, &quarter);
    }
    draw_color(c, s.color);
    cairo_move_to(c->cr, round(-s.align * e.x_advance), round((font.ascent - font.descent) / 2));
    cairo_show_text(c->cr, text);
    cairo_restore(c->cr);
}

void draw_text(canvas *c, const char *text, double x, double y, double most, text_style s)
{
    if (text == NULL || text[0] == '\0' || most <= 0)
        return;
    if (draw_text_width(c, text, s.size, s.bold) <= most) {
        show(c, text, x, y, s);
        return;
    }
    size_t length = strlen(text);
    char *cut = socle_mem_alloc(length + 4);
    if (cut == NULL) {
        c->status = SOCLE_ERR_NOMEM;
        return;
    }
    memcpy(cut, text, length + 1);
    if (shorten(c, cut, length, most))
        show(c, cut, x, y, s);
    socle_mem_free(cut);
}

void draw_title(canvas *c, const char *text, double x, double y, box place)
{
    double half = fmin(draw_text_width(c, text, TEXT_TITLE, true), place.width) / 2;
    x = fmin(fmax(x, place.x + half), place.x + place.width - half);
    draw_text(c, text, x, y, place.width,
              (text_style){ .size = TEXT_TITLE, .color = c->theme->ink, .bold = true, .align = 0.5 });
}

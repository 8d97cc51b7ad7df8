/* Figures as PNG and SVG files. cairo keeps the first error of a surface or context; it is read once, at the end. */
#include <math.h>
#include <string.h>
#include <strings.h>
#include <cairo-svg.h>
#include "core/error.h"
#include "draw.h"
#include "io/file.h"

typedef struct sink {
    out_file file;
    socle_status status; /* of the first write that failed */
} sink;

static cairo_status_t put(void *user, const unsigned char *data, unsigned length)
{
    sink *s = user;
    if (s->status == SOCLE_OK)
        s->status = out_file_write(&s->file, data, length);
    return s->status == SOCLE_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* The failure that came first, in words. */
static socle_status outcome(const sink *s, const canvas *c, cairo_status_t cairo, const char *path)
{
    SOCLE_TRY(s->status);
    SOCLE_TRY(c->status);
    if (cairo == CAIRO_STATUS_SUCCESS)
        return SOCLE_OK;
    return socle_fail(cairo == CAIRO_STATUS_NO_MEMORY ? SOCLE_ERR_NOMEM : SOCLE_ERR_UNSUPPORTED,
                      "figure: '%s' cannot be drawn: %s", path, cairo_status_to_string(cairo));
}

static cairo_status_t draw(canvas *c, cairo_surface_t *surface, const socle_figure *f, double width, double height)
{
    c->cr = cairo_create(surface);
    page_draw(c, f, width, height);
    cairo_status_t s = cairo_status(c->cr);
    cairo_destroy(c->cr);
    return s;
}

static socle_status write_png(sink *s, const socle_figure *f, double width, double height)
{
    canvas c = { .theme = theme_of(f->theme) };
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    cairo_status_t cairo = draw(&c, surface, f, width, height);
    if (cairo == CAIRO_STATUS_SUCCESS && c.status == SOCLE_OK)
        cairo = cairo_surface_write_to_png_stream(surface, put, s);
    cairo_surface_destroy(surface);
    return outcome(s, &c, cairo, s->file.path);
}

static socle_status write_svg(sink *s, const socle_figure *f, double width, double height)
{
    canvas c = { .theme = theme_of(f->theme) };
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(put, s, width, height);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    cairo_status_t cairo = draw(&c, surface, f, width, height);
    cairo_surface_finish(surface);
    if (cairo == CAIRO_STATUS_SUCCESS)
        cairo = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return outcome(s, &c, cairo, s->file.path);
}

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && strcasecmp(path + n - k, ending) == 0;
}

socle_status socle_figure_write(const socle_figure *f, const char *path)
{
    SOCLE_TRY(figure_check(f));
    SOCLE_CHECK(path != NULL, SOCLE_ERR_ARG, "figure: no file is named");
    bool png = ends_in(path, ".png");
    SOCLE_CHECK(png || ends_in(path, ".svg"), SOCLE_ERR_ARG, "figure: '%s' ends in neither .png nor .svg", path);
    double width, height;
    page_size(f, &width, &height);
    sink s = { .status = SOCLE_OK };
    SOCLE_TRY(out_file_open(&s.file, path));
    socle_status status = png ? write_png(&s, f, width, height) : write_svg(&s, f, width, height);
    if (status == SOCLE_OK)
        return out_file_commit(&s.file);
    out_file_discard(&s.file);
    return status;
}

/* Filling a figure: what the caller gave is checked and copied. A panel is made whole before the figure gets it. */
#include "figure.h"

#include <math.h>
#include <string.h>
#include <socle/sys/memory.h>
#include "core/error.h"
#include "text.h"

static const double number_most = 1e300; /* differences are numbers still */
enum { SIZE_LEAST = 64, SIZE_MOST = 16384, GRID_MOST = 1000, MATRIX_MOST = 256 };

/* ---- life ---- */

static void free_names(char **name, int n)
{
    for (int i = 0; name != NULL && i < n; i++)
        socle_mem_free(name[i]);
    socle_mem_free(name);
}

static void free_panel(panel *p)
{
    socle_mem_free(p->title);
    socle_mem_free(p->x.label);
    socle_mem_free(p->y.label);
    for (int i = 0; i < p->lines.n_series; i++) {
        socle_mem_free(p->lines.series[i].name);
        socle_mem_free(p->lines.series[i].x);
        socle_mem_free(p->lines.series[i].y);
    }
    socle_mem_free(p->lines.series);
    for (int i = 0; i < p->lines.n_marks; i++)
        socle_mem_free(p->lines.marks[i].label);
    socle_mem_free(p->lines.marks);
    socle_mem_free(p->raster.value);
    socle_mem_free(p->matrix.count);
    free_names(p->matrix.row_name, p->matrix.rows);
    free_names(p->matrix.column_name, p->matrix.columns);
}

/* A name as it will be shown; NULL stays NULL. */
static socle_status copy_text(char **out, const char *text)
{
    if (text == NULL)
        return SOCLE_OK;
    *out = socle_mem_string(text);
    if (*out == NULL)
        return SOCLE_ERR_NOMEM;
    text_clean(*out);
    return SOCLE_OK;
}

socle_figure *socle_figure_new(socle_figure_desc o)
{
    bool sizes = (o.width == 0 || (o.width >= SIZE_LEAST && o.width <= SIZE_MOST)) &&
                 (o.height == 0 || (o.height >= SIZE_LEAST && o.height <= SIZE_MOST));
    if (!sizes) {
        (void)socle_fail(SOCLE_ERR_ARG, "figure: %d x %d pixels, each side is 0 or %d to %d", o.width, o.height,
                         SIZE_LEAST, SIZE_MOST);
        return NULL;
    }
    if (o.rows < 0 || o.columns < 0 || o.rows > GRID_MOST || o.columns > GRID_MOST) {
        (void)socle_fail(SOCLE_ERR_ARG, "figure: a grid of %d rows and %d columns, each is 0 to %d", o.rows,
                         o.columns, GRID_MOST);
        return NULL;
    }
    if (o.theme != SOCLE_THEME_LIGHT && o.theme != SOCLE_THEME_DARK) {
        (void)socle_fail(SOCLE_ERR_ARG, "figure: there is no theme %d", (int)o.theme);
        return NULL;
    }
    socle_figure *f = socle_mem_zeroed(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->width = o.width;
    f->height = o.height;
    f->rows = o.rows;
    f->columns = o.columns;
    f->theme = o.theme;
    if (copy_text(&f->title, o.title) != SOCLE_OK) {
        socle_mem_free(f);
        return NULL;
    }
    return f;
}

void socle_figure_free(socle_figure *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n; i++)
        free_panel(&f->panel[i]);
    socle_mem_free(f->panel);
    socle_mem_free(f->title);
    socle_mem_free(f);
}

void figure_fail(socle_figure *f)
{
    if (f->status != SOCLE_OK)
        return;
    f->status = socle_error_status();
    snprintf(f->why, sizeof f->why, "%s", socle_error());
}

socle_status figure_check(const socle_figure *f)
{
    if (f == NULL)
        return socle_error_status() != SOCLE_OK ? socle_error_status()
                                                : socle_fail(SOCLE_ERR_ARG, "figure: none was given");
    SOCLE_CHECK(f->status == SOCLE_OK, f->status, "%s", f->why);
    SOCLE_CHECK(f->n > 0, SOCLE_ERR_ARG, "figure: it has no panel");
    return SOCLE_OK;
}

void figure_grid(const socle_figure *f, int *rows, int *columns)
{
    int n = (int)f->n;
    *rows = f->rows;
    *columns = f->columns;
    if (*rows == 0 && *columns == 0) {
        while ((*rows + 1) * (*rows + 1) <= n)
            ++*rows;
        *columns = (n + *rows - 1) / *rows;
    } else if (*rows == 0) {
        *rows = (n + *columns - 1) / *columns;
    } else if (*columns == 0) {
        *columns = (n + *rows - 1) / *rows;
    }
}

double series_x(const series *s, size_t i)
{
    return s->x != NULL ? (double)s->x[i] : (double)i;
}

/* ---- panels ---- */

/* The figure takes the panel if all is well, else it is freed and the figure has failed. */
static void add_panel(socle_figure *f, panel p, socle_status s)
{
    size_t most = (size_t)(f->rows ? f->rows : GRID_MOST) * (size_t)(f->columns ? f->columns : GRID_MOST);
    if (s == SOCLE_OK && f->n == most)
        s = socle_fail(SOCLE_ERR_ARG, "figure: its grid has no place for more than %zu panels", most);
    panel *grown = s == SOCLE_OK ? socle_mem_grow(f->panel, &f->cap, f->n + 1, sizeof p) : NULL;
    if (grown == NULL) {
        figure_fail(f);
        free_panel(&p);
        return;
    }
    f->panel = grown;
    f->panel[f->n++] = p;
}

static socle_status copy_values(void **out, const void *values, size_t n, size_t size)
{
    *out = socle_mem_zeroed(n, size);
    if (*out == NULL)
        return SOCLE_ERR_NOMEM;
    if (n > 0)
        memcpy(*out, values, n * size);
    return SOCLE_OK;
}

/* Both 0, or an interval that doubles can subtract and divide. */
static bool is_range(double low, double high)
{
    double size = fmax(fabs(low), fabs(high));
    return (low == 0 && high == 0) || (size < number_most && high - low > fmax(1e-12 * size, 1e-290));
}

static socle_status copy_axis(axis *out, socle_axis a, const char *name)
{
    SOCLE_CHECK(is_range(a.low, a.high), SOCLE_ERR_ARG, "figure: the %s axis from %g to %g", name, a.low, a.high);
    SOCLE_CHECK(!a.log || a.low > 0 || (a.low == 0 && a.high == 0), SOCLE_ERR_ARG,
                "figure: a logarithmic %s axis from %g", name, a.low);
    *out = (axis){ .log = a.log, .whole = a.whole, .low = a.low, .high = a.high };
    return copy_text(&out->label, a.label);
}

static socle_status copy_series(series *out, const socle_series *s)
{
    SOCLE_CHECK(s->y != NULL || s->n == 0, SOCLE_ERR_ARG, "figure: a series of %zu points without values", s->n);
    SOCLE_CHECK(s->style >= SOCLE_LINE && s->style <= SOCLE_FAINT, SOCLE_ERR_ARG, "figure: there is no style %d",
                (int)s->style);
    *out = (series){ .n = s->n, .style = s->style };
    SOCLE_TRY(copy_text(&out->name, s->name));
    void *y = NULL, *x = NULL;
    SOCLE_TRY(copy_values(&y, s->y, s->n, sizeof *s->y));
    out->y = y;
    if (s->x == NULL)
        return SOCLE_OK;
    SOCLE_TRY(copy_values(&x, s->x, s->n, sizeof *s->x));
    out->x = x;
    return SOCLE_OK;
}

static socle_status copy_mark(mark *out, const socle_mark *m)
{
    SOCLE_CHECK(fabs(m->at) < number_most, SOCLE_ERR_ARG, "figure: a mark at %g", m->at);
    *out = (mark){ .at = m->at, .horizontal = m->horizontal };
    return copy_text(&out->label, m->label);
}

static socle_status make_lines(panel *p, const socle_lines_desc *o)
{
    SOCLE_CHECK(o->n_series >= 0 && (o->series != NULL || o->n_series == 0), SOCLE_ERR_ARG,
                "figure: %d series at %p", o->n_series, (const void *)o->series);
    SOCLE_CHECK(o->n_marks >= 0 && (o->marks != NULL || o->n_marks == 0), SOCLE_ERR_ARG, "figure: %d marks at %p",
                o->n_marks, (const void *)o->marks);
    SOCLE_TRY(copy_text(&p->title, o->title));
    SOCLE_TRY(copy_axis(&p->x, o->x, "x"));
    SOCLE_TRY(copy_axis(&p->y, o->y, "y"));
    p->lines.series = socle_mem_zeroed((size_t)o->n_series, sizeof(series));
    p->lines.marks = socle_mem_zeroed((size_t)o->n_marks, sizeof(mark));
    if (p->lines.series == NULL || p->lines.marks == NULL)
        return SOCLE_ERR_NOMEM;
    p->lines.n_series = o->n_series;
    p->lines.n_marks = o->n_marks;
    for (int i = 0; i < o->n_series; i++)
        SOCLE_TRY(copy_series(&p->lines.series[i], &o->series[i]));
    for (int i = 0; i < o->n_marks; i++)
        SOCLE_TRY(copy_mark(&p->lines.marks[i], &o->marks[i]));
    return SOCLE_OK;
}

void socle_figure_lines(socle_figure *f, socle_lines_desc o)
{
    if (f == NULL || f->status != SOCLE_OK)
        return;
    panel p = { .kind = PANEL_LINES };
    socle_status s = make_lines(&p, &o);
    add_panel(f, p, s);
}

/* The range of the finite values where none was given; never empty. */
static void find_range(raster *r)
{
    if (r->low == 0 && r->high == 0) {
        r->low = INFINITY;
        r->high = -INFINITY;
        for (size_t i = 0; i < r->channels * r->rows * r->columns; i++) {
            if (isfinite(r->value[i])) {
                r->low = fmin(r->low, (double)r->value[i]);
                r->high = fmax(r->high, (double)r->value[i]);
            }
        }
    }
    if (r->low > r->high)
        r->low = r->high = 0;
    if (r->low == r->high)
        r->high = r->low + fmax(1, fabs(r->low)); /* one value: the darkest colour */
}

static socle_status make_raster(raster *r, const float *values, double low, double high)
{
    SOCLE_CHECK(values != NULL && r->rows > 0 && r->columns > 0, SOCLE_ERR_ARG,
                "figure: a raster of %zu x %zu values at %p", r->rows, r->columns, (const void *)values);
    SOCLE_CHECK(is_range(low, high), SOCLE_ERR_ARG, "figure: colours from %g to %g", low, high);
    SOCLE_CHECK(r->columns <= SIZE_MAX / r->rows / r->channels, SOCLE_ERR_NOMEM, "figure: %zu x %zu values",
                r->rows, r->columns);
    void *copy = NULL;
    SOCLE_TRY(copy_values(&copy, values, r->channels * r->rows * r->columns, sizeof *values));
    r->value = copy;
    r->low = low;
    r->high = high;
    find_range(r);
    return SOCLE_OK;
}

static socle_status make_heatmap(panel *p, const socle_heatmap_desc *o)
{
    SOCLE_CHECK(!o->x.log && !o->y.log, SOCLE_ERR_ARG, "figure: a heat map has no logarithmic axes");
    SOCLE_TRY(copy_text(&p->title, o->title));
    SOCLE_TRY(copy_axis(&p->x, o->x, "x"));
    SOCLE_TRY(copy_axis(&p->y, o->y, "y"));
    p->raster = (raster){
        .channels = 1, .rows = o->rows, .columns = o->columns, .origin_low = o->origin_low, .bar = !o->no_bar
    };
    SOCLE_TRY(make_raster(&p->raster, o->values, o->low, o->high));
    if (p->x.low == p->x.high)
        p->x.high = (double)o->columns;
    if (p->y.low == p->y.high)
        p->y.high = (double)o->rows;
    return SOCLE_OK;
}

void socle_figure_heatmap(socle_figure *f, socle_heatmap_desc o)
{
    if (f == NULL || f->status != SOCLE_OK)
        return;
    panel p = { .kind = PANEL_HEATMAP };
    socle_status s = make_heatmap(&p, &o);
    add_panel(f, p, s);
}

static socle_status make_image(panel *p, const socle_image_desc *o)
{
    SOCLE_CHECK((o->channels == 1 || o->channels == 3) && o->height > 0 && o->width > 0, SOCLE_ERR_ARG,
                "figure: an image of %d channels, %d x %d", o->channels, o->height, o->width);
    SOCLE_TRY(copy_text(&p->title, o->title));
    p->raster = (raster){ .channels = (size_t)o->channels, .rows = (size_t)o->height, .columns = (size_t)o->width };
    return make_raster(&p->raster, o->pixels, o->low, o->high);
}

void socle_figure_image(socle_figure *f, socle_image_desc o)
{
    if (f == NULL || f->status != SOCLE_OK)
        return;
    panel p = { .kind = PANEL_IMAGE };
    socle_status s = make_image(&p, &o);
    add_panel(f, p, s);
}

/* n names, given or the numbers; those made before a failure are in *out. */
static socle_status copy_names(char ***out, const char *const *name, int n)
{
    char **copy = socle_mem_zeroed((size_t)n, sizeof *copy);
    if (copy == NULL)
        return SOCLE_ERR_NOMEM;
    *out = copy;
    for (int i = 0; i < n; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        SOCLE_TRY(copy_text(&copy[i], name != NULL && name[i] != NULL ? name[i] : number));
    }
    return SOCLE_OK;
}

static socle_status make_matrix(panel *p, const socle_matrix_desc *o)
{
    SOCLE_CHECK(o->rows > 0 && o->columns > 0 && o->rows <= MATRIX_MOST && o->columns <= MATRIX_MOST, SOCLE_ERR_ARG,
                "figure: a matrix of %d x %d, each is 1 to %d", o->rows, o->columns, MATRIX_MOST);
    SOCLE_CHECK(o->counts != NULL, SOCLE_ERR_ARG, "figure: a matrix without counts");
    size_t n = (size_t)o->rows * (size_t)o->columns;
    for (size_t i = 0; i < n; i++)
        SOCLE_CHECK(o->counts[i] >= 0, SOCLE_ERR_ARG, "figure: the count of row %zu and column %zu is %lld",
                    i / (size_t)o->columns, i % (size_t)o->columns, (long long)o->counts[i]);
    SOCLE_TRY(copy_text(&p->title, o->title));
    SOCLE_TRY(copy_text(&p->x.label, o->x_label));
    SOCLE_TRY(copy_text(&p->y.label, o->y_label));
    void *count = NULL;
    SOCLE_TRY(copy_values(&count, o->counts, n, sizeof *o->counts));
    p->matrix = (matrix){ .count = count, .rows = o->rows, .columns = o->columns };
    SOCLE_TRY(copy_names(&p->matrix.row_name, o->row_names, o->rows));
    return copy_names(&p->matrix.column_name, o->column_names, o->columns);
}

void socle_figure_matrix(socle_figure *f, socle_matrix_desc o)
{
    if (f == NULL || f->status != SOCLE_OK)
        return;
    panel p = { .kind = PANEL_MATRIX };
    socle_status s = make_matrix(&p, &o);
    add_panel(f, p, s);
}

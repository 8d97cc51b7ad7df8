/* Figures: what is refused, what the files hold, and that nothing is half written or lost. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <socle/plot.h>
#include <socle/sys/test.h>
#include "plot/figure.h"
#include "support/die.h"
#include "support/support.h"

static char folder[64], png[128], svg[128];
static int64_t live_before;
static bool drawing; /* this library has cairo */

static socle_figure *figure_of(socle_theme theme)
{
    static const float y[] = { 3, 1, 2, NAN, 2, 0.5f };
    static const float cells[] = { 0, 1, 2, 3, 4, NAN };
    static const int64_t counts[] = { 90, 10, 0, 100 };
    static const char *const names[] = { "a < b & c", "\"d\"" };
    socle_figure *f = socle_figure_new((socle_figure_desc){ .title = "a < b & \"c\"", .theme = theme });
    socle_series s[] = { { .name = "one", .y = y, .n = 6, .style = SOCLE_FAINT },
                         { .name = "two & <three>", .y = y, .n = 6, .style = SOCLE_LINE_POINTS } };
    socle_mark m = { .at = 2, .label = "here" };
    socle_figure_lines(f, (socle_lines_desc){ .title = "lines",
                                              .x = { .label = "x" },
                                              .y = { .label = "y", .log = true },
                                              .series = s,
                                              .n_series = 2,
                                              .marks = &m,
                                              .n_marks = 1 });
    socle_figure_heatmap(f, (socle_heatmap_desc){ .title = "heat", .values = cells, .rows = 2, .columns = 3 });
    socle_figure_image(
        f, (socle_image_desc){ .title = "image", .pixels = cells, .channels = 1, .height = 2, .width = 3 });
    socle_figure_matrix(f, (socle_matrix_desc){ .title = "matrix",
                                                .x_label = "predicted",
                                                .y_label = "true",
                                                .counts = counts,
                                                .rows = 2,
                                                .columns = 2,
                                                .row_names = names,
                                                .column_names = names });
    return f;
}

static void set_up(void)
{
    strcpy(folder, "/tmp/socle-plot-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(png, sizeof png, "%s/figure.png", folder);
    snprintf(svg, sizeof svg, "%s/figure.SVG", folder);
    socle_figure *f = figure_of(SOCLE_THEME_LIGHT);
    drawing = socle_figure_write(f, png) != SOCLE_ERR_UNSUPPORTED; /* fonts are loaded here, too */
    socle_figure_free(f);
    unlink(png);
    live_before = socle_test_live_blocks();
}

/* Entries of the folder but "." and "..". */
static int files(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static void tear_down(void)
{
    unlink(png);
    unlink(svg);
    if (rmdir(folder) != 0)
        support_die("something was left in %s", folder);
    assert_no_leak(live_before);
}

TestSuite(figure, .init = set_up, .fini = tear_down);

static char *contents(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*size + 1);
    cr_assert_eq(fread(data, 1, *size, f), *size);
    data[*size] = '\0';
    fclose(f);
    return data;
}

/* ---- what the files hold ---- */

static unsigned number(const char *data)
{
    unsigned n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 8 | (unsigned char)data[i];
    return n;
}

static void check_png(unsigned width, unsigned height)
{
    size_t size;
    char *data = contents(png, &size);
    cr_assert_gt(size, 100);
    cr_assert_eq(memcmp(data, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16), 0);
    cr_assert_eq(memcmp(data + size - 8, "IEND", 4), 0, "the file ends as a PNG does");
    if (width > 0)
        cr_assert(number(data + 16) == width && number(data + 20) == height, "%u x %u", number(data + 16),
                  number(data + 20));
    free(data);
}

/* The end of the tag that starts at p; attributes are name="value" without "<" and with entities only behind "&". */
static const char *tag_end(const char *p)
{
    bool quoted = false;
    for (; *p != '\0' && (quoted || *p != '>'); p++) {
        quoted ^= *p == '"';
        cr_assert(!quoted || *p != '<', "%.40s", p);
        if (*p == '&')
            cr_assert(p[1 + strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789")] == ';', "%.40s", p);
    }
    cr_assert_eq(*p, '>');
    return p;
}

/* Every tag is closed by its own name. */
static void check_svg(const char *path)
{
    size_t size;
    char *data = contents(path, &size);
    char stack[64][32];
    int depth = 0, tags = 0;
    for (const char *p = strchr(data, '<'); p != NULL; p = strchr(p, '<')) {
        const char *end = tag_end(p);
        size_t length = strcspn(p + 1 + (p[1] == '/'), " \n/>");
        cr_assert_lt(length, sizeof stack[0]);
        if (p[1] == '/') {
            cr_assert_gt(depth--, 0);
            cr_assert(strlen(stack[depth]) == length && memcmp(p + 2, stack[depth], length) == 0, "%.40s", p);
        } else if (p[1] != '?' && p[1] != '!' && end[-1] != '/') {
            cr_assert_lt(depth, 64);
            snprintf(stack[depth++], sizeof stack[0], "%.*s", (int)length, p + 1);
        }
        tags++;
        p = end;
    }
    cr_assert_eq(depth, 0);
    cr_assert_gt(tags, 20);
    cr_assert_not_null(strstr(data, "<svg "));
    free(data);
}

Test(figure, png_and_svg_are_written_in_both_themes)
{
    if (!drawing)
        return;
    for (int theme = 0; theme < 2; theme++) {
        socle_figure *f = figure_of(theme ? SOCLE_THEME_DARK : SOCLE_THEME_LIGHT);
        assert_ok(socle_figure_write(f, png));
        assert_ok(socle_figure_write(f, svg));
        check_png(0, 0);
        check_svg(svg);
        cr_assert_eq(files(), 2);
        socle_figure_free(f);
    }
}

Test(figure, has_the_size_that_was_asked_for)
{
    if (!drawing)
        return;
    for (int i = 0; i < 2; i++) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ .width = i ? 64 : 601, .height = i ? 64 : 307 });
        socle_figure_lines(f, (socle_lines_desc){ .title = "small", .y = { .label = "a label" } });
        assert_ok(socle_figure_write(f, png));
        check_png(i ? 64 : 601, i ? 64 : 307);
        socle_figure_free(f);
    }
}

Test(figure, without_cairo_writing_is_refused)
{
    if (drawing)
        return;
    socle_figure *f = figure_of(SOCLE_THEME_LIGHT);
    cr_assert_eq(socle_figure_write(f, png), SOCLE_ERR_UNSUPPORTED);
    cr_assert(strstr(socle_error(), png) != NULL && strstr(socle_error(), "cairo") != NULL, "%s", socle_error());
    cr_assert_eq(files(), 0);
    socle_figure_free(f);
}

Test(figure, a_million_points_are_a_small_svg)
{
    enum { N = 1000000 };
    if (!drawing)
        return;
    float *y = malloc(N * sizeof *y);
    for (int i = 0; i < N; i++)
        y[i] = (float)(i % 1000) + (float)sin(i);
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_series s = { .y = y, .n = N };
    socle_figure_lines(f, (socle_lines_desc){ .series = &s, .n_series = 1 });
    assert_ok(socle_figure_write(f, svg));
    size_t size;
    free(contents(svg, &size));
    cr_assert_lt(size, 300000, "%zu bytes", size);
    free(y);
    socle_figure_free(f);
}

/* Every kind of panel with values at the edges: what counts is that a whole file comes out. */
Test(figure, odd_values_are_drawn)
{
    static const float none[] = { NAN, NAN, NAN }, far[] = { INFINITY, -INFINITY, 1 }, same[] = { 7, 7, 7 },
                       large[] = { -3e38f, 0, 3e38f }, tiny[] = { 1e-45f, 2e-45f, 0 };
    static const float *const values[] = { none, far, same, large, tiny };
    static const int64_t zero[] = { 0, 0, 0, INT64_MAX };
    socle_figure *f = socle_figure_new((socle_figure_desc){ .title = "\xff broken \xc3\n\x01 text \xe2\x82\xac" });
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (size_t n = 0; n <= 3; n++) {
            socle_series s = { .name = "", .x = i % 2 ? values[i] : NULL, .y = values[i], .n = n };
            for (int log = 0; log < 2; log++)
                socle_figure_lines(
                    f, (socle_lines_desc){
                           .x = { .log = log, .label = "" }, .y = { .log = log }, .series = &s, .n_series = 1 });
        }
        socle_figure_heatmap(f, (socle_heatmap_desc){ .values = values[i], .rows = 1, .columns = 3 });
        socle_figure_heatmap(
            f, (socle_heatmap_desc){ .values = values[i], .rows = 3, .columns = 1, .origin_low = true });
        socle_figure_image(f, (socle_image_desc){ .pixels = values[i], .channels = 3, .height = 1, .width = 1 });
    }
    const socle_mark apart[] = { { .at = 1e-299 }, { .at = 1e299 }, { .at = 1e-299, .horizontal = true } };
    for (int log = 0; log < 2; log++)
        socle_figure_lines(
            f, (socle_lines_desc){ .x = { .log = log }, .y = { .log = log }, .marks = apart, .n_marks = 3 });
    socle_figure_matrix(f, (socle_matrix_desc){ .counts = zero, .rows = 2, .columns = 2 });
    FILE *out = tmpfile();
    assert_ok(socle_figure_print(f, out, (socle_print_desc){ .unicode = true }));
    fclose(out);
    if (drawing) {
        assert_ok(socle_figure_write(f, png));
        assert_ok(socle_figure_write(f, svg));
        check_png(0, 0);
        check_svg(svg);
    }
    socle_figure_free(f);
}

/* ---- the grid ---- */

Test(figure, a_grid_by_default_is_nearly_square_and_holds_all)
{
    for (size_t n = 1; n < 500; n++) {
        socle_figure f = { .n = n };
        int rows, columns;
        figure_grid(&f, &rows, &columns);
        cr_assert_eq(rows, (int)sqrt((double)n), "%zu panels", n);
        cr_assert_geq((size_t)(rows * columns), n, "%zu panels in %d x %d", n, rows, columns);
        cr_assert_lt((size_t)(rows * (columns - 1)), n, "%zu panels leave a column empty", n);
        f.columns = 7;
        figure_grid(&f, &rows, &columns);
        cr_assert(columns == 7 && (size_t)(7 * rows) >= n && (size_t)(7 * (rows - 1)) < n);
        f.columns = 0;
        f.rows = 3;
        figure_grid(&f, &rows, &columns);
        cr_assert(rows == 3 && (size_t)(3 * columns) >= n && (size_t)(3 * (columns - 1)) < n);
    }
}

/* ---- what is refused ---- */

static void refuse(socle_figure *f, const char *path, socle_status status, const char *words)
{
    cr_assert_eq(socle_figure_write(f, path), status, "%s", words);
    cr_assert_not_null(strstr(socle_error(), words), "'%s' does not say '%s'", socle_error(), words);
    cr_assert_eq(files(), 0);
}

Test(figure, a_file_that_cannot_be_written_is_named)
{
    if (!drawing)
        return;
    socle_figure *f = figure_of(SOCLE_THEME_LIGHT);
    refuse(f, "figure.jpg", SOCLE_ERR_ARG, "'figure.jpg' ends in neither .png nor .svg");
    refuse(f, "", SOCLE_ERR_ARG, "''");
    refuse(f, NULL, SOCLE_ERR_ARG, "no file");
    char nowhere[200];
    snprintf(nowhere, sizeof nowhere, "%s/none/figure.png", folder);
    refuse(f, nowhere, SOCLE_ERR_IO, nowhere);
    cr_assert_not_null(strstr(socle_error(), strerror(ENOENT)), "%s", socle_error());
    socle_figure_free(f);
}

Test(figure, a_full_disk_leaves_no_file)
{
    if (!drawing)
        return;
    signal(SIGXFSZ, SIG_IGN);
    socle_figure *f = figure_of(SOCLE_THEME_LIGHT);
    for (rlim_t bytes = 0; bytes <= 8192; bytes += 4096) {
        for (int i = 0; i < 2; i++) {
            struct rlimit usual, small;
            getrlimit(RLIMIT_FSIZE, &usual);
            small = (struct rlimit){ bytes, usual.rlim_max };
            cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
            socle_status s = socle_figure_write(f, i ? svg : png);
            cr_assert_eq(setrlimit(RLIMIT_FSIZE, &usual), 0);
            cr_assert_eq(s, SOCLE_ERR_IO);
            cr_assert_not_null(strstr(socle_error(), strerror(EFBIG)), "%s", socle_error());
            cr_assert_eq(files(), 0);
        }
    }
    socle_figure_free(f);
}

Test(figure, descriptions_that_make_no_sense_are_refused)
{
    static const struct {
        socle_figure_desc desc;
        const char *words;
    } rows[] = { { { .width = 10 }, "10 x 0 pixels" },
                 { { .height = 100000 }, "0 x 100000 pixels" },
                 { { .rows = -1 }, "-1 rows" },
                 { { .theme = (socle_theme)7 }, "theme 7" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_null(socle_figure_new(rows[i].desc));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
        cr_assert_not_null(strstr(socle_error(), rows[i].words), "%s", socle_error());
    }
    socle_figure_lines(NULL, (socle_lines_desc){ 0 });
    socle_plot_losses(NULL, (socle_plot_losses_desc){ 0 });
    cr_assert_eq(socle_figure_write(NULL, png), SOCLE_ERR_ARG, "the failure of the constructor");
    socle_figure_free(NULL);
}

/* One bad panel, then a good one: the figure answers with the first failure's words. */
static void refuse_panel(void (*add)(socle_figure *f), const char *words)
{
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    add(f);
    socle_figure_lines(f, (socle_lines_desc){ .title = "a good one" });
    (void)socle_fail(SOCLE_ERR_STATE, "something else");
    refuse(f, png, SOCLE_ERR_ARG, words);
    cr_assert_eq(socle_figure_print(f, stderr, (socle_print_desc){ 0 }), SOCLE_ERR_ARG);
    socle_figure_free(f);
}

static void add_log_range(socle_figure *f)
{
    socle_figure_lines(f, (socle_lines_desc){ .x = { .log = true, .low = -1, .high = 1 } });
}
static void add_backward_range(socle_figure *f)
{
    socle_figure_lines(f, (socle_lines_desc){ .y = { .low = 2, .high = 1 } });
}
static void add_nan_range(socle_figure *f)
{
    socle_figure_lines(f, (socle_lines_desc){ .y = { .low = NAN, .high = 1 } });
}
static void add_no_values(socle_figure *f)
{
    socle_figure_lines(f, (socle_lines_desc){ .series = &(socle_series){ .n = 3 }, .n_series = 1 });
}
static void add_two_channels(socle_figure *f)
{
    float v[8] = { 0 };
    socle_figure_image(f, (socle_image_desc){ .pixels = v, .channels = 2, .height = 2, .width = 2 });
}
static void add_empty_table(socle_figure *f)
{
    socle_figure_heatmap(f, (socle_heatmap_desc){ .rows = 0, .columns = 4 });
}
static void add_negative_count(socle_figure *f)
{
    socle_plot_confusion(f, (const int64_t[]){ 1, 2, -5, 3 }, 2, NULL);
}
static void add_no_classes(socle_figure *f)
{
    socle_plot_confusion(f, (const int64_t[]){ 1 }, 0, NULL);
}
static void add_bad_mark(socle_figure *f)
{
    socle_figure_lines(f, (socle_lines_desc){ .marks = &(socle_mark){ .at = INFINITY }, .n_marks = 1 });
}

Test(figure, panels_that_make_no_sense_are_refused)
{
    refuse_panel(add_log_range, "logarithmic x axis from -1");
    refuse_panel(add_backward_range, "y axis from 2 to 1");
    refuse_panel(add_nan_range, "y axis from nan to 1");
    refuse_panel(add_no_values, "3 points without values");
    refuse_panel(add_two_channels, "2 channels");
    refuse_panel(add_empty_table, "0 x 4");
    refuse_panel(add_negative_count, "row 1 and column 0 is -5");
    refuse_panel(add_no_classes, "0 x 0");
    refuse_panel(add_bad_mark, "mark at inf");
}

Test(figure, a_full_or_an_empty_grid_is_named)
{
    socle_figure *f = socle_figure_new((socle_figure_desc){ .rows = 1, .columns = 2 });
    refuse(f, png, SOCLE_ERR_ARG, "no panel");
    for (int i = 0; i < 3; i++)
        socle_figure_lines(f, (socle_lines_desc){ 0 });
    refuse(f, png, SOCLE_ERR_ARG, "no place for more than 2 panels");
    socle_figure_free(f);
}

/* ---- memory ---- */

static socle_status every_picture(void)
{
    static const float v[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    static const float *const layers[] = { v, v };
    static const char *const names[] = { "one", "two" };
    socle_plot_table t = { .names = names, .values = v, .rows = 2, .n = 6 };
    socle_figure *f = figure_of(SOCLE_THEME_LIGHT);
    socle_plot_losses(f, (socle_plot_losses_desc){ .train = v, .n = 12, .valid = v, .n_valid = 2 });
    socle_plot_metrics(f, t);
    socle_plot_rates(f, t);
    socle_plot_dead(f, t);
    socle_plot_stats(f, t, t);
    socle_plot_lr_find(f, v, v, 12, 3);
    socle_plot_histograms(
        f, (socle_plot_histograms_desc){ .names = names, .values = layers, .layers = 2, .bins = 3, .steps = 4 });
    socle_plot_images(
        f, (socle_plot_images_desc){ .pixels = v, .n = 3, .channels = 1, .height = 2, .width = 2, .titles = NULL });
    socle_plot_confusion(f, (const int64_t[]){ 1, 2, 3, 4 }, 2, NULL);
    FILE *out = tmpfile();
    socle_status s = socle_figure_print(f, out, (socle_print_desc){ 0 });
    fclose(out);
    if (s == SOCLE_OK && drawing)
        s = socle_figure_write(f, svg);
    socle_figure_free(f);
    return s;
}

Test(figure, out_of_memory_anywhere_leaves_nothing_behind)
{
    int64_t k = 0;
    for (;; k++) {
        socle_test_fail_alloc(k);
        socle_status s = every_picture();
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(socle_test_live_blocks(), live_before, "allocation %d", (int)k);
        if (!failed) {
            assert_ok(s);
            break;
        }
        cr_assert_eq(s, SOCLE_ERR_NOMEM, "allocation %d: %s", (int)k, socle_error());
        cr_assert_eq(files(), 0, "allocation %d", (int)k);
    }
    cr_assert_gt(k, 80, "only %d allocations", (int)k);
}

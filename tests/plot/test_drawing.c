/* What the pictures look like, pixel by pixel: PNG files are read back here. Without cairo there is nothing to look at. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <socle/plot.h>
#include "plot/theme.h"
#include "support/support.h"

/* ---- reading a PNG (RFC 2083): 8 bits, red, green, blue, not interlaced ---- */

static int width, height;
static unsigned char *pixels; /* [height][width][3] */

static unsigned number(const unsigned char *p)
{
    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static int paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Undoes the filters of the rows, each behind a byte that names its filter. */
static void unfilter(const unsigned char *raw)
{
    int row = 3 * width;
    for (int y = 0; y < height; y++, raw += row + 1) {
        unsigned char *out = pixels + (ptrdiff_t)y * row;
        for (int i = 0; i < row; i++) {
            int a = i >= 3 ? out[i - 3] : 0, b = y > 0 ? out[i - row] : 0,
                c = i >= 3 && y > 0 ? out[i - row - 3] : 0;
            const int guess[] = { 0, a, b, (a + b) / 2, paeth(a, b, c) };
            out[i] = (unsigned char)(raw[1 + i] + guess[raw[0]]);
        }
    }
}

static void read_png(const unsigned char *data, size_t size)
{
    width = (int)number(data + 16);
    height = (int)number(data + 20);
    cr_assert(data[24] == 8 && data[25] == 2 && data[28] == 0, "8 bits, RGB, not interlaced");
    unsigned char *packed = malloc(size);
    size_t n = 0;
    for (size_t at = 8; at + 12 <= size; at += 12 + number(data + at)) {
        if (memcmp(data + at + 4, "IDAT", 4) == 0) {
            memcpy(packed + n, data + at + 8, number(data + at));
            n += number(data + at);
        }
    }
    uLongf length = (uLongf)(3 * width + 1) * (uLongf)height;
    unsigned char *raw = malloc(length);
    cr_assert_eq(uncompress(raw, &length, packed, (uLong)n), Z_OK);
    free(pixels);
    pixels = calloc((size_t)(width * height), 3);
    unfilter(raw);
    free(raw);
    free(packed);
}

/* Draws and frees the figure; false without cairo. */
static bool draw(socle_figure *f)
{
    char path[] = "/tmp/socle-drawing-XXXXXX.png";
    close(mkstemps(path, 4));
    socle_status s = socle_figure_write(f, path);
    socle_figure_free(f);
    if (s == SOCLE_OK) {
        static unsigned char data[1 << 22];
        FILE *in = fopen(path, "rb");
        size_t size = fread(data, 1, sizeof data, in);
        fclose(in);
        read_png(data, size);
    }
    unlink(path);
    cr_assert(s == SOCLE_OK || s == SOCLE_ERR_UNSUPPORTED, "%s", socle_error());
    return s == SOCLE_OK;
}

static bool is(int x, int y, color k)
{
    const unsigned char *p = pixels + 3 * ((ptrdiff_t)y * width + x);
    return abs(p[0] - (int)lround(k.r * 255)) <= 1 && abs(p[1] - (int)lround(k.g * 255)) <= 1 &&
           abs(p[2] - (int)lround(k.b * 255)) <= 1;
}

static int count(color k)
{
    int n = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            n += is(x, y, k);
    return n;
}

/* ---- margins ---- */

static const char *const long_text =
    "a text much longer than there is room for, again and again and again and again";

static socle_figure *every_panel(socle_figure_desc o)
{
    enum { N = 300 };
    static float y[N];
    const float cells[6] = { 1e6f, 2, 3, 4, -5e5f, 6 };
    const char *names[2] = { long_text, "short" };
    for (int i = 0; i < N; i++)
        y[i] = (float)(1e4 * sin(i * 0.7));
    socle_figure *f = socle_figure_new(o);
    socle_series s[2] = { { .name = long_text, .y = y, .n = N },
                          { .name = "b", .y = y, .n = N, .style = SOCLE_POINTS } };
    socle_mark m[2] = { { .at = 150, .label = long_text }, { .at = 9999, .horizontal = true, .label = "the top" } };
    socle_axis x = { .label = long_text };
    socle_figure_lines(
        f, (socle_lines_desc){
               .title = long_text, .x = x, .y = x, .series = s, .n_series = 2, .marks = m, .n_marks = 2 });
    socle_figure_heatmap(
        f, (socle_heatmap_desc){ .title = long_text, .x = x, .y = x, .values = cells, .rows = 2, .columns = 3 });
    socle_figure_image(
        f, (socle_image_desc){ .title = long_text, .pixels = cells, .channels = 1, .height = 2, .width = 3 });
    socle_figure_matrix(f, (socle_matrix_desc){ .title = long_text,
                                                .x_label = long_text,
                                                .y_label = long_text,
                                                .counts = (const int64_t[]){ 1000000, 2, 3, 400 },
                                                .rows = 2,
                                                .columns = 2,
                                                .row_names = names,
                                                .column_names = names });
    return f;
}

Test(drawing, nothing_reaches_the_edge_of_the_picture)
{
    static const int sizes[][2] = { { 0, 0 }, { 400, 900 }, { 1600, 500 }, { 640, 480 } };
    for (int i = 0; i < 8; i++) {
        socle_theme which = i % 2 ? SOCLE_THEME_DARK : SOCLE_THEME_LIGHT;
        color paper = theme_of(which)->paper;
        socle_figure_desc o = {
            .width = sizes[i / 2][0], .height = sizes[i / 2][1], .title = long_text, .theme = which
        };
        if (!draw(every_panel(o)))
            return;
        for (int x = 0; x < width; x++)
            for (int k = 0; k < 4; k++)
                cr_assert(is(x, k, paper) && is(x, height - 1 - k, paper), "%d x %d: column %d", width, height, x);
        for (int y = 0; y < height; y++)
            for (int k = 0; k < 4; k++)
                cr_assert(is(k, y, paper) && is(width - 1 - k, y, paper), "%d x %d: row %d", width, height, y);
    }
}

/* ---- lines ---- */

static socle_figure *lines_of(const float *y, size_t n, const char *name)
{
    socle_figure *f = socle_figure_new((socle_figure_desc){ .width = 500, .height = 300 });
    socle_series s = { .name = name, .y = y, .n = n };
    socle_figure_lines(f, (socle_lines_desc){ .series = &s, .n_series = 1 });
    return f;
}

static bool is_line(int x, int y)
{
    return is(x, y, theme_of(SOCLE_THEME_LIGHT)->series[0]);
}

/* The highest pixel of the first series in a column, or -1. */
static int top_of(int x)
{
    for (int y = 0; y < height; y++)
        if (is_line(x, y))
            return y;
    return -1;
}

static int bottom_of(int x)
{
    for (int y = height - 1; y >= 0; y--)
        if (is_line(x, y))
            return y;
    return -1;
}

Test(drawing, a_rising_line_rises_and_breaks_at_a_gap)
{
    float v[100];
    for (int i = 0; i < 100; i++)
        v[i] = i > 40 && i < 60 ? NAN : (float)i;
    if (!draw(lines_of(v, 100, NULL)))
        return;
    int before = height, gap = 0, drawn = 0;
    for (int x = 0; x < width; x++) {
        int y = top_of(x);
        gap += y < 0 && drawn > 0 && drawn < 220; /* between the two halves */
        if (y < 0)
            continue;
        drawn++;
        cr_assert_leq(y, before, "column %d", x);
        before = y;
    }
    cr_assert(drawn > 300 && gap > 60 && gap < 120, "%d columns with and %d without the line", drawn, gap);
    cr_assert_lt(before, height / 4);
}

/* Where the legend would cover some of the line, fewer of its pixels would show. */
Test(drawing, the_legend_covers_no_data)
{
    color line = theme_of(SOCLE_THEME_LIGHT)->series[0];
    for (int shape = 0; shape < 6; shape++) {
        float v[200];
        for (int i = 0; i < 200; i++) {
            float t = (float)i / 199;
            const float values[] = {
                t, -t, t * t * t * t, 1 / (t + 0.02f), -1 / (t + 0.02f), 4 * (t - 0.5f) * (t - 0.5f)
            };
            v[i] = values[shape];
        }
        if (!draw(lines_of(v, 200, NULL)))
            return;
        int bare = count(line);
        draw(lines_of(v, 200, "a series"));
        cr_assert_gt(count(line), bare, "shape %d", shape);
    }
}

/* A line that fills the panel leaves no corner: the legend stands to the right of all data. */
Test(drawing, a_legend_without_a_free_corner_stands_outside)
{
    float v[400];
    for (int i = 0; i < 400; i++)
        v[i] = i % 2 ? 1 : -1;
    if (!draw(lines_of(v, 400, "a series")))
        return;
    int last = 0, covered = 0;
    for (int x = 0; x < width; x++)
        last = bottom_of(x) > height - 60 ? x : last;
    cr_assert(last > width / 2 && last < width - 80, "the data ends at %d", last);
    for (int x = last - 150; x < last - 2; x++)
        covered += top_of(x) > 60;
    cr_assert_eq(covered, 0);
    int swatch = 0;
    for (int x = last + 5; x < width; x++)
        swatch += top_of(x) >= 0;
    cr_assert_geq(swatch, 15, "the legend's line");
}

/* ---- images ---- */

Test(drawing, pixels_of_an_image_are_sharp_squares)
{
    const float v[4] = { 0, 1, 1, 0 };
    const color black = { 0, 0, 0 }, white = { 1, 1, 1 };
    socle_figure *f =
        socle_figure_new((socle_figure_desc){ .width = 200, .height = 200, .theme = SOCLE_THEME_DARK });
    socle_figure_image(f, (socle_image_desc){ .pixels = v, .channels = 1, .height = 2, .width = 2 });
    if (!draw(f))
        return;
    int dark = count(black), bright = count(white);
    cr_assert_eq(dark, bright);
    int side = (int)lround(sqrt(dark / 2.0));
    cr_assert(side > 60 && 2 * side * side == dark, "squares of %d", side);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            cr_assert(is(x, y, black) || is(x, y, white) || is(x, y, theme_of(SOCLE_THEME_DARK)->paper),
                      "a smoothed pixel at (%d, %d)", x, y);
}

Test(drawing, colors_keep_their_order)
{
    const float v[3] = { 1, 0.5f, 0 };
    socle_figure *f = socle_figure_new((socle_figure_desc){ .width = 100, .height = 100 });
    socle_figure_image(f, (socle_image_desc){ .pixels = v, .channels = 3, .height = 1, .width = 1, .high = 1 });
    if (draw(f))
        cr_assert(is(50, 50, (color){ 1, 0.5, 0 }));
}

Test(drawing, a_heat_map_has_blank_cells_where_values_are_missing)
{
    const float v[4] = { 0, NAN, 1, 0 };
    for (int low = 0; low < 2; low++) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ .width = 300, .height = 300 });
        socle_figure_heatmap(
            f, (socle_heatmap_desc){ .values = v, .rows = 2, .columns = 2, .origin_low = low, .no_bar = true });
        if (!draw(f))
            return;
        int upper = low ? 220 : 80, lower = low ? 80 : 220;
        cr_assert(is(100, upper, theme_map(0)) && is(100, lower, theme_map(1)) && is(220, lower, theme_map(0)));
        cr_assert(is(220, upper, theme_of(SOCLE_THEME_LIGHT)->paper));
    }
}

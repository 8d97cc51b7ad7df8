/* Figures as text: the shape of the data, in as many columns as there are. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/plot.h>
#include "plot/text.h"
#include "support/support.h"

enum { LINES_MOST = 64, LINE_MOST = 1024 };
static char line[LINES_MOST][LINE_MOST];
static int lines;

/* The figure's text, line by line; frees the figure. */
static void print(socle_figure *f, socle_print_desc o)
{
    FILE *out = tmpfile();
    assert_ok(socle_figure_print(f, out, o));
    socle_figure_free(f);
    rewind(out);
    for (lines = 0; lines < LINES_MOST && fgets(line[lines], LINE_MOST, out) != NULL; lines++) {
        line[lines][strcspn(line[lines], "\n")] = '\0';
        cr_assert_leq(text_count(line[lines]), o.columns ? (size_t)o.columns : 80, "%s", line[lines]);
    }
    fclose(out);
}

static socle_figure *rising(size_t n, const char *title)
{
    static float y[500];
    for (size_t i = 0; i < n; i++)
        y[i] = (float)i * 10;
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_series s = { .name = "a series", .y = y, .n = n };
    socle_figure_lines(f,
                       (socle_lines_desc){ .title = title, .x = { .label = "step" }, .series = &s, .n_series = 1 });
    return f;
}

Test(print, a_rising_series_rises)
{
    for (int columns = 32; columns <= 200; columns += 42) {
        print(rising(500, "growth"), (socle_print_desc){ .columns = columns });
        cr_assert_not_null(strstr(line[0], "growth"));
        size_t before = LINE_MOST;
        int chart = 0;
        for (int i = 1; strchr(line[i], '|') != NULL; i++, chart++) {
            size_t star = strcspn(line[i], "*");
            cr_assert(star < strlen(line[i]) && star < before, "line %d starts at %zu above %zu", i, star, before);
            before = star;
        }
        cr_assert_geq(chart, 8);
        cr_assert_eq(before, strcspn(line[chart], "|") + 1, "the smallest value is the first and at the bottom");
        cr_assert_not_null(strchr(line[chart + 1], '+'), "the axis");
        cr_assert_not_null(strstr(line[chart + 3], "step"));
        cr_assert_not_null(strstr(line[chart + 4], "* a series"));
        cr_assert_eq(lines, chart + 5);
    }
}

Test(print, tick_labels_stand_beside_their_values)
{
    print(rising(101, NULL), (socle_print_desc){ 0 });
    cr_assert_eq(strncmp(line[0], "1000|", 5), 0, "%s", line[0]);
    int zero = 0;
    while (strncmp(line[zero], "   0|", 5) != 0)
        cr_assert_lt(++zero, lines);
    cr_assert_not_null(strchr(line[zero], '*'));
    cr_assert_eq(line[zero + 1][4], '+', "0 is at the bottom");
}

Test(print, braille_and_boxes_are_used_where_they_can_be)
{
    print(rising(100, NULL), (socle_print_desc){ .unicode = true });
    bool braille = false;
    for (int i = 0; i < lines; i++)
        for (const unsigned char *c = (const unsigned char *)line[i]; *c != '\0'; c++)
            braille |= c[0] == 0xe2 && c[1] >= 0xa0 && c[1] < 0xa4;
    cr_assert(braille);
    print(rising(100, NULL), (socle_print_desc){ .unicode = false });
    for (int i = 0; i < lines; i++)
        for (const char *c = line[i]; *c != '\0'; c++)
            cr_assert(*c >= ' ' && *c <= '~', "line %d is not ASCII", i);
}

Test(print, several_series_are_told_apart_and_faint_ones_left_out)
{
    float low[20] = { 0 }, high[20], faint[20];
    for (int i = 0; i < 20; i++) {
        high[i] = 1;
        faint[i] = i % 2 ? 0.5f : 0.4f;
    }
    socle_series s[] = { { .y = faint, .n = 20, .style = SOCLE_FAINT },
                         { .name = "low", .y = low, .n = 20 },
                         { .name = "high", .y = high, .n = 20 } };
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_figure_lines(f, (socle_lines_desc){ .series = s, .n_series = 3 });
    print(f, (socle_print_desc){ .unicode = true });
    cr_assert_not_null(strstr(line[0], "++++++"), "%s", line[0]);
    cr_assert_not_null(strstr(line[11], "******"), "%s", line[11]);
    for (int i = 1; i < 11; i++)
        cr_assert_null(strpbrk(line[i], "*+o"), "%s", line[i]);
    cr_assert_not_null(strstr(line[14], "* low  + high"), "%s", line[14]);
}

Test(print, color_is_switched_off_again)
{
    FILE *out = tmpfile();
    socle_figure *f = rising(100, NULL);
    assert_ok(socle_figure_print(f, out, (socle_print_desc){ .unicode = true, .color = true }));
    socle_figure_free(f);
    rewind(out);
    bool on = false, ever = false;
    for (int c; (c = fgetc(out)) != EOF;) {
        if (c == '\x1b') {
            cr_assert_eq(fgetc(out), '[');
            on = fgetc(out) != '0';
            ever |= on;
        }
        cr_assert(c != '\n' || !on, "color goes over the end of a line");
    }
    cr_assert(ever && !on);
    fclose(out);
}

Test(print, bright_cells_are_dense_and_the_origin_is_where_it_was_put)
{
    const float v[] = { 0, 0, 1, 1 };
    for (int low = 0; low < 2; low++) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
        socle_figure_heatmap(f, (socle_heatmap_desc){ .values = v, .rows = 2, .columns = 2, .origin_low = low });
        print(f, (socle_print_desc){ .columns = 40 });
        cr_assert_eq(lines, 2);
        cr_assert_eq(strspn(line[low ? 0 : 1], "@"), 40);
        cr_assert_eq(strspn(line[low ? 1 : 0], " "), 40);
    }
}

Test(print, an_image_keeps_its_shape)
{
    float v[3 * 28 * 28];
    for (int i = 0; i < 3 * 28 * 28; i++)
        v[i] = i % 28 < 14 ? 0.0f : 1.0f;
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_figure_image(f, (socle_image_desc){ .pixels = v, .channels = 3, .height = 28, .width = 28 });
    print(f, (socle_print_desc){ .unicode = true });
    cr_assert_eq(text_count(line[0]), (size_t)(2 * lines), "characters are twice as high as wide");
    cr_assert_eq(strspn(line[0], " "), (size_t)lines, "the left half is dark");
}

Test(print, a_matrix_has_its_names_and_counts_in_columns)
{
    const char *const names[] = { "cat", "a very long name of a class" };
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_plot_confusion(f, (const int64_t[]){ 12345, 1, 20, 3 }, 2, names);
    print(f, (socle_print_desc){ 0 });
    cr_assert_eq(lines, 4);
    cr_assert_not_null(strstr(line[1], "cat"));
    cr_assert_not_null(strstr(line[3], "a very long name"));
    char *first = strstr(line[2], "12345"), *second = strstr(line[3], "20");
    cr_assert(first != NULL && second != NULL);
    cr_assert_eq(first + 5 - line[2], second + 2 - line[3], "counts end in the same column");
    cr_assert_eq(strlen(line[2]), strlen(line[3]));
}

Test(print, what_cannot_be_printed_is_said)
{
    socle_figure *f = rising(10, NULL);
    cr_assert_eq(socle_figure_print(f, NULL, (socle_print_desc){ 0 }), SOCLE_ERR_ARG);
    cr_assert_eq(socle_figure_print(f, stderr, (socle_print_desc){ .columns = 5 }), SOCLE_ERR_ARG);
    FILE *full = fopen("/dev/full", "w");
    if (full != NULL) {
        cr_assert_eq(socle_figure_print(f, full, (socle_print_desc){ 0 }), SOCLE_ERR_IO);
        fclose(full);
    }
    socle_figure_free(f);
}

Test(print, text_that_is_no_utf8_is_made_so)
{
    static const struct {
        const char *dirty, *clean;
    } rows[] = { { "plain", "plain" },
                 { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
                 { "a\xff", "a?" },
                 { "\xc3", "?" }, /* cut */
                 { "\xe2\x82", "??" },
                 { "\xc0\xaf", "??" },           /* overlong */
                 { "\xed\xa0\x80", "???" },      /* a surrogate */
                 { "\xf4\x90\x80\x80", "????" }, /* beyond U+10FFFF */
                 { "a\nb\x1b[31m", "a b [31m" }, /* no control of a terminal */
                 { "\xc2\x9b", "  " } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        strcpy(text, rows[i].dirty);
        text_clean(text);
        cr_assert_str_eq(text, rows[i].clean, "row %zu", i);
    }
    cr_assert_eq(text_count("caf\xc3\xa9 \xf0\x9f\x98\x80"), 6);
}

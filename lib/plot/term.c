#include "term.h"

#include <stdlib.h>

enum { DOTS_X = 2, DOTS_Y = 4 }; /* of a Braille character */

int term_width(const term_canvas *t)
{
    return t->braille ? DOTS_X * t->columns : t->columns;
}

int term_height(const term_canvas *t)
{
    return t->braille ? DOTS_Y * t->rows : t->rows;
}

size_t term_dots(const term_canvas *t)
{
    return (size_t)term_width(t) * (size_t)term_height(t);
}

static void set(term_canvas *t, int x, int y, unsigned char ink)
{
    if (x >= 0 && x < term_width(t) && y >= 0 && y < term_height(t))
        t->dot[(size_t)y * (size_t)term_width(t) + (size_t)x] = ink;
}

/* Bresenham's algorithm. */
void term_line(term_canvas *t, int x0, int y0, int x1, int y1, unsigned char ink)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), step_x = x0 < x1 ? 1 : -1, step_y = y0 < y1 ? 1 : -1,
        error = dx + dy;
    for (;;) {
        set(t, x0, y0, ink);
        if (x0 == x1 && y0 == y1)
            return;
        int twice = 2 * error;
        if (twice >= dy) {
            error += dy;
            x0 += step_x;
        }
        if (twice <= dx) {
            error += dx;
            y0 += step_y;
        }
    }
}

/* ---- printing ---- */

static void print_start(const term_canvas *t, unsigned char ink, FILE *out)
{
    static const int code[] = { 34, 33, 32, 35, 36, 31, 94, 90 };
    if (t->color && ink > 0)
        fprintf(out, "\x1b[%dm", code[(ink - 1) % 8]);
}

static void print_end(const term_canvas *t, unsigned char ink, FILE *out)
{
    if (t->color && ink > 0)
        fprintf(out, "\x1b[0m");
}

static char symbol(unsigned char ink)
{
    static const char of[] = "*+ox#@%&";
    return ink == 0 ? ' ' : of[(ink - 1) % 8];
}

static unsigned char dot_at(const term_canvas *t, int x, int y)
{
    return t->dot[(size_t)y * (size_t)term_width(t) + (size_t)x];
}

/* U+2800 + bits in UTF-8. */
static void put_braille(FILE *out, unsigned bits)
{
    fprintf(out, "\xe2%c%c", (int)(0xa0 + (bits >> 6)), (int)(0x80 + (bits & 0x3f)));
}

static void print_braille(const term_canvas *t, int row, int column, FILE *out)
{
    /* the bit of each dot, [row][column] */
    static const unsigned char bit[DOTS_Y][DOTS_X] = {
        { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
    };
    unsigned bits = 0;
    unsigned char ink = 0;
    for (int y = 0; y < DOTS_Y; y++) {
        for (int x = 0; x < DOTS_X; x++) {
            unsigned char one = dot_at(t, DOTS_X * column + x, DOTS_Y * row + y);
            bits |= one ? bit[y][x] : 0u;
            ink = one ? one : ink;
        }
    }
    print_start(t, ink, out);
    put_braille(out, bits);
    print_end(t, ink, out);
}

void term_print_row(const term_canvas *t, int row, FILE *out)
{
    for (int column = 0; column < t->columns; column++) {
        if (t->braille) {
            print_braille(t, row, column, out);
            continue;
        }
        unsigned char ink = dot_at(t, column, row);
        print_start(t, ink, out);
        fputc(symbol(ink), out);
        print_end(t, ink, out);
    }
}

void term_print_ink(const term_canvas *t, unsigned char ink, FILE *out)
{
    print_start(t, ink, out);
    if (t->braille)
        put_braille(out, 0x12); /* the two dots of the second row */
    else
        fputc(symbol(ink), out);
    print_end(t, ink, out);
}

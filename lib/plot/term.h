/* A drawing of characters: a grid of dots, eight to a character where there are Braille patterns, one where there is ASCII
 * only. */
#ifndef PLOT_TERM_H
#define PLOT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct term_canvas {
    int columns, rows;   /* in characters */
    bool braille, color; /* color: an ANSI escape for each ink */
    unsigned char *dot;  /* term_dots() of them, 0: blank, else an ink from 1 */
} term_canvas;

int term_width(const term_canvas *t); /* in dots */
int term_height(const term_canvas *t);
size_t term_dots(const term_canvas *t);
/* A line between two dots, (0, 0) at the top left; what lies outside is left out. */
void term_line(term_canvas *t, int x0, int y0, int x1, int y1, unsigned char ink);
/* The characters of one row, without a newline. */
void term_print_row(const term_canvas *t, int row, FILE *out);
/* What an ink looks like: a star, a plus ...; Braille: two dots. */
void term_print_ink(const term_canvas *t, unsigned char ink, FILE *out);

#endif

#include "theme.h"

#include <math.h>

static const theme light = {
    .paper = { 1.00, 1.00, 1.00 },
    .ink = { 0.11, 0.13, 0.16 },
    .soft = { 0.33, 0.37, 0.42 },
    .grid = { 0.90, 0.91, 0.93 },
    .empty = { 0.96, 0.97, 0.98 },
    .full = { 0.03, 0.32, 0.61 },
    .series = { { 0.00, 0.45, 0.70 },
                { 0.84, 0.37, 0.00 },
                { 0.00, 0.56, 0.41 },
                { 0.66, 0.28, 0.54 },
                { 0.63, 0.47, 0.00 },
                { 0.17, 0.19, 0.22 },
                { 0.75, 0.13, 0.20 },
                { 0.50, 0.52, 0.55 } },
};

static const theme dark = {
    .paper = { 0.08, 0.09, 0.11 },
    .ink = { 0.93, 0.94, 0.96 },
    .soft = { 0.66, 0.70, 0.75 },
    .grid = { 0.18, 0.20, 0.23 },
    .empty = { 0.12, 0.14, 0.17 },
    .full = { 0.36, 0.68, 0.95 },
    .series = { { 0.34, 0.70, 0.95 },
                { 1.00, 0.57, 0.25 },
                { 0.20, 0.80, 0.62 },
                { 0.90, 0.60, 0.78 },
                { 0.94, 0.80, 0.25 },
                { 0.93, 0.94, 0.96 },
                { 1.00, 0.42, 0.45 },
                { 0.58, 0.61, 0.65 } },
};

const theme *theme_of(socle_theme t)
{
    return t == SOCLE_THEME_DARK ? &dark : &light;
}

color color_mix(color a, color b, double share)
{
    return (color){ a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share, a.b + (b.b - a.b) * share };
}

/* Nine colours of viridis (S. van der Walt, N. Smith, 2015), one every eighth. */
color theme_map(double share)
{
    static const unsigned map[] = { 0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                    0x28ae80, 0x5ec962, 0xaddc30, 0xfde725 };
    enum { LAST = sizeof map / sizeof *map - 1 };
    double at = fmin(fmax(share, 0), 1) * LAST;
    int below = at < LAST ? (int)at : LAST - 1;
    color end[2];
    for (int i = 0; i < 2; i++) {
        unsigned c = map[below + i];
        end[i] = (color){ (c >> 16) / 255.0, (c >> 8 & 0xff) / 255.0, (c & 0xff) / 255.0 };
    }
    return color_mix(end[0], end[1], at - below);
}

static double linear(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

double color_luminance(color c)
{
    return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

double color_contrast(color a, color b)
{
    double one = color_luminance(a), two = color_luminance(b);
    return (fmax(one, two) + 0.05) / (fmin(one, two) + 0.05);
}

color color_text_on(color back)
{
    const color black = { 0, 0, 0 }, white = { 1, 1, 1 };
    return color_contrast(black, back) > color_contrast(white, back) ? black : white;
}

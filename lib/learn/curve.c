#include "curve.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 60, DOTS_X = 2 * COLUMNS, DOTS_Y = 4 * CURVE_ROWS };

/* Mean of the finite values of each of `width` equal parts; NaN for a part without one. Returns whether any is
 * finite. */
static bool resample(const float *v, size_t n, int width, double *mean, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < width; i++) {
        size_t from = n * (size_t)i / (size_t)width, to = n * (size_t)(i + 1) / (size_t)width;
        to = to > from ? to : from + 1; /* fewer values than dots: each is repeated */
        double sum = 0;
        size_t count = 0;
        for (size_t k = from; k < to && k < n; k++) {
            if (isfinite(v[k])) {
                sum += v[k];
                count++;
            }
        }
        mean[i] = count ? sum / (double)count : NAN;
        *low = fmin(*low, mean[i]);
        *high = fmax(*high, mean[i]);
    }
    return *low <= *high;
}

static void label(FILE *out, int row, double low, double high)
{
    if (row == 0 || row == CURVE_ROWS - 1)
        fprintf(out, "%9.3f ", row == 0 ? high : low);
    else
        fprintf(out, "%10s", "");
}

/* dot[y][x] of a grid of height x width dots, neighbours joined by a vertical line. */
static void rasterize(const double *mean, int width, int height, double low, double high, bool dot[DOTS_Y][DOTS_X])
{
    double scale = high > low ? (height - 1) / (high - low) : 0;
    int before = -1;
    for (int x = 0; x < width; x++) {
        if (isnan(mean[x])) {
            before = -1;
            continue;
        }
        int y = (int)lround((high - mean[x]) * scale);
        int from = before < 0 ? y : before < y ? before + 1 : y, to = before > y ? before - 1 : y;
        for (int k = from; k <= to; k++)
            dot[k][x] = true;
        dot[y][x] = true;
        before = y;
    }
}

/* The bit of each of a Braille character's dots, [row][column]. */
static const unsigned char braille[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };

static void put_braille(FILE *out, bool dot[DOTS_Y][DOTS_X], int row, int column)
{
    unsigned bits = 0;
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 2; x++)
            if (dot[4 * row + y][2 * column + x])
                bits |= braille[y][x];
    /* U+2800 + bits in UTF-8 */
    fprintf(out, "\xe2%c%c", (int)(0xa0 + (bits >> 6)), (int)(0x80 + (bits & 0x3f)));
}

int curve_draw(FILE *out, const float *v, size_t n, bool unicode)
{
    int width = unicode ? DOTS_X : COLUMNS, height = unicode ? DOTS_Y : CURVE_ROWS;
    double mean[DOTS_X], low, high;
    bool dot[DOTS_Y][DOTS_X];
    if (n == 0 || !resample(v, n, width, mean, &low, &high))
        return 0;
    memset(dot, 0, sizeof dot);
    rasterize(mean, width, height, low, high, dot);
    for (int row = 0; row < CURVE_ROWS; row++) {
        label(out, row, low, high);
        for (int column = 0; column < COLUMNS; column++) {
            if (unicode)
                put_braille(out, dot, row, column);
            else
                fputc(dot[row][column] ? '*' : ' ', out);
        }
        fputc('\n', out);
    }
    return CURVE_ROWS;
}

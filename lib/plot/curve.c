#include "curve.h"

#include <math.h>
#include "term.h"

enum { COLUMNS = 60, WIDTH_MOST = 2 * COLUMNS, DOTS_MOST = WIDTH_MOST * 4 * CURVE_ROWS };

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

static void draw(term_canvas *t, const double *mean, double low, double high)
{
    double scale = high > low ? (term_height(t) - 1) / (high - low) : 0;
    int before = -1;
    for (int x = 0; x < term_width(t); x++) {
        if (isnan(mean[x])) {
            before = -1;
            continue;
        }
        int y = (int)lround((high - mean[x]) * scale);
        term_line(t, before < 0 ? x : x - 1, before < 0 ? y : before, x, y, 1);
        before = y;
    }
}

int curve_draw(FILE *out, const float *v, size_t n, bool unicode)
{
    unsigned char dot[DOTS_MOST] = { 0 };
    term_canvas t = { .columns = COLUMNS, .rows = CURVE_ROWS, .braille = unicode, .dot = dot };
    double mean[WIDTH_MOST], low, high;
    if (n == 0 || !resample(v, n, term_width(&t), mean, &low, &high))
        return 0;
    draw(&t, mean, low, high);
    for (int row = 0; row < CURVE_ROWS; row++) {
        label(out, row, low, high);
        term_print_row(&t, row, out);
        fputc('\n', out);
    }
    return CURVE_ROWS;
}

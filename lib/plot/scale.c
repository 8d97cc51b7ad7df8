#include "scale.h"

#include <float.h>
#include <math.h>

/* ---- ranges ---- */

static void take(double v, bool log, double *low, double *high)
{
    if (!isfinite(v) || (log && v <= 0))
        return;
    *low = fmin(*low, v);
    *high = fmax(*high, v);
}

static void take_panel(const panel *p, bool along_y, bool log, double *low, double *high)
{
    for (int i = 0; i < p->lines.n_series; i++) {
        const series *s = &p->lines.series[i];
        for (size_t k = 0; k < s->n; k++)
            if (isfinite(series_x(s, k)) && isfinite(s->y[k]))
                take(along_y ? (double)s->y[k] : series_x(s, k), log, low, high);
    }
    for (int i = 0; i < p->lines.n_marks; i++)
        if (p->lines.marks[i].horizontal == along_y)
            take(p->lines.marks[i].at, log, low, high);
}

bool scale_find(scale *s, const panel *p, bool along_y, double margin)
{
    const axis *a = along_y ? &p->y : &p->x;
    double low = INFINITY, high = -INFINITY;
    take_panel(p, along_y, a->log, &low, &high);
    bool any = low <= high;
    *s = (scale){ .log = a->log, .low = a->low, .high = a->high };
    if (a->low < a->high)
        return any;
    if (!any) {
        low = a->log ? 0.1 : 0;
        high = 1;
    }
    if (a->log) {
        /* marks may be so far apart that their ratio is no number */
        double factor = high > low ? exp(margin * (log(high) - log(low))) : 2;
        s->low = fmax(low / factor, DBL_MIN);
        s->high = fmin(high * factor, DBL_MAX);
    } else {
        double pad = high > low ? (high - low) * margin : low != 0 ? fabs(low) * 0.1 : 1;
        s->low = low - pad;
        s->high = high + pad;
    }
    return any;
}

/* ---- places ---- */

bool scale_has(const scale *s, double v)
{
    return isfinite(v) && (!s->log || v > 0);
}

double scale_at(const scale *s, double v)
{
    double share =
        s->log ? (log(v) - log(s->low)) / (log(s->high) - log(s->low)) : (v - s->low) / (s->high - s->low);
    return s->from + fmin(fmax(share, -3), 4) * (s->to - s->from); /* cairo's coordinates end at 2^23 */
}

/* ---- thinning ---- */

/* The points of a series that fall into one column of pixels: places in the series. */
typedef struct column {
    double pixel;
    size_t first, lowest, highest, last;
} column;

static point place(const series *s, const scale *x, const scale *y, size_t i)
{
    return (point){ scale_at(x, series_x(s, i)), scale_at(y, (double)s->y[i]) };
}

static size_t put_column(point *out, const column *c, const series *s, const scale *x, const scale *y)
{
    bool rising = c->lowest < c->highest;
    size_t order[4] = { c->first, rising ? c->lowest : c->highest, rising ? c->highest : c->lowest, c->last },
           n = 0;
    for (int k = 0; k < 4; k++)
        if (k == 0 || order[k] != order[k - 1])
            out[n++] = place(s, x, y, order[k]);
    return n;
}

size_t scale_thin(point *out, const series *s, const scale *x, const scale *y)
{
    size_t n = 0;
    bool open = false; /* c holds points */
    column c = { 0 };
    for (size_t i = 0; i < s->n; i++) {
        if (!scale_has(x, series_x(s, i)) || !scale_has(y, (double)s->y[i])) {
            if (open) {
                n += put_column(out + n, &c, s, x, y);
                out[n++] = (point){ NAN, NAN };
            }
            open = false;
            continue;
        }
        double pixel = floor(scale_at(x, series_x(s, i)));
        if (open && pixel == c.pixel) {
            c.lowest = s->y[i] < s->y[c.lowest] ? i : c.lowest;
            c.highest = s->y[i] > s->y[c.highest] ? i : c.highest;
            c.last = i;
            continue;
        }
        if (open)
            n += put_column(out + n, &c, s, x, y);
        c = (column){ pixel, i, i, i, i };
        open = true;
    }
    return open ? n + put_column(out + n, &c, s, x, y) : n;
}

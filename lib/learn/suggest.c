#include "suggest.h"

#include <math.h>

enum { REACH = 2 }; /* neighbours on either side */

size_t suggest_lowest(const float *loss, size_t n)
{
    size_t lowest = n;
    for (size_t i = 0; i < n; i++)
        if (isfinite(loss[i]) && (lowest == n || loss[i] < loss[lowest]))
            lowest = i;
    return lowest;
}

/* Around i, which has REACH neighbours on either side. Unlike a running average this one does not lag behind the rate. */
static double mean_around(const float *loss, size_t i)
{
    double sum = 0;
    for (size_t k = i - REACH; k <= i + REACH; k++)
        sum += (double)loss[k];
    return sum / (2 * REACH + 1);
}

double suggest_steep(const float *lr, const float *loss, size_t n)
{
    size_t lowest = suggest_lowest(loss, n);
    double best = 0, rate = NAN;
    for (size_t i = REACH + 1; i + REACH + 1 < n && i <= lowest; i++) {
        double rise = mean_around(loss, i + 1) - mean_around(loss, i - 1);
        double slope = rise / (log((double)lr[i + 1]) - log((double)lr[i - 1]));
        if (slope < best) { /* false for NaN */
            best = slope;
            rate = (double)lr[i];
        }
    }
    return rate;
}

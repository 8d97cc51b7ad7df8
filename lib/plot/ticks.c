/* Where an axis is labelled, and with what. A tick is an integer times a power of ten, computed with one rounding, so that
 * 0.3 is written "0.3" and not "0.30000000000000004". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scale.h"

/* k 10^exponent, correctly rounded while the power is exact (up to 10^22). */
static double decimal(double k, int exponent)
{
    return exponent < 0 ? k / pow(10, -exponent) : k * pow(10, exponent);
}

/* ---- text ---- */

/* "1.50e-05" becomes "1.5e-5". */
static void shorten(char *text)
{
    char *e = strchr(text, 'e');
    if (e == NULL)
        return;
    int exponent = atoi(e + 1);
    char *end = e;
    if (memchr(text, '.', (size_t)(e - text)) != NULL) {
        while (end[-1] == '0')
            end--;
        if (end[-1] == '.')
            end--;
    }
    snprintf(end, (size_t)(text + TICK_TEXT - end), "e%d", exponent);
}

/* v, a multiple of 10^exponent, beside values up to `most`. */
static void format(char text[TICK_TEXT], double v, int exponent, double most)
{
    static const struct {
        const char *suffix;
        int power;
    } unit[] = { { "T", 12 }, { "G", 9 }, { "M", 6 }, { "k", 3 }, { "", 0 } };
    if (v == 0) {
        strcpy(text, "0");
        return;
    }
    if (most < 1e-3 || most >= 1e15 || exponent < -9) {
        int digits = (int)floor(log10(fabs(v))) - exponent + 1; /* a zero too many is taken away again */
        snprintf(text, TICK_TEXT, "%.*e", digits < 0 ? 0 : digits > 15 ? 15 : digits, v);
        shorten(text);
        return;
    }
    size_t u = 0;
    while (unit[u].power > 0 && most < decimal(unit[u].power == 3 ? 10 : 1, unit[u].power))
        u++;
    if (unit[u].power - exponent > 3) /* as many decimals as without */
        u = sizeof unit / sizeof *unit - 1;
    int digits = unit[u].power - exponent;
    snprintf(text, TICK_TEXT, "%.*f%s", digits < 0 ? 0 : digits, v / pow(10, unit[u].power), unit[u].suffix);
}

void tick_text(char text[TICK_TEXT], double v)
{
    if (!isfinite(v)) {
        snprintf(text, TICK_TEXT, "%f", v);
        return;
    }
    /* three significant digits, and no zeros behind them */
    int exponent = v != 0 ? (int)floor(log10(fabs(v))) - 2 : 0;
    double k = v != 0 ? round(decimal(v, -exponent)) : 0;
    for (int i = 0; i < 2 && fmod(k, 10) == 0 && k != 0; i++, exponent++)
        k /= 10;
    format(text, decimal(k, exponent), exponent, fabs(v));
}

/* ---- linear ---- */

static void linear(ticks *t, const scale *s, bool whole, int at_most)
{
    static const int nice[] = { 1, 2, 5 };
    double span = s->high - s->low;
    int exponent = (int)floor(log10(span / at_most)) - 1;
    if (whole && exponent < 0)
        exponent = 0;
    for (int i = 0;; i++) {
        int e = exponent + i / 3;
        /* the quotients are rounded: a tick too many is found below */
        double step = decimal(nice[i % 3], e), first = ceil(s->low / step - 1e-9),
               last = floor(s->high / step + 1e-9);
        if (last - first + 1 > at_most)
            continue;
        double most = fmax(fabs(first * step), fabs(last * step));
        for (int k = 0; k <= (int)(last - first); k++) {
            double at = decimal((first + k) * nice[i % 3], e) + 0.0; /* no negative zero */
            if (at < s->low || at > s->high)
                continue;
            t->at[t->n] = at;
            format(t->text[t->n++], at, e, most);
        }
        return;
    }
}

/* ---- logarithmic ---- */

/* Minor ticks: 2 to 9 times the powers of ten from low to high, and the powers that carry no label. */
static void log_minor(ticks *t, const scale *s, int low, int high, int stride)
{
    if ((high - low + 2) * 9 > TICKS_MINOR_MOST && stride == 1)
        return;
    for (int e = low - 1; e <= high; e++) {
        for (int k = stride > 1 ? 1 : 2; k <= (stride > 1 ? 1 : 9); k++) {
            double at = decimal(k, e);
            bool labelled = k == 1 && e % stride == 0;
            if (at >= s->low && at <= s->high && !labelled && t->n_minor < TICKS_MINOR_MOST)
                t->minor[t->n_minor++] = at;
        }
    }
}

static void logarithmic(ticks *t, const scale *s, int at_most)
{
    int low = (int)ceil(log10(s->low) - 1e-9), high = (int)floor(log10(s->high) + 1e-9), stride = 1;
    while ((high - low) / stride + 1 > at_most)
        stride++;
    for (int e = low; e <= high; e++) {
        double at = decimal(1, e);
        if (e % stride != 0 || at < s->low || at > s->high)
            continue;
        t->at[t->n] = at;
        tick_text(t->text[t->n++], at);
    }
    log_minor(t, s, low, high, stride);
}

/* Few powers of ten: 1, 2 and 5 times them. Returns whether these are at most at_most ticks. */
static bool log_narrow(ticks *t, const scale *s, int at_most)
{
    static const int nice[] = { 1, 2, 5 };
    for (int e = (int)floor(log10(s->low)) - 1; decimal(1, e) <= s->high; e++) {
        for (int i = 0; i < 3; i++) {
            double at = decimal(nice[i], e);
            if (at < s->low || at > s->high)
                continue;
            if (t->n == at_most)
                return false;
            t->at[t->n] = at;
            tick_text(t->text[t->n++], at);
        }
    }
    return t->n >= 2;
}

void ticks_make(ticks *t, const scale *s, bool whole, int at_most)
{
    at_most = at_most < 2 ? 2 : at_most > TICKS_MOST ? TICKS_MOST : at_most;
    *t = (ticks){ 0 };
    if (s->log) {
        if (s->high / s->low < 1000 && log_narrow(t, s, at_most))
            return;
        *t = (ticks){ 0 };
        logarithmic(t, s, at_most);
        if (t->n >= 2)
            return;
        *t = (ticks){ 0 };
    }
    linear(t, s, whole, at_most);
}

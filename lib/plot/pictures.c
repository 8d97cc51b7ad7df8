/* The usual pictures of a training run, made of a figure's panels. */
#include <math.h>
#include <stdio.h>
#include <socle/sys/memory.h>
#include "figure.h"
#include "scale.h"

enum {
    SMOOTH_SHARE = 40,   /* the moving average covers 1/40 of the steps, */
    SMOOTH_LEAST = 100,  /* of so many at least, */
    SMOOTH_POINTS = 320, /* and is drawn through so many points at most */
    FUNCTION_POINTS = 201,
    ROWS_MOST = 1000
};

/* Fails f if cond does not hold. */
static bool require(socle_figure *f, bool cond, const char *what)
{
    if (!cond) {
        (void)socle_fail(SOCLE_ERR_ARG, "%s", what);
        figure_fail(f);
    }
    return cond;
}

static bool ready(const socle_figure *f)
{
    return f != NULL && f->status == SOCLE_OK;
}

/* n rows of a table are series; an owned array, NULL on failure of f. */
static socle_series *series_of(socle_figure *f, const socle_plot_table *t, socle_series_style style)
{
    if (!require(f, t->values != NULL || t->rows * t->n == 0, "plot: a table without values") ||
        !require(f, t->rows <= ROWS_MOST, "plot: a table of more than 1000 rows"))
        return NULL;
    socle_series *s = socle_mem_zeroed(t->rows, sizeof *s);
    if (s == NULL)
        figure_fail(f);
    for (size_t i = 0; s != NULL && i < t->rows; i++)
        s[i] = (socle_series){ .name = t->names != NULL ? t->names[i] : NULL,
                               .y = t->values != NULL ? t->values + i * t->n : NULL,
                               .n = t->n,
                               .style = style };
    return s;
}

static void plot_table(socle_figure *f, socle_plot_table t, socle_lines_desc o, socle_series_style style)
{
    if (!ready(f))
        return;
    socle_series *s = series_of(f, &t, style);
    if (s == NULL)
        return;
    if (t.title != NULL)
        o.title = t.title;
    o.series = s;
    o.n_series = (int)t.rows;
    socle_figure_lines(f, o);
    socle_mem_free(s);
}

/* ---- losses ---- */

/* Places along n steps and the mean of the finite losses around each: sums of their own, since a running sum never recovers
 * from the loss of 1e30 that it lets go of. */
static void smooth(float *at, float *mean, size_t points, const float *v, size_t n)
{
    size_t half = n / (2 * SMOOTH_SHARE);
    for (size_t k = 0; k < points; k++) {
        size_t i = (size_t)((double)(n - 1) * (double)k / (double)(points - 1)), count = 0;
        double sum = 0;
        for (size_t j = i > half ? i - half : 0; j < n && j <= i + half; j++) {
            sum += isfinite(v[j]) ? (double)v[j] : 0;
            count += isfinite(v[j]) ? 1 : 0;
        }
        at[k] = (float)i;
        mean[k] = count > 0 ? (float)(sum / (double)count) : NAN;
    }
}

/* Short runs are drawn as they are. */
static int train_series(socle_series *s, const socle_plot_losses_desc *o, float *at, float *mean)
{
    if (o->n < SMOOTH_LEAST) {
        s[0] = (socle_series){ .name = "train", .y = o->train, .n = o->n };
        return 1;
    }
    size_t points = o->n < SMOOTH_POINTS ? o->n : SMOOTH_POINTS;
    smooth(at, mean, points, o->train, o->n);
    s[0] = (socle_series){ .y = o->train, .n = o->n, .style = SOCLE_FAINT };
    s[1] = (socle_series){ .name = "train", .x = at, .y = mean, .n = points };
    return 2;
}

/* Validation losses and the steps after which they were taken. */
static int valid_series(socle_series *s, const socle_plot_losses_desc *o, float *at)
{
    size_t steps = o->steps_per_epoch;
    if (o->n_valid == 0)
        return 0;
    if (steps == 0)
        steps = o->n > o->n_valid ? o->n / o->n_valid : 1;
    for (size_t i = 0; i < o->n_valid; i++)
        at[i] = (float)((i + 1) * steps);
    s[0] = (socle_series){ .name = "valid", .x = at, .y = o->valid, .n = o->n_valid, .style = SOCLE_LINE_POINTS };
    return 1;
}

void socle_plot_losses(socle_figure *f, socle_plot_losses_desc o)
{
    if (!ready(f) || !require(f, o.train != NULL || o.n == 0, "plot: losses without values") ||
        !require(f, o.valid != NULL || o.n_valid == 0, "plot: validation losses without values"))
        return;
    float *smoothed = socle_mem_zeroed(2 * SMOOTH_POINTS, sizeof *smoothed);
    float *epochs = socle_mem_zeroed(o.n_valid, sizeof *epochs);
    if (smoothed != NULL && epochs != NULL) {
        socle_series s[3];
        int n = train_series(s, &o, smoothed, smoothed + SMOOTH_POINTS);
        n += valid_series(s + n, &o, epochs);
        socle_figure_lines(f, (socle_lines_desc){ .title = o.title != NULL ? o.title : "loss",
                                                  .x = { .label = "step", .whole = true },
                                                  .y = { .label = "loss", .log = o.log },
                                                  .series = s,
                                                  .n_series = n });
    } else {
        figure_fail(f);
    }
    socle_mem_free(smoothed);
    socle_mem_free(epochs);
}

/* ---- tables ---- */

void socle_plot_metrics(socle_figure *f, socle_plot_table t)
{
    plot_table(f, t, (socle_lines_desc){ .title = "metrics", .x = { .label = "epoch", .whole = true } },
               SOCLE_LINE_POINTS);
}

void socle_plot_rates(socle_figure *f, socle_plot_table t)
{
    socle_lines_desc o = { .title = "learning rate",
                           .x = { .label = "step", .whole = true },
                           .y = { .label = "learning rate" } };
    plot_table(f, t, o, SOCLE_LINE);
}

void socle_plot_dead(socle_figure *f, socle_plot_table t)
{
    socle_lines_desc o = { .title = "dead activations",
                           .x = { .label = "step", .whole = true },
                           .y = { .label = "share", .low = 0, .high = 1 } };
    plot_table(f, t, o, SOCLE_LINE);
}

void socle_plot_stats(socle_figure *f, socle_plot_table means, socle_plot_table stds)
{
    socle_lines_desc o = { .title = "means", .x = { .label = "step", .whole = true } };
    plot_table(f, means, o, SOCLE_LINE);
    o.title = "standard deviations";
    plot_table(f, stds, o, SOCLE_LINE);
}

/* ---- the others ---- */

void socle_plot_lr_find(socle_figure *f, const float *lr, const float *loss, size_t n, double suggestion)
{
    if (!ready(f) ||
        !require(f, (lr != NULL && loss != NULL) || n == 0, "plot: learning rates or losses without values"))
        return;
    char number[TICK_TEXT], label[TICK_TEXT + 16];
    bool marked = suggestion > 0 && isfinite(suggestion);
    tick_text(number, marked ? suggestion : 0);
    snprintf(label, sizeof label, "suggestion %s", number);
    socle_series s = { .x = lr, .y = loss, .n = n };
    socle_mark m = { .at = suggestion, .label = label };
    socle_figure_lines(f, (socle_lines_desc){ .title = "loss against learning rate",
                                              .x = { .label = "learning rate", .log = true },
                                              .y = { .label = "loss" },
                                              .series = &s,
                                              .n_series = 1,
                                              .marks = &m,
                                              .n_marks = marked });
}

void socle_plot_function(socle_figure *f, socle_plot_fn y, void *user, double low, double high, const char *title)
{
    if (!ready(f) || !require(f, y != NULL && low < high, "plot: a function over an empty range, or none"))
        return;
    float at[FUNCTION_POINTS], value[FUNCTION_POINTS];
    for (int i = 0; i < FUNCTION_POINTS; i++) {
        double x = low + (high - low) * i / (FUNCTION_POINTS - 1);
        at[i] = (float)x;
        value[i] = (float)y(x, user);
    }
    socle_series s = { .x = at, .y = value, .n = FUNCTION_POINTS };
    socle_figure_lines(f, (socle_lines_desc){ .title = title, .series = &s, .n_series = 1 });
}

void socle_plot_histograms(socle_figure *f, socle_plot_histograms_desc o)
{
    if (!ready(f) || !require(f, o.values != NULL || o.layers == 0, "plot: histograms without values"))
        return;
    for (size_t i = 0; i < o.layers && f->status == SOCLE_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer %zu", i);
        socle_figure_heatmap(f, (socle_heatmap_desc){ .title = o.names != NULL ? o.names[i] : name,
                                                      .x = { .label = "step", .whole = true },
                                                      .y = { .low = o.low, .high = o.high },
                                                      .values = o.values[i],
                                                      .rows = o.bins,
                                                      .columns = o.steps,
                                                      .origin_low = true,
                                                      .no_bar = true });
    }
}

void socle_plot_images(socle_figure *f, socle_plot_images_desc o)
{
    if (!ready(f) || !require(f, o.pixels != NULL || o.n == 0, "plot: images without pixels") ||
        !require(f, o.channels > 0 && o.height > 0 && o.width > 0, "plot: images without a size"))
        return;
    size_t size = (size_t)o.channels * (size_t)o.height * (size_t)o.width;
    for (size_t i = 0; i < o.n && f->status == SOCLE_OK; i++)
        socle_figure_image(f, (socle_image_desc){ .title = o.titles != NULL ? o.titles[i] : NULL,
                                                  .pixels = o.pixels + i * size,
                                                  .channels = o.channels,
                                                  .height = o.height,
                                                  .width = o.width,
                                                  .low = o.low,
                                                  .high = o.high });
}

void socle_plot_confusion(socle_figure *f, const int64_t *counts, int classes, const char *const *names)
{
    if (!ready(f))
        return;
    socle_figure_matrix(f, (socle_matrix_desc){ .title = "confusion matrix",
                                                .x_label = "predicted",
                                                .y_label = "true",
                                                .counts = counts,
                                                .rows = classes,
                                                .columns = classes,
                                                .row_names = names,
                                                .column_names = names });
}

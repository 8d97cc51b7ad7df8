#include "inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static socle_status no_memory(void)
{
    return socle_fail(SOCLE_ERR_NOMEM, "no memory for a picture");
}

socle_status write_figure(const options *o, socle_figure *f, const char *name)
{
    char *path = options_out_path(o, name);
    socle_status s = path ? socle_figure_write(f, path) : no_memory();
    free(path);
    socle_figure_free(f);
    return s;
}

static void print_figure(const socle_figure *f)
{
    bool terminal = isatty(STDOUT_FILENO);
    socle_status s = socle_figure_print(f, stdout, (socle_print_desc){ .unicode = terminal, .color = terminal });
    (void)s; /* a picture that cannot be printed is not missed */
}

socle_status show_figure(const options *o, socle_figure *f, const char *name)
{
    if (o->plot)
        return write_figure(o, f, name);
    print_figure(f);
    socle_figure_free(f);
    return SOCLE_OK;
}

/* ---- the learning rate ---- */

socle_status find_rate(const options *o, socle_learner *l, double *lr)
{
    socle_lr_curve curve;
    socle_status s = socle_lr_find(l, (socle_lr_find_desc){ .smooth = 0.5 }, &curve);
    if (s != SOCLE_OK)
        return s;
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_plot_lr_find(f, curve.lr, curve.loss, curve.n, curve.steep);
    if (!o->quiet) {
        print_figure(f);
        printf("%zu steps; steepest at %.3g, a tenth of the lowest point's rate is %.3g\n", curve.n, curve.steep,
               curve.tenth);
    }
    if (isfinite(curve.steep))
        *lr = curve.steep;
    if (o->plot)
        s = write_figure(o, f, "lr_find.png");
    else
        socle_figure_free(f);
    socle_lr_curve_free(&curve);
    return s;
}

/* ---- initial weights ---- */

socle_status init_by_lsuv(const options *o, socle_learner *l, socle_lsuv_form form)
{
    socle_lsuv_report report;
    socle_scope scope = socle_scope_begin(l->ctx);
    socle_tensor *x = socle_learner_batch(l);
    socle_status s = socle_error_status();
    if (x) {
        s = socle_lsuv(l->model, l->ctx, x, (socle_lsuv_desc){ .form = form }, &report);
        if (s == SOCLE_OK && !o->quiet) {
            printf("%-12s %17s %17s %7s\n", "layer", "mean, std before", "after", "passes");
            for (size_t i = 0; i < report.n; i++) {
                const socle_lsuv_layer *r = &report.layer[i];
                printf("%-12s %8.3f %8.3f %8.3f %8.3f %7d%s\n", r->path, r->mean_before, r->std_before, r->mean,
                       r->std, r->passes, r->converged ? "" : "  (not converged)");
            }
        }
        if (s == SOCLE_OK)
            socle_lsuv_report_free(&report);
    }
    socle_release(x);
    socle_scope_end(l->ctx, scope, NULL);
    return s;
}

/* ---- activations ---- */

void print_activations(const socle_activations *a)
{
    printf("%-12s %9s %9s %9s\n", "layer", "mean", "std", "dead");
    for (size_t i = 0; i < socle_activations_layers(a); i++) {
        const float *mean, *std;
        size_t n = socle_activations_mean(a, i, &mean);
        if (n == 0 || socle_activations_std(a, i, &std) != n)
            continue;
        printf("%-12s %9.3f %9.3f %8.1f%%\n", socle_activations_path(a, i), (double)mean[n - 1], (double)std[n - 1],
               100 * socle_activations_share(a, i, n - 1, 0, 0));
    }
}

/* What the pictures of activations are made of: tables of layers by steps. */
typedef struct tables {
    size_t layers, steps, bins;
    const char **name;
    float *mean, *std, *dead; /* (layers, steps) */
    float **histogram;        /* layers of (bins, steps) */
} tables;

static void tables_free(tables *t)
{
    for (size_t i = 0; t->histogram && i < t->layers; i++)
        free(t->histogram[i]);
    free(t->histogram);
    free(t->dead);
    free(t->std);
    free(t->mean);
    free(t->name);
}

static bool fill_layer(tables *t, const socle_activations *a, size_t layer)
{
    const float *mean, *std;
    const int32_t *count;
    t->name[layer] = socle_activations_path(a, layer);
    t->histogram[layer] = malloc(t->bins * t->steps * sizeof(float));
    if (!t->histogram[layer] || socle_activations_mean(a, layer, &mean) != t->steps ||
        socle_activations_std(a, layer, &std) != t->steps || socle_activations_counts(a, layer, &count) != t->steps)
        return false;
    memcpy(t->mean + layer * t->steps, mean, t->steps * sizeof *mean);
    memcpy(t->std + layer * t->steps, std, t->steps * sizeof *std);
    for (size_t step = 0; step < t->steps; step++) {
        t->dead[layer * t->steps + step] = (float)socle_activations_share(a, layer, step, 0, 0);
        for (size_t bin = 0; bin < t->bins; bin++)
            t->histogram[layer][bin * t->steps + step] = log1pf((float)count[step * t->bins + bin]);
    }
    return true;
}

static bool tables_fill(tables *t, const socle_activations *a)
{
    const float *mean;
    *t = (tables){ .layers = socle_activations_layers(a), .bins = socle_activations_bins(a) };
    t->steps = t->layers ? socle_activations_mean(a, 0, &mean) : 0;
    size_t n = t->layers * t->steps;
    t->name = calloc(t->layers + 1, sizeof *t->name);
    t->mean = malloc((n + 1) * sizeof(float));
    t->std = malloc((n + 1) * sizeof(float));
    t->dead = malloc((n + 1) * sizeof(float));
    t->histogram = calloc(t->layers + 1, sizeof *t->histogram);
    bool good = t->name && t->mean && t->std && t->dead && t->histogram && n > 0;
    for (size_t i = 0; good && i < t->layers; i++)
        good = fill_layer(t, a, i);
    return good;
}

static socle_plot_table table_of(const tables *t, const float *values)
{
    return (socle_plot_table){ .names = t->name, .values = values, .rows = t->layers, .n = t->steps };
}

static socle_status draw_activations(const options *o, const socle_activations *a)
{
    tables t;
    socle_status s = tables_fill(&t, a) ? SOCLE_OK : no_memory();
    if (s == SOCLE_OK) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ .title = "activations" });
        socle_plot_histograms(f, (socle_plot_histograms_desc){ .names = t.name,
                                                               .values = (const float *const *)t.histogram,
                                                               .layers = t.layers,
                                                               .bins = t.bins,
                                                               .steps = t.steps,
                                                               .low = 0,
                                                               .high = 10 });
        s = write_figure(o, f, "activations.png");
    }
    if (s == SOCLE_OK) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
        socle_plot_dead(f, table_of(&t, t.dead));
        s = write_figure(o, f, "dead.png");
    }
    if (s == SOCLE_OK) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
        socle_plot_stats(f, table_of(&t, t.mean), table_of(&t, t.std));
        s = write_figure(o, f, "stats.png");
    }
    tables_free(&t);
    return s;
}

/* ---- the run ---- */

enum { TRAIN_LOSS, VALID_LOSS, TRAIN_ACCURACY, VALID_ACCURACY, COLUMNS };
static const char *const column_name[COLUMNS] = { "train loss", "valid loss", "train accuracy", "valid accuracy" };

/* (COLUMNS, *epochs), NaN where there is nothing; free it. NULL without memory. */
static float *metrics_of(const socle_recorder *record, size_t *epochs)
{
    long rows = 0;
    while (!isnan(socle_recorder_value(record, "epoch", rows)))
        rows++;
    *epochs = rows > 0 ? (size_t)socle_recorder_value(record, "epoch", rows - 1) + 1 : 0;
    float *values = malloc((COLUMNS * *epochs + 1) * sizeof *values);
    for (size_t i = 0; values && i < COLUMNS * *epochs; i++)
        values[i] = NAN;
    for (long row = 0; values && row < rows; row++) {
        size_t epoch = (size_t)socle_recorder_value(record, "epoch", row);
        bool train = socle_recorder_value(record, "train", row) > 0;
        values[(train ? TRAIN_LOSS : VALID_LOSS) * *epochs + epoch] =
            (float)socle_recorder_value(record, "loss", row);
        values[(train ? TRAIN_ACCURACY : VALID_ACCURACY) * *epochs + epoch] =
            (float)socle_recorder_value(record, "accuracy", row);
    }
    return values;
}

socle_status draw_training(const options *o, const socle_recorder *record, const socle_activations *a)
{
    const float *loss;
    size_t n = socle_recorder_losses(record, &loss), epochs;
    float *metrics = metrics_of(record, &epochs);
    if (!metrics)
        return no_memory();
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_plot_losses(f, (socle_plot_losses_desc){
                             .train = loss, .n = n, .valid = metrics + VALID_LOSS * epochs, .n_valid = epochs });
    socle_status s = write_figure(o, f, "loss.png");
    if (s == SOCLE_OK) {
        f = socle_figure_new((socle_figure_desc){ .columns = 2 });
        socle_plot_table t = { .names = column_name, .values = metrics, .rows = 2, .n = epochs, .title = "loss" };
        socle_plot_metrics(f, t);
        t.names += TRAIN_ACCURACY;
        t.values += TRAIN_ACCURACY * epochs;
        t.title = "accuracy";
        socle_plot_metrics(f, t);
        s = write_figure(o, f, "metrics.png");
    }
    free(metrics);
    return s == SOCLE_OK && a ? draw_activations(o, a) : s;
}

/* ---- hyper-parameters ---- */

socle_status track_hypers(socle_recorder *record)
{
    socle_status s = SOCLE_OK;
    for (int h = 0; h < SOCLE_HYPER_MAX && s == SOCLE_OK; h++)
        if (socle_hyper_name(h))
            s = socle_recorder_track(record, h);
    return s;
}

typedef struct hyper_rows {
    int n;
    const char *name[SOCLE_HYPER_MAX];
    const float *value[SOCLE_HYPER_MAX]; /* of `steps` */
    size_t steps;
} hyper_rows;

/* Those that change from step to step, or those that do not (and are not 0). */
static hyper_rows hypers_of(const socle_recorder *record, bool changing)
{
    hyper_rows rows = { 0 };
    for (int h = 0; h < SOCLE_HYPER_MAX; h++) {
        const float *v;
        size_t n = socle_recorder_hyper(record, h, 0, &v), same = 0;
        while (same < n && v[same] == v[0])
            same++;
        if (n == 0 || changing != (same < n) || (!changing && v[0] == 0))
            continue;
        rows.name[rows.n] = socle_hyper_name(h);
        rows.value[rows.n++] = v;
        rows.steps = n;
    }
    return rows;
}

void print_hypers(const socle_recorder *record)
{
    const hyper_rows fixed = hypers_of(record, false), changing = hypers_of(record, true);
    for (int i = 0; i < fixed.n; i++)
        printf("%s%s %g", i ? ", " : "at every step: ", fixed.name[i], (double)fixed.value[i][0]);
    printf("%s%6s", fixed.n ? "\n" : "", "step");
    for (int i = 0; i < changing.n; i++)
        printf(" %12s", changing.name[i]);
    putchar('\n');
    for (size_t step = 0; step < changing.steps; step++) {
        printf("%6zu", step);
        for (int i = 0; i < changing.n; i++)
            printf(" %12.6g", (double)changing.value[i][step]);
        putchar('\n');
    }
}

socle_status draw_hypers(const options *o, const socle_recorder *record)
{
    const hyper_rows rows = hypers_of(record, true);
    if (rows.n == 0)
        return SOCLE_OK;
    socle_figure *f = socle_figure_new((socle_figure_desc){ .columns = rows.n < 3 ? rows.n : 3 });
    for (int i = 0; i < rows.n; i++) {
        socle_series line = { .y = rows.value[i], .n = rows.steps };
        socle_figure_lines(f, (socle_lines_desc){ .title = rows.name[i],
                                                  .x = { .label = "step", .whole = true },
                                                  .series = &line,
                                                  .n_series = 1 });
    }
    return write_figure(o, f, "hypers.png");
}

/* ---- predictions ---- */

enum { SHOWN = 12 };

static socle_status draw_confusion(const options *o, const socle_predictions *p, const char *const *vocab)
{
    int64_t *counts = malloc((size_t)p->classes * (size_t)p->classes * sizeof *counts);
    if (!counts)
        return no_memory();
    socle_status s = socle_predictions_confusion(p, counts);
    if (s == SOCLE_OK) {
        socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
        socle_plot_confusion(f, counts, p->classes, vocab);
        s = write_figure(o, f, "confusion.png");
    }
    free(counts);
    return s;
}

static socle_status draw_images(const options *o, const socle_predictions *p, const char *const *vocab)
{
    const char *title[SHOWN];
    for (size_t i = 0; i < p->inputs; i++)
        title[i] = vocab ? vocab[p->label[i]] : "";
    socle_figure *f = socle_figure_new((socle_figure_desc){ .columns = 6 });
    socle_plot_images(f, (socle_plot_images_desc){ .pixels = p->x,
                                                   .n = p->inputs,
                                                   .channels = (int)p->x_shape.dim[0],
                                                   .height = (int)p->x_shape.dim[1],
                                                   .width = (int)p->x_shape.dim[2],
                                                   .titles = title });
    return write_figure(o, f, "images.png");
}

socle_status draw_predictions(const options *o, socle_learner *l)
{
    socle_predictions p;
    socle_status s = socle_predict(l, (socle_predict_desc){ .inputs = SHOWN }, &p);
    if (s != SOCLE_OK)
        return s;
    s = draw_confusion(o, &p, l->data->vocab);
    if (s == SOCLE_OK)
        s = draw_images(o, &p, l->data->vocab);
    socle_predictions_free(&p);
    return s;
}

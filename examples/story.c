#define _POSIX_C_SOURCE 200809L
#include "story.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool story_begin(story *s)
{
    s->out = s->o->quiet ? fopen("/dev/null", "w") : stdout;
    if (!s->out)
        complain("/dev/null cannot be written");
    return s->out;
}

void story_end(story *s)
{
    if (s->out != stdout)
        fclose(s->out);
}

void story_step(story *s, const char *name, const char *what)
{
    fprintf(s->out, "\n== %s: %s\n", name, what);
    s->row[s->rows].points = 0;
    s->started = now();
}

void story_point(story *s, double accuracy)
{
    story_line *line = &s->row[s->rows];
    if (line->points < STORY_POINTS)
        line->accuracy[line->points++] = (float)accuracy;
}

static double result(const story_line *line)
{
    return line->points > 0 ? (double)line->accuracy[line->points - 1] : 0;
}

void story_row(story *s, const char *method, int epochs)
{
    story_line *line = &s->row[s->rows];
    line->method = method;
    line->epochs = epochs;
    line->seconds = now() - s->started;
    fprintf(s->out, "%s: accuracy %.4f\n", method, result(line));
    fflush(s->out);
    if (s->rows < STORY_ROWS)
        s->rows++;
    s->row[s->rows].points = 0;
    s->started = now();
}

/* An epoch's rows are those of its two passes. value: accuracy, loss, epoch, train. */
static void print_epoch(socle_learner *l, int n, const char *const *name, const double *value)
{
    (void)n, (void)name;
    story *s = l->log_user;
    if (value[3] > 0) {
        s->train_loss = value[1];
        return;
    }
    story_point(s, value[0]);
    fprintf(s->out, "%5d %12.6f %12.6f %10.6f\n", (int)value[2], s->train_loss, value[1], value[0]);
    fflush(s->out);
}

void story_watch(story *s, socle_learner *l)
{
    if (!l)
        return;
    l->log = print_epoch;
    l->log_user = s;
    fprintf(s->out, "%5s %12s %12s %10s\n", "epoch", "train loss", "valid loss", "accuracy");
}

socle_status story_finish(story *s, const char *method, int epochs, socle_learner *l, socle_status fitted)
{
    if (fitted == SOCLE_OK)
        story_row(s, method, epochs);
    socle_learner_free(l);
    return fitted;
}

/* f as a file in --out; f is freed. Where the library draws no pictures, there are none. */
static socle_status write_figure(const story *s, socle_figure *f, const char *file)
{
    char *path = s->o->out ? options_out_path(s->o, file) : NULL;
    socle_status status = path ? socle_figure_write(f, path) : SOCLE_OK;
    free(path);
    socle_figure_free(f);
    return status == SOCLE_ERR_UNSUPPORTED ? SOCLE_OK : status;
}

socle_status story_image(story *s, const float *pixel, int side, const char *file)
{
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_figure_image(f, (socle_image_desc){ .pixels = pixel, .channels = 1, .height = side, .width = side });
    socle_status status = socle_figure_print(f, s->out, (socle_print_desc){ .unicode = isatty(fileno(s->out)) });
    if (status == SOCLE_OK)
        return write_figure(s, f, file);
    socle_figure_free(f);
    return status;
}

/* ---- the end ---- */

static socle_status write_csv(const story *s)
{
    char *path = s->o->out ? options_out_path(s->o, "metrics.csv") : NULL;
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f)
        fprintf(f, "method,epochs,accuracy,seconds\n");
    for (int i = 0; f && i < s->rows; i++)
        fprintf(f, "%s,%d,%.9g,%.3f\n", s->row[i].method, s->row[i].epochs, result(&s->row[i]), s->row[i].seconds);
    socle_status status = SOCLE_OK;
    if (s->o->out && (!f || fclose(f) != 0))
        status = socle_fail(SOCLE_ERR_IO, "%s: metrics.csv cannot be written", s->o->out);
    free(path);
    return status;
}

static socle_status draw_curves(const story *s)
{
    socle_series curve[STORY_ROWS];
    int n = 0;
    for (int i = 0; i < s->rows; i++)
        if (s->row[i].points > 1)
            curve[n++] =
                (socle_series){ .name = s->row[i].method, .y = s->row[i].accuracy, .n = (size_t)s->row[i].points };
    if (n == 0)
        return SOCLE_OK;
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_lines_desc lines = { .title = "accuracy after each epoch", .series = curve, .n_series = n };
    lines.x = (socle_axis){ .label = "epoch", .whole = true };
    lines.y = (socle_axis){ .low = 0.9, .high = 1 };
    socle_figure_lines(f, lines);
    return write_figure(s, f, "accuracy.png");
}

socle_status story_table(const story *s)
{
    if (s->rows > 0)
        printf("%s%-34s %6s %9s %10s\n", s->o->quiet ? "" : "\n", "method", "epochs", "accuracy", "time");
    for (int i = 0; i < s->rows; i++)
        printf("%-34s %6d %9.4f %8.2f s\n", s->row[i].method, s->row[i].epochs, result(&s->row[i]),
               s->row[i].seconds);
    socle_status status = write_csv(s);
    return status == SOCLE_OK && s->o->out ? draw_curves(s) : status;
}

/* The table of results as it grows, and on a terminal a bar and a curve below it. The bar counts batches: it
 * never asks the device for a loss. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>
#include "plot/curve.h"
#include "losses.h"

enum { LINE = 512, COLUMN_WIDTH = 8, BAR_WIDTH = 24 };
static const double bar_seconds = 0.1; /* between two updates */

typedef struct progress {
    FILE *out;
    bool bar, plot, unicode;
    char header[LINE]; /* as printed last */
    double pass_start, bar_time;
    size_t samples; /* of this pass so far */
    bool bar_shown;
    int plot_lines; /* on the screen, below the table */
    losses losses;
    void (*next)(socle_learner *l, int n, const char *const *name, const double *value);
    void *next_user;
} progress;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A terminal that shows UTF-8, as far as the usual variables tell. */
static bool utf8(void)
{
    const char *const name[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const char *v = getenv(name[i]);
        if (v && *v)
            return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") || strstr(v, "utf-8");
    }
    return false;
}

/* ---- lines ---- */

typedef struct line {
    char text[LINE];
    size_t length;
} line;

SOCLE_PRINTF(2, 3) static void append(line *s, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    int n = vsnprintf(s->text + s->length, LINE - s->length, fmt, arguments);
    va_end(arguments);
    if (n > 0)
        s->length = s->length + (size_t)n < LINE ? s->length + (size_t)n : LINE - 1;
}

static int width_of(const char *name)
{
    size_t length = strlen(name);
    return length > COLUMN_WIDTH ? (int)(length < LINE ? length : LINE) : COLUMN_WIDTH;
}

static void append_value(line *s, const char *name, double v)
{
    int width = width_of(name);
    if (strcmp(name, "epoch") == 0)
        append(s, " %*.0f", width, v);
    else if (strcmp(name, "train") == 0)
        append(s, " %*s", width, v != 0 ? "train" : "eval");
    else
        append(s, " %*.3f", width, v);
}

static void clear_bar(progress *p)
{
    if (p->bar_shown)
        fputs("\r\033[K", p->out);
    p->bar_shown = false;
}

/* Takes bar and curve off the screen; the cursor is below the table then. */
static void clear_screen(progress *p)
{
    clear_bar(p);
    if (p->plot_lines > 0)
        fprintf(p->out, "\033[%dA\033[J", p->plot_lines);
    p->plot_lines = 0;
}

static void print_row(socle_learner *l, int n, const char *const *name, const double *value)
{
    progress *p = l->log_user;
    line header = { .length = 0 }, row = { .length = 0 };
    for (int i = 0; i < n; i++) {
        append(&header, " %*s", width_of(name[i]), name[i]);
        append_value(&row, name[i], value[i]);
    }
    append(&header, " %*s", COLUMN_WIDTH, "time");
    append(&row, " %*.2fs", COLUMN_WIDTH - 1, now() - p->pass_start);
    clear_screen(p);
    if (strcmp(header.text, p->header) != 0) {
        memcpy(p->header, header.text, LINE);
        fprintf(p->out, "%s\n", header.text);
    }
    fprintf(p->out, "%s\n", row.text);
    fflush(p->out);
    if (p->next) {
        l->log_user = p->next_user;
        p->next(l, n, name, value);
        l->log_user = p;
    }
}

static void draw_bar(const socle_learner *l, progress *p, double time)
{
    size_t done = l->batch_index + 1, total = l->n_batches ? l->n_batches : 1;
    int filled = (int)(BAR_WIDTH * done / total);
    char bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    double seconds = time - p->pass_start;
    fprintf(p->out, "\r %s %d/%d [%s] %zu/%zu  %.0f samples/s\033[K", l->training ? "train" : "eval", l->epoch + 1,
            l->n_epochs, bar, done, l->n_batches, seconds > 0 ? (double)p->samples / seconds : 0);
    fflush(p->out);
    p->bar_shown = true;
    p->bar_time = time;
}

/* ---- events ---- */

static socle_flow before_fit(socle_learner *l, void *user)
{
    progress *p = user;
    p->header[0] = '\0';
    p->plot_lines = 0;
    p->losses.n = 0;
    p->pass_start = now();
    p->next = l->log;
    p->next_user = l->log_user;
    l->log = print_row;
    l->log_user = p;
    return 0;
}

static socle_flow before_epoch(socle_learner *l, void *user)
{
    progress *p = user;
    (void)l;
    p->pass_start = p->bar_time = now();
    p->samples = 0;
    return 0;
}

static socle_flow after_batch(socle_learner *l, void *user)
{
    progress *p = user;
    p->samples += l->batch.size;
    if (p->bar) {
        double time = now();
        if (time - p->bar_time >= bar_seconds)
            draw_bar(l, p, time);
    }
    return p->plot && l->training ? (socle_flow)losses_push(&p->losses, l->loss) : 0;
}

static socle_flow cleanup_epoch(socle_learner *l, void *user)
{
    progress *p = user;
    socle_status s = SOCLE_OK;
    if (p->plot) {
        s = losses_settle(&p->losses, l->status == SOCLE_OK);
        clear_screen(p);
        p->plot_lines = curve_draw(p->out, p->losses.value, p->losses.n, p->unicode);
    }
    clear_bar(p);
    fflush(p->out);
    return (socle_flow)s;
}

static void progress_drop(void *user)
{
    progress *p = user;
    losses_free(&p->losses);
    socle_mem_free(p);
}

socle_callback socle_cb_progress(socle_progress_desc o)
{
    progress *p = socle_mem_zeroed(1, sizeof *p);
    if (!p)
        return (socle_callback){ 0 };
    p->out = o.out ? o.out : stdout;
    int descriptor = fileno(p->out);
    bool terminal = descriptor >= 0 && isatty(descriptor);
    p->bar = terminal && !o.no_bar;
    p->plot = terminal && o.plot;
    p->unicode = utf8();
    return (socle_callback){ .name = "progress",
                             .no_rehearsal = true,
                             .order = 1,
                             .user = p,
                             .drop = progress_drop,
                             .before_fit = before_fit,
                             .before_epoch = before_epoch,
                             .after_batch = after_batch,
                             .cleanup_epoch = cleanup_epoch };
}

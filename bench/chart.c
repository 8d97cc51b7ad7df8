/* bench-chart: the picture of `bench/compare steps`.
 *
 *     bench-chart STEPS.tsv OUT.svg
 *
 * A line of the table is a workload's name, the threads, our seconds and theirs. There is a panel for each number of threads: how
 * many times as long they take, by how long we do. */
#include <math.h>
#include <socle/socle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 64, NAME = 48 };

typedef struct row {
    char name[NAME];
    int threads;
    float ms, ratio; /* of a step of ours; theirs to it */
} row;

/* The number of rows; negative where a line is none, or there are too many. */
static int read_rows(FILE *in, row rows[MOST_ROWS])
{
    int n = 0;
    char line[256];
    while (fgets(line, sizeof line, in)) {
        row r;
        float ours, theirs;
        if (n == MOST_ROWS || sscanf(line, "%47s %d %f %f", r.name, &r.threads, &ours, &theirs) != 4 ||
            !(ours > 0) || !(theirs > 0))
            return -1;
        r.ms = ours * 1e3f;
        r.ratio = theirs / ours;
        rows[n++] = r;
    }
    return n;
}

/* The rows of so many threads. */
static void add_panel(socle_figure *f, const row *rows, int n, int threads)
{
    socle_series series[MOST_ROWS];
    const socle_mark draw = { .at = 1, .horizontal = true, .label = "as fast" };
    float low = 1, high = 1;
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (rows[i].threads != threads)
            continue;
        low = fminf(low, rows[i].ratio);
        high = fmaxf(high, rows[i].ratio);
        series[count++] = (socle_series){
            .name = rows[i].name, .x = &rows[i].ms, .y = &rows[i].ratio, .n = 1, .style = SOCLE_POINTS
        };
    }
    char title[32];
    snprintf(title, sizeof title, threads == 1 ? "%d thread" : "%d threads", threads);
    socle_figure_lines(f, (socle_lines_desc){ .title = title,
                                              .x = { .label = "socle, ms", .log = true },
                                              .y = { .label = "PyTorch's best mode, times as long",
                                                     .log = true,
                                                     .low = low * 0.7,
                                                     .high = high * 1.4 },
                                              .series = series,
                                              .n_series = count,
                                              .marks = &draw,
                                              .n_marks = 1 });
}

static bool is_first(const row *rows, int i)
{
    for (int k = 0; k < i; k++)
        if (rows[k].threads == rows[i].threads)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    static row rows[MOST_ROWS];
    if (argc != 3) {
        fprintf(stderr, "usage: bench-chart STEPS.tsv OUT.svg\n");
        return 2;
    }
    FILE *in = fopen(argv[1], "r");
    if (!in) {
        perror(argv[1]);
        return 1;
    }
    int n = read_rows(in, rows);
    fclose(in);
    if (n < 1) {
        fprintf(stderr, "bench-chart: %s is no table of at most %d steps\n", argv[1], MOST_ROWS);
        return 1;
    }
    socle_figure *f = socle_figure_new((socle_figure_desc){ .title = "a training step", .rows = 1 });
    for (int i = 0; i < n; i++)
        if (is_first(rows, i))
            add_panel(f, rows, n, rows[i].threads);
    socle_status s = socle_figure_write(f, argv[2]);
    if (s != SOCLE_OK)
        fprintf(stderr, "bench-chart: %s\n", socle_error());
    socle_figure_free(f);
    return s == SOCLE_OK ? 0 : 1;
}

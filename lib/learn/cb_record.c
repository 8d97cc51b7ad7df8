/* The recorder: what a run's plots and tables are made from. Rows are kept as they are logged, by column name;
 * different callbacks may log different columns. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>
#include "losses.h"
#include "tracks.h"

typedef struct cell {
    size_t row, column;
    double value;
} cell;

struct socle_recorder {
    losses losses;
    tracks tracks;
    char **column; /* names, in order of first appearance */
    size_t n_columns, cap_columns;
    cell *cell; /* in order of rows */
    size_t n_cells, cap_cells, n_rows;
    socle_status log_status; /* a log function cannot answer: the next event does */
    /* Who listened before. */
    void (*next)(socle_learner *l, int n, const char *const *name, const double *value);
    void *next_user;
};

socle_recorder *socle_recorder_new(void)
{
    return socle_mem_zeroed(1, sizeof(socle_recorder));
}

void socle_recorder_free(socle_recorder *r)
{
    if (!r)
        return;
    losses_free(&r->losses);
    tracks_free(&r->tracks);
    for (size_t i = 0; i < r->n_columns; i++)
        socle_mem_free(r->column[i]);
    socle_mem_free(r->column);
    socle_mem_free(r->cell);
    socle_mem_free(r);
}

size_t socle_recorder_losses(const socle_recorder *r, const float **loss)
{
    *loss = r->losses.value;
    return r->losses.n;
}

socle_status socle_recorder_track(socle_recorder *r, int hyper)
{
    return r ? tracks_add(&r->tracks, hyper) : socle_fail(SOCLE_ERR_ARG, "recorder: none was given");
}

size_t socle_recorder_hyper(const socle_recorder *r, int hyper, int group, const float **value)
{
    const track *row = tracks_find(&r->tracks, hyper, group);
    *value = row ? row->value : NULL;
    return row ? row->n : 0;
}

/* The column's place, or n_columns. */
static size_t find_column(const socle_recorder *r, const char *name)
{
    size_t i = 0;
    while (i < r->n_columns && strcmp(r->column[i], name) != 0)
        i++;
    return i;
}

static bool add_column(socle_recorder *r, const char *name)
{
    char **grown = socle_mem_grow(r->column, &r->cap_columns, r->n_columns + 1, sizeof(char *));
    if (!grown)
        return false;
    r->column = grown;
    char *copy = socle_mem_string(name);
    if (!copy)
        return false;
    r->column[r->n_columns++] = copy;
    return true;
}

static bool add_row(socle_recorder *r, size_t n, const char *const *name, const double *value)
{
    cell *grown = socle_mem_grow(r->cell, &r->cap_cells, r->n_cells + n, sizeof *r->cell);
    if (!grown)
        return false;
    r->cell = grown;
    for (size_t i = 0; i < n; i++)
        if (find_column(r, name[i]) == r->n_columns && !add_column(r, name[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        r->cell[r->n_cells++] = (cell){ .row = r->n_rows, .column = find_column(r, name[i]), .value = value[i] };
    r->n_rows++;
    return true;
}

/* ---- events ---- */

/* A listener finds its state in log_user; who hands a row on to the one before sets that first. */
static void record_row(socle_learner *l, int n, const char *const *name, const double *value)
{
    socle_recorder *r = l->log_user;
    if (!add_row(r, n > 0 ? (size_t)n : 0, name, value))
        r->log_status = SOCLE_ERR_NOMEM;
    if (r->next) {
        l->log_user = r->next_user;
        r->next(l, n, name, value);
        l->log_user = r;
    }
}

static socle_flow before_fit(socle_learner *l, void *user)
{
    socle_recorder *r = user;
    r->log_status = SOCLE_OK;
    r->next = l->log;
    r->next_user = l->log_user;
    l->log = record_row;
    l->log_user = r;
    return 0;
}

static socle_flow after_batch(socle_learner *l, void *user)
{
    socle_recorder *r = user;
    if (!l->training)
        return 0;
    socle_status s = tracks_push(&r->tracks, l->opt);
    return (socle_flow)(s == SOCLE_OK && l->loss ? losses_push(&r->losses, l->loss) : s); /* dry: there is none */
}

static socle_flow cleanup_epoch(socle_learner *l, void *user)
{
    socle_recorder *r = user;
    socle_status s = losses_settle(&r->losses, l->status == SOCLE_OK);
    return (socle_flow)(s != SOCLE_OK ? s : r->log_status);
}

socle_callback socle_cb_recorder(socle_recorder *r)
{
    if (!r) {
        if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "recorder: none was given");
        return (socle_callback){ 0 };
    }
    return (socle_callback){ .name = "recorder",
                             .no_rehearsal = true,
                             .dry = true,
                             .user = r,
                             .before_fit = before_fit,
                             .after_batch = after_batch,
                             .cleanup_epoch = cleanup_epoch };
}

/* ---- results ---- */

/* The cell of (row, column), or NULL. Rows are few: a scan will do. */
static const cell *find_cell(const socle_recorder *r, size_t row, size_t column)
{
    for (size_t i = 0; i < r->n_cells; i++)
        if (r->cell[i].row == row && r->cell[i].column == column)
            return &r->cell[i];
    return NULL;
}

double socle_recorder_value(const socle_recorder *r, const char *name, long row)
{
    if (row < 0)
        row = (long)r->n_rows - 1;
    if (row < 0 || (size_t)row >= r->n_rows)
        return NAN;
    const cell *found = find_cell(r, (size_t)row, find_column(r, name));
    return found ? found->value : NAN;
}

static void write_table(const socle_recorder *r, FILE *f)
{
    for (size_t i = 0; i < r->n_columns; i++)
        fprintf(f, "%s%s", i ? "," : "", r->column[i]);
    fputc('\n', f);
    size_t at = 0;
    for (size_t row = 0; row < r->n_rows; row++) {
        size_t end = at;
        while (end < r->n_cells && r->cell[end].row == row)
            end++;
        for (size_t column = 0; column < r->n_columns; column++) {
            if (column)
                fputc(',', f);
            for (size_t i = at; i < end; i++) {
                if (r->cell[i].column == column) {
                    fprintf(f, "%.9g", r->cell[i].value);
                    break;
                }
            }
        }
        fputc('\n', f);
        at = end;
    }
}

/* Written beside its place and moved there: readers see the old file or the new one. */
socle_status socle_recorder_write_csv(const socle_recorder *r, const char *path)
{
    static const char suffix[] = ".partial";
    size_t length = strlen(path);
    char *partial = socle_mem_alloc(length + sizeof suffix);
    if (!partial)
        return SOCLE_ERR_NOMEM;
    memcpy(partial, path, length);
    memcpy(partial + length, suffix, sizeof suffix);
    socle_status s = SOCLE_OK;
    FILE *f = fopen(partial, "w");
    if (!f) {
        s = socle_fail(SOCLE_ERR_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    write_table(r, f);
    bool failed = fflush(f) != 0 || ferror(f);
    int why = errno;
    failed |= fclose(f) != 0;
    if (!failed && rename(partial, path) != 0) {
        failed = true;
        why = errno;
    }
    if (failed) {
        s = socle_fail(SOCLE_ERR_IO, "%s: %s", path, strerror(why));
        (void)remove(partial);
    }
out:
    socle_mem_free(partial);
    return s;
}

/* The built-in callbacks: what metrics add up to, what is recorded, printed, changed and stopped. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <socle/sys/test.h>
#include "plot/curve.h"
#include "tiny.h"

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
    socle_recorder *r;
} setup;

static setup set_up(const char *spec, size_t n_train, size_t n_valid)
{
    setup s = { .d = socle_device_open(spec, (socle_device_desc){ 0 }), .r = socle_recorder_new() };
    s.data = tiny_data(s.d, n_train, n_valid);
    s.l = tiny_learner(s.d, s.data);
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_recorder_free(s.r);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

/* ---- metrics ---- */

/* What metrics should say, gathered the slow way. */
typedef struct tally {
    double loss, hits, samples;
} tally;

static socle_flow tally_batch(socle_learner *l, void *user)
{
    tally *t = user;
    double loss, pred[8 * TINY_CLASSES];
    int32_t y[8];
    size_t n = l->batch.size;
    if (l->training)
        return 0;
    cr_assert_eq(socle_item(l->loss, &loss), SOCLE_OK);
    cr_assert_eq(socle_read(l->pred, pred, n * TINY_CLASSES * 8), SOCLE_OK);
    cr_assert_eq(socle_read(l->batch.y, y, n * 4), SOCLE_OK);
    t->loss += loss * (double)n;
    t->samples += (double)n;
    for (size_t i = 0; i < n; i++) {
        const double *p = pred + i * TINY_CLASSES;
        int best = p[1] > p[0] ? 1 : 0;
        best = p[2] > p[best] ? 2 : best;
        t->hits += best == y[i];
    }
    return 0;
}

Test(metrics, loss_and_accuracy_are_means_over_samples_not_over_batches)
{
    setup s = set_up("ref64", 9, 19); /* evaluation batches of 8, 8, 3 */
    tally t = { 0 };
    const socle_metric m[] = { socle_accuracy() };
    socle_learner_add(s.l, socle_cb_metrics(m, 1));
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    socle_learner_add(s.l, (socle_callback){ .name = "tally", .user = &t, .after_batch = tally_batch });
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(t.samples, 19.0);
    cr_assert_eq(socle_recorder_value(s.r, "accuracy", -1), t.hits / 19);
    cr_assert_float_eq(socle_recorder_value(s.r, "loss", -1), t.loss / 19, 1e-14);
    cr_assert_eq(socle_recorder_value(s.r, "train", 0), 1.0);
    cr_assert_eq(socle_recorder_value(s.r, "train", 1), 0.0);
    tear_down(s);
}

static socle_flow cancel_second(socle_learner *l, void *user)
{
    (void)user;
    return l->training && l->batch_index == 1 ? SOCLE_CANCEL_BATCH : 0;
}

static socle_tensor *ones(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    (void)target;
    return socle_sum(c, socle_full(c, socle_dtype_of(pred), socle_shape1(socle_dim(pred, 0)), 1), 0, true);
}

Test(metrics, each_pass_starts_at_zero_and_a_cancelled_batch_does_not_count)
{
    setup s = set_up("ref", 10, 4);
    const socle_metric m[] = { { "ones", ones }, socle_accuracy() };
    socle_learner_add(s.l, socle_cb_metrics(m, 2));
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    socle_learner_add(s.l, (socle_callback){ .name = "cancel", .after_predict = cancel_second });
    cr_assert_eq(socle_fit(s.l, 2, 0.5), SOCLE_OK, "%s", socle_error());
    for (long row = 0; row < 4; row++) {
        cr_assert_eq(socle_recorder_value(s.r, "ones", row), 1.0, "row %ld", row);
        cr_assert_eq(socle_recorder_value(s.r, "epoch", row), (double)(row / 2));
    }
    cr_assert(isnan(socle_recorder_value(s.r, "ones", 4)));
    cr_assert(isnan(socle_recorder_value(s.r, "twos", 0)));
    const float *loss;
    cr_assert_eq(socle_recorder_losses(s.r, &loss), 4u, "two whole batches of training an epoch");
    tear_down(s);
}

static socle_tensor *nothing(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    (void)c, (void)pred, (void)target;
    return NULL;
}

static socle_tensor *too_much(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    (void)c, (void)target;
    return pred;
}

Test(metrics, a_metric_that_gives_no_number_fails_the_fit)
{
    const socle_metric bad[] = { { "nothing", nothing }, { "too much", too_much } };
    const socle_status status[] = { SOCLE_ERR_USER, SOCLE_ERR_SHAPE };
    for (int i = 0; i < 2; i++) {
        setup s = set_up("ref", 8, 0);
        socle_learner_add(s.l, socle_cb_metrics(&bad[i], 1));
        cr_assert_eq(socle_fit(s.l, 1, 0.5), status[i], "%s", socle_error());
        tear_down(s);
    }
}

Test(metrics, accuracy_refuses_targets_of_another_shape)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_ctx *c = socle_ctx_new(d, 0);
    const float pred[6] = { 0 };
    const int32_t y[2] = { 0 };
    socle_tensor *p = socle_tensor_from(d, SOCLE_F32, socle_shape2(2, 3), pred);
    socle_tensor *t = socle_tensor_from(d, SOCLE_I32, socle_shape2(2, 1), y);
    cr_assert_null(socle_accuracy().batch(c, p, t), "(2) against (2, 1) would broadcast");
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_SHAPE);
    socle_release(p);
    socle_release(t);
    socle_ctx_free(c);
    socle_device_close(d);
}

/* ---- recorder ---- */

static socle_flow log_extra(socle_learner *l, void *user)
{
    const char *const name[] = { "epoch", "extra" };
    const double value[] = { l->epoch, *(double *)user };
    if (!l->training && l->log)
        l->log(l, 2, name, value);
    return 0;
}

static size_t read_text(const char *path, char *to, size_t cap)
{
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(to, 1, cap - 1, f);
    to[n] = '\0';
    fclose(f);
    return n;
}

Test(recorder, the_csv_holds_every_row_and_column)
{
    setup s = set_up("ref", 8, 4);
    double extra = 0.1;
    const socle_metric m[] = { { "ones", ones } };
    socle_learner_add(s.l, socle_cb_metrics(m, 1));
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    socle_learner_add(s.l,
                      (socle_callback){ .name = "extra", .user = &extra, .order = 3, .after_epoch = log_extra });
    cr_assert_eq(socle_fit(s.l, 1, 1e-9), SOCLE_OK, "%s", socle_error());
    char path[] = "/tmp/socle-csv-XXXXXX", text[1000], want[1000], partial[64];
    close(mkstemp(path));
    cr_assert_eq(socle_recorder_write_csv(s.r, path), SOCLE_OK, "%s", socle_error());
    read_text(path, text, sizeof text);
    snprintf(want, sizeof want, "ones,loss,epoch,train,extra\n1,%.9g,0,1,\n1,%.9g,0,0,\n,,0,,0.1\n",
             socle_recorder_value(s.r, "loss", 0), socle_recorder_value(s.r, "loss", 1));
    cr_assert_str_eq(text, want);
    snprintf(partial, sizeof partial, "%s.partial", path);
    cr_assert_neq(access(partial, F_OK), 0, "the temporary file is gone");
    unlink(path);
    tear_down(s);
}

Test(recorder, a_csv_that_cannot_be_written_leaves_nothing_and_names_the_file)
{
    socle_recorder *r = socle_recorder_new();
    cr_assert_eq(socle_recorder_write_csv(r, "/nowhere/metrics.csv"), SOCLE_ERR_IO);
    cr_assert(strstr(socle_error(), "/nowhere/metrics.csv"), "%s", socle_error());
    char folder[] = "/tmp/socle-csv-XXXXXX", partial[64];
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(socle_recorder_write_csv(r, folder), SOCLE_ERR_IO, "a folder is in the way");
    snprintf(partial, sizeof partial, "%s.partial", folder);
    cr_assert_neq(access(partial, F_OK), 0);
    rmdir(folder);
    socle_recorder_free(r);
}

static socle_flow keep_loss(socle_learner *l, void *user)
{
    double **to = user;
    return l->training ? (socle_flow)socle_item(l->loss, (*to)++) : 0;
}

Test(recorder, losses_are_those_of_the_training_batches_in_order_over_all_fits)
{
    setup s = set_up("ref", 12, 4);
    double seen[9], *to = seen;
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    socle_learner_add(s.l, (socle_callback){ .name = "keep", .user = &to, .after_loss = keep_loss });
    cr_assert_eq(socle_fit(s.l, 2, 0.5), SOCLE_OK);
    cr_assert_eq(socle_fit(s.l, 1, 0.5), SOCLE_OK);
    const float *loss;
    cr_assert_eq(socle_recorder_losses(s.r, &loss), 9u);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(loss[i], (float)seen[i]);
    cr_assert_lt(loss[8], loss[0], "it learns");
    tear_down(s);
}

/* ---- progress ---- */

Test(progress, a_pipe_gets_plain_aligned_lines_and_one_header)
{
    setup s = set_up("ref", 8, 4);
    FILE *out = tmpfile();
    const socle_metric m[] = { socle_accuracy(), { "a very long name", ones } };
    socle_learner_add(s.l, socle_cb_progress((socle_progress_desc){ .out = out, .plot = true }));
    socle_learner_add(s.l, socle_cb_metrics(m, 2));
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK, "%s", socle_error());
    char text[2000] = "";
    rewind(out);
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    cr_assert(!strpbrk(text, "\r\033"), "no terminal codes in a pipe");
    size_t width = strcspn(text, "\n");
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        cr_assert_eq(strlen(line), width, "line %d: \"%s\"", lines, line);
        if (lines == 0)
            cr_assert(strstr(line, "accuracy") && strstr(line, "a very long name") && strstr(line, "time"));
        else
            cr_assert(strstr(line, lines % 2 ? " train " : " eval ") && strstr(line, " 1.000 "), "%s", line);
    }
    cr_assert_eq(lines, 5);
    cr_assert_eq(socle_recorder_value(s.r, "train", 3), 0.0, "the rows reach both listeners");
    fclose(out);
    tear_down(s);
}

Test(progress, a_curve_falls_from_its_largest_to_its_smallest_value)
{
    float v[100];
    for (int i = 0; i < 100; i++)
        v[i] = i == 50 ? NAN : 2.0f - (float)i / 99;
    for (int unicode = 0; unicode < 2; unicode++) {
        FILE *out = tmpfile();
        cr_assert_eq(curve_draw(out, v, 100, unicode), CURVE_ROWS);
        char text[4000];
        rewind(out);
        size_t n = fread(text, 1, sizeof text - 1, out);
        text[n] = '\0';
        int lines = 0;
        size_t first = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
            if (lines == 0)
                cr_assert(strncmp(line, "    2.000 ", 10) == 0, "%s", line);
            if (lines == CURVE_ROWS - 1)
                cr_assert(strncmp(line, "    1.00", 8) == 0, "%s", line);
            if (!unicode) {
                size_t star = strcspn(line, "*");
                cr_assert(star >= first && star < strlen(line), "line %d starts at %zu after %zu", lines, star,
                          first);
                first = star;
            }
        }
        cr_assert_eq(lines, CURVE_ROWS);
        fclose(out);
    }
    const float none[] = { NAN, INFINITY };
    cr_assert_eq(curve_draw(stderr, none, 2, false), 0);
    cr_assert_eq(curve_draw(stderr, none, 0, false), 0);
}

/* ---- changes and endings ---- */

static socle_flow read_x(socle_learner *l, void *user)
{
    float *to = (float *)user + (l->training ? 0 : 1), x[8 * TINY_IN];
    if (l->batch_index == 0) {
        cr_assert_eq(socle_read(l->batch.x, x, l->batch.size * TINY_IN * 4), SOCLE_OK);
        *to = x[0];
    }
    return 0;
}

static socle_tensor *triple(socle_ctx *c, socle_tensor *x, void *user)
{
    ++*(int *)user;
    return socle_scale(c, x, 3, 0);
}

Test(transform, normalize_changes_every_pass_and_a_transform_those_asked_for)
{
    setup s = set_up("ref", 8, 4);
    float x[2];
    int calls = 0;
    socle_learner_add(s.l, socle_cb_normalize(0.5, 0.25));
    socle_learner_add(s.l, socle_cb_batch_transform(triple, &calls, true, false));
    socle_learner_add(s.l, (socle_callback){ .name = "read", .order = 1, .user = x, .before_batch = read_x });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(x[0], 6.0f, "3 (1 - 0.5) / 0.25, got %g", (double)x[0]);
    cr_assert_eq(x[1], 2.0f);
    cr_assert_eq(calls, 2);
    tear_down(s);
}

static socle_tensor *forgetful(socle_ctx *c, socle_tensor *x, void *user)
{
    (void)c, (void)x, (void)user;
    return NULL;
}

Test(transform, a_function_that_gives_nothing_and_parameters_that_cannot_be_fail_the_fit)
{
    const socle_callback bad[] = { socle_cb_batch_transform(forgetful, NULL, true, true),
                                   socle_cb_batch_transform(NULL, NULL, true, true), socle_cb_normalize(0, 0),
                                   socle_cb_normalize((double)NAN, 1) };
    const socle_status status[] = { SOCLE_ERR_USER, SOCLE_ERR_ARG, SOCLE_ERR_ARG, SOCLE_ERR_ARG };
    for (int i = 0; i < 4; i++) {
        socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
        socle_data *data = tiny_data(d, 8, 0);
        socle_learner *l = tiny_learner(d, data);
        (void)socle_fail(SOCLE_ERR_ARG, "of the callback's making");
        socle_learner_add(l, bad[i]);
        cr_assert_eq(socle_fit(l, 1, 0.1), status[i], "case %d", i);
        socle_learner_free(l);
        socle_data_free(data);
        socle_device_close(d);
    }
}

static socle_flow count(socle_learner *l, void *user)
{
    (void)l;
    ++*(int *)user;
    return 0;
}

Test(endings, a_single_batch_ends_the_fit_after_all_its_events)
{
    setup s = set_up("ref", 8, 4);
    int batches = 0, after = 0;
    socle_learner_add(s.l, (socle_callback){ .name = "n", .user = &batches, .before_batch = count });
    socle_learner_add(s.l, (socle_callback){ .name = "n", .user = &after, .after_batch = count });
    socle_learner_add(s.l, socle_cb_single_batch());
    cr_assert_eq(socle_fit(s.l, 3, 0.1), SOCLE_OK);
    cr_assert_eq(batches, 1);
    cr_assert_eq(after, 1);
    tear_down(s);
}

static socle_flow poison(socle_learner *l, void *user)
{
    if (l->training && l->epoch == 1 && l->batch_index == *(size_t *)user)
        l->batch.x = socle_scale(l->ctx, l->batch.x, NAN, 0);
    return 0;
}

Test(endings, a_loss_that_is_no_number_ends_the_fit_where_it_was_seen)
{
    const struct {
        size_t at;
        int every;
        const char *text;
    } way[] = { { 2, 1, "training loss is nan at epoch 1, batch 2" },
                { 1, 3, "training loss is nan at epoch 1, batch 3" },
                { 1, 0, "training loss is nan at epoch 1, batch 4" } }; /* the last batch of the pass */
    for (int i = 0; i < 3; i++) {
        setup s = set_up("ref", 20, 4);
        size_t at = way[i].at;
        socle_learner_add(s.l, socle_cb_stop_on_nan(way[i].every));
        socle_learner_add(s.l, (socle_callback){ .name = "poison", .user = &at, .before_batch = poison });
        cr_assert_eq(socle_fit(s.l, 3, 0.1), SOCLE_ERR_STATE);
        cr_assert_str_eq(socle_error(), way[i].text);
        tear_down(s);
    }
}

static socle_tensor *squared(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r, void *user)
{
    (void)target, (void)user;
    return socle_mse(c, pred, socle_full(c, socle_dtype_of(pred), socle_shape_of(pred), 0.5), r);
}

Test(loss, a_loss_of_ones_own_trains)
{
    setup s = set_up("ref", 12, 0);
    s.l->loss_fn = (socle_loss){ .fn = squared };
    socle_learner_add(s.l, socle_cb_recorder(s.r));
    cr_assert_eq(socle_fit(s.l, 20, 0.1), SOCLE_OK, "%s", socle_error());
    const float *loss;
    size_t n = socle_recorder_losses(s.r, &loss);
    cr_assert_lt(loss[n - 1], 0.1f * loss[0]);
    tear_down(s);
}

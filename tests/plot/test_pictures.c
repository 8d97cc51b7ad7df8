/* The usual pictures: what they make of the numbers they are given. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "plot/figure.h"
#include "support/support.h"

static socle_figure *f;

static void set_up(void)
{
    f = socle_figure_new((socle_figure_desc){ 0 });
}

static void tear_down(void)
{
    socle_figure_free(f);
}

TestSuite(pictures, .init = set_up, .fini = tear_down);

static const panel *only_panel(panel_kind kind)
{
    cr_assert_eq(f->status, SOCLE_OK, "%s", f->why);
    cr_assert_eq(f->n, 1);
    cr_assert_eq(f->panel[0].kind, kind);
    return &f->panel[0];
}

/* The panel's series of that name. */
static const series *named(const panel *p, const char *name)
{
    for (int i = 0; i < p->lines.n_series; i++)
        if (p->lines.series[i].name != NULL && strcmp(p->lines.series[i].name, name) == 0)
            return &p->lines.series[i];
    cr_assert_fail("no series %s", name);
    return NULL;
}

/* ---- losses ---- */

Test(pictures, validation_losses_stand_at_the_ends_of_their_epochs)
{
    float train[1500] = { 0 }, valid[3] = { 3, 2, 1 };
    socle_plot_losses(f, (socle_plot_losses_desc){ .train = train, .n = 1500, .valid = valid, .n_valid = 3 });
    const series *s = named(only_panel(PANEL_LINES), "valid");
    cr_assert(s->n == 3 && s->x[0] == 500 && s->x[2] == 1500 && s->y[2] == 1);
}

Test(pictures, an_epoch_may_have_more_steps_than_were_recorded)
{
    float train[30] = { 0 }, valid[2] = { 2, 1 };
    socle_plot_losses(f, (socle_plot_losses_desc){
                             .train = train, .n = 30, .valid = valid, .n_valid = 2, .steps_per_epoch = 100 });
    const series *s = named(only_panel(PANEL_LINES), "valid");
    cr_assert(s->x[0] == 100 && s->x[1] == 200);
    cr_assert_eq(named(&f->panel[0], "train")->n, 30, "a short run is drawn as it is");
}

/* An average of a line is the line, within half a step where a loss is missing; one wild loss is seen near it and nowhere
 * else. */
Test(pictures, the_moving_average_follows_the_losses)
{
    enum { N = 4000, HALF = N / 80 };
    static float train[N];
    for (int i = 0; i < N; i++)
        train[i] = 4 - (float)i * 1e-3f;
    train[1000] = 1e30f;
    train[2000] = NAN;
    socle_plot_losses(f, (socle_plot_losses_desc){ .train = train, .n = N });
    const panel *p = only_panel(PANEL_LINES);
    const series *s = named(p, "train");
    cr_assert(s->x[0] == 0 && s->x[s->n - 1] == N - 1);
    for (size_t i = 0; i < s->n; i++) {
        cr_assert(i == 0 || s->x[i] > s->x[i - 1]);
        bool near = fabsf(s->x[i] - 1000) <= HALF, edge = s->x[i] < HALF || s->x[i] > N - 1 - HALF;
        if (near)
            cr_assert_gt(s->y[i], 1e27f);
        else
            cr_assert_float_eq(s->y[i], 4 - s->x[i] * 1e-3f, edge ? 0.03f : 6e-4f, "at step %g", (double)s->x[i]);
    }
    cr_assert(p->lines.series[0].style == SOCLE_FAINT && p->lines.series[0].n == N, "all losses stand behind it");
}

Test(pictures, a_run_that_diverged_ends_where_it_did)
{
    float train[400];
    for (int i = 0; i < 400; i++)
        train[i] = i < 200 ? 1 : NAN;
    socle_plot_losses(f, (socle_plot_losses_desc){ .train = train, .n = 400 });
    const series *s = named(only_panel(PANEL_LINES), "train");
    cr_assert(s->y[0] == 1 && isnan(s->y[s->n - 1]));
}

/* ---- the others ---- */

Test(pictures, tables_become_one_series_a_row)
{
    const char *const names[] = { "a", "b" };
    const float v[] = { 1, 2, 3, 4, 5, 6 };
    socle_plot_table t = { .names = names, .values = v, .rows = 2, .n = 3, .title = "mine" };
    socle_plot_stats(f, t, t);
    socle_plot_metrics(f, t);
    socle_plot_rates(f, (socle_plot_table){ .values = v, .rows = 1, .n = 6 });
    cr_assert_eq(f->n, 4);
    for (int i = 0; i < 3; i++) {
        const series *s = named(&f->panel[i], "b");
        cr_assert(s->n == 3 && s->y[0] == 4 && s->x == NULL);
        cr_assert_str_eq(f->panel[i].title, "mine");
    }
    cr_assert_eq(named(&f->panel[2], "a")->style, SOCLE_LINE_POINTS, "an epoch is a point");
    cr_assert_null(f->panel[3].lines.series[0].name);
}

Test(pictures, shares_of_dead_units_are_drawn_from_none_to_all)
{
    const float v[] = { 0.2f, 0.25f };
    socle_plot_dead(f, (socle_plot_table){ .values = v, .rows = 1, .n = 2 });
    const panel *p = only_panel(PANEL_LINES);
    cr_assert(p->y.low == 0 && p->y.high == 1);
}

Test(pictures, a_learning_rate_is_suggested_where_there_is_one)
{
    const float lr[] = { 1e-3f, 1e-2f }, loss[] = { 2, 1 };
    static const double none[] = { 0, -1, NAN };
    socle_plot_lr_find(f, lr, loss, 2, 0.004);
    for (int i = 0; i < 3; i++)
        socle_plot_lr_find(f, lr, loss, 2, none[i]);
    cr_assert_eq(f->n, 4);
    cr_assert(f->panel[0].x.log && f->panel[0].lines.n_marks == 1 && f->panel[0].lines.marks[0].at == 0.004);
    cr_assert_str_eq(f->panel[0].lines.marks[0].label, "suggestion 0.004");
    for (int i = 1; i < 4; i++)
        cr_assert_eq(f->panel[i].lines.n_marks, 0);
}

static double relu(double x, void *user)
{
    ++*(int *)user;
    return x > 0 ? x : 0;
}

Test(pictures, a_function_is_asked_over_its_range)
{
    int calls = 0;
    socle_plot_function(f, relu, &calls, -5, 5, "relu");
    const series *s = &only_panel(PANEL_LINES)->lines.series[0];
    cr_assert_eq((size_t)calls, s->n);
    cr_assert(s->x[0] == -5 && s->y[0] == 0 && s->x[s->n - 1] == 5 && s->y[s->n - 1] == 5);
    cr_assert(s->x[s->n / 2] == 0 && s->y[s->n / 2] == 0,
              "the middle, where functions have their corners, is asked too");
    socle_plot_function(f, relu, &calls, 5, 5, "nothing");
    cr_assert_eq(f->status, SOCLE_ERR_ARG);
}

Test(pictures, every_layer_has_its_histogram)
{
    const float one[6] = { 1, 2, 3, 4, 5, 6 }, two[6] = { 6, 5, 4, 3, 2, 1 };
    const float *const layers[] = { one, two };
    socle_plot_histograms(f, (socle_plot_histograms_desc){
                                 .values = layers, .layers = 2, .bins = 2, .steps = 3, .low = -7, .high = 7 });
    cr_assert_eq(f->n, 2);
    cr_assert_str_eq(f->panel[1].title, "layer 1");
    const raster *r = &f->panel[1].raster;
    cr_assert(r->rows == 2 && r->columns == 3 && r->origin_low && r->value[0] == 6);
    cr_assert(f->panel[1].y.low == -7 && f->panel[1].y.high == 7);
}

Test(pictures, images_are_cut_from_a_batch)
{
    float v[2 * 3 * 2 * 2];
    for (int i = 0; i < 24; i++)
        v[i] = (float)i;
    const char *const titles[] = { "first", "second" };
    socle_plot_images(
        f, (socle_plot_images_desc){
               .pixels = v, .n = 2, .channels = 3, .height = 2, .width = 2, .titles = titles, .high = 255 });
    cr_assert_eq(f->n, 2);
    const raster *r = &f->panel[1].raster;
    cr_assert(r->channels == 3 && r->value[0] == 12 && r->value[11] == 23 && r->low == 0 && r->high == 255);
    cr_assert_str_eq(f->panel[1].title, "second");
}

Test(pictures, a_confusion_matrix_has_true_classes_as_rows)
{
    socle_plot_confusion(f, (const int64_t[]){ 5, 1, 0, 6 }, 2, NULL);
    const panel *p = only_panel(PANEL_MATRIX);
    cr_assert_eq(p->matrix.count[1], 1);
    cr_assert_str_eq(p->y.label, "true");
    cr_assert_str_eq(p->x.label, "predicted");
    cr_assert_str_eq(p->matrix.row_name[1], "1");
}

/* The figure keeps copies. */
Test(pictures, what_was_given_may_change_afterwards)
{
    float y[] = { 1, 2 };
    char name[] = "name";
    const char *names[] = { name };
    socle_plot_metrics(f, (socle_plot_table){ .names = names, .values = y, .rows = 1, .n = 2 });
    y[0] = 9;
    name[0] = 'X';
    const series *s = named(only_panel(PANEL_LINES), "name");
    cr_assert_eq(s->y[0], 1);
}

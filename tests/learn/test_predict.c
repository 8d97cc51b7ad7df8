/* Predictions: whose they are, in which order, what they are a mean of, and that asking for them leaves no trace. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "images.h"

/* The logits of m for the data of the loader, changed as `place` (top, left, mirrored) says, added to out. */
static void add_logits(images_setup s, socle_module *m, const int32_t place[3], double *out)
{
    socle_ctx *c = socle_ctx_new(s.d, 0);
    socle_ctx_set_training(c, false);
    socle_ctx_set_grad(c, false);
    cr_assert_eq(socle_loader_begin(s.data->valid, 0), SOCLE_OK);
    socle_batch b;
    while (socle_loader_next(s.data->valid, c, &b) > 0) {
        int32_t rows[BATCH][3];
        float logits[BATCH * CLASSES];
        for (size_t i = 0; i < b.size; i++)
            memcpy(rows[i], place, sizeof rows[i]);
        socle_tensor *table = socle_tensor_from(s.d, SOCLE_I32, socle_shape2((int64_t)b.size, 3), rows);
        socle_tensor *x = socle_shift_images(c, b.x, table, SIDE, SIDE, 0);
        cr_assert_eq(socle_read(socle_forward(m, c, x), logits, b.size * CLASSES * sizeof *logits), SOCLE_OK, "%s",
                     socle_error());
        for (size_t i = 0; i < b.size * CLASSES; i++)
            *out++ += (double)logits[i];
        socle_release(table);
    }
    socle_loader_end(s.data->valid);
    socle_ctx_free(c);
}

static socle_predictions predict(images_setup s, socle_predict_desc o)
{
    socle_predictions p;
    cr_assert_eq(socle_predict(s.l, o, &p), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(p.n, SAMPLES);
    cr_assert_eq(p.classes, CLASSES);
    return p;
}

/* p's logits are sums / count to `roundings` roundings of numbers below 4. */
static void assert_means(const socle_predictions *p, const double *sums, int count, double roundings)
{
    for (int i = 0; i < SAMPLES * CLASSES; i++)
        cr_assert(fabs((double)p->logits[i] - sums[i] / count) <= roundings * 4 * 0x1p-24,
                  "logit %d: %g instead of %g", i, (double)p->logits[i], sums[i] / count);
}

static const int32_t as_it_is[3] = { 0, 0, 0 };

Test(predict, gives_the_models_answers_in_the_order_of_the_data)
{
    images_setup s = images_set_up(1, 2);
    double want[SAMPLES * CLASSES] = { 0 };
    int64_t counts[CLASSES][CLASSES], hits = 0;
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK, "%s", socle_error());
    socle_predictions p = predict(s, (socle_predict_desc){ 0 });
    add_logits(s, s.l->model, as_it_is, want);
    assert_means(&p, want, 1, 0);
    cr_assert(p.x == NULL && p.inputs == 0);
    cr_assert_eq(socle_predictions_confusion(&p, counts[0]), SOCLE_OK);
    for (int i = 0; i < SAMPLES; i++) {
        const double *v = want + i * CLASSES;
        int best = v[1] > v[0] ? 1 : 0;
        best = v[2] > v[best] ? 2 : best;
        cr_assert_eq(p.label[i], best);
        cr_assert_eq(p.target[i], (i * i + 1) % CLASSES);
        hits += best == p.target[i];
        counts[p.target[i]][p.label[i]]--;
    }
    for (int i = 0; i < CLASSES * CLASSES; i++)
        cr_assert_eq(counts[i / CLASSES][i % CLASSES], 0);
    cr_assert_eq(socle_predictions_accuracy(&p), (double)hits / SAMPLES);
    socle_predictions_free(&p);
    images_tear_down(s);
}

Test(predict, averages_the_logits_of_mirrored_and_moved_images)
{
    static const int32_t places[][3] = { { 0, 0, 0 },  { 0, 0, 1 }, { 1, 0, 0 }, { 1, 0, 1 },  { -1, 0, 0 },
                                         { -1, 0, 1 }, { 0, 1, 0 }, { 0, 1, 1 }, { 0, -1, 0 }, { 0, -1, 1 } };
    images_setup s = images_set_up(2, 0);
    double want[SAMPLES * CLASSES] = { 0 };
    add_logits(s, s.l->model, places[0], want);
    add_logits(s, s.l->model, places[1], want);
    socle_predictions p = predict(s, (socle_predict_desc){ .flip = true });
    assert_means(&p, want, 2, 2);
    socle_predictions_free(&p);
    for (int i = 2; i < 10; i++)
        add_logits(s, s.l->model, places[i], want);
    p = predict(s, (socle_predict_desc){ .flip = true, .shift = 1 });
    assert_means(&p, want, 10, 10);
    socle_predictions_free(&p);
    images_tear_down(s);
}

Test(predict, mirrored_images_tell_nothing_new_to_a_symmetric_model)
{
    images_setup s = images_set_up(1, 0);
    socle_module *symmetric = socle_sequential_new(s.d);
    socle_append(symmetric, socle_adaptive_max_pool_new(s.d, 1, 1));
    socle_append(symmetric, socle_flatten_new(s.d));
    socle_append(symmetric, socle_linear_new(s.d, (socle_linear_desc){ .in = 1, .out = CLASSES }));
    socle_learner *l = socle_learner_new((socle_learner_desc){ .device = s.d, .model = symmetric, .data = s.data });
    socle_predictions plain, flipped;
    cr_assert_eq(socle_predict(l, (socle_predict_desc){ 0 }, &plain), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(socle_predict(l, (socle_predict_desc){ .flip = true }, &flipped), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(memcmp(plain.logits, flipped.logits, SAMPLES * CLASSES * sizeof(float)), 0);
    socle_predictions_free(&plain);
    socle_predictions_free(&flipped);
    socle_learner_free(l);
    images_tear_down(s);
}

Test(predict, averages_the_logits_of_several_models)
{
    images_setup s = images_set_up(1, 0);
    socle_module *other = socle_sequential_new(s.d), *own = s.l->model;
    socle_append(other, socle_flatten_new(s.d));
    socle_append(other, socle_linear_new(s.d, (socle_linear_desc){ .in = PIXELS, .out = CLASSES }));
    double want[SAMPLES * CLASSES] = { 0 };
    add_logits(s, own, as_it_is, want);
    add_logits(s, other, as_it_is, want);
    socle_predictions p = predict(s, (socle_predict_desc){ .others = &other, .n_others = 1 });
    assert_means(&p, want, 2, 2);
    socle_predictions_free(&p);
    cr_assert_eq(s.l->model, own);
    socle_predict_desc missing = { .others = (socle_module *[]){ NULL }, .n_others = 1 };
    cr_assert_eq(socle_predict(s.l, missing, &p), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "predict: model 0 of 1 is missing");
    socle_module_free(other);
    images_tear_down(s);
}

Test(predict, leaves_no_trace_in_the_training)
{
    float logits[2][SAMPLES * CLASSES]; /* of the weights in the end */
    for (int asked = 0; asked < 2; asked++) {
        images_setup s = images_set_up(1, 0);
        socle_learner_add(s.l, socle_cb_random_crop((socle_crop_desc){ .pad = 1, .flip = 0.5 }, true));
        cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
        uint64_t epochs = s.l->epochs_done, counter = socle_ctx_random_counter(s.l->ctx);
        if (asked) {
            socle_predictions p = predict(s, (socle_predict_desc){ .flip = true, .train = true });
            socle_predictions_free(&p);
        }
        cr_assert_eq(s.l->epochs_done, epochs);
        cr_assert_eq(socle_ctx_random_counter(s.l->ctx), counter);
        cr_assert_eq(s.l->data, s.data);
        cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
        socle_learner_remove(s.l, "random crop");
        socle_predictions p = predict(s, (socle_predict_desc){ 0 });
        memcpy(logits[asked], p.logits, sizeof logits[0]);
        socle_predictions_free(&p);
        images_tear_down(s);
    }
    cr_assert_eq(memcmp(logits[0], logits[1], sizeof logits[0]), 0);
}

Test(predict, keeps_the_first_inputs_as_the_model_got_them)
{
    enum { KEPT = BATCH + 3 };
    images_setup s = images_set_up(1, 0);
    socle_learner_add(s.l, socle_cb_normalize(0.5, 0.25));
    socle_predictions p = predict(s, (socle_predict_desc){ .inputs = KEPT });
    cr_assert_eq(p.inputs, KEPT);
    cr_assert(socle_shape_equal(p.x_shape, socle_shape3(1, SIDE, SIDE)));
    for (size_t i = 0; i < KEPT; i++) {
        uint8_t raw[PIXELS];
        int32_t y;
        cr_assert_eq(socle_dataset_get(socle_loader_dataset(s.data->valid), i, raw, &y), SOCLE_OK);
        for (size_t k = 0; k < PIXELS; k++)
            cr_assert_float_eq(p.x[i * PIXELS + k], (raw[k] / 255.0 - 0.5) / 0.25, 1e-5, "image %zu pixel %zu", i,
                               k);
    }
    socle_predictions_free(&p);
    p = predict(s, (socle_predict_desc){ .inputs = SIZE_MAX });
    cr_assert_eq(p.inputs, SAMPLES);
    socle_predictions_free(&p);
    images_tear_down(s);
}

static socle_flow ask_inside(socle_learner *l, void *user)
{
    socle_predictions p;
    *(socle_status *)user = socle_predict(l, (socle_predict_desc){ 0 }, &p);
    return 0;
}

Test(predict, what_cannot_be_answered_is_refused)
{
    images_setup s = images_set_up(1, 0);
    socle_predictions p;
    socle_status inside = SOCLE_OK;
    cr_assert_eq(socle_predict(s.l, (socle_predict_desc){ .shift = -1 }, &p), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "predict: a shift of -1 pixels, 0 other models");
    socle_learner_add(s.l, (socle_callback){ .name = "ask", .user = &inside, .before_fit = ask_inside });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(inside, SOCLE_ERR_STATE);
    socle_data alone = { .train = s.data->train };
    s.l->data = &alone;
    cr_assert_eq(socle_predict(s.l, (socle_predict_desc){ 0 }, &p), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "predict: there is no validation data");
    s.l->data = s.data;
    images_tear_down(s);
}

/* The order of events, what each answer cancels, and what a fit leaves behind. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <socle/sys/test.h>
#include "tiny.h"

/* One letter an event: F E B for before_fit, _epoch, _batch; p l b s for predict .. step; lower-case after; the
 * cleanup events are ) ] } for batch, epoch, fit. */
#define LETTERS(X)                                                                                                 \
    X(before_fit, 'F')                                                                                             \
    X(before_epoch, 'E')                                                                                           \
    X(before_batch, 'B')                                                                                           \
    X(after_predict, 'p')                                                                                          \
    X(after_loss, 'l')                                                                                             \
    X(after_backward, 'b') X(after_step, 's') X(after_batch, 'n') X(after_epoch, 'e') X(after_fit, 'f')            \
        X(cleanup_batch, ')') X(cleanup_epoch, ']') X(cleanup_fit, '}')

typedef struct trace {
    char text[1000];
    size_t n;
    char at;     /* event that answers */
    int in_pass; /* 0: the training pass of the first epoch, 1: its evaluation, 2 ... */
    size_t in_batch;
    socle_flow answer;
    int drops;
} trace;

static socle_flow step_of(socle_learner *l, trace *t, char letter)
{
    t->text[t->n++] = letter;
    int pass = 2 * l->epoch + !l->training;
    bool here = letter == t->at && (strchr("Ff}", letter) || pass == t->in_pass);
    if (!here || (strchr("Bplbsn)", letter) && l->batch_index != t->in_batch))
        return 0;
    return t->answer;
}

#define FUNCTION(event, letter)                                                                                    \
    static socle_flow on_##event(socle_learner *l, void *user)                                                     \
    {                                                                                                              \
        return step_of(l, user, letter);                                                                           \
    }
LETTERS(FUNCTION)

static void count_drop(void *user)
{
    ((trace *)user)->drops++;
}

static socle_callback tracer(trace *t)
{
#define FIELD(event, letter) .event = on_##event,
    return (socle_callback){ .name = "trace", .user = t, .drop = count_drop, LETTERS(FIELD) };
}

/* Two epochs of two training batches and one evaluation batch. */
static socle_status trace_fit(trace *t)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_data *data = tiny_data(d, 8, 4);
    socle_learner *l = tiny_learner(d, data);
    socle_learner_add(l, tracer(t));
    socle_status s = socle_fit(l, 2, 0.1);
    cr_assert(socle_ctx_training(l->ctx) && socle_ctx_grad(l->ctx), "modes are restored");
    cr_assert_null(l->batch.x, "the batch is forgotten");
    socle_learner_free(l);
    socle_data_free(data);
    socle_device_close(d);
    cr_assert_eq(t->drops, 1);
    cr_assert_eq(socle_test_live_blocks(), 0);
    return s;
}

#define TRAIN_BATCH "Bplbsn)"
#define VALID_BATCH "Bpln)"
#define TRAIN_PASS  "E" TRAIN_BATCH TRAIN_BATCH "e]"
#define VALID_PASS  "E" VALID_BATCH "e]"
#define EPOCH       TRAIN_PASS VALID_PASS

Test(loop, a_fit_fires_every_event_in_order)
{
    trace t = { 0 };
    cr_assert_eq(trace_fit(&t), SOCLE_OK, "%s", socle_error());
    cr_assert_str_eq(t.text, "F" EPOCH EPOCH "f}");
}

static void expect(char at, int pass, size_t batch, socle_flow answer, const char *events)
{
    trace t = { .at = at, .in_pass = pass, .in_batch = batch, .answer = answer };
    socle_status s = trace_fit(&t);
    cr_assert_str_eq(t.text, events, "%d at %c of batch %zu, pass %d:\ngot  %s\nwant %s", answer, at, batch, pass,
                     t.text, events);
    cr_assert_eq(s, answer < 0 ? (socle_status)answer : SOCLE_OK, "%d at %c: the fit answers %d", answer, at, s);
}

Test(loop, cancelling_a_batch_skips_its_rest_and_not_its_cleanup)
{
    expect('B', 0, 0, SOCLE_CANCEL_BATCH,
           "FE"
           "B)" TRAIN_BATCH "e]" VALID_PASS EPOCH "f}");
    expect('p', 0, 0, SOCLE_CANCEL_BATCH,
           "FE"
           "Bp)" TRAIN_BATCH "e]" VALID_PASS EPOCH "f}");
    expect('l', 0, 1, SOCLE_CANCEL_BATCH,
           "FE" TRAIN_BATCH "Bpl)"
           "e]" VALID_PASS EPOCH "f}");
    expect('b', 0, 1, SOCLE_CANCEL_BATCH,
           "FE" TRAIN_BATCH "Bplb)"
           "e]" VALID_PASS EPOCH "f}");
    expect('s', 0, 1, SOCLE_CANCEL_BATCH,
           "FE" TRAIN_BATCH "Bplbs)"
           "e]" VALID_PASS EPOCH "f}");
    expect('n', 0, 1, SOCLE_CANCEL_BATCH, "F" EPOCH EPOCH "f}");
    expect(')', 0, 1, SOCLE_CANCEL_BATCH, "F" EPOCH EPOCH "f}");
    expect('p', 1, 0, SOCLE_CANCEL_BATCH,
           "F" TRAIN_PASS "E"
           "Bp)"
           "e]" EPOCH "f}");
}

Test(loop, cancelling_an_epoch_ends_the_pass_and_the_fit_goes_on)
{
    expect('E', 0, 0, SOCLE_CANCEL_EPOCH,
           "F"
           "E]" VALID_PASS EPOCH "f}");
    expect('B', 0, 0, SOCLE_CANCEL_EPOCH,
           "F"
           "EB)]" VALID_PASS EPOCH "f}");
    expect('b', 2, 1, SOCLE_CANCEL_EPOCH, "F" EPOCH "E" TRAIN_BATCH "Bplb)]" VALID_PASS "f}");
    expect(')', 0, 0, SOCLE_CANCEL_EPOCH,
           "F"
           "E" TRAIN_BATCH "]" VALID_PASS EPOCH "f}");
    expect('e', 0, 0, SOCLE_CANCEL_EPOCH, "F" EPOCH EPOCH "f}");
    expect('l', 1, 0, SOCLE_CANCEL_EPOCH, "F" TRAIN_PASS "EBpl)]" EPOCH "f}");
}

Test(loop, cancelling_the_fit_ends_every_level_with_its_cleanup)
{
    expect('F', 0, 0, SOCLE_CANCEL_FIT, "F}");
    expect('E', 1, 0, SOCLE_CANCEL_FIT, "F" TRAIN_PASS "E]}");
    expect('s', 0, 0, SOCLE_CANCEL_FIT, "FEBplbs)]}");
    expect('n', 2, 1, SOCLE_CANCEL_FIT, "F" EPOCH "E" TRAIN_BATCH TRAIN_BATCH "]}");
    expect('e', 1, 0, SOCLE_CANCEL_FIT, "F" EPOCH "}");
    expect(']', 0, 0, SOCLE_CANCEL_FIT, "F" TRAIN_PASS "}");
    expect('f', 0, 0, SOCLE_CANCEL_FIT, "F" EPOCH EPOCH "f}");
}

Test(loop, a_failure_ends_like_a_cancelled_fit_and_is_answered)
{
    expect('F', 0, 0, SOCLE_ERR_USER, "F}");
    expect('p', 0, 1, SOCLE_ERR_IO, "FE" TRAIN_BATCH "Bp)]}");
    expect(')', 0, 0, SOCLE_ERR_USER, "FE" TRAIN_BATCH "]}");
    expect('e', 1, 0, SOCLE_ERR_USER, "F" EPOCH "}");
    expect('}', 0, 0, SOCLE_ERR_USER, "F" EPOCH EPOCH "f}");
}

Test(loop, a_cancellation_of_something_narrower_than_where_it_is_answered_ends_nothing)
{
    expect('E', 0, 0, SOCLE_CANCEL_BATCH, "F" EPOCH EPOCH "f}");
    expect('F', 0, 0, SOCLE_CANCEL_EPOCH, "F" EPOCH EPOCH "f}");
}

static socle_flow nonsense(socle_learner *l, void *user)
{
    (void)l, (void)user;
    return 7;
}

static socle_flow speechless(socle_learner *l, void *user)
{
    (void)l, (void)user;
    return SOCLE_ERR_USER;
}

static socle_flow explains(socle_learner *l, void *user)
{
    (void)l;
    return (socle_flow)socle_fail(SOCLE_ERR_USER, "%s", (const char *)user);
}

typedef struct setup {
    socle_device *d;
    socle_data *data;
    socle_learner *l;
} setup;

static setup set_up(const char *spec, size_t n_train, size_t n_valid)
{
    setup s = { .d = socle_device_open(spec, (socle_device_desc){ 0 }) };
    s.data = tiny_data(s.d, n_train, n_valid);
    s.l = tiny_learner(s.d, s.data);
    cr_assert_not_null(s.l, "%s", socle_error());
    return s;
}

static void tear_down(setup s)
{
    socle_learner_free(s.l);
    socle_data_free(s.data);
    socle_device_close(s.d);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

Test(loop, an_answer_that_means_nothing_names_the_callback)
{
    setup s = set_up("ref", 8, 0);
    socle_learner_add(s.l, (socle_callback){ .name = "odd one", .after_loss = nonsense });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "odd one") && strstr(socle_error(), "7"), "%s", socle_error());
    cr_assert_eq(socle_learner_remove(s.l, "odd one"), 1);
    socle_learner_add(s.l, (socle_callback){ .name = "quiet one", .after_loss = speechless });
    (void)socle_fail(SOCLE_ERR_IO, "something older");
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_USER);
    cr_assert(strstr(socle_error(), "quiet one"), "%s", socle_error());
    tear_down(s);
}

Test(loop, the_first_failure_is_the_one_that_is_told)
{
    setup s = set_up("ref", 8, 0);
    char first[] = "the cause", second[] = "a consequence";
    socle_learner_add(s.l, (socle_callback){ .name = "a", .user = first, .after_loss = explains });
    socle_learner_add(
        s.l, (socle_callback){ .name = "b", .user = second, .cleanup_batch = explains, .cleanup_fit = explains });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_USER);
    cr_assert_str_eq(socle_error(), "the cause");
    tear_down(s);
}

static socle_flow stop_others(socle_learner *l, void *user)
{
    (void)l;
    ++*(int *)user;
    return SOCLE_CANCEL_BATCH;
}

static socle_flow count(socle_learner *l, void *user)
{
    (void)l;
    ++*(int *)user;
    return 0;
}

Test(loop, the_first_answer_ends_an_event_but_cleanup_reaches_everyone)
{
    setup s = set_up("ref", 8, 0);
    int first = 0, later = 0, cleaned = 0;
    socle_learner_add(s.l, (socle_callback){ .name = "first", .user = &first, .after_loss = stop_others });
    socle_learner_add(s.l, (socle_callback){ .name = "later", .user = &later, .after_loss = count });
    socle_learner_add(s.l, (socle_callback){ .name = "first", .user = &first, .cleanup_batch = stop_others });
    socle_learner_add(s.l, (socle_callback){ .name = "cleaned", .user = &cleaned, .cleanup_batch = count });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(first, 4, "two batches, two events");
    cr_assert_eq(later, 0);
    cr_assert_eq(cleaned, 2);
    tear_down(s);
}

/* ---- modes, positions, gradients ---- */

typedef struct watch {
    bool right;
    double pos[16];
    int n;
} watch;

static socle_flow watch_batch(socle_learner *l, void *user)
{
    watch *w = user;
    w->right = w->right && socle_ctx_training(l->ctx) == l->training && socle_ctx_grad(l->ctx) == l->training &&
               l->n_batches == (l->training ? 2u : 1u) && l->n_epochs == 2 && l->pred && l->loss;
    w->pos[w->n++] = l->pos;
    return 0;
}

Test(loop, mode_and_position_are_right_in_every_batch)
{
    setup s = set_up("ref", 8, 4);
    watch w = { .right = true };
    socle_learner_add(s.l, (socle_callback){ .name = "watch", .user = &w, .after_batch = watch_batch });
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK);
    cr_assert(w.right);
    const double pos[] = { 0, 0.25, 0.5, 0.5, 0.75, 1 };
    cr_assert_eq(w.n, 6);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(w.pos[i], pos[i], "batch %d: %g", i, w.pos[i]);
    tear_down(s);
}

static int snapshot(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    double **to = user;
    (void)path, (void)owner, (void)trainable;
    cr_assert_eq(socle_read(t, *to, (size_t)socle_numel(t) * 8), SOCLE_OK);
    *to += socle_numel(t);
    return 0;
}

static void weights_of(socle_learner *l, double w[16])
{
    double *to = w;
    socle_module_each_param(l->model, snapshot, &to);
}

Test(loop, training_changes_weights_and_evaluation_does_not)
{
    setup s = set_up("ref64", 8, 4);
    double before[16] = { 0 }, after[16] = { 0 };
    weights_of(s.l, before);
    cr_assert_eq(socle_fit_with(s.l, (socle_fit_desc){ .epochs = 2, .lr = 0.1, .no_train = true }), SOCLE_OK);
    weights_of(s.l, after);
    cr_assert_eq(memcmp(before, after, sizeof before), 0);
    cr_assert_eq(socle_fit_with(s.l, (socle_fit_desc){ .epochs = 1, .lr = 0.1, .no_valid = true }), SOCLE_OK);
    weights_of(s.l, after);
    cr_assert_neq(memcmp(before, after, sizeof before), 0);
    tear_down(s);
}

static socle_flow accumulate(socle_learner *l, void *user)
{
    (void)user;
    return l->batch_index % 2 == 0 ? SOCLE_CANCEL_BATCH : 0;
}

/* Two batches of 4 accumulated are one step of the sum of their gradients: of a batch of 8 at twice the learning
 * rate. */
Test(loop, cancelling_after_backward_accumulates_gradients)
{
    setup s = set_up("ref64", 8, 0);
    double accumulated[16] = { 0 }, whole[16] = { 0 };
    socle_learner_add(s.l, (socle_callback){ .name = "accumulate", .after_backward = accumulate });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    weights_of(s.l, accumulated);
    tear_down(s);

    s = set_up("ref64", 8, 0);
    socle_data one_batch = { .train = tiny_loader(s.d, 8, 8) };
    s.l->data = &one_batch;
    cr_assert_eq(socle_fit(s.l, 1, 0.2), SOCLE_OK, "%s", socle_error());
    weights_of(s.l, whole);
    socle_loader_free(one_batch.train);
    tear_down(s);
    for (int i = 0; i < 15;
         i++) /* a dozen roundings of double, and of the learning rate (float) none: 0.1f * 2 = 0.2f */
        cr_assert_float_eq(accumulated[i], whole[i], 1e-14, "%d: %.17g, %.17g", i, accumulated[i], whole[i]);
}

Test(loop, a_fit_gives_back_the_verbs_and_the_listener)
{
    setup s = set_up("ref", 8, 0);
    socle_loop before = s.l->loop;
    socle_learner_add(s.l, socle_cb_progress((socle_progress_desc){ .out = stderr }));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert(!s.l->log, "nobody listened before");
    cr_assert_eq(memcmp(&before, &s.l->loop, sizeof before), 0);
    tear_down(s);
}

Test(loop, bad_arguments_and_a_fit_within_a_fit_are_errors)
{
    setup s = set_up("ref", 8, 0);
    cr_assert_eq(socle_fit(s.l, 0, 0.1), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "0 epochs"), "%s", socle_error());
    cr_assert_eq(socle_fit(s.l, -3, 0.1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_fit(s.l, 1, -0.1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_fit(s.l, 1, (double)NAN), SOCLE_ERR_ARG);
    tear_down(s);
}

static socle_flow fit_again(socle_learner *l, void *user)
{
    *(socle_status *)user = socle_fit(l, 1, 0.1);
    return 0;
}

Test(loop, a_fit_within_a_fit_is_refused_and_the_outer_one_goes_on)
{
    setup s = set_up("ref", 8, 0);
    socle_status inner = SOCLE_OK;
    socle_learner_add(s.l, (socle_callback){ .name = "again", .user = &inner, .before_batch = fit_again });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    cr_assert_eq(inner, SOCLE_ERR_STATE);
    tear_down(s);
}

static socle_flow wreck(socle_learner *l, void *user)
{
    (void)user;
    l->batch.x = socle_reshape(l->ctx, l->batch.x, socle_shape1(3));
    return 0;
}

Test(loop, an_op_that_fails_fails_the_fit_with_its_own_message_and_the_next_fit_works)
{
    setup s = set_up("ref", 8, 4);
    socle_learner_add(s.l, (socle_callback){ .name = "wreck", .before_batch = wreck });
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_SHAPE);
    cr_assert(strstr(socle_error(), "reshape"), "%s", socle_error());
    cr_assert_eq(socle_learner_remove(s.l, "wreck"), 1);
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK, "%s", socle_error());
    tear_down(s);
}

static socle_flow read_lr(socle_learner *l, void *user)
{
    *(float *)user = socle_hyper_get(l->opt, 0, SOCLE_LR);
    return 0;
}

Test(loop, lr_0_keeps_the_optimizers_and_reset_keeps_its_hypers)
{
    setup s = set_up("ref", 8, 0);
    float lr = 0;
    socle_learner_add(s.l, (socle_callback){ .name = "lr", .user = &lr, .after_step = read_lr });
    cr_assert_eq(socle_hyper_set(s.l->opt, -1, SOCLE_LR, 0.375f), SOCLE_OK);
    cr_assert_eq(socle_fit(s.l, 1, 0), SOCLE_OK);
    cr_assert_eq(lr, 0.375f);
    cr_assert_eq(socle_fit_with(s.l, (socle_fit_desc){ .epochs = 1, .reset_opt = true }), SOCLE_OK);
    cr_assert_eq(lr, 0.375f);
    tear_down(s);
}

static socle_flow note_epoch(socle_learner *l, void *user)
{
    uint64_t **to = user;
    if (l->training && l->batch_index == 0)
        *(*to)++ = l->epochs_done;
    return 0;
}

Test(loop, the_loaders_epochs_count_on_from_fit_to_fit)
{
    setup s = set_up("ref", 8, 4);
    uint64_t seen[4] = { 0 }, *to = seen;
    socle_learner_add(s.l, (socle_callback){ .name = "note", .user = &to, .before_batch = note_epoch });
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK);
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_OK);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(seen[i], i + 1, "pass %d", (int)i);
    tear_down(s);
}

Test(loop, training_data_without_a_sample_is_an_error_and_evaluation_needs_none)
{
    setup s = set_up("ref", 0, 8);
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "fit: there is no sample in the training data");
    cr_assert_eq(socle_fit_with(s.l, (socle_fit_desc){ .epochs = 1, .no_train = true }), SOCLE_OK);
    tear_down(s);
}

static socle_status whole_fit(void)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_data *data = tiny_data(d, 8, 4);
    socle_learner *l = tiny_learner(d, data);
    socle_recorder *r = socle_recorder_new();
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(l, socle_cb_metrics(metrics, 1));
    socle_learner_add(l, socle_cb_recorder(r));
    socle_learner_add(l, socle_cb_stop_on_nan(1));
    socle_learner_add(l, socle_cb_normalize(0.1, 2));
    socle_status s = socle_fit(l, 1, 0.1);
    socle_learner_free(l);
    socle_recorder_free(r);
    socle_data_free(data);
    socle_device_close(d);
    return s;
}

Test(loop, every_failing_allocation_of_a_fit_is_reported_and_leaves_nothing)
{
    int k = 0;
    for (bool failed = true; failed; k++) {
        socle_test_fail_alloc(k);
        socle_status s = whole_fit();
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(s, failed ? SOCLE_ERR_NOMEM : SOCLE_OK, "allocation %d: %d, %s", k, s, socle_error());
        cr_assert_eq(socle_test_live_blocks(), 0, "allocation %d", k);
    }
    cr_assert_gt(k, 100);
}

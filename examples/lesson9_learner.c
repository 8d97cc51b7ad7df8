/* Lesson 9, the notebooks 04 and 05b: the Learner, and callbacks that watch, count and stop, average, accumulate
 * gradients, and cancel. */
#include <socle/socle.h>

#include <stdio.h>
#include <string.h>
#include "lesson9.h"

socle_learner *learner(lesson *l, socle_data *data)
{
    return socle_learner_new((socle_learner_desc){
        .device = l->device, .model = network(l), .data = data, .opt = socle_sgd(), .seed = l->o.seed });
}

socle_data *batches(lesson *l, size_t size)
{
    socle_loader_desc o = { .batch = size, .workers = l->o.workers, .seed = l->o.seed };
    return mnist_data(&l->digits, l->device, true, o);
}

/* ---- callbacks: what the Learner tells, and to whom ---- */

/* A Learner holds model, data, loss and optimizer and calls callbacks at every stage of the loop: all else is
 * theirs. The first says which events it hears, of the first batch of each pass; the second counts steps and ends
 * the fit after ten; the third, AvgStats, averages loss and accuracy over the images of a pass. The notebook's two
 * epochs: .9587 .9354. */

#define SOCLE_X(event)                                                                                             \
    static socle_flow say_##event(socle_learner *l, void *user)                                                    \
    {                                                                                                              \
        (void)user;                                                                                                \
        if (l->batch_index == 0 || strstr(#event, "epoch") || strstr(#event, "fit"))                               \
            printf("%s%s", #event, strstr(#event, "cleanup") ? "\n" : " ");                                        \
        return 0;                                                                                                  \
    }
SOCLE_EVENTS(SOCLE_X)
#undef SOCLE_X

static socle_flow stop_after_ten(socle_learner *l, void *user)
{
    int *steps = user;
    (void)l;
    printf("%d ", ++*steps);
    return *steps >= 10 ? SOCLE_CANCEL_FIT : 0;
}

static socle_flow avg_reset(socle_learner *l, void *user)
{
    (void)l;
    *(avg_stats *)user = (avg_stats){ 0 };
    return 0;
}

static socle_flow avg_add(socle_learner *l, void *user)
{
    avg_stats *a = user;
    a->loss += item(l->ctx, l->loss) * (double)l->batch.size;
    a->hits += item(l->ctx, socle_accuracy().batch(l->ctx, l->pred, l->batch.y));
    a->n += (double)l->batch.size;
    return 0;
}

static socle_flow avg_print(socle_learner *l, void *user)
{
    const avg_stats *a = user;
    printf("  %s: [%.4f, %.4f]%s", l->training ? "train" : "valid", a->loss / a->n, a->hits / a->n,
           l->training ? "" : "\n");
    return 0;
}

socle_callback avg_stats_callback(avg_stats *a)
{
    return (socle_callback){
        .name = "avg_stats", .user = a, .before_epoch = avg_reset, .after_loss = avg_add, .after_epoch = avg_print
    };
}

socle_status step_callbacks(lesson *l, socle_ctx *c)
{
    (void)c;
    socle_data *data = batches(l, batch_of(l, 64));
    socle_learner *learn = learner(l, data);
#define SOCLE_X(event) .event = say_##event,
    socle_learner_add(learn, (socle_callback){ .name = "say", SOCLE_EVENTS(SOCLE_X) });
#undef SOCLE_X
    socle_status s = socle_fit(learn, 1, rate_of(l, 0.5));
    socle_learner_remove(learn, "say");
    int steps = 0;
    socle_learner_add(learn, (socle_callback){ .name = "test", .user = &steps, .after_step = stop_after_ten });
    if (s == SOCLE_OK)
        s = socle_fit(learn, 1, 0);
    puts("and stop");
    socle_learner_free(learn);
    learn = s == SOCLE_OK ? learner(l, data) : NULL;
    avg_stats a;
    socle_learner_add(learn, avg_stats_callback(&a));
    if (s == SOCLE_OK)
        s = socle_fit(learn, epochs_of(l, 2), rate_of(l, 0.5));
    socle_learner_free(learn);
    socle_data_free(data);
    return s;
}

/* ---- accumulate: a step of several batches ---- */

/* Gradients add up until someone drops them, so four batches of 16 are one of 64 when step and zero_grad wait for
 * the fourth; their sum is of four means, so the rate is a quarter. A callback that cancels the other batches
 * after the backward pass does it; the library's divides by the number of images, and steps for what is left over
 * at the end of an epoch. */

static socle_flow skip_step(socle_learner *l, void *user)
{
    size_t every = *(size_t *)user;
    return l->training && (l->batch_index + 1) % every ? SOCLE_CANCEL_BATCH : 0;
}

/* The gradient of the first weights after n batches of 64 / n images. Borrowed from net. */
static socle_tensor *gradient(lesson *l, socle_ctx *c, socle_module *net, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        socle_batch b = mnist_images(&l->digits, c, i * 64 / n, 64 / n);
        socle_tensor *loss = socle_cross_entropy(c, socle_forward(net, c, b.x), b.y, SOCLE_MEAN);
        (void)socle_ctx_fail(c, socle_backward(c, socle_scale(c, loss, 1.0 / (double)n, 0)));
    }
    return socle_grad(socle_module_named(net, "0.weight"));
}

static socle_status accumulated(lesson *l, const char *what, size_t size, double lr, socle_callback cb)
{
    printf("%-38s", what);
    socle_data *data = batches(l, size);
    socle_learner *learn = learner(l, data);
    avg_stats a;
    socle_learner_add(learn, avg_stats_callback(&a));
    if (cb.name)
        socle_learner_add(learn, cb);
    socle_status s = socle_fit(learn, epochs_of(l, 1), lr);
    socle_learner_free(learn);
    socle_data_free(data);
    return s;
}

socle_status step_accumulate(lesson *l, socle_ctx *c)
{
    socle_module *one = network(l), *four = network(l);
    socle_tensor *g = gradient(l, c, one, 1), *difference = socle_sub(c, g, gradient(l, c, four, 4));
    printf("gradient of 64 images: mean square %.3g, less four times 16: %.3g\n",
           item(c, socle_mean(c, socle_square(c, g), 0, false)),
           item(c, socle_mean(c, socle_square(c, difference), 0, false)));
    socle_module_free(one);
    socle_module_free(four);
    size_t every = 4;
    double lr = rate_of(l, 0.5);
    socle_callback skip = { .name = "accumulate", .order = 1, .user = &every, .after_backward = skip_step };
    socle_status s = accumulated(l, "batches of 64", 64, lr, (socle_callback){ 0 });
    if (s == SOCLE_OK)
        s = accumulated(l, "of 16, a step every 4", 16, lr / 4, skip);
    if (s == SOCLE_OK)
        s = accumulated(l, "the library's", 16, lr, socle_cb_accumulate(4));
    return s;
}

/* ---- cancelling: a batch, an epoch, the fit ---- */

/* What a callback answers ends a level: the rest of it and its after_ event are left out, its cleanup_ event is
 * not. Here it is asked after the 10th loss of each training pass, in two epochs. */

enum {
#define SOCLE_X(event) COUNT_##event,
    SOCLE_EVENTS(SOCLE_X) EVENTS
#undef SOCLE_X
};
typedef struct counts {
    socle_flow answer;
    int n[EVENTS];
} counts;

static socle_flow cancel(socle_learner *l, void *user)
{
    return l->batch_index == 9 ? ((counts *)user)->answer : 0;
}

#define SOCLE_X(event)                                                                                             \
    static socle_flow count_##event(socle_learner *l, void *user)                                                  \
    {                                                                                                              \
        (void)l;                                                                                                   \
        ((counts *)user)->n[COUNT_##event]++;                                                                      \
        return 0;                                                                                                  \
    }
SOCLE_EVENTS(SOCLE_X)
#undef SOCLE_X

socle_status step_cancelling(lesson *l, socle_ctx *c)
{
    (void)c;
    static const char *const what[] = { "nothing", "the batch", "the epoch", "the fit" };
    static const int shown[] = { COUNT_after_loss,  COUNT_after_step,    COUNT_after_batch, COUNT_cleanup_batch,
                                 COUNT_after_epoch, COUNT_cleanup_epoch, COUNT_after_fit,   COUNT_cleanup_fit };
    socle_data *data = batches(l, batch_of(l, 512));
    socle_data training = data ? *data : (socle_data){ 0 };
    training.valid = NULL;
    socle_status s = SOCLE_OK;
    puts("cancelled  after:  loss  step batch cleanup_batch epoch cleanup_epoch fit cleanup_fit");
    for (int level = 0; level <= SOCLE_CANCEL_FIT && s == SOCLE_OK; level++) {
        counts n = { .answer = level };
        socle_learner *learn = learner(l, data ? &training : NULL);
#define SOCLE_X(event) .event = count_##event,
        socle_learner_add(learn, (socle_callback){ .name = "count", .user = &n, SOCLE_EVENTS(SOCLE_X) });
#undef SOCLE_X
        socle_learner_add(learn,
                          (socle_callback){ .name = "cancel", .order = 1, .user = &n, .after_loss = cancel });
        s = socle_fit(learn, 2, rate_of(l, 0.5));
        printf("%-16s", what[level]);
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            printf(" %5d", n.n[shown[i]]);
        putchar('\n');
        socle_learner_free(learn);
    }
    socle_data_free(data);
    return s;
}

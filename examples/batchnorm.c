/* fast.ai's notebook on batch norm, configuration by configuration: what normalising between layers does for the speed of
 * learning, and what becomes of it when batches are small. MNIST, the first 50,000 training images to train on, the last
 * 10,000 to validate; a network of five convolutions, conv -> ReLU -> norm. batchnorm --help lists the configurations. */
#define _POSIX_C_SOURCE 200809L
#include <socle/socle.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "inspect.h"
#include "mnist.h"
#include "options.h"

enum { BATCH = 512 };

/* ---- the configurations ---- */

typedef enum variant { AS_PYTORCH, AS_COURSE } variant;

typedef struct config {
    const char *name, *what;
    socle_norm_kind norm;
    variant variant;
    int groups, batch, epochs;
    /* top > 0: lr -> top over the first `rise` of the training, then -> end, in straight lines */
    double lr, top, end, rise;
    bool lsuv;       /* initial weights by LSUV, which needs activations that can be shifted */
    const char *why; /* what to say when it comes out below 0.5 */
} config;

static const char small_batches[] =
    "In a batch of 2 the last layer's mean and variance are made of 2 numbers, so training divides by noise; and "
    "the running averages that evaluation divides by never saw such batches one by one.";
static const char too_fast[] =
    "Without a norm the activations grow from layer to layer at this rate, until the ReLUs are all at 0 and no "
    "gradient comes through: the rate is too high for the initialisation.";
static const char no_variance[] =
    "An instance's statistics at 1x1 pixels are of a single number, whose variance is 0 (the notebook's division "
    "gives NaN): all that reaches the last layer is each channel's bias, the same for every image. So it cannot "
    "classify.";
static const char whole_layer[] =
    "One weight and one bias for a whole layer cannot put channels right that have gone astray at this rate.";

/* clang-format off */
static const config configs[] = {
    { "no-norm",         "no norm, lr 0.4", SOCLE_NORM_NONE, AS_PYTORCH, 0, BATCH, 2, 0.4, 0, 0, 0, false, too_fast },
    { "no-norm-fast",    "no norm, lr 1.0", SOCLE_NORM_NONE, AS_PYTORCH, 0, BATCH, 2, 1.0, 0, 0, 0, false, too_fast },
    { "kaiming",         "no norm, Kaiming's initial weights, lr 0.6", SOCLE_NORM_NONE, AS_PYTORCH, 0, BATCH, 2, 0.6, 0, 0, 0, false, too_fast },
    { "lsuv",            "no norm, initial weights by LSUV, lr 0.6", SOCLE_NORM_NONE, AS_PYTORCH, 0, BATCH, 2, 0.6, 0, 0, 0, true, NULL },
    { "course-bn",       "batch norm without gradient through its statistics, lr 1.0", SOCLE_NORM_BATCH, AS_COURSE, 0, BATCH, 2, 1.0, 0, 0, 0, false, NULL },
    { "builtin-bn",      "batch norm, lr 1.0", SOCLE_NORM_BATCH, AS_PYTORCH, 0, BATCH, 2, 1.0, 0, 0, 0, false, NULL },
    { "builtin-bn-sched","batch norm, lr 0.6 -> 2 -> 0.1", SOCLE_NORM_BATCH, AS_PYTORCH, 0, BATCH, 8, 0.6, 2.0, 0.1, 0.3, false, NULL },
    { "layer-norm",      "layer norm with a weight per channel, lr 0.8", SOCLE_NORM_LAYER, AS_PYTORCH, 0, BATCH, 3, 0.8, 0, 0, 0, false, NULL },
    { "group-norm",      "group norm, 4 groups, lr 0.8", SOCLE_NORM_GROUP, AS_PYTORCH, 4, BATCH, 3, 0.8, 0, 0, 0, false, NULL },
    { "course-ln",       "layer norm with one weight, lr 0.3", SOCLE_NORM_LAYER, AS_COURSE, 0, BATCH, 3, 0.3, 0, 0, 0, false, whole_layer },
    { "course-ln-fast",  "layer norm with one weight, lr 0.8", SOCLE_NORM_LAYER, AS_COURSE, 0, BATCH, 3, 0.8, 0, 0, 0, false, whole_layer },
    { "course-in",       "instance norm, lr 0.1", SOCLE_NORM_INSTANCE, AS_COURSE, 0, BATCH, 3, 0.1, 0, 0, 0, false, no_variance },
    { "bn-batch-2-fast", "batch norm, batches of 2, lr 1.0", SOCLE_NORM_BATCH, AS_PYTORCH, 0, 2, 1, 1.0, 0, 0, 0, false, small_batches },
    { "bn-batch-2",      "batch norm, batches of 2, lr 0.4", SOCLE_NORM_BATCH, AS_PYTORCH, 0, 2, 1, 0.4, 0, 0, 0, false, small_batches },
    { "running-batch-2", "running batch norm, batches of 2, lr 0.4", SOCLE_NORM_RUNNING, AS_PYTORCH, 0, 2, 1, 0.4, 0, 0, 0, false, NULL },
    { "running-batch-32","running batch norm, batches of 32, lr 1 -> 0.2", SOCLE_NORM_RUNNING, AS_PYTORCH, 0, 32, 1, 1.0, 0.2, 0.2, 1.0, false, NULL },
};
/* clang-format on */
enum { CONFIGS = sizeof configs / sizeof configs[0] };

/* ---- data and network ---- */

/* Of all pixels of the first 50,000 images. */
static const double pixel_mean = 0.1304, pixel_std = 0.3073;

/* Five sixths of the images, the first 50,000, to train on; the last 10,000 to validate. */
static socle_data *data_of(const options *o, const socle_dataset *images, socle_device *d, size_t batch,
                           uint64_t seed)
{
    socle_loader_desc train = {
        .batch = batch, .workers = o->workers, .shuffle = true, .train = true, .seed = seed
    };
    socle_loader_desc valid = { .batch = 2 * batch, .workers = o->workers };
    size_t n = socle_dataset_desc_of(images).length, training = n / 6 * 5 + n % 6 * 5 / 6;
    socle_loader *first = socle_loader_new(socle_dataset_part(images, 0, training), d, train);
    socle_dataset *rest = first ? socle_dataset_part(images, training, n - training) : NULL;
    return first ? socle_data_new(first, socle_loader_new(rest, d, valid), 1, 10, NULL) : NULL;
}

static socle_norm_desc norm_of(const config *c)
{
    socle_norm_desc n = c->variant == AS_COURSE ? socle_norm_course(c->norm) : (socle_norm_desc){ .kind = c->norm };
    n.groups = c->groups;
    return n;
}

/* 28 -> 14 -> 7 -> 4 -> 2 -> 1 pixels. A norm over images brings the convolution's bias with it; the others keep it. */
static socle_module *network(socle_device *d, const config *c, uint64_t seed)
{
    static const int width[] = { 1, 8, 16, 32, 64, 64 };
    socle_module *net = socle_sequential_new(d);
    bool over_images = c->norm == SOCLE_NORM_BATCH || c->norm == SOCLE_NORM_RUNNING;
    for (int i = 0; i < 5; i++) {
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .size = i ? 3 : 5, .stride = 2 };
        conv.norm = c->norm;
        conv.norm_desc = norm_of(c);
        conv.act = c->lsuv ? SOCLE_ACT_GENERAL_RELU : SOCLE_ACT_RELU;
        conv.act_first = true;
        conv.bias = over_images ? SOCLE_BIAS_OFF : SOCLE_BIAS_ON;
        socle_append(net, socle_conv_new(d, conv));
    }
    socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 64, .out = 10 }));
    if (net && (socle_reset_parameters(net, seed) != SOCLE_OK ||
                socle_init_cnn(net, (socle_init_cnn_desc){ .leak = 0.1, .seed = seed }) != SOCLE_OK)) {
        socle_module_free(net);
        return NULL;
    }
    return net;
}

/* ---- a run ---- */

/* The learning rate of the batch that begins: the notebook's ParamScheduler. */
static socle_flow set_rate(socle_learner *l, void *user)
{
    const config *c = user;
    if (!l->training)
        return 0;
    double p = l->pos, lr = p < c->rise ? c->lr + (c->top - c->lr) * p / c->rise
                                        : c->top + (c->end - c->top) * (p - c->rise) / (1 - c->rise);
    return (socle_flow)socle_hyper_set(l->opt, -1, SOCLE_LR, (float)lr);
}

/* The notebook's lines. value: accuracy, loss, epoch, train. */
static void print_row(socle_learner *l, int n, const char *const *name, const double *value)
{
    (void)l;
    (void)name;
    if (n == 4)
        printf("%s [%.4f, %.4f]\n", value[3] > 0 ? "train:" : "valid:", value[1], value[0]);
    fflush(stdout);
}

static socle_learner *learner_of(const options *o, const config *c, socle_device *d, socle_data *data,
                                 uint64_t seed, socle_recorder *record)
{
    if (!data || !record)
        return NULL;
    socle_learner *learn = socle_learner_new((socle_learner_desc){
        .device = d, .model = network(d, c, seed), .data = data, .opt = socle_sgd(), .seed = seed });
    if (!learn)
        return NULL;
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_normalize(pixel_mean, pixel_std));
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_recorder(record));
    socle_learner_add(learn, socle_cb_stop_on_nan(c->batch < 32 ? 500 : 20));
    if (c->top > 0)
        socle_learner_add(
            learn, (socle_callback){ .name = "rate", .order = 1, .user = (void *)c, .before_batch = set_rate });
    if (!o->quiet)
        learn->log = print_row;
    return learn;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct outcome {
    double last, best, loss, time; /* of validation; NaN where training diverged */
} outcome;

static outcome outcome_of(const socle_recorder *record, double time)
{
    outcome r = { NAN, NAN, socle_recorder_value(record, "loss", -1), time };
    for (long row = 0;; row++) {
        double train = socle_recorder_value(record, "train", row);
        if (isnan(train))
            return r;
        if (train > 0)
            continue;
        r.last = socle_recorder_value(record, "accuracy", row);
        r.best = isnan(r.best) ? r.last : fmax(r.best, r.last);
    }
}

/* In words, what the numbers do not say. */
static void explain(const config *c, const outcome *r)
{
    if (isnan(r->last))
        printf("diverged: %s.\n", socle_error());
    else if (r->last < 0.5)
        printf("it has learned little or nothing.\n");
    if (c->why && !(r->last >= 0.5))
        printf("Why: %s\n", c->why);
}

/* A loss that is no number ends a run, not the program. */
static socle_status run(const options *o, const config *c, const socle_dataset *images, socle_device *d,
                        uint64_t seed, outcome *r)
{
    config own = *c;
    own.lr = o->lr > 0 ? o->lr : c->lr;
    own.epochs = o->epochs ? o->epochs : c->epochs;
    own.batch = o->batch_size ? (int)o->batch_size : c->batch;
    if (!o->quiet)
        printf("== %s: %s, batches of %d, seed %llu\n", own.name, own.what, own.batch, (unsigned long long)seed);
    socle_data *data = data_of(o, images, d, (size_t)own.batch, seed);
    socle_recorder *record = data ? socle_recorder_new() : NULL;
    socle_learner *learn = learner_of(o, &own, d, data, seed, record);
    double started = seconds();
    socle_status s = learn ? SOCLE_OK : socle_error_status();
    if (s == SOCLE_OK && own.lsuv)
        s = init_by_lsuv(o, learn, SOCLE_LSUV_SHIFT);
    if (s == SOCLE_OK)
        s = socle_fit(learn, own.epochs, own.lr);
    if (s == SOCLE_OK || (learn && s == SOCLE_ERR_STATE)) {
        *r = outcome_of(record, seconds() - started);
        if (!o->quiet)
            explain(&own, r);
        if (s != SOCLE_OK)
            r->last = r->best = NAN;
        s = SOCLE_OK;
    }
    if (s == SOCLE_OK && o->out) {
        char name[128];
        snprintf(name, sizeof name, "%s-%llu.csv", own.name, (unsigned long long)seed);
        char *path = options_out_path(o, name);
        s = path ? socle_recorder_write_csv(record, path) : socle_fail(SOCLE_ERR_NOMEM, "no memory");
        free(path);
    }
    socle_learner_free(learn);
    socle_recorder_free(record);
    socle_data_free(data);
    return s;
}

/* Seed after seed, then one line: the mean, the median, the best and every run's last accuracy. A run that diverged counts
 * as 0. */
static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static socle_status run_seeds(const options *o, const config *c, const socle_dataset *images, socle_device *d)
{
    double last[1000], sorted[1000], sum = 0, best = 0, time = 0;
    for (int i = 0; i < o->seeds; i++) {
        outcome r;
        socle_status s = run(o, c, images, d, o->seed + (uint64_t)i, &r);
        if (s != SOCLE_OK)
            return s;
        last[i] = sorted[i] = isnan(r.last) ? 0 : r.last;
        sum += last[i];
        best = fmax(best, isnan(r.best) ? 0 : r.best);
        time += r.time;
    }
    qsort(sorted, (size_t)o->seeds, sizeof *sorted, ascending);
    double middle = (sorted[(o->seeds - 1) / 2] + sorted[o->seeds / 2]) / 2;
    printf("%-18s mean %.4f median %.4f best %.4f time %.2f s :", c->name, sum / o->seeds, middle, best,
           time / o->seeds);
    for (int i = 0; i < o->seeds; i++)
        printf(last[i] > 0 ? " %.4f" : " diverged", last[i]);
    putchar('\n');
    fflush(stdout);
    return SOCLE_OK;
}

int main(int argc, char **argv)
{
    const char *names[CONFIGS + 2] = { "all" };
    for (int i = 0; i < CONFIGS; i++)
        names[i + 1] = configs[i].name;
    options o = options_parse(
        argc, argv, "Trains fast.ai's MNIST network with one norm or another.",
        OPTION_CONFIG | OPTION_TRAINING | OPTION_SEEDS, names,
        (options){ .data = "data/mnist", .model = "builtin-bn", .seed = 42, .seeds = 1, .workers = 0 });
    bool made_out;
    if (!options_make_out(&o, &made_out))
        return 1;
    socle_device *device = socle_device_open(o.device, (socle_device_desc){ .threads = o.threads });
    socle_dataset *images = device ? mnist_files(o.data, "train") : NULL;
    socle_status s = images ? SOCLE_OK : socle_error_status();
    if (device && !o.quiet)
        printf("%s\n", socle_device_name(device));
    for (int i = 0; i < CONFIGS && s == SOCLE_OK; i++)
        if (strcmp(o.model, "all") == 0 || strcmp(o.model, configs[i].name) == 0)
            s = run_seeds(&o, &configs[i], images, device);
    if (s != SOCLE_OK) {
        complain("%s", socle_error());
        if (made_out)
            rmdir(o.out);
    }
    socle_dataset_free(images);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

/* The Fashion-MNIST challenge of fast.ai's course: the best accuracy on the 10,000 test images after 5, 20 or 50 passes over the
 * 60,000 training images, from random weights. AdamW under the one-cycle policy, batches of 1024. fashion_challenge --help
 * lists the recipes. */
#define _POSIX_C_SOURCE 200809L
#include <socle/socle.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "inspect.h"

/* pad, flip: random crops of images padded by so many pixels, and the probability that one is mirrored. */
typedef struct recipe {
    const char *name, *model; /* model: of socle_model_new, or NULL: a ResNet-9 of this width */
    int width;
    size_t batch;
    double lr;
    int pad;
    double flip;
    double smooth;           /* label smoothing */
    bool decay_weights_only; /* no decay of biases and norms */
    int networks;            /* trained one after the other, from other weights; their logits are averaged. 0: 1 */
} recipe;

static const recipe recipes[] = {
    { .name = "conv", .model = "conv", .batch = 1024, .lr = 6e-2 },
    { .name = "deep", .model = "deep", .batch = 1024, .lr = 6e-2 },
    { .name = "resnet", .model = "resnet", .batch = 1024, .lr = 2e-2 },
    { .name = "resnet-aug", .model = "resnet", .batch = 1024, .lr = 2e-2, .pad = 1, .flip = 0.5 },
    { .name = "wide", .model = "wide", .batch = 1024, .lr = 1e-2 },
    { .name = "wide-aug", .model = "wide", .batch = 1024, .lr = 1e-2, .pad = 1, .flip = 0.5 },
    /* Our own for few epochs: smaller batches are eight times as many steps, mirrored images a second set of them, smooth labels
     * bear a high rate; a team of small networks errs less than a large one of their cost. */
    { .name = "quick",
      .width = 16,
      .batch = 128,
      .lr = 2e-2,
      .flip = 0.5,
      .smooth = 0.1,
      .decay_weights_only = true },
    { .name = "team",
      .width = 12,
      .batch = 128,
      .lr = 2e-2,
      .flip = 0.5,
      .smooth = 0.1,
      .decay_weights_only = true,
      .networks = 3 },
};
enum { RECIPES = sizeof recipes / sizeof recipes[0], NETWORKS = 8 /* at most, in a recipe */ };

/* Of all training pixels. */
static const double pixel_mean = 0.28, pixel_std = 0.35;

static const recipe *recipe_named(const char *name)
{
    const recipe *r = recipes;
    while (strcmp(r->name, name) != 0)
        r++;
    return r;
}

/* The test images are for the last word; whoever chooses among recipes evaluates on the last 10,000 training images instead
 * (--holdout), and trains on the others. */
static socle_loader *training_part(const options *o, socle_device *d, bool last, socle_loader_desc l)
{
    enum { HELD_OUT = 6 }; /* one sixth */
    char images[4096], labels[4096];
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte", o->data);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte", o->data);
    socle_dataset *all = socle_dataset_idx(images, labels, 10);
    if (!all)
        return NULL;
    size_t n = socle_dataset_desc_of(all).length, out = n / HELD_OUT;
    return socle_loader_new(socle_dataset_range(all, last ? n - out : 0, last ? out : n - out), d, l);
}

static socle_data *data_of(const options *o, const recipe *r, socle_device *d, uint64_t seed)
{
    const size_t batch = o->batch_size ? o->batch_size : r->batch;
    socle_loader_desc train = { .batch = batch, .workers = o->workers, .seed = seed };
    if (!o->holdout)
        return socle_data_fashion_mnist(d, o->data, train);
    train.shuffle = train.train = true;
    socle_loader *first = training_part(o, d, false, train);
    socle_loader_desc valid = { .batch = 2 * batch, .workers = o->workers };
    return first ? socle_data_new(first, training_part(o, d, true, valid), 1, 10, NULL) : NULL;
}

static socle_module *network(socle_device *d, const recipe *r, uint64_t seed)
{
    socle_module *m = r->model ? socle_model_new(d, r->model, 1, 10)
                               : socle_resnet9_new(d, (socle_resnet9_desc){ .c_in = 1, .width = r->width });
    const double leak = r->model ? 0.1 : 0;
    if (m && (socle_reset_parameters(m, seed) != SOCLE_OK ||
              socle_init_cnn(m, (socle_init_cnn_desc){ .leak = leak, .seed = seed }) != SOCLE_OK)) {
        socle_module_free(m);
        return NULL;
    }
    return m;
}

static socle_learner *learner_of(const recipe *r, socle_device *d, socle_data *data, uint64_t seed)
{
    socle_learner *l = socle_learner_new((socle_learner_desc){
        .device = d,
        .model = network(d, r, seed),
        .data = data,
        .loss = r->smooth > 0 ? socle_loss_cross_entropy_smooth(&r->smooth) : socle_loss_cross_entropy(),
        .opt = socle_adamw(),
        .seed = seed,
        .group_of = r->decay_weights_only ? socle_group_no_decay : NULL });
    if (l && r->decay_weights_only && socle_hyper_set(l->opt, 1, SOCLE_WD, 0) != SOCLE_OK) {
        socle_learner_free(l);
        return NULL;
    }
    return l;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct outcome {
    double accuracy, loss, time; /* of the first network; of all */
    double tta; /* accuracy of all networks' mean, over mirrored images too where asked for; or NAN */
} outcome;

static socle_status fit_under_policy(const options *o, const recipe *r, socle_learner *learn)
{
    return socle_fit_one_cycle(learn, o->epochs, o->lr > 0 ? o->lr : r->lr);
}

/* What each step of the fit would have. */
static socle_status dry_run(const options *o, const recipe *r, socle_learner *learn, socle_recorder *record)
{
    socle_learner_add(learn, socle_cb_recorder(record));
    socle_status s = socle_learner_set_dry(learn, true);
    if (s == SOCLE_OK)
        s = fit_under_policy(o, r, learn);
    if (s == SOCLE_OK)
        print_hypers(record);
    return s == SOCLE_OK && o->plot ? draw_hypers(o, record) : s;
}

static socle_status fit(const options *o, const recipe *r, socle_learner *learn, socle_recorder *record)
{
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    if (record)
        socle_learner_add(learn, socle_cb_recorder(record));
    socle_learner_add(learn, socle_cb_stop_on_nan(0));
    socle_learner_add(learn, socle_cb_normalize(pixel_mean, pixel_std));
    if (r->pad > 0 || r->flip > 0)
        socle_learner_add(
            learn, socle_cb_random_crop(
                       (socle_crop_desc){ .pad = r->pad, .flip = r->flip, .per_batch = o->per_batch }, false));
    if (!o->quiet)
        socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ .out = stdout, .plot = true }));
    return fit_under_policy(o, r, learn);
}

/* The mean logits of n networks, of the images as they are and with --tta mirrored. */
static socle_status test_all(const options *o, socle_learner *const *learn, int n, double *accuracy)
{
    socle_module *others[NETWORKS];
    for (int i = 1; i < n; i++)
        others[i - 1] = learn[i]->model;
    const socle_predict_desc desc = { .flip = o->tta, .others = others, .n_others = n - 1 };
    socle_predictions p;
    socle_status s = socle_predict(learn[0], desc, &p);
    if (s == SOCLE_OK) {
        *accuracy = socle_predictions_accuracy(&p);
        socle_predictions_free(&p);
    }
    return s;
}

static socle_status write_table(const options *o, const recipe *r, uint64_t seed, const socle_recorder *record)
{
    if (!o->out)
        return SOCLE_OK;
    char name[128];
    snprintf(name, sizeof name, "%s-%d-%llu.csv", r->name, o->epochs, (unsigned long long)seed);
    char *path = options_out_path(o, name);
    socle_status s = path ? socle_recorder_write_csv(record, path) : socle_fail(SOCLE_ERR_NOMEM, "no memory");
    free(path);
    return s;
}

/* The table into --out and, of the first seed, pictures. */
static socle_status report(const options *o, const recipe *r, uint64_t seed, socle_learner *learn,
                           const socle_recorder *record)
{
    socle_status s = write_table(o, r, seed, record);
    if (!o->plot || seed != o->seed)
        return s;
    if (s == SOCLE_OK)
        s = draw_training(o, record, NULL);
    if (s == SOCLE_OK)
        s = draw_hypers(o, record);
    return s == SOCLE_OK ? draw_predictions(o, learn) : s;
}

/* The recipe's networks, the first of which the recorder watches; learn: room for them. */
static socle_status train_all(const options *o, const recipe *r, socle_device *d, socle_data *data, uint64_t seed,
                              socle_recorder *record, socle_learner **learn, int n)
{
    enum { APART = 1000003 }; /* seeds of one run's networks, so that runs have none in common */
    socle_status s = track_hypers(record);
    for (int i = 0; i < n && s == SOCLE_OK; i++) {
        learn[i] = learner_of(r, d, data, seed + (uint64_t)i * APART);
        if (!learn[i])
            return socle_error_status();
        learn[i]->epochs_done = (uint64_t)i * (uint64_t)o->epochs; /* other orders of the images */
        if (o->dry_run)
            return dry_run(o, r, learn[0], record);
        s = fit(o, r, learn[i], i == 0 ? record : NULL);
    }
    return s;
}

static socle_status run(const options *o, const recipe *r, socle_device *d, uint64_t seed, outcome *result)
{
    if (!o->quiet)
        printf("== %s, %d epochs, seed %llu\n", r->name, o->epochs, (unsigned long long)seed);
    const int n = r->networks > 1 ? r->networks : 1;
    double started = seconds(), tta = NAN;
    socle_learner *learn[NETWORKS] = { NULL };
    socle_data *data = data_of(o, r, d, seed);
    socle_recorder *record = data ? socle_recorder_new() : NULL;
    socle_status s = record ? train_all(o, r, d, data, seed, record, learn, n) : socle_error_status();
    if (s == SOCLE_OK && (o->tta || n > 1) && !o->dry_run)
        s = test_all(o, learn, n, &tta);
    double time = seconds() - started;
    if (s == SOCLE_OK && !o->dry_run)
        s = report(o, r, seed, learn[0], record);
    if (s == SOCLE_OK)
        *result = (outcome){ socle_recorder_value(record, "accuracy", -1), socle_recorder_value(record, "loss", -1),
                             time, tta };
    for (int i = 0; i < n; i++)
        socle_learner_free(learn[i]);
    socle_recorder_free(record);
    socle_data_free(data);
    return s;
}

/* Seed after seed, then one line: mean, spread and every run. */
static socle_status run_seeds(const options *o, const recipe *r, socle_device *d)
{
    double accuracy[1000], tta[1000], sum = 0, squares = 0, loss = 0, time = 0, all = 0;
    for (int i = 0; i < o->seeds; i++) {
        outcome one = { 0 };
        socle_status s = run(o, r, d, o->seed + (uint64_t)i, &one);
        if (s != SOCLE_OK || o->dry_run)
            return s;
        accuracy[i] = one.accuracy;
        sum += one.accuracy;
        loss += one.loss;
        time += one.time;
        tta[i] = one.tta;
        all += one.tta;
    }
    double mean = sum / o->seeds;
    for (int i = 0; i < o->seeds; i++)
        squares += (accuracy[i] - mean) * (accuracy[i] - mean);
    printf("%-10s %d epochs: accuracy %.4f", r->name, o->epochs, mean);
    if (o->seeds > 1)
        printf(" +- %.4f", sqrt(squares / (o->seeds - 1)));
    if (!isnan(all))
        printf(" %s %.4f", o->tta ? "tta" : "together", all / o->seeds);
    printf(" loss %.4f time %.1f s :", loss / o->seeds, time / o->seeds);
    for (int i = 0; i < o->seeds; i++)
        printf(" %.4f", accuracy[i]);
    for (int i = 0; i < o->seeds && !isnan(all); i++)
        printf("%s%.4f", i == 0 ? " ; " : " ", tta[i]);
    putchar('\n');
    return SOCLE_OK;
}

int main(int argc, char **argv)
{
    const char *names[RECIPES + 1] = { NULL };
    for (int i = 0; i < RECIPES; i++)
        names[i] = recipes[i].name;
    options o = options_parse(argc, argv, "Trains for the Fashion-MNIST challenge.",
                              OPTION_RECIPE | OPTION_TRAINING | OPTION_SEEDS | OPTION_CHALLENGE, names,
                              (options){ .data = "/usr/share/datasets/fashion-mnist",
                                         .model = "resnet",
                                         .epochs = 5,
                                         .seed = 42,
                                         .seeds = 1,
                                         .workers = 1 });
    bool made_out;
    if (!options_make_out(&o, &made_out))
        return 1;
    socle_device *device = socle_device_open(o.device, (socle_device_desc){ .threads = o.threads });
    if (device && !o.quiet)
        printf("%s\n", socle_device_name(device));
    socle_status s = device ? run_seeds(&o, recipe_named(o.model), device) : socle_error_status();
    if (s != SOCLE_OK) {
        complain("%s", socle_error());
        if (made_out)
            rmdir(o.out);
    }
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

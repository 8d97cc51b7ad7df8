/* A convolutional network learns to tell ten kinds of clothes apart: Fashion-MNIST, 60,000 training images,
 * 10,000 for evaluation, 28 x 28 pixels. fashion_mnist --help lists the options. */
#define _POSIX_C_SOURCE 200809L
#include <socle/socle.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "inspect.h"
#include "options.h"

/* Four 3 x 3 convolutions of stride 2, 28 -> 14 -> 7 -> 4 -> 2 pixels, and one 2 x 2 convolution to the ten
 * classes. A norm stands between convolution and ReLU; the convolutions keep their biases. */
static socle_module *net_with(socle_device *d, socle_norm_kind norm)
{
    static const int width[] = { 1, 4, 8, 16, 16 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 4; i++) {
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .stride = 2, .act = SOCLE_ACT_RELU };
        conv.norm = norm;
        conv.bias = SOCLE_BIAS_ON;
        socle_append(net, socle_conv_new(d, conv));
    }
    socle_conv_desc last = { .in = 16, .out = 10, .size = 2, .pad = SOCLE_PAD_NONE };
    socle_append(net, socle_conv_new(d, last));
    return socle_append(net, socle_flatten_new(d));
}

static socle_module *conv_net(socle_device *d)
{
    return net_with(d, SOCLE_NORM_NONE);
}

static socle_module *bn_net(socle_device *d)
{
    return net_with(d, SOCLE_NORM_BATCH);
}

static const char *const model_names[] = { "conv", "bn", NULL };
static socle_module *(*const models[])(socle_device *d) = { conv_net, bn_net };

static socle_module *model_new(const char *name, socle_device *d, uint64_t seed)
{
    size_t i = 0;
    while (strcmp(model_names[i], name) != 0)
        i++;
    socle_module *m = models[i](d);
    if (m && socle_reset_parameters(m, seed) != SOCLE_OK) {
        socle_module_free(m);
        return NULL;
    }
    return m;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static socle_status print_summary(socle_learner *learn)
{
    char *text = NULL;
    socle_status s = socle_summary(learn->model, socle_shape4(64, 1, 28, 28), &text);
    if (s == SOCLE_OK)
        printf("%s\n", text);
    socle_text_free(text);
    return s;
}

/* metrics.csv and the weights, where they are asked for. */
static socle_status write_results(const options *o, socle_learner *learn, const socle_recorder *record)
{
    socle_status s = SOCLE_OK;
    if (o->out) {
        char *path = options_out_path(o, "metrics.csv");
        s = path ? socle_recorder_write_csv(record, path) : socle_fail(SOCLE_ERR_NOMEM, "no memory");
        free(path);
    }
    if (s == SOCLE_OK && o->save)
        s = socle_save(learn->model, o->save);
    return s;
}

/* Of all training pixels, for --norm-input. */
static const double pixel_mean = 0.28, pixel_std = 0.35;

/* What is done before the first epoch where it is asked for. lr: the rate to train with. */
static socle_status prepare(const options *o, socle_learner *learn, double *lr)
{
    socle_status s = SOCLE_OK;
    if (o->lsuv)
        s = init_by_lsuv(o, learn, SOCLE_LSUV_BIAS);
    return s == SOCLE_OK && o->lr_find ? find_rate(o, learn, lr) : s;
}

static socle_status draw(const options *o, socle_learner *learn, const socle_recorder *record,
                         const socle_activations *activations)
{
    socle_status s = draw_training(o, record, activations);
    return s == SOCLE_OK ? draw_predictions(o, learn) : s;
}

static socle_status train(const options *o, socle_learner *learn, socle_recorder *record,
                          socle_activations *activations, double started)
{
    const socle_metric metrics[] = { socle_accuracy() };
    double lr = o->lr;
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_recorder(record));
    socle_learner_add(learn, socle_cb_stop_on_nan(0));
    if (o->norm_input)
        socle_learner_add(learn, socle_cb_normalize(pixel_mean, pixel_std));
    if (!o->quiet)
        socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ .out = stdout, .plot = true }));

    socle_status s = prepare(o, learn, &lr);
    if (activations)
        socle_learner_add(learn, socle_cb_activations(activations));
    if (s == SOCLE_OK)
        s = socle_fit(learn, o->epochs, lr);
    double time = seconds() - started;
    if (s == SOCLE_OK)
        s = write_results(o, learn, record);
    if (s == SOCLE_OK && o->plot)
        s = draw(o, learn, record, activations);
    if (s == SOCLE_OK && activations && !o->quiet)
        print_activations(activations);
    if (s == SOCLE_OK)
        printf("final eval accuracy %.4f loss %.4f time %.2f s\n", socle_recorder_value(record, "accuracy", -1),
               socle_recorder_value(record, "loss", -1), time);
    return s;
}

/* What the library has to tell a user who waits: a device may have to build its kernels first. */
static void show(void *user, socle_log_level level, const char *text)
{
    (void)user;
    if (level <= SOCLE_LOG_INFO) {
        puts(text);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    double started = seconds();
    options o = options_parse(argc, argv, "Trains a network on Fashion-MNIST.",
                              OPTION_MODEL | OPTION_TRAINING | OPTION_NORM_INPUT | OPTION_SAVE | OPTION_SUMMARY |
                                  OPTION_INSPECT,
                              model_names,
                              (options){ .data = "/usr/share/datasets/fashion-mnist",
                                         .model = "conv",
                                         .epochs = 5,
                                         .batch_size = 256,
                                         .lr = 0.2,
                                         .seed = 42,
                                         .workers = 1 });
    bool made_out;
    if (!options_make_out(&o, &made_out))
        return 1;

    if (!o.quiet && isatty(STDOUT_FILENO) && !getenv("SOCLE_LOG"))
        socle_set_log(show, NULL);
    socle_device *device = socle_device_open(o.device, (socle_device_desc){ .threads = o.threads });
    socle_data *data = socle_data_fashion_mnist(
        device, o.data, (socle_loader_desc){ .batch = o.batch_size, .workers = o.workers, .seed = o.seed });
    socle_recorder *record = socle_recorder_new();
    socle_activations *activations = o.stats ? socle_activations_new((socle_activations_desc){ 0 }) : NULL;
    socle_learner *learn = NULL;
    if (data && !o.quiet)
        printf("%s\n", socle_device_name(device));
    if (data && record && (activations || !o.stats))
        learn = socle_learner_new((socle_learner_desc){ .device = device,
                                                        .model = model_new(o.model, device, o.seed),
                                                        .data = data,
                                                        .loss = socle_loss_cross_entropy(),
                                                        .opt = socle_sgd(),
                                                        .seed = o.seed });
    socle_status s = learn ? SOCLE_OK : socle_error_status();
    if (s == SOCLE_OK && o.summary)
        s = print_summary(learn);
    if (s == SOCLE_OK)
        s = train(&o, learn, record, activations, started);
    if (s != SOCLE_OK) {
        complain("%s", socle_error());
        if (made_out)
            rmdir(o.out);
    }

    socle_set_log(NULL, NULL);
    socle_learner_free(learn);
    socle_activations_free(activations);
    socle_recorder_free(record);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

/* A learning-rate schedule of one's own: up in a straight line, then down along a curve that the library does not have.
 *
 * learning_rate [DIR [DEVICE]]: Fashion-MNIST's folder; cpu, cl ... For rates that depend on how the training goes, see the
 * callback in readme_callback.c. */
#include <socle/socle.h>
#include <math.h>
#include <stdio.h>

/* The curve: on the way from `from` to `to`, t in [0, 1], the rate falls as 1 / sqrt(steps) does. */
static double inverse_root(double from, double to, double t, double power)
{
    (void)power;
    return from / sqrt(1 + t * (from * from / (to * to) - 1));
}

static const socle_phase phases[] = {
    { .share = 0.1, .from = 0.02, .to = 0.4 },
    { .share = 0.9, .from = 0.4, .to = 0.05, .f = inverse_root },
};

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    socle_device *device = socle_device_open(argc > 2 ? argv[2] : NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 256 });
    socle_module *net = socle_model_new(device, "conv", 1, 10);
    socle_learner *learn = socle_learner_new((socle_learner_desc){ .device = device, .model = net, .data = data });

    socle_recorder *record = socle_recorder_new();
    socle_status s = socle_recorder_track(record, SOCLE_LR);
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ 0 }));
    socle_learner_add(learn, socle_cb_recorder(record));
    socle_learner_add(learn,
                      socle_cb_schedule((socle_schedule_desc){ .hyper = SOCLE_LR, .phase = phases, .n = 2 }));
    if (s == SOCLE_OK)
        s = socle_fit(learn, 3, 0);

    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_plot_table rates = { .rows = 1 };
    rates.n = socle_recorder_hyper(record, SOCLE_LR, 0, &rates.values);
    socle_plot_rates(f, rates);
    if (s == SOCLE_OK)
        s = socle_figure_print(f, stdout, (socle_print_desc){ 0 });
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_figure_free(f);
    socle_learner_free(learn);
    socle_recorder_free(record);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

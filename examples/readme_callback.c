/* A callback of one's own: the learning rate falls linearly to a tenth, and training stops when it is good
 * enough. */
#include <socle/socle.h>
#include <stdio.h>

static socle_flow decay(socle_learner *l, void *user)
{
    double lr = *(const double *)user * (1 - 0.9 * l->pos);
    return l->training ? (socle_flow)socle_hyper_set(l->opt, -1, SOCLE_LR, (float)lr) : 0;
}

static socle_flow good_enough(socle_learner *l, void *user)
{
    socle_recorder *record = user;
    return !l->training && socle_recorder_value(record, "accuracy", -1) > 0.85 ? SOCLE_CANCEL_FIT : 0;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    double lr = 0.4;
    socle_device *device = socle_device_open(NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 128 });
    socle_module *net = socle_sequential_new(device);
    socle_append(net, socle_flatten_new(device));
    socle_append(net, socle_linear_new(device, (socle_linear_desc){ .in = 784, .out = 10 }));
    socle_learner *learn = socle_learner_new((socle_learner_desc){ .device = device, .model = net, .data = data });

    socle_recorder *record = socle_recorder_new();
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ 0 }));
    socle_learner_add(learn, socle_cb_recorder(record));
    socle_learner_add(learn, (socle_callback){ .name = "decay", .user = &lr, .before_batch = decay });
    socle_learner_add(learn,
                      (socle_callback){ .name = "enough", .order = 2, .user = record, .after_epoch = good_enough });

    socle_status s = socle_fit(learn, 5, lr);
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_learner_free(learn);
    socle_recorder_free(record);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

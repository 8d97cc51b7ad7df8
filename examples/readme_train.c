#include <socle/socle.h>
#include <stdio.h>

static socle_module *convnet(socle_device *d)
{
    static const int width[] = { 1, 4, 8, 16, 16 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 4; i++) { /* 28 -> 14 -> 7 -> 4 -> 2 pixels */
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .stride = 2, .act = SOCLE_ACT_RELU };
        socle_append(net, socle_conv_new(d, conv));
    }
    socle_conv_desc last = { .in = 16, .out = 10, .size = 2, .pad = SOCLE_PAD_NONE };
    socle_append(net, socle_conv_new(d, last));
    return socle_append(net, socle_flatten_new(d));
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    socle_device *device = socle_device_open(NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 256, .workers = 1 });
    socle_learner *learn = socle_learner_new(
        (socle_learner_desc){ .device = device, .model = convnet(device), .data = data, .opt = socle_sgd() });

    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ .plot = true }));

    socle_status s = socle_fit(learn, 5, 0.2);
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_learner_free(learn);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

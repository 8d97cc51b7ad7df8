/* A layer of one's own: y = x sigmoid(beta x), with a beta to be learned for each channel (Ramachandran et al. 2017).
 *
 * A layer is a type (its name, its state, its forward pass) and a constructor. The gradient comes with the ops of the
 * forward pass; summaries, optimizers, snapshots and weight files see its parameters by name.
 *
 * custom_layer [DIR [DEVICE]]: Fashion-MNIST's folder; cpu, cl ... */
#include <socle/socle.h>
#include <stdio.h>

typedef struct gate {
    socle_tensor *beta; /* (channels, 1, 1), owned by the module */
} gate;

/* x (N, channels, H, W). No checks: the first failure sticks to the ctx, and ops answer NULL for NULL. */
static socle_tensor *gate_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const gate *g = socle_module_state(m);
    return socle_mul(c, x, socle_sigmoid(c, socle_mul(c, x, g->beta)));
}

static const socle_module_type gate_type = { .name = "Gate", .size = sizeof(gate), .forward = gate_forward };

static socle_module *gate_new(socle_device *d, int channels)
{
    socle_module *m = socle_module_new(&gate_type, d);
    if (!m)
        return NULL;
    gate *g = socle_module_state(m);
    g->beta = socle_module_param(m, "beta", socle_shape3(channels, 1, 1), socle_init_constant(1));
    return socle_module_ready(m); /* m, or NULL where the parameter failed */
}

static socle_module *network(socle_device *d)
{
    static const int width[] = { 1, 8, 16, 32 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 3; i++) { /* 28 -> 14 -> 7 -> 4 pixels */
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .stride = 2, .norm = SOCLE_NORM_BATCH };
        socle_append(net, socle_conv_new(d, conv));
        socle_append(net, gate_new(d, width[i + 1]));
    }
    socle_append(net, socle_flatten_new(d));
    return socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 32 * 4 * 4, .out = 10 }));
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    socle_device *device = socle_device_open(argc > 2 ? argv[2] : NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 256 });
    socle_module *net = network(device);
    char *summary = NULL;
    socle_status s = socle_summary(net, socle_shape4(256, 1, 28, 28), &summary);
    if (s == SOCLE_OK)
        puts(summary);
    socle_text_free(summary);

    socle_learner *learn = socle_learner_new((socle_learner_desc){ .device = device, .model = net, .data = data });
    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ 0 }));
    if (s == SOCLE_OK)
        s = socle_fit(learn, 2, 0.2);
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_learner_free(learn);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

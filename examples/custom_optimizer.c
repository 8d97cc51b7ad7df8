/* An optimizer of one's own: Adagrad, v += g^2 and p -= lr / (1 + decay (step - 1)) g / (sqrt(v) + eps) (Duchi et al. 2011), as
 * torch.optim.Adagrad.
 *
 * A rule is data: default hypers, what is remembered of each parameter, and what is done with it. The optimizer does the
 * rest: groups, schedules of hypers, clipping, snapshots.
 *
 * custom_optimizer [DIR [DEVICE]]: Fashion-MNIST's folder; cpu, cl ... */
#include <socle/socle.h>
#include <stdio.h>

enum { SQUARES = SOCLE_STAT_USER, DECAY = SOCLE_HYPER_USER };

/* The remembered tensors have the parameter's shape and start at zero. Nothing that is computed here is recorded. */
static socle_status add_square(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    (void)h;
    return socle_axpby(c, s->stat[SQUARES], 1, socle_square(c, s->g), 1);
}

static socle_status step(socle_ctx *c, socle_pstate *s, const socle_hypers *h)
{
    double lr = (double)h->v[SOCLE_LR] / (1 + (double)h->v[DECAY] * (double)(s->step - 1));
    socle_tensor *root = socle_scale(c, socle_sqrt(c, s->stat[SQUARES]), 1, (double)h->v[SOCLE_EPS]);
    return socle_axpby(c, s->p, -lr, socle_div(c, s->g, root), 1);
}

static const socle_stat stats[] = { { SQUARES, add_square } };
static const socle_pstate_fn steppers[] = { step };
static const socle_opt_rule adagrad = {
    .name = "adagrad",
    .defaults = { .v = { [SOCLE_LR] = 1e-2f, [SOCLE_EPS] = 1e-10f, [DECAY] = 1e-3f } },
    .stats = stats,
    .n_stats = 1,
    .steppers = steppers,
    .n_steppers = 1,
};

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    socle_device *device = socle_device_open(argc > 2 ? argv[2] : NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 256 });
    socle_module *net = socle_model_new(device, "conv", 1, 10);
    socle_learner *learn =
        socle_learner_new((socle_learner_desc){ .device = device, .model = net, .data = data, .opt = &adagrad });

    const socle_metric metrics[] = { socle_accuracy() };
    socle_learner_add(learn, socle_cb_metrics(metrics, 1));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ 0 }));
    socle_status s = socle_fit(learn, 2, 0.02);
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_learner_free(learn);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

/* A loss of one's own: the focal loss, -(1 - p)^gamma log p for the probability p of the true class, which counts samples
 * less that are right already (Lin et al. 2017). And a metric of one's own: how sure the network is of the truth.
 *
 * custom_loss [DIR [DEVICE]]: Fashion-MNIST's folder; cpu, cl ... */
#include <socle/socle.h>
#include <stdio.h>

/* pred (N, K) logits, target (N) classes. The Learner trains on SOCLE_MEAN, a scalar. */
static socle_tensor *focal(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r, void *user)
{
    double gamma = *(const double *)user;
    socle_tensor *nll = socle_cross_entropy(c, pred, target, SOCLE_NONE); /* (N) -log p */
    socle_tensor *wrong = socle_scale(c, socle_exp(c, socle_neg(c, nll)), -1, 1);
    wrong = socle_clamp(c, wrong, 1e-6, 1); /* log has no slope at 0 */
    socle_tensor *weight = socle_exp(c, socle_scale(c, socle_log(c, wrong), gamma, 0));
    socle_tensor *each = socle_mul(c, weight, nll);
    return r == SOCLE_NONE ? each : r == SOCLE_SUM ? socle_sum(c, each, 0, false) : socle_mean(c, each, 0, false);
}

/* The sum over the batch's samples: the library divides by their number in the end. */
static socle_tensor *sum_sureness(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    socle_tensor *nll = socle_cross_entropy(c, pred, target, SOCLE_NONE);
    return socle_sum(c, socle_exp(c, socle_neg(c, nll)), 0, false);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    double gamma = 2;
    socle_device *device = socle_device_open(argc > 2 ? argv[2] : NULL, (socle_device_desc){ 0 });
    socle_data *data = socle_data_fashion_mnist(device, dir, (socle_loader_desc){ .batch = 256 });
    socle_learner *learn = socle_learner_new((socle_learner_desc){ .device = device,
                                                                   .model = socle_model_new(device, "conv", 1, 10),
                                                                   .data = data,
                                                                   .loss = { focal, &gamma } });

    const socle_metric metrics[] = { socle_accuracy(), { "sureness", sum_sureness } };
    socle_learner_add(learn, socle_cb_metrics(metrics, 2));
    socle_learner_add(learn, socle_cb_progress((socle_progress_desc){ 0 }));
    socle_status s = socle_fit(learn, 2, 0.2);
    if (s != SOCLE_OK)
        fprintf(stderr, "training failed: %s\n", socle_error());

    socle_learner_free(learn);
    socle_data_free(data);
    socle_device_close(device);
    return s == SOCLE_OK ? 0 : 1;
}

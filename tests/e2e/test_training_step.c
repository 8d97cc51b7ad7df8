/* One step of SGD on the small Fashion-MNIST network, against what PyTorch computed for the same weights and
 * images (tests/golden): loss, every gradient, every parameter afterwards, on every built-in device. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <socle/ops.h>
#include "support/support.h"

enum { LAYERS = 5 };
typedef struct network {
    socle_tensor *weight[LAYERS], *bias[LAYERS];
} network;

static socle_tensor *parameter(const fixture *f, socle_device *d, int layer, const char *kind)
{
    char name[64];
    snprintf(name, sizeof name, "before.%d.%s", layer, kind);
    socle_tensor *p = fixture_tensor(f, d, name);
    assert_ok(socle_set_requires_grad(p, true));
    return p;
}

/* 3x3, stride 2, padding 1, ReLU: 28, 14, 7, 4, 2 pixels; then 2x2 to one pixel, and no ReLU. */
static socle_tensor *forward(const network *n, socle_ctx *c, socle_tensor *x)
{
    for (int i = 0; i < LAYERS - 1; i++)
        x = socle_conv2d_relu(c, x, n->weight[i], n->bias[i], (socle_conv2d_opts){ .stride = 2, .pad = 1 });
    x = socle_conv2d(c, x, n->weight[LAYERS - 1], n->bias[LAYERS - 1], (socle_conv2d_opts){ 0 });
    return socle_reshape(c, x, socle_shape2(socle_dim(x, 0), -1));
}

/* The largest numbers that are added up on the way are about 1, and a weight's gradient is a sum over 32
 * images of up to 196 pixels each; errors of five layers come together. All of it is then divided by the 32
 * images of the mean. */
static budget step_budget(socle_dtype t)
{
    return budget_sum(t, 32 * 196, 5.0 / 32);
}

static void expect_entry(const fixture *f, const char *group, int layer, const char *kind, const socle_tensor *got)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d.%s", group, layer, kind);
    double *want = fixture_values(f, name);
    cr_expect(tensor_close(got, want, fixture_get(f, name)->n, step_budget(socle_dtype_of(got))), "%s on %s: %s",
              name, socle_device_name(socle_device_of(got)), support_message());
    free(want);
}

static void train(const fixture *f, socle_device *d, int lanes)
{
    network n;
    for (int i = 0; i < LAYERS; i++) {
        n.weight[i] = parameter(f, d, i, "weight");
        n.bias[i] = parameter(f, d, i, "bias");
    }
    double *images = fixture_values(f, "x");
    socle_tensor *x = tensor_lanes(d, socle_device_real(d), fixture_get(f, "x")->shape, lanes, images);
    free(images);
    socle_tensor *target = fixture_tensor(f, d, "target");

    socle_ctx *c = socle_ctx_new(d, 1);
    socle_scope s = socle_scope_begin(c);
    socle_tensor *loss = socle_cross_entropy(c, forward(&n, c, x), target, SOCLE_MEAN);
    double value = NAN, *want = fixture_values(f, "loss");
    assert_ok(socle_backward(c, loss));
    assert_ok(socle_item(loss, &value));
    assert_values(&value, want, 1, budget_sum(socle_device_real(d), 10, 3));
    free(want);
    for (int i = 0; i < LAYERS; i++) {
        expect_entry(f, "grad", i, "weight", socle_grad(n.weight[i]));
        expect_entry(f, "grad", i, "bias", socle_grad(n.bias[i]));
        assert_ok(socle_axpby(c, n.weight[i], (double)-0.2f, socle_grad(n.weight[i]), 1));
        assert_ok(socle_axpby(c, n.bias[i], (double)-0.2f, socle_grad(n.bias[i]), 1));
        expect_entry(f, "after", i, "weight", n.weight[i]);
        expect_entry(f, "after", i, "bias", n.bias[i]);
    }
    socle_scope_end(c, s, NULL);
    socle_ctx_free(c);
    socle_release(x);
    socle_release(target);
    for (int i = 0; i < LAYERS; i++) {
        socle_release(n.weight[i]);
        socle_release(n.bias[i]);
    }
}

static void train_on(const char *spec)
{
    fixture *f = fixture_open("training_step.fix");
    socle_device *d = open_device(spec, 0);
    train(f, d, 1);
    train(f, d, SOCLE_LANES);
    socle_device_close(d);
    fixture_free(f);
}

Test(training_step, of_the_cpu_is_that_of_pytorch)
{
    train_on(test_device("cpu"));
}

Test(training_step, of_the_float_reference_is_that_of_pytorch)
{
    train_on("ref");
}

Test(training_step, of_the_double_reference_is_that_of_pytorch)
{
    train_on("ref64");
}

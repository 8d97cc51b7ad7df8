/* Convolution, pooling, linear layers, softmax, losses and activations against what PyTorch computed (tests/golden),
 * forward and backward, on every built-in device. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/ops.h>
#include "support/support.h"

typedef socle_tensor *(*parity_call)(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                     socle_tensor *target, const int32_t *options);

static const char *const devices[] = { "cpu", "ref", "ref64" };
enum { DEVICES = 3 };

static const void *entry_or_null(const fixture *f, const char *name, const char *what, char *full, size_t cap)
{
    snprintf(full, cap, "%s.%s", name, what);
    return fixture_has(f, full) ? fixture_get(f, full) : NULL;
}

static socle_tensor *operand(const fixture *f, socle_device *d, const char *name, const char *what, int lanes)
{
    char full[96];
    const fixture_entry *e = entry_or_null(f, name, what, full, sizeof full);
    if (e == NULL)
        return NULL;
    socle_tensor *t = fixture_tensor(f, d, full);
    if (lanes != 1 && e->shape.ndim >= 2) {
        double *values = fixture_values(f, full);
        socle_release(t);
        t = tensor_lanes(d, socle_device_real(d), e->shape, lanes, values);
        free(values);
    }
    if (strcmp(what, "target") != 0)
        assert_ok(socle_set_requires_grad(t, true));
    return t;
}

/* A value of these cases sums at most `length` products, of numbers below about 1 or as large as the largest
 * result. The weight 1 / N of a mean reaches the device as a float, which in double is one coarse rounding. */
static void expect_entry(const fixture *f, socle_device *d, const char *name, const char *what,
                         const socle_tensor *got, double length)
{
    char full[96];
    const fixture_entry *e = entry_or_null(f, name, what, full, sizeof full);
    cr_assert(e != NULL, "%s", full);
    double *want = fixture_values(f, full), scale = 1;
    for (size_t i = 0; i < e->n; i++)
        scale = fmax(scale, fabs(want[i]));
    budget b = budget_sum(socle_device_real(d), length, scale);
    if (strstr(name, "_mean") != NULL)
        b.relative += eps_of(SOCLE_F32) / 2;
    cr_expect(tensor_close(got, want, e->n, b), "%s on %s: %s", full, socle_device_name(d), support_message());
    free(want);
}

/* lanes: the format of x. */
static void check_case(const fixture *f, socle_device *d, const char *name, int lanes, parity_call call)
{
    char full[96];
    const fixture_entry *o = entry_or_null(f, name, "options", full, sizeof full);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_tensor *x = operand(f, d, name, "x", lanes), *w = operand(f, d, name, "w", 1),
                 *bias = operand(f, d, name, "bias", 1);
    socle_tensor *target = operand(f, d, name, "target", 1);
    snprintf(full, sizeof full, "%s.dy", name);
    socle_tensor *dy = fixture_tensor(f, d, full);

    socle_tensor *y = call(c, x, w, bias, target, o->data);
    cr_assert(y != NULL, "%s: %s", name, socle_error());
    cr_assert(socle_shape_equal(socle_shape_of(y), socle_shape_of(dy)), "%s", name);
    assert_ok(socle_backward(c, socle_sum(c, socle_mul(c, y, dy), 0, false)));
    double outputs = (double)socle_numel(y),
           window = w == NULL ? 1 : (double)socle_numel(w) / (double)socle_dim(w, 0);
    if (w == NULL)
        window = (double)socle_numel(x) / fmax(1, outputs) + (double)socle_dim(x, 1);
    expect_entry(f, d, name, "y", y, window);
    expect_entry(f, d, name, "dx", socle_grad(x), w == NULL ? window : (double)socle_numel(w));
    if (w != NULL)
        expect_entry(f, d, name, "dw", socle_grad(w), outputs);
    if (bias != NULL)
        expect_entry(f, d, name, "dbias", socle_grad(bias), outputs);

    socle_release(x);
    socle_release(w);
    socle_release(bias);
    socle_release(target);
    socle_release(dy);
    socle_ctx_free(c);
}

/* The named cases of a file, on every device and in both memory formats. */
static void check_file(const char *file, const char *const *names, size_t n, parity_call call)
{
    fixture *f = fixture_open(file);
    const char *only = test_device(NULL);
    for (int i = 0; i < (only != NULL ? 1 : DEVICES); i++) {
        socle_device *d = open_device(only != NULL ? only : devices[i], 0);
        for (size_t j = 0; j < n; j++) {
            check_case(f, d, names[j], 1, call);
            check_case(f, d, names[j], SOCLE_LANES, call);
        }
        socle_device_close(d);
    }
    fixture_free(f);
}

/* ---- convolution ---- */

static socle_tensor *convolve(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                              socle_tensor *target, const int32_t *o)
{
    (void)target;
    socle_conv2d_opts opts = { .stride = o[0], .pad = o[1], .dilation = o[2], .groups = o[3] };
    return o[4] ? socle_conv2d_relu(c, x, w, bias, opts) : socle_conv2d(c, x, w, bias, opts);
}

Test(parity, convolutions_are_those_of_pytorch)
{
    static const char *const names[] = { "first", "middle",  "head",  "large", "groups",
                                         "depth", "dilated", "point", "uneven" };
    check_file("conv2d.fix", names, sizeof names / sizeof names[0], convolve);
}

/* ---- pooling ---- */

static socle_tensor *pool(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias, socle_tensor *target,
                          const int32_t *o)
{
    (void)w;
    (void)bias;
    (void)target;
    if (o[0] == 2)
        return socle_adaptive_max_pool2d(c, x, o[1], o[2]);
    if (o[0] == 3)
        return socle_adaptive_avg_pool2d(c, x, o[1], o[2]);
    socle_pool2d_opts opts = {
        .size = o[1], .stride = o[2], .pad = o[3], .ceil = o[4] != 0, .exclude_pad = o[5] != 0
    };
    return o[0] == 0 ? socle_max_pool2d(c, x, opts) : socle_avg_pool2d(c, x, opts);
}

Test(parity, poolings_are_those_of_pytorch)
{
    static const char *const windows[] = { "plain",   "overlap", "ceil", "border",
                                           "outside", "exclude", "gaps", "wide" };
    char text[64][24];
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        for (int letter = 'a'; letter <= 'c'; letter++)
            for (int kind = 0; kind < 2; kind++, n++)
                snprintf(text[n], sizeof text[n], "%s_%c%d", windows[i], letter, kind);
    for (int letter = 'a'; letter <= 'c'; letter++)
        for (int kind = 2; kind < 4; kind++, n++)
            snprintf(text[n], sizeof text[n], "adaptive_%c%d", letter, kind);
    for (size_t i = 0; i < n; i++)
        names[i] = text[i];
    check_file("pool2d.fix", names, n, pool);
}

/* ---- linear, softmax, losses ---- */

static socle_tensor *linear(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                            socle_tensor *target, const int32_t *o)
{
    (void)target;
    (void)o;
    return socle_linear(c, x, w, bias);
}

Test(parity, linear_layers_are_those_of_pytorch)
{
    static const char *const names[] = { "linear_a", "linear_b", "linear_c" };
    check_file("loss.fix", names, 3, linear);
}

static socle_tensor *cross_entropy(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                   socle_tensor *target, const int32_t *o)
{
    (void)w;
    (void)bias;
    return socle_cross_entropy(c, x, target, (socle_reduction)o[0]);
}

static socle_tensor *nll(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias, socle_tensor *target,
                         const int32_t *o)
{
    (void)w;
    (void)bias;
    return socle_nll(c, x, target, (socle_reduction)o[0]);
}

static socle_tensor *smooth(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                            socle_tensor *target, const int32_t *o)
{
    (void)w;
    (void)bias;
    return socle_cross_entropy_smooth(c, x, target, o[1] / 8.0, (socle_reduction)o[0]);
}

Test(parity, losses_are_those_of_pytorch)
{
    static const char *const soft[] = { "smooth_32_mean", "smooth_32_sum", "smooth_32_none",
                                        "smooth_8_mean",  "smooth_8_sum",  "smooth_8_none",
                                        "smooth_16_mean", "smooth_16_sum", "smooth_16_none" };
    static const char *const cross[] = { "cross_entropy_32_mean", "cross_entropy_32_sum", "cross_entropy_32_none",
                                         "cross_entropy_5_mean",  "cross_entropy_5_sum",  "cross_entropy_5_none",
                                         "cross_entropy_17_mean", "cross_entropy_17_sum", "cross_entropy_17_none" };
    static const char *const plain[] = { "nll_32_mean", "nll_32_sum",  "nll_32_none", "nll_5_mean", "nll_5_sum",
                                         "nll_5_none",  "nll_17_mean", "nll_17_sum",  "nll_17_none" };
    check_file("loss.fix", cross, 9, cross_entropy);
    check_file("loss.fix", plain, 9, nll);
    check_file("loss.fix", soft, 9, smooth);
}

static socle_tensor *softmax(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                             socle_tensor *target, const int32_t *o)
{
    (void)w;
    (void)bias;
    (void)target;
    return socle_softmax(c, x, o[0]);
}

static socle_tensor *log_softmax(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                 socle_tensor *target, const int32_t *o)
{
    (void)w;
    (void)bias;
    (void)target;
    return socle_log_softmax(c, x, o[0]);
}

Test(parity, softmax_along_every_axis_is_that_of_pytorch)
{
    static const char *const logs[] = { "log_softmax_0", "log_softmax_1", "log_softmax_2", "log_softmax_3" };
    static const char *const plain[] = { "softmax_0", "softmax_1", "softmax_2", "softmax_3" };
    check_file("loss.fix", logs, 4, log_softmax);
    check_file("loss.fix", plain, 4, softmax);
}

/* ---- activations ---- */

static socle_tensor *activation(socle_ctx *c, socle_tensor *x, socle_tensor *w, socle_tensor *bias,
                                socle_tensor *target, const int32_t *o)
{
    (void)w;
    (void)bias;
    (void)target;
    static socle_tensor *(*const plain[])(socle_ctx *, socle_tensor *) = { socle_silu, socle_gelu, socle_gelu_tanh,
                                                                           socle_mish };
    if (o[0] < 4)
        return plain[o[0]](c, x);
    return o[0] == 4 ? socle_leaky_relu(c, x, 0.125) : socle_general_relu(c, x, 0.125, 0.25, 2);
}

Test(parity, activations_are_those_of_pytorch)
{
    static const char *const names[] = { "silu_near",      "silu_far",          "gelu_near",
                                         "gelu_far",       "gelu_tanh_near",    "gelu_tanh_far",
                                         "mish_near",      "mish_far",          "leaky_relu_near",
                                         "leaky_relu_far", "general_relu_near", "general_relu_far" };
    check_file("activation.fix", names, 12, activation);
}

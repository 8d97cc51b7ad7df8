/* Lesson 9 of fast.ai's "Deep Learning from the Foundations" (2019): how a training loop comes to be. Here, why
 * the first weights matter, which are the notebooks 02a and 02b; lesson9_loop.c makes a loss, a loop, data and
 * validation by hand and shows what the library has of them, the notebook 03; lesson9_learner.c and
 * lesson9_anneal.c do the same with the Learner and its callbacks, the notebooks 04, 05 and 05b. MNIST, 50,000
 * images to train on, 10,000 to validate with; where a network is trained, it is one of 784, 50 and 10 numbers.
 *
 * Every section is a step that reads without the others. --step NAME runs one, --plot DIR draws its pictures. */
#define _POSIX_C_SOURCE 200809L
#include <socle/socle.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "inspect.h"
#include "lesson9.h"

/* Mean and standard deviation, with doubles on the host: the device's floats may be about to overflow. */
static void moments(socle_ctx *c, socle_tensor *t, double *mean, double *std)
{
    size_t n = (size_t)socle_numel(t);
    float *v = malloc((n + 1) * sizeof *v);
    t = socle_cast(c, t, SOCLE_F32);
    if (!v)
        (void)socle_ctx_fail(c, socle_fail(SOCLE_ERR_NOMEM, "no memory for %zu numbers", n));
    if (!v || !t || socle_ctx_fail(c, socle_read(t, v, n * sizeof *v)) != SOCLE_OK)
        n = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    for (size_t i = 0; i < n; i++)
        squares += ((double)v[i] - sum / (double)n) * ((double)v[i] - sum / (double)n);
    *mean = sum / (double)n;
    *std = sqrt(squares / ((double)n - 1));
    free(v);
}

static void stats(socle_ctx *c, const char *what, socle_tensor *t)
{
    double mean, std;
    moments(c, t, &mean, &std);
    printf("%-36s mean %8.4f  std %7.4f\n", what, mean, std);
}

/* ---- sqrt5: what comes out of a layer ---- */

/* PyTorch draws the first weights of a convolution by Kaiming's formula for a leaky ReLU of slope sqrt(5). Of
 * images of mean 0 and deviation 1 it makes numbers of about half that deviation, and after a ReLU of mean 0.22
 * and deviation 0.37 (such numbers are the notebook's: other weights give others). With the slope that the ReLU
 * has, 0, the deviation stays about 1: 0.555 and 1.020 by normal weights, 0.56 and 1.09 by uniform ones. Their
 * deviation is gain(leak) / sqrt(fan in) with gain(leak) = sqrt(2 / (1 + leak^2)), which is 1 / sqrt(3), the
 * deviation of uniform numbers in [-1, 1), for sqrt(5). */

static socle_tensor *normalized(socle_ctx *c, socle_batch b)
{
    socle_tensor *x = socle_scale(c, b.x, 1 / 0.3073, -0.1304 / 0.3073); /* of the first 50,000 images' pixels */
    return socle_reshape(c, x, socle_shape4((int64_t)b.size, 1, SIDE, SIDE));
}

static void draw(socle_ctx *c, socle_tensor *w, socle_init init, socle_rng *r)
{
    (void)socle_ctx_fail(c, socle_init_tensor(w, init, r));
}

/* Kaiming's uniform numbers from first principles. */
static void kaiming2(socle_ctx *c, socle_tensor *w, double leak, socle_rng *r)
{
    double fan_in = (double)socle_numel(w) / (double)socle_dim(w, 0);
    double std = sqrt(2 / (1 + leak * leak)) / sqrt(fan_in), bound = sqrt(3) * std;
    draw(c, w, socle_init_uniform(-bound, bound), r);
}

static socle_status step_sqrt5(lesson *l, socle_ctx *c)
{
    socle_rng r = { .key = l->o.seed };
    socle_conv_desc five_by_five = { .in = 1, .out = 32, .size = 5, .pad = SOCLE_PAD_NONE };
    socle_module *conv = socle_conv_new(l->device, five_by_five);
    socle_status s = socle_reset_parameters(conv, l->o.seed);
    socle_tensor *w = socle_module_named(conv, "weight"),
                 *x = normalized(c, mnist_images(&l->digits, c, l->digits.train, 100));
    stats(c, "100 images", x);
    stats(c, "PyTorch's weights", w);
    stats(c, "PyTorch's biases", socle_module_named(conv, "bias"));
    stats(c, "convolution", socle_forward(conv, c, x));
    stats(c, "convolution, ReLU", socle_relu(c, socle_forward(conv, c, x)));
    draw(c, w, socle_init_kaiming_normal(1, false), &r);
    stats(c, "Kaiming for no ReLU: convolution", socle_forward(conv, c, x));
    draw(c, w, socle_init_kaiming_normal(0, false), &r);
    stats(c, "Kaiming, normal: convolution, ReLU", socle_relu(c, socle_forward(conv, c, x)));
    kaiming2(c, w, 0, &r);
    stats(c, "Kaiming, uniform: convolution, ReLU", socle_relu(c, socle_forward(conv, c, x)));
    stats(c, "uniform numbers in [-1, 1)", socle_scale(c, socle_rand(c, socle_shape1(10000)), 2, -1));
    printf("fan in %lld, fan out %lld\n", (long long)socle_fan(socle_shape_of(w), false),
           (long long)socle_fan(socle_shape_of(w), true));
    static const double leak[] = { 1, 0, 0.01, 0.1, 2.2360679774997896 };
    for (int i = 0; i < 5; i++)
        printf("gain(%g) = %.5f\n", leak[i], socle_gain(leak[i]));
    socle_module_free(conv);
    return s;
}

/* ---- depth: four layers, and the gradient that comes back ---- */

/* Four such layers lose the signal: the outputs hardly differ from image to image, with a deviation of 0.0065 in
 * the notebook, and little gradient reaches the first layer, 0.033. Kaiming's weights and biases of 0 keep both:
 * 0.404 and 0.423. */

static void both_ways(socle_ctx *c, socle_module *net, socle_batch b)
{
    socle_tensor *y = socle_cast(c, socle_reshape(c, b.y, socle_shape2(-1, 1)), socle_dtype_of(b.x));
    socle_tensor *out = socle_forward(net, c, normalized(c, b)), *w = socle_module_named(net, "0.weight");
    (void)socle_ctx_fail(c, socle_backward(c, socle_mse(c, out, y, SOCLE_MEAN)));
    stats(c, "  outputs", out);
    stats(c, "  gradient of the first weights", socle_grad(w));
    socle_zero_grad(w);
}

static socle_status step_depth(lesson *l, socle_ctx *c)
{
    static const int width[] = { 1, 8, 16, 32, 1 };
    socle_module *net = socle_sequential_new(l->device);
    for (int i = 0; i < 4; i++) {
        socle_conv_desc o = { .in = width[i], .out = width[i + 1], .size = i ? 3 : 5, .stride = 2 };
        o.act = i < 3 ? SOCLE_ACT_RELU : SOCLE_ACT_NONE;
        socle_append(net, socle_conv_new(l->device, o));
    }
    socle_append(net, socle_adaptive_avg_pool_new(l->device, 1, 1));
    socle_append(net, socle_flatten_new(l->device));
    socle_batch b = mnist_images(&l->digits, c, l->digits.train, 100);
    socle_status s = socle_reset_parameters(net, l->o.seed);
    puts("PyTorch's weights");
    both_ways(c, net, b);
    if (s == SOCLE_OK)
        s = socle_init_cnn(net, (socle_init_cnn_desc){ .uniform = true, .seed = l->o.seed });
    puts("Kaiming's weights");
    both_ways(c, net, b);
    socle_module_free(net);
    return s;
}

/* ---- products: a hundred layers ---- */

/* What a layer does to the size of numbers it does again and again. A matrix of 512 x 512 normal numbers makes
 * vectors sqrt(512) times as long, and the 29th product, step 28, is beyond a float; a hundredth of it lets
 * everything vanish; divided by sqrt(512) it keeps the length (the notebook's hundredth vector has mean -0.017 and
 * deviation 0.927). A ReLU takes half of the mean square away, which is where the 2 in Kaiming's formula comes
 * from: mean 0.564, mean square 1.006. */

enum { WIDTH = 512, PRODUCTS = 100 };

static void chain(socle_ctx *c, double scale, float *size)
{
    socle_tensor *x = socle_randn(c, socle_shape2(WIDTH, 1));
    socle_tensor *a = socle_scale(c, socle_randn(c, socle_shape2(WIDTH, WIDTH)), scale, 0);
    double mean = 0, std = 0;
    int step = 0;
    for (; step < PRODUCTS && !isnan(std); step++) {
        x = socle_matmul(c, a, x);
        moments(c, x, &mean, &std);
        size[step] = (float)std;
    }
    printf("x = a x, a = %-6.4f randn: step %2d, mean %.4g std %.4g\n", scale, step - 1, isnan(std) ? NAN : mean,
           isnan(std) ? NAN : std);
}

/* Mean and mean square of scale a x, over many a (n, n) and x (n) of normal numbers. */
static void average(socle_ctx *c, const char *what, int draws, int n, double scale, bool relu)
{
    socle_scope s = socle_scope_begin(c);
    socle_tensor *x = socle_randn(c, socle_shape3(draws, n, 1));
    socle_tensor *y = socle_scale(c, socle_matmul(c, socle_randn(c, socle_shape3(draws, n, n)), x), scale, 0);
    y = relu ? socle_relu(c, y) : y;
    printf("%-36s mean %8.4f  mean square %8.4f\n", what, item(c, socle_mean(c, y, 0, false)),
           item(c, socle_mean(c, socle_square(c, y), 0, false)));
    socle_scope_end(c, s, NULL);
}

static socle_status step_products(lesson *l, socle_ctx *c)
{
    static float size[3][PRODUCTS];
    const double scale[] = { 1, 0.01, 1 / sqrt(WIDTH) };
    const char *const name[] = { "randn", "0.01 randn", "randn / sqrt(512)" };
    socle_series series[3];
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < PRODUCTS; k++)
            size[i][k] = NAN;
        chain(c, scale[i], size[i]);
        series[i] = (socle_series){ .name = name[i], .y = size[i], .n = PRODUCTS };
    }
    average(c, "a number times a number", 10000, 1, 1, false);
    average(c, "a x", 100, WIDTH, 1, false);
    average(c, "a x / sqrt(512)", 100, WIDTH, 1 / sqrt(WIDTH), false);
    average(c, "relu(a number times a number)", 10000, 1, 1, true);
    average(c, "relu(a x)", 100, WIDTH, 1, true);
    average(c, "relu(a x) sqrt(2 / 512)", 100, WIDTH, sqrt(2.0 / WIDTH), true);
    socle_figure *f = socle_figure_new((socle_figure_desc){ 0 });
    socle_figure_lines(f, (socle_lines_desc){ .title = "deviation of x = a x",
                                              .x = { .label = "product", .whole = true },
                                              .y = { .log = true },
                                              .series = series,
                                              .n_series = 3 });
    return show_figure(&l->o, f, "products.png");
}

/* ---- the program ---- */

int epochs_of(const lesson *l, int own)
{
    return l->o.epochs ? l->o.epochs : own;
}

size_t batch_of(const lesson *l, size_t own)
{
    return l->o.batch_size ? l->o.batch_size : own;
}

double rate_of(const lesson *l, double own)
{
    return l->o.lr > 0 ? l->o.lr : own;
}

static const struct {
    const char *name;
    lesson_step run;
} steps[] = { { "sqrt5", step_sqrt5 },
              { "depth", step_depth },
              { "products", step_products },
              { "loss", step_loss },
              { "loop", step_loop },
              { "data", step_data },
              { "validation", step_validation },
              { "callbacks", step_callbacks },
              { "accumulate", step_accumulate },
              { "annealing", step_annealing },
              { "cancelling", step_cancelling },
              { "finder", step_finder } };
enum { STEPS = sizeof steps / sizeof *steps };
enum { LEAST = 1200 }; /* images: steps look at 1,000 of those to train on, at 100 of the others */

static socle_status run(lesson *l, int i)
{
    printf("== %s\n", steps[i].name);
    socle_ctx *c = socle_ctx_new(l->device, l->o.seed);
    socle_scope scope = socle_scope_begin(c);
    socle_status s = c ? steps[i].run(l, c) : socle_error_status();
    socle_scope_end(c, scope, NULL);
    if (s == SOCLE_OK)
        s = socle_ctx_status(c);
    socle_ctx_free(c);
    fflush(stdout);
    return s;
}

int main(int argc, char **argv)
{
    const char *names[STEPS + 2] = { "all" };
    for (int i = 0; i < STEPS; i++)
        names[i + 1] = steps[i].name;
    lesson l = { .o = options_parse(argc, argv, "Lesson 9: how a training loop comes to be.",
                                    OPTION_STEP | OPTION_TRAINING | OPTION_PLOT_DIR, names,
                                    (options){ .data = "data/mnist", .model = "all", .seed = 42 }) };
    bool made_out;
    if (!options_make_out(&l.o, &made_out))
        return 1;
    l.device = socle_device_open(l.o.device, (socle_device_desc){ .threads = l.o.threads });
    socle_status s = l.device ? mnist_read(&l.digits, l.o.data) : socle_error_status();
    size_t n = l.digits.train + l.digits.valid;
    if (s == SOCLE_OK && n < LEAST)
        s = socle_fail(SOCLE_ERR_ARG, "%s: %zu training images, at least %d are needed", l.o.data, n, LEAST);
    for (int i = 0; i < STEPS && s == SOCLE_OK; i++)
        if (strcmp(l.o.model, "all") == 0 || strcmp(l.o.model, steps[i].name) == 0)
            s = run(&l, i);
    if (s != SOCLE_OK) {
        complain("%s", socle_error());
        if (made_out)
            rmdir(l.o.out);
    }
    mnist_free(&l.digits);
    socle_device_close(l.device);
    return s == SOCLE_OK ? 0 : 1;
}

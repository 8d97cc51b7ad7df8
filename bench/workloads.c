/* See workloads.h. A workload is a function that makes its network and a line of the table. */
#include "workloads.h"

#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include <string.h>

/* ---- networks ---- */

/* The networks of examples/fashion_mnist.c: 28 -> 14 -> 7 -> 4 -> 2 pixels, and a 2x2 convolution to the classes. A norm
 * stands between convolution and ReLU; the convolutions keep their biases. */
static socle_module *fashion(socle_device *d, socle_norm_kind norm)
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

static socle_module *fashion_conv(socle_device *d)
{
    return fashion(d, SOCLE_NORM_NONE);
}

static socle_module *fashion_bn(socle_device *d)
{
    return fashion(d, SOCLE_NORM_BATCH);
}

/* The networks of examples/batchnorm.c with a norm over the images: 28 -> 14 -> 7 -> 4 -> 2 -> 1 pixels, convolution
 * without bias -> ReLU -> norm, and a linear layer to the classes. */
static socle_module *batchnorm(socle_device *d, socle_norm_kind norm)
{
    static const int width[] = { 1, 8, 16, 32, 64, 64 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < 5; i++) {
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .size = i ? 3 : 5, .stride = 2 };
        conv.norm = norm;
        conv.act = SOCLE_ACT_RELU;
        conv.act_first = true;
        socle_append(net, socle_conv_new(d, conv));
    }
    socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    return socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 64, .out = 10 }));
}

static socle_module *batchnorm_nb(socle_device *d)
{
    return batchnorm(d, SOCLE_NORM_BATCH);
}

static socle_module *running_nb(socle_device *d)
{
    return batchnorm(d, SOCLE_NORM_RUNNING);
}

/* The network of examples that tell 3s from 7s: 784 -> 30 -> 1. */
static socle_module *mlp37(socle_device *d)
{
    socle_module *net = socle_append(socle_sequential_new(d), socle_flatten_new(d));
    socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 784, .out = 30, .act = SOCLE_ACT_RELU }));
    return socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = 30, .out = 1 }));
}

static socle_module *resnet18_28(socle_device *d)
{
    return socle_model_new(d, "resnet18", 1, 2);
}

static socle_module *fashion_resnet(socle_device *d)
{
    return socle_model_new(d, "resnet", 1, 10);
}

static socle_module *fashion_wide(socle_device *d)
{
    return socle_model_new(d, "wide", 1, 10);
}

/* The network of fast.ai's lesson on the data block: 128 -> 64 -> 32 -> 16 -> 8 -> 4 -> 2 pixels, convolution without bias ->
 * ReLU -> batch norm, the average and a linear layer. */
static socle_module *imagenette_cnn(socle_device *d)
{
    static const int width[] = { 3, 16, 32, 64, 64, 64, 128, 256 };
    enum { LAYERS = sizeof width / sizeof width[0] - 1 };
    socle_module *net = socle_sequential_new(d);
    for (int i = 0; i < LAYERS; i++) {
        socle_conv_desc conv = { .in = width[i], .out = width[i + 1], .stride = i > 0 ? 2 : 1 };
        conv.norm = SOCLE_NORM_BATCH;
        conv.act = SOCLE_ACT_RELU;
        conv.act_first = true;
        socle_append(net, socle_conv_new(d, conv));
    }
    socle_append(net, socle_adaptive_avg_pool_new(d, 1, 1));
    socle_append(net, socle_flatten_new(d));
    return socle_append(net, socle_linear_new(d, (socle_linear_desc){ .in = width[LAYERS], .out = 10 }));
}

/* ---- losses ---- */

static socle_tensor *cross_entropy(socle_ctx *c, socle_tensor *y, socle_tensor *target)
{
    return socle_cross_entropy(c, y, target, SOCLE_MEAN);
}

/* How far sigmoid(y) is from the label, 0 or 1, on average. */
static socle_tensor *distance(socle_ctx *c, socle_tensor *y, socle_tensor *target)
{
    socle_tensor *p = socle_sigmoid(c, socle_reshape(c, y, socle_shape1(-1)));
    socle_tensor *ones = socle_eq(c, target, socle_full(c, SOCLE_I32, socle_shape1(1), 1));
    return socle_mean(c, socle_where(c, ones, socle_scale(c, p, -1, 1), p), 0, false);
}

static const workload workloads[] = {
    { .name = "fashion_conv",
      .what = "five convolutions on Fashion-MNIST's size, SGD",
      .batch = 256,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = fashion_conv,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 0.2f },
    { .name = "fashion_bn",
      .what = "fashion_conv with four batch norms, SGD",
      .batch = 256,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = fashion_bn,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 0.2f },
    { .name = "batchnorm_nb",
      .what = "five convolutions and batch norms on MNIST's size, SGD",
      .batch = 512,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = batchnorm_nb,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 1 },
    { .name = "batchnorm_nb2",
      .what = "batchnorm_nb on batches of 2",
      .batch = 2,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = batchnorm_nb,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 0.4f },
    { .name = "running_nb2",
      .what = "batchnorm_nb2 with running batch norms",
      .batch = 2,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = running_nb,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 0.4f },
    { .name = "mlp37",
      .what = "784-30-1 on MNIST's size, SGD",
      .batch = 256,
      .image = { 1, 28, 28 },
      .classes = 2,
      .model = mlp37,
      .loss = distance,
      .rule = socle_sgd,
      .lr = 0.1f },
    { .name = "resnet18_28",
      .what = "ResNet-18 on MNIST's size, AdamW",
      .batch = 64,
      .image = { 1, 28, 28 },
      .classes = 2,
      .model = resnet18_28,
      .loss = cross_entropy,
      .rule = socle_adamw,
      .lr = 1e-3f },
    { .name = "fashion_resnet",
      .what = "residual blocks of 8 to 256 channels on Fashion-MNIST's size, AdamW",
      .batch = 256,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = fashion_resnet,
      .loss = cross_entropy,
      .rule = socle_adamw,
      .lr = 2e-2f },
    { .name = "fashion_wide",
      .what = "residual blocks of 16 to 512 channels on Fashion-MNIST's size, AdamW",
      .batch = 256,
      .image = { 1, 28, 28 },
      .classes = 10,
      .model = fashion_wide,
      .loss = cross_entropy,
      .rule = socle_adamw,
      .lr = 1e-2f },
    { .name = "imagenette_cnn",
      .what = "seven convolutions and batch norms on 128x128 colour images, SGD",
      .batch = 64,
      .image = { 3, 128, 128 },
      .classes = 10,
      .model = imagenette_cnn,
      .loss = cross_entropy,
      .rule = socle_sgd,
      .lr = 0.1f },
};

/* ---- the table ---- */

const workload *workload_at(size_t i)
{
    return i < sizeof workloads / sizeof workloads[0] ? &workloads[i] : NULL;
}

const workload *workload_find(const char *name)
{
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)); i++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}

socle_module *workload_model(const workload *w, socle_device *d, uint64_t seed)
{
    socle_module *m = socle_module_ready(w->model(d));
    if (m && socle_reset_parameters(m, seed) != SOCLE_OK) {
        socle_module_free(m);
        return NULL;
    }
    return m;
}

/* ---- synthetic images ---- */

/* Marsaglia's xorshift64 from a fixed seed. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static const uint64_t first_state = 88172645463325252u;

static size_t pixels(const workload *w)
{
    return (size_t)w->image[0] * (size_t)w->image[1] * (size_t)w->image[2];
}

static int32_t draw_label(const workload *w, uint64_t *state)
{
    return (int32_t)((draw(state) >> 33) % (uint64_t)w->classes);
}

/* Images uniform in [0, 1). */
static bool make_batch(workload_training *t, socle_device *d)
{
    const workload *w = t->recipe;
    const size_t n = (size_t)w->batch, values = n * pixels(w);
    float *images = socle_mem_zeroed(values, sizeof *images);
    int32_t *labels = socle_mem_zeroed(n, sizeof *labels);
    uint64_t state = first_state;
    for (size_t i = 0; images && labels && i < values; i++)
        images[i] = (float)(draw(&state) >> 40) * 0x1p-24f;
    for (size_t i = 0; images && labels && i < n; i++)
        labels[i] = draw_label(w, &state);
    if (images && labels) {
        t->x = socle_tensor_dense(d, SOCLE_F32, socle_shape4(w->batch, w->image[0], w->image[1], w->image[2]), 0);
        t->y = socle_tensor_from(d, SOCLE_I32, socle_shape1(w->batch), labels);
    }
    bool good = t->x && t->y && socle_write(t->x, images, values * sizeof *images) == SOCLE_OK;
    socle_mem_free(images);
    socle_mem_free(labels);
    return good;
}

socle_loader *workload_loader(const workload *w, socle_device *d, int workers, size_t batches)
{
    const size_t n = (size_t)w->batch * batches;
    uint8_t *images = socle_mem_zeroed(n * pixels(w), 1);
    int32_t *labels = socle_mem_zeroed(n, sizeof *labels);
    socle_dataset *data = NULL;
    uint64_t state = first_state;
    for (size_t i = 0; images && labels && i < n * pixels(w); i++)
        images[i] = (uint8_t)(draw(&state) >> 56);
    for (size_t i = 0; images && labels && i < n; i++)
        labels[i] = draw_label(w, &state);
    if (images && labels)
        data = socle_dataset_from(
            images, labels,
            (socle_dataset_desc){ .length = n,
                                  .x_type = SOCLE_U8,
                                  .y_type = SOCLE_I32,
                                  .x_shape = socle_shape3(w->image[0], w->image[1], w->image[2]) });
    socle_mem_free(images);
    socle_mem_free(labels);
    socle_loader_desc o = { .batch = (size_t)w->batch, .workers = workers, .shuffle = true, .train = true };
    return data ? socle_loader_new(data, d, o) : NULL;
}

/* ---- a training ---- */

static int add_parameters(const char *path, socle_module *owner, socle_tensor *p, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    if (trainable)
        *(int64_t *)user += socle_numel(p);
    return 0;
}

int64_t workload_parameters(const workload_training *t)
{
    int64_t n = 0;
    (void)socle_module_each_param(t->model, add_parameters, &n);
    return n;
}

bool workload_start(workload_training *t, const workload *w, socle_device *d, uint64_t seed)
{
    *t = (workload_training){ .recipe = w };
    t->model = workload_model(w, d, seed);
    t->ctx = socle_ctx_new(d, seed);
    t->optimizer = t->model ? socle_optimizer_new(w->rule(), t->model, NULL, NULL) : NULL;
    return t->ctx && t->optimizer && make_batch(t, d) &&
           socle_hyper_set(t->optimizer, -1, SOCLE_LR, w->lr) == SOCLE_OK;
}

void workload_stop(workload_training *t)
{
    socle_release(t->x);
    socle_release(t->y);
    socle_optimizer_free(t->optimizer);
    socle_ctx_free(t->ctx);
    socle_module_free(t->model);
    *t = (workload_training){ 0 };
}

socle_status workload_forward(workload_training *t)
{
    t->scope = socle_scope_begin(t->ctx);
    t->loss = t->recipe->loss(t->ctx, socle_forward(t->model, t->ctx, t->x), t->y);
    return socle_ctx_status(t->ctx);
}

socle_status workload_backward(workload_training *t)
{
    return socle_backward(t->ctx, t->loss);
}

socle_status workload_update(workload_training *t)
{
    socle_status s = socle_optimizer_step(t->optimizer, t->ctx);
    socle_optimizer_zero_grad(t->optimizer);
    t->loss = NULL;
    (void)socle_scope_end(t->ctx, t->scope, NULL);
    return s;
}

socle_status workload_step(workload_training *t)
{
    socle_status s = workload_forward(t);
    if (s == SOCLE_OK)
        s = workload_backward(t);
    return s == SOCLE_OK ? workload_update(t) : s;
}

socle_status workload_loss(workload_training *t, double *loss)
{
    socle_status s = workload_forward(t);
    if (s == SOCLE_OK)
        s = socle_item(t->loss, loss);
    t->loss = NULL;
    (void)socle_scope_end(t->ctx, t->scope, NULL);
    return s;
}

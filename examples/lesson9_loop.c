/* Lesson 9, the notebook 03: a loss, a training loop, data and validation by hand, and what the library has of
 * them. */
#include <socle/socle.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lesson9.h"

enum { HIDDEN = 50 };

socle_module *network(const lesson *l)
{
    socle_module *net = socle_sequential_new(l->device);
    socle_append(net, socle_linear_new(l->device, (socle_linear_desc){ .in = PIXELS, .out = HIDDEN }));
    socle_append(net, socle_act_new(l->device, SOCLE_ACT_RELU, 0));
    socle_append(net, socle_linear_new(l->device, (socle_linear_desc){ .in = HIDDEN, .out = CLASSES }));
    if (net && socle_reset_parameters(net, l->o.seed) == SOCLE_OK)
        return net;
    socle_module_free(net);
    return NULL;
}

double item(socle_ctx *c, socle_tensor *t)
{
    double v = NAN;
    if (t)
        (void)socle_ctx_fail(c, socle_item(t, &v));
    return v;
}

/* ---- loss: from squared errors to cross entropy ---- */

/* A digit is no quantity: an 8 is not twice a 4. So the network gives ten numbers, softmax makes shares of them,
 * and the loss is minus the logarithm of the right digit's share. The logarithm of a quotient is a difference,
 * which saves a division; and log sum exp x = m + log sum exp(x - m) holds for every m: with the largest x nothing
 * overflows. Ten numbers that know nothing yet give log 10 = 2.303. */

enum { LAST = 1 << 1 };

static socle_tensor *by_softmax(socle_ctx *c, socle_tensor *x)
{
    socle_tensor *e = socle_exp(c, x);
    return socle_log(c, socle_div(c, e, socle_sum(c, e, LAST, true)));
}

static socle_tensor *by_difference(socle_ctx *c, socle_tensor *x)
{
    return socle_sub(c, x, socle_log(c, socle_sum(c, socle_exp(c, x), LAST, true)));
}

static socle_tensor *by_log_sum_exp(socle_ctx *c, socle_tensor *x)
{
    socle_tensor *m = socle_max(c, x, 1, true);
    socle_tensor *sum = socle_sum(c, socle_exp(c, socle_sub(c, x, m)), LAST, true);
    return socle_sub(c, x, socle_add(c, m, socle_log(c, sum)));
}

static socle_tensor *by_the_library(socle_ctx *c, socle_tensor *x)
{
    return socle_log_softmax(c, x, 1);
}

/* Minus the mean of what the targets pick, one of each row. */
static socle_tensor *nll(socle_ctx *c, socle_tensor *logp, socle_tensor *y)
{
    socle_tensor *picked = socle_gather(c, logp, socle_reshape(c, y, socle_shape2(-1, 1)), 1);
    return socle_neg(c, socle_mean(c, picked, 0, false));
}

socle_status step_loss(lesson *l, socle_ctx *c)
{
    static const struct {
        const char *name;
        socle_tensor *(*f)(socle_ctx *c, socle_tensor *x);
    } form[] = { { "log(exp x / sum exp x)", by_softmax },
                 { "x - log(sum exp x)", by_difference },
                 { "x - (m + log(sum exp(x - m)))", by_log_sum_exp },
                 { "the library's log-softmax", by_the_library } };
    socle_module *net = network(l);
    socle_batch b = mnist_images(&l->digits, c, 0, 1000);
    socle_tensor *x = socle_forward(net, c, b.x), *far = socle_scale(c, x, 1, 100);
    socle_tensor *y = socle_cast(c, socle_reshape(c, b.y, socle_shape2(-1, 1)), socle_dtype_of(x));
    printf("squared error of one output as the digit: %.4f\n",
           item(c, socle_mse(c, socle_slice(c, x, 1, 0, 1), y, SOCLE_MEAN)));
    printf("%-36s %8s %8s\n", "cross entropy by", "of x", "x + 100");
    for (int i = 0; i < 4; i++)
        printf("%-36s %8.4f %8.4f\n", form[i].name, item(c, nll(c, form[i].f(c, x), b.y)),
               fabs(item(c, nll(c, form[i].f(c, far), b.y))));
    printf("%-36s %8.4f %8.4f\n", "the library's cross entropy",
           item(c, socle_cross_entropy(c, x, b.y, SOCLE_MEAN)),
           item(c, socle_cross_entropy(c, far, b.y, SOCLE_MEAN)));
    socle_module_free(net);
    return SOCLE_OK;
}

/* ---- loop: a training loop with parameters and an optimizer of its own ---- */

/* A module knows its parts because they were registered with it, which is how a list of all parameters comes
 * about; a step of the optimizer subtracts from each its gradient times the learning rate. The library's network
 * and its SGD then do the same. */

typedef struct model {
    socle_module *l1, *l2;
} model;

static socle_tensor *model_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const model *s = socle_module_state(m);
    return socle_forward(s->l2, c, socle_relu(c, socle_forward(s->l1, c, x)));
}

static const socle_module_type model_type = { .name = "Model", .size = sizeof(model), .forward = model_forward };

static socle_module *model_new(socle_device *d)
{
    socle_module *m = socle_module_new(&model_type, d);
    if (!m)
        return NULL;
    model *s = socle_module_state(m);
    s->l1 = socle_module_child(m, "l1", socle_linear_new(d, (socle_linear_desc){ .in = PIXELS, .out = HIDDEN }));
    s->l2 = socle_module_child(m, "l2", socle_linear_new(d, (socle_linear_desc){ .in = HIDDEN, .out = CLASSES }));
    return socle_module_ready(m);
}

typedef struct optimizer {
    socle_tensor *p[8];
    int n;
    double lr;
} optimizer;

static int add_parameter(const char *path, socle_module *owner, socle_tensor *p, bool trainable, void *user)
{
    (void)owner, (void)trainable;
    optimizer *o = user;
    printf("%s: %lld numbers\n", path, (long long)socle_numel(p));
    o->p[o->n++] = p;
    return 0;
}

static void optimizer_step(optimizer *o, socle_ctx *c)
{
    for (int i = 0; i < o->n; i++)
        (void)socle_ctx_fail(c, socle_axpby(c, o->p[i], -o->lr, socle_grad(o->p[i]), 1));
}

static void optimizer_zero_grad(optimizer *o)
{
    for (int i = 0; i < o->n; i++)
        socle_zero_grad(o->p[i]);
}

/* One epoch, in order: our optimizer or, where there is one, the library's. */
static void train(lesson *l, socle_ctx *c, socle_module *net, optimizer *ours, socle_optimizer *theirs)
{
    size_t batch = batch_of(l, 64), n = l->digits.train;
    for (size_t i = 0; i < n; i += batch) {
        socle_scope s = socle_scope_begin(c);
        socle_batch b = mnist_images(&l->digits, c, i, i + batch < n ? batch : n - i);
        socle_tensor *pred = socle_forward(net, c, b.x), *loss = socle_cross_entropy(c, pred, b.y, SOCLE_MEAN);
        (void)socle_ctx_fail(c, socle_backward(c, loss));
        if (theirs) {
            (void)socle_ctx_fail(c, socle_optimizer_step(theirs, c));
            socle_optimizer_zero_grad(theirs);
        } else {
            optimizer_step(ours, c);
            optimizer_zero_grad(ours);
        }
        if (i == 0 || i + batch >= n)
            printf("  images from %5zu on: loss %.4f, accuracy %.4f\n", i, item(c, loss),
                   item(c, socle_accuracy().batch(c, pred, b.y)) / (double)b.size);
        socle_scope_end(c, s, NULL);
    }
}

socle_status step_loop(lesson *l, socle_ctx *c)
{
    optimizer ours = { .lr = rate_of(l, 0.5) };
    socle_module *own = model_new(l->device), *net = network(l);
    socle_status s = own ? socle_reset_parameters(own, l->o.seed) : socle_error_status();
    socle_optimizer *theirs = socle_optimizer_new(socle_sgd(), net, NULL, NULL);
    if (s == SOCLE_OK && theirs) {
        (void)socle_module_each_param(own, add_parameter, &ours);
        puts("our model and optimizer");
        train(l, c, own, &ours, NULL);
        (void)socle_hyper_set(theirs, -1, SOCLE_LR, (float)ours.lr);
        puts("the library's");
        train(l, c, net, NULL, theirs);
    }
    s = s == SOCLE_OK && !theirs ? socle_error_status() : s;
    socle_optimizer_free(theirs);
    socle_module_free(own);
    socle_module_free(net);
    return s;
}

/* ---- data: dataset, sampler and loader ---- */

/* A dataset gives the i-th sample, a sampler says in which order, new in every epoch, and a loader takes as many
 * as make a batch and collates them into tensors. The last batch is smaller. The library's loader does the same
 * with threads that work ahead; its order depends on the seed and the number of the epoch alone. */

typedef struct sampler {
    size_t n;
    bool shuffle;
    socle_rng rng;
} sampler;

static void sampler_order(sampler *s, size_t *order)
{
    for (size_t i = 0; i < s->n; i++)
        order[i] = i;
    for (size_t i = s->n; s->shuffle && i > 1; i--) {
        size_t k = (size_t)socle_rng_below(&s->rng, i), last = order[i - 1];
        order[i - 1] = order[k];
        order[k] = last;
    }
}

/* n samples (at most 64) as a batch of tensors. */
static socle_batch collate(const mnist *m, socle_ctx *c, const size_t *place, size_t n)
{
    static uint8_t x[64 * PIXELS];
    int32_t y[64];
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * PIXELS, m->x + place[i] * PIXELS, PIXELS);
        y[i] = m->y[place[i]];
    }
    const mnist some = { .x = x, .y = y };
    return mnist_images(&some, c, 0, n);
}

static void by_hand(lesson *l, socle_ctx *c, bool shuffle)
{
    sampler s = { .n = 10, .shuffle = shuffle, .rng = { .key = l->o.seed } };
    for (int epoch = 0; epoch < 2; epoch++) {
        size_t order[10];
        sampler_order(&s, order);
        printf("%s, epoch %d:", shuffle ? "shuffled" : "in order", epoch);
        for (size_t first = 0; first < s.n; first += 3) {
            size_t n = first + 3 < s.n ? 3 : s.n - first;
            socle_batch b = collate(&l->digits, c, order + first, n);
            for (size_t i = 0; i < n; i++)
                printf("%s%zu", i ? " " : " [", order[first + i]);
            printf("] x (%lld, %lld)", (long long)socle_dim(b.x, 0), (long long)socle_dim(b.x, 1));
        }
        putchar('\n');
    }
}

socle_status step_data(lesson *l, socle_ctx *c)
{
    by_hand(l, c, false);
    by_hand(l, c, true);
    float x[10];
    int32_t y[10];
    for (int i = 0; i < 10; i++)
        x[i] = (float)(y[i] = i);
    socle_dataset_desc ten = { .length = 10, .x_type = SOCLE_F32, .x_shape = socle_shape1(1), .y_type = SOCLE_I32 };
    socle_loader_desc o = { .batch = 3, .workers = 2, .shuffle = true, .seed = l->o.seed };
    socle_loader *loader = socle_loader_new(socle_dataset_from(x, y, ten), l->device, o);
    socle_status s = loader ? SOCLE_OK : socle_error_status();
    for (uint64_t epoch = 0; epoch < 2 && s == SOCLE_OK; epoch++) {
        printf("the library, epoch %d:", (int)epoch);
        s = socle_loader_begin(loader, epoch);
        socle_batch b;
        int got = 0;
        while (s == SOCLE_OK && (got = socle_loader_next(loader, c, &b)) > 0) {
            s = socle_read(b.y, y, b.size * sizeof *y);
            for (size_t i = 0; i < b.size; i++)
                printf("%s%d", i ? " " : " [", (int)y[i]);
            printf("] x (%lld, %lld)", (long long)socle_dim(b.x, 0), (long long)socle_dim(b.x, 1));
        }
        s = got < 0 ? (socle_status)got : s;
        putchar('\n');
    }
    socle_loader_free(loader);
    return s;
}

/* ---- validation: in evaluation mode, weighted by samples ---- */

/* Validation updates nothing and records no gradients, and layers that differ, like dropout, are told that nobody
 * trains. A mean over batches' means, which is what the notebook prints first, counts every image of a small batch
 * for more: with batches of 9,999 and 1 the last image is worth all others. Weighted by the batches' sizes it is
 * the mean over images again. The notebook's epochs: .9533 .8684 .9609 .9664 .9625; at this rate, 0.5, an epoch
 * ends now here, now there. */

typedef struct means {
    double loss, accuracy;
} means;

static socle_status evaluate(socle_ctx *c, socle_module *net, socle_loader *valid, means *weighted, means *plain)
{
    bool gradients = socle_ctx_set_grad(c, false);
    socle_batch b;
    double n = (double)socle_loader_samples(valid), batches = (double)socle_loader_batches(valid);
    *weighted = *plain = (means){ 0 };
    socle_status s = socle_loader_begin(valid, 0);
    for (int got = 1; s == SOCLE_OK && got;) {
        socle_scope scope = socle_scope_begin(c);
        got = socle_loader_next(valid, c, &b);
        if (got > 0) {
            socle_tensor *pred = socle_forward(net, c, b.x);
            double loss = item(c, socle_cross_entropy(c, pred, b.y, SOCLE_MEAN));
            double hits = item(c, socle_accuracy().batch(c, pred, b.y));
            weighted->loss += loss * (double)b.size / n;
            weighted->accuracy += hits / n;
            plain->loss += loss / batches;
            plain->accuracy += hits / (double)b.size / batches;
        }
        s = got < 0 ? (socle_status)got : socle_ctx_status(c);
        socle_scope_end(c, scope, NULL);
    }
    socle_ctx_set_grad(c, gradients);
    return s;
}

static socle_status train_epoch(socle_ctx *c, socle_module *net, socle_optimizer *opt, socle_loader *train,
                                int epoch)
{
    socle_batch b;
    socle_status s = socle_loader_begin(train, (uint64_t)epoch);
    for (int got = 1; s == SOCLE_OK && got;) {
        socle_scope scope = socle_scope_begin(c);
        got = socle_loader_next(train, c, &b);
        if (got > 0)
            s = socle_backward(c, socle_cross_entropy(c, socle_forward(net, c, b.x), b.y, SOCLE_MEAN));
        if (got > 0 && s == SOCLE_OK)
            s = socle_optimizer_step(opt, c);
        s = got < 0 ? (socle_status)got : s;
        socle_optimizer_zero_grad(opt);
        socle_scope_end(c, scope, NULL);
    }
    return s;
}

static void print_means(const char *what, means m)
{
    printf("%-36s loss %.4f  accuracy %.4f\n", what, m.loss, m.accuracy);
}

socle_status step_validation(lesson *l, socle_ctx *c)
{
    const mnist *m = &l->digits;
    socle_data *data =
        mnist_data(m, l->device, true, (socle_loader_desc){ .batch = batch_of(l, 64), .seed = l->o.seed });
    socle_dataset_desc all = {
        .length = m->valid, .x_type = SOCLE_U8, .x_shape = socle_shape1(PIXELS), .y_type = SOCLE_I32
    };
    socle_dataset *images = socle_dataset_from(m->x + m->train * PIXELS, m->y + m->train, all);
    socle_loader *odd = socle_loader_new(images, l->device, (socle_loader_desc){ .batch = m->valid - 1 });
    socle_module *net = network(l);
    socle_optimizer *opt = socle_optimizer_new(socle_sgd(), net, NULL, NULL);
    socle_status s =
        data && odd && opt ? socle_hyper_set(opt, -1, SOCLE_LR, (float)rate_of(l, 0.5)) : socle_error_status();
    means weighted, plain;
    for (int epoch = 0; epoch < epochs_of(l, 5) && s == SOCLE_OK; epoch++) {
        socle_ctx_set_training(c, true);
        s = train_epoch(c, net, opt, data->train, epoch);
        socle_ctx_set_training(c, false);
        if (s == SOCLE_OK)
            s = evaluate(c, net, data->valid, &weighted, &plain);
        if (s == SOCLE_OK)
            printf("epoch %d: loss %.4f accuracy %.4f; means of batches' means: %.4f %.4f\n", epoch, weighted.loss,
                   weighted.accuracy, plain.loss, plain.accuracy);
    }
    if (s == SOCLE_OK && (s = evaluate(c, net, odd, &weighted, &plain)) == SOCLE_OK) {
        print_means("batches of all but one, and one", weighted);
        print_means("  the mean of their means", plain);
    }
    net = socle_append(socle_append(socle_sequential_new(l->device), socle_dropout_new(l->device, 0.5f)), net);
    for (int training = 0; training < 2 && s == SOCLE_OK; training++) {
        socle_ctx_set_training(c, training);
        if ((s = evaluate(c, net, odd, &weighted, &plain)) == SOCLE_OK)
            print_means(training ? "half of the pixels dropped: training" : "half of the pixels dropped: eval mode",
                        weighted);
    }
    socle_optimizer_free(opt);
    socle_module_free(net);
    socle_loader_free(odd);
    socle_data_free(data);
    return s;
}

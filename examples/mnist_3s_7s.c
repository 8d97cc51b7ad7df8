/* Threes against sevens: "04_mnist_basics" of fast.ai's book, step by step, from the mean image to a ResNet.
 *
 * Every section is a step that reads without the rest, and what classifies adds its row to the closing table. --step NAME
 * runs one. */
#include <socle/socle.h>

#include <stdio.h>
#include "lab.h"

enum { HIDDEN = 30, EPOCHS = 20 };

static socle_dtype real(const socle_ctx *c)
{
    return socle_device_real(socle_ctx_device(c));
}

static socle_tensor *number(socle_ctx *c, double value)
{
    return socle_full(c, real(c), socle_shape0(), value);
}

/* ---- pixels: an image is a table of numbers ---- */

static socle_status pixels(lab *l, socle_ctx *c)
{
    const uint8_t *three = l->train.pixel + PIXELS; /* the second */
    fprintf(l->story.out, "%zu threes and %zu sevens to train on, %zu and %zu to validate with\n", l->train.threes,
            l->train.sevens, l->valid.threes, l->valid.sevens);
    for (int y = 4; y < 10; y++)
        for (int x = 4; x < 10; x++)
            fprintf(l->story.out, "%4d%s", three[y * SIDE + x], x == 9 ? "\n" : "");
    return lab_show(l, c, lab_stack(l, c, three, 1), "three.png");
}

/* ---- baseline: which of the two mean images is nearer? ---- */

typedef socle_tensor *(*distance)(socle_ctx *c, socle_tensor *a, socle_tensor *b);
enum { EACH_IMAGE = 1 << 1 | 1 << 2 }; /* the axes to take a mean over */

static socle_tensor *l1_norm(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return socle_mean(c, socle_abs(c, socle_sub(c, a, b)), EACH_IMAGE, false);
}

static socle_tensor *l2_norm(socle_ctx *c, socle_tensor *a, socle_tensor *b)
{
    return socle_sqrt(c, socle_mean(c, socle_square(c, socle_sub(c, a, b)), EACH_IMAGE, false));
}

/* Of the images x, the share that is nearer to one mean than to another. (n, 28, 28) and (28, 28) broadcast: no loop. */
static socle_tensor *nearer(socle_ctx *c, distance d, socle_tensor *x, socle_tensor *mean, socle_tensor *other)
{
    return socle_mean(c, socle_cast(c, socle_lt(c, d(c, x, mean), d(c, x, other)), real(c)), 0, false);
}

static socle_status classify(lab *l, socle_ctx *c, const char *name, distance d, socle_tensor *mean3,
                             socle_tensor *mean7)
{
    socle_tensor *three = lab_stack(l, c, l->train.pixel + PIXELS, 1);
    socle_tensor *threes = lab_stack(l, c, l->valid.pixel, l->valid.threes);
    socle_tensor *sevens = lab_stack(l, c, l->valid.pixel + l->valid.threes * PIXELS, l->valid.sevens);
    socle_tensor *answer[] = { d(c, three, mean3), d(c, three, mean7), nearer(c, d, threes, mean3, mean7),
                               nearer(c, d, sevens, mean7, mean3) };
    double value[4];
    for (int i = 0; i < 4; i++) {
        socle_status s = socle_item(answer[i], &value[i]);
        if (s != SOCLE_OK)
            return s;
    }
    fprintf(l->story.out, "from that three to the mean three %.4f, to the mean seven %.4f\n", value[0], value[1]);
    fprintf(l->story.out, "right: %.4f of the threes, %.4f of the sevens\n", value[2], value[3]);
    story_point(&l->story, (value[2] + value[3]) / 2);
    story_row(&l->story, name, 0);
    return SOCLE_OK;
}

static socle_status baseline(lab *l, socle_ctx *c)
{
    socle_tensor *threes = lab_stack(l, c, l->train.pixel, l->train.threes);
    socle_tensor *sevens = lab_stack(l, c, l->train.pixel + l->train.threes * PIXELS, l->train.sevens);
    socle_tensor *mean3 = socle_mean(c, threes, 1 << 0, false), *mean7 = socle_mean(c, sevens, 1 << 0, false);
    socle_status s = lab_show(l, c, mean3, "mean3.png");
    s = s == SOCLE_OK ? lab_show(l, c, mean7, "mean7.png") : s;
    s = s == SOCLE_OK ? classify(l, c, "mean image (L1)", l1_norm, mean3, mean7) : s;
    return s == SOCLE_OK ? classify(l, c, "mean image (L2)", l2_norm, mean3, mean7) : s;
}

/* ---- gradient: what a small change of x does to f(x) ---- */

static socle_status gradient(lab *l, socle_ctx *c)
{
    const float start[] = { 3, 4, 10 };
    float slope[3];
    socle_tensor *numbers = socle_tensor_from(l->device, SOCLE_F32, socle_shape1(3), start);
    socle_tensor *x = socle_cast(c, numbers, real(c));
    socle_status s = socle_set_requires_grad(x, true);
    s = s == SOCLE_OK ? socle_backward(c, socle_sum(c, socle_square(c, x), 0, false)) : s;
    s = s == SOCLE_OK ? socle_read(socle_cast(c, socle_grad(x), SOCLE_F32), slope, sizeof slope) : s;
    if (s == SOCLE_OK)
        fprintf(l->story.out, "x^2 has the slopes %g, %g and %g at 3, 4 and 10\n", (double)slope[0],
                (double)slope[1], (double)slope[2]);
    socle_release(numbers);
    return s;
}

/* ---- the seven steps: initialise, predict, loss, gradient, step, repeat, validate ---- */

/* Where the coming sections differ. predict: (n, 784) -> (n, 1). step: moves the parameters by their gradients, and drops
 * those. The parameters are n tensors, or a module's. */
typedef struct model {
    socle_tensor *(*predict)(const struct model *m, socle_ctx *c, socle_tensor *x);
    socle_status (*step)(const struct model *m, socle_ctx *c);
    double lr;
    int n;
    socle_tensor *p[4];
    socle_module *net;
    socle_optimizer *opt;
} model;

static socle_tensor *is_three(socle_ctx *c, socle_tensor *target)
{
    return socle_eq(c, target, number(c, 1));
}

/* How far sigmoid(pred) is from 1 for threes, from 0 for sevens. Predictions (n) and targets (n, 1) would broadcast to all
 * n x n pairs, and still learn, only worse: shapes must agree. */
static socle_tensor *mnist_loss(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r,
                                void *user)
{
    (void)user;
    if (pred && !socle_shape_equal(socle_shape_of(pred), socle_shape_of(target))) {
        (void)socle_ctx_fail(c,
                             socle_fail(SOCLE_ERR_SHAPE, "mnist_loss: %d dimensions of predictions, %d of targets",
                                        socle_shape_of(pred).ndim, socle_shape_of(target).ndim));
        return NULL;
    }
    socle_tensor *p = socle_sigmoid(c, pred);
    socle_tensor *away = socle_where(c, is_three(c, target), socle_scale(c, p, -1, 1), p);
    return r == SOCLE_NONE ? away : r == SOCLE_SUM ? socle_sum(c, away, 0, false) : socle_mean(c, away, 0, false);
}

/* How many are on the right side of a half. */
static socle_tensor *count_right(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    socle_tensor *says_three = socle_gt(c, socle_sigmoid(c, pred), number(c, 0.5));
    return socle_sum(c, socle_cast(c, socle_eq(c, says_three, is_three(c, target)), real(c)), 0, false);
}

static socle_status train_batch(const model *m, socle_ctx *c, const socle_batch *b, double *unused)
{
    (void)unused;
    socle_status s = socle_backward(c, mnist_loss(c, m->predict(m, c, b->x), b->y, SOCLE_MEAN, NULL));
    return s == SOCLE_OK ? m->step(m, c) : s;
}

static socle_status validate_batch(const model *m, socle_ctx *c, const socle_batch *b, double *sum)
{
    double right = 0;
    socle_status s = socle_item(count_right(c, m->predict(m, c, b->x), b->y), &right);
    *sum += right / (double)b->size;
    return s;
}

typedef socle_status (*batch_fn)(const model *m, socle_ctx *c, const socle_batch *b, double *sum);
static socle_status each_batch(socle_loader *loader, socle_ctx *c, batch_fn f, const model *m, double *sum)
{
    socle_status s = socle_loader_begin(loader, 0);
    for (bool more = true; more && s == SOCLE_OK;) {
        socle_batch b;
        socle_scope scope = socle_scope_begin(c);
        int found = socle_loader_next(loader, c, &b);
        more = found > 0;
        s = more ? f(m, c, &b, sum) : (socle_status)found;
        socle_scope_end(c, scope, NULL); /* the batch's tensors go */
    }
    socle_loader_end(loader);
    return s;
}

/* Epochs of training, each followed by the unweighted mean of the validation batches' accuracies, as in the notebook. */
static socle_status train_model(lab *l, socle_ctx *c, const char *name, model *m)
{
    socle_status s = socle_ctx_status(c);
    for (int epoch = 0; epoch < EPOCHS && s == SOCLE_OK; epoch++) {
        double sum = 0;
        s = each_batch(l->data->train, c, train_batch, m, NULL);
        bool grad = socle_ctx_set_grad(c, false);
        s = s == SOCLE_OK ? each_batch(l->data->valid, c, validate_batch, m, &sum) : s;
        socle_ctx_set_grad(c, grad);
        double accuracy = sum / (double)socle_loader_batches(l->data->valid);
        story_point(&l->story, accuracy);
        if (s == SOCLE_OK)
            fprintf(l->story.out, "%.4f%s", accuracy, epoch % 10 == 9 ? "\n" : " ");
    }
    if (s == SOCLE_OK)
        story_row(&l->story, name, EPOCHS);
    for (int i = 0; i < m->n; i++)
        socle_release(m->p[i]);
    socle_optimizer_free(m->opt);
    socle_module_free(m->net);
    return s;
}

/* ---- own linear network: x w + b, and p -= lr * gradient by hand ---- */

static socle_tensor *init_params(socle_ctx *c, socle_shape shape)
{
    socle_tensor *p = socle_retain(socle_randn(c, shape));
    (void)socle_ctx_fail(c, socle_set_requires_grad(p, true));
    return p;
}

static socle_tensor *linear1(const model *m, socle_ctx *c, socle_tensor *x)
{
    return socle_add(c, socle_matmul(c, x, m->p[0]), m->p[1]);
}

static socle_status step_by_hand(const model *m, socle_ctx *c)
{
    socle_status s = SOCLE_OK;
    for (int i = 0; i < m->n && s == SOCLE_OK; i++) {
        s = socle_axpby(c, m->p[i], -m->lr, socle_grad(m->p[i]), 1);
        socle_zero_grad(m->p[i]);
    }
    return s;
}

static socle_status own_linear(lab *l, socle_ctx *c)
{
    model m = { .predict = linear1, .step = step_by_hand, .lr = 1, .n = 2 };
    m.p[0] = init_params(c, socle_shape2(PIXELS, 1));
    m.p[1] = init_params(c, socle_shape1(1));
    return train_model(l, c, "own linear network", &m);
}

/* ---- the same with an optimizer of its own ---- */

typedef struct basic_optim {
    socle_tensor *const *p;
    int n;
    double lr;
} basic_optim;

static socle_status optim_step(const basic_optim *o, socle_ctx *c)
{
    socle_status s = SOCLE_OK;
    for (int i = 0; i < o->n && s == SOCLE_OK; i++)
        s = socle_axpby(c, o->p[i], -o->lr, socle_grad(o->p[i]), 1);
    return s;
}

static void optim_zero_grad(const basic_optim *o)
{
    for (int i = 0; i < o->n; i++)
        socle_zero_grad(o->p[i]);
}

static socle_status step_by_optim(const model *m, socle_ctx *c)
{
    basic_optim optim = { m->p, m->n, m->lr };
    socle_status s = optim_step(&optim, c);
    optim_zero_grad(&optim);
    return s;
}

static socle_status own_optimizer(lab *l, socle_ctx *c)
{
    model m = { .predict = linear1, .step = step_by_optim, .lr = 1, .n = 2 };
    m.p[0] = init_params(c, socle_shape2(PIXELS, 1));
    m.p[1] = init_params(c, socle_shape1(1));
    return train_model(l, c, "own linear network and optimizer", &m);
}

/* ---- the library's linear layer and its SGD ---- */

static socle_tensor *forward(const model *m, socle_ctx *c, socle_tensor *x)
{
    return socle_forward(m->net, c, x);
}

static socle_status step_by_library(const model *m, socle_ctx *c)
{
    socle_status s = socle_optimizer_step(m->opt, c);
    socle_optimizer_zero_grad(m->opt);
    return s;
}

static socle_module *linear_layer(const lab *l)
{
    return lab_initial(l, socle_linear_new(l->device, (socle_linear_desc){ .in = PIXELS, .out = 1 }));
}

static socle_status linear(lab *l, socle_ctx *c)
{
    model m = { .predict = forward, .step = step_by_library, .net = linear_layer(l) };
    m.opt = socle_optimizer_new(socle_sgd(), m.net, NULL, NULL);
    (void)socle_ctx_fail(c, m.opt ? socle_hyper_set(m.opt, -1, SOCLE_LR, 1) : socle_error_status());
    return train_model(l, c, "linear layer and SGD", &m);
}

/* ---- the Learner: three lines, and what prints and cleans up ---- */

static const socle_loss loss = { mnist_loss, NULL };
static const socle_metric batch_accuracy = { "accuracy", count_right };

static socle_status learner(lab *l, socle_ctx *c)
{
    (void)c; /* the Learner has its own */
    socle_learner_desc o = { .device = l->device, .model = linear_layer(l), .data = l->data, .loss = loss };
    socle_learner *learn = socle_learner_new(o);
    socle_learner_add(learn, socle_cb_metrics(&batch_accuracy, 1));
    story_watch(&l->story, learn);
    return story_finish(&l->story, "linear layer and Learner", 10, learn, socle_fit(learn, 10, 1));
}

/* ---- own non-linear network: two linear functions and a max between them ---- */

static socle_tensor *simple_net(const model *m, socle_ctx *c, socle_tensor *x)
{
    socle_tensor *h = socle_add(c, socle_matmul(c, x, m->p[0]), m->p[1]);
    h = socle_maximum(c, h, number(c, 0));
    return socle_add(c, socle_matmul(c, h, m->p[2]), m->p[3]);
}

static socle_status own_nonlinear(lab *l, socle_ctx *c)
{
    model m = { .predict = simple_net, .step = step_by_hand, .lr = 0.1, .n = 4 };
    m.p[0] = init_params(c, socle_shape2(PIXELS, HIDDEN));
    m.p[1] = init_params(c, socle_shape1(HIDDEN));
    m.p[2] = init_params(c, socle_shape2(HIDDEN, 1));
    m.p[3] = init_params(c, socle_shape1(1));
    return train_model(l, c, "own non-linear network", &m);
}

/* ---- the same of modules, by SGD and by the Learner ---- */

static socle_module *simple_modules(const lab *l)
{
    socle_module *net = socle_sequential_new(l->device);
    socle_append(net, socle_linear_new(l->device, (socle_linear_desc){ .in = PIXELS, .out = HIDDEN }));
    socle_append(net, socle_act_new(l->device, SOCLE_ACT_RELU, 0));
    socle_append(net, socle_linear_new(l->device, (socle_linear_desc){ .in = HIDDEN, .out = 1 }));
    return lab_seeded(l, net);
}

static socle_status nonlinear(lab *l, socle_ctx *c)
{
    model m = { .predict = forward, .step = step_by_library, .net = simple_modules(l) };
    m.opt = socle_optimizer_new(socle_sgd(), m.net, NULL, NULL);
    (void)socle_ctx_fail(c, m.opt ? socle_hyper_set(m.opt, -1, SOCLE_LR, 0.1f) : socle_error_status());
    return train_model(l, c, "non-linear network of modules", &m);
}

static socle_status nonlinear_learner(lab *l, socle_ctx *c)
{
    (void)c;
    socle_learner_desc o = { .device = l->device, .model = simple_modules(l), .data = l->data, .loss = loss };
    socle_learner *learn = socle_learner_new(o);
    socle_learner_add(learn, socle_cb_metrics(&batch_accuracy, 1));
    story_watch(&l->story, learn);
    return story_finish(&l->story, "non-linear network and Learner", EPOCHS, learn, socle_fit(learn, EPOCHS, 0.1));
}

/* ---- ResNet-18: images, cross entropy, Adam, and one epoch under the one-cycle policy ---- */

static socle_status resnet18(lab *l, socle_ctx *c)
{
    (void)c;
    socle_data *data = lab_images(l);
    const socle_metric accuracy = socle_accuracy();
    socle_learner_desc o = { .device = l->device, .data = data, .opt = socle_adam_course_library() };
    o.model = lab_seeded(l, socle_model_new(l->device, "resnet18", 1, 2));
    socle_learner *learn = socle_learner_new(o);
    socle_learner_add(learn, socle_cb_metrics(&accuracy, 1));
    story_watch(&l->story, learn);
    socle_one_cycle_desc cycle = { .epochs = 1, .max_lr = 0.01, .pct_start = 0.25, .div_final = 1e5 };
    socle_status s = story_finish(&l->story, "ResNet-18", 1, learn, socle_fit_one_cycle_with(learn, cycle));
    socle_data_free(data);
    return s;
}

static const lab_step steps[] = {
    { "pixels", "an image is a table of numbers", pixels },
    { "baseline", "the nearer of two mean images", baseline },
    { "gradient", "what a small change does", gradient },
    { "own-linear", "x w + b, trained by hand", own_linear },
    { "own-optimizer", "the same with an optimizer of its own", own_optimizer },
    { "linear", "the library's linear layer and its SGD", linear },
    { "learner", "the linear layer with the Learner", learner },
    { "own-nonlinear", "two linear functions and a max between them", own_nonlinear },
    { "nonlinear", "the same of modules", nonlinear },
    { "nonlinear-learner", "the same with the Learner", nonlinear_learner },
    { "resnet18", "eighteen layers, one epoch, a tenth of the notebook's rate", resnet18 },
};

int main(int argc, char **argv)
{
    return lab_main(argc, argv, "Tells threes from sevens in eleven steps.", steps, sizeof steps / sizeof *steps);
}

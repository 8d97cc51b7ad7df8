/* Ready-made networks: their sizes are the published ones, their blocks compute what PyTorch's do, their parameters have
 * torchvision's names, and what is made wrongly is refused. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/models.h>
#include <socle/sys/test.h>
#include "support/support.h"

typedef struct search {
    const char *path;
    socle_tensor *found;
} search;

static int match(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    (void)trainable;
    search *s = user;
    if (strcmp(path, s->path) == 0)
        s->found = t;
    return 0;
}

static socle_tensor *tensor_at(socle_module *m, const char *path)
{
    search s = { path, NULL };
    socle_module_each_param(m, match, &s);
    return s.found;
}

/* ---- sizes ---- */

Test(models, have_the_published_numbers_of_parameters)
{
    static const struct {
        const char *name;
        int c_in, classes;
        int64_t parameters;
    } published[] = {
        { "conv", 1, 10, 30394 },          { "deep", 1, 10, 110286 },         { "resnet", 1, 10, 1228908 },
        { "wide", 1, 10, 4907588 },        { "wide2", 1, 10, 4907588 },       { "wide3", 1, 10, 1231428 },
        { "wide4", 1, 10, 1224948 },       { "resnet9", 3, 10, 6573120 },     { "resnet18", 3, 1000, 11689512 },
        { "resnet34", 3, 1000, 21797672 }, { "resnet50", 3, 1000, 25557032 },
    };
    int64_t before = socle_test_live_blocks();
    socle_device *d = open_device("ref", 1);
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        socle_module *m = socle_model_new(d, published[i].name, published[i].c_in, published[i].classes);
        cr_assert_not_null(m, "%s", socle_error());
        cr_expect_eq(socle_module_numel(m), published[i].parameters, "%s has %lld", published[i].name,
                     (long long)socle_module_numel(m));
        socle_module_free(m);
    }
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), before);
}

/* Every network runs and every parameter gets a gradient. */
static int has_gradient(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    if (trainable)
        cr_expect(socle_grad(t) != NULL, "%s: %s has no gradient", (const char *)user, path);
    return 0;
}

Test(models, run_forward_and_backward_on_28x28_pixels)
{
    int64_t before = socle_test_live_blocks();
    socle_device *d = open_device("cpu", 1);
    socle_ctx *c = socle_ctx_new(d, 1);
    const char *name;
    for (size_t i = 0; (name = socle_model_name(i)) != NULL; i++) {
        socle_module *m = socle_model_new(d, name, 1, 10);
        cr_assert_not_null(m, "%s", socle_error());
        socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(3, 1, 28, 28), 1, -1, 1);
        socle_scope s = socle_scope_begin(c);
        socle_tensor *y = socle_forward(m, c, x);
        cr_assert_not_null(y, "%s: %s", name, socle_error());
        cr_expect(socle_shape_equal(socle_shape_of(y), socle_shape2(3, 10)), "%s", name);
        assert_ok(socle_backward(c, socle_sum(c, socle_square(c, y), 0, false)));
        socle_module_each_param(m, has_gradient, (void *)(uintptr_t)name);
        socle_scope_end(c, s, NULL);
        socle_release(x);
        socle_module_free(m);
    }
    socle_ctx_free(c);
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), before);
}

Test(models, resnets_have_torchvisions_names)
{
    static const char *const names[] = {
        "conv1.weight",
        "bn1.running_mean",
        "layer1.0.conv1.weight",
        "layer1.1.bn2.bias",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_var",
        "layer4.1.conv2.weight",
        "fc.weight",
        "fc.bias",
    };
    socle_device *d = open_device("ref", 1);
    socle_module *m = socle_model_new(d, "resnet18", 3, 10);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect(tensor_at(m, names[i]) != NULL, "there is no %s", names[i]);
    cr_expect(tensor_at(m, "conv1.bias") == NULL && tensor_at(m, "layer1.0.downsample.0.weight") == NULL);
    socle_module_free(m);
    socle_device_close(d);
}

/* ---- blocks ---- */

typedef struct block_case {
    const char *name;
    int in, out, stride;
    const char *skip; /* path of its convolution, or NULL */
} block_case;

static const block_case blocks[] = {
    { "straight", 4, 4, 1, NULL },
    { "wider", 3, 6, 1, "skip.0" },
    { "strided", 4, 4, 2, NULL },
    { "both", 3, 5, 2, "skip.1" },
};

static const char *const parts[] = {
    "body.0.weight", "body.0.bias",        "body.0.norm.weight", "body.0.norm.bias", "body.1.weight",
    "body.1.bias",   "body.1.norm.weight", "body.1.norm.bias",   "skip.last.weight", "skip.last.bias",
};
enum { PARTS = sizeof parts / sizeof parts[0] };

/* The parameter that the fixture calls parts[i]; NULL where the block has none. */
static socle_tensor *part_of(socle_module *m, const block_case *k, int i)
{
    char path[64];
    if (strncmp(parts[i], "skip.", 5) != 0)
        return tensor_at(m, parts[i]);
    if (k->skip == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s%s", k->skip, strrchr(parts[i], '.'));
    return tensor_at(m, path);
}

static void expect_entry(const fixture *f, socle_device *d, const char *name, const char *what,
                         const socle_tensor *got)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, what);
    const fixture_entry *e = fixture_get(f, full);
    double *want = fixture_values(f, full), scale = 1;
    for (size_t i = 0; i < e->n; i++)
        scale = fmax(scale, fabs(want[i]));
    /* sums of 9 x 35 terms; norms enlarge what reaches them, and on ref64 hold eps, leak and sub as floats */
    budget b = budget_sum(socle_device_real(d), 315, 4 * scale);
    if (socle_device_real(d) == SOCLE_F64)
        b.absolute += eps_of(SOCLE_F32) * scale;
    cr_expect(tensor_close(got, want, e->n, b), "%s on %s: %s", full, socle_device_name(d), support_message());
    free(want);
}

static void load(const fixture *f, socle_device *d, const block_case *k, socle_module *m)
{
    socle_ctx *c = socle_ctx_new(d, 1);
    for (int i = 0; i < PARTS; i++) {
        char full[96];
        snprintf(full, sizeof full, "%s.%s", k->name, parts[i]);
        socle_tensor *p = part_of(m, k, i);
        cr_assert_eq(p != NULL, fixture_has(f, full), "%s", full);
        if (p == NULL)
            continue;
        socle_tensor *value = fixture_tensor(f, d, full);
        assert_ok(socle_assign(c, p, value));
        socle_release(value);
    }
    socle_ctx_free(c);
}

static void check_block(const fixture *f, socle_device *d, const block_case *k)
{
    char full[96];
    socle_act_desc act = { SOCLE_ACT_GENERAL_RELU, 0.1f, 0.4f, 0 };
    socle_module *m = socle_res_block_new(
        d, (socle_res_block_desc){
               .in = k->in, .out = k->out, .stride = k->stride, .norm = SOCLE_NORM_BATCH, .act = act });
    cr_assert_not_null(m, "%s", socle_error());
    load(f, d, k, m);
    socle_ctx *c = socle_ctx_new(d, 1);
    snprintf(full, sizeof full, "%s.x", k->name);
    socle_tensor *x = fixture_tensor(f, d, full);
    snprintf(full, sizeof full, "%s.dy", k->name);
    socle_tensor *dy = fixture_tensor(f, d, full);
    assert_ok(socle_set_requires_grad(x, true));
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *y = socle_forward(m, c, x);
    cr_assert_not_null(y, "%s: %s", k->name, socle_error());
    expect_entry(f, d, k->name, "y", y);
    assert_ok(socle_backward(c, socle_sum(c, socle_mul(c, y, dy), 0, false)));
    expect_entry(f, d, k->name, "dx", socle_grad(x));
    for (int i = 0; i < PARTS; i++) {
        snprintf(full, sizeof full, "grad.%s", parts[i]);
        if (part_of(m, k, i) != NULL)
            expect_entry(f, d, k->name, full, socle_grad(part_of(m, k, i)));
    }
    socle_scope_end(c, scope, NULL);
    socle_release(x);
    socle_release(dy);
    socle_ctx_free(c);
    socle_module_free(m);
}

Test(models, residual_blocks_are_those_of_pytorch)
{
    static const char *const devices[] = { "cpu", "ref", "ref64" };
    const char *only = test_device(NULL);
    fixture *f = fixture_open("residual.fix");
    for (int i = 0; i < (only != NULL ? 1 : 3); i++) {
        socle_device *d = open_device(only != NULL ? only : devices[i], 0);
        for (size_t k = 0; k < sizeof blocks / sizeof blocks[0]; k++)
            check_block(f, d, &blocks[k]);
        socle_device_close(d);
    }
    fixture_free(f);
}

Test(models, a_block_whose_last_norm_begins_at_0_passes_on_its_input)
{
    socle_device *d = open_device("ref", 1);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_module *m = socle_res_block_new(
        d, (socle_res_block_desc){ .in = 3, .out = 3, .norm = SOCLE_NORM_BATCH, .zero_last = true });
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(2, 3, 4, 4), 1, -1, 1);
    assert_identical(socle_forward(m, c, x), x);
    socle_release(x);
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
}

Test(models, channel_dropout_drops_whole_channels_in_training_alone)
{
    enum { N = 20, C = 5, S = 6 };
    socle_device *d = open_device("ref", 1);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_module *m = socle_channel_dropout_new(d, 0.5f);
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(N, C, 2, 3), 1, 1, 2);
    double *in = values_of(x), *out = values_of(socle_forward(m, c, x));
    int dropped = 0;
    for (int i = 0; i < N * C; i++) {
        dropped += out[i * S] == 0;
        for (int k = 0; k < S; k++)
            cr_assert_float_eq(out[i * S + k], out[i * S] == 0 ? 0 : 2 * in[i * S + k], 1e-6);
    }
    cr_expect(dropped > 30 && dropped < 70, "%d of 100 channels are dropped",
              dropped); /* four standard deviations */
    socle_ctx_set_training(c, false);
    assert_identical(socle_forward(m, c, x), x);
    free(in);
    free(out);
    socle_release(x);
    socle_module_free(m);
    socle_ctx_free(c);
    socle_device_close(d);
}

/* ---- bad input ---- */

Test(models, what_does_not_exist_is_refused_in_one_sentence)
{
    int64_t before = socle_test_live_blocks();
    socle_device *d = open_device("ref", 1);
    cr_expect(socle_model_new(d, "vgg", 1, 10) == NULL);
    cr_expect(strstr(socle_error(), "\"vgg\"") != NULL && strstr(socle_error(), "resnet18") != NULL, "%s",
              socle_error());
    cr_expect(socle_model_new(d, "conv", 0, 10) == NULL);
    cr_expect(strstr(socle_error(), "0 channels in") != NULL, "%s", socle_error());
    cr_expect(socle_res_block_new(d, (socle_res_block_desc){ .in = 2, .out = 2, .stride = 3 }) == NULL);
    cr_expect(strstr(socle_error(), "stride of 3") != NULL, "%s", socle_error());
    cr_expect(socle_resnet_new(d, (socle_resnet_desc){ .blocks = { 2, 0, 2, 2 } }) == NULL);
    cr_expect(strstr(socle_error(), "0 blocks in stage 2") != NULL, "%s", socle_error());
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), before);
}

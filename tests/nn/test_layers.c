/* The built-in layers: that each does what its op does, with the options of its desc, and refuses what makes no sense. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;
static socle_scope scope;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("ref", 1);
    c = socle_ctx_new(d, 3);
    scope = socle_scope_begin(c);
}

static void tear_down(void)
{
    socle_scope_end(c, scope, NULL);
    socle_ctx_free(c);
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(layers, .init = set_up, .fini = tear_down);

/* ---- helpers ---- */

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

static socle_tensor *param(socle_module *m, const char *path)
{
    search s = { path, NULL };
    socle_module_each_param(m, match, &s);
    return s.found;
}

/* A module whose output must be `want`, bit for bit; m is freed. */
static void expect(socle_module *m, socle_tensor *x, socle_tensor *want)
{
    cr_assert_not_null(m, "%s", socle_error());
    cr_assert_not_null(want, "%s", socle_error());
    socle_tensor *y = socle_forward(m, c, x);
    cr_assert_not_null(y, "%s", socle_error());
    assert_identical(y, want);
    socle_module_free(m);
}

/* ---- convolution ---- */

typedef struct conv_case {
    socle_conv_desc desc;
    socle_conv2d_opts opts; /* what the desc must come to */
    int size;
    bool bias;
} conv_case;

static const conv_case conv_cases[] = {
    { { .in = 4, .out = 6 }, { 1, 1, 1, 1 }, 3, true },
    { { .in = 4, .out = 6, .size = 5, .stride = 2 }, { 2, 2, 1, 1 }, 5, true },
    { { .in = 4, .out = 6, .size = 2, .pad = SOCLE_PAD_NONE }, { 1, 0, 1, 1 }, 2, true },
    { { .in = 4, .out = 6, .pad = 2, .dilation = 2, .groups = 2 }, { 1, 2, 2, 2 }, 3, true },
    { { .in = 4, .out = 6, .bias = SOCLE_BIAS_OFF }, { 1, 1, 1, 1 }, 3, false },
    { { .in = 4, .out = 6, .bias = SOCLE_BIAS_ON, .act_first = true }, { 1, 1, 1, 1 }, 3, true },
};

static const float shift = 0.125f, cut = 0.75f; /* of the general ReLUs here */

static socle_tensor *activate(socle_tensor *x, socle_act_kind act, float leak)
{
    switch (act) {
    case SOCLE_ACT_NONE:
        return x;
    case SOCLE_ACT_RELU:
        return socle_relu(c, x);
    case SOCLE_ACT_LEAKY_RELU:
        return socle_leaky_relu(c, x, (double)leak);
    case SOCLE_ACT_SIGMOID:
        return socle_sigmoid(c, x);
    case SOCLE_ACT_TANH:
        return socle_tanh(c, x);
    case SOCLE_ACT_GENERAL_RELU:
        return socle_general_relu(c, x, (double)leak, (double)shift, (double)cut);
    case SOCLE_ACT_SILU:
        return socle_silu(c, x);
    case SOCLE_ACT_GELU:
        return socle_gelu(c, x);
    case SOCLE_ACT_GELU_TANH:
        return socle_gelu_tanh(c, x);
    case SOCLE_ACT_MISH:
        return socle_mish(c, x);
    }
    return NULL;
}

Test(layers, a_convolution_block_is_its_ops_with_the_descs_options)
{
    socle_tensor *x = socle_randn(c, socle_shape4(3, 4, 8, 7));
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++)
        for (socle_act_kind act = SOCLE_ACT_NONE; act <= SOCLE_ACT_MISH; act++) {
            conv_case k = conv_cases[i];
            k.desc.act = act;
            k.desc.leak = 0.25f;
            k.desc.sub = shift;
            k.desc.max_value = cut;
            socle_module *m = socle_conv_new(d, k.desc);
            socle_tensor *w = param(m, "weight"), *b = param(m, "bias");
            cr_assert_eq(b != NULL, k.bias, "case %zu", i);
            cr_assert_eq(socle_dim(w, -1), k.size, "case %zu", i);
            cr_assert_eq(socle_dim(w, 1), k.opts.groups == 2 ? 2 : 4, "case %zu", i);
            expect(m, x, activate(socle_conv2d(c, x, w, b, k.opts), act, 0.25f));
        }
}

Test(layers, a_convolution_with_relu_keeps_no_second_tensor_for_backward)
{
    socle_ctx_set_grad(c, false);
    socle_module *plain = socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 2 });
    socle_module *relu = socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 2, .act = SOCLE_ACT_RELU });
    socle_tensor *x = socle_randn(c, socle_shape4(1, 1, 4, 4));
    socle_ctx_set_grad(c, true);
    int64_t start = socle_test_live_blocks();
    socle_forward(plain, c, x);
    int64_t without = socle_test_live_blocks();
    socle_forward(relu, c, x);
    cr_assert_leq(socle_test_live_blocks() - without, without - start, "the activation made a tensor of its own");
    socle_module_free(plain);
    socle_module_free(relu);
}

Test(layers, a_general_relu_without_parameters_is_as_cheap_as_a_relu)
{
    socle_conv_desc o = { .in = 1, .out = 2, .act = SOCLE_ACT_RELU };
    socle_module *relu = socle_conv_new(d, o);
    o.act = SOCLE_ACT_GENERAL_RELU;
    socle_module *general = socle_conv_new(d, o);
    socle_tensor *x = socle_randn(c, socle_shape4(1, 1, 4, 4));
    socle_forward(relu, c, x);
    int64_t start = socle_test_live_blocks();
    socle_forward(relu, c, x);
    int64_t cheap = socle_test_live_blocks() - start;
    socle_forward(general, c, x);
    cr_assert_eq(socle_test_live_blocks() - start, 2 * cheap);
    socle_module_free(relu);
    socle_module_free(general);
}

Test(layers, the_shift_of_a_general_relu_can_be_read_and_changed)
{
    socle_act_desc o = { SOCLE_ACT_GENERAL_RELU, 0.1f, 0, 0 };
    socle_module *all[] = {
        socle_act_new_with(d, o),
        socle_linear_new(d, (socle_linear_desc){ .in = 4, .out = 4, .act = o.kind, .leak = o.leak }),
        socle_conv_new(d, (socle_conv_desc){ .in = 4, .out = 2, .act = o.kind, .leak = o.leak }),
    };
    for (int i = 0; i < 3; i++) {
        socle_tensor *x = i == 2 ? socle_randn(c, socle_shape4(2, 4, 3, 3)) : socle_randn(c, socle_shape2(3, 4));
        socle_tensor *before = socle_scale(c, socle_forward(all[i], c, x), 1, -0.5);
        assert_ok(socle_act_set_shift(all[i], 0.5f));
        cr_assert_float_eq(socle_act_of(all[i]).sub, 0.5f, 0);
        cr_assert_float_eq(socle_act_of(all[i]).leak, 0.1f, 0);
        double *want = values_of(before);
        budget b = { .absolute = 4 * eps_of(SOCLE_F32) }; /* one pass rounds once */
        cr_assert(tensor_close(socle_forward(all[i], c, x), want, (size_t)socle_numel(before), b), "%s",
                  support_message());
        free(want);
        socle_module_free(all[i]);
    }
}

Test(layers, a_shift_is_refused_where_there_is_none)
{
    socle_module *relu = socle_conv_new(d, (socle_conv_desc){ .in = 4, .out = 6, .act = SOCLE_ACT_RELU });
    socle_module *flatten = socle_flatten_new(d), *general = socle_act_new(d, SOCLE_ACT_GENERAL_RELU, 0);
    cr_assert_eq(socle_act_set_shift(relu, 1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(),
                     "act_set_shift: Conv2d(4, 6, size 3, relu) does not end in a general ReLU, which "
                     "alone has a shift");
    cr_assert_eq(socle_act_set_shift(flatten, 1), SOCLE_ERR_ARG);
    cr_assert_eq(socle_act_set_shift(general, NAN), SOCLE_ERR_ARG);
    cr_assert_eq(socle_act_of(general).sub, 0);
    cr_assert_eq(socle_act_of(flatten).kind, SOCLE_ACT_NONE);
    cr_assert_eq(socle_act_of(relu).kind, SOCLE_ACT_RELU);
    socle_module_free(relu);
    socle_module_free(flatten);
    socle_module_free(general);
}

Test(layers, a_convolution_that_makes_no_sense_is_refused_in_one_sentence)
{
    static const socle_conv_desc bad[] = {
        { .in = 0, .out = 6 },
        { .in = 4, .out = -1 },
        { .in = 4, .out = 6, .size = -1 },
        { .in = 4, .out = 6, .stride = -2 },
        { .in = 4, .out = 6, .dilation = -1 },
        { .in = 4, .out = 6, .pad = -2 },
        { .in = 4, .out = 6, .groups = -1 },
        { .in = 4, .out = 6, .groups = 3 },
        { .in = 6, .out = 4, .groups = 3 },
        { .in = 4, .out = 6, .norm = (socle_norm_kind)77 },
        { .in = 4, .out = 6, .act = (socle_act_kind)77 },
        { .in = 4, .out = 6, .bias = (socle_bias_kind)77 },
        { .in = 4, .out = 6, .act = SOCLE_ACT_GENERAL_RELU, .sub = NAN },
        { .in = 4, .out = 6, .act = SOCLE_ACT_GENERAL_RELU, .max_value = INFINITY },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(socle_conv_new(d, bad[i]), "case %zu", i);
        cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG, "case %zu", i);
        cr_assert_eq(strncmp(socle_error(), "Conv2d: ", 8), 0, "case %zu: %s", i, socle_error());
    }
    cr_assert_null(socle_conv_new(d, (socle_conv_desc){ .in = INT32_MAX, .out = INT32_MAX, .size = INT32_MAX }));
    cr_assert_neq(socle_error_status(), SOCLE_ERR_ARG, "sizes that overflow are judged where shapes are");
}

/* ---- linear ---- */

Test(layers, a_linear_layer_is_its_ops)
{
    socle_tensor *x = socle_randn(c, socle_shape2(9, 5));
    for (socle_act_kind act = SOCLE_ACT_NONE; act <= SOCLE_ACT_MISH; act++)
        for (int no_bias = 0; no_bias < 2; no_bias++) {
            socle_linear_desc o = {
                .in = 5, .out = 3, .no_bias = no_bias, .act = act, .leak = 0.25f, .sub = shift, .max_value = cut
            };
            socle_module *m = socle_linear_new(d, o);
            socle_tensor *w = param(m, "weight"), *b = param(m, "bias");
            cr_assert_eq(b == NULL, no_bias);
            expect(m, x, activate(socle_linear(c, x, w, b), act, 0.25f));
        }
    cr_assert_null(socle_linear_new(d, (socle_linear_desc){ .in = 5, .out = 3, .act = (socle_act_kind)99 }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}

/* ---- layers without parameters ---- */

Test(layers, activations_are_their_ops_and_have_their_names)
{
    static const char *const name[] = { "Identity",    "ReLU", "LeakyReLU", "Sigmoid",  "Tanh",
                                        "GeneralReLU", "SiLU", "GELU",      "GELUTanh", "Mish" };
    socle_tensor *x = socle_randn(c, socle_shape2(4, 4));
    for (socle_act_kind act = SOCLE_ACT_NONE; act <= SOCLE_ACT_MISH; act++) {
        socle_act_desc o = { act, 0.125f, shift, cut };
        socle_module *m = socle_act_new_with(d, o);
        cr_assert_str_eq(socle_module_type_of(m)->name, name[act]);
        expect(m, x, activate(x, act, 0.125f));
    }
    cr_assert_null(socle_act_new(d, (socle_act_kind)-1, 0));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}

Test(layers, pooling_layers_are_their_ops)
{
    socle_tensor *x = socle_randn(c, socle_shape4(2, 3, 7, 6));
    socle_pool2d_opts o = { .size = 3, .stride = 2, .pad = 1, .ceil = true, .exclude_pad = true };
    expect(socle_max_pool_new(d, o), x, socle_max_pool2d(c, x, o));
    expect(socle_avg_pool_new(d, o), x, socle_avg_pool2d(c, x, o));
    o = (socle_pool2d_opts){ .size = 2 };
    expect(socle_max_pool_new(d, o), x, socle_max_pool2d(c, x, (socle_pool2d_opts){ .size = 2, .stride = 2 }));
    expect(socle_adaptive_avg_pool_new(d, 2, 3), x, socle_adaptive_avg_pool2d(c, x, 2, 3));
    expect(socle_adaptive_max_pool_new(d, 1, 4), x, socle_adaptive_max_pool2d(c, x, 1, 4));
}

Test(layers, pooling_that_makes_no_sense_is_refused)
{
    static const socle_pool2d_opts bad[] = { { .size = 0 },
                                             { .size = -1 },
                                             { .size = 2, .stride = -1 },
                                             { .size = 3, .pad = 2 },
                                             { .size = 3, .pad = -1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(socle_max_pool_new(d, bad[i]), "case %zu", i);
        cr_assert_eq(strncmp(socle_error(), "MaxPool2d: ", 11), 0, "%s", socle_error());
        cr_assert_null(socle_avg_pool_new(d, bad[i]), "case %zu", i);
    }
    cr_assert_null(socle_adaptive_avg_pool_new(d, 0, 1));
    cr_assert_null(socle_adaptive_max_pool_new(d, 1, -1));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}

Test(layers, flatten_keeps_the_batch_and_joins_the_rest)
{
    socle_tensor *x = socle_randn(c, socle_shape4(2, 3, 4, 5));
    expect(socle_flatten_new(d), x, socle_reshape(c, x, socle_shape2(2, 60)));
    socle_tensor *empty = socle_full(c, SOCLE_F32, socle_shape4(0, 3, 4, 5), 0),
                 *row = socle_randn(c, socle_shape1(6));
    socle_module *m = socle_flatten_new(d);
    socle_tensor *y = socle_forward(m, c, empty);
    cr_assert(socle_shape_equal(socle_shape_of(y), socle_shape2(0, 60)));
    y = socle_forward(m, c, row);
    cr_assert(socle_shape_equal(socle_shape_of(y), socle_shape2(6, 1)));
    cr_assert_null(socle_forward(m, c, socle_full(c, SOCLE_F32, socle_shape0(), 1)));
    cr_assert_eq(socle_ctx_status(c), SOCLE_ERR_SHAPE);
    socle_module_free(m);
}

Test(layers, dropout_drops_in_training_only_and_its_own_mode_wins)
{
    socle_module *m = socle_dropout_new(d, 0.5f);
    socle_tensor *x = socle_full(c, SOCLE_F32, socle_shape1(200), 1);
    double *train = values_of(socle_forward(m, c, x));
    int zeros = 0;
    for (int i = 0; i < 200; i++) {
        cr_assert(train[i] == 0 || train[i] == 2);
        zeros += train[i] == 0;
    }
    cr_assert(zeros > 60 && zeros < 140, "%d of 200", zeros); /* 100 +- 5.6 standard deviations */
    socle_ctx_set_training(c, false);
    assert_identical(socle_forward(m, c, x), x);
    socle_module_set_mode(m, SOCLE_ALWAYS_TRAIN);
    cr_assert(!tensors_identical(socle_forward(m, c, x), x));
    free(train);
    socle_module_free(m);
}

Test(layers, a_probability_of_one_or_none_at_all_is_refused)
{
    static const float bad[] = { 1.0f, -0.1f, 2.0f, -1e-9f };
    for (int i = 0; i < 4; i++)
        cr_assert_null(socle_dropout_new(d, bad[i]), "%g", (double)bad[i]);
    cr_assert_null(socle_dropout_new(d, strtof("nan", NULL)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}

Test(layers, every_constructor_answers_null_to_a_device_that_failed_to_open)
{
    socle_fail(SOCLE_ERR_DEVICE, "the cause");
    cr_assert_null(socle_conv_new(NULL, (socle_conv_desc){ .in = 1, .out = 1 }));
    cr_assert_null(socle_linear_new(NULL, (socle_linear_desc){ .in = 1, .out = 1 }));
    cr_assert_null(socle_act_new(NULL, SOCLE_ACT_RELU, 0));
    cr_assert_null(socle_flatten_new(NULL));
    cr_assert_null(socle_max_pool_new(NULL, (socle_pool2d_opts){ .size = 2 }));
    cr_assert_null(socle_adaptive_avg_pool_new(NULL, 1, 1));
    cr_assert_null(socle_dropout_new(NULL, 0.5f));
    cr_assert_null(socle_append(socle_sequential_new(NULL), NULL));
    cr_assert_str_eq(socle_error(), "the cause");
}

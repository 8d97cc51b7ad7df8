/* A convolution block and its norm, which run as one op unless somebody watches the norm: nobody can tell which it was. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/layers.h>
#include "support/support.h"

enum { CHANNELS = 8, SIZE = 7, MOST = 16 };

typedef struct row {
    const char *what;
    int images;
    socle_conv_desc conv;
    bool frozen_conv, frozen_norm, twice;
    socle_mode mode;
} row;

/* clang-format off */
static const row rows[] = {
    { "conv -> norm -> relu", 20, { .act = SOCLE_ACT_RELU }, false, false, false, SOCLE_FOLLOW_CTX },
    { "conv -> relu -> norm", 20, { .act = SOCLE_ACT_RELU, .act_first = true }, false, false, false, SOCLE_FOLLOW_CTX },
    { "another activation", 20, { .act = SOCLE_ACT_GENERAL_RELU, .leak = 0.1f, .sub = 0.4f }, false, false, false, SOCLE_FOLLOW_CTX },
    { "with a bias, twice", 20, { .act = SOCLE_ACT_RELU, .act_first = true, .bias = SOCLE_BIAS_ON }, false, false, true, SOCLE_FOLLOW_CTX },
    { "statistics detached", 20, { .norm_desc = { .detached = true, .unbiased = true } }, false, false, false, SOCLE_FOLLOW_CTX },
    { "one weight for all", 20, { .norm_desc = { .affine = SOCLE_AFFINE_SCALAR } }, false, false, false, SOCLE_FOLLOW_CTX },
    { "no weights", 20, { .norm_desc = { .affine = SOCLE_AFFINE_NONE } }, false, false, false, SOCLE_FOLLOW_CTX },
    { "frozen convolution", 20, { .act = SOCLE_ACT_RELU }, true, false, false, SOCLE_FOLLOW_CTX },
    { "frozen norm", 20, { .act = SOCLE_ACT_RELU }, false, true, false, SOCLE_FOLLOW_CTX },
    { "evaluation", 20, { .act = SOCLE_ACT_RELU }, false, false, false, SOCLE_ALWAYS_EVAL },
    { "few images", 3, { .act = SOCLE_ACT_RELU }, false, false, false, SOCLE_FOLLOW_CTX },
};
/* clang-format on */

static socle_tensor *look(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                          void *user)
{
    (void)index, (void)m, (void)c, (void)in, (void)out;
    ++*(int *)user;
    return NULL;
}

/* Whatever a step leaves: results, gradients, running statistics. */
typedef struct left {
    int n;
    double *values[MOST];
    size_t count[MOST];
} left;

static void keep(left *l, const socle_tensor *t)
{
    cr_assert_lt(l->n, MOST);
    l->count[l->n] = t ? shape_count(socle_shape_of(t)) : 0;
    l->values[l->n++] = t ? values_of(t) : NULL;
}

static int keep_parameter(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner;
    keep(user, trainable ? socle_grad(t) : t);
    return 0;
}

static int freeze(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    const row *r = user;
    if (trainable && (strncmp(path, "norm.", 5) == 0 ? r->frozen_norm : r->frozen_conv))
        assert_ok(socle_set_requires_grad(t, false));
    return 0;
}

static socle_module *block(const row *r, socle_device *d)
{
    socle_conv_desc desc = r->conv;
    desc.in = 3;
    desc.out = CHANNELS;
    desc.norm = SOCLE_NORM_BATCH;
    socle_module *m = socle_conv_new(d, desc);
    assert_ok(socle_reset_parameters(m, 5));
    (void)socle_module_each_param(m, freeze, (void *)r);
    return m;
}

/* One training step; watched: with a hook on the norm. */
static left step(const row *r, bool watched)
{
    left l = { .n = 0 };
    int looks = 0;
    socle_device *d = open_device(test_device("cpu"), 2);
    socle_ctx *c = socle_ctx_new(d, 1);
    socle_ctx_set_training(c, true);
    socle_module *m = block(r, d);
    socle_module_list norm;
    assert_ok(socle_module_find(m, socle_module_is, (void *)"BatchNorm", &norm));
    cr_assert_eq(norm.n, 1u);
    socle_module_set_mode(norm.module[0], r->mode);
    socle_module_list_free(&norm);
    socle_hooks *h = watched ? socle_hooks_new(m, socle_module_is, (void *)"BatchNorm", look, &looks) : NULL;
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(r->images, 3, SIZE, SIZE), 7, -1, 1);
    assert_ok(socle_set_requires_grad(x, true));
    (void)socle_scope_begin(c);
    socle_tensor *y = socle_forward(m, c, x);
    if (r->twice)
        y = socle_add(c, y, socle_forward(m, c, socle_square(c, x)));
    keep(&l, y);
    assert_ok(socle_backward(c, socle_mean(c, socle_mul(c, y, socle_square(c, y)), 0, false)));
    keep(&l, socle_grad(x));
    (void)socle_module_each_param(m, keep_parameter, &l);
    cr_assert_eq(looks, !watched ? 0 : r->twice ? 2 : 1, "%s: %d looks", r->what, looks);
    socle_hooks_free(h);
    socle_release(x);
    socle_ctx_free(c);
    socle_module_free(m);
    socle_device_close(d);
    return l;
}

Test(conv_block, a_hook_on_the_norm_changes_no_bit)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        left joined = step(&rows[i], false), apart = step(&rows[i], true);
        cr_assert_eq(joined.n, apart.n);
        for (int k = 0; k < joined.n; k++) {
            cr_assert_eq(joined.count[k], apart.count[k], "%s: tensor %d", rows[i].what, k);
            for (size_t e = 0; e < joined.count[k]; e++)
                cr_assert_eq(joined.values[k][e], apart.values[k][e], "%s: element %zu of tensor %d: %.9g and %.9g",
                             rows[i].what, e, k, joined.values[k][e], apart.values[k][e]);
            free(joined.values[k]);
            free(apart.values[k]);
        }
    }
}

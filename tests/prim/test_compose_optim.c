/* The slots over lists of tensors, optimizer steps most of them, against their compositions. Lists hold an empty tensor, and
 * gradients in another format than their parameters. */
#include "composing.h"

typedef struct sgd_case {
    socle_sgd_args a;
    bool momentum;
} sgd_case;

static const sgd_case sgd_cases[] = {
    { { .lr = 0.2f }, false },
    { { .lr = 0.2f, .wd = 0.1f, .l2 = 0.3f }, false },
    { { .lr = 0.2f, .mom = 0.9f }, true },
    { { .lr = 0.2f, .mom = 0.9f, .damp = 0.1f, .wd = 0.1f, .l2 = 0.3f }, true },
    { { .lr = 0.2f, .mom = 0.9f, .nesterov = true }, true },
    { { .lr = 0.2f, .mom = 0.9f, .l2 = 0.3f, .nesterov = true }, true },
};

static void run_sgd(socle_device *d, const void *params, outputs *out)
{
    const sgd_case *c = params;
    socle_shape s[3] = { socle_shape2(7, 5), socle_shape1(0), socle_shape4(20, 3, 2, 2) };
    socle_tensor *p[3], *g[3], *m[3];
    for (int i = 0; i < 3; i++) {
        p[i] = keep(out, input(d, s[i], 1, (uint64_t)i));
        g[i] = input(d, s[i], i == 2 ? 16 : 1, (uint64_t)i + 10);
        m[i] = keep(out, input(d, s[i], 1, (uint64_t)i + 20));
    }
    assert_ok(socle_prim_sgd_many(3, p, g, c->momentum ? m : NULL, &c->a));
    for (int i = 0; i < 3; i++)
        socle_release(g[i]);
}

Test(compose_optim, sgd_agrees_with_its_slot)
{
    for (size_t i = 0; i < sizeof sgd_cases / sizeof sgd_cases[0]; i++)
        agree(run_sgd, &sgd_cases[i], budget_sum(SOCLE_F32, 6, 1));
}

typedef struct adam_case {
    socle_adam_args a;
    bool momentum;
} adam_case;

static const adam_case adam_cases[] = {
    { { SOCLE_ADAM_SCALED, .lr = 0.2f, .keep = 1, .mom = 0.9f, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 0.3f },
      true },
    { { SOCLE_ADAM_SCALED, 0.2f, 0.9f, 0.3f, 0.9f, 0.9f, 2, 0.1f, 0.2f }, true },
    { { SOCLE_ADAM_PLAIN, 0.2f, 0.9f, 0.3f, 0.9f, 0.9f, 2, 0.1f, 0.2f }, true },
    { { SOCLE_ADAM_RMS, 0.2f, 0.9f, 0.3f, 0.9f, 0.9f, 2, 0.1f, 0.2f }, true },
    { { SOCLE_ADAM_RMS, .lr = 0.2f, .keep = 1, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 0.3f }, false },
    { { SOCLE_ADAM_SIGN, .lr = 0.2f, .keep = 1, .mom = 0.9f, .sqr_mom = 0.8f }, true },
    { { SOCLE_ADAM_SIGN, .lr = 0.2f, .keep = 0.9f, .l2 = 0.3f, .mom = 0.9f, .sqr_mom = 0.8f }, true },
};

static void run_adam(socle_device *d, const void *params, outputs *out)
{
    const adam_case *c = params;
    socle_shape s[3] = { socle_shape2(7, 5), socle_shape1(0), socle_shape4(20, 3, 2, 2) };
    socle_tensor *p[3], *g[3], *m[3], *v[3];
    for (int i = 0; i < 3; i++) {
        p[i] = keep(out, input(d, s[i], 1, (uint64_t)i));
        g[i] = input(d, s[i], i == 2 ? 16 : 1, (uint64_t)i + 10);
        m[i] = keep(out, input(d, s[i], 1, (uint64_t)i + 20));
        v[i] = keep(out, input(d, s[i], 1, (uint64_t)i + 30));
        assert_ok(socle_prim_unary(SOCLE_UNARY_square, v[i], v[i], 0, 0, 0));
    }
    bool squares = c->a.kind != SOCLE_ADAM_SIGN;
    assert_ok(socle_prim_adam_many(3, p, g, c->momentum ? m : NULL, squares ? v : NULL, &c->a));
    for (int i = 0; i < 3; i++)
        socle_release(g[i]);
}

/* A step is divided by 0.3 at least, which multiplies its roundings. */
Test(compose_optim, adam_agrees_with_its_slot)
{
    for (size_t i = 0; i < sizeof adam_cases / sizeof adam_cases[0]; i++)
        agree(run_adam, &adam_cases[i], budget_sum(SOCLE_F32, 40, 1));
}

static const socle_lamb_args lamb_cases[] = {
    { .lr = 0.2f, .mom = 0.9f, .mom_scale = 1, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 0.3f, .trust = 10 },
    { 0.2f, 0.3f, 0.1f, 0.9f, 2, 0.9f, 2, 0.1f, 0.2f, 10 },
    { 0.2f, 0.3f, 0.1f, 0.9f, 2, 0.9f, 2, 0.1f, 0.2f, 0.125f }, /* cut */
};

/* The last parameter is 0. */
static void run_lamb(socle_device *d, const void *params, outputs *out)
{
    socle_shape s[5] = { socle_shape2(7, 5), socle_shape1(0), socle_shape4(20, 3, 2, 2), socle_shape0(),
                         socle_shape1(3) };
    socle_tensor *p[5], *g[5], *m[5], *v[5];
    for (int i = 0; i < 5; i++) {
        p[i] = keep(out, input(d, s[i], 1, (uint64_t)i));
        g[i] = input(d, s[i], i == 2 ? 16 : 1, (uint64_t)i + 10);
        m[i] = keep(out, input(d, s[i], 1, (uint64_t)i + 20));
        v[i] = keep(out, input(d, s[i], 1, (uint64_t)i + 30));
        assert_ok(socle_prim_unary(SOCLE_UNARY_square, v[i], v[i], 0, 0, 0));
    }
    assert_ok(socle_prim_fill(p[4], 0));
    assert_ok(socle_prim_lamb_many(5, p, g, m, v, params));
    for (int i = 0; i < 5; i++)
        socle_release(g[i]);
}

/* As Adam's steps; a ratio of lengths is at most about 3 there. */
Test(compose_optim, lamb_agrees_with_its_slot)
{
    for (size_t i = 0; i < sizeof lamb_cases / sizeof lamb_cases[0]; i++)
        agree(run_lamb, &lamb_cases[i], budget_sum(SOCLE_F32, 40, 3));
}

static void run_clip(socle_device *d, const void *params, outputs *out)
{
    socle_shape s[4] = { socle_shape2(7, 5), socle_shape1(0), socle_shape4(20, 3, 2, 2), socle_shape0() };
    socle_tensor *g[4], *norm = keep(out, output(d, socle_shape2(1, 1), 1));
    for (int i = 0; i < 4; i++)
        g[i] = keep(out, input(d, s[i], i == 2 ? 16 : 1, (uint64_t)i));
    assert_ok(socle_prim_clip_many(4, g, norm, *(const float *)params));
}

Test(compose_optim, clip_agrees_with_its_slot)
{
    const float limits[] = { 2, 1000 };
    for (int i = 0; i < 2; i++)
        agree(run_clip, &limits[i], budget_sum(SOCLE_F32, 276, 1));
}

static void run_axpby_many(socle_device *d, const void *params, outputs *out)
{
    const float *ab = params;
    socle_shape s[3] = { socle_shape2(7, 5), socle_shape1(0), socle_shape4(20, 3, 2, 2) };
    socle_tensor *y[3], *x[3];
    for (int i = 0; i < 3; i++) {
        y[i] = keep(out, ab[1] == 0 ? output(d, s[i], 1) : input(d, s[i], 1, (uint64_t)i));
        x[i] = input(d, s[i], i == 2 ? 16 : 1, (uint64_t)i + 10);
    }
    assert_ok(socle_prim_axpby_many(3, y, ab[0], x, ab[1]));
    for (int i = 0; i < 3; i++)
        socle_release(x[i]);
}

Test(compose_optim, axpby_of_lists_agrees_with_its_slot)
{
    const float ab[][2] = { { 0.3f, 0.7f }, { 2, 1 }, { 1, 0 } };
    for (int i = 0; i < 3; i++)
        agree(run_axpby_many, ab[i], budget_sum(SOCLE_F32, 2, 2));
}

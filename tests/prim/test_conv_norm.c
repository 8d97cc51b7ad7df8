/* The gradients of a convolution and the norm behind it in one call, against the same in two: the slot of the CPU must give
 * the very same numbers, with any number of threads. What the two are worth, their own tests say. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "core/tensor.h"
#include "support/support.h"

typedef struct row {
    int n, c, size, k, kernel, stride;
    bool relu, act, affine, bias, dx;
} row;

static const row rows[] = {
    { 64, 1, 12, 8, 5, 2, true, false, true, false, false }, /* a first layer */
    { 40, 2, 50, 9, 3, 1, true, false, true, true, false },  /* dz in strips, the last of them short */
    { 64, 8, 6, 16, 3, 2, true, false, true, false, true },
    { 32, 16, 4, 20, 3, 1, false, true, true, false, true }, /* conv -> norm -> act */
    { 33, 5, 7, 7, 3, 1, true, false, true, true, true }, /* a block with one image, and a bias behind the ReLU */
    { 20, 3, 5, 4, 3, 1, true, true, false, true, true },
    { 16, 64, 2, 64, 3, 2, false, false, false, false, true },
    { 9, 2, 5, 6, 3, 1, true, false, true, false, true },
    { 3, 2, 5, 6, 3, 1, true, false, true, true, true }, /* not kept in blocks */
};

enum { DX, DW, DB, DGAMMA, DBETA, GRADIENTS };

typedef struct operands {
    socle_conv conv;
    socle_epilogue e;
    socle_norm norm;
    socle_tensor *x, *w, *y, *dz, *mean, *var, *gamma, *beta;
    socle_tensor *grad[2][GRADIENTS]; /* in one, in two */
} operands;

static socle_tensor *uniform(socle_device *d, socle_shape s, int lanes, uint64_t seed, double lo, double hi)
{
    size_t n = shape_count(s);
    double *values = malloc(n * sizeof *values);
    fill_random(values, n, seed, lo, hi);
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, s, lanes);
    cr_assert_not_null(t, "%s", socle_error());
    socle_tensor *plain = tensor_of(d, SOCLE_F32, s, values);
    assert_ok(socle_prim_copy(t, plain));
    socle_release(plain);
    free(values);
    return t;
}

static operands operands_of(socle_device *d, const row *r)
{
    int out = (r->size + 2 * (r->kernel / 2) - r->kernel) / r->stride + 1;
    socle_shape y = socle_shape4(r->n, r->k, out, out), k = socle_shape1(r->k);
    operands o = { .conv = { { r->stride, r->stride }, { r->kernel / 2, r->kernel / 2 }, { 1, 1 }, 1 },
                   .e = r->relu ? SOCLE_EPILOGUE_RELU : SOCLE_EPILOGUE_NONE,
                   .norm = {
                       .batch = true, .eps = 1e-5f, .share = 1, .act = r->act, .leak = 0.1f, .max = INFINITY } };
    o.x = uniform(d, socle_shape4(r->n, r->c, r->size, r->size), 0, 1, -1, 1);
    o.w = uniform(d, socle_shape4(r->k, r->c, r->kernel, r->kernel), 1, 2, -1, 1);
    o.y = uniform(d, y, 0, 3, -1, 1);
    o.dz = uniform(d, y, 0, 4, -1, 1);
    assert_ok(socle_prim_conv(&o.conv, o.e, o.y, o.x, o.w, NULL));
    o.mean = uniform(d, k, 1, 5, -0.2, 0.2);
    o.var = uniform(d, k, 1, 6, 0.5, 1);
    o.gamma = r->affine ? uniform(d, k, 1, 7, 0.5, 1.5) : NULL;
    o.beta = r->affine ? uniform(d, k, 1, 8, -0.5, 0.5) : NULL;
    for (int i = 0; i < 2; i++) {
        o.grad[i][DX] = r->dx ? uniform(d, socle_shape_of(o.x), 0, 9, -1, 1) : NULL;
        o.grad[i][DW] = uniform(d, socle_shape_of(o.w), 1, 9, -1, 1);
        o.grad[i][DB] = r->bias ? uniform(d, k, 1, 9, -1, 1) : NULL;
        o.grad[i][DGAMMA] = r->affine ? uniform(d, k, 1, 9, -1, 1) : NULL;
        o.grad[i][DBETA] = r->affine ? uniform(d, k, 1, 9, -1, 1) : NULL;
    }
    return o;
}

static void release(operands *o)
{
    socle_tensor *const in[] = { o->x, o->w, o->y, o->dz, o->mean, o->var, o->gamma, o->beta };
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        socle_release(in[i]);
    for (int i = 0; i < 2 * GRADIENTS; i++)
        socle_release(o->grad[i / GRADIENTS][i % GRADIENTS]);
}

static void in_one(const operands *o)
{
    socle_tensor *const *g = o->grad[0];
    const socle_conv_norm_tensors v = { g[DX], g[DW], g[DB],   g[DGAMMA], g[DBETA], o->dz,  o->x,
                                        o->w,  o->y,  o->mean, o->var,    o->gamma, o->beta };
    assert_ok(socle_prim_conv_norm_grad(&o->conv, o->e, &o->norm, &v));
}

static void in_two(socle_device *d, const operands *o)
{
    socle_tensor *const *g = o->grad[1];
    socle_tensor *dy = uniform(d, socle_shape_of(o->y), 0, 10, -1, 1);
    assert_ok(socle_prim_normalize_grad(&o->norm, dy, g[DGAMMA], g[DBETA], o->dz, o->y, o->mean, o->var, o->gamma,
                                        o->beta));
    assert_ok(socle_prim_conv_grad(&o->conv, o->e, g[DX], g[DW], g[DB], dy, o->x, o->w, o->y));
    socle_release(dy);
}

static void compare(const operands *o, size_t number, int threads)
{
    static const char *const names[] = { "dx", "dw", "db", "dgamma", "dbeta" };
    for (int i = 0; i < GRADIENTS; i++) {
        if (!o->grad[0][i])
            continue;
        double *one = values_of(o->grad[0][i]), *two = values_of(o->grad[1][i]);
        size_t n = shape_count(socle_shape_of(o->grad[0][i]));
        for (size_t e = 0; e < n; e++)
            cr_assert(one[e] == two[e], "row %zu, %d threads, element %zu of %s: %.9g in one, %.9g in two", number,
                      threads, e, names[i], one[e], two[e]);
        free(one);
        free(two);
    }
}

/* How often the slot itself ran. */
static uint64_t slot_runs(const socle_device *d)
{
    socle_slot_stat all[64] = { 0 };
    size_t n = socle_prim_stats(d, all, 64);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, "conv_norm_grad") == 0)
            return all[i].slot;
    return 0;
}

static void check(const char *device, socle_device_desc desc)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        socle_device *d = socle_device_open(device, desc);
        cr_assert_not_null(d, "%s", socle_error());
        operands o = operands_of(d, &rows[i]);
        in_one(&o);
        in_two(d, &o);
        bool takes = !desc.compose_only && rows[i].n >= SOCLE_BATCH_MIN;
        cr_assert_eq(slot_runs(d), takes ? 1u : 0u, "row %zu", i);
        compare(&o, i, desc.threads);
        release(&o);
        socle_device_close(d);
    }
}

Test(conv_norm, one_call_gives_what_two_give)
{
    for (int threads = 1; threads <= 3; threads++)
        check("cpu", (socle_device_desc){ .threads = threads });
}

Test(conv_norm, the_composition_gives_what_two_calls_give)
{
    check("ref", (socle_device_desc){ .compose_only = true });
}

/* Strided weights are not the slot's to take; a channel's gamma for the norm alone is. */
Test(conv_norm, what_the_slot_does_not_take_is_done_in_two)
{
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ .threads = 1 });
    operands o = operands_of(d, &rows[1]);
    socle_release(o.gamma);
    o.gamma = uniform(d, socle_shape1(1), 1, 7, 0.5, 1.5);
    for (int i = 0; i < 2; i++) {
        socle_release(o.grad[i][DGAMMA]);
        o.grad[i][DGAMMA] = uniform(d, socle_shape1(1), 1, 9, -1, 1);
    }
    in_one(&o);
    in_two(d, &o);
    compare(&o, 1, 1);
    release(&o);
    socle_device_close(d);
}

Test(conv_norm, only_a_norm_over_images_will_do)
{
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ .threads = 1 });
    operands o = operands_of(d, &rows[1]);
    o.norm.batch = false;
    o.norm.groups = 1;
    const socle_conv_norm_tensors v = { .dw = o.grad[0][DW], .dz = o.dz, .x = o.x, .w = o.w, .y = o.y };
    cr_assert_eq(socle_prim_conv_norm_grad(&o.conv, o.e, &o.norm, &v), SOCLE_ERR_ARG);
    cr_assert(strstr(socle_error(), "over images"), "%s", socle_error());
    release(&o);
    socle_device_close(d);
}

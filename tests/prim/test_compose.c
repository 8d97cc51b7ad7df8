/* Every fused slot but those over lists of tensors (test_compose_optim.c) against its composition, in every mixture of
 * formats. */
#include "composing.h"

static socle_tensor *labels(socle_device *d, int64_t n, int classes, uint64_t seed)
{
    double *values = malloc((size_t)n * sizeof *values);
    fill_whole(values, (size_t)n, seed, 0, classes - 1);
    socle_tensor *t = tensor_of(d, SOCLE_I32, socle_shape1(n), values);
    free(values);
    return t;
}

/* t seen with its last two dimensions swapped. */
static socle_tensor *swapped(socle_tensor *t)
{
    socle_view v = socle_view_of(t);
    int row = v.ndim - 2, col = v.ndim - 1;
    int64_t dim = v.dim[row], stride = v.stride[row];
    v.dim[row] = v.dim[col];
    v.stride[row] = v.stride[col];
    v.dim[col] = dim;
    v.stride[col] = stride;
    socle_tensor *s = socle_tensor_view(t, &v);
    socle_release(t);
    return s;
}

/* ---- convolution ---- */

typedef struct conv_case {
    int n, c, size[2], k, kernel[2];
    socle_conv p;
    socle_epilogue e;
    bool bias;
    int lanes_x, lanes_y;
    bool strange; /* weight, its gradient and dy are views that are not dense */
} conv_case;

static const conv_case conv_cases[] = {
    { 3, 2, { 5, 7 }, 4, { 3, 3 }, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, 0, true, 1, 1, false },
    { 17, 3, { 8, 6 }, 5, { 3, 2 }, { { 2, 1 }, { 1, 0 }, { 1, 2 }, 1 }, 1, true, 16, 16, false },
    { 33, 4, { 6, 6 }, 6, { 3, 3 }, { { 2, 2 }, { 1, 1 }, { 1, 1 }, 2 }, 1, false, 16, 1, false },
    { 9, 4, { 5, 5 }, 4, { 1, 1 }, { { 1, 1 }, { 0, 0 }, { 1, 1 }, 4 }, 0, true, 1, 16, false },
    { 1, 1, { 3, 3 }, 1, { 3, 3 }, { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, 1, true, 1, 1, false },
    { 5, 2, { 6, 6 }, 3, { 3, 3 }, { { 1, 1 }, { 2, 2 }, { 2, 2 }, 1 }, 1, true, 1, 1, true },
};
enum { CONV_CASES = sizeof conv_cases / sizeof conv_cases[0] };

static int64_t conv_size(const conv_case *c, int axis)
{
    const socle_conv *p = &c->p;
    return (c->size[axis] + 2 * p->pad[axis] - p->dilation[axis] * (c->kernel[axis] - 1) - 1) / p->stride[axis] + 1;
}

static socle_shape conv_x(const conv_case *c)
{
    return socle_shape4(c->n, c->c, c->size[0], c->size[1]);
}

static socle_shape conv_w(const conv_case *c)
{
    return socle_shape4(c->k, c->c / c->p.groups, c->kernel[0], c->kernel[1]);
}

static socle_shape conv_y(const conv_case *c)
{
    return socle_shape4(c->n, c->k, conv_size(c, 0), conv_size(c, 1));
}

static void run_conv(socle_device *d, const void *params, outputs *out)
{
    const conv_case *c = params;
    socle_tensor *x = input(d, conv_x(c), c->lanes_x, 1), *w = input(d, conv_w(c), 1, 2);
    socle_tensor *bias = c->bias ? input(d, socle_shape1(c->k), 1, 3) : NULL;
    socle_tensor *y = output(d, conv_y(c), c->lanes_y);
    if (c->strange) {
        w = swapped(w);
        y = swapped(y);
    }
    assert_ok(socle_prim_conv(&c->p, c->e, keep(out, y), x, w, bias));
    socle_release(x);
    socle_release(w);
    socle_release(bias);
}

/* wanted: bits 0 to 2 for dx, dw, db */
static void conv_grads(socle_device *d, const conv_case *c, unsigned wanted, outputs *out)
{
    socle_tensor *x = input(d, conv_x(c), c->lanes_x, 1), *w = input(d, conv_w(c), 1, 2);
    socle_tensor *dy = input(d, conv_y(c), c->lanes_y, 4), *y = input(d, conv_y(c), c->lanes_y, 5);
    socle_tensor *dx = wanted & 1 ? keep(out, output(d, conv_x(c), c->lanes_x)) : NULL;
    socle_tensor *dw = wanted & 2 ? output(d, conv_w(c), 1) : NULL;
    socle_tensor *db = wanted & 4 ? keep(out, output(d, socle_shape1(c->k), 1)) : NULL;
    if (c->strange) {
        w = swapped(w);
        dy = swapped(dy);
        dw = dw ? swapped(dw) : NULL;
    }
    if (dw)
        keep(out, dw);
    assert_ok(socle_prim_conv_grad(&c->p, c->e, dx, dw, db, dy, x, w, y));
    socle_release(x);
    socle_release(w);
    socle_release(dy);
    socle_release(y);
}

static void run_conv_grad(socle_device *d, const void *params, outputs *out)
{
    conv_grads(d, params, 7, out);
}

static void run_conv_grad_w(socle_device *d, const void *params, outputs *out)
{
    conv_grads(d, params, 2, out);
}

static void run_conv_grad_x(socle_device *d, const void *params, outputs *out)
{
    conv_grads(d, params, 1, out);
}

Test(compose, conv_agrees_with_its_slot)
{
    for (int i = 0; i < CONV_CASES; i++)
        agree(run_conv, &conv_cases[i], budget_sum(SOCLE_F32, 1 + 9 * conv_cases[i].c, 1));
}

Test(compose, conv_grad_agrees_with_its_slot)
{
    for (int i = 0; i < CONV_CASES; i++) {
        const conv_case *c = &conv_cases[i];
        budget b = budget_sum(SOCLE_F32, (double)(c->n * conv_size(c, 0) * conv_size(c, 1) + 9 * c->k), 1);
        agree(run_conv_grad, c, b);
        agree(run_conv_grad_w, c, b);
        agree(run_conv_grad_x, c, b);
    }
}

/* 1.2 MB of columns an image: more than one chunk, the last one smaller, in whole blocks where there are lanes. */
Test(compose, conv_of_many_images_goes_in_chunks)
{
    for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
        conv_case c = { 70, 8, { 64, 64 }, 1, { 3, 3 }, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, 0, true, 1, 1, false };
        c.lanes_x = c.lanes_y = lanes;
        agree(run_conv, &c, budget_sum(SOCLE_F32, 73, 1));
        agree(run_conv_grad, &c, budget_sum(SOCLE_F32, 70 * 64 * 64, 1));
    }
}

static void run_conv_grad_of_sum(socle_device *d, const void *params, outputs *out)
{
    const conv_case *c = params;
    socle_tensor *x = input(d, conv_x(c), c->lanes_x, 1), *w = input(d, conv_w(c), 1, 2);
    socle_tensor *one = input(d, socle_shape0(), 1, 6);
    socle_shape s = conv_y(c);
    socle_view v = { .dtype = SOCLE_F32, .ndim = 4, .lanes = 1 };
    for (int i = 0; i < 4; i++)
        v.dim[i] = s.dim[i];
    socle_tensor *dy = socle_tensor_view(one, &v);
    socle_tensor *dx = keep(out, output(d, conv_x(c), c->lanes_x)), *dw = keep(out, output(d, conv_w(c), 1));
    assert_ok(socle_prim_conv_grad(&c->p, SOCLE_EPILOGUE_NONE, dx, dw, NULL, dy, x, w, NULL));
    socle_release(x);
    socle_release(w);
    socle_release(one);
    socle_release(dy);
}

Test(compose, conv_grad_takes_a_gradient_repeated_by_stride_0)
{
    agree(run_conv_grad_of_sum, &conv_cases[1], budget_sum(SOCLE_F32, 17 * 4 * 3 + 30, 1));
}

/* ---- linear ---- */

typedef struct linear_case {
    int n, in, outs;
    socle_epilogue e;
    bool bias;
    int lanes_x, lanes_w, lanes_y;
} linear_case;

static const linear_case linear_cases[] = {
    { 4, 7, 3, 0, true, 1, 1, 1 },
    { 17, 10, 5, 1, true, 16, 1, 16 },
    { 33, 3, 20, 1, false, 1, 16, 16 },
    { 1, 1, 1, 1, true, 16, 1, 1 },
};
enum { LINEAR_CASES = sizeof linear_cases / sizeof linear_cases[0] };

static void run_linear(socle_device *d, const void *params, outputs *out)
{
    const linear_case *c = params;
    socle_tensor *x = input(d, socle_shape2(c->n, c->in), c->lanes_x, 1);
    socle_tensor *w = input(d, socle_shape2(c->outs, c->in), c->lanes_w, 2);
    socle_tensor *bias = c->bias ? input(d, socle_shape1(c->outs), 1, 3) : NULL;
    socle_tensor *y = keep(out, output(d, socle_shape2(c->n, c->outs), c->lanes_y));
    assert_ok(socle_prim_linear(c->e, y, x, w, bias));
    socle_release(x);
    socle_release(w);
    socle_release(bias);
}

static void run_linear_grad(socle_device *d, const void *params, outputs *out)
{
    const linear_case *c = params;
    socle_shape sx = socle_shape2(c->n, c->in), sw = socle_shape2(c->outs, c->in), sy = socle_shape2(c->n, c->outs);
    socle_tensor *x = input(d, sx, c->lanes_x, 1), *w = input(d, sw, c->lanes_w, 2);
    socle_tensor *dy = input(d, sy, c->lanes_y, 4), *y = input(d, sy, c->lanes_y, 5);
    socle_tensor *dx = keep(out, output(d, sx, c->lanes_x)), *dw = keep(out, output(d, sw, c->lanes_w));
    socle_tensor *db = keep(out, output(d, socle_shape1(c->outs), 1));
    assert_ok(socle_prim_linear_grad(c->e, dx, dw, db, dy, x, w, y));
    socle_release(x);
    socle_release(w);
    socle_release(dy);
    socle_release(y);
}

Test(compose, linear_and_its_gradient_agree_with_their_slots)
{
    for (int i = 0; i < LINEAR_CASES; i++) {
        const linear_case *c = &linear_cases[i];
        budget b = budget_sum(SOCLE_F32, 1 + c->in + c->n + c->outs, 1);
        agree(run_linear, c, b);
        agree(run_linear_grad, c, b);
    }
}

/* ---- softmax and cross entropy ---- */

typedef struct softmax_case {
    socle_shape s;
    int lanes, axis;
    bool log, in_place;
} softmax_case;

static const softmax_case softmax_cases[] = {
    { { 2, { 5, 9 } }, 1, 1, false, false },    { { 2, { 5, 9 } }, 1, 1, true, true },
    { { 3, { 3, 4, 5 } }, 1, 1, true, false },  { { 3, { 20, 4, 5 } }, 16, 0, false, true },
    { { 2, { 17, 10 } }, 16, -1, true, false }, { { 2, { 17, 10 } }, 16, 1, false, false },
    { { 1, { 1 } }, 1, 0, true, false },
};
enum { SOFTMAX_CASES = sizeof softmax_cases / sizeof softmax_cases[0] };

static void run_softmax(socle_device *d, const void *params, outputs *out)
{
    const softmax_case *c = params;
    socle_tensor *x = input(d, c->s, c->lanes, 1);
    socle_tensor *y = keep(out, c->in_place ? socle_retain(x) : output(d, c->s, 1));
    assert_ok(socle_prim_softmax(y, x, c->axis, c->log));
    socle_release(x);
}

static void run_softmax_grad(socle_device *d, const void *params, outputs *out)
{
    const softmax_case *c = params;
    socle_tensor *dy = input(d, c->s, c->lanes, 1), *y = input(d, c->s, c->lanes, 2);
    socle_tensor *dx = keep(out, c->in_place ? socle_retain(dy) : output(d, c->s, c->lanes));
    assert_ok(socle_prim_softmax_grad(dx, dy, y, c->axis, c->log));
    socle_release(dy);
    socle_release(y);
}

Test(compose, softmax_and_its_gradient_agree_with_their_slots)
{
    for (int i = 0; i < SOFTMAX_CASES; i++) {
        /* values below 10: exp of a rounded difference, a sum of 20, log */
        agree(run_softmax, &softmax_cases[i], budget_sum(SOCLE_F32, 20, 4));
        agree(run_softmax_grad, &softmax_cases[i], budget_sum(SOCLE_F32, 20, 4));
    }
}

typedef struct xent_case {
    int n, classes, lanes;
    bool logp, one_gradient;
} xent_case;

static const xent_case xent_cases[] = {
    { 7, 10, 1, true, true }, { 33, 10, 16, false, false }, { 16, 1, 16, true, false }, { 1, 3, 1, false, true }
};
enum { XENT_CASES = sizeof xent_cases / sizeof xent_cases[0] };

static void run_xent(socle_device *d, const void *params, outputs *out)
{
    const xent_case *c = params;
    socle_shape s = socle_shape2(c->n, c->classes);
    socle_tensor *x = input(d, s, c->lanes, 1), *target = labels(d, c->n, c->classes, 2);
    socle_tensor *loss = keep(out, output(d, socle_shape1(c->n), 1));
    socle_tensor *logp = c->logp ? keep(out, output(d, s, c->lanes)) : NULL;
    assert_ok(socle_prim_xent(loss, logp, x, target));
    socle_release(x);
    socle_release(target);
}

static void run_xent_grad(socle_device *d, const void *params, outputs *out)
{
    const xent_case *c = params;
    socle_shape s = socle_shape2(c->n, c->classes);
    socle_tensor *logp = input(d, s, c->lanes, 1), *target = labels(d, c->n, c->classes, 2);
    socle_tensor *dloss = input(d, c->one_gradient ? socle_shape0() : socle_shape1(c->n), 1, 3);
    socle_tensor *dx = keep(out, c->logp ? output(d, s, c->lanes) : socle_retain(logp));
    assert_ok(socle_prim_xent_grad(dx, dloss, logp, target, 0.25f));
    socle_release(logp);
    socle_release(target);
    socle_release(dloss);
}

Test(compose, cross_entropy_and_its_gradient_agree_with_their_slots)
{
    for (int i = 0; i < XENT_CASES; i++) {
        agree(run_xent, &xent_cases[i], budget_sum(SOCLE_F32, 10, 4));
        agree(run_xent_grad, &xent_cases[i], budget_sum(SOCLE_F32, 10, 1));
    }
}

/* ---- axpby, add_relu, dropout ---- */

static void run_axpby(socle_device *d, const void *params, outputs *out)
{
    float b = *(const float *)params;
    socle_shape s = socle_shape3(19, 3, 5);
    socle_tensor *x = input(d, s, 16, 1);
    socle_tensor *y = keep(out, b == 0 ? output(d, s, 1) : input(d, s, 1, 2));
    assert_ok(socle_prim_axpby(y, 0.75f, x, b));
    socle_release(x);
}

Test(compose, axpby_agrees_with_its_slot_and_reads_y_only_if_it_counts)
{
    const float b[] = { 0, 1, -0.3f };
    for (int i = 0; i < 3; i++)
        agree(run_axpby, &b[i], budget_sum(SOCLE_F32, 2, 1));
}

static void run_add_relu(socle_device *d, const void *params, outputs *out)
{
    socle_unary op = *(const socle_unary *)params;
    socle_shape s = socle_shape3(19, 3, 5);
    socle_tensor *a = input(d, s, 16, 1), *b = input(d, s, 1, 2);
    socle_tensor *y = keep(out, output(d, s, 16));
    assert_ok(socle_prim_add_relu(op, y, a, b, 0.1f, 0.4f, 0.5f));
    assert_ok(socle_prim_add_relu(op, keep(out, b), a, b, 0.1f, 0.4f, 0.5f));
    socle_release(a);
}

/* In place too. One rounded sum, and one fused or rounded product on the way to the shift. */
Test(compose, add_relu_agrees_with_its_slot)
{
    const socle_unary op[] = { SOCLE_UNARY_relu, SOCLE_UNARY_monotone_relu };
    agree(run_add_relu, &op[0], budget_exact);
    agree(run_add_relu, &op[1], budget_sum(SOCLE_F32, 2, 1));
}

static void run_dropout(socle_device *d, const void *params, outputs *out)
{
    const softmax_case *c = params;
    socle_tensor *x = input(d, c->s, c->lanes, 1);
    socle_tensor *y = keep(out, c->in_place ? socle_retain(x) : output(d, c->s, 1));
    assert_ok(socle_prim_dropout(y, x, (socle_philox){ 5, 7 }, 0.3f));
    socle_release(x);
}

/* The same draws, and the one division is rounded alike. */
Test(compose, dropout_agrees_with_its_slot_bit_for_bit)
{
    for (int i = 0; i < SOFTMAX_CASES; i++)
        agree(run_dropout, &softmax_cases[i], budget_exact);
}

/* ---- shifts ---- */

typedef struct shift_case {
    socle_shape x;
    int64_t height, width;
    int lanes;
} shift_case;

static void run_shift(socle_device *d, const void *params, outputs *out)
{
    const shift_case *c = params;
    int64_t n = c->x.dim[0];
    int32_t place[3 * 19];
    for (int64_t i = 0; i < n; i++) {
        place[3 * i] = (int32_t)(i % 7 - 3);
        place[3 * i + 1] = (int32_t)(i % 5 - 2);
        place[3 * i + 2] = (int32_t)(i % 3 - 1);
    }
    place[0] = INT32_MAX;
    place[4] = INT32_MIN;
    socle_tensor *x = input(d, c->x, c->lanes, 1);
    socle_tensor *table = socle_tensor_from(d, SOCLE_I32, socle_shape2(n, 3), place);
    socle_tensor *y = keep(out, output(d, socle_shape4(n, c->x.dim[1], c->height, c->width), 1));
    assert_ok(socle_prim_shift_images(y, x, table, -0.25f));
    socle_release(table);
    socle_release(x);
}

Test(compose, shift_images_agrees_with_its_slot_exactly)
{
    const shift_case cases[] = {
        { socle_shape4(19, 2, 5, 4), 5, 4, 16 },
        { socle_shape4(19, 1, 6, 7), 3, 2, 1 },
        { socle_shape4(9, 2, 2, 3), 4, 9, 1 },
    };
    for (int i = 0; i < 3; i++)
        agree(run_shift, &cases[i], budget_exact);
}

/* ---- histogram ---- */

typedef struct histogram_case {
    socle_bins bins;
    socle_shape s;
    int lanes;
} histogram_case;

static const histogram_case histogram_cases[] = {
    { { 40, 0, 50, true }, { 4, { 19, 3, 2, 2 } }, 16 },
    { { 7, -0.5f, 7, false }, { 2, { 9, 5 } }, 1 },
    { { 3, 0, 3, true }, { 0, { 0 } }, 1 },
};

/* As numbers of one type: what agree compares. */
static void run_histogram(socle_device *d, const void *params, outputs *out)
{
    const histogram_case *c = params;
    socle_tensor *x = input(d, c->s, c->lanes, 1),
                 *counts = socle_tensor_new(d, SOCLE_I32, socle_shape1(c->bins.n));
    assert_ok(socle_prim_histogram(&c->bins, counts, keep(out, output(d, socle_shape1(2), 1)), x));
    assert_ok(socle_prim_copy(keep(out, output(d, socle_shape1(c->bins.n), 1)), counts));
    socle_release(counts);
    socle_release(x);
}

Test(compose, histogram_agrees_with_its_slot)
{
    for (size_t i = 0; i < sizeof histogram_cases / sizeof histogram_cases[0]; i++)
        agree(run_histogram, &histogram_cases[i], budget_sum(SOCLE_F32, 200, 0.01));
}

/* Derivatives of every op, once, in double: backward against central differences on the reference device. And
 * forward and backward of every device against that reference, in both memory formats. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/test.h>
#include "op_cases.h"
#include "support/support.h"

/* One case on one device. */
typedef struct trial {
    const op_case *k;
    socle_device *d;
    socle_ctx *c;
    socle_tensor *in[CASE_OPERANDS];
} trial;

static bool is_real(const operand *o)
{
    return o->kind == REAL || o->kind == WEIGHT;
}

/* Row-major values of operand i of a case; floats, so that every device gets the same. free() it. */
static double *operand_values(const op_case *k, int i)
{
    const operand *o = &k->in[i];
    size_t n = shape_count(o->shape);
    double *v = malloc((n ? n : 1) * sizeof *v);
    uint64_t seed = 100 * (uint64_t)(k - op_cases) + (uint64_t)i;
    if (is_real(o))
        fill_random(v, n, seed, o->lo, o->hi);
    else
        fill_whole(v, n, seed, (int)o->lo, (int)o->hi);
    for (size_t j = 0; j < n; j++)
        v[j] = (double)(float)v[j];
    return v;
}

/* lanes: the format of the operands that may have another than row-major. */
static trial trial_open(const op_case *k, socle_device *d, int lanes)
{
    trial t = { .k = k, .d = d, .c = socle_ctx_new(d, 7) };
    for (int i = 0; i < k->n; i++) {
        const operand *o = &k->in[i];
        socle_dtype type = is_real(o) ? socle_device_real(d) : o->kind == INDEX ? SOCLE_I32 : SOCLE_U8;
        double *v = operand_values(k, i);
        bool blocks = o->kind != WEIGHT && o->shape.ndim >= 2;
        t.in[i] = tensor_lanes(d, type, o->shape, blocks ? lanes : 1, v);
        if (is_real(o))
            assert_ok(socle_set_requires_grad(t.in[i], true));
        free(v);
    }
    return t;
}

static void trial_close(trial *t)
{
    for (int i = 0; i < t->k->n; i++)
        socle_release(t->in[i]);
    socle_ctx_free(t->c);
}

/* The cotangent: one weight for each element of the result, none near 0. */
static double *weights_for(size_t n)
{
    double *w = malloc((n ? n : 1) * sizeof *w);
    fill_random(w, n, 4711, 0.5, 1.5);
    for (size_t i = 0; i < n; i++)
        w[i] = (double)(float)(i % 3 == 1 ? -w[i] : w[i]);
    return w;
}

/* y = op(in); with `grads` also the gradients of sum(w y) in the operands. */
static socle_tensor *trial_run(trial *t, bool grads)
{
    socle_ctx_set_grad(t->c, grads);
    socle_tensor *y = op_case_run(t->k, t->c, t->in);
    cr_assert(y != NULL, "%s: %s", t->k->op, socle_error());
    if (!grads || t->k->constant)
        return y;
    double *w = weights_for((size_t)socle_numel(y));
    socle_tensor *cotangent = tensor_of(t->d, socle_dtype_of(y), socle_shape_of(y), w);
    socle_tensor *loss = socle_sum(t->c, socle_mul(t->c, y, cotangent), 0, false);
    cr_assert(socle_backward(t->c, loss) == SOCLE_OK, "%s: %s", t->k->op, socle_error());
    socle_release(cotangent);
    free(w);
    return y;
}

/* sum(w op(in)), added in double on the host. */
static double weighted_sum(trial *t)
{
    socle_scope s = socle_scope_begin(t->c);
    socle_tensor *y = trial_run(t, false);
    size_t n = (size_t)socle_numel(y);
    double *v = values_of(y), *w = weights_for(n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += w[i] * v[i];
    free(v);
    free(w);
    socle_scope_end(t->c, s, NULL);
    return sum;
}

static double nudged(trial *t, int i, double *v, size_t n, size_t at, double by)
{
    double before = v[at];
    v[at] = before + by;
    assert_ok(socle_write(t->in[i], v, n * sizeof *v));
    double sum = weighted_sum(t);
    v[at] = before;
    return sum;
}

/* Central differences with step 1e-5 in double: the truncation error is h^2 f'''/6, some 1e-10 for these
 * functions, the rounding error eps sum|w y| / h, some 1e-9 for a hundred terms. Parameters of ops are floats
 * (a mean's 1 / N ...), which costs a relative 2^-24. */
static void check_operand(trial *t, int i)
{
    const double h = 1e-5;
    size_t n = (size_t)socle_numel(t->in[i]);
    double *v = values_of(t->in[i]);
    socle_tensor *g = socle_grad(t->in[i]);
    cr_assert(g != NULL, "%s: operand %d has no gradient", t->k->op, i);
    cr_assert(socle_shape_equal(socle_shape_of(g), t->k->in[i].shape));
    double *got = values_of(g);
    size_t step = n > 60 ? n / 60 : 1; /* a sample of large operands */
    for (size_t at = 0; at < n; at += step) {
        double want = (nudged(t, i, v, n, at, h) - nudged(t, i, v, n, at, -h)) / (2 * h);
        double allowed = 1e-8 + 1.2e-7 * fabs(want);
        cr_expect(fabs(got[at] - want) <= allowed,
                  "%s (case %d), operand %d, element %zu: gradient %.12g, difference %.12g", t->k->op,
                  (int)(t->k - op_cases), i, at, got[at], want);
    }
    assert_ok(socle_write(t->in[i], v, n * sizeof *v));
    free(got);
    free(v);
}

Test(gradients, every_op_has_a_case)
{
    static const char *const names[] = {
#define OP(name) #name,
#include "ops/ops.def"
#undef OP
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool found = false;
        for (int j = 0; j < OP_CASES; j++)
            found = found || strcmp(op_cases[j].op, names[i]) == 0;
        cr_expect(found, "%s has no row in op_cases.h", names[i]);
    }
}

Test(gradients, agree_with_central_differences_in_double)
{
    socle_device *d = open_device("ref64", 1);
    for (int j = 0; j < OP_CASES; j++) {
        trial t = trial_open(&op_cases[j], d, 1);
        trial_run(&t, true);
        for (int i = 0; i < t.k->n && !t.k->constant; i++)
            if (is_real(&t.k->in[i]))
                check_operand(&t, i);
        trial_close(&t);
    }
    socle_device_close(d);
}

Test(gradients, do_not_flow_through_what_is_not_differentiable)
{
    socle_device *d = open_device("ref64", 1);
    for (int j = 0; j < OP_CASES; j++) {
        if (!op_cases[j].constant)
            continue;
        trial t = trial_open(&op_cases[j], d, 1);
        socle_tensor *y = socle_cast(t.c, trial_run(&t, true), SOCLE_F64);
        cr_expect(socle_backward(t.c, socle_sum(t.c, y, 0, false)) == SOCLE_ERR_STATE, "%s was recorded", t.k->op);
        for (int i = 0; i < t.k->n; i++)
            cr_expect(socle_grad(t.in[i]) == NULL, "%s", t.k->op);
        trial_close(&t);
    }
    socle_device_close(d);
}

/* Sums here have at most as many terms as the operands have elements, each of about the size of the largest
 * result; and what goes in has been rounded itself, by a function or two. */
static budget float_budget(const op_case *k, const double *want, size_t n)
{
    double length = 0, scale = 1;
    for (int i = 0; i < k->n; i++)
        length += (double)shape_count(k->in[i].shape);
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(want[i]));
    budget b = budget_sum(SOCLE_F32, length, scale);
    b.relative += 8 * eps_of(SOCLE_F32);
    return b;
}

static void expect_agreement(const op_case *k, const char *where, const socle_tensor *got, const socle_tensor *want)
{
    size_t n = (size_t)socle_numel(want);
    double *w = values_of(want);
    cr_expect(tensor_close(got, w, n, float_budget(k, w, n)), "%s (case %d), %s: %s", k->op, (int)(k - op_cases),
              where, support_message());
    free(w);
}

static void check_device(const char *spec, int lanes)
{
    socle_device *d = open_device(spec, 0), *exact = open_device("ref64", 1);
    for (int j = 0; j < OP_CASES; j++) {
        const op_case *k = &op_cases[j];
        trial t = trial_open(k, d, lanes), e = trial_open(k, exact, 1);
        socle_tensor *y = trial_run(&t, true), *want = trial_run(&e, true);
        cr_expect(socle_shape_equal(socle_shape_of(y), socle_shape_of(want)), "%s", k->op);
        expect_agreement(k, "result", y, want);
        for (int i = 0; i < k->n && !k->constant; i++) {
            char where[64];
            snprintf(where, sizeof where, "gradient of operand %d", i);
            if (is_real(&k->in[i]))
                expect_agreement(k, where, socle_grad(t.in[i]), socle_grad(e.in[i]));
        }
        trial_close(&t);
        trial_close(&e);
    }
    socle_device_close(d);
    socle_device_close(exact);
}

Test(gradients, of_the_cpu_agree_with_the_reference_in_row_major)
{
    check_device(test_device("cpu"), 1);
}

Test(gradients, of_the_cpu_agree_with_the_reference_in_blocks_of_images)
{
    check_device(test_device("cpu"), SOCLE_LANES);
}

Test(gradients, of_the_float_reference_agree_in_row_major)
{
    check_device("ref", 1);
}

Test(gradients, of_the_float_reference_agree_in_blocks_of_images)
{
    check_device("ref", SOCLE_LANES);
}

/* ---- allocation failures ---- */

/* Forward and backward in a new ctx, whose status it returns. */
static socle_status guarded_run(trial *t, socle_tensor *cotangent)
{
    socle_ctx *c = socle_ctx_new(t->d, 7);
    socle_scope s = socle_scope_begin(c);
    socle_tensor *y = op_case_run(t->k, c, t->in);
    if (t->k->constant) {
        socle_status status = socle_ctx_status(c);
        socle_scope_end(c, s, NULL);
        socle_ctx_free(c);
        return status;
    }
    socle_status status = socle_backward(c, socle_sum(c, socle_mul(c, y, cotangent), 0, false));
    socle_scope_end(c, s, NULL);
    socle_ctx_free(c);
    for (int i = 0; i < t->k->n; i++)
        socle_zero_grad(t->in[i]);
    return status;
}

/* Each allocation of the case fails once, in turn, until none is reached. */
static void sweep(const op_case *k, socle_device *d, int lanes)
{
    trial t = trial_open(k, d, lanes);
    socle_tensor *y = trial_run(&t, false);
    double *w = weights_for((size_t)socle_numel(y));
    socle_tensor *cotangent = tensor_of(d, socle_dtype_of(y), socle_shape_of(y), w);
    free(w);
    int64_t before = socle_test_live_blocks();
    bool failed = true;
    for (int64_t at = 0; failed; at++) {
        socle_test_fail_alloc(at);
        socle_status s = guarded_run(&t, cotangent);
        failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_expect(s == (failed ? SOCLE_ERR_NOMEM : SOCLE_OK), "%s (case %d), allocation %lld: status %d, %s", k->op,
                  (int)(k - op_cases), (long long)at, (int)s, socle_error());
        cr_assert(socle_test_live_blocks() == before, "%s (case %d), allocation %lld leaks %lld blocks", k->op,
                  (int)(k - op_cases), (long long)at, (long long)(socle_test_live_blocks() - before));
    }
    socle_release(cotangent);
    trial_close(&t);
}

Test(gradients, of_every_op_report_every_failing_allocation_and_leak_nothing)
{
    socle_device *d = open_device("ref64", 1);
    for (int j = 0; j < OP_CASES; j++) {
        sweep(&op_cases[j], d, 1);
        sweep(&op_cases[j], d, SOCLE_LANES);
    }
    socle_device_close(d);
}

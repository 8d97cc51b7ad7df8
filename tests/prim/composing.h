/* A fused slot against its composition: the same call on "ref" and on "ref" with compose_only. The slots add in double and
 * round once, the compositions round after every step: budgets count those. */
#ifndef COMPOSING_H
#define COMPOSING_H

#include <criterion/criterion.h>
#include <math.h>
#include "core/tensor.h"
#include "support/support.h"

enum { MAX_OUTPUTS = 15 };
typedef struct outputs {
    int n;
    socle_tensor *t[MAX_OUTPUTS];
} outputs;
typedef void (*run_fn)(socle_device *d, const void *params, outputs *out);

/* Runs fn on slots and on compositions and compares what it leaves in out. */
static inline void agree(run_fn fn, const void *params, budget b)
{
    socle_device *slots = open_device("ref", 0);
    socle_device *composed = socle_device_open("ref", (socle_device_desc){ .compose_only = true });
    outputs want = { 0 }, got = { 0 };
    fn(slots, params, &want);
    fn(composed, params, &got);
    for (int i = 0; i < want.n; i++) {
        double *values = values_of(want.t[i]);
        size_t n = shape_count(socle_shape_of(want.t[i]));
        for (size_t e = 0; e < n; e++)
            cr_assert(isfinite(values[e]), "element %zu of output %d was not written", e, i);
        assert_close(got.t[i], values, n, b);
        free(values);
        socle_release(want.t[i]);
        socle_release(got.t[i]);
    }
    socle_device_close(slots);
    socle_device_close(composed);
}

/* A tensor of the given format in [-1, 1). */
static inline socle_tensor *input(socle_device *d, socle_shape s, int lanes, uint64_t seed)
{
    size_t n = shape_count(s);
    double *values = malloc((n + 1) * sizeof *values);
    fill_random(values, n, seed, -1, 1);
    socle_tensor *t = tensor_lanes(d, SOCLE_F32, s, lanes, values);
    free(values);
    return t;
}

/* Full of NaN, so that what is not written, or is read, shows. */
static inline socle_tensor *output(socle_device *d, socle_shape s, int lanes)
{
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, s, lanes);
    assert_ok(socle_prim_fill(t, (double)NAN));
    return t;
}

static inline socle_tensor *keep(outputs *out, socle_tensor *t)
{
    out->t[out->n++] = t;
    return t;
}

#endif

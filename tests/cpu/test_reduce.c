/* What conformance does not see: how errors of long sums grow, and sums whose chunks are shared out to threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "support/support.h"

static socle_tensor *filled(socle_device *d, socle_shape s, double value)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, s);
    assert_ok(socle_prim_fill(t, value));
    return t;
}

/* Four million times 0.1 in one float would be off by thousands of ulps. Chunks are short and added in double:
 * what is left is the rounding of 128 additions in a lane, at worst all to the same side and half an ulp of a
 * sum that grows evenly. */
Test(reduce, long_sums_stay_accurate)
{
    enum { N = 1 << 22 };
    socle_device *d = open_device("cpu", 2);
    socle_tensor *x = filled(d, socle_shape1(N), 0.1), *y = socle_tensor_new(d, SOCLE_F32, socle_shape1(1));
    assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, y, x, 1));
    double sum, want = (double)0.1f * N;
    assert_ok(socle_item(y, &sum));
    cr_assert_leq(fabs(sum - want), 64 * 0x1p-24 * want, "%.9g instead of %.9g", sum, want);
    socle_release(x);
    socle_release(y);
    socle_device_close(d);
}

/* Few results and many chunks, along memory and across it, in both formats. */
Test(reduce, chunks_shared_out_to_threads_add_up_to_the_same_bits)
{
    static const struct {
        int64_t n, c, h, w;
        uint32_t axes;
        int lanes;
    } rows[] = { { 250, 3, 20, 21, 13, 16 },
                 { 250, 3, 20, 21, 13, 1 },
                 { 250, 3, 20, 21, 15, 16 },
                 { 4000, 2, 3, 5, 1, 1 },
                 { 250, 3, 20, 21, 1, 16 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        socle_tensor *y[3];
        socle_device *d[3];
        socle_shape s = socle_shape4(rows[i].n, rows[i].c, rows[i].h, rows[i].w), kept = s;
        for (int k = 0; k < 4; k++)
            if (rows[i].axes >> k & 1)
                kept.dim[k] = 1;
        double *values = malloc(shape_count(s) * sizeof *values);
        fill_random(values, shape_count(s), 7, -1, 1);
        for (int t = 0; t < 3; t++) {
            d[t] = open_device("cpu", t + 1);
            socle_tensor *x = tensor_lanes(d[t], SOCLE_F32, s, rows[i].lanes, values);
            y[t] = socle_tensor_new(d[t], SOCLE_F32, kept);
            assert_ok(socle_prim_reduce(SOCLE_REDUCE_SUM, y[t], x, rows[i].axes));
            socle_release(x);
        }
        assert_identical(y[0], y[1]);
        assert_identical(y[0], y[2]);
        for (int t = 0; t < 3; t++) {
            socle_release(y[t]);
            socle_device_close(d[t]);
        }
        free(values);
    }
}

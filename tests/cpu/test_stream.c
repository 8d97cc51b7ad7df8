/* Results that are stored past the caches, which large tensors are, have the bits of those that are not. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <socle/sys/prim.h>
#include "cpu/parallel.h"
#include "support/support.h"

enum { IMAGES = 64, FEW = 16, CHANNELS = 16, SIDE = 48, IMAGE = CHANNELS * SIDE * SIDE };
_Static_assert(IMAGES *IMAGE >= CPU_STREAM_FLOATS && FEW * IMAGE < CPU_STREAM_FLOATS, "streamed, and not");

static socle_device *cpu;

static void open_cpu(void)
{
    cpu = socle_device_open("cpu", (socle_device_desc){ .threads = 2 });
    cr_assert_not_null(cpu);
}

static void close_cpu(void)
{
    socle_device_close(cpu);
}

TestSuite(stream, .init = open_cpu, .fini = close_cpu);

/* The first n of the same images. */
static socle_tensor *images(int n, uint64_t seed)
{
    const socle_shape s = socle_shape4(n, CHANNELS, SIDE, SIDE);
    double *values = malloc((size_t)n * IMAGE * sizeof *values);
    cr_assert_not_null(values);
    fill_random(values, (size_t)n * IMAGE, seed, -1, 1);
    socle_tensor *t = tensor_lanes(cpu, SOCLE_F32, s, SOCLE_LANES, values);
    free(values);
    return t;
}

static void assert_few_are_the_same(const socle_tensor *all, const socle_tensor *few)
{
    float *a = malloc((size_t)IMAGES * IMAGE * sizeof *a), *b = malloc((size_t)FEW * IMAGE * sizeof *b);
    cr_assert(a && b);
    cr_assert_eq(socle_read(all, a, (size_t)IMAGES * IMAGE * sizeof *a), SOCLE_OK);
    cr_assert_eq(socle_read(few, b, (size_t)FEW * IMAGE * sizeof *b), SOCLE_OK);
    cr_assert(memcmp(a, b, (size_t)FEW * IMAGE * sizeof *b) == 0);
    free(a);
    free(b);
}

static socle_tensor *weights(int taps)
{
    static double values[CHANNELS * CHANNELS * 25];
    const socle_shape s = socle_shape4(CHANNELS, CHANNELS, taps, taps);
    fill_random(values, (size_t)CHANNELS * CHANNELS * (size_t)(taps * taps), 3, -1, 1);
    return tensor_lanes(cpu, SOCLE_F32, s, 1, values);
}

/* y of all images and of the first few. */
static void convolve(int taps)
{
    const socle_conv p = { .stride = { 1, 1 }, .pad = { taps / 2, taps / 2 }, .dilation = { 1, 1 }, .groups = 1 };
    socle_tensor *w = weights(taps), *y[2];
    for (int i = 0; i < 2; i++) {
        socle_tensor *x = images(i ? FEW : IMAGES, 1);
        y[i] = images(i ? FEW : IMAGES, 2);
        cr_assert_eq(socle_prim_conv(&p, SOCLE_EPILOGUE_RELU, y[i], x, w, NULL), SOCLE_OK);
        socle_release(x);
    }
    assert_few_are_the_same(y[0], y[1]);
    socle_release(y[0]);
    socle_release(y[1]);
    socle_release(w);
}

Test(stream, convolutions)
{
    convolve(1);
    convolve(3);
    convolve(5);
}

static void gradient(int stride, int taps)
{
    const int pad = taps / 2;
    const socle_conv p = { .stride = { stride, stride }, .pad = { pad, pad }, .dilation = { 1, 1 }, .groups = 1 };
    socle_tensor *w = weights(taps), *dx[2];
    for (int i = 0; i < 2; i++) {
        const int n = i ? FEW : IMAGES;
        socle_tensor *x = images(n, 1), *all = images(n, 4);
        dx[i] = images(n, 2);
        socle_view v = socle_view_of(all); /* dy: a corner of it */
        v.dim[2] = v.dim[3] = SIDE / stride;
        socle_tensor *dy = socle_tensor_view(all, &v);
        cr_assert_eq(socle_prim_conv_grad(&p, SOCLE_EPILOGUE_NONE, dx[i], NULL, NULL, dy, x, w, NULL), SOCLE_OK);
        socle_release(x);
        socle_release(dy);
        socle_release(all);
    }
    assert_few_are_the_same(dx[0], dx[1]);
    socle_release(dx[0]);
    socle_release(dx[1]);
    socle_release(w);
}

Test(stream, gradients_of_images)
{
    gradient(1, 1);
    gradient(1, 3);
    gradient(2, 3);
}

Test(stream, norms)
{
    const socle_norm p = { .batch = true, .groups = CHANNELS, .eps = 1e-5f };
    static double numbers[CHANNELS];
    fill_random(numbers, CHANNELS, 5, 0.5, 2);
    const socle_shape s = socle_shape1(CHANNELS);
    socle_tensor *mean = tensor_lanes(cpu, SOCLE_F32, s, 1, numbers);
    socle_tensor *var = tensor_lanes(cpu, SOCLE_F32, s, 1, numbers), *y[2];
    for (int i = 0; i < 2; i++) {
        socle_tensor *x = images(i ? FEW : IMAGES, 1);
        y[i] = images(i ? FEW : IMAGES, 2);
        cr_assert_eq(socle_prim_normalize(&p, y[i], x, mean, var, NULL, NULL), SOCLE_OK);
        socle_release(x);
    }
    assert_few_are_the_same(y[0], y[1]);
    socle_release(y[0]);
    socle_release(y[1]);
    socle_release(mean);
    socle_release(var);
}

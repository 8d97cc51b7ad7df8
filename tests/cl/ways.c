/* Every way to multiply and to convolve on the smallest operands that reach each kernel, for a simulator that is thousands of
 * times slower than a device: ways DEVICE. Results are compared with those of the plainest way; what they should be is for
 * other tests. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/prim.h>

#include "cl/conv.h"
#include "cl/gemm.h"

enum { MOST = 8192 };

typedef struct values {
    float v[MOST];
    size_t n;
} values;

static socle_tensor *made(socle_device *d, socle_shape shape, int lanes, float step)
{
    values x = { .n = 1 };
    for (int i = 0; i < shape.ndim; i++)
        x.n *= (size_t)shape.dim[i];
    for (size_t i = 0; i < x.n; i++)
        x.v[i] = (float)(i % 13) * step - 1;
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, shape, lanes);
    return t && socle_write(t, x.v, x.n * sizeof *x.v) == SOCLE_OK ? t : NULL;
}

static values read(const socle_tensor *t)
{
    values x = { .n = (size_t)socle_numel(t) };
    if (socle_read(t, x.v, x.n * sizeof *x.v) != SOCLE_OK)
        x.v[0] = NAN;
    return x;
}

/* 1 where they differ, and says so. */
static int differ(const char *what, const values *a, const values *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!(fabsf(a->v[i] - b->v[i]) <= 1e-4f * (1 + fabsf(b->v[i])))) {
            printf("FAIL %s: element %zu is %g, not %g\n", what, i, (double)a->v[i], (double)b->v[i]);
            return 1;
        }
    return 0;
}

/* ---- products ---- */

static int multiply(socle_device *device, int64_t m, int64_t n, int64_t k, ocl_variant v, values *out)
{
    ocl_device *d = socle_device_self(device);
    socle_tensor *a = made(device, socle_shape2(m, k), 1, 0.15f), *b = made(device, socle_shape2(k, n), 1, 0.17f);
    socle_tensor *c = made(device, socle_shape2(m, n), 1, 0.2f);
    const socle_view va = socle_view_of(a), vb = socle_view_of(b), vc = socle_view_of(c);
    const ocl_product p = ocl_product_of(&vc, &va, &vb, 1, 1);
    const socle_status status = ocl_multiply_by(d, v, &p);
    if (status != SOCLE_OK)
        printf("FAIL %s: %s\n", ocl_variant_name(v), socle_error());
    *out = read(c);
    socle_release(a);
    socle_release(b);
    socle_release(c);
    return status != SOCLE_OK;
}

/* Slices of k, which only a processor is asked for: a tile of the other kind is too much for them here. */
static int products(socle_device *device)
{
    static const int64_t sizes[][3] = { { 3, 17, 18 }, { 1, 2, 2050 } };
    const ocl_device *d = socle_device_self(device);
    int failed = 0;
    for (int s = 0; s < (d->is_cpu ? 2 : 1); s++) {
        const int64_t *z = sizes[s];
        values plain, other;
        ocl_variant v;
        failed |= multiply(device, z[0], z[1], z[2], OCL_gemm_any, &plain);
        for (int i = 0; (v = ocl_gemm_candidate(d, i)) != OCL_VARIANTS; i++)
            if (v != OCL_gemm_clblast && (s == 0 || v == OCL_gemm_cpu_6x16))
                failed |=
                    multiply(device, z[0], z[1], z[2], v, &other) || differ(ocl_variant_name(v), &other, &plain);
    }
    return failed;
}

/* What stands around a library's product. */
static int around(socle_device *device)
{
    ocl_device *d = socle_device_self(device);
    socle_tensor *c = made(device, socle_shape2(5, 3), 1, 0.2f), *bias = made(device, socle_shape1(3), 1, 0.5f);
    socle_tensor *copy = made(device, socle_shape2(5, 3), 1, 0.3f);
    const socle_view vc = socle_view_of(c), vb = socle_view_of(bias), to = socle_view_of(copy);
    ocl_product p = ocl_product_of(&vc, &vc, &vc, 1, 0);
    ocl_product_finish(&p, &vb, SOCLE_EPILOGUE_RELU);
    values want = read(c);
    for (int i = 0; i < 15; i++)
        want.v[i] = fmaxf(0, want.v[i] + (float)(i % 3) * 0.5f - 1);
    int failed = ocl_product_end(d, &p) != SOCLE_OK || ocl_product_dense(d, &p, &p.c, &to) != SOCLE_OK;
    const values got = read(copy);
    failed |= differ("around a product", &got, &want);
    socle_release(c);
    socle_release(bias);
    socle_release(copy);
    return failed;
}

/* ---- convolutions ---- */

/* 3x3, padding 1, of one block of 4x4 images, 2 channels to 2. */
static int convolve(socle_device *device, ocl_pass pass, ocl_variant v, values *out)
{
    const socle_shape shape = socle_shape4(16, 2, 4, 4);
    socle_tensor *x = made(device, shape, 16, 0.15f), *y = made(device, shape, 16, 0.17f);
    socle_tensor *w = made(device, socle_shape4(2, 2, 3, 3), 1, 0.16f), *b = made(device, socle_shape1(2), 1, 0.5f);
    const socle_view vx = socle_view_of(x), vy = socle_view_of(y), vw = socle_view_of(w), vb = socle_view_of(b);
    const ocl_convolution c = { .pass = pass,
                                .p = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 },
                                .images = 16,
                                .blocks = 1,
                                .c = 2,
                                .k = 2,
                                .h = 4,
                                .w = 4,
                                .ho = 4,
                                .wo = 4,
                                .r = 3,
                                .s = 3,
                                .relu = pass == OCL_FORWARD,
                                .x = &vx,
                                .y = &vy,
                                .weights = &vw,
                                .bias = pass == OCL_BACKWARD_DATA ? NULL : &vb };
    const socle_status status = ocl_convolve_by(socle_device_self(device), v, &c);
    if (status != SOCLE_OK)
        printf("FAIL %s: %s\n", ocl_variant_name(v), socle_error());
    *out = read(pass == OCL_FORWARD ? y : pass == OCL_BACKWARD_DATA ? x : w);
    socle_release(x);
    socle_release(y);
    socle_release(w);
    socle_release(b);
    return status != SOCLE_OK;
}

static int convolutions(socle_device *device)
{
    static const ocl_pass passes[] = { OCL_FORWARD, OCL_BACKWARD_DATA, OCL_BACKWARD_WEIGHTS };
    static const ocl_variant ways[] = { OCL_conv_gemm, OCL_conv_winograd };
    int failed = 0;
    for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) {
        values plain, other;
        failed |= convolve(device, passes[p], OCL_conv_direct, &plain);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            failed |=
                convolve(device, passes[p], ways[i], &other) || differ(ocl_variant_name(ways[i]), &other, &plain);
    }
    return failed;
}

int main(int argc, char **argv)
{
    socle_device *device = socle_device_open(argc > 1 ? argv[1] : "cl", (socle_device_desc){ 0 });
    if (!device) {
        printf("%s\n", socle_error());
        return 1;
    }
    const int failed = products(device) | around(device) | convolutions(device);
    socle_device_close(device);
    printf("%s\n", failed ? "FAIL" : "every way agrees with the plainest");
    return failed;
}

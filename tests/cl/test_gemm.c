/* Matrix products on an OpenCL device: every way to compute them, and that how the work is cut changes no bit. Sizes,
 * formats and edges are conformance's. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/sys/tune.h>

#include "cl/gemm.h"
#include "cl/slots.h"
#include "support/support.h"

static socle_device *device;
static ocl_device *self;

static void open_cl(void)
{
    device = open_device("cl", 1);
    self = socle_device_self(device);
}

static void close_cl(void)
{
    socle_device_close(device);
}

TestSuite(gemm, .init = open_cl, .fini = close_cl);

typedef struct product {
    socle_tensor *a, *b, *c;
    ocl_product p;
} product;

static product make(int64_t m, int64_t n, int64_t k)
{
    product x = { .a = tensor_random(device, SOCLE_F32, socle_shape2(m, k), 1, -1, 1),
                  .b = tensor_random(device, SOCLE_F32, socle_shape2(k, n), 2, -1, 1),
                  .c = tensor_random(device, SOCLE_F32, socle_shape2(m, n), 3, -1, 1) };
    const socle_view a = socle_view_of(x.a), b = socle_view_of(x.b), c = socle_view_of(x.c);
    x.p = ocl_product_of(&c, &a, &b, 1, 0);
    return x;
}

static void drop(product *x)
{
    socle_release(x->a);
    socle_release(x->b);
    socle_release(x->c);
}

static double *result_by(product *x, ocl_variant v)
{
    cr_assert_eq(ocl_multiply_by(self, v, &x->p), SOCLE_OK, "%s: %s", ocl_variant_name(v), socle_error());
    return values_of(x->c);
}

static void report_aside(void *user, const socle_variant *v)
{
    (*(int *)user)++;
    cr_expect(!v->aside, "%s of %s: %s", v->name, v->family, v->reason);
}

Test(gemm, every_variant_agrees_with_the_definition_here)
{
    int seen = 0;
    cr_assert_eq(socle_device_variants(device, true, report_aside, &seen), SOCLE_OK, "%s", socle_error());
    cr_assert_gt(seen, 2);
}

/* 100 rows and 300 columns are several tiles, 700 terms are several steps; 3000 terms of 20 x 20 are slices. */
static const int64_t sizes[][3] = { { 100, 300, 700 }, { 20, 20, 3000 }, { 300, 7, 64 } };

Test(gemm, two_runs_give_the_same_bits)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        product x = make(sizes[i][0], sizes[i][1], sizes[i][2]);
        ocl_variant v;
        for (int j = 0; (v = ocl_gemm_candidate(self, j)) != OCL_VARIANTS; j++) {
            double *first = result_by(&x, v), *second = result_by(&x, v);
            cr_expect_arr_eq(first, second, (size_t)(sizes[i][0] * sizes[i][1]) * sizeof *first, "%s differs",
                             ocl_variant_name(v));
            free(first);
            free(second);
        }
        drop(&x);
    }
}

Test(gemm, how_many_units_share_the_work_changes_no_bit)
{
    const cl_uint units = self->units;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && self->is_cpu; i++) {
        product x = make(sizes[i][0], sizes[i][1], sizes[i][2]);
        self->units = 1;
        double *alone = result_by(&x, OCL_gemm_cpu_6x16);
        self->units = 96;
        double *shared = result_by(&x, OCL_gemm_cpu_6x16);
        self->units = units;
        cr_expect_arr_eq(alone, shared, (size_t)(sizes[i][0] * sizes[i][1]) * sizeof *alone);
        free(alone);
        free(shared);
        drop(&x);
    }
}

/* A step of k is shortened, and then panels narrowed, where local memory is small; the standard asks for 32 KiB. */
Test(gemm, a_device_with_little_local_memory_can_do_it)
{
    self->local_bytes = 32 << 10;
    product x = make(100, 300, 700);
    double *little = result_by(&x, self->is_cpu ? OCL_gemm_cpu_6x16 : OCL_gemm_gpu_4x4),
           *any = result_by(&x, OCL_gemm_any);
    /* two sums of 700 products that are 1/3 in the mean square: 9 is the root of their squares' sum */
    assert_values(little, any, 100 * 300, budget_sum(SOCLE_F32, 700, 2 * 9));
    free(little);
    free(any);
    drop(&x);
}

Test(gemm, what_is_put_aside_leaves_the_work_to_the_next)
{
    const ocl_size size = { 40, 50, 60, 1 };
    const ocl_variant best = ocl_choose_gemm(self, size, 0);
    ocl_variant v;
    char why[256];
    product x = make(size.m, size.n, size.k);
    double *want = result_by(&x, OCL_gemm_any);
    for (int i = 0; (v = ocl_gemm_candidate(self, i)) != OCL_VARIANTS; i++) {
        cr_assert(!ocl_is_aside(self, v, NULL, 0));
        ocl_put_aside(self, v, "a test wants it", false);
        cr_assert(ocl_is_aside(self, v, why, sizeof why));
        cr_assert_str_eq(why, "a test wants it");
    }
    cr_assert_eq(ocl_multiply(self, &x.p), SOCLE_OK, "%s", socle_error());
    double *got = values_of(x.c);
    cr_assert_arr_eq(got, want, (size_t)(size.m * size.n) * sizeof *got);
    ocl_put_back(self, best);
    cr_assert_eq(ocl_choose_gemm(self, size, 0), best);
    free(got);
    free(want);
    drop(&x);
}

/* Formats have two numbers a side; a linear layer of images in blocks is a product whose rows are blocks. */
Test(gemm, blocks_of_images_need_no_copy)
{
    double x[33 * 5], w[7 * 5], bias[7], want[33 * 7];
    fill_random(x, 33 * 5, 1, -1, 1);
    fill_random(w, 7 * 5, 2, -1, 1);
    fill_random(bias, 7, 3, -1, 1);
    for (int n = 0; n < 33; n++)
        for (int o = 0; o < 7; o++) {
            double sum = bias[o];
            for (int i = 0; i < 5; i++)
                sum += x[n * 5 + i] * w[o * 5 + i];
            want[n * 7 + o] = sum > 0 ? sum : 0;
        }
    socle_tensor *tx = tensor_lanes(device, SOCLE_F32, socle_shape2(33, 5), SOCLE_LANES, x);
    socle_tensor *tw = tensor_of(device, SOCLE_F32, socle_shape2(7, 5), w);
    socle_tensor *tb = tensor_of(device, SOCLE_F32, socle_shape1(7), bias);
    socle_tensor *ty = socle_tensor_dense(device, SOCLE_F32, socle_shape2(33, 7), SOCLE_LANES);
    const socle_view vx = socle_view_of(tx), vw = socle_view_of(tw), vb = socle_view_of(tb), vy = socle_view_of(ty);
    ocl_product p = ocl_product_flat(&vy, &vx, false, &vw, true);
    ocl_product_finish(&p, &vb, SOCLE_EPILOGUE_RELU);
    const uint64_t before = self->launches;
    cr_assert_eq(ocl_multiply(self, &p), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(self->launches, before + 1);
    assert_close(ty, want, 33 * 7, budget_sum(SOCLE_F32, 6, 1));
    socle_release(tx);
    socle_release(tw);
    socle_release(tb);
    socle_release(ty);
}

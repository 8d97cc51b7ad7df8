/* The ways to convolve on an OpenCL device: all of them against the reference on layers that cut the work awkwardly, and what
 * the slots promise of any of them. What the slots make of formats and edges is conformance's. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/sys/test.h>

#include "cl/conv.h"
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

TestSuite(conv, .init = open_cl, .fini = close_cl);

typedef struct row {
    int n, c, k, h, w, r, s; /* c, k: of all groups */
    socle_conv p;
} row;

/* The first are Winograd's: sums about long enough for its rounding, tiles that overhang, paddings that its gradient turns into
 * 2, 1 and 0, and in one tiles enough for two parts. Of the others, one has columns enough for rows in parts and channels in
 * parts, one for blocks in parts. */
static const row rows[] = {
    { 17, 32, 40, 9, 6, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
    { 33, 36, 33, 7, 5, 3, 3, { { 1, 1 }, { 0, 2 }, { 1, 1 }, 1 } },
    { 5, 48, 32, 4, 4, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
    { 50, 40, 32, 5, 33, 3, 3, { { 1, 1 }, { 2, 1 }, { 1, 1 }, 1 } },
    { 18, 34, 32, 9, 9, 3, 3, { { 1, 1 }, { 3, 4 }, { 1, 1 }, 1 } }, /* more than the window */
    { 18, 32, 8, 24, 25, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
    { 100, 32, 12, 6, 7, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
    { 18, 6, 10, 8, 7, 3, 2, { { 2, 1 }, { 1, 1 }, { 1, 2 }, 2 } },
    { 17, 4, 6, 11, 9, 5, 3, { { 2, 3 }, { 2, 1 }, { 1, 1 }, 1 } },
    { 33, 7, 9, 6, 8, 3, 3, { { 1, 1 }, { 2, 2 }, { 2, 2 }, 1 } },
    { 17, 5, 5, 6, 6, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 5 } },
    { 18, 6, 20, 5, 7, 1, 1, { { 1, 1 }, { 0, 0 }, { 1, 1 }, 2 } },
    { 32, 9, 17, 5, 5, 1, 1, { { 2, 2 }, { 0, 0 }, { 1, 1 }, 1 } },
    { 1, 3, 4, 5, 5, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
};
enum { ROWS = sizeof rows / sizeof *rows, WINOGRADS = 5 };
static const ocl_variant ways[] = { OCL_conv_direct, OCL_conv_gemm, OCL_conv_winograd };
static const ocl_pass passes[] = { OCL_FORWARD, OCL_BACKWARD_DATA, OCL_BACKWARD_WEIGHTS };

static int out_size(const row *z, int i)
{
    const int size = i ? z->w : z->h, window = i ? z->s : z->r;
    return (size + 2 * z->p.pad[i] - z->p.dilation[i] * (window - 1) - 1) / z->p.stride[i] + 1;
}

/* Are the rounding errors of Winograd's transforms small against this layer's sums? */
static bool is_for(const row *z, ocl_variant v)
{
    return v != OCL_conv_winograd || z < rows + WINOGRADS;
}

/* ---- a layer on the device: whole blocks of images, of which those past n are NaN ---- */

typedef struct layer {
    socle_tensor *x, *y, *w, *b;
    socle_view vx, vy, vw, vb;
    ocl_convolution c;
} layer;

static socle_tensor *images(int n, int c, int h, int w, uint64_t seed, bool empty)
{
    const int all = (n + SOCLE_LANES - 1) / SOCLE_LANES * SOCLE_LANES;
    const size_t image = (size_t)c * (size_t)h * (size_t)w;
    double *values = malloc(sizeof *values * image * (size_t)all);
    fill_random(values, image * (size_t)n, seed, -1, 1);
    for (size_t i = empty ? 0 : image * (size_t)n; i < image * (size_t)all; i++)
        values[i] = NAN;
    socle_tensor *t = tensor_lanes(device, SOCLE_F32, socle_shape4(all, c, h, w), SOCLE_LANES, values);
    free(values);
    return t;
}

static socle_view first_images(const socle_tensor *t, int n)
{
    socle_view v = socle_view_of(t);
    v.dim[0] = n;
    return v;
}

/* The result is NaN before. */
static layer make(const row *z, ocl_pass pass)
{
    const int ho = out_size(z, 0), wo = out_size(z, 1);
    layer l = { .x = images(z->n, z->c, z->h, z->w, 1, pass == OCL_BACKWARD_DATA),
                .y = images(z->n, z->k, ho, wo, 2, pass == OCL_FORWARD),
                .w = tensor_random(device, SOCLE_F32, socle_shape4(z->k, z->c / z->p.groups, z->r, z->s), 3, -1, 1),
                .b = tensor_random(device, SOCLE_F32, socle_shape1(z->k), 4, -1, 1) };
    if (pass == OCL_BACKWARD_WEIGHTS) {
        assert_ok(socle_prim_fill(l.w, NAN));
        assert_ok(socle_prim_fill(l.b, NAN));
    }
    l.c = (ocl_convolution){ .pass = pass,
                             .p = z->p,
                             .images = z->n,
                             .c = z->c / z->p.groups,
                             .k = z->k / z->p.groups,
                             .h = z->h,
                             .w = z->w,
                             .ho = ho,
                             .wo = wo,
                             .r = z->r,
                             .s = z->s };
    l.c.blocks = (z->n + SOCLE_LANES - 1) / SOCLE_LANES;
    l.c.relu = pass == OCL_FORWARD;
    return l;
}

static void drop(layer *l)
{
    socle_release(l->x);
    socle_release(l->y);
    socle_release(l->w);
    socle_release(l->b);
}

static socle_status run(layer *l, const row *z, ocl_variant v)
{
    l->vx = first_images(l->x, z->n);
    l->vy = first_images(l->y, z->n);
    l->vw = socle_view_of(l->w);
    l->vb = socle_view_of(l->b);
    l->c.x = &l->vx;
    l->c.y = &l->vy;
    l->c.weights = &l->vw;
    l->c.bias = l->c.pass == OCL_BACKWARD_DATA ? NULL : &l->vb;
    return ocl_convolve_by(self, v, &l->c);
}

static socle_tensor *result_of(const layer *l)
{
    return l->c.pass == OCL_FORWARD ? l->y : l->c.pass == OCL_BACKWARD_DATA ? l->x : l->w;
}

static size_t count_of(const row *z, ocl_pass pass)
{
    const int ho = out_size(z, 0), wo = out_size(z, 1);
    return pass == OCL_FORWARD         ? (size_t)(z->n * z->k * ho * wo)
           : pass == OCL_BACKWARD_DATA ? (size_t)(z->n * z->c * z->h * z->w)
                                       : (size_t)(z->k * z->c / z->p.groups * z->r * z->s);
}

/* ---- the reference ---- */

/* The result of a pass, and with BACKWARD_WEIGHTS db behind it. */
static double *expect(const row *z, ocl_pass pass)
{
    socle_device *ref = open_device("ref", 1);
    const int ho = out_size(z, 0), wo = out_size(z, 1);
    const socle_shape sx = socle_shape4(z->n, z->c, z->h, z->w), sy = socle_shape4(z->n, z->k, ho, wo),
                      sw = socle_shape4(z->k, z->c / z->p.groups, z->r, z->s), sb = socle_shape1(z->k);
    socle_tensor *x = tensor_random(ref, SOCLE_F32, sx, 1, -1, 1), *y = tensor_random(ref, SOCLE_F32, sy, 2, -1, 1);
    socle_tensor *w = tensor_random(ref, SOCLE_F32, sw, 3, -1, 1), *b = tensor_random(ref, SOCLE_F32, sb, 4, -1, 1);
    socle_tensor *out = socle_tensor_dense(ref, SOCLE_F32,
                                           pass == OCL_FORWARD         ? sy
                                           : pass == OCL_BACKWARD_DATA ? sx
                                                                       : sw,
                                           1);
    if (pass == OCL_FORWARD)
        assert_ok(socle_prim_conv(&z->p, SOCLE_EPILOGUE_RELU, out, x, w, b));
    else if (pass == OCL_BACKWARD_DATA)
        assert_ok(socle_prim_conv_grad(&z->p, SOCLE_EPILOGUE_NONE, out, NULL, NULL, y, x, w, NULL));
    else
        assert_ok(socle_prim_conv_grad(&z->p, SOCLE_EPILOGUE_NONE, NULL, out, b, y, x, w, NULL));
    double *values = values_of(out);
    if (pass == OCL_BACKWARD_WEIGHTS) {
        const size_t n = count_of(z, pass), k = (size_t)z->k;
        double *sums = values_of(b);
        values = realloc(values, (n + k) * sizeof *values);
        memcpy(values + n, sums, k * sizeof *values);
        free(sums);
    }
    socle_tensor *all[] = { x, y, w, b, out };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        socle_release(all[i]);
    socle_device_close(ref);
    return values;
}

/* Of products of numbers in [-1, 1), which are 1/3 in the mean square. */
static budget budget_of(const row *z, ocl_pass pass)
{
    const int of_group = pass == OCL_FORWARD ? z->c / z->p.groups : z->k / z->p.groups;
    const double terms = pass == OCL_BACKWARD_WEIGHTS ? (double)z->n * out_size(z, 0) * out_size(z, 1)
                                                      : (double)of_group * z->r * z->s + 1;
    return budget_sum(SOCLE_F32, terms, sqrt(terms) / 3);
}

/* ---- tests ---- */

static void agree(const row *z, ocl_pass pass, const double *want)
{
    for (size_t v = 0; v < sizeof ways / sizeof *ways; v++) {
        if (!is_for(z, ways[v]))
            continue;
        layer l = make(z, pass);
        const size_t n = count_of(z, pass);
        cr_assert_eq(run(&l, z, ways[v]), SOCLE_OK, "%s: %s", ocl_variant_name(ways[v]), socle_error());
        double *got = values_of(result_of(&l));
        cr_expect(values_close(got, want, n, budget_of(z, pass)), "row %d pass %d by %s: %s", (int)(z - rows),
                  (int)pass, ocl_variant_name(ways[v]), support_message());
        free(got);
        if (pass == OCL_BACKWARD_WEIGHTS) {
            got = values_of(l.b);
            cr_expect(values_close(got, want + n, (size_t)z->k, budget_of(z, pass)), "row %d, db by %s: %s",
                      (int)(z - rows), ocl_variant_name(ways[v]), support_message());
            free(got);
        }
        drop(&l);
    }
}

Test(conv, every_way_agrees_with_the_reference_in_every_pass)
{
    for (size_t i = 0; i < ROWS; i++)
        for (int p = 0; p < 3; p++) {
            double *want = expect(&rows[i], passes[p]);
            agree(&rows[i], passes[p], want);
            free(want);
        }
}

/* Nothing is added by whoever comes first, and how the work is cut does not depend on who is there to do it. */
Test(conv, two_runs_give_the_same_bits_on_any_number_of_units)
{
    static const int of_rows[] = { 0, 5, 6, 7 };
    const cl_uint units = self->units;
    for (size_t i = 0; i < sizeof of_rows / sizeof *of_rows; i++)
        for (int p = 0; p < 3; p++)
            for (size_t v = 0; v < sizeof ways / sizeof *ways; v++) {
                const row *z = &rows[of_rows[i]];
                if (!is_for(z, ways[v]))
                    continue;
                const size_t n = count_of(z, passes[p]);
                layer l = make(z, passes[p]);
                assert_ok(run(&l, z, ways[v]));
                double *first = values_of(result_of(&l));
                self->units = 96;
                assert_ok(run(&l, z, ways[v]));
                self->units = units;
                double *second = values_of(result_of(&l));
                cr_expect_arr_eq(first, second, n * sizeof *first, "row %d pass %d by %s", of_rows[i],
                                 (int)passes[p], ocl_variant_name(ways[v]));
                free(first);
                free(second);
                drop(&l);
            }
}

Test(conv, winograd_declines_what_it_cannot_do)
{
    static const row declined[] = {
        { 16, 32, 32, 8, 8, 3, 3, { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 } },
        { 16, 32, 32, 8, 8, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 2 }, 1 } },
        { 16, 64, 64, 8, 8, 3, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 } },
        { 16, 32, 32, 8, 8, 5, 3, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } },
    };
    for (size_t i = 0; i < sizeof declined / sizeof *declined; i++) {
        layer l = make(&declined[i], OCL_FORWARD);
        cr_expect_eq(run(&l, &declined[i], OCL_conv_winograd), SOCLE_ERR_UNSUPPORTED, "row %d", (int)i);
        drop(&l);
    }
}

Test(conv, no_way_waits_for_the_device)
{
    for (int p = 0; p < 3; p++)
        for (size_t v = 0; v < sizeof ways / sizeof *ways; v++) {
            layer l = make(&rows[0], passes[p]);
            const uint64_t before = self->waits;
            assert_ok(run(&l, &rows[0], ways[v]));
            cr_expect_eq(self->waits, before, "%s", ocl_variant_name(ways[v]));
            drop(&l);
        }
}

Test(conv, without_memory_every_way_says_so_and_gives_all_back)
{
    const row *z = &rows[0];
    for (int p = 0; p < 3; p++)
        for (size_t v = 0; v < sizeof ways / sizeof *ways; v++) {
            layer l = make(z, passes[p]);
            assert_ok(run(&l, z, ways[v])); /* programs that stay are made now */
            const int64_t live = socle_test_live_blocks();
            for (int k = 0;; k++) {
                socle_test_fail_alloc(k);
                const socle_status status = run(&l, z, ways[v]);
                const bool failed = socle_test_alloc_failed();
                socle_test_fail_alloc(-1);
                cr_assert_eq(status, failed ? SOCLE_ERR_NOMEM : SOCLE_OK, "%s: %s", ocl_variant_name(ways[v]),
                             socle_error());
                cr_assert_eq(socle_test_live_blocks(), live, "%s, allocation %d", ocl_variant_name(ways[v]), k);
                if (!failed)
                    break;
            }
            drop(&l);
        }
}

static ocl_variant choice(ocl_pass pass, int c, int k, int pixels, int window, bool strided)
{
    const ocl_layer l = { .pass = pass, .c = c, .k = k, .pixels = pixels, .window = window, .strided = strided };
    return ocl_choose_conv(self, &l, 0);
}

Test(conv, few_channels_are_convolved_directly_and_many_by_winograd)
{
    for (int p = 0; p < 3; p++) {
        cr_expect_eq(choice(passes[p], 1, 4, 14 * 14, 9, true), OCL_conv_direct);
        cr_expect_eq(choice(passes[p], 8, 16, 4 * 4, 9, true), OCL_conv_direct);
        cr_expect_eq(choice(passes[p], 64, 64, 28 * 28, 9, false), OCL_conv_winograd);
        cr_expect_eq(choice(passes[p], 512, 512, 4 * 4, 9, false), OCL_conv_winograd);
    }
}

Test(conv, what_is_put_aside_leaves_the_work_to_the_next)
{
    const socle_conv p = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    const row z = { 16, 64, 64, 8, 8, 3, 3, p };
    layer l = make(&z, OCL_FORWARD);
    const socle_view x = socle_view_of(l.x), w = socle_view_of(l.w), y = socle_view_of(l.y);
    double *result[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(ocl_conv(self, &p, SOCLE_EPILOGUE_NONE, &y, &x, &w, NULL));
        result[i] = values_of(l.y);
        ocl_put_aside(self, OCL_conv_winograd, "a test wants it", false);
        cr_expect_neq(choice(OCL_FORWARD, 64, 64, 64, 9, false), OCL_conv_winograd);
    }
    const size_t n = count_of(&z, OCL_FORWARD);
    cr_expect_arr_neq(result[0], result[1], n * sizeof *result[0]);
    assert_values(result[0], result[1], n, budget_sum(SOCLE_F32, 9 * 64, 2 * sqrt(9 * 64) / 3));
    free(result[0]);
    free(result[1]);
    drop(&l);
}

/* Augmentation: what may be drawn and how often, that images differ, and that nothing but the seed decides. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <socle/augment.h>
#include <socle/ops.h>
#include "core/tensor.h"
#include "support/support.h"

static socle_device *d;
static socle_ctx *c;

static void setup(void)
{
    d = open_device(test_device("cpu"), 2);
    c = socle_ctx_new(d, 42);
}

static void teardown(void)
{
    socle_ctx_free(c);
    socle_device_close(d);
}

TestSuite(augment, .init = setup, .fini = teardown);

/* n images of one channel whose pixel (i, j) is 1 + 10 i + j. */
static socle_tensor *numbered(socle_device *on, int64_t n, int64_t height, int64_t width)
{
    double *values = malloc((size_t)(n * height * width) * sizeof *values);
    for (int64_t k = 0; k < n * height * width; k++)
        values[k] = (double)(1 + k / width % height * 10 + k % width);
    socle_tensor *x = tensor_lanes(on, SOCLE_F32, socle_shape4(n, 1, height, width), SOCLE_LANES, values);
    free(values);
    return x;
}

/* ---- shifts ---- */

Test(augment, images_move_by_their_own_places)
{
    socle_tensor *x = numbered(d, 3, 2, 3);
    socle_tensor *place = tensor_of(d, SOCLE_I32, socle_shape2(3, 3), (double[]){ 0, 0, 1, 1, -1, 0, -1, 1, 1 });
    socle_tensor *y = socle_shift_images(c, x, place, 2, 3, -1);
    cr_assert_not_null(y, "%s", socle_error());
    assert_close(y,
                 ((double[]){ 3, 2, 1, 13, 12, 11,     /* mirrored */
                              -1, 11, 12, -1, -1, -1,  /* a row up, a column to the right */
                              -1, -1, -1, -1, 3, 2 }), /* a row down, a column to the left, mirrored */
                 18, budget_exact);
    y = socle_shift_images(c, x, place, 1, 2, -1);
    assert_close(y, ((double[]){ 2, 1, -1, 11, -1, -1 }), 6, budget_exact);
    socle_release(place);
    socle_release(x);
}

Test(augment, mirrored_twice_is_the_image)
{
    socle_tensor *x = tensor_random(d, SOCLE_F32, socle_shape4(19, 2, 5, 7), 3, -1, 1);
    socle_crop_desc flip = { .flip = 1 };
    socle_tensor *y = socle_random_crop(c, x, flip);
    cr_assert_not(tensors_identical(y, x));
    assert_identical(socle_random_crop(c, y, flip), x);
    socle_release(x);
}

/* ---- crop and flip ---- */

/* Where image n of a crop of numbered() was cut (the centre pixel of 3 by 3 tells), and whether it is mirrored. */
typedef struct cut {
    int top, left;
    bool mirrored;
} cut;

enum { SIDE = 7, CROP_PAD = 2, OFFSETS = 2 * CROP_PAD + 1 };

static cut cut_of(const double *image)
{
    const double *middle = image + 3 * SIDE + 3;
    int pixel = (int)middle[0] - 1;
    return (cut){ pixel / 10 - 3, pixel % 10 - 3, middle[1] < middle[0] };
}

Test(augment, crops_are_uniform_and_flips_as_likely_as_asked_for)
{
    enum { N = 10000 };
    socle_tensor *x = numbered(d, N, SIDE, SIDE);
    double *y = values_of(socle_random_crop(c, x, (socle_crop_desc){ .pad = CROP_PAD, .flip = 0.25, .value = -1 }));
    int count[OFFSETS][OFFSETS] = { { 0 } }, mirrored = 0;
    for (int n = 0; n < N; n++) {
        cut k = cut_of(y + n * SIDE * SIDE);
        cr_assert(abs(k.top) <= CROP_PAD && abs(k.left) <= CROP_PAD, "%d, %d", k.top, k.left);
        count[k.top + CROP_PAD][k.left + CROP_PAD]++;
        mirrored += k.mirrored;
    }
    const double expected = (double)N / (OFFSETS * OFFSETS);
    double chi = 0;
    for (int i = 0; i < OFFSETS * OFFSETS; i++) {
        double off = count[i / OFFSETS][i % OFFSETS] - expected;
        chi += off * off / expected;
    }
    cr_assert(chi < 60, "chi square %g of 24 degrees of freedom", chi);          /* exceeded once in 20 000 draws */
    cr_assert(abs(mirrored - N / 4) < 5 * 43, "%d of %d mirrored", mirrored, N); /* five standard deviations */
    free(y);
    socle_release(x);
}

Test(augment, a_whole_batch_can_share_one_draw)
{
    enum { N = 20 };
    socle_tensor *x = numbered(d, N, SIDE, SIDE);
    socle_crop_desc o = { .pad = CROP_PAD, .flip = 0.5 };
    bool differ = false;
    for (int shared = 0; shared < 2; shared++) {
        o.per_batch = shared;
        double *y = values_of(socle_random_crop(c, x, o));
        for (int n = 1; n < N; n++) {
            bool same = memcmp(y, y + n * SIDE * SIDE, SIDE * SIDE * sizeof *y) == 0;
            differ = differ || (!same && !shared);
            cr_assert(same || !shared, "image %d", n);
        }
        free(y);
    }
    cr_assert(differ, "per image, all images were cut alike");
    socle_release(x);
}

static socle_tensor *crop_on(socle_device *on, socle_ctx *by, int lanes)
{
    double values[19 * 2 * 4 * 5];
    fill_random(values, 19 * 2 * 4 * 5, 7, -1, 1);
    socle_tensor *x = tensor_lanes(on, SOCLE_F32, socle_shape4(19, 2, 4, 5), lanes, values);
    socle_tensor *y =
        socle_retain(socle_random_crop(by, x, (socle_crop_desc){ .pad = 1, .flip = 0.5, .value = 2 }));
    cr_assert_not_null(y, "%s", socle_error());
    socle_release(x);
    return y;
}

Test(augment, crops_depend_on_the_seed_and_counter_alone)
{
    socle_device *other = open_device("ref", 1);
    socle_ctx *again = socle_ctx_new(other, 42);
    socle_tensor *a = crop_on(d, c, SOCLE_LANES), *b = crop_on(other, again, 1), *next = crop_on(d, c, 1);
    assert_identical(a, b);
    cr_assert_not(tensors_identical(a, next), "the next batch was cut alike");
    socle_ctx_set_random_counter(c, 0);
    socle_tensor *repeated = crop_on(d, c, 1);
    assert_identical(a, repeated);
    socle_release(repeated);
    socle_release(next);
    socle_release(b);
    socle_release(a);
    socle_ctx_free(again);
    socle_device_close(other);
}

/* ---- blocks ---- */

enum { BLOCK_IMAGES = 300, BLOCK_SIDE = 10, BLOCK_PIXELS = BLOCK_SIDE * BLOCK_SIDE, BLOCK = 3 };

/* Pixels of all images in [-1, 1), no two alike. */
static socle_tensor *textured(double *values)
{
    fill_random(values, BLOCK_IMAGES * BLOCK_PIXELS, 5, -1, 1);
    for (int i = 0; i < BLOCK_IMAGES * BLOCK_PIXELS; i++)
        values[i] = (double)(float)values[i];
    return tensor_lanes(d, SOCLE_F32, socle_shape4(BLOCK_IMAGES, 1, BLOCK_SIDE, BLOCK_SIDE), SOCLE_LANES, values);
}

static int changed_pixels(const double *x, const double *y)
{
    int n = 0;
    for (int p = 0; p < BLOCK_PIXELS; p++)
        n += x[p] != y[p];
    return n;
}

/* The pixels that changed are one block, all of it. */
static bool is_one_block(const double *x, const double *y)
{
    int top = BLOCK_SIDE, left = BLOCK_SIDE, bottom = -1, right = -1;
    for (int p = 0; p < BLOCK_PIXELS; p++)
        if (x[p] != y[p]) {
            int i = p / BLOCK_SIDE, j = p % BLOCK_SIDE;
            top = i < top ? i : top;
            left = j < left ? j : left;
            bottom = i > bottom ? i : bottom;
            right = j > right ? j : right;
        }
    return bottom - top == BLOCK - 1 && right - left == BLOCK - 1 && changed_pixels(x, y) == BLOCK * BLOCK;
}

Test(augment, erased_blocks_lie_inside_and_hold_numbers_like_the_batchs)
{
    static double x[BLOCK_IMAGES * BLOCK_PIXELS];
    socle_tensor *t = textured(x);
    double *y = values_of(socle_random_erase(c, t, (socle_patch_desc){ .pct = 0.3, .max_num = 1 }));
    double sum = 0, squares = 0, numbers = 0;
    int erased = 0;
    for (int n = 0; n < BLOCK_IMAGES; n++) {
        const double *before = x + n * BLOCK_PIXELS, *after = y + n * BLOCK_PIXELS;
        bool any = changed_pixels(before, after) > 0;
        erased += any;
        cr_assert(!any || is_one_block(before, after), "image %d", n);
        for (int p = 0; p < BLOCK_PIXELS; p++)
            if (before[p] != after[p]) {
                cr_assert(after[p] >= -1 && after[p] <= 1, "%g", after[p]);
                sum += after[p];
                squares += after[p] * after[p];
                numbers++;
            }
    }
    /* none or one, equally likely; five standard deviations */
    cr_assert(abs(erased - BLOCK_IMAGES / 2) < 5 * 9, "%d erased", erased);
    /* normal of standard deviation 0.577, cut at 1.73 of them: 0.545 */
    cr_assert(fabs(sum / numbers) < 5 * 0.545 / sqrt(numbers), "mean %g", sum / numbers);
    cr_assert(fabs(sqrt(squares / numbers) - 0.545) < 0.05, "standard deviation %g", sqrt(squares / numbers));
    free(y);
    socle_release(t);
}

Test(augment, a_copied_block_is_a_block_of_the_same_image)
{
    static double x[BLOCK_IMAGES * BLOCK_PIXELS];
    socle_tensor *t = textured(x);
    double *y = values_of(socle_random_copy(c, t, (socle_patch_desc){ .pct = 0.3, .max_num = 1 }));
    int copied = 0;
    for (int n = 0; n < BLOCK_IMAGES; n++) {
        const double *before = x + n * BLOCK_PIXELS, *after = y + n * BLOCK_PIXELS;
        int distance = 0;
        for (int p = 0; p < BLOCK_PIXELS; p++) {
            int from = 0;
            while (from < BLOCK_PIXELS && before[from] != after[p])
                from++;
            cr_assert(from < BLOCK_PIXELS, "pixel %d of image %d comes from elsewhere", p, n);
            cr_assert(from == p || distance == 0 || from - p == distance, "image %d is no copy of one block", n);
            distance = from == p ? distance : from - p;
        }
        copied += distance != 0;
        cr_assert(distance == 0 || is_one_block(before, after), "image %d", n);
    }
    /* one in two, and not onto itself (1 of 49): five standard deviations */
    cr_assert(abs(copied - BLOCK_IMAGES * 48 / 98) < 5 * 9, "%d copied", copied);
    free(y);
    socle_release(t);
}

Test(augment, blocks_are_the_same_for_a_whole_batch_if_asked_and_differ_if_not)
{
    static double x[BLOCK_IMAGES * BLOCK_PIXELS];
    socle_tensor *t = textured(x);
    for (int copy = 0; copy < 2; copy++)
        for (int shared = 0; shared < 2; shared++) {
            socle_patch_desc o = { .pct = 0.3, .max_num = 8, .per_batch = shared };
            double *y = values_of(copy ? socle_random_copy(c, t, o) : socle_random_erase(c, t, o));
            int alike = 0;
            for (int n = 1; n < BLOCK_IMAGES; n++) {
                int differ = 0;
                for (int p = 0; p < BLOCK_PIXELS; p++)
                    differ += (x[p] == y[p]) != (x[n * BLOCK_PIXELS + p] == y[n * BLOCK_PIXELS + p]);
                alike += differ == 0;
            }
            cr_assert(shared ? alike == BLOCK_IMAGES - 1 : alike < BLOCK_IMAGES / 4, "%d alike", alike);
            free(y);
        }
    socle_release(t);
}

Test(augment, blocks_depend_on_the_seed_and_counter_alone)
{
    socle_device *other = open_device("ref", 1);
    socle_ctx *again = socle_ctx_new(other, 42);
    double values[19 * 2 * 6 * 5];
    fill_random(values, 19 * 2 * 6 * 5, 7, -1, 1);
    socle_tensor *x = tensor_lanes(d, SOCLE_F32, socle_shape4(19, 2, 6, 5), SOCLE_LANES, values);
    socle_tensor *z = tensor_lanes(other, SOCLE_F32, socle_shape4(19, 2, 6, 5), 1, values);
    socle_patch_desc o = { .pct = 0.5 };
    assert_identical(socle_random_copy(c, x, o), socle_random_copy(again, z, o));
    double *want = values_of(socle_random_erase(again, z, o)); /* its statistics are sums, and differ in rounding */
    assert_close(socle_random_erase(c, x, o), want, 19 * 2 * 6 * 5, budget_sum(SOCLE_F32, 19 * 2 * 6 * 5, 1));
    free(want);
    socle_release(z);
    socle_release(x);
    socle_ctx_free(again);
    socle_device_close(other);
}

static void refused(socle_tensor *y, const char *text)
{
    cr_assert_null(y);
    cr_assert_str_eq(socle_error(), text);
    socle_ctx_clear(c);
}

Test(augment, what_cannot_be_drawn_is_refused)
{
    socle_tensor *x = numbered(d, 2, 3, 3), *flat = tensor_of(d, SOCLE_F32, socle_shape1(1), (double[]){ 0 });
    refused(socle_random_crop(c, x, (socle_crop_desc){ .pad = -1 }), "random_crop: a padding of -1 pixels");
    refused(socle_random_crop(c, x, (socle_crop_desc){ .flip = 1.5 }),
            "random_crop: probability 1.5 is not in [0, 1]");
    refused(socle_random_crop(c, flat, (socle_crop_desc){ .pad = 1 }),
            "random_crop: images of shape (1), expected are 4 dimensions, (N, C, H, W)");
    refused(socle_random_crop(c, NULL, (socle_crop_desc){ .pad = 1 }), "random_crop: the images are NULL");
    refused(socle_random_erase(c, x, (socle_patch_desc){ .pct = 1.5 }),
            "random_erase: blocks of 1.5 of a side, not of (0, 1]");
    refused(socle_random_copy(c, x, (socle_patch_desc){ .max_num = -1 }), "random_copy: -1 blocks, not 1 to 1000");
    refused(socle_shift_images(c, x, x, 3, 3, 0), "shift_images: place is of type f32, expected is i32");
    socle_release(flat);
    socle_release(x);
}

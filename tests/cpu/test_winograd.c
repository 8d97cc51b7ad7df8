/* Which convolutions go by tiles of 4x4 or 2x2, with stride 1 or 2. */
#include <criterion/criterion.h>
#include <string.h>
#include "cpu/parallel.h"
#include "cpu/winograd.h"
#include "cpu/winograd_share.h"
#include "cases/conv.h"
#include "core/device.h"
#include "support/support.h"

static conv_geometry geometry(const conv_row *r)
{
    return (conv_geometry){
        .p = r->p,
        .n = r->n,
        .blocks = (r->n + CONV_LANES - 1) / CONV_LANES,
        .c = r->c / r->p.groups,
        .h = r->h,
        .w = r->w,
        .k = r->k / r->p.groups,
        .r = r->r,
        .s = r->s,
        .ho = conv_row_out(r, 0),
        .wo = conv_row_out(r, 1),
    };
}

static bool suits(conv_row r, bool backward)
{
    const conv_geometry g = geometry(&r);
    return winograd_suits(&g, backward);
}

/* Otherwise these rows would no longer test what they are there for. */
Test(winograd, the_rows_of_conformance_meet_it)
{
    int rows = 0;
    for (size_t i = 0; i < CASE_COUNT(conv_rows); i++) {
        const conv_row *r = &conv_rows[i];
        if (strncmp(r->name, "tiles", 5) != 0)
            continue;
        rows++;
        cr_assert(suits(*r, true), "%s", r->name);
        cr_assert(suits(*r, false) || strcmp(r->name, "tiles beyond") == 0, "%s", r->name);
    }
    cr_assert_geq(rows, 17);
}

Test(winograd, does_not_take_what_it_cannot_do)
{
    const conv_row good = { "", 256, 64, 28, 28, 64, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(suits(good, false) && suits(good, true));
    conv_row r = good;
    r.p.stride[1] = 2;
    cr_assert(!suits(r, false) && !suits(r, true));
    r.p.stride[0] = 2;
    cr_assert(suits(r, false) && suits(r, true));
    r.r = r.s = 5;
    cr_assert(!suits(r, false) && !suits(r, true));
    r = good;
    r.p.stride[0] = r.p.stride[1] = 3;
    cr_assert(!suits(r, false) && !suits(r, true));
    r = good;
    r.p.dilation[0] = 2;
    cr_assert(!suits(r, false) && !suits(r, true));
    r = good;
    r.p.groups = 2;
    cr_assert(!suits(r, false) && !suits(r, true));
    r = good;
    r.s = 1;
    cr_assert(!suits(r, false) && !suits(r, true));
}

/* Results of maps that are smaller than a tile, and transforms of few channels, cost more than they save. */
Test(winograd, leaves_to_the_direct_way_what_that_does_better)
{
    const conv_row small = { "", 256, 64, 1, 2, 64, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(!suits(small, false) && !suits(small, true));
    const conv_row strided = { "", 256, 64, 4, 4, 64, 3, 3, CONV(2, 1), 0, 0 };
    cr_assert(!suits(strided, false) && !suits(strided, true));
    const conv_row thin = { "", 256, 1, 28, 28, 8, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(!suits(thin, false) && !suits(thin, true));
}

static bool weights_suit(conv_row r)
{
    const conv_geometry g = geometry(&r);
    return winograd_weights_cost(&g, 1) < conv_work(&g);
}

static void assert_all_suit(bool (*suit)(conv_row r), const char *const *names, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = 0;
        while (i < CASE_COUNT(conv_rows) && strcmp(conv_rows[i].name, names[k]) != 0)
            i++;
        cr_assert(i < CASE_COUNT(conv_rows), "there is no row \"%s\"", names[k]);
        cr_assert(suit(conv_rows[i]), "%s", names[k]);
    }
}

/* Edges of tiles with stride 2: images that do not fill a block, channels that fill no panel, any padding, tiles of 4, 3
 * and 2 results, weights in parts. */
Test(winograd, rows_of_conformance_meet_the_gradient_of_weights_with_stride_2)
{
    static const char *const names[] = { "tiles s2, odd counts", "tiles s2 without pad", "tiles s2 pad 2 by 1",
                                         "tiles s2 pad 1 by 0", "152-190 3x3 s2 16x10" };
    assert_all_suit(weights_suit, names, CASE_COUNT(names));
}

Test(winograd, gradients_of_weights_are_left_to_the_direct_way_where_it_is_needed_or_better)
{
    const conv_row good = { "", 256, 64, 28, 28, 64, 3, 3, CONV(2, 1), 0, 0 };
    cr_assert(weights_suit(good));
    conv_row r = good;
    r.p.stride[1] = 1;
    cr_assert(!weights_suit(r));
    r.p.stride[0] = r.p.stride[1] = 3;
    cr_assert(!weights_suit(r));
    r = good;
    r.p.dilation[1] = 2;
    cr_assert(!weights_suit(r));
    r = good;
    r.r = r.s = 5;
    cr_assert(!weights_suit(r));
    r = good;
    r.h = r.w = 4; /* 25 taps meet a pixel, a tile of 2x2 results has 36 positions */
    cr_assert(!weights_suit(r));
}

static bool share_suits(conv_row r)
{
    const conv_geometry g = geometry(&r);
    const int64_t blocks = conv_chunk_blocks(&g), shared = winograd_share_cost(&g, blocks);
    return winograd_suits(&g, true) && shared < conv_work(&g) && shared < winograd_weights_cost(&g, blocks);
}

/* Images that do not fill a block, channels and outputs that do not fill their panels, tiles of 3 results beside those of 4
 * and alone, any padding, both sizes of windows. */
Test(winograd, rows_of_conformance_meet_the_gradient_of_weights_beside_that_of_inputs)
{
    static const char *const names[] = { "72-64 3x3 s1 7x6",    "40-24 3x3 s1 4",   "tiles of 6x7",
                                         "tiles of pad 2 by 1", "tiles beyond",     "tiles of 3x3",
                                         "tiles 5x5 of 9x10",   "tiles 5x5 of 5x7", "tiles 5x5 pad 1" };
    assert_all_suit(share_suits, names, CASE_COUNT(names));
}

/* ---- rounds of images ---- */

enum { CHANNELS = 128, OUTPUTS = 256, SIDE = 6, IMAGES = 40, BLOCKS = 3, WEIGHTS = CHANNELS * OUTPUTS * 9 };

typedef struct chunks_job {
    const winograd_weights *j;
    lane_map dz;
    int64_t first;
} chunks_job;

static void run_chunks(void *arg, int64_t first, int64_t last)
{
    const chunks_job *job = arg;
    for (int64_t chunk = job->first + first; chunk < job->first + last; chunk++) {
        lane_map dz = job->dz;
        dz.at += chunk * dz.block;
        winograd_weights_chunk(job->j, chunk, dz, NULL);
    }
}

static socle_tensor *blocks_of(socle_device *d, int channels, int side, uint64_t seed)
{
    static double values[IMAGES * OUTPUTS * SIDE * SIDE];
    const socle_shape s = socle_shape4(IMAGES, channels, side, side);
    fill_random(values, shape_count(s), seed, -1, 1);
    return tensor_lanes(d, SOCLE_F32, s, SOCLE_LANES, values);
}

/* dw as the sum of all rounds, in the format they have; how many rounds. */
static int64_t gradient(cpu_device *d, const conv_geometry *g, lane_map x, lane_map dz, int64_t round_floats,
                        double *dw)
{
    static float share[WEIGHTS];
    workspace ws = { .device = d };
    winograd_weights j;
    cr_assert_eq(winograd_weights_prepare(&ws, &j, g, x, 1, round_floats), SOCLE_OK);
    cr_assert(j.kept);
    memset(dw, 0, WEIGHTS * sizeof *dw);
    for (int64_t i = 0; i < j.rounds; i++) {
        chunks_job job = { &j, dz, i * j.round };
        cpu_for(d->threads, i + 1 < j.rounds ? j.round : BLOCKS - job.first, 1, run_chunks, &job);
        winograd_weights_round(d, &j, i, share);
        for (int k = 0; k < WEIGHTS; k++)
            dw[k] += (double)share[k];
    }
    (void)workspace_end(&ws, SOCLE_OK);
    return j.rounds;
}

/* Large batches are cut so that what is kept of them fits memory. */
static void assert_rounds_are_all_at_once(socle_conv p)
{
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ .threads = 2 });
    const conv_row r = { "", IMAGES, CHANNELS, SIDE, SIDE, OUTPUTS, 3, 3, p, 0, 0 };
    const conv_geometry g = geometry(&r);
    socle_tensor *x = blocks_of(d, CHANNELS, SIDE, 1), *dz = blocks_of(d, OUTPUTS, conv_row_out(&r, 0), 2);
    const socle_view vx = socle_view_of(x), vz = socle_view_of(dz);
    static double once[WEIGHTS], in_rounds[WEIGHTS];
    cpu_device *self = socle_device_self(d);
    cr_assert_eq(gradient(self, &g, lane_map_of(&vx), lane_map_of(&vz), WINOGRAD_WEIGHTS_ROUND, once), 1);
    cr_assert_eq(gradient(self, &g, lane_map_of(&vx), lane_map_of(&vz), 1, in_rounds), BLOCKS);
    /* Sums over images and pixels in another order; transforms enlarge an error by up to 36. */
    const budget b = budget_sum(SOCLE_F32, IMAGES * SIDE * SIDE, 36);
    cr_assert(values_close(in_rounds, once, WEIGHTS, b), "%s", support_message());
    socle_release(x);
    socle_release(dz);
    socle_device_close(d);
}

Test(winograd, gradients_of_weights_in_rounds_are_those_of_all_images_at_once)
{
    assert_rounds_are_all_at_once((socle_conv)CONV(1, 1));
}

Test(winograd, and_so_they_are_with_stride_2)
{
    assert_rounds_are_all_at_once((socle_conv)CONV(2, 1));
}

/* Which convolutions go by tiles of 4x4 or 2x2. */
#include <criterion/criterion.h>
#include <string.h>
#include "cpu/winograd.h"
#include "cases/conv.h"

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
    cr_assert_geq(rows, 7);
}

Test(winograd, does_not_take_what_it_cannot_do)
{
    const conv_row good = { "", 256, 64, 28, 28, 64, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(suits(good, false) && suits(good, true));
    conv_row r = good;
    r.p.stride[1] = 2;
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
    const conv_row small = { "", 256, 64, 2, 2, 64, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(!suits(small, false) && !suits(small, true));
    const conv_row thin = { "", 256, 1, 28, 28, 8, 3, 3, CONV(1, 1), 0, 0 };
    cr_assert(!suits(thin, false) && !suits(thin, true));
}

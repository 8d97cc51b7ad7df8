/* Rasters at another size: squares when enlarged, means when shrunk. */
#include <criterion/criterion.h>
#include <math.h>
#include "plot/raster.h"

Test(raster, enlarged_pixels_are_squares_of_one_value)
{
    float v[6] = { 0, 1, 2, 3, 4, 5 };
    raster r = { .value = v, .channels = 1, .rows = 2, .columns = 3, .low = 0, .high = 5 };
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 12; j++)
            cr_assert_float_eq(raster_share(&r, 0, 8, 12, i, j), (double)v[i / 4 * 3 + j / 4] / 5, 1e-12);
}

Test(raster, shrunk_pixels_are_means_and_every_value_counts)
{
    enum { ROWS = 30, COLUMNS = 42 };
    static float v[ROWS * COLUMNS];
    double mean = 0, sum = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        v[i] = (float)(i * 37 % 101);
        mean += (double)v[i] / (ROWS * COLUMNS);
    }
    raster r = { .value = v, .channels = 1, .rows = ROWS, .columns = COLUMNS, .low = 0, .high = 100 };
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 7; j++)
            sum += raster_share(&r, 0, 5, 7, i, j) * 100;
    cr_assert_float_eq(sum / 35, mean, 1e-9);
}

Test(raster, missing_values_are_left_out_of_means_and_shown_where_alone)
{
    float v[4] = { NAN, 1, NAN, INFINITY };
    raster r = { .value = v, .channels = 1, .rows = 2, .columns = 2, .low = 0, .high = 2 };
    cr_assert_eq(raster_share(&r, 0, 1, 1, 0, 0), 0.5);
    cr_assert(isnan(raster_share(&r, 0, 2, 1, 1, 0)));
}

Test(raster, row_zero_is_below_where_the_origin_is)
{
    float v[2] = { 0, 1 };
    raster r = { .value = v, .channels = 1, .rows = 2, .columns = 1, .low = 0, .high = 1, .origin_low = true };
    cr_assert(raster_share(&r, 0, 2, 1, 0, 0) == 1 && raster_share(&r, 0, 2, 1, 1, 0) == 0);
}

Test(raster, channels_are_planes_and_shares_are_cut)
{
    float v[4] = { 0, 0, -5, 50 };
    raster r = { .value = v, .channels = 2, .rows = 1, .columns = 2, .low = 0, .high = 10 };
    cr_assert(raster_share(&r, 1, 1, 2, 0, 0) == 0 && raster_share(&r, 1, 1, 2, 0, 1) == 1);
}

/* Samples into batch memory: every format and type gives the number computed in double and rounded once. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "data/batch.h"

enum { LANES = SOCLE_LANES };

static const double mul = 1.0 / 255.0, add = -0.1307;

/* 37 = 4 times eight and a rest, as the hot loop takes eight at a time. */
static uint8_t bytes_of(size_t image, size_t i)
{
    return (uint8_t)(image * 31 + i * 7 + (image * i) % 11);
}

static void fill_rows(uint8_t *memory, const void **row, size_t n, size_t length)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < length; i++)
            memory[k * length + i] = bytes_of(k, i);
        row[k] = memory + k * length;
    }
}

Test(batch, a_full_block_of_images_is_transposed_into_lanes)
{
    enum { LENGTH = 37 };
    static uint8_t memory[LANES * LENGTH];
    static float out[2 * LANES * LENGTH + 1];
    const void *row[LANES];
    fill_rows(memory, row, LANES, LENGTH);
    memset(out, 0xff, sizeof out);
    batch_side s = batch_side_of(SOCLE_U8, SOCLE_F32, socle_shape1(LENGTH), mul, add);
    batch_put(&s, (batch_memory){ out, LANES }, LANES, LANES, row);
    for (size_t i = 0; i < LENGTH; i++)
        for (size_t k = 0; k < LANES; k++)
            cr_assert_eq(out[(LENGTH + i) * LANES + k], (float)(bytes_of(k, i) * mul + add),
                         "element %zu, image %zu", i, k);
    uint32_t guard;
    memcpy(&guard, &out[LANES * LENGTH - 1], 4);
    cr_assert_eq(guard, 0xffffffffu, "written before the block");
    memcpy(&guard, &out[2 * LANES * LENGTH], 4);
    cr_assert_eq(guard, 0xffffffffu, "written behind the block");
}

Test(batch, a_partial_block_leaves_zeros_in_the_lanes_beyond)
{
    enum { LENGTH = 9, COUNT = 5 };
    static uint8_t memory[COUNT * LENGTH];
    static float out[LANES * LENGTH];
    const void *row[COUNT];
    fill_rows(memory, row, COUNT, LENGTH);
    memset(out, 0xff, sizeof out);
    batch_side s = batch_side_of(SOCLE_U8, SOCLE_F32, socle_shape3(1, 3, 3), mul, add);
    batch_put(&s, (batch_memory){ out, LANES }, 0, COUNT, row);
    for (size_t i = 0; i < LENGTH; i++)
        for (size_t k = 0; k < LANES; k++)
            cr_assert_eq(out[i * LANES + k], k < COUNT ? (float)(bytes_of(k, i) * mul + add) : 0.0f);
}

Test(batch, row_major_and_double_and_float_samples_agree)
{
    enum { LENGTH = 6, COUNT = 3 };
    static uint8_t memory[COUNT * LENGTH];
    float reals[COUNT * LENGTH], f32[COUNT * LENGTH], f32_of_f32[COUNT * LENGTH];
    double f64[COUNT * LENGTH], f64_of_f32[COUNT * LENGTH];
    const void *row[COUNT], *real_row[COUNT];
    fill_rows(memory, row, COUNT, LENGTH);
    for (size_t i = 0; i < COUNT * LENGTH; i++)
        reals[i] = memory[i];
    for (size_t k = 0; k < COUNT; k++)
        real_row[k] = reals + k * LENGTH;
    socle_shape shape = socle_shape1(LENGTH);
    batch_side u8_f32 = batch_side_of(SOCLE_U8, SOCLE_F32, shape, mul, add);
    batch_side u8_f64 = batch_side_of(SOCLE_U8, SOCLE_F64, shape, mul, add);
    batch_side f32_f32 = batch_side_of(SOCLE_F32, SOCLE_F32, shape, mul, add);
    batch_side f32_f64 = batch_side_of(SOCLE_F32, SOCLE_F64, shape, mul, add);
    batch_put(&u8_f32, (batch_memory){ f32, 1 }, 0, COUNT, row);
    batch_put(&u8_f64, (batch_memory){ f64, 1 }, 0, COUNT, row);
    batch_put(&f32_f32, (batch_memory){ f32_of_f32, 1 }, 0, COUNT, real_row);
    batch_put(&f32_f64, (batch_memory){ f64_of_f32, 1 }, 0, COUNT, real_row);
    for (size_t i = 0; i < COUNT * LENGTH; i++) {
        cr_assert_eq(f64[i], memory[i] * mul + add);
        cr_assert_eq(f64_of_f32[i], f64[i]);
        cr_assert_eq(f32[i], (float)f64[i]);
        cr_assert_eq(f32_of_f32[i], f32[i]);
    }
}

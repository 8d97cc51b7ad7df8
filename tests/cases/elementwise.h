/* Fill, copy, unary, binary, where, axpby, add_relu: shapes for all of them, and per function the operands that make sense. */
#ifndef CASES_ELEMENTWISE_H
#define CASES_ELEMENTWISE_H

#include "case.h"

/* clang-format off */
static const shape_row elementwise_shapes[] = {
    { 0, { 0 }, 0 },
    { 1, { 1 }, 0 },
    { 1, { 2 }, 0 },
    { 1, { 7 }, 0 },
    { 1, { 8 }, 0 },
    { 1, { 9 }, 0 },
    { 1, { 15 }, 0 },
    { 1, { 16 }, 0 },
    { 1, { 17 }, 0 },
    { 1, { 31 }, 0 },
    { 1, { 33 }, 0 },
    { 1, { 63 }, 0 },
    { 1, { 65 }, 0 },
    { 1, { 251 }, 0 },
    { 2, { 1, 19 }, 0 },
    { 2, { 7, 5 }, 0 },
    { 2, { 16, 3 }, 0 },
    { 2, { 33, 17 }, 0 },
    { 3, { 5, 1, 16 }, 0 },
    { 4, { 1, 3, 5, 7 }, 0 },
    { 4, { 15, 2, 3, 3 }, 0 },
    { 4, { 16, 3, 2, 5 }, 0 },
    { 4, { 17, 2, 1, 4 }, 0 },
    { 6, { 2, 3, 1, 2, 5, 3 }, 0 },
    { 1, { 0 }, 0 },
    { 2, { 0, 5 }, 0 },
    { 4, { 16, 0, 3, 2 }, 0 },
    { 4, { 67, 16, 11, 12 }, CASE_LARGE },
    { 4, { 256, 16, 14, 14 }, CASE_BENCH | CASE_HUGE },
};

/* Functions of unary.def that cannot take any x of [-4, 4), with a = 0.25, b = 0.5 and c = 2, or need more than 4 eps. */
typedef struct unary_row {
    socle_unary op;
    double lo, hi;
    float a, b, c;
    double budget;
    double floor; /* a result of this size is where relative accuracy ends */
} unary_row;

static const unary_row unary_rows[] = {
    { SOCLE_UNARY_log,        0.01, 20, 0, 0, 0, 0, 0.25 }, /* about x = 1 the vector version is accurate to eps, not to eps |y| */
    { SOCLE_UNARY_sqrt,       0.01, 20, 0, 0, 0, 0, 0 },
    { SOCLE_UNARY_affine,     -4, 4, 1.5f, -0.75f, 0, 0, 6 }, /* cancels: the bound is by the terms */
    { SOCLE_UNARY_clamp,      -4, 4, -1.5f, 2, 0, 0, 0 },
    { SOCLE_UNARY_leaky_relu, -4, 4, 0.1f, 0, 0, 0, 0 },
    { SOCLE_UNARY_sigmoid,    -9, 9, 0, 0, 0, 0, 0 },
    { SOCLE_UNARY_tanh,       -9, 9, 0, 0, 0, 0, 0 },
    { SOCLE_UNARY_general_relu, -4, 4, 0.1f, 0.4f, 2, 0, 4 }, /* cancels: the bound is by the terms */
    { SOCLE_UNARY_monotone_relu, -4, 4, 0.1f, 0.4f, 2, 0, 4 },
    { SOCLE_UNARY_silu,       -9, 9, 0, 0, 0, 0, 0 },
    { SOCLE_UNARY_gelu,       -4, 4, 0, 0, 0, 32, 0 }, /* the exponent's rounding, x^2 / 2 eps, and OpenCL's erfc: 16 units */
    { SOCLE_UNARY_gelu_tanh,  -4, 4, 0, 0, 0, 32, 0 }, /* three roundings of an exponent of up to 11 */
    { SOCLE_UNARY_mish,       -9, 9, 0, 0, 0, 8, 0 },  /* exp enters twice where x < 0 */
};
/* clang-format on */

static inline unary_row unary_row_of(socle_unary op)
{
    for (size_t i = 0; i < CASE_COUNT(unary_rows); i++)
        if (unary_rows[i].op == op)
            return unary_rows[i];
    return (unary_row){ .op = op, .lo = -4, .hi = 4, .a = 0.25f, .b = 0.5f, .c = 2 };
}

/* Shapes whose operands broadcast: bit i of a mask is dimension i, which that operand repeats (stride 0). */
typedef struct broadcast_row {
    shape_row shape;
    uint32_t a, b;
} broadcast_row;

/* clang-format off */
static const broadcast_row broadcast_rows[] = {
    { { 1, { 17 }, 0 }, 0, 1 },
    { { 2, { 7, 5 }, 0 }, 0, 1 },
    { { 2, { 7, 5 }, 0 }, 2, 1 },
    { { 2, { 33, 16 }, 0 }, 0, 2 },
    { { 2, { 16, 9 }, 0 }, 3, 0 },
    { { 4, { 17, 3, 4, 5 }, 0 }, 0, 1 | 4 | 8 },  /* per channel */
    { { 4, { 16, 2, 3, 3 }, 0 }, 0, 2 | 4 | 8 },  /* per image */
    { { 4, { 9, 5, 3, 2 }, 0 }, 1, 4 | 8 },
    { { 4, { 15, 2, 3, 5 }, 0 }, 8, 1 | 2 },
    { { 4, { 64, 16, 14, 14 }, CASE_LARGE }, 0, 1 | 4 | 8 },
};

/* y = a x + b y */
static const float axpby_rows[][2] = { { 1, 1 }, { 0.5f, 0 }, { -1.5f, 0.25f }, { 0, 0.5f }, { 1, 0 } };
/* clang-format on */

#endif

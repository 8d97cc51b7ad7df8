/* Matrix products, and linear layers, whose sizes are about the register tiles and the cache blocks. */
#ifndef CASES_GEMM_H
#define CASES_GEMM_H

#include "case.h"

/* c (batch..., m, n) = alpha a (batch..., m, k) b (batch..., k, n) + beta c; batch 0: no such dimension. */
typedef struct gemm_row {
    int batch[2];
    int m, n, k;
    float alpha, beta;
    unsigned flags;
    double budget;
} gemm_row;

/* clang-format off */
static const gemm_row gemm_rows[] = {
    { { 0, 0 }, 1, 1, 1,          1, 0, 0, 0 },
    { { 0, 0 }, 1, 1, 37,         1, 0, 0, 0 },
    { { 0, 0 }, 1, 17, 5,         1, 0, 0, 0 },
    { { 0, 0 }, 17, 1, 5,         1, 0, 0, 0 },
    { { 0, 0 }, 2, 3, 4,          2, 1, 0, 0 },
    { { 0, 0 }, 5, 7, 11,         1, 0.5f, 0, 0 },
    { { 0, 0 }, 7, 15, 8,         1, 0, 0, 0 },
    { { 0, 0 }, 8, 16, 9,         -1, 1, 0, 0 },
    { { 0, 0 }, 9, 17, 7,         1, 0, 0, 0 },
    { { 0, 0 }, 15, 31, 3,        1, 1, 0, 0 },
    { { 0, 0 }, 16, 32, 16,       0.5f, 0, 0, 0 },
    { { 0, 0 }, 17, 33, 17,       1, -2, 0, 0 },
    { { 0, 0 }, 13, 47, 19,       1, 0, 0, 0 },
    { { 0, 0 }, 14, 48, 33,       1, 1, 0, 0 },
    { { 0, 0 }, 11, 32, 6,        1, 0, 0, 0 }, /* tiles of every height */
    { { 0, 0 }, 12, 33, 5,        1, 1, 0, 0 },
    { { 0, 0 }, 22, 49, 20,       1, 0, 0, 0 },
    { { 0, 0 }, 24, 64, 9,        1, 0.5f, 0, 0 },
    { { 0, 0 }, 3, 3, 0,          1, 0, 0, 0 }, /* no terms: c = beta c */
    { { 0, 0 }, 5, 17, 0,         1, 0.5f, 0, 0 },
    { { 0, 0 }, 0, 3, 4,          1, 0, 0, 0 },
    { { 0, 0 }, 6, 5, 4,          0, 0.5f, 0, 0 }, /* alpha 0 */
    { { 3, 0 }, 5, 6, 7,          1, 0, 0, 0 },
    { { 2, 3 }, 4, 17, 5,         1, 1, 0, 0 },
    { { 17, 0 }, 3, 4, 2,         1, 0, 0, 0 },
    { { 16, 2 }, 2, 3, 5,         1, 0, 0, 0 },
    { { 0, 0 }, 65, 130, 300,     1, 0, CASE_LARGE, 0 },
    { { 0, 0 }, 127, 129, 67,     1, 1, CASE_LARGE, 0 },
    { { 0, 0 }, 257, 63, 33,      1, 0, CASE_LARGE, 0 },
    { { 0, 0 }, 10, 300, 1031,    1, 0, CASE_LARGE, 0 },
    { { 0, 0 }, 20, 4133, 40,     1, 1, CASE_LARGE, 0 }, /* several blocks of columns, of rows, of both */
    { { 0, 0 }, 533, 40, 37,      1, 0, CASE_LARGE, 0 },
    { { 0, 0 }, 300, 2100, 21,    1, 0, CASE_LARGE, 0 },
    { { 8, 0 }, 64, 33, 40,       1, 0, CASE_LARGE, 0 },
    { { 0, 0 }, 256, 256, 256,    1, 0, CASE_BENCH | CASE_LARGE, 0 },
    { { 0, 0 }, 256, 50, 784,     1, 0, CASE_BENCH | CASE_LARGE, 0 },
    { { 0, 0 }, 512, 512, 512,    1, 0, CASE_BENCH | CASE_HUGE, 0 },
    { { 0, 0 }, 1024, 1024, 1024, 1, 0, CASE_BENCH | CASE_HUGE, 0 },
    { { 0, 0 }, 2048, 2048, 2048, 1, 0, CASE_BENCH | CASE_HUGE, 0 },
    { { 0, 0 }, 16, 200704, 72,   1, 0, CASE_BENCH | CASE_HUGE, 0 }, /* convolutions of 64 images as products */
    { { 0, 0 }, 64, 12544, 576,   1, 0, CASE_BENCH | CASE_HUGE, 0 },
    { { 0, 0 }, 512, 3136, 4608,  1, 0, CASE_BENCH | CASE_HUGE, 0 },
};

/* x (n, in), w (out, in), bias (out) -> y (n, out). */
typedef struct linear_row {
    int n, in, out;
    unsigned flags;
    double budget;
} linear_row;

static const linear_row linear_rows[] = {
    { 0, 5, 3,        0, 0 }, /* no images */
    { 3, 0, 4,        0, 0 }, /* no features: the bias */
    { 1, 1, 1,        0, 0 },
    { 1, 13, 7,       0, 0 },
    { 7, 5, 3,        0, 0 },
    { 8, 9, 4,        0, 0 },
    { 15, 16, 17,     0, 0 },
    { 16, 17, 16,     0, 0 },
    { 17, 33, 5,      0, 0 },
    { 31, 3, 31,      0, 0 },
    { 32, 31, 33,     0, 0 },
    { 33, 64, 10,     0, 0 },
    { 16, 1, 12,      0, 0 },
    { 16, 40, 1,      0, 0 },
    { 100, 300, 65,   CASE_LARGE, 0 },
    { 40, 530, 45,    CASE_LARGE, 0 }, /* few outputs: features are shared out too */
    { 256, 784, 30,   CASE_BENCH | CASE_LARGE, 0 },
    { 256, 784, 50,   CASE_BENCH | CASE_LARGE, 0 },
    { 256, 50, 10,    CASE_BENCH | CASE_LARGE, 0 },
    { 512, 16, 10,    CASE_BENCH | CASE_LARGE, 0 },
    { 256, 512, 1000, CASE_BENCH | CASE_HUGE, 0 },
};
/* clang-format on */

#endif

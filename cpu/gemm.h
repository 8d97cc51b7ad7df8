/* Matrix products on plain memory, for the routes that end in one. */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H

#include "device.h"

/* Element (i, j) lies at at[i * row + j * column]. */
typedef struct gemm_matrix {
    float *at;
    int64_t row, column;
} gemm_matrix;

/* c (m, n) = alpha a (m, k) b (k, n) + beta c. beta 0 does not read c; k may be 0. */
socle_status gemm_matrices(cpu_device *d, int64_t m, int64_t n, int64_t k, float alpha, gemm_matrix a,
                           gemm_matrix b, float beta, gemm_matrix c);

#endif

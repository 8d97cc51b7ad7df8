/* The serial kernel under matrix products: one tile of C from packed panels. Packing, blocking and threads are gemm.c's. */
#ifndef CPU_ISA_KERNELS_GEMM_H
#define CPU_ISA_KERNELS_GEMM_H

#include <stdint.h>

enum { GEMM_MAX_ROWS = 16, GEMM_MAX_COLUMNS = 32 };

struct cpu_gemm_kernels {
    int rows, columns; /* of the tile */
    /* c [rows][columns], row to row c_row floats, = alpha a b + beta c; a [k][rows], b [k][columns] packed. beta 0 does
     * not read c. */
    void (*tile)(int64_t k, const float *a, const float *b, float *c, int64_t c_row, float alpha, float beta);
};

#endif

/* The serial kernels under matrix products: one tile of C, and the packing of its operands. Blocks and threads are gemm.c's.
 *
 * A panel is what a tile reads of an operand, k steps one behind the other: [k][pitch] of A, [k][columns] of B. */
#ifndef CPU_ISA_KERNELS_GEMM_H
#define CPU_ISA_KERNELS_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* c = alpha a b + beta c, beta 0 does not read c. */
typedef struct gemm_tile {
    int rows, columns; /* of C, up to the largest tile's */
    int64_t k;
    float alpha, beta;
    const float *a; /* a panel */
    const float *b; /* a panel where b_row is its width, or a part of B itself, which has whole tiles alone */
    int64_t b_row;  /* floats from step to step */
    bool far;       /* b is B itself, which no cache may hold yet */
    float *packed;  /* far: the panel that b becomes on the way, or NULL */
    float *c;
    int64_t c_row, c_column;
} gemm_tile;

struct cpu_gemm_kernels {
    int rows, columns; /* of the largest tile */
    int pitch;         /* at least rows */
    int steps;         /* of k at a time, half as many more at most */
    void (*tile)(const gemm_tile *t);
    /* `count` lines of `length` elements side by side: to [length][pitch], from line to line `across`, from element to
     * element `along`. What lies behind the last line is finite where the lines are. */
    void (*pack)(float *to, int64_t pitch, const float *from, int64_t count, int64_t length, int64_t across,
                 int64_t along);
};

#endif

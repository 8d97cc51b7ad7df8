/* Elementwise kernels: rows of n elements, each operand with a stride in elements (0: the same element n times).
 * A result may be an operand's own memory, exactly. */
#ifndef CPU_KERNELS_ELEMENTWISE_H
#define CPU_KERNELS_ELEMENTWISE_H

#include <socle/sys/backend.h>

/* What copy knows: 32-bit elements of one type are moved as bits. */
typedef enum cpu_type { CPU_TYPE_F32, CPU_TYPE_I32, CPU_TYPE_U8, CPU_TYPES } cpu_type;

struct cpu_elementwise_kernels {
    void (*unary)(socle_unary op, int64_t n, float *y, int64_t sy, const float *x, int64_t sx, float a, float b,
                  float c);
    /* k: the kept operand, x or y; dy where none is. */
    void (*unary_grad)(socle_unary op, int64_t n, float *dx, int64_t sdx, const float *dy, int64_t sdy,
                       const float *k, int64_t sk, float a, float b, float c);
    void (*binary)(socle_binary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa, const float *b,
                   int64_t sb);
    void (*binary_grad)(socle_binary op, int side, int64_t n, float *d, int64_t sd, const float *dy, int64_t sdy,
                        const float *a, int64_t sa, const float *b, int64_t sb);
    /* Comparisons of two operands of one type. */
    void (*compare)(socle_binary op, cpu_type type, int64_t n, uint8_t *y, int64_t sy, const void *a, int64_t sa,
                    const void *b, int64_t sb);
    /* Elements of 4 bytes, or of 1. */
    void (*where)(int bytes, int64_t n, void *y, int64_t sy, const uint8_t *cond, int64_t sc, const void *a,
                  int64_t sa, const void *b, int64_t sb);
    void (*axpby)(int64_t n, float *y, int64_t sy, const float *x, int64_t sx, float a, float b);
    /* Of the slot's two functions. */
    void (*add_relu)(socle_unary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa, const float *b,
                     int64_t sb, float leak, float sub, float max);
    /* The same 4 bytes, or 1, everywhere. */
    void (*fill)(int bytes, int64_t n, void *y, int64_t sy, uint32_t pattern);
    void (*copy)(cpu_type to, cpu_type from, int64_t n, void *y, int64_t sy, const void *x, int64_t sx);
    /* y[i * ldy + j] = x[j * ldx + i], i < rows, j < cols, elements of 4 bytes. */
    void (*transpose)(int64_t rows, int64_t cols, float *y, int64_t ldy, const float *x, int64_t ldx);
};

#endif

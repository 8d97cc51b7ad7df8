/* The serial inner kernels of one instruction set. Every table is complete: isa_<name>.c makes all of them from
 * the same bodies (isa/body_*.h), so a new instruction set is correct on its first day. Threads, blocking and
 * formats are the business of the files above (conv.c, gemm.c, elementwise.c ...), which are compiled once. */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include <socle/sys/backend.h>

struct cpu_elementwise_kernels;      /* isa/kernels_elementwise.h */
struct cpu_reduce_kernels;           /* isa/kernels_reduce.h: reductions, softmax, cross entropy */
struct cpu_pool_kernels;             /* isa/kernels_pool.h */
struct cpu_random_kernels;           /* isa/kernels_random.h */
struct cpu_optim_kernels;            /* isa/kernels_optim.h */
struct cpu_gemm_kernels;             /* isa/kernels_gemm.h */
struct cpu_conv_kernels;             /* isa/kernels_conv.h: convolution and linear layers in the lane format */
struct cpu_dots_kernels;             /* isa/kernels_dots.h: products of a few rows */
struct cpu_norm_kernels;             /* isa/kernels_norm.h */
struct cpu_winograd_kernels;         /* isa/kernels_winograd.h: convolutions of 3x3 windows */
struct cpu_winograd_weights_kernels; /* isa/kernels_winograd_weights.h: gradients of their weights */

struct cpu_kernels {
    const char *name; /* "avx512": what SOCLE_CPU_ISA says */
    int width;        /* floats in a register */
    const struct cpu_elementwise_kernels *elementwise;
    const struct cpu_reduce_kernels *reduce;
    const struct cpu_pool_kernels *pool;
    const struct cpu_random_kernels *random;
    const struct cpu_optim_kernels *optim;
    const struct cpu_gemm_kernels *gemm;
    const struct cpu_conv_kernels *conv;
    const struct cpu_dots_kernels *dots;
    const struct cpu_norm_kernels *norm;
    const struct cpu_winograd_kernels *winograd;
    const struct cpu_winograd_kernels *winograd_fives;
    const struct cpu_winograd_kernels *winograd_strided;
    const struct cpu_winograd_kernels *winograd_pairs;
    const struct cpu_winograd_weights_kernels *winograd_weights;
};

extern const struct cpu_kernels socle_cpu_scalar, socle_cpu_avx2, socle_cpu_avx512, socle_cpu_neon;

#endif

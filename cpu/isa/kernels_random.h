/* Philox 4x32-10 (sys/philox.h), many blocks at once. */
#ifndef CPU_KERNELS_RANDOM_H
#define CPU_KERNELS_RANDOM_H

#include <socle/sys/backend.h>

struct cpu_random_kernels {
    /* out[i]: the number in [0, 1) of element first + i * step of draw r. */
    void (*uniform)(socle_philox r, int64_t first, int64_t step, int64_t n, float *out);
    /* out[i]: the standard normal number of element first + i * step. */
    void (*normal)(socle_philox r, int64_t first, int64_t step, int64_t n, float *out);
    /* y[i * sy] = u[i] < p ? 0 : x[i * sx] / (1 - p). y may be x. */
    void (*dropout)(int64_t n, float *y, int64_t sy, const float *x, int64_t sx, const float *u, float p);
};

#endif

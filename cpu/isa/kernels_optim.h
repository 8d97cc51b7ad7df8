/* Optimizer steps on rows. */
#ifndef CPU_KERNELS_OPTIM_H
#define CPU_KERNELS_OPTIM_H

#include <socle/sys/backend.h>

struct cpu_optim_kernels {
    /* n elements of parameter p, gradient g and momentum m (NULL: none), each with a stride in elements. */
    void (*sgd)(int64_t n, float *p, int64_t sp, const float *g, int64_t sg, float *m, int64_t sm,
                const socle_sgd_args *a);
    /* The same with averages m and v (NULL: none). */
    void (*adam)(int64_t n, float *p, int64_t sp, const float *g, int64_t sg, float *m, int64_t sm, float *v,
                 int64_t sv, const socle_adam_args *a);
};

#endif

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
    /* Of rows without gaps: brings m and v up to date, and s gets the direction of LAMB's step. */
    void (*lamb_average)(int64_t n, const float *p, const float *g, float *m, float *v, float *s,
                         const socle_lamb_args *a);
    /* p -= rate s, with the s of these m and v once more: it is cheaper than to have kept it. */
    void (*lamb_step)(int64_t n, float *p, const float *m, const float *v, float rate, const socle_lamb_args *a);
};

#endif

/* Norms, by rows: the pixels of one channel of a block of 16 images, or of one image. Element i of a row belongs to lane
 * i % 16; in a row of one image that means nothing, and its length need not be a multiple of 16. Small images have rows of few
 * numbers, so most kernels take the rows of several channels. */
#ifndef CPU_KERNELS_NORM_H
#define CPU_KERNELS_NORM_H

#include <stdbool.h>
#include <stdint.h>

enum { NORM_LANES = 16 };

typedef enum cpu_norm_act { CPU_NORM_PLAIN, CPU_NORM_RELU, CPU_NORM_GENERAL } cpu_norm_act;

/* z = (x - mean) inverse gamma + beta, y = act(z); sys/backend.h has act. This is of the first row. */
typedef struct cpu_norm_row {
    bool each_lane;              /* mean and inverse: (16), one for each lane; else one number */
    const float *mean, *inverse; /* inverse: 1 / sqrt(var + eps) */
    const float *gamma, *beta;   /* NULL: 1 and 0 */
    int64_t step;                /* elements that share a gamma: 16 or 1; 0: the row has one */
    int64_t next, next_affine;   /* from row to row: of mean, inverse and what is alike; of gamma and beta */
    cpu_norm_act act;
    bool stream;  /* what `apply` makes, past the caches, in rows that are aligned to cache lines */
    bool of_relu; /* x is a ReLU's result, and grad goes on through it: 0 where x is 0; step 0 and act PLAIN only */
    float leak, sub, max;
} cpu_norm_row;

struct cpu_norm_kernels {
    /* Per lane, mean and m2 (sum of squared differences from the mean) of the n / 16 numbers x - shift (16) joined with
     * those that mean and m2 hold already; `before` numbers a lane (Chan, Golub and LeVeque 1983). A shift near the
     * mean keeps the digits of small differences between large numbers. */
    void (*moments)(int64_t n, const float *x, const float *shift, int64_t before, float *mean, float *m2);
    /* Of all n numbers x - shift together. */
    void (*row_moments)(int64_t n, const float *x, float shift, float *mean, float *m2);
    /* Rows of n numbers, y_step and x_step from one to the next. y may be x. */
    void (*apply)(const cpu_norm_row *r, int64_t rows, int64_t n, float *y, int64_t y_step, const float *x,
                  int64_t x_step);
    /* Per row (16) and lane: sum += dz, with_x += dz (x - mean), where dz = dy act'(z), times gamma where step is not 0. */
    void (*grad_sums)(const cpu_norm_row *r, int64_t rows, int64_t n, const float *dy, int64_t dy_step,
                      const float *x, int64_t x_step, float *sum, float *with_x);
    /* dx = gamma inverse dz + a + b (x - mean); a and b as mean. steps: of dx, dy and x. dx may be dy. */
    void (*grad)(const cpu_norm_row *r, int64_t rows, int64_t n, float *dx, const float *dy, const float *x,
                 const int64_t steps[3], const float *a, const float *b);
    /* step is 16 or 1: dgamma[i / step] += dz (x - mean) inverse, dbeta[i / step] += dz over the first `valid` of 16
     * lanes, or where step is 1 of the one image. Either may be NULL. */
    void (*grad_elements)(const cpu_norm_row *r, int64_t n, int valid, const float *dy, const float *x,
                          float *dgamma, float *dbeta);
};

#endif

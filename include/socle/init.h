/* Initial weights. Drawn on the host by counter, so they are the same on every device. */
#ifndef SOCLE_INIT_H
#define SOCLE_INIT_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A stream of random numbers: Philox 4x32-10 (sys/philox.h), `counter` words drawn so far. A value; copy it freely. */
typedef struct socle_rng {
    uint64_t key, counter;
} socle_rng;
SOCLE_API uint32_t socle_rng_word(socle_rng *r);
SOCLE_API double socle_rng_uniform(socle_rng *r);                /* [0, 1), 24 bits */
SOCLE_API double socle_rng_normal(socle_rng *r);                 /* mean 0, standard deviation 1 */
SOCLE_API uint64_t socle_rng_below(socle_rng *r, uint64_t n);    /* {0 .. n-1} without bias; n > 0 */

/* fill writes numel(s) numbers, row-major. self carries the parameters a, b and fan_out. */
typedef struct socle_init {
    void (*fill)(const struct socle_init *self, socle_shape s, socle_rng *r, float *out);
    double a, b;
    bool fan_out;
} socle_init;

/* Weights (out, in, ...): fan in = in * numbers per window, fan out = out * numbers per window. */
SOCLE_API int64_t socle_fan(socle_shape s, bool out);
/* sqrt(2 / (1 + leak^2)): what keeps the variance through a leaky ReLU (He et al. 2015). */
SOCLE_API double socle_gain(double leak);

SOCLE_API socle_init socle_init_constant(double v);
SOCLE_API socle_init socle_init_uniform(double low, double high);
SOCLE_API socle_init socle_init_normal(double mean, double std);
/* Standard deviation gain(leak) / sqrt(fan); the uniform form has bound sqrt(3) of that. */
SOCLE_API socle_init socle_init_kaiming_normal(double leak, bool fan_out);
SOCLE_API socle_init socle_init_kaiming_uniform(double leak, bool fan_out);
/* Standard deviation gain sqrt(2 / (fan in + fan out)), between what keeps activations and what keeps gradients (Glorot and
 * Bengio 2010); the uniform form has bound sqrt(3) of that. gain 1 for linear layers. */
SOCLE_API socle_init socle_init_xavier_normal(double gain);
SOCLE_API socle_init socle_init_xavier_uniform(double gain);
/* U(-1, 1) / sqrt(fan_in): PyTorch's biases. Its default weights are socle_init_kaiming_uniform(sqrt(5), false). */
SOCLE_API socle_init socle_init_bias(int64_t fan_in);

/* t (F32 or F64) = numbers from init under stream r. */
SOCLE_API socle_status socle_init_tensor(socle_tensor *t, socle_init init, socle_rng *r);

#ifdef __cplusplus
}
#endif
#endif

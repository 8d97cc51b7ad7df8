/* Initial weights of whole networks. */
#ifndef SOCLE_WEIGHTS_H
#define SOCLE_WEIGHTS_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kaiming weights (fan in) and biases of 0 for every Conv2d of m, fast.ai's init_cnn; everything else keeps its values.
 * Streams as in socle_reset_parameters. */
typedef struct socle_init_cnn_desc {
    double leak;   /* slope for negative values of the activations that follow */
    bool uniform;  /* else normal */
    bool linear;   /* every Linear too */
    uint64_t seed;
} socle_init_cnn_desc;
SOCLE_API socle_status socle_init_cnn(socle_module *m, socle_init_cnn_desc o);

#ifdef __cplusplus
}
#endif
#endif

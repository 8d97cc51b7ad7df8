/* What norm.c and running_norm.c share. */
#ifndef NN_NORM_H
#define NN_NORM_H

#include "act.h"

/* o as the user gave it. */
socle_status norm_check(const socle_norm_desc *o);
socle_norm_desc norm_with_defaults(socle_norm_desc o);
socle_norm_opts norm_opts(const socle_norm_desc *o);
void norm_describe(const socle_norm_desc *o, char *buf, size_t cap);

/* Can m, a child of a convolution block, run in one op with the convolution in front of it? It is a batch norm, which nobody
 * watches. */
bool norm_joins_conv(const socle_module *m);
/* m of the convolution of x, with ReLU where relu says so. m joins. */
socle_tensor *norm_of_conv(socle_module *m, socle_ctx *c, socle_tensor *x, socle_tensor *weight, socle_tensor *bias,
                           socle_conv2d_opts o, bool relu);

/* o checked, with defaults. */
socle_module *running_norm_new(socle_device *d, socle_norm_desc o);

#endif

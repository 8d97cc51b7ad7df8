/* What norm.c and running_norm.c share. */
#ifndef NN_NORM_H
#define NN_NORM_H

#include "act.h"

/* o as the user gave it. */
socle_status norm_check(const socle_norm_desc *o);
socle_norm_desc norm_with_defaults(socle_norm_desc o);
socle_norm_opts norm_opts(const socle_norm_desc *o);
void norm_describe(const socle_norm_desc *o, char *buf, size_t cap);

/* o checked, with defaults. */
socle_module *running_norm_new(socle_device *d, socle_norm_desc o);

#endif

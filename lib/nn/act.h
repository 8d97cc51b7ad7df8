/* Activations by name, for the layers that end in one. */
#ifndef NN_ACT_H
#define NN_ACT_H

#include <socle/layers.h>

/* Does act exist? Raises ERR_ARG naming `layer` if not. */
bool act_exists(const char *layer, socle_act_kind act);
socle_tensor *act_apply(socle_ctx *c, socle_tensor *x, socle_act_kind act, float leak);
/* "relu", "leak 0.1"; "" for none. */
void act_describe(socle_act_kind act, float leak, char *buf, size_t cap);

#endif

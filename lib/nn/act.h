/* Activations by name, for the layers that end in one. */
#ifndef NN_ACT_H
#define NN_ACT_H

#include <socle/layers.h>

/* ERR_ARG, in the name of `layer`, for a kind that does not exist or parameters that are no numbers. */
socle_status act_check(const char *layer, const socle_act_desc *act);
/* act, which lies in m's state, is what m ends in. */
void act_attach(socle_module *m, socle_act_desc *act);
/* Does act do what the epilogue of convolutions does? */
bool act_is_relu(const socle_act_desc *act);
socle_tensor *act_apply(socle_ctx *c, socle_tensor *x, const socle_act_desc *act);
/* act_apply of a + b, in one pass where act is a ReLU of either kind. */
socle_tensor *act_apply_sum(socle_ctx *c, socle_tensor *a, socle_tensor *b, const socle_act_desc *act);
/* "relu", "leak 0.1", "general relu, leak 0.1, sub 0.4"; "" for none. */
void act_describe(const socle_act_desc *act, char *buf, size_t cap);

#endif

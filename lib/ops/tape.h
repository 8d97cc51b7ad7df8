/* The record of what has been computed, in execution order, from which backward walks back. */
#ifndef OPS_TAPE_H
#define OPS_TAPE_H

#include <socle/sys/op.h>

/* Does a gradient flow into t: is it a leaf that requires one, or a result on c's tape? t may be NULL. */
bool tape_wants(const socle_ctx *c, const socle_tensor *t);

/* Appends a finished call (inputs and outputs present, specs final) and marks out[0] as its result. Retains
 * what op keeps. c fails with nothing recorded when memory runs out. */
socle_status tape_record(const socle_op *op, const socle_call *k);

#endif

/* Execution context: the scope of intermediates, the tape, train or eval mode, the random stream, a sticky status.
 *
 * Ops on a ctx return borrowed tensors, or NULL; the first failure sticks, later ops return NULL at once and leave
 * the message alone. So a whole forward pass is written without a check and verified at its end. */
#ifndef SOCLE_CTX_H
#define SOCLE_CTX_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One thread of execution on one device. Not safe to share; make one per thread. */
typedef struct socle_ctx socle_ctx;
SOCLE_API socle_ctx *socle_ctx_new(socle_device *d, uint64_t seed);
SOCLE_API void socle_ctx_free(socle_ctx *c);
SOCLE_API socle_device *socle_ctx_device(const socle_ctx *c);

SOCLE_API socle_status socle_ctx_status(const socle_ctx *c); /* first failure since clear, or OK */
SOCLE_API void socle_ctx_clear(socle_ctx *c);                /* drops tape and scopes; status OK */
/* For ops written outside the library: makes s stick (unless one already does). Returns the sticky status. */
SOCLE_API socle_status socle_ctx_fail(socle_ctx *c, socle_status s);

/* A new ctx trains and records gradients. Each setter returns the previous value, for restoring. */
SOCLE_API bool socle_ctx_training(const socle_ctx *c);
SOCLE_API bool socle_ctx_set_training(socle_ctx *c, bool on);
SOCLE_API bool socle_ctx_grad(const socle_ctx *c);
SOCLE_API bool socle_ctx_set_grad(socle_ctx *c, bool on); /* off: ops record nothing */

/* The random stream of dropout and of the random ops: key is (seed, purpose), counter advances with every draw.
 * Saving and restoring the counter repeats the stream. */
SOCLE_API uint64_t socle_ctx_random_counter(const socle_ctx *c);
SOCLE_API void socle_ctx_set_random_counter(socle_ctx *c, uint64_t counter);

/* Between begin and end, ops' results belong to the scope. end releases them, except `keep`, which moves to the
 * enclosing scope and is returned. Scopes nest; results made outside any live until socle_ctx_clear or socle_ctx_free.
 * socle_forward opens one per module, so in evaluation the peak is one layer's intermediates, not the network's. Ending
 * the outermost scope also clears the tape: a batch cancelled after its forward pass leaves nothing behind. So a
 * training step is one scope, from the forward pass to the optimizer. */
typedef struct socle_scope {
    size_t mark, depth;
} socle_scope;
SOCLE_API socle_scope socle_scope_begin(socle_ctx *c);
SOCLE_API socle_tensor *socle_scope_end(socle_ctx *c, socle_scope s, socle_tensor *keep);

/* Adds d(loss)/d(p) to the gradient of every reachable tensor p that requires one, then clears the tape. loss: one
 * element, produced by this ctx since the last backward or clear (else ERR_STATE). Does not wait. */
SOCLE_API socle_status socle_backward(socle_ctx *c, socle_tensor *loss) SOCLE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

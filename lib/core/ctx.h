/* Scopes, mode, random stream, sticky status. The tape hangs here as pointer + destructor; lib/ops/tape.c knows it.
 */
#ifndef CORE_CTX_H
#define CORE_CTX_H

#include <socle/ctx.h>
#include <socle/sys/op.h>

struct socle_ctx {
    socle_device *device;
    socle_status status;
    bool training, grad;
    uint64_t seed, random_key, random_counter;
    socle_tensor **owned; /* results of ops, oldest first; scopes are marks into it */
    size_t n_owned, cap_owned;
    size_t n_scopes;   /* open scopes */
    struct tape *tape; /* NULL until the first recorded op */
    void (*tape_clear)(struct tape *t);
    void (*tape_free)(struct tape *t);
};

/* Takes over one reference to t and returns it borrowed; NULL, with t released and the ctx failed, when the list
 * cannot grow. t NULL: fails the ctx with the thread's last error. */
socle_tensor *ctx_own(socle_ctx *c, socle_tensor *t);

#endif

/* The execution context. Scopes are marks into one list of owned results; the tape hangs on it as a pointer with
 * two functions, so that this room knows nothing of gradients.
 *
 * A NULL ctx, which is what a failed socle_ctx_new gives, is a ctx that has failed. */
#include "ctx.h"

#include <socle/sys/philox.h>
#include "alloc.h"
#include "device.h"
#include "error.h"

/* ---- life ---- */

socle_ctx *socle_ctx_new(socle_device *d, uint64_t seed)
{
    if (d == NULL)
        return NULL;
    socle_ctx *c = socle_mem_zeroed(1, sizeof *c);
    if (c == NULL)
        return NULL;
    device_retain(d);
    c->device = d;
    c->training = c->grad = true;
    c->seed = seed;
    c->random_key = socle_philox_key(seed, SOCLE_PURPOSE_CTX, 0, 0);
    return c;
}

/* Releases results from mark on, but one reference to keep (or NULL), which moves to mark: what was there is released
 * by then, or is keep. */
static void release_from(socle_ctx *c, size_t mark, const socle_tensor *keep)
{
    size_t kept = mark;
    for (size_t i = mark; i < c->n_owned; i++) {
        socle_tensor *t = c->owned[i];
        if (t == keep && kept == mark)
            c->owned[kept++] = t;
        else
            socle_release(t);
    }
    c->n_owned = kept < c->n_owned ? kept : c->n_owned;
}

static void clear_tape(socle_ctx *c)
{
    if (c->tape != NULL)
        c->tape_clear(c->tape);
}

void socle_ctx_free(socle_ctx *c)
{
    if (c == NULL)
        return;
    release_from(c, 0, NULL);
    if (c->tape != NULL)
        c->tape_free(c->tape);
    socle_mem_free(c->owned);
    device_release(c->device);
    socle_mem_free(c);
}

socle_device *socle_ctx_device(const socle_ctx *c)
{
    return c == NULL ? NULL : c->device;
}

/* ---- status ---- */

/* A failure without a recorded cause is itself one. */
static socle_status last_failure(const char *what)
{
    socle_status s = socle_error_status();
    return s != SOCLE_OK ? s : socle_fail(SOCLE_ERR_STATE, "ctx: %s", what);
}

socle_status socle_ctx_status(const socle_ctx *c)
{
    return c == NULL ? last_failure("the ctx is NULL") : c->status;
}

socle_status socle_ctx_fail(socle_ctx *c, socle_status s)
{
    if (c == NULL)
        return s;
    if (c->status == SOCLE_OK)
        c->status = s;
    return c->status;
}

void socle_ctx_clear(socle_ctx *c)
{
    if (c == NULL)
        return;
    release_from(c, 0, NULL);
    clear_tape(c);
    c->n_scopes = 0;
    c->status = SOCLE_OK;
}

/* ---- modes ---- */

bool socle_ctx_training(const socle_ctx *c)
{
    return c != NULL && c->training;
}

bool socle_ctx_set_training(socle_ctx *c, bool on)
{
    bool before = socle_ctx_training(c);
    if (c != NULL)
        c->training = on;
    return before;
}

bool socle_ctx_grad(const socle_ctx *c)
{
    return c != NULL && c->grad;
}

bool socle_ctx_set_grad(socle_ctx *c, bool on)
{
    bool before = socle_ctx_grad(c);
    if (c != NULL)
        c->grad = on;
    return before;
}

/* ---- random stream: the counter counts Philox blocks of four words ---- */

uint64_t socle_ctx_random_counter(const socle_ctx *c)
{
    return c == NULL ? 0 : c->random_counter;
}

void socle_ctx_set_random_counter(socle_ctx *c, uint64_t counter)
{
    if (c != NULL)
        c->random_counter = counter;
}

socle_philox socle_ctx_draw(socle_ctx *c, int64_t n)
{
    socle_philox r = { c->random_key, c->random_counter };
    c->random_counter += ((uint64_t)n + 3) / 4;
    return r;
}

/* ---- scopes ---- */

socle_tensor *ctx_own(socle_ctx *c, socle_tensor *t)
{
    if (t == NULL) {
        socle_ctx_fail(c, last_failure("a result is missing"));
        return NULL;
    }
    socle_tensor **owned = socle_mem_grow(c->owned, &c->cap_owned, c->n_owned + 1, sizeof *owned);
    if (owned == NULL) {
        socle_release(t);
        socle_ctx_fail(c, SOCLE_ERR_NOMEM);
        return NULL;
    }
    c->owned = owned;
    owned[c->n_owned++] = t;
    return t;
}

socle_scope socle_scope_begin(socle_ctx *c)
{
    if (c == NULL)
        return (socle_scope){ 0 };
    return (socle_scope){ .mark = c->n_owned, .depth = c->n_scopes++ };
}

/* Inner scopes that were left without an end, by an early return, end here too. */
socle_tensor *socle_scope_end(socle_ctx *c, socle_scope s, socle_tensor *keep)
{
    if (c == NULL)
        return keep;
    release_from(c, s.mark, keep);
    if (s.depth < c->n_scopes)
        c->n_scopes = s.depth;
    if (c->n_scopes == 0)
        clear_tape(c);
    return keep;
}

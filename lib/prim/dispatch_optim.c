/* Primitives over lists of tensors: optimizer steps, and what is done to all gradients or weights at once. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

#include "core/alloc.h"

enum {
    FEW = 32, /* parameters whose views need no memory of their own */
    LISTS = 4
};

/* What a primitive does with n tensors of each list, none of them empty. */
struct job;
typedef socle_status (*job_fn)(call *k, size_t n, const socle_view *const *view, const struct job *j);
typedef struct job {
    const char *what;
    job_fn fn;
    size_t n;
    socle_tensor *const *list[LISTS]; /* NULL where it has none */
    bool written[LISTS];
    const void *args;
    socle_tensor *norm; /* or NULL */
    float a, b;
} job;

static socle_status sgd_many(call *k, size_t n, const socle_view *const *v, const job *j)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, sgd_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->sgd_many)
        s = slots->sgd_many(k->device->self, n, v[0], v[1], v[2], j->args);
    return call_count(k, PRIM_sgd_many, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_sgd_many(k, n, v[0], v[1], v[2], j->args);
}

static socle_status adam_many(call *k, size_t n, const socle_view *const *v, const job *j)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, adam_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->adam_many)
        s = slots->adam_many(k->device->self, n, v[0], v[1], v[2], v[3], j->args);
    return call_count(k, PRIM_adam_many, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_adam_many(k, n, v[0], v[1], v[2], v[3], j->args);
}

static socle_status lamb_many(call *k, size_t n, const socle_view *const *v, const job *j)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, lamb_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->lamb_many)
        s = slots->lamb_many(k->device->self, n, v[0], v[1], v[2], v[3], j->args);
    return call_count(k, PRIM_lamb_many, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_lamb_many(k, n, v[0], v[1], v[2], v[3], j->args);
}

static socle_status clip_many(call *k, size_t n, const socle_view *const *v, const job *j)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, clip_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->clip_many)
        s = slots->clip_many(k->device->self, n, v[0], &j->norm->view, j->a);
    return call_count(k, PRIM_clip_many, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_clip_many(k, n, v[0], &j->norm->view, j->a);
}

static socle_status axpby_many(call *k, size_t n, const socle_view *const *v, const job *j)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, axpby_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->axpby_many)
        s = slots->axpby_many(k->device->self, n, v[0], j->a, v[1], j->b);
    return call_count(k, PRIM_axpby_many, s) != SOCLE_ERR_UNSUPPORTED
               ? s
               : compose_axpby_many(k, n, v[0], j->a, v[1], j->b);
}

/* ---- from tensors to views ---- */

/* The tensor that says which device this is for. */
static const socle_tensor *first_tensor(const job *j)
{
    return j->norm ? j->norm : j->list[0][0];
}

/* views: room for LISTS n. Empty tensors are left out: their partners in other lists are empty too. */
static socle_status run_on(const job *j, socle_view *views)
{
    const socle_view *view[LISTS] = { NULL };
    size_t used = 0;
    for (int l = LISTS - 1; l >= 0; l--) {
        if (!j->list[l])
            continue;
        socle_view *out = views + (size_t)l * j->n;
        view[l] = out;
        used = 0;
        for (size_t i = 0; i < j->n; i++)
            if (!tensor_is_empty(j->list[l][i]))
                out[used++] = j->list[l][i]->view;
    }
    call k = call_on(first_tensor(j));
    if (used > 0)
        return call_end(&k, j->fn(&k, used, view, j), j->norm);
    return call_end(&k, j->norm ? call_fill(&k, &j->norm->view, 0) : SOCLE_OK, j->norm);
}

static socle_status run(const job *j)
{
    socle_view few[LISTS * FEW], *views = few;
    socle_mem_cache *cache = first_tensor(j)->store->device->cache;
    size_t bytes = 0;
    if (j->n > FEW)
        views = size_mul(j->n, LISTS * sizeof *views, &bytes) ? socle_mem_cache_take(cache, bytes) : NULL;
    if (!views)
        return socle_fail(SOCLE_ERR_NOMEM, "%s: no memory for the views of %zu parameters", j->what, j->n);
    socle_status s = run_on(j, views);
    if (views != few)
        socle_mem_cache_give(cache, views, bytes);
    for (int l = 0; l < LISTS; l++)
        for (size_t i = 0; j->list[l] && j->written[l] && i < j->n; i++)
            tensor_touch(j->list[l][i]);
    return s;
}

socle_status socle_prim_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                 const socle_sgd_args *a)
{
    SOCLE_TRY(validate_sgd_many(n, p, g, m, a));
    const job j = { "sgd", sgd_many, n, { p, g, m }, { true, false, true }, .args = a };
    return n == 0 ? SOCLE_OK : run(&j);
}

socle_status socle_prim_adam_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                  socle_tensor *const *v, const socle_adam_args *a)
{
    SOCLE_TRY(validate_adam_many(n, p, g, m, v, a));
    const job j = { "adam", adam_many, n, { p, g, m, v }, { true, false, true, true }, .args = a };
    return n == 0 ? SOCLE_OK : run(&j);
}

socle_status socle_prim_lamb_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                  socle_tensor *const *v, const socle_lamb_args *a)
{
    SOCLE_TRY(validate_lamb_many(n, p, g, m, v, a));
    const job j = { "lamb", lamb_many, n, { p, g, m, v }, { true, false, true, true }, .args = a };
    return n == 0 ? SOCLE_OK : run(&j);
}

socle_status socle_prim_clip_many(size_t n, socle_tensor *const *g, socle_tensor *norm, float limit)
{
    SOCLE_TRY(validate_clip_many(n, g, norm, limit));
    return run(&(job){ "clip", clip_many, n, { g }, { true }, .norm = norm, .a = limit });
}

socle_status socle_prim_axpby_many(size_t n, socle_tensor *const *y, float a, socle_tensor *const *x, float b)
{
    SOCLE_TRY(validate_axpby_many(n, y, x));
    const job j = { "axpby", axpby_many, n, { y, x }, { true }, .a = a, .b = b };
    return n == 0 ? SOCLE_OK : run(&j);
}

/* Optimizer steps over lists of tensors. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

#include "core/alloc.h"

/* Parameters whose views need no memory of their own: a step of a small network allocates nothing. */
enum { FEW = 32 };

/* The lists of one step: m and v NULL where it has none. */
typedef struct lists {
    size_t n;
    socle_tensor *const *p, *const *g, *const *m, *const *v;
    const socle_sgd_args *sgd; /* or */
    const socle_adam_args *adam;
} lists;

static socle_status sgd_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                             const socle_sgd_args *a)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, sgd_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->sgd_many)
        s = slots->sgd_many(k->device->self, n, p, g, m, a);
    return call_count(k, PRIM_sgd_many, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_sgd_many(k, n, p, g, m, a);
}

static socle_status adam_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_view *v, const socle_adam_args *a)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, adam_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->adam_many)
        s = slots->adam_many(k->device->self, n, p, g, m, v, a);
    return call_count(k, PRIM_adam_many, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_adam_many(k, n, p, g, m, v, a);
}

/* views: room for 4 n. Empty parameters are left out. */
static socle_status step(const lists *l, socle_view *views)
{
    socle_view *p = views, *g = p + l->n, *m = l->m ? g + l->n : NULL, *v = l->v ? p + 3 * l->n : NULL;
    size_t used = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (tensor_is_empty(l->p[i]))
            continue;
        p[used] = l->p[i]->view;
        g[used] = l->g[i]->view;
        if (m)
            m[used] = l->m[i]->view;
        if (v)
            v[used] = l->v[i]->view;
        used++;
    }
    if (used == 0)
        return SOCLE_OK;
    call k = call_on(l->p[0]);
    socle_status s = l->sgd ? sgd_many(&k, used, p, g, m, l->sgd) : adam_many(&k, used, p, g, m, v, l->adam);
    return call_end(&k, s, NULL);
}

static socle_status run(const char *what, const lists *l)
{
    socle_view few[4 * FEW], *views = few;
    size_t bytes;
    if (l->n > FEW)
        views = size_mul(l->n, 4 * sizeof *views, &bytes) ? socle_mem_alloc(bytes) : NULL;
    if (!views)
        return socle_fail(SOCLE_ERR_NOMEM, "%s: no memory for the views of %zu parameters", what, l->n);
    socle_status s = step(l, views);
    if (views != few)
        socle_mem_free(views);
    for (size_t i = 0; i < l->n; i++) {
        tensor_touch(l->p[i]);
        if (l->m)
            tensor_touch(l->m[i]);
        if (l->v)
            tensor_touch(l->v[i]);
    }
    return s;
}

socle_status socle_prim_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                 const socle_sgd_args *a)
{
    SOCLE_TRY(validate_sgd_many(n, p, g, m, a));
    return n == 0 ? SOCLE_OK : run("sgd", &(lists){ .n = n, .p = p, .g = g, .m = m, .sgd = a });
}

socle_status socle_prim_adam_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                  socle_tensor *const *v, const socle_adam_args *a)
{
    SOCLE_TRY(validate_adam_many(n, p, g, m, v, a));
    return n == 0 ? SOCLE_OK : run("adam", &(lists){ .n = n, .p = p, .g = g, .m = m, .v = v, .adam = a });
}

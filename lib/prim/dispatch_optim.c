/* Optimizer steps over lists of tensors. */
#include "prim/call.h"
#include "prim/compose.h"
#include "prim/validate.h"

#include "core/alloc.h"

/* Parameters whose views need no memory of their own: a step of a small network allocates nothing. */
enum { FEW = 32 };

static socle_status sgd_many(call *k, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                             const socle_sgd_args *a)
{
    const socle_backend *slots = optional_slots(k->device, offsetof(socle_backend, sgd_many));
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->sgd_many)
        s = slots->sgd_many(k->device->self, n, p, g, m, a);
    return call_count(k, PRIM_sgd_many, s) != SOCLE_ERR_UNSUPPORTED ? s : compose_sgd_many(k, n, p, g, m, a);
}

/* views: room for 3 n. Empty parameters are left out. */
static socle_status step(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                         const socle_sgd_args *a, socle_view *views)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (tensor_is_empty(p[i]))
            continue;
        views[used] = p[i]->view;
        views[n + used] = g[i]->view;
        if (m)
            views[2 * n + used] = m[i]->view;
        used++;
    }
    if (used == 0)
        return SOCLE_OK;
    call k = call_on(p[0]);
    return call_end(&k, sgd_many(&k, used, views, views + n, m ? views + 2 * n : NULL, a), NULL);
}

socle_status socle_prim_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                 const socle_sgd_args *a)
{
    SOCLE_TRY(validate_sgd_many(n, p, g, m, a));
    if (n == 0)
        return SOCLE_OK;
    socle_view few[3 * FEW], *views = few;
    size_t bytes;
    if (n > FEW)
        views = size_mul(n, 3 * sizeof *views, &bytes) ? socle_mem_alloc(bytes) : NULL;
    if (!views)
        return socle_fail(SOCLE_ERR_NOMEM, "sgd: no memory for the views of %zu parameters", n);
    socle_status s = step(n, p, g, m, a, views);
    if (views != few)
        socle_mem_free(views);
    for (size_t i = 0; i < n; i++) {
        tensor_touch(p[i]);
        if (m)
            tensor_touch(m[i]);
    }
    return s;
}

/* Forward hooks. A hook may remove any hook of its module, itself included, and may add some: those run from the next
 * forward pass on. */
#include "module.h"

#include <socle/sys/memory.h>

struct socle_hook {
    socle_module *module;
    socle_hook_fn fn; /* NULL: removed while hooks ran */
    void *user;
};

socle_hook *socle_module_hook(socle_module *m, socle_hook_fn f, void *user)
{
    if (m == NULL || f == NULL) {
        module_missing(m == NULL ? "the module" : "the function", "module_hook");
        return NULL;
    }
    hook_list *l = &m->hooks;
    socle_hook **grown = socle_mem_grow(l->hook, &l->cap, l->n + 1, sizeof(socle_hook *));
    if (grown == NULL)
        return NULL;
    l->hook = grown;
    socle_hook *h = socle_mem_alloc(sizeof *h);
    if (h == NULL)
        return NULL;
    *h = (socle_hook){ m, f, user };
    l->hook[l->n++] = h;
    return h;
}

static void sweep(hook_list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->hook[i]->fn != NULL)
            l->hook[kept++] = l->hook[i];
        else
            socle_mem_free(l->hook[i]);
    }
    l->n = kept;
}

void socle_hook_remove(socle_hook *h)
{
    if (h == NULL)
        return;
    hook_list *l = &h->module->hooks;
    h->fn = NULL;
    if (l->running == 0)
        sweep(l);
}

socle_tensor *hooks_run(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out)
{
    hook_list *l = &m->hooks;
    size_t n = l->n; /* not those added meanwhile */
    l->running++;
    for (size_t i = 0; i < n && socle_ctx_status(c) == SOCLE_OK; i++) {
        const socle_hook *h = l->hook[i];
        socle_tensor *other = h->fn != NULL ? h->fn(m, c, in, out, h->user) : NULL;
        if (other != NULL)
            out = other;
    }
    if (--l->running == 0)
        sweep(l);
    return out;
}

void hooks_free(hook_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        socle_mem_free(l->hook[i]);
    socle_mem_free(l->hook);
    *l = (hook_list){ 0 };
}

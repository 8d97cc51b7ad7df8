/* One hook on each of many modules, with a common life. */
#include "module.h"

#include <socle/sys/memory.h>

typedef struct member {
    socle_hooks *set;
    size_t index;
    socle_hook *hook;
} member;

struct socle_hooks {
    socle_module_list list;
    member *members; /* as many */
    socle_hooks_fn fn;
    void *user;
};

static socle_tensor *run(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out, void *user)
{
    const member *k = user;
    return k->set->fn(k->index, m, c, in, out, k->set->user);
}

static socle_status hook_all(socle_hooks *h)
{
    h->members = socle_mem_zeroed(h->list.n, sizeof *h->members);
    if (h->members == NULL)
        return SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < h->list.n; i++) {
        member *k = &h->members[i];
        *k = (member){ .set = h, .index = i, .hook = socle_module_hook(h->list.module[i], run, k) };
        if (k->hook == NULL)
            return socle_error_status();
    }
    return SOCLE_OK;
}

socle_hooks *socle_hooks_new(socle_module *m, socle_module_filter which, void *which_user, socle_hooks_fn f,
                             void *user)
{
    if (f == NULL) {
        module_missing("the function", "hooks");
        return NULL;
    }
    socle_hooks *h = socle_mem_zeroed(1, sizeof *h);
    if (h == NULL)
        return NULL;
    h->fn = f;
    h->user = user;
    if (socle_module_find(m, which, which_user, &h->list) != SOCLE_OK || hook_all(h) != SOCLE_OK) {
        socle_hooks_free(h);
        return NULL;
    }
    return h;
}

void socle_hooks_free(socle_hooks *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; h->members != NULL && i < h->list.n; i++)
        socle_hook_remove(h->members[i].hook);
    socle_mem_free(h->members);
    socle_module_list_free(&h->list);
    socle_mem_free(h);
}

const socle_module_list *socle_hooks_list(const socle_hooks *h)
{
    return &h->list;
}

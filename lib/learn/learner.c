/* The Learner's life, and its callbacks. */
#include "learner.h"

#include <string.h>
#include <socle/sys/memory.h>

void keep_error(char text[512])
{
    size_t length = strlen(socle_error());
    length = length < 511 ? length : 511;
    memmove(text, socle_error(), length);
    text[length] = '\0';
}

/* What was handed in must exist; what could not be made has explained itself already. */
static bool present(const void *p, const char *what)
{
    if (!p && socle_error_status() == SOCLE_OK)
        (void)socle_fail(SOCLE_ERR_ARG, "learner: the %s is missing", what);
    return p != NULL;
}

socle_learner *socle_learner_new(socle_learner_desc o)
{
    bool complete = present(o.device, "device") && present(o.model, "model") && present(o.data, "data");
    learner *p = complete ? socle_mem_zeroed(1, sizeof *p) : NULL;
    if (!p) {
        socle_module_free(o.model);
        return NULL;
    }
    p->rule = o.opt ? o.opt : socle_sgd();
    p->group_of = o.group_of;
    p->group_user = o.group_user;
    socle_learner *l = &p->open;
    l->model = o.model;
    l->data = o.data;
    l->loss_fn = o.loss.fn ? o.loss : socle_loss_cross_entropy();
    l->loop = default_loop;
    l->ctx = socle_ctx_new(o.device, o.seed);
    l->opt = l->ctx ? socle_optimizer_new(p->rule, l->model, o.group_of, o.group_user) : NULL;
    if (!l->opt) {
        socle_learner_free(l);
        return NULL;
    }
    return l;
}

static void drop(socle_callback *cb)
{
    if (cb->drop)
        cb->drop(cb->user);
}

void socle_learner_free(socle_learner *l)
{
    if (!l)
        return;
    learner *p = (learner *)l;
    for (size_t i = 0; i < p->n_callbacks; i++)
        drop(&p->callback[i]);
    socle_mem_free(p->callback);
    socle_optimizer_free(l->opt);
    socle_ctx_free(l->ctx);
    socle_module_free(l->model);
    socle_mem_free(p);
}

bool push_callback(learner *p, socle_callback cb)
{
    socle_callback *grown = socle_mem_grow(p->callback, &p->cap_callbacks, p->n_callbacks + 1, sizeof *p->callback);
    if (!grown)
        return false;
    p->callback = grown;
    p->callback[p->n_callbacks++] = cb;
    if (!p->fitting)
        sort_callbacks(p);
    return true;
}

void socle_learner_add(socle_learner *l, socle_callback cb)
{
    learner *p = (learner *)l;
    if (p && cb.name && push_callback(p, cb))
        return;
    if (p && p->add_status == SOCLE_OK) {
        if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "learner: a callback without a name");
        p->add_status = socle_error_status();
        keep_error(p->add_text);
    }
    drop(&cb);
}

socle_status socle_learner_set_dry(socle_learner *l, bool dry)
{
    learner *p = (learner *)l;
    if (!p)
        return socle_error_status() ? socle_error_status()
                                    : socle_fail(SOCLE_ERR_ARG, "set_dry: there is no learner");
    if (p->fitting)
        return socle_fail(SOCLE_ERR_STATE, "set_dry: called from inside a fit of the same learner");
    p->dry = dry;
    return SOCLE_OK;
}

int socle_learner_remove(socle_learner *l, const char *name)
{
    learner *p = (learner *)l;
    if (!p || !name || p->fitting)
        return 0;
    int removed = 0;
    size_t kept = 0;
    for (size_t i = 0; i < p->n_callbacks; i++) {
        socle_callback cb = p->callback[i];
        if (strcmp(cb.name, name) == 0) {
            drop(&cb);
            removed++;
        } else {
            p->callback[kept++] = cb;
        }
    }
    p->n_callbacks = kept;
    return removed;
}

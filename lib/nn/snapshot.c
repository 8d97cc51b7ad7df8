/* Copies of a network's tensors to return to. */
#include "module.h"

#include <socle/sys/memory.h>
#include <socle/sys/prim.h>

typedef struct pair {
    socle_tensor *of, *copy; /* both owned */
} pair;

struct socle_snapshot {
    pair *pairs; /* in the order of the walk */
    size_t n, cap;
};

static int add_copy(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    socle_snapshot *s = user;
    pair *grown = socle_mem_grow(s->pairs, &s->cap, s->n + 1, sizeof *grown);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    s->pairs = grown;
    socle_tensor *copy = socle_tensor_copy(t);
    if (copy == NULL)
        return socle_error_status();
    s->pairs[s->n++] = (pair){ socle_retain(t), copy };
    return 0;
}

socle_snapshot *socle_module_snapshot(socle_module *m)
{
    if (m == NULL) {
        module_missing("the module", "snapshot");
        return NULL;
    }
    socle_snapshot *s = socle_mem_zeroed(1, sizeof *s);
    if (s != NULL && socle_module_each_param(m, add_copy, s) != 0) {
        socle_snapshot_free(s);
        return NULL;
    }
    return s;
}

void socle_snapshot_free(socle_snapshot *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        socle_release(s->pairs[i].of);
        socle_release(s->pairs[i].copy);
    }
    socle_mem_free(s->pairs);
    socle_mem_free(s);
}

typedef struct match {
    const socle_snapshot *s;
    size_t at;
} match;

static int compare(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner, (void)trainable;
    match *k = user;
    return k->at >= k->s->n || k->s->pairs[k->at++].of != t;
}

socle_status socle_module_restore(socle_module *m, const socle_snapshot *s)
{
    if (m == NULL || s == NULL) {
        module_missing(m == NULL ? "the module" : "the snapshot", "restore");
        return socle_error_status();
    }
    match k = { .s = s };
    int different = socle_module_each_param(m, compare, &k);
    if (different < 0)
        return (socle_status)different;
    if (different != 0 || k.at != s->n)
        return socle_fail(SOCLE_ERR_ARG, "restore: the snapshot is of another module than this %s", m->type->name);
    for (size_t i = 0; i < s->n; i++) {
        socle_status status = socle_prim_copy(s->pairs[i].of, s->pairs[i].copy);
        if (status != SOCLE_OK)
            return status;
    }
    return SOCLE_OK;
}

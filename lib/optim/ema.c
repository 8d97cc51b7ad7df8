/* Averages of weights, kept beside a module's own and exchanged with them. */
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include <socle/optim.h>

typedef struct pair {
    socle_tensor *own, *average; /* references; of the module, and of nobody else */
    socle_tensor *next;          /* during an exchange: what becomes the average */
    bool copied;                 /* not averaged */
} pair;

struct socle_ema {
    socle_ema_desc o;
    pair *pairs;
    size_t n, cap;
    socle_tensor **own, **average; /* room for n each: what one update takes together */
    uint64_t updates;
    bool swapped;
};

static int add_pair(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner;
    socle_ema *e = user;
    pair *grown = socle_mem_grow(e->pairs, &e->cap, e->n + 1, sizeof *grown);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    e->pairs = grown;
    socle_tensor *average = socle_tensor_copy(t);
    if (average == NULL)
        return socle_error_status();
    e->pairs[e->n++] =
        (pair){ .own = socle_retain(t), .average = average, .copied = !trainable && !e->o.average_buffers };
    return 0;
}

static bool make_lists(socle_ema *e)
{
    e->own = socle_mem_zeroed(e->n, sizeof(socle_tensor *));
    e->average = socle_mem_zeroed(e->n, sizeof(socle_tensor *));
    return e->own != NULL && e->average != NULL;
}

socle_ema *socle_ema_new(socle_module *m, socle_ema_desc o)
{
    o.decay = o.decay != 0.0 ? o.decay : 0.999;
    if (m == NULL || !(o.decay > 0.0 && o.decay < 1.0)) {
        if (m != NULL)
            socle_fail(SOCLE_ERR_ARG, "ema: a decay of %g is outside (0, 1)", o.decay);
        else if (socle_error_status() == SOCLE_OK)
            socle_fail(SOCLE_ERR_ARG, "ema: the model is NULL");
        return NULL;
    }
    socle_ema *e = socle_mem_zeroed(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->o = o;
    if (socle_module_each_param(m, add_pair, e) != 0 || !make_lists(e)) {
        socle_ema_free(e);
        return NULL;
    }
    return e;
}

void socle_ema_free(socle_ema *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->n; i++) {
        socle_release(e->pairs[i].own);
        socle_release(e->pairs[i].average);
    }
    socle_mem_free(e->pairs);
    socle_mem_free(e->own);
    socle_mem_free(e->average);
    socle_mem_free(e);
}

/* average = a own + b average for all pairs that are copied, or for all that are not. */
static socle_status update_all(const socle_ema *e, bool copied, float a, float b)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++)
        if (e->pairs[i].copied == copied) {
            e->own[n] = e->pairs[i].own;
            e->average[n++] = e->pairs[i].average;
        }
    return socle_prim_axpby_many(n, e->average, a, e->own, b);
}

socle_status socle_ema_update(socle_ema *e)
{
    if (e == NULL || e->swapped)
        return e == NULL ? socle_fail(SOCLE_ERR_ARG, "ema: there is none to update")
                         : socle_fail(SOCLE_ERR_STATE, "ema: the module has the averages, they cannot be updated");
    double early = ((double)e->updates + 1.0) / ((double)e->updates + 10.0);
    float decay = (float)(e->o.warm && early < e->o.decay ? early : e->o.decay);
    socle_status status = update_all(e, false, 1.0f - decay, decay);
    if (status == SOCLE_OK)
        status = update_all(e, true, 1.0f, 0.0f);
    e->updates += status == SOCLE_OK;
    return status;
}

/* All the memory there must be is found before the first value moves. */
socle_status socle_ema_swap(socle_ema *e)
{
    if (e == NULL)
        return socle_fail(SOCLE_ERR_ARG, "ema: there is none to exchange");
    socle_status status = SOCLE_OK;
    size_t made = 0;
    for (; made < e->n && status == SOCLE_OK; made++) {
        e->pairs[made].next = socle_tensor_copy(e->pairs[made].own);
        if (e->pairs[made].next == NULL)
            status = socle_error_status();
    }
    for (size_t i = 0; i < made && status == SOCLE_OK; i++)
        status = socle_prim_copy(e->pairs[i].own, e->pairs[i].average);
    for (size_t i = 0; i < made; i++) {
        pair *p = &e->pairs[i];
        socle_release(status == SOCLE_OK ? p->average : p->next);
        p->average = status == SOCLE_OK ? p->next : p->average;
        p->next = NULL;
    }
    e->swapped = e->swapped != (status == SOCLE_OK);
    return status;
}

bool socle_ema_swapped(const socle_ema *e)
{
    return e != NULL && e->swapped;
}

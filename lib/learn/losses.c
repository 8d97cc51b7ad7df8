#include "losses.h"

#include <socle/sys/memory.h>

socle_status losses_push(losses *s, socle_tensor *loss)
{
    socle_tensor **grown = socle_mem_grow(s->pending, &s->cap_pending, s->n_pending + 1, sizeof(socle_tensor *));
    if (!grown)
        return SOCLE_ERR_NOMEM;
    s->pending = grown;
    s->pending[s->n_pending++] = socle_retain(loss);
    return SOCLE_OK;
}

socle_status losses_settle(losses *s, bool keep)
{
    socle_status status = SOCLE_OK;
    if (keep && s->n_pending > 0) {
        float *grown = socle_mem_grow(s->value, &s->cap, s->n + s->n_pending, sizeof *s->value);
        if (grown)
            s->value = grown;
        else
            status = SOCLE_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_pending; i++) {
        double v = 0;
        if (keep && status == SOCLE_OK) {
            status = socle_item(s->pending[i], &v);
            if (status == SOCLE_OK)
                s->value[s->n++] = (float)v;
        }
        socle_release(s->pending[i]);
    }
    s->n_pending = 0;
    return status;
}

void losses_free(losses *s)
{
    (void)losses_settle(s, false);
    socle_mem_free(s->pending);
    socle_mem_free(s->value);
    *s = (losses){ 0 };
}

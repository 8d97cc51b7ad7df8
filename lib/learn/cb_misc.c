/* Two small callbacks that end a fit: after one batch, and when training has failed. */
#include <math.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>

static socle_flow cancel_fit(socle_learner *l, void *user)
{
    (void)l, (void)user;
    return SOCLE_CANCEL_FIT;
}

socle_callback socle_cb_single_batch(void)
{
    return (socle_callback){ .name = "single batch", .order = 1, .after_batch = cancel_fit };
}

enum { DEFAULT_EVERY = 50 };

static socle_flow check_loss(socle_learner *l, void *user)
{
    size_t every = *(const size_t *)user, i = l->batch_index;
    if (!l->training || (i % every != 0 && i + 1 != l->n_batches))
        return 0;
    double loss;
    socle_status s = socle_item(l->loss, &loss);
    if (s != SOCLE_OK || isfinite(loss))
        return (socle_flow)s;
    return (socle_flow)socle_fail(SOCLE_ERR_STATE, "training loss is %s at epoch %d, batch %zu",
                                  isnan(loss) ? "nan" : "infinite", l->epoch, i);
}

socle_callback socle_cb_stop_on_nan(int every)
{
    size_t *own = every >= 0 ? socle_mem_alloc(sizeof *own) : NULL;
    if (every < 0)
        (void)socle_fail(SOCLE_ERR_ARG, "stop on nan: every %d batches", every);
    if (!own)
        return (socle_callback){ 0 };
    *own = every ? (size_t)every : DEFAULT_EVERY;
    return (socle_callback){ .name = "stop on nan",
                             .no_rehearsal = true,
                             .order = 10,
                             .user = own,
                             .drop = socle_mem_free,
                             .after_loss = check_loss };
}

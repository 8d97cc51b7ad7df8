/* Augmentation of the batches of training passes. */
#include <socle/callbacks.h>
#include <socle/sys/memory.h>

typedef struct augment {
    socle_tensor *(*run)(socle_ctx *c, socle_tensor *x, const struct augment *a);
    bool on_valid;
    socle_crop_desc crop;
    socle_patch_desc patch;
} augment;

static socle_flow before_batch(socle_learner *l, void *user)
{
    const augment *a = user;
    if (!l->training && !a->on_valid)
        return 0;
    socle_tensor *x = a->run(l->ctx, l->batch.x, a);
    if (!x)
        return (socle_flow)socle_ctx_status(l->ctx);
    l->batch.x = x;
    return 0;
}

static socle_callback callback_of(const char *name, augment a)
{
    augment *own = socle_mem_alloc(sizeof *own);
    if (!own)
        return (socle_callback){ 0 };
    *own = a;
    return (socle_callback){ .name = name, .user = own, .drop = socle_mem_free, .before_batch = before_batch };
}

static socle_tensor *crop(socle_ctx *c, socle_tensor *x, const augment *a)
{
    return socle_random_crop(c, x, a->crop);
}

socle_callback socle_cb_random_crop(socle_crop_desc o, bool on_valid)
{
    return callback_of("random crop", (augment){ .run = crop, .on_valid = on_valid, .crop = o });
}

static socle_tensor *erase(socle_ctx *c, socle_tensor *x, const augment *a)
{
    return socle_random_erase(c, x, a->patch);
}

socle_callback socle_cb_random_erase(socle_patch_desc o, bool on_valid)
{
    return callback_of("random erase", (augment){ .run = erase, .on_valid = on_valid, .patch = o });
}

static socle_tensor *copy(socle_ctx *c, socle_tensor *x, const augment *a)
{
    return socle_random_copy(c, x, a->patch);
}

socle_callback socle_cb_random_copy(socle_patch_desc o, bool on_valid)
{
    return callback_of("random copy", (augment){ .run = copy, .on_valid = on_valid, .patch = o });
}

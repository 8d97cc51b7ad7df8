/* Changes to a batch's x before the model sees it. */
#include <math.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>

typedef struct transform {
    socle_batch_fn f;
    void *user;
    bool on_train, on_valid;
    double mean, std; /* of socle_cb_normalize, whose user this struct is */
} transform;

static socle_flow before_batch(socle_learner *l, void *user)
{
    transform *t = user;
    if (l->training ? !t->on_train : !t->on_valid)
        return 0;
    socle_tensor *x = t->f(l->ctx, l->batch.x, t->user);
    if (!x)
        return (socle_flow)(socle_ctx_status(l->ctx)
                                ? socle_ctx_status(l->ctx)
                                : socle_fail(SOCLE_ERR_USER, "batch transform: gave no tensor"));
    l->batch.x = x;
    return 0;
}

static socle_tensor *normalize(socle_ctx *c, socle_tensor *x, void *user)
{
    const transform *t = user;
    return socle_scale(c, x, 1 / t->std, -t->mean / t->std);
}

static socle_callback callback_of(const char *name, transform t)
{
    transform *own = socle_mem_alloc(sizeof *own);
    if (!own)
        return (socle_callback){ 0 };
    *own = t;
    if (t.f == normalize)
        own->user = own;
    return (socle_callback){ .name = name, .user = own, .drop = socle_mem_free, .before_batch = before_batch };
}

socle_callback socle_cb_batch_transform(socle_batch_fn f, void *user, bool on_train, bool on_valid)
{
    if (!f) {
        (void)socle_fail(SOCLE_ERR_ARG, "batch transform: there is no function");
        return (socle_callback){ 0 };
    }
    return callback_of("batch transform",
                       (transform){ .f = f, .user = user, .on_train = on_train, .on_valid = on_valid });
}

socle_callback socle_cb_normalize(double mean, double std)
{
    if (!isfinite(mean) || !isfinite(std) || std == 0) {
        (void)socle_fail(SOCLE_ERR_ARG, "normalize: a mean of %g and a standard deviation of %g", mean, std);
        return (socle_callback){ 0 };
    }
    return callback_of("normalize",
                       (transform){ .f = normalize, .on_train = true, .on_valid = true, .mean = mean, .std = std });
}

/* The built-in metrics: sums over a batch's samples, computed on the device. */
#include <socle/metrics.h>

static socle_tensor *accuracy(socle_ctx *c, socle_tensor *pred, socle_tensor *target)
{
    if (!pred || !target)
        return NULL;
    socle_shape p = socle_shape_of(pred), t = socle_shape_of(target);
    if (p.ndim != 2 || t.ndim != 1 || p.dim[0] != t.dim[0]) {
        (void)socle_ctx_fail(c, socle_fail(SOCLE_ERR_SHAPE,
                                           "accuracy: predictions of %d dimensions for %lld samples, targets of %d "
                                           "for %lld: (n, classes) and (n) are needed",
                                           p.ndim, (long long)socle_dim(pred, 0), t.ndim,
                                           (long long)socle_dim(target, 0)));
        return NULL;
    }
    socle_tensor *hit = socle_eq(c, socle_argmax(c, pred, 1), target);
    return socle_sum(c, socle_cast(c, hit, socle_device_real(socle_ctx_device(c))), 0, false);
}

socle_metric socle_accuracy(void)
{
    return (socle_metric){ .name = "accuracy", .batch = accuracy };
}

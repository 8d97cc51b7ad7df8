/* The built-in losses. */
#include <socle/learner.h>

static socle_tensor *cross_entropy(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r,
                                   void *user)
{
    (void)user;
    return socle_cross_entropy(c, pred, target, r);
}

static socle_tensor *cross_entropy_smooth(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r,
                                          void *user)
{
    return socle_cross_entropy_smooth(c, pred, target, *(const double *)user, r);
}

static socle_tensor *mse(socle_ctx *c, socle_tensor *pred, socle_tensor *target, socle_reduction r, void *user)
{
    (void)user;
    return socle_mse(c, pred, target, r);
}

socle_loss socle_loss_cross_entropy(void)
{
    return (socle_loss){ .fn = cross_entropy };
}

socle_loss socle_loss_cross_entropy_smooth(const double *smoothing)
{
    return (socle_loss){ .fn = cross_entropy_smooth, .user = (void *)smoothing };
}

socle_loss socle_loss_mse(void)
{
    return (socle_loss){ .fn = mse };
}

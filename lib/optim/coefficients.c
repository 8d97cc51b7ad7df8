/* Numbers of adaptive rules that depend on how many steps a parameter has seen. */
#include <math.h>
#include "rule.h"

double optim_debias(const socle_hypers *h, double share, int64_t step)
{
    return h->v[SOCLE_DEBIAS] != 0.0f ? 1.0 - pow(share, (double)step) : 1.0;
}

float optim_share(const socle_hypers *h, int hyper, int64_t step)
{
    return step == 1 && h->v[SOCLE_START] != 0.0f ? 0.0f : h->v[hyper];
}

double optim_rectification(const socle_hypers *h, int64_t step)
{
    double share = (double)h->v[SOCLE_SQR_MOM], t = (double)step, power = pow(share, t);
    double most = 2.0 / (1.0 - share) - 1.0, length = most - 2.0 * t * power / (1.0 - power);
    if (!(length > 5.0))
        return 0.0;
    return sqrt((length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length));
}

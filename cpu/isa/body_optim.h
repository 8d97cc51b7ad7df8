/* Kernels of kernels_optim.h, in the order of operations that socle_sgd_args gives. */
#include "kernels_optim.h"
#include "loop.h"

static void sgd_plain(int64_t n, float *p, const float *g, const socle_sgd_args *a)
{
    const float lr = a->lr, l2 = a->l2, decay = 1.0f - a->lr * a->wd;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float step = g[i] + l2 * p[i];
        p[i] = p[i] * decay - lr * step;
    }
}

INLINE void sgd_momentum(bool nesterov, int64_t n, float *p, const float *g, float *m, const socle_sgd_args *a)
{
    const float lr = a->lr, l2 = a->l2, decay = 1.0f - a->lr * a->wd, mom = a->mom, take = 1.0f - a->damp;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float step = g[i] + l2 * p[i];
        float v = mom * m[i] + take * step;
        m[i] = v;
        p[i] = p[i] * decay - lr * (nesterov ? step + mom * v : v);
    }
}

static void sgd_row(int64_t n, float *p, const float *g, float *m, const socle_sgd_args *a)
{
    if (!m)
        sgd_plain(n, p, g, a);
    else if (a->nesterov)
        sgd_momentum(true, n, p, g, m, a);
    else
        sgd_momentum(false, n, p, g, m, a);
}

static void optim_sgd(int64_t n, float *p, int64_t sp, const float *g, int64_t sg, float *m, int64_t sm,
                      const socle_sgd_args *a)
{
    if (sp == 1 && sg == 1 && (!m || sm == 1)) {
        sgd_row(n, p, g, m, a);
        return;
    }
    float param[TILE], grad[TILE], state[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t w = tile_at(from, n, TILE);
        for (int64_t i = 0; i < w; i++) {
            param[i] = p[(from + i) * sp];
            grad[i] = g[(from + i) * sg];
            state[i] = m ? m[(from + i) * sm] : 0.0f;
        }
        sgd_row(w, param, grad, m ? state : NULL, a);
        for (int64_t i = 0; i < w; i++) {
            p[(from + i) * sp] = param[i];
            if (m)
                m[(from + i) * sm] = state[i];
        }
    }
}

static const struct cpu_optim_kernels optim_kernels = {
    .sgd = optim_sgd,
};

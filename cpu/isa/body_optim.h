/* Kernels of kernels_optim.h, in the order of operations that socle_sgd_args and its like give. */
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

/* ---- steps scaled by past gradients ---- */

/* v is brought up to date; what steps are divided by. */
INLINE float adam_root(float d, float *v, const socle_adam_args *a)
{
    *v = a->sqr_mom * *v + (1.0f - a->sqr_mom) * (d * d);
    return __builtin_sqrtf(a->sqr_scale * *v + a->sqr_eps) + a->eps;
}

INLINE void adam_average(bool scaled, int64_t n, float *p, const float *g, float *m, float *v,
                         const socle_adam_args *from)
{
    const socle_adam_args a = *from;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + a.l2 * p[i], root = adam_root(d, &v[i], &a), step = a.mom * m[i] + (1.0f - a.mom) * d;
        m[i] = step;
        p[i] = a.keep * p[i] - a.lr * (scaled ? step / root : step);
    }
}

INLINE void adam_rms(bool momentum, int64_t n, float *p, const float *g, float *m, float *v,
                     const socle_adam_args *from)
{
    const socle_adam_args a = *from;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + a.l2 * p[i], step = d / adam_root(d, &v[i], &a);
        if (momentum)
            m[i] = step = a.mom * m[i] + step;
        p[i] = a.keep * p[i] - a.lr * step;
    }
}

static void adam_sign(int64_t n, float *p, const float *g, float *m, const socle_adam_args *from)
{
    const socle_adam_args a = *from;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + a.l2 * p[i], step = a.mom * m[i] + (1.0f - a.mom) * d;
        m[i] = a.sqr_mom * m[i] + (1.0f - a.sqr_mom) * d;
        p[i] = a.keep * p[i] - a.lr * (step > 0.0f ? 1.0f : step < 0.0f ? -1.0f : step);
    }
}

static void adam_row(int64_t n, float *p, const float *g, float *m, float *v, const socle_adam_args *a)
{
    if (a->kind == SOCLE_ADAM_SCALED)
        adam_average(true, n, p, g, m, v, a);
    else if (a->kind == SOCLE_ADAM_PLAIN)
        adam_average(false, n, p, g, m, v, a);
    else if (a->kind == SOCLE_ADAM_SIGN)
        adam_sign(n, p, g, m, a);
    else if (m)
        adam_rms(true, n, p, g, m, v, a);
    else
        adam_rms(false, n, p, g, m, v, a);
}

static void optim_adam(int64_t n, float *p, int64_t sp, const float *g, int64_t sg, float *m, int64_t sm, float *v,
                       int64_t sv, const socle_adam_args *a)
{
    if (sp == 1 && sg == 1 && (!m || sm == 1) && (!v || sv == 1)) {
        adam_row(n, p, g, m, v, a);
        return;
    }
    float param[TILE], grad[TILE], average[TILE], square[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t w = tile_at(from, n, TILE);
        for (int64_t i = 0; i < w; i++) {
            param[i] = p[(from + i) * sp];
            grad[i] = g[(from + i) * sg];
            average[i] = m ? m[(from + i) * sm] : 0.0f;
            square[i] = v ? v[(from + i) * sv] : 0.0f;
        }
        adam_row(w, param, grad, m ? average : NULL, v ? square : NULL, a);
        for (int64_t i = 0; i < w; i++) {
            p[(from + i) * sp] = param[i];
            if (m)
                m[(from + i) * sm] = average[i];
            if (v)
                v[(from + i) * sv] = square[i];
        }
    }
}

/* ---- steps as long as what they change ---- */

INLINE float lamb_direction(float p, float m, float v, const socle_lamb_args *a)
{
    float root = __builtin_sqrtf(a->sqr_scale * v + a->sqr_eps) + a->eps;
    return a->mom_scale * m / root + a->wd * p;
}

static void optim_lamb_average(int64_t n, const float *p, const float *g, float *m, float *v, float *s,
                               const socle_lamb_args *from)
{
    const socle_lamb_args a = *from;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] + a.l2 * p[i];
        float average = a.mom * m[i] + (1.0f - a.mom) * d, square = a.sqr_mom * v[i] + (1.0f - a.sqr_mom) * (d * d);
        m[i] = average;
        v[i] = square;
        s[i] = lamb_direction(p[i], average, square, &a);
    }
}

static void optim_lamb_step(int64_t n, float *p, const float *m, const float *v, float rate,
                            const socle_lamb_args *from)
{
    const socle_lamb_args a = *from;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        p[i] -= rate * lamb_direction(p[i], m[i], v[i], &a);
}

static const struct cpu_optim_kernels optim_kernels = {
    .sgd = optim_sgd,
    .adam = optim_adam,
    .lamb_average = optim_lamb_average,
    .lamb_step = optim_lamb_step,
};

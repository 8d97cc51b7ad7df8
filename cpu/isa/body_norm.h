/* Kernels of kernels_norm.h. A row is walked in groups of 16 numbers, NORM_REGS registers; what is left of a row of one
 * image goes through the same code in a padded group. */
#include "kernels_norm.h"
#include "loop.h"

enum { NORM_REGS = NORM_LANES / VW, NORM_UNROLL = VW == 16 ? 4 : VW == 8 ? 2 : 1, NORM_AHEAD = 640 };

/* One group's worth of numbers. */
typedef struct norm_group {
    vf v[NORM_REGS];
} norm_group;

INLINE norm_group norm_load(const float *p)
{
    norm_group g;
    for (int j = 0; j < NORM_REGS; j++)
        g.v[j] = vf_load(p + j * VW);
    return g;
}

INLINE void norm_store(float *p, norm_group g)
{
    for (int j = 0; j < NORM_REGS; j++)
        vf_store(p + j * VW, g.v[j]);
}

INLINE norm_group norm_spread(float s)
{
    norm_group g;
    for (int j = 0; j < NORM_REGS; j++)
        g.v[j] = vf_set(s);
    return g;
}

/* The last, incomplete group of a row: n < 16 numbers, then `pad`. Short rows are little else. */
INLINE norm_group norm_load_part(const float *p, int64_t n, float pad)
{
#if VW == 16
    const __mmask16 there = (__mmask16)((1u << n) - 1);
    return (norm_group){ { (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(pad), there, p) } };
#else
    float whole[NORM_LANES];
    for (int i = 0; i < NORM_LANES; i++)
        whole[i] = i < n ? p[i] : pad;
    return norm_load(whole);
#endif
}

INLINE void norm_store_part(float *p, int64_t n, norm_group g)
{
#if VW == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)g.v[0]);
#else
    float whole[NORM_LANES];
    norm_store(whole, g);
    for (int64_t i = 0; i < n; i++)
        p[i] = whole[i];
#endif
}

/* ---- moments ---- */

/* The next number's part of a sum of v = x - shift, or of (v - mean)^2. */
INLINE vf norm_term(bool squares, vf acc, vf v, vf mean)
{
    vf c = v - mean;
    return squares ? acc + c * c : acc + v;
}

/* Numbers at a time: they stay in the L1 cache from the first look at them to the second. */
enum { NORM_PIECE = 256 * NORM_LANES };

/* Over complete groups; several chains of additions, joined in a fixed order. */
INLINE norm_group norm_sum(int64_t groups, const float *x, norm_group shift, bool squares, norm_group mean)
{
    norm_group acc[NORM_UNROLL];
    for (int u = 0; u < NORM_UNROLL; u++)
        acc[u] = norm_spread(0.0f);
    int64_t i = 0;
    for (; i + NORM_UNROLL <= groups; i += NORM_UNROLL)
        for (int u = 0; u < NORM_UNROLL; u++) {
            __builtin_prefetch(x + (i + u) * NORM_LANES + NORM_PIECE, 0, 2);
            for (int j = 0; j < NORM_REGS; j++) {
                vf v = vf_load(x + (i + u) * NORM_LANES + j * VW) - shift.v[j];
                acc[u].v[j] = norm_term(squares, acc[u].v[j], v, mean.v[j]);
            }
        }
    for (; i < groups; i++)
        for (int j = 0; j < NORM_REGS; j++) {
            vf v = vf_load(x + i * NORM_LANES + j * VW) - shift.v[j];
            acc[0].v[j] = norm_term(squares, acc[0].v[j], v, mean.v[j]);
        }
    for (int u = 1; u < NORM_UNROLL; u++)
        for (int j = 0; j < NORM_REGS; j++)
            acc[0].v[j] += acc[u].v[j];
    return acc[0];
}

INLINE void norm_moments_of_piece(int64_t n, const float *x, const float *shift, int64_t before, float *mean,
                                  float *m2)
{
    int64_t groups = n / NORM_LANES;
    const norm_group base = norm_load(shift);
    norm_group own = norm_sum(groups, x, base, false, norm_spread(0.0f)), squares;
    for (int j = 0; j < NORM_REGS; j++)
        own.v[j] *= vf_set(1.0f / (float)groups);
    squares = groups == 1 ? norm_spread(0.0f) : norm_sum(groups, x, base, true, own);
    if (before == 0) {
        norm_store(mean, own);
        norm_store(m2, squares);
        return;
    }
    float share = (float)groups / (float)(before + groups);
    norm_group m = norm_load(mean), s = norm_load(m2);
    for (int j = 0; j < NORM_REGS; j++) {
        vf d = own.v[j] - m.v[j];
        m.v[j] += d * vf_set(share);
        s.v[j] += squares.v[j] + d * d * vf_set((float)before * share);
    }
    norm_store(mean, m);
    norm_store(m2, s);
}

static void norm_moments(int64_t n, const float *x, const float *shift, int64_t before, float *mean, float *m2)
{
    for (int64_t at = 0; at < n; at += NORM_PIECE)
        norm_moments_of_piece(n - at < NORM_PIECE ? n - at : NORM_PIECE, x + at, shift, before + at / NORM_LANES,
                              mean, m2);
}

INLINE float norm_total(norm_group g)
{
    float lane[NORM_LANES];
    norm_store(lane, g);
    for (int half = NORM_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

static void norm_row_moments(int64_t n, const float *x, float shift, float *mean, float *m2)
{
    const int64_t groups = n / NORM_LANES, rest = n % NORM_LANES;
    const norm_group base = norm_spread(shift), zero = norm_spread(0.0f);
    const norm_group last = rest > 0 ? norm_load_part(x + groups * NORM_LANES, rest, shift) : base;
    norm_group sum = groups > 0 ? norm_sum(groups, x, base, false, zero) : zero;
    for (int j = 0; j < NORM_REGS; j++)
        sum.v[j] += last.v[j] - base.v[j]; /* pads are 0 */
    const float m = norm_total(sum) / (float)n;
    norm_group squares = groups > 0 ? norm_sum(groups, x, base, true, norm_spread(m)) : zero;
    norm_group c;
    for (int j = 0; j < NORM_REGS; j++)
        c.v[j] = (last.v[j] - base.v[j]) - vf_set(m);
    float lane[NORM_LANES];
    norm_store(lane, c);
    for (int64_t i = rest; i < NORM_LANES; i++)
        lane[i] = 0.0f;
    c = norm_load(lane);
    for (int j = 0; j < NORM_REGS; j++)
        squares.v[j] += c.v[j] * c.v[j];
    *mean = m;
    *m2 = norm_total(squares);
}

/* ---- elements ---- */

/* What a row's groups have in common, in registers. */
typedef struct norm_params {
    norm_group mean, scale, shift; /* z = (x - mean) scale + shift; with step: scale is inverse alone, shift 0 */
    vf leak, sub, max;
} norm_params;

INLINE norm_params norm_params_of(const cpu_norm_row *r)
{
    float gamma = r->step == 0 && r->gamma ? r->gamma[0] : 1.0f, beta = r->step == 0 && r->beta ? r->beta[0] : 0.0f;
    norm_params p = {
        .mean = r->each_lane ? norm_load(r->mean) : norm_spread(r->mean[0]),
        .scale = r->each_lane ? norm_load(r->inverse) : norm_spread(r->inverse[0]),
        .shift = norm_spread(beta),
        .leak = vf_set(r->leak),
        .sub = vf_set(r->sub),
        .max = vf_set(r->max),
    };
    for (int j = 0; j < NORM_REGS; j++)
        p.scale.v[j] *= vf_set(gamma);
    return p;
}

INLINE void norm_next(cpu_norm_row *r)
{
    r->mean += r->next;
    r->inverse += r->next;
    r->gamma = r->gamma ? r->gamma + r->next_affine : NULL;
    r->beta = r->beta ? r->beta + r->next_affine : NULL;
}

/* gamma or beta of the group that starts at element i. */
INLINE norm_group norm_affine(const cpu_norm_row *r, const float *v, float absent, int64_t i, int64_t n)
{
    if (r->step == 0 || !v)
        return norm_spread(absent);
    if (r->step == NORM_LANES)
        return norm_spread(v[i / NORM_LANES]);
    return n - i >= NORM_LANES ? norm_load(v + i) : norm_load_part(v + i, n - i, absent);
}

INLINE norm_group norm_group_of(const float *x, int64_t i, int64_t n)
{
    return n - i >= NORM_LANES ? norm_load(x + i) : norm_load_part(x + i, n - i, 0.0f);
}

/* act(z); act is a constant wherever a loop is made. */
INLINE vf norm_activate(cpu_norm_act act, const norm_params *p, vf z)
{
    if (act == CPU_NORM_PLAIN)
        return z;
    if (act == CPU_NORM_RELU)
        return vf_max(vf_set(0.0f), z);
    vf y = vf_select(z > 0.0f, z, p->leak * z) - p->sub;
    return vf_select(y > p->max, p->max, y);
}

/* dy act'(z) */
INLINE vf norm_pass(cpu_norm_act act, const norm_params *p, vf dy, vf z)
{
    if (act == CPU_NORM_PLAIN)
        return dy;
    if (act == CPU_NORM_RELU)
        return vf_select(z > 0.0f, dy, vf_set(0.0f));
    vf y = vf_select(z > 0.0f, z, p->leak * z) - p->sub;
    return vf_select(y > p->max, vf_set(0.0f), vf_select(z > 0.0f, dy, p->leak * dy));
}

INLINE void norm_stream(float *p, norm_group g)
{
    for (int j = 0; j < NORM_REGS; j++)
        vf_stream(p + j * VW, g.v[j]);
}

INLINE void norm_apply_row(cpu_norm_act act, bool elements, const cpu_norm_row *r, int64_t n, float *y,
                           const float *x)
{
    const norm_params p = norm_params_of(r);
    const bool stream = r->stream && (uintptr_t)y % (NORM_LANES * sizeof(float)) == 0;
    for (int64_t i = 0; i < n; i += NORM_LANES) {
        norm_group g = norm_group_of(x, i, n);
        norm_group gamma = norm_affine(r, elements ? r->gamma : NULL, 1.0f, i, n);
        norm_group beta = norm_affine(r, elements ? r->beta : NULL, 0.0f, i, n);
        for (int j = 0; j < NORM_REGS; j++) {
            vf z = (g.v[j] - p.mean.v[j]) * p.scale.v[j];
            z = elements ? z * gamma.v[j] + beta.v[j] : z + p.shift.v[j];
            g.v[j] = norm_activate(act, &p, z);
        }
        if (n - i < NORM_LANES)
            norm_store_part(y + i, n - i, g);
        else if (stream)
            norm_stream(y + i, g);
        else
            norm_store(y + i, g);
    }
}

INLINE void norm_apply_as(cpu_norm_act act, bool elements, const cpu_norm_row *first, int64_t rows, int64_t n,
                          float *y, int64_t y_step, const float *x, int64_t x_step)
{
    cpu_norm_row r = *first;
    for (; rows > 0; rows--, y += y_step, x += x_step, norm_next(&r))
        norm_apply_row(act, elements, &r, n, y, x);
}

static void norm_apply(const cpu_norm_row *r, int64_t rows, int64_t n, float *y, int64_t y_step, const float *x,
                       int64_t x_step)
{
    if (r->step != 0 && r->act == CPU_NORM_PLAIN)
        norm_apply_as(CPU_NORM_PLAIN, true, r, rows, n, y, y_step, x, x_step);
    else if (r->step != 0)
        norm_apply_as(CPU_NORM_GENERAL, true, r, rows, n, y, y_step, x, x_step);
    else if (r->act == CPU_NORM_PLAIN)
        norm_apply_as(CPU_NORM_PLAIN, false, r, rows, n, y, y_step, x, x_step);
    else if (r->act == CPU_NORM_RELU)
        norm_apply_as(CPU_NORM_RELU, false, r, rows, n, y, y_step, x, x_step);
    else
        norm_apply_as(CPU_NORM_GENERAL, false, r, rows, n, y, y_step, x, x_step);
}

/* ---- gradients ---- */

/* dz of a group, and x - mean in *centred. */
INLINE norm_group norm_dz(cpu_norm_act act, bool elements, const cpu_norm_row *r, const norm_params *p, int64_t i,
                          int64_t n, const float *dy, const float *x, norm_group *centred)
{
    norm_group g = norm_group_of(dy, i, n), v = norm_group_of(x, i, n);
    norm_group gamma = norm_affine(r, elements ? r->gamma : NULL, 1.0f, i, n);
    norm_group beta = norm_affine(r, elements ? r->beta : NULL, 0.0f, i, n);
    for (int j = 0; j < NORM_REGS; j++) {
        centred->v[j] = v.v[j] - p->mean.v[j];
        vf z = centred->v[j] * p->scale.v[j];
        z = elements ? z * gamma.v[j] + beta.v[j] : z + p->shift.v[j];
        g.v[j] = norm_pass(act, p, g.v[j], z);
    }
    return g;
}

INLINE void norm_grad_sums_row(cpu_norm_act act, bool elements, const cpu_norm_row *r, int64_t n, const float *dy,
                               const float *x, float *sum, float *with_x)
{
    const norm_params p = norm_params_of(r);
    norm_group s[2] = { norm_load(sum), norm_spread(0.0f) }, t[2] = { norm_load(with_x), norm_spread(0.0f) };
    for (int64_t i = 0, u = 0; i < n; i += NORM_LANES, u ^= 1) {
        norm_group c, dz = norm_dz(act, elements, r, &p, i, n, dy, x, &c);
        norm_group gamma = norm_affine(r, elements ? r->gamma : NULL, 1.0f, i, n);
        for (int j = 0; j < NORM_REGS; j++) {
            vf g = dz.v[j];
            if (elements)
                g *= gamma.v[j];
            s[u].v[j] += g;
            t[u].v[j] += g * c.v[j];
        }
    }
    for (int j = 0; j < NORM_REGS; j++) {
        s[0].v[j] += s[1].v[j];
        t[0].v[j] += t[1].v[j];
    }
    norm_store(sum, s[0]);
    norm_store(with_x, t[0]);
}

INLINE void norm_grad_sums_as(cpu_norm_act act, bool elements, const cpu_norm_row *first, int64_t rows, int64_t n,
                              const float *dy, int64_t dy_step, const float *x, int64_t x_step, float *sum,
                              float *with_x)
{
    cpu_norm_row r = *first;
    for (; rows > 0; rows--, dy += dy_step, x += x_step, norm_next(&r)) {
        norm_grad_sums_row(act, elements, &r, n, dy, x, sum, with_x);
        sum += NORM_LANES;
        with_x += NORM_LANES;
    }
}

static void norm_grad_sums(const cpu_norm_row *r, int64_t rows, int64_t n, const float *dy, int64_t dy_step,
                           const float *x, int64_t x_step, float *sum, float *with_x)
{
    if (r->step != 0 && r->act == CPU_NORM_PLAIN)
        norm_grad_sums_as(CPU_NORM_PLAIN, true, r, rows, n, dy, dy_step, x, x_step, sum, with_x);
    else if (r->step != 0)
        norm_grad_sums_as(CPU_NORM_GENERAL, true, r, rows, n, dy, dy_step, x, x_step, sum, with_x);
    else if (r->act == CPU_NORM_PLAIN)
        norm_grad_sums_as(CPU_NORM_PLAIN, false, r, rows, n, dy, dy_step, x, x_step, sum, with_x);
    else if (r->act == CPU_NORM_RELU)
        norm_grad_sums_as(CPU_NORM_RELU, false, r, rows, n, dy, dy_step, x, x_step, sum, with_x);
    else
        norm_grad_sums_as(CPU_NORM_GENERAL, false, r, rows, n, dy, dy_step, x, x_step, sum, with_x);
}

INLINE void norm_grad_row(cpu_norm_act act, bool elements, bool of_relu, const cpu_norm_row *r, int64_t n,
                          float *dx, const float *dy, const float *x, const float *a, const float *b)
{
    const norm_params p = norm_params_of(r);
    const norm_group fixed = r->each_lane ? norm_load(a) : norm_spread(a[0]);
    const norm_group slope = r->each_lane ? norm_load(b) : norm_spread(b[0]);
    for (int64_t i = 0; i < n; i += NORM_LANES) {
        __builtin_prefetch(dy + i + NORM_AHEAD); /* where dx is elsewhere, its lines compete with what comes next */
        __builtin_prefetch(x + i + NORM_AHEAD);
        norm_group c, dz = norm_dz(act, elements, r, &p, i, n, dy, x, &c);
        norm_group gamma = norm_affine(r, elements ? r->gamma : NULL, 1.0f, i, n);
        for (int j = 0; j < NORM_REGS; j++) {
            vf g = dz.v[j];
            if (elements)
                g *= gamma.v[j];
            dz.v[j] = g * p.scale.v[j] + (c.v[j] * slope.v[j] + fixed.v[j]);
        }
        const norm_group own = of_relu ? norm_group_of(x, i, n) : c;
        for (int j = 0; of_relu && j < NORM_REGS; j++)
            dz.v[j] = vf_select(own.v[j] > 0.0f, dz.v[j], vf_set(0.0f));
        if (n - i >= NORM_LANES)
            norm_store(dx + i, dz);
        else
            norm_store_part(dx + i, n - i, dz);
    }
}

INLINE void norm_grad_as(cpu_norm_act act, bool elements, bool of_relu, const cpu_norm_row *first, int64_t rows,
                         int64_t n, float *dx, const float *dy, const float *x, const int64_t steps[3],
                         const float *a, const float *b)
{
    cpu_norm_row r = *first;
    for (; rows > 0; rows--, a += r.next, b += r.next, norm_next(&r)) {
        norm_grad_row(act, elements, of_relu, &r, n, dx, dy, x, a, b);
        dx += steps[0];
        dy += steps[1];
        x += steps[2];
    }
}

static void norm_grad(const cpu_norm_row *r, int64_t rows, int64_t n, float *dx, const float *dy, const float *x,
                      const int64_t steps[3], const float *a, const float *b)
{
    if (r->of_relu)
        norm_grad_as(CPU_NORM_PLAIN, false, true, r, rows, n, dx, dy, x, steps, a, b);
    else if (r->step != 0 && r->act == CPU_NORM_PLAIN)
        norm_grad_as(CPU_NORM_PLAIN, true, false, r, rows, n, dx, dy, x, steps, a, b);
    else if (r->step != 0)
        norm_grad_as(CPU_NORM_GENERAL, true, false, r, rows, n, dx, dy, x, steps, a, b);
    else if (r->act == CPU_NORM_PLAIN)
        norm_grad_as(CPU_NORM_PLAIN, false, false, r, rows, n, dx, dy, x, steps, a, b);
    else if (r->act == CPU_NORM_RELU)
        norm_grad_as(CPU_NORM_RELU, false, false, r, rows, n, dx, dy, x, steps, a, b);
    else
        norm_grad_as(CPU_NORM_GENERAL, false, false, r, rows, n, dx, dy, x, steps, a, b);
}

static void norm_grad_elements(const cpu_norm_row *r, int64_t n, int valid, const float *dy, const float *x,
                               float *dgamma, float *dbeta)
{
    const norm_params p = norm_params_of(r);
    const cpu_norm_act act = r->act == CPU_NORM_PLAIN ? CPU_NORM_PLAIN : CPU_NORM_GENERAL;
    for (int64_t i = 0; i < n; i += NORM_LANES) {
        float g[NORM_LANES], h[NORM_LANES];
        norm_group c, dz = norm_dz(act, true, r, &p, i, n, dy, x, &c);
        for (int j = 0; j < NORM_REGS; j++)
            c.v[j] *= dz.v[j] * p.scale.v[j];
        norm_store(g, c);
        norm_store(h, dz);
        int64_t count = r->step == NORM_LANES ? valid : n - i < NORM_LANES ? n - i : NORM_LANES;
        for (int64_t k = 0; k < count; k++) {
            if (dgamma)
                dgamma[(i + k) / r->step] += g[k];
            if (dbeta)
                dbeta[(i + k) / r->step] += h[k];
        }
    }
}

static const struct cpu_norm_kernels norm_kernels = {
    .moments = norm_moments,
    .row_moments = norm_row_moments,
    .apply = norm_apply,
    .grad_sums = norm_grad_sums,
    .grad = norm_grad,
    .grad_elements = norm_grad_elements,
};

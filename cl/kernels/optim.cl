/* Optimizer steps. Dense parameters of a group are done in one launch: they lie in one memory, at the offsets of a table,
 * on processors in rows of no more elements than a work-item should do.
 * Any others have a launch of their own, over a strided loop.
 *
 * KERNEL_...: what is wanted. KIND, MOMENTUM: of adam, a socle_adam_kind and whether there are averages of gradients. See
 * socle_sgd_args and socle_adam_args for the order of operations. */
typedef struct row {
    index_t start, p, g, m, v; /* first element's number in the whole; where parameter, gradient and averages lie */
} row;

typedef struct sgd_hyper {
    float lr, mom, damp, wd, l2;
    int momentum, nesterov; /* whether there are momenta, and whether steps look ahead */
} sgd_hyper;

typedef struct adam_hyper {
    float lr, keep, l2, mom, sqr_mom, sqr_scale, sqr_eps, eps;
} adam_hyper;

enum { SCALED, PLAIN, RMS, SIGN };

/* One element. */
inline void sgd_step(__global float *p, float g, __global float *m, const sgd_hyper *h)
{
    float w = *p, d = g;
    if (h->l2 != 0)
        d += h->l2 * w;
    if (h->wd != 0)
        w *= 1.0f - h->lr * h->wd;
    if (h->momentum) {
        const float average = h->mom * *m + (1.0f - h->damp) * d;
        *m = average;
        d = h->nesterov ? d + h->mom * average : average;
    }
    *p = w - h->lr * d;
}

/* One element. */
inline void adam_step(__global float *p, float g, __global float *m, __global float *v, const adam_hyper *h)
{
    const float w = *p, d = g + h->l2 * w;
    float root = 1, s = d;
    if (KIND != SIGN) {
        const float square = h->sqr_mom * *v + (1.0f - h->sqr_mom) * (d * d);
        *v = square;
        root = sqrt(h->sqr_scale * square + h->sqr_eps) + h->eps;
    }
    if (KIND == RMS) {
        s = d / root;
        if (MOMENTUM)
            *m = s = h->mom * *m + s;
    } else {
        const float average = *m;
        s = h->mom * average + (1.0f - h->mom) * d;
        *m = KIND == SIGN ? h->sqr_mom * average + (1.0f - h->sqr_mom) * d : s;
        if (KIND == SIGN)
            s = s > 0 ? 1.0f : s < 0 ? -1.0f : s;
        else if (KIND == SCALED)
            s /= root;
    }
    *p = h->keep * w - h->lr * s;
}

/* A work-item's part of the table: where n elements of a parameter, its gradient and averages begin. */
typedef struct part {
    index_t p, g, m, v, n;
} part;

/* On processors a work-item does a whole row, elsewhere one element of the last row that starts at or before it. */
inline part part_of(__global const index_t *table, int rows, index_t total)
{
    const index_t i = get_global_id(0);
    __global const row *r = (__global const row *)table;
    part w = { 0, 0, 0, 0, 0 };
#ifdef OCL_CPU
    if (i >= rows)
        return w;
    r += i;
    const index_t k = 0;
    w.n = (i + 1 < rows ? r[1].start : total) - r->start;
#else
    if (i >= total)
        return w;
    int low = 0, high = rows;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (r[middle].start <= i)
            low = middle;
        else
            high = middle;
    }
    r += low;
    const index_t k = i - r->start;
    w.n = 1;
#endif
    w.p = r->p + k;
    w.g = r->g + k;
    w.m = r->m + k;
    w.v = r->v + k;
    return w;
}

#ifdef KERNEL_sgd
__kernel void sgd(__global float *restrict p, __global const float *restrict g, __global float *restrict m,
                  __global float *restrict v, sgd_hyper h, __global const index_t *table, index_t table_at, int rows,
                  index_t total)
{
    const part w = part_of(table + table_at, rows, total);
    for (index_t k = 0; k < w.n; k++)
        sgd_step(p + w.p + k, g[w.g + k], m + w.m + k, &h);
}
#endif

#ifdef KERNEL_sgd_strided
__kernel void sgd_strided(__global float *p, __global const float *g, __global float *m, __global float *v, sgd_hyper h,
                          loop l, index_t total)
{
    const index_t i = get_global_id(0);
    index_t at[4];
    if (i < total && loop_at(&l, 4, i, at))
        sgd_step(p + at[0], g[at[1]], m + at[2], &h);
}
#endif

#ifdef KERNEL_adam
__kernel void adam(__global float *restrict p, __global const float *restrict g, __global float *restrict m,
                   __global float *restrict v, adam_hyper h, __global const index_t *table, index_t table_at, int rows,
                   index_t total)
{
    const part w = part_of(table + table_at, rows, total);
    for (index_t k = 0; k < w.n; k++)
        adam_step(p + w.p + k, g[w.g + k], m + w.m + k, v + w.v + k, &h);
}
#endif

#ifdef KERNEL_adam_strided
__kernel void adam_strided(__global float *p, __global const float *g, __global float *m, __global float *v,
                           adam_hyper h, loop l, index_t total)
{
    const index_t i = get_global_id(0);
    index_t at[4];
    if (i < total && loop_at(&l, 4, i, at))
        adam_step(p + at[0], g[at[1]], m + at[2], v + at[3], &h);
}
#endif

/* Optimizer steps. Dense parameters of a group are done in one launch: they lie in one memory, at the offsets of a table.
 * Any others have a launch of their own, over a strided loop.
 *
 * KERNEL_...: what is wanted. See socle_sgd_args and socle_adam_args for the order of operations. */
typedef struct row {
    index_t start, p, g, m, v; /* first element's number in the whole; where parameter, gradient and averages lie */
} row;

typedef struct sgd_hyper {
    float lr, mom, damp, wd, l2;
    int momentum, nesterov; /* whether there are momenta, and whether steps look ahead */
} sgd_hyper;

typedef struct adam_hyper {
    float lr, keep, l2, mom, sqr_mom, sqr_scale, sqr_eps, eps;
    int kind, momentum; /* socle_adam_kind, and whether there are averages of gradients */
} adam_hyper;

enum { SCALED, PLAIN, RMS, SIGN };

/* One element. v is not touched. */
inline void sgd_step(__global float *p, float g, __global float *m, __global float *v, const sgd_hyper *h)
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
    if (h->kind != SIGN) {
        const float square = h->sqr_mom * *v + (1.0f - h->sqr_mom) * (d * d);
        *v = square;
        root = sqrt(h->sqr_scale * square + h->sqr_eps) + h->eps;
    }
    if (h->kind == RMS) {
        s = d / root;
        if (h->momentum)
            *m = s = h->mom * *m + s;
    } else {
        const float average = *m;
        s = h->mom * average + (1.0f - h->mom) * d;
        *m = h->kind == SIGN ? h->sqr_mom * average + (1.0f - h->sqr_mom) * d : s;
        if (h->kind == SIGN)
            s = s > 0 ? 1.0f : s < 0 ? -1.0f : s;
        else if (h->kind == SCALED)
            s /= root;
    }
    *p = h->keep * w - h->lr * s;
}

/* The last of the table's rows that starts at or before i. */
inline __global const row *row_of(__global const row *table, int rows, index_t i)
{
    int low = 0, high = rows;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[middle].start <= i)
            low = middle;
        else
            high = middle;
    }
    return table + low;
}

#define TABLE_KERNEL(name)                                                                                            \
    __kernel void name(__global float *p, __global const float *g, __global float *m, __global float *v,              \
                       name##_hyper h, __global const index_t *table, index_t table_at, int rows, index_t total)      \
    {                                                                                                                 \
        const index_t i = get_global_id(0);                                                                           \
        if (i >= total)                                                                                               \
            return;                                                                                                   \
        __global const row *r = row_of((__global const row *)(table + table_at), rows, i);                            \
        const index_t k = i - r->start;                                                                               \
        name##_step(p + r->p + k, g[r->g + k], m + r->m + k, v + r->v + k, &h);                                       \
    }
#define STRIDED_KERNEL(name)                                                                                          \
    __kernel void name##_strided(__global float *p, __global const float *g, __global float *m, __global float *v,    \
                                 name##_hyper h, loop l, index_t total)                                               \
    {                                                                                                                 \
        const index_t i = get_global_id(0);                                                                           \
        index_t at[4];                                                                                                \
        if (i < total && loop_at(&l, 4, i, at))                                                                       \
            name##_step(p + at[0], g[at[1]], m + at[2], v + at[3], &h);                                               \
    }

#ifdef KERNEL_sgd
TABLE_KERNEL(sgd)
#endif
#ifdef KERNEL_sgd_strided
STRIDED_KERNEL(sgd)
#endif
#ifdef KERNEL_adam
TABLE_KERNEL(adam)
#endif
#ifdef KERNEL_adam_strided
STRIDED_KERNEL(adam)
#endif

/* Optimizer steps. Dense parameters of a group are done in one launch: they lie in one memory, at the offsets of a table.
 * Any others have a launch of their own, over a strided loop.
 *
 * KERNEL_...: what is wanted. See socle_sgd_args for the order of operations. */
typedef struct row {
    index_t start, p, g, m; /* first element's number in the whole; where parameter, gradient and momentum lie */
} row;

typedef struct hyper {
    float lr, mom, damp, wd, l2;
    int momentum, nesterov; /* whether there are momenta, and whether steps look ahead */
} hyper;

/* One element. */
inline void step(__global float *p, float g, __global float *m, const hyper *h)
{
    float w = *p, d = g;
    if (h->l2 != 0)
        d += h->l2 * w;
    if (h->wd != 0)
        w *= 1.0f - h->lr * h->wd;
    if (h->momentum) {
        const float v = h->mom * *m + (1.0f - h->damp) * d;
        *m = v;
        d = h->nesterov ? d + h->mom * v : v;
    }
    *p = w - h->lr * d;
}

#ifdef KERNEL_sgd
__kernel void sgd(__global float *p, __global const float *g, __global float *m, hyper h, __global const row *table,
                  index_t table_at, int rows, index_t total)
{
    const index_t i = get_global_id(0);
    if (i >= total)
        return;
    table = (__global const row *)((__global const index_t *)table + table_at);
    int low = 0, high = rows; /* the last row that starts at or before i */
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[middle].start <= i)
            low = middle;
        else
            high = middle;
    }
    const index_t k = i - table[low].start;
    step(p + table[low].p + k, g[table[low].g + k], m + table[low].m + k, &h);
}
#endif

#ifdef KERNEL_sgd_strided
__kernel void sgd_strided(__global float *p, __global const float *g, __global float *m, hyper h, loop l, index_t total)
{
    const index_t i = get_global_id(0);
    index_t at[3];
    if (i < total && loop_at(&l, 3, i, at))
        step(p + at[0], g[at[1]], m + at[2], &h);
}
#endif

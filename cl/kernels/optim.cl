/* Optimizer steps. Dense parameters of a group are done in one launch: they lie in one memory, at the offsets of a table,
 * on processors in rows of no more elements than a work-item should do.
 * Any others have a launch of their own, over a strided loop.
 *
 * KERNEL_...: what is wanted. KIND, MOMENTUM: of adam, a socle_adam_kind and whether there are averages of gradients. See
 * socle_sgd_args and its like for the order of operations. GROUP: work-items that make a sum together, 1 on processors.
 *
 * Sums: a work-group adds up a row, each work-item every GROUP-th number (or, on processors, vector) in order, then halves
 * the work-items' sums until one is left. What it is for is another launch over the same rows. */
typedef struct row {
    index_t start; /* its first element's number in the whole */
    index_t first; /* number of the first row of the same parameter */
    index_t p, g, m, v; /* where parameter, gradient and averages lie */
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

/* Row i, whole. */
inline part row_at(__global const index_t *table, int i, int rows, index_t total)
{
    __global const row *r = (__global const row *)table + i;
    const part w = { r->p, r->g, r->m, r->v, (i + 1 < rows ? r[1].start : total) - r->start };
    return w;
}

/* On processors a work-item does a whole row, elsewhere one element of the last row that starts at or before it. */
inline part part_of(__global const index_t *table, int rows, index_t total)
{
    const index_t i = get_global_id(0);
    __global const row *r = (__global const row *)table;
    part w = { 0, 0, 0, 0, 0 };
#ifdef OCL_CPU
    return i < rows ? row_at(table, i, rows, total) : w;
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
    w.p = r->p + k;
    w.g = r->g + k;
    w.m = r->m + k;
    w.v = r->v + k;
    return w;
#endif
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

#ifdef KERNEL_axpby_rows
typedef struct axpby_hyper {
    float a, b;
} axpby_hyper;

__kernel void axpby_rows(__global float *restrict y, __global const float *restrict x, __global float *restrict unused,
                         __global float *restrict unused_too, axpby_hyper h, __global const index_t *table,
                         index_t table_at, int rows, index_t total)
{
    const part w = part_of(table + table_at, rows, total);
    if (h.b == 0) {
        for (index_t k = 0; k < w.n; k++)
            y[w.p + k] = h.a * x[w.g + k];
    } else {
        for (index_t k = 0; k < w.n; k++)
            y[w.p + k] = h.a * x[w.g + k] + h.b * y[w.p + k];
    }
}
#endif

/* ---- sums ---- */

/* A work-item's numbers, side by side. n: how many there are; those past them are 0, and are not stored. */
#ifdef OCL_CPU
typedef float16 wide;
enum { WIDE = 16 };

/* In memory that becomes registers: some tools do not follow what lies in the upper half of a vector. */
typedef union sixteen {
    wide all;
    float each[WIDE];
} sixteen;

inline wide keep(wide v, index_t n)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return select((wide)0, v, lane < (int16)(min(n, (index_t)WIDE)));
}

inline wide fetch(__global const float *x, index_t n)
{
    if (n >= WIDE)
        return vload16(0, x);
    sixteen v;
    for (int i = 0; i < WIDE; i++)
        v.each[i] = i < n ? x[i] : 0;
    return v.all;
}

inline void put(__global float *x, index_t n, wide v)
{
    if (n >= WIDE) {
        vstore16(v, 0, x);
        return;
    }
    const sixteen some = { v };
    for (int i = 0; i < n; i++)
        x[i] = some.each[i];
}

inline float across(wide v)
{
    sixteen sum = { v };
#pragma unroll
    for (int n = WIDE / 2; n > 0; n /= 2)
#pragma unroll
        for (int i = 0; i < n; i++)
            sum.each[i] += sum.each[i + n];
    return sum.each[0];
}
#else
typedef float wide;
enum { WIDE = 1 };

inline wide keep(wide v, index_t n)
{
    return v;
}

inline wide fetch(__global const float *x, index_t n)
{
    return *x;
}

inline void put(__global float *x, index_t n, wide v)
{
    *x = v;
}

inline float across(wide v)
{
    return v;
}
#endif

/* The sum over the work-items of a group, for all of them. room: GROUP numbers, for this sum alone. */
inline float add_group(float sum, __local float *room)
{
    const int i = get_local_id(0);
    room[i] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int n = GROUP; n > 1;) {
        const int left = (n + 1) / 2;
        if (i < n - left)
            room[i] += room[i + left];
        n = left;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    return room[0];
}

typedef struct lamb_hyper {
    float lr, l2, wd, mom, mom_scale, sqr_mom, sqr_scale, sqr_eps, eps, trust;
} lamb_hyper;

inline wide direction(wide p, wide m, wide v, const lamb_hyper *h)
{
    return h->mom_scale * m / (sqrt(h->sqr_scale * v + h->sqr_eps) + h->eps) + h->wd * p;
}

/* parts[2 row], [2 row + 1]: sums of squares of the parameter and of its direction. */
#ifdef KERNEL_lamb_average
__kernel void lamb_average(__global const float *restrict p, __global const float *restrict g,
                           __global float *restrict m, __global float *restrict v, lamb_hyper h,
                           __global float *restrict parts, index_t parts_at, __global const index_t *table,
                           index_t table_at, int rows, index_t total)
{
    __local float room[2][GROUP];
    const int i = get_group_id(0);
    const part w = row_at(table + table_at, i, rows, total);
    wide of_p = 0, of_s = 0;
    for (index_t k = get_local_id(0) * WIDE; k < w.n; k += GROUP * WIDE) {
        const index_t n = w.n - k;
        const wide value = fetch(p + w.p + k, n), d = fetch(g + w.g + k, n) + h.l2 * value;
        const wide average = h.mom * fetch(m + w.m + k, n) + (1.0f - h.mom) * d;
        const wide square = h.sqr_mom * fetch(v + w.v + k, n) + (1.0f - h.sqr_mom) * (d * d);
        put(m + w.m + k, n, average);
        put(v + w.v + k, n, square);
        const wide s = keep(direction(value, average, square, &h), n);
        of_p += value * value;
        of_s += s * s;
    }
    const float sum_p = add_group(across(of_p), room[0]), sum_s = add_group(across(of_s), room[1]);
    if (get_local_id(0) == 0) {
        parts[parts_at + 2 * i] = sum_p;
        parts[parts_at + 2 * i + 1] = sum_s;
    }
}
#endif

#ifdef KERNEL_lamb_step
__kernel void lamb_step(__global float *restrict p, __global const float *restrict unused,
                        __global const float *restrict m, __global const float *restrict v, lamb_hyper h,
                        __global const float *restrict parts, index_t parts_at, __global const index_t *table,
                        index_t table_at, int rows, index_t total)
{
    __local float room[2][GROUP];
    const int i = get_group_id(0);
    __global const row *r = (__global const row *)(table + table_at);
    const part w = row_at(table + table_at, i, rows, total);
    const index_t first = r[i].first;
    float of_p = 0, of_s = 0;
    for (index_t k = first + get_local_id(0); k < rows && r[k].first == first; k += GROUP) {
        of_p += parts[parts_at + 2 * k];
        of_s += parts[parts_at + 2 * k + 1];
    }
    of_p = sqrt(add_group(of_p, room[0]));
    of_s = sqrt(add_group(of_s, room[1]));
    const float rate = h.lr * (of_p > 0 && of_s > 0 ? fmin(of_p / of_s, h.trust) : 1.0f);
    for (index_t k = get_local_id(0) * WIDE; k < w.n; k += GROUP * WIDE) {
        const index_t n = w.n - k;
        const wide value = fetch(p + w.p + k, n);
        put(p + w.p + k, n, value - rate * direction(value, fetch(m + w.m + k, n), fetch(v + w.v + k, n), &h));
    }
}
#endif

/* ---- the length of all gradients ---- */

#ifdef KERNEL_clip_squares
__kernel void clip_squares(__global const float *restrict g, __global const float *restrict unused_1,
                           __global const float *restrict unused_2, __global const float *restrict unused_3, float limit,
                           __global float *restrict parts, index_t parts_at, __global const index_t *table,
                           index_t table_at, int rows, index_t total)
{
    __local float room[GROUP];
    const int i = get_group_id(0);
    const part w = row_at(table + table_at, i, rows, total);
    wide sum = 0;
    for (index_t k = get_local_id(0) * WIDE; k < w.n; k += GROUP * WIDE) {
        const wide value = fetch(g + w.p + k, w.n - k);
        sum += value * value;
    }
    const float all = add_group(across(sum), room);
    if (get_local_id(0) == 0)
        parts[parts_at + i] = all;
}
#endif

/* One group. */
#ifdef KERNEL_clip_norm
__kernel void clip_norm(__global float *norm, index_t norm_at, __global const float *parts, index_t parts_at, index_t n)
{
    __local float room[GROUP];
    wide sum = 0;
    for (index_t k = get_local_id(0) * WIDE; k < n; k += GROUP * WIDE)
        sum += fetch(parts + parts_at + k, n - k);
    const float all = add_group(across(sum), room);
    if (get_local_id(0) == 0)
        norm[norm_at] = sqrt(all);
}
#endif

#ifdef KERNEL_clip_scale
__kernel void clip_scale(__global float *restrict g, __global const float *restrict unused_1,
                         __global const float *restrict unused_2, __global const float *restrict unused_3, float limit,
                         __global const float *restrict norm, index_t norm_at, __global const index_t *table,
                         index_t table_at, int rows, index_t total)
{
    const float over = (norm[norm_at] + 1e-6f) / limit;
    const part w = part_of(table + table_at, rows, total);
    if (over <= 1)
        return;
    for (index_t k = 0; k < w.n; k++)
        g[w.p + k] /= over;
}
#endif

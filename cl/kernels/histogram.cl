/* Histogram, mean and variance in two stages. Stage one: a group a chunk, a table in local memory that its
 * work-items add to (whole numbers: the order does not show), and for the moments each work-item its own elements
 * in order, then pairs of work-items, always the same. Stage two: a work-item a bin, and one for the moments, over
 * the groups in order.
 *
 * Options: GROUP work-items, a power of two; BINS_MAX; FLAT (x is dense). */
typedef struct part {
    float n, mean, squares; /* numbers, their mean, the sum of squared deviations from it */
} part;

/* Of both parts together. */
inline part joined(part a, part b)
{
    part c;
    c.n = a.n + b.n;
    if (c.n == 0)
        return a;
    const float apart = b.mean - a.mean;
    c.mean = a.mean + apart * (b.n / c.n);
    c.squares = a.squares + b.squares + apart * apart * (a.n * (b.n / c.n));
    return c;
}

inline bool place_of(const loop *l, index_t i, index_t *at)
{
#ifdef FLAT
    at[0] = l->offset[0] + i;
    return true;
#else
    return loop_at(l, 1, i, at);
#endif
}

__kernel void histogram(loop l, index_t total, __global const float *x, __global int *tables, __global float *parts,
                        index_t chunk, index_t tables_at, index_t parts_at, int n, float low, float scale,
                        int absolute)
{
    __local int table[BINS_MAX];
    __local float numbers[GROUP], means[GROUP], squares[GROUP];
    const int me = get_local_id(0);
    const index_t group = get_group_id(0), end = min(total, (group + 1) * chunk);
    for (int i = me; i < n; i += GROUP)
        table[i] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    index_t first[1];
    place_of(&l, 0, first);
    /* What all means count from: where they are large beside the deviations, both stay exact. */
    const float pivot = x[first[0]];
    part own = { 0, 0, 0 };
    for (index_t i = group * chunk + me; i < end; i += GROUP) {
        index_t at[1];
        if (!place_of(&l, i, at))
            continue;
        const float v = x[at[0]], d = v - pivot, from = d - own.mean;
        own.n += 1;
        own.mean += from / own.n;
        own.squares += from * (d - own.mean);
        const float t = ((absolute ? fabs(v) : v) - low) * scale;
        if (t >= 0 && t < n)
            atomic_inc(&table[(int)t]);
    }
    numbers[me] = own.n;
    means[me] = own.mean;
    squares[me] = own.squares;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int rest = GROUP / 2; rest > 0; rest /= 2) {
        if (me < rest) {
            const part other = { numbers[me + rest], means[me + rest], squares[me + rest] };
            own = joined(own, other);
            numbers[me] = own.n;
            means[me] = own.mean;
            squares[me] = own.squares;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = me; i < n; i += GROUP)
        tables[tables_at + group * n + i] = table[i];
    if (me == 0) {
        parts[parts_at + 3 * group] = own.n;
        parts[parts_at + 3 * group + 1] = own.mean;
        parts[parts_at + 3 * group + 2] = own.squares;
        if (group == 0)
            parts[parts_at + 3 * get_num_groups(0)] = pivot;
    }
}

__kernel void histogram_combine(__global int *counts, __global float *moments, __global const int *tables,
                                __global const float *parts, index_t groups, index_t counts_at, index_t counts_step,
                                index_t moments_at, index_t moments_step, index_t tables_at, index_t parts_at, int n)
{
    const int bin = get_global_id(0);
    if (bin < n) {
        int sum = 0;
        for (index_t g = 0; g < groups; g++)
            sum += tables[tables_at + g * n + bin];
        counts[counts_at + bin * counts_step] = sum;
    } else if (bin == n) {
        part all = { 0, 0, 0 };
        for (index_t g = 0; g < groups; g++) {
            const part one = { parts[parts_at + 3 * g], parts[parts_at + 3 * g + 1], parts[parts_at + 3 * g + 2] };
            all = joined(all, one);
        }
        moments[moments_at] = parts[parts_at + 3 * groups] + all.mean;
        moments[moments_at + moments_step] = all.n > 1 ? all.squares / (all.n - 1) : 0;
    }
}

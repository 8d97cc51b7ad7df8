/* Reductions. Stage one: one work-item an output and a chunk of what is reduced, in order; stage two: one work-item an
 * output, over its chunks, in order. Chunks have a fixed size, so the result is the same on every run.
 *
 * Options: START (of an accumulator), ADD(acc, v), FINISH(acc). */
#ifdef START
inline float take(float acc, float v)
{
    return ADD(acc, v);
}

/* outer: y (or the partial results) and x at its first reduced element. inner: x's reduced dims, from 0. */
__kernel void reduce(loop outer, index_t outputs, loop inner, index_t reduced, __global float *y, __global const float *x,
                     index_t chunk, index_t chunks, index_t partial_at, float scale)
{
    const index_t i = get_global_id(0), piece = get_global_id(1);
    index_t at[2];
    if (i >= outputs || !loop_at(&outer, 2, i, at))
        return;
    const index_t last = inner.ndim - 1, width = inner.dim[last], stride = inner.stride[0][last];
    const index_t end = min(reduced, (piece + 1) * chunk);
    float acc = START;
    for (index_t k = piece * chunk; k < end;) {
        index_t from[1], n = min(end - k, width - k % width);
        const bool there = loop_at(&inner, 1, k, from);
        index_t m = there ? n : 0;
        if (there && inner.images > 0) /* a run along the lanes ends with the images */
            m = min(n, inner.images - k / (reduced / inner.dim[0]) * 16 - k % width);
        for (index_t j = 0; j < m; j++)
            acc = take(acc, x[at[1] + from[0] + j * stride]);
        k += n;
    }
    if (chunks > 1)
        y[partial_at + i * chunks + piece] = acc;
    else
        y[at[0]] = FINISH(acc);
}

__kernel void reduce_combine(loop outer, index_t outputs, __global float *y, __global const float *partial,
                             index_t chunks, index_t partial_at, float scale)
{
    const index_t i = get_global_id(0);
    index_t at[1];
    if (i >= outputs || !loop_at(&outer, 1, i, at))
        return;
    float acc = START;
    for (index_t piece = 0; piece < chunks; piece++)
        acc = COMBINE(acc, partial[partial_at + i * chunks + piece]);
    y[at[0]] = FINISH(acc);
}
#endif

/* index = place along the axis of the largest (BETTER is >) or smallest element; NaN wins, then the first. */
#ifdef BETTER
__kernel void argreduce(loop outer, index_t outputs, __global int *index, __global const float *x, index_t n,
                        index_t stride, index_t lanes)
{
    const index_t i = get_global_id(0);
    index_t at[2];
    if (i >= outputs || !loop_at(&outer, 2, i, at))
        return;
    float best = x[at[1]];
    index_t winner = 0;
    for (index_t k = 1; k < n && best == best; k++) {
        const float v = x[at[1] + (lanes == 1 ? k * stride : k / 16 * stride + k % 16)];
        if (v BETTER best || v != v) {
            best = v;
            winner = k;
        }
    }
    index[at[0]] = winner;
}
#endif

/* Reductions. Stage one: one work-item an output and a chunk of what is reduced, in order; stage two: one work-item an
 * output, over its chunks, in order. Chunks have a fixed size, so the result is the same on every run.
 *
 * KERNEL_reduce (both stages), KERNEL_argreduce: what is wanted. */
#ifdef KERNEL_reduce
enum { ADD, ADD_SQUARES, LARGEST, SMALLEST }; /* what becomes of a sum so far and the next value; of max and min, NaN wins */

inline float take(int kind, float acc, float v)
{
    switch (kind) {
    case ADD:
        return acc + v;
    case ADD_SQUARES:
        return acc + v * v;
    case LARGEST:
        return acc >= v || acc != acc ? acc : v;
    default:
        return acc <= v || acc != acc ? acc : v;
    }
}

/* start: of the accumulator; scale: times the result. outer: y (or the partial results) and x at its first reduced element. inner: x's reduced dims, from 0. */
__kernel void reduce(loop outer, index_t outputs, loop inner, index_t reduced, __global float *y, __global const float *x,
                     index_t chunk, index_t chunks, index_t partial_at, int kind, float start, float scale)
{
    const index_t i = get_global_id(0), piece = get_global_id(1);
    index_t at[2];
    if (i >= outputs || !loop_at(&outer, 2, i, at))
        return;
    const index_t last = inner.ndim - 1, width = inner.dim[last], stride = inner.stride[0][last];
    const index_t end = min(reduced, (piece + 1) * chunk);
    float acc = start;
    for (index_t k = piece * chunk; k < end;) {
        index_t from[1], n = min(end - k, width - k % width);
        const bool there = loop_at(&inner, 1, k, from);
        index_t m = there ? n : 0;
        if (there && inner.images > 0) /* a run along the lanes ends with the images */
            m = min(n, inner.images - k / (reduced / inner.dim[0]) * 16 - k % width);
        for (index_t j = 0; j < m; j++)
            acc = take(kind, acc, x[at[1] + from[0] + j * stride]);
        k += n;
    }
    if (chunks > 1)
        y[partial_at + i * chunks + piece] = acc;
    else
        y[at[0]] = acc * scale;
}

__kernel void reduce_combine(loop outer, index_t outputs, __global float *y, __global const float *partial,
                             index_t chunks, index_t partial_at, int kind, float start, float scale)
{
    const index_t i = get_global_id(0);
    index_t at[1];
    if (i >= outputs || !loop_at(&outer, 1, i, at))
        return;
    float acc = start;
    for (index_t piece = 0; piece < chunks; piece++)
        acc = take(kind, acc, partial[partial_at + i * chunks + piece]);
    y[at[0]] = acc * scale;
}
#endif

/* index = place along the axis of the largest or smallest element; NaN wins, then the first. */
#ifdef KERNEL_argreduce
__kernel void argreduce(loop outer, index_t outputs, __global int *index, __global const float *x, index_t n,
                        index_t stride, index_t lanes, int largest)
{
    const index_t i = get_global_id(0);
    index_t at[2];
    if (i >= outputs || !loop_at(&outer, 2, i, at))
        return;
    float best = x[at[1]];
    index_t winner = 0;
    for (index_t k = 1; k < n && best == best; k++) {
        const float v = x[at[1] + (lanes == 1 ? k * stride : k / 16 * stride + k % 16)];
        if ((largest ? v > best : v < best) || v != v) {
            best = v;
            winner = k;
        }
    }
    index[at[0]] = winner;
}
#endif

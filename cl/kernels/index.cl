/* Selection along an axis. T: the element type. An index outside reads and writes nothing. */
inline index_t along(index_t k, index_t step, index_t lanes)
{
    return lanes == 1 ? k * step : k / 16 * step + k % 16;
}

/* y = x at index; x's loop view stands at place 0 of the axis. */
__kernel void gather(loop l, index_t total, __global T *y, __global const T *x, __global const int *index, index_t n,
                     index_t step, index_t lanes)
{
    index_t at[3];
    const index_t i = get_global_id(0);
    if (i >= total || !loop_at(&l, 3, i, at))
        return;
    const index_t k = index[at[2]];
    if (k >= 0 && k < n)
        y[at[0]] = x[at[1] + along(k, step, lanes)];
}

/* y at j += the x whose index is j, in order: one work-item an element of y (its column of the loop, and place j). */
__kernel void scatter_add(loop l, index_t total, __global float *y, __global const float *x, __global const int *index,
                          index_t n, index_t y_step, index_t y_lanes, index_t x_step, index_t x_lanes, index_t i_step,
                          index_t i_lanes)
{
    index_t at[3];
    const index_t i = get_global_id(0), j = get_global_id(1);
    if (i >= total || !loop_at(&l, 3, i, at))
        return;
    const index_t to = at[0] + along(j, y_step, y_lanes);
    float acc = y[to];
    for (index_t k = 0; k < n; k++)
        if (index[at[2] + along(k, i_step, i_lanes)] == j)
            acc += x[at[1] + along(k, x_step, x_lanes)];
    y[to] = acc;
}

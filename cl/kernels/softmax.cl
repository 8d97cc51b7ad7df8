/* Softmax and cross entropy: one work-item a row (all elements along the axis). Rows are n apart by `step`, in blocks of 16
 * where step_lanes is 16 (the axis is that of the images). */
inline index_t along(index_t k, index_t step, index_t lanes)
{
    return lanes == 1 ? k * step : k / 16 * step + k % 16;
}

inline float largest(__global const float *x, index_t n, index_t step, index_t lanes)
{
    float m = -INFINITY;
    for (index_t k = 0; k < n; k++) {
        const float v = x[along(k, step, lanes)];
        m = m >= v || m != m ? m : v;
    }
    return m;
}

inline float sum_exp(__global const float *x, index_t n, index_t step, index_t lanes, float m)
{
    float sum = 0;
    for (index_t k = 0; k < n; k++)
        sum += exp(x[along(k, step, lanes)] - m);
    return sum;
}

#ifdef KERNEL_softmax
__kernel void softmax(loop rows, index_t total, __global float *y, __global const float *x, index_t n, index_t y_step,
                      index_t x_step, index_t y_lanes, index_t x_lanes, int logarithm)
{
    index_t at[2];
    const index_t i = get_global_id(0);
    if (i >= total || !loop_at(&rows, 2, i, at))
        return;
    y += at[0];
    x += at[1];
    const float m = largest(x, n, x_step, x_lanes), sum = sum_exp(x, n, x_step, x_lanes, m);
    const float log_sum = log(sum);
    for (index_t k = 0; k < n; k++) {
        const float v = x[along(k, x_step, x_lanes)] - m;
        y[along(k, y_step, y_lanes)] = logarithm ? v - log_sum : exp(v) / sum;
    }
}
#endif

/* softmax: dx = y (dy - sum(dy y)); logarithm: dx = dy - exp(y) sum(dy). */
#ifdef KERNEL_softmax_grad
__kernel void softmax_grad(loop rows, index_t total, __global float *dx, __global const float *dy,
                           __global const float *y, index_t n, index_t dx_step, index_t dy_step, index_t y_step,
                           index_t dx_lanes, index_t dy_lanes, index_t y_lanes, int logarithm)
{
    index_t at[3];
    const index_t i = get_global_id(0);
    if (i >= total || !loop_at(&rows, 3, i, at))
        return;
    dx += at[0];
    dy += at[1];
    y += at[2];
    float sum = 0;
    for (index_t k = 0; k < n; k++) {
        const float g = dy[along(k, dy_step, dy_lanes)];
        sum += logarithm ? g : g * y[along(k, y_step, y_lanes)];
    }
    for (index_t k = 0; k < n; k++) {
        const float g = dy[along(k, dy_step, dy_lanes)], v = y[along(k, y_step, y_lanes)];
        dx[along(k, dx_step, dx_lanes)] = logarithm ? g - exp(v) * sum : v * (g - sum);
    }
}
#endif

/* A target outside [0, n) reads no memory and gives NaN. */
#ifdef KERNEL_xent
__kernel void xent(loop rows, index_t total, __global float *loss, __global float *logp, __global const float *x,
                   __global const int *target, index_t n, index_t p_step, index_t x_step, int keep)
{
    index_t at[4];
    const index_t i = get_global_id(0);
    if (i >= total || !loop_at(&rows, 4, i, at))
        return;
    x += at[2];
    const float m = largest(x, n, x_step, 1), log_sum = log(sum_exp(x, n, x_step, 1, m));
    const int t = target[at[3]];
    loss[at[0]] = t >= 0 && t < n ? log_sum - (x[t * x_step] - m) : NAN;
    if (keep)
        for (index_t k = 0; k < n; k++)
            logp[at[1] + k * p_step] = x[k * x_step] - m - log_sum;
}
#endif

#ifdef KERNEL_xent_grad
__kernel void xent_grad(loop rows, index_t total, __global float *dx, __global const float *dloss,
                        __global const float *logp, __global const int *target, index_t n, index_t dx_step,
                        index_t p_step, float scale)
{
    index_t at[4];
    const index_t i = get_global_id(0);
    if (i >= total || !loop_at(&rows, 4, i, at))
        return;
    const float g = scale * dloss[at[1]];
    const int t = target[at[3]];
    for (index_t k = 0; k < n; k++)
        dx[at[0] + k * dx_step] = g * (exp(logp[at[2] + k * p_step]) - (k == t ? 1.0f : 0.0f));
}
#endif

/* Pooling, forward by output pixel and backward by input pixel (a gather over the windows it lies in, in order). Work-items:
 * images (neighbours in memory in the batch format) by pixels by channels. */
typedef struct pool {
    int adaptive, count_pad, size_h, size_w, stride_h, stride_w, pad_h, pad_w;
} pool;

/* Rows [from, to) of the window of output o, cut to the image of n rows that makes outs outputs. */
inline void window(int adaptive, int size, int stride, int pad, int o, int n, int outs, int *from, int *to)
{
    if (adaptive) {
        *from = (int)((long)o * n / outs);
        *to = (int)(((long)(o + 1) * n + outs - 1) / outs);
    } else {
        *from = max(0, o * stride - pad);
        *to = min(n, o * stride - pad + size);
    }
}

/* What the average divides by, along one side. */
inline int counted(const pool *p, int size, int stride, int pad, int o, int n, int from, int to)
{
    if (p->adaptive || !p->count_pad)
        return to - from;
    return min(o * stride - pad + size, n + pad) - (o * stride - pad);
}

#define WINDOW_OF(i, j, h, w)                                                                                        \
    window(p.adaptive, p.size_h, p.stride_h, p.pad_h, i, h, ho, &i0, &i1);                                           \
    window(p.adaptive, p.size_w, p.stride_w, p.pad_w, j, w, wo, &j0, &j1)
#define DIVISOR(i, j, h, w)                                                                                          \
    (counted(&p, p.size_h, p.stride_h, p.pad_h, i, h, i0, i1) * counted(&p, p.size_w, p.stride_w, p.pad_w, j, w, j0, j1))

__kernel void pool_forward(pool p, map ym, map xm, map im, __global float *y, __global const float *x,
                           __global int *index, int is_max, int keep)
{
    const index_t n = get_global_id(0), c = get_global_id(2);
    const int h = xm.dim[2], w = xm.dim[3], ho = ym.dim[2], wo = ym.dim[3];
    const int i = get_global_id(1) / wo, j = get_global_id(1) % wo;
    if (n >= ym.dim[0] || i >= ho)
        return;
    int i0, i1, j0, j1;
    WINDOW_OF(i, j, h, w);
    float acc = is_max ? -INFINITY : 0;
    int winner = i0 * w + j0;
    for (int a = i0; a < i1; a++)
        for (int b = j0; b < j1; b++) {
            const float v = x[pixel_at(&xm, n, c, a, b)];
            if (!is_max)
                acc += v;
            else if (v > acc || (v != v && acc == acc)) {
                acc = v;
                winner = a * w + b;
            }
        }
    y[pixel_at(&ym, n, c, i, j)] = is_max ? acc : acc / DIVISOR(i, j, h, w);
    if (keep)
        index[pixel_at(&im, n, c, i, j)] = winner;
}

/* The outputs whose windows can hold row a: all are near a outs / n, or between the first and last that reach it. */
inline void outputs_of(const pool *p, int size, int stride, int pad, int a, int n, int outs, int *from, int *to)
{
    if (p->adaptive) {
        *from = (int)((long)a * outs / n);
        *to = min(outs, (int)(((long)(a + 1) * outs + n - 1) / n));
    } else {
        *from = a + pad < size ? 0 : (a + pad - size) / stride + 1;
        *to = min(outs, (a + pad) / stride + 1);
    }
}

__kernel void pool_backward(pool p, map xm, map ym, map im, __global float *dx, __global const float *dy,
                            __global const int *index, int is_max, int add)
{
    const index_t n = get_global_id(0), c = get_global_id(2);
    const int h = xm.dim[2], w = xm.dim[3], ho = ym.dim[2], wo = ym.dim[3];
    const int a = get_global_id(1) / w, b = get_global_id(1) % w;
    if (n >= xm.dim[0] || a >= h)
        return;
    int o0, o1, q0, q1;
    outputs_of(&p, p.size_h, p.stride_h, p.pad_h, a, h, ho, &o0, &o1);
    outputs_of(&p, p.size_w, p.stride_w, p.pad_w, b, w, wo, &q0, &q1);
    __global float *to = dx + pixel_at(&xm, n, c, a, b);
    float acc = add ? *to : 0;
    for (int o = o0; o < o1; o++)
        for (int q = q0; q < q1; q++) {
            int i0, i1, j0, j1;
            WINDOW_OF(o, q, h, w);
            if (a < i0 || a >= i1 || b < j0 || b >= j1)
                continue;
            const float g = dy[pixel_at(&ym, n, c, o, q)];
            if (!is_max)
                acc += g / DIVISOR(o, q, h, w);
            else if (index[pixel_at(&im, n, c, o, q)] == a * w + b)
                acc += g;
        }
    *to = acc;
}

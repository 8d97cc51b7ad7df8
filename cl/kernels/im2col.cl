/* Windows of images as columns of a matrix, and back: the general way to convolve through a matrix product. Work-items: images
 * by output (or input) pixels by channels. */
typedef struct conv {
    int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
} conv;

/* cols (N, C r s, ho wo) from x (N, C, H, W). */
__kernel void im2col(conv p, map cm, map xm, __global float *cols, __global const float *x, int r, int s, int ho, int wo)
{
    const index_t n = get_global_id(0), c = get_global_id(2);
    const int o = get_global_id(1) / wo, q = get_global_id(1) % wo, h = xm.dim[2], w = xm.dim[3];
    if (n >= xm.dim[0] || o >= ho)
        return;
    const index_t base = image_at(&cm, n) + (o * wo + q) * cm.stride[2];
    for (int a = 0; a < r; a++)
        for (int b = 0; b < s; b++) {
            const int i = o * p.stride_h - p.pad_h + a * p.dilation_h, j = q * p.stride_w - p.pad_w + b * p.dilation_w;
            const bool inside = i >= 0 && i < h && j >= 0 && j < w;
            cols[base + ((c * r + a) * s + b) * cm.stride[1]] = inside ? x[pixel_at(&xm, n, c, i, j)] : 0;
        }
}

/* x = the sum, in order of the taps, over the windows each pixel lies in. */
__kernel void col2im(conv p, map xm, map cm, __global float *x, __global const float *cols, int r, int s, int ho, int wo)
{
    const index_t n = get_global_id(0), c = get_global_id(2);
    const int h = xm.dim[2], w = xm.dim[3], i = get_global_id(1) / w, j = get_global_id(1) % w;
    if (n >= xm.dim[0] || i >= h)
        return;
    float acc = 0;
    for (int a = 0; a < r; a++)
        for (int b = 0; b < s; b++) {
            const int from = i + p.pad_h - a * p.dilation_h, to = j + p.pad_w - b * p.dilation_w;
            const int o = from / p.stride_h, q = to / p.stride_w;
            if (from < 0 || to < 0 || from % p.stride_h || to % p.stride_w || o >= ho || q >= wo)
                continue;
            acc += cols[image_at(&cm, n) + ((c * r + a) * s + b) * cm.stride[1] + (o * wo + q) * cm.stride[2]];
        }
    x[pixel_at(&xm, n, c, i, j)] = acc;
}

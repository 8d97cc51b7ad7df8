/* y at (i, j) = x at the place that image n's row of place (top, left, mirrored) gives it, or pad outside of x. Work-items: images
 * (neighbours in memory in the batch format) by pixels by channels. */
__kernel void shift_images(map ym, map xm, __global float *y, __global const float *x, __global const int *place,
                           index_t offset, float pad)
{
    const index_t n = get_global_id(0), pixel = get_global_id(1), c = get_global_id(2);
    const index_t width = ym.dim[3];
    if (pixel >= ym.dim[2] * width || c >= ym.dim[1] || n >= ym.dim[0])
        return;
    const index_t i = pixel / width, j = pixel % width;
    const int3 p = vload3(n, place + offset);
    const index_t top = p.x, left = p.y, k = p.z != 0 ? width - 1 - j : j;
    float v = pad;
    if (top >= -i && top < xm.dim[2] - i && left >= -k && left < xm.dim[3] - k) /* compared so that nothing overflows */
        v = x[pixel_at(&xm, n, c, i + top, k + left)];
    y[pixel_at(&ym, n, c, i, j)] = v;
}

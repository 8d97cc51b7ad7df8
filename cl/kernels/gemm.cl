/* c = alpha a b + beta c for views of any strides: the definition, and what remains where nothing faster applies. */
__kernel void gemm_any(map cm, map am, map bm, __global float *c, __global const float *a, __global const float *b,
                       int ndim, index_t batches, float alpha, float beta)
{
    const index_t j = get_global_id(0), i = get_global_id(1), k_dim = am.dim[ndim - 1];
    if (j >= cm.dim[ndim - 1] || i >= cm.dim[ndim - 2])
        return;
    for (index_t batch = get_global_id(2); batch < batches; batch += get_global_size(2)) {
        index_t rest = batch, ca = cm.offset, aa = am.offset, ba = bm.offset;
        for (int d = ndim - 3; d >= 0; d--) {
            const index_t k = d > 0 ? rest % cm.dim[d] : rest;
            if (d > 0)
                rest /= cm.dim[d];
            ca += d == 0 && cm.lanes > 1 ? k / 16 * cm.stride[0] + k % 16 : k * cm.stride[d];
            aa += d == 0 && am.lanes > 1 ? k / 16 * am.stride[0] + k % 16 : k * am.stride[d];
            ba += d == 0 && bm.lanes > 1 ? k / 16 * bm.stride[0] + k % 16 : k * bm.stride[d];
        }
        /* with two dims the first is the rows: blocks of images may be there */
        const bool flat = ndim == 2;
        ca += flat && cm.lanes > 1 ? i / 16 * cm.stride[0] + i % 16 : i * cm.stride[ndim - 2];
        aa += flat && am.lanes > 1 ? i / 16 * am.stride[0] + i % 16 : i * am.stride[ndim - 2];
        ca += j * cm.stride[ndim - 1];
        ba += j * bm.stride[ndim - 1];
        float acc = 0;
        for (index_t k = 0; k < k_dim; k++) {
            const index_t bk = flat && bm.lanes > 1 ? k / 16 * bm.stride[0] + k % 16 : k * bm.stride[ndim - 2];
            acc = fma(a[aa + k * am.stride[ndim - 1]], b[ba + bk], acc);
        }
        c[ca] = beta == 0 ? alpha * acc : alpha * acc + beta * c[ca];
    }
}

/* c = alpha a b + beta c one element a work-item: the definition, and what remains where nothing faster applies. And the two
 * passes that faster ways may need behind them. */
__kernel void gemm_any(product g, __global float *c, __global const float *a, __global const float *b,
                       __global const float *bias, index_t batches, float alpha, float beta)
{
    const index_t j = get_global_id(0), i = get_global_id(1);
    if (j >= g.n || i >= g.m)
        return;
    for (index_t item = get_global_id(2); item < batches; item += get_global_size(2)) {
        __global const float *row = a + matrix_at(&g, &g.a, item) + along(g.a.row, i);
        __global const float *column = b + matrix_at(&g, &g.b, item) + along(g.b.column, j);
        __global float *to = c + matrix_at(&g, &g.c, item) + along(g.c.row, i) + along(g.c.column, j);
        float sum = 0;
        for (index_t k = 0; k < g.k; k++)
            sum = fma(row[along(g.a.column, k)], column[along(g.b.row, k)], sum);
        *to = finished(&g, to, bias, i, j, alpha * sum, beta, true);
    }
}

/* c = alpha (the slices' partial products (m, n), added in order) + beta c. */
__kernel void gemm_combine(product g, __global float *c, __global const float *partial, __global const float *bias,
                           index_t partial_at, index_t slices, float alpha, float beta)
{
    const index_t j = get_global_id(0), i = get_global_id(1);
    if (j >= g.n || i >= g.m)
        return;
    __global float *to = c + g.c.at + along(g.c.row, i) + along(g.c.column, j);
    float sum = 0;
    for (index_t s = 0; s < slices; s++)
        sum += partial[partial_at + (s * g.m + i) * g.n + j];
    *to = finished(&g, to, bias, i, j, alpha * sum, beta, true);
}

/* Bias and activation of a c that a library has computed. */
__kernel void gemm_finish(product g, __global float *c, __global const float *bias, index_t batches)
{
    const index_t j = get_global_id(0), i = get_global_id(1);
    if (j >= g.n || i >= g.m)
        return;
    for (index_t item = get_global_id(2); item < batches; item += get_global_size(2)) {
        __global float *to = c + matrix_at(&g, &g.c, item) + along(g.c.row, i) + along(g.c.column, j);
        *to = finished(&g, to, bias, i, j, *to, 0, true);
    }
}

/* A dense copy of g's c, which is (m, n). */
__kernel void gemm_dense(product g, __global float *to, __global const float *c, index_t to_at)
{
    const index_t j = get_global_id(0), i = get_global_id(1);
    if (j < g.n && i < g.m)
        to[to_at + i * g.n + j] = c[g.c.at + along(g.c.row, i) + along(g.c.column, j)];
}

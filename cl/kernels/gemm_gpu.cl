/* Matrix products shaped for many narrow work-items. A group of 16 x 16 computes a tile of 16 RM x 16 RN of C, RM x RN each:
 *
 *     for k in steps of DEPTH: all load DEPTH columns of A and rows of B into local memory, then multiply from there
 *
 * An item's rows and columns are 16 apart, so that neighbours read and write neighbours. Items load along the side whose
 * elements are neighbours in memory. What lies outside the matrices loads as 0. An element sums over k in order. */
enum { TM = 16 * RM, TN = 16 * RN, DEPTH = 16, ITEMS = 256 };

/* to[q][w] = v(w, k0 + q): `count` wide along `wide` from `first` on, below `wide_end`; k below k_end along `deep`. */
inline void load(__local float *to, int pitch, int count, __global const float *v, side wide, index_t first,
                 index_t wide_end, side deep, index_t k0, index_t k_end, int item)
{
    for (int e = item; e < count * DEPTH; e += ITEMS) {
        const bool along_k = deep.unit == 1;
        const int q = along_k ? e % DEPTH : e / count, w = along_k ? e / DEPTH : e % count;
        const bool inside = first + w < wide_end && k0 + q < k_end;
        to[q * pitch + w] = inside ? v[along(wide, first + w) + along(deep, k0 + q)] : 0;
    }
}

/* Groups: columns, rows, batches or slices of k. Slice s computes k from s slice_k on, into its own C, slice_at elements
 * behind that of the slice before. */
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
gemm_gpu(product g, __global float *c, __global const float *a, __global const float *b, __global const float *bias,
         index_t slices, index_t slice_k, index_t slice_at, float alpha, float beta)
{
    __local float panel_a[DEPTH * (TM + 1)], panel_b[DEPTH * (TN + 1)];
    const int x = get_local_id(0), y = get_local_id(1);
    const index_t item = slices > 1 ? 0 : get_group_id(2), slice = slices > 1 ? get_group_id(2) : 0;
    const index_t i0 = get_group_id(1) * TM, j0 = get_group_id(0) * TN;
    const index_t k0 = slice * slice_k, k1 = min(k0 + slice_k, g.k);
    float acc[RM][RN];
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < RN; j++)
            acc[i][j] = 0;
    a += matrix_at(&g, &g.a, item);
    b += matrix_at(&g, &g.b, item);
    c += matrix_at(&g, &g.c, item) + slice * slice_at;
    for (index_t k = k0; k < k1; k += DEPTH) {
        load(panel_a, TM + 1, TM, a, g.a.row, i0, g.m, g.a.column, k, k1, 16 * y + x);
        load(panel_b, TN + 1, TN, b, g.b.column, j0, g.n, g.b.row, k, k1, 16 * y + x);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int q = 0; q < DEPTH; q++) {
            float line[RN];
#pragma unroll
            for (int j = 0; j < RN; j++)
                line[j] = panel_b[q * (TN + 1) + 16 * j + x];
#pragma unroll
            for (int i = 0; i < RM; i++) {
                const float v = panel_a[q * (TM + 1) + 16 * i + y];
#pragma unroll
                for (int j = 0; j < RN; j++)
                    acc[i][j] = fma(v, line[j], acc[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
        for (int j = 0; j < RN; j++) {
            const index_t row = i0 + 16 * i + y, column = j0 + 16 * j + x;
            if (row < g.m && column < g.n) {
                __global float *to = c + along(g.c.row, row) + along(g.c.column, column);
                *to = finished(&g, to, bias, row, column, alpha * acc[i][j], beta, true);
            }
        }
}

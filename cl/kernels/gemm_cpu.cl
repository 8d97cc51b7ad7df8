/* Matrix products shaped for processors. One work-item computes mc x nc of C:
 *
 *     for k in steps of kc:
 *         pack kc x nc of B in panels of NR columns      (local memory that fits the L2 cache)
 *         for panels of MR rows: pack MR x kc of A       (the L1 cache)
 *             for panels of B: MR x NR of C in registers, NV float16's to a row
 *
 * Local memory is the thread's own here, so nothing is shared, nothing waits, and B is read from memory once where C has few
 * rows. An element sums over k in order within a step, and the steps are added in order: cutting C differently changes
 * no bit. Packing takes any sides; rows and columns past the edge repeat the last one and are not stored. */
enum { NR = 16 * NV };

/* Rotates the 8 bits (row, column) of an element's place in v by one; four times is the transpose. */
inline void rotate(float16 to[16], const float16 v[16])
{
#pragma unroll
    for (int i = 0; i < 8; i++) {
        to[2 * i].even = v[i].lo;
        to[2 * i].odd = v[i + 8].lo;
        to[2 * i + 1].even = v[i].hi;
        to[2 * i + 1].odd = v[i + 8].hi;
    }
}

/* to[q][w] = from[place[w] + q] for 16 q's and w's, `width` floats from one q to the next. */
inline void transpose(__local float *to, int width, __global const float *from, const index_t place[16])
{
    float16 v[16], t[16];
#pragma unroll
    for (int w = 0; w < 16; w++)
        v[w] = vload16(0, from + place[w]);
    rotate(t, v);
    rotate(v, t);
    rotate(t, v);
    rotate(v, t);
#pragma unroll
    for (int q = 0; q < 16; q++)
        vstore16(v[q], 0, to + q * width);
}

/* to[p][r] = a(i + r, k0 + p), kc p's of MR. Writes up to 16 floats behind. */
inline void pack_a(__local float *to, __global const float *a, const matrix *v, index_t i, index_t m, index_t k0, index_t kc)
{
    index_t row[16], p = 0;
#pragma unroll
    for (int r = 0; r < 16; r++)
        row[r] = along(v->row, min(i + min(r, MR - 1), m - 1));
    if (v->column.unit == 1) {
        for (; p + 16 <= kc; p += 16)
            transpose(to + p * MR, MR, a + along(v->column, k0 + p), row);
    } else if (v->row.unit == 1 && v->row.block == 16 && i + 16 <= m) {
        for (; p < kc; p++)
            vstore16(vload16(0, a + i + along(v->column, k0 + p)), 0, to + p * MR);
    }
    for (; p < kc; p++) {
        __global const float *from = a + along(v->column, k0 + p);
#pragma unroll
        for (int r = 0; r < MR; r++)
            to[p * MR + r] = from[row[r]];
    }
}

/* to[p][w] = b(k0 + p, j + w), kc p's of 16, NR floats from one p to the next. */
inline void pack_b16(__local float *to, __global const float *b, const matrix *v, index_t j, index_t n, index_t k0,
                     index_t kc)
{
    index_t column[16], p = 0;
    if (v->column.unit == 1 && j + 16 <= n) {
        b += along(v->column, j);
        for (; p < kc; p++)
            vstore16(vload16(0, b + along(v->row, k0 + p)), 0, to + p * NR);
        return;
    }
#pragma unroll
    for (int w = 0; w < 16; w++)
        column[w] = along(v->column, min(j + w, n - 1));
    if (v->row.unit == 1)
        for (; p + 16 <= kc; p += 16)
            transpose(to + p * NR, NR, b + along(v->row, k0 + p), column);
    for (; p < kc; p++) {
        __global const float *from = b + along(v->row, k0 + p);
#pragma unroll
        for (int w = 0; w < 16; w++)
            to[p * NR + w] = from[column[w]];
    }
}

/* Panels of kc x NR, one after the other: columns [j, end) of b, end rounded up to whole panels. */
inline void pack_b(__local float *to, __global const float *b, const matrix *v, index_t j, index_t end, index_t n,
                   index_t k0, index_t kc)
{
    const index_t first = j;
    if (v->column.unit == 1 && v->column.block == 16) { /* along the rows, as memory likes to be read */
        const index_t whole = min(end, n) / NR * NR;
        for (index_t p = 0; p < kc; p++) {
            __global const float *from = b + along(v->row, k0 + p);
            __local float *line = to + p * NR;
            for (j = first; j < whole; j += NR, line += kc * NR)
#pragma unroll
                for (int w = 0; w < NR; w += 16)
                    vstore16(vload16(0, from + j + w), 0, line + w);
        }
        j = max(first, whole);
    }
    for (; j < end; j += 16)
        pack_b16(to + (j - first) / NR * (NR * kc) + (j - first) % NR, b, v, j, n, k0, kc);
}

inline void multiply(float16 acc[MR][NV], __local const float *a, __local const float *b, index_t kc)
{
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[r][v] = 0;
    for (index_t p = 0; p < kc; p++, a += MR, b += NR) {
        float16 line[NV];
#pragma unroll
        for (int v = 0; v < NV; v++)
            line[v] = ((__local const float16 *)b)[v];
#pragma unroll
        for (int r = 0; r < MR; r++) {
            const float16 x = a[r];
#pragma unroll
            for (int v = 0; v < NV; v++)
                acc[r][v] = fma(x, line[v], acc[r][v]);
        }
    }
}

/* A whole tile whose columns are neighbours in memory. */
inline void store(const product *g, __global float *c, __global const float *bias, index_t i, index_t j,
                  float16 acc[MR][NV], float alpha, float beta, bool last)
{
#pragma unroll
    for (int r = 0; r < MR; r++) {
        __global float *row = c + along(g->c.row, i + r);
#pragma unroll
        for (int v = 0; v < NV; v++) {
            __global float *to = row + along(g->c.column, j + 16 * v);
            float16 x = alpha * acc[r][v];
            if (beta != 0)
                x += beta * vload16(0, to);
            if (last && g->has_bias)
                x += g->bias_column ? vload16(0, bias + g->bias + j + 16 * v) : (float16)(bias[g->bias + i + r]);
            if (last && g->relu)
                x = x < 0 ? 0 : x; /* NaN stays NaN */
            vstore16(x, 0, to);
        }
    }
}

/* Any other tile, by way of `own`, MR x NR of local memory. */
inline void store_edge(const product *g, __global float *c, __global const float *bias, __local float *own, index_t i,
                       index_t j, float16 acc[MR][NV], float alpha, float beta, bool last)
{
#pragma unroll
    for (int r = 0; r < MR; r++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            vstore16(acc[r][v], NV * r + v, own);
    for (index_t r = 0; r < min((index_t)MR, g->m - i); r++)
        for (index_t w = 0; w < min((index_t)NR, g->n - j); w++) {
            __global float *to = c + along(g->c.row, i + r) + along(g->c.column, j + w);
            *to = finished(g, to, bias, i + r, j + w, alpha * own[r * NR + w], beta, last);
        }
}

/* Work-groups of one: columns, rows, batches or slices of k. Slice s computes k from s slice_k on, into its own C, slice_at
 * elements behind that of the slice before. */
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
gemm_cpu(product g, __global float *c, __global const float *a, __global const float *b, __global const float *bias,
         index_t mc, index_t nc, index_t kc, index_t slices, index_t slice_k, index_t slice_at, float alpha, float beta,
         __local float *panels)
{
    const index_t item = slices > 1 ? 0 : get_group_id(2), slice = slices > 1 ? get_group_id(2) : 0;
    const index_t m0 = get_group_id(1) * mc, m1 = min(m0 + mc, g.m), n0 = get_group_id(0) * nc, n1 = min(n0 + nc, g.n);
    const index_t k0 = slice * slice_k, k1 = min(k0 + slice_k, g.k);
    __local float *own = panels, *panel_a = own + MR * NR, *panels_b = panel_a + (MR * kc + 31) / 16 * 16;
    a += matrix_at(&g, &g.a, item);
    b += matrix_at(&g, &g.b, item);
    c += matrix_at(&g, &g.c, item) + slice * slice_at;
    for (index_t k = k0; k < k1; k += kc) {
        const index_t steps = min(kc, k1 - k);
        const float keep = k == k0 ? beta : 1;
        const bool last = k + steps == k1;
        pack_b(panels_b, b, &g.b, n0, n0 + (n1 - n0 + NR - 1) / NR * NR, g.n, k, steps);
        for (index_t i = m0; i < m1; i += MR) {
            pack_a(panel_a, a, &g.a, i, g.m, k, steps);
            for (index_t j = n0; j < n1; j += NR) {
                float16 acc[MR][NV];
                multiply(acc, panel_a, panels_b + (j - n0) * steps, steps);
                if (i + MR <= g.m && j + NR <= g.n && g.c.column.unit == 1)
                    store(&g, c, bias, i, j, acc, alpha, keep, last);
                else
                    store_edge(&g, c, bias, own, i, j, acc, alpha, keep, last);
            }
        }
    }
}

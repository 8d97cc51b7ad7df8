/* Optimizer steps over all parameters of a group in one launch: they lie in one memory, at the offsets of a table. */
typedef struct row {
    index_t start, p, g, m; /* first element's number in the whole; where parameter, gradient and momentum lie */
} row;

#ifdef SGD
/* Options: MOMENTUM, NESTEROV. See socle_sgd_args for the order of operations. */
__kernel void sgd(__global float *p, __global const float *g, __global float *m, __global const row *table, index_t table_at,
                  int rows, index_t total, float lr, float mom, float damp, float wd, float l2)
{
    const index_t i = get_global_id(0);
    if (i >= total)
        return;
    table = (__global const row *)((__global const index_t *)table + table_at);
    int low = 0, high = rows; /* the last row that starts at or before i */
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[middle].start <= i)
            low = middle;
        else
            high = middle;
    }
    const index_t k = i - table[low].start, at = table[low].p + k;
    float w = p[at], d = g[table[low].g + k];
    if (l2 != 0)
        d += l2 * w;
    if (wd != 0)
        w *= 1.0f - lr * wd;
#ifdef MOMENTUM
    const float v = mom * m[table[low].m + k] + (1.0f - damp) * d;
    m[table[low].m + k] = v;
#ifdef NESTEROV
    d += mom * v;
#else
    d = v;
#endif
#endif
    p[at] = w - lr * d;
}
#endif

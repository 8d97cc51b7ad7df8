/* Softmax and cross entropy (kernels_reduce.h). The largest element m is subtracted first, so that no
 * exponential overflows: log softmax(x) = x - m - log(sum exp(x - m)). Columns go in groups of 16, which are the
 * images of a block. */

enum { COLUMNS = 16 };

/* Of w <= COLUMNS columns: m and log(sum exp(x - m)). NaN in a column makes both NaN. */
INLINE void log_sum_exp_columns(int w, int64_t rows, const float *x, int64_t ldx, float *most, float *rest)
{
    float m[COLUMNS], sum[COLUMNS];
    for (int i = 0; i < w; i++) {
        m[i] = x[i];
        sum[i] = 0.0f;
    }
    for (int64_t r = 1; r < rows; r++)
        for (int i = 0; i < w; i++) {
            float v = x[r * ldx + i];
            m[i] = v > m[i] || v != v ? v : m[i];
        }
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < w; i++)
            sum[i] += math_exp(x[r * ldx + i] - m[i]);
    for (int i = 0; i < w; i++) {
        most[i] = m[i];
        rest[i] = math_log(sum[i]);
    }
}

INLINE void softmax_group(bool log, int w, int64_t rows, float *y, int64_t ldy, const float *x, int64_t ldx,
                          float *most, float *rest)
{
    float m[COLUMNS], l[COLUMNS];
    log_sum_exp_columns(w, rows, x, ldx, m, l);
    for (int64_t r = 0; y && r < rows; r++) {
        INDEPENDENT
        for (int i = 0; i < w; i++) {
            float v = x[r * ldx + i] - m[i] - l[i];
            y[r * ldy + i] = log ? v : math_exp(v);
        }
    }
    for (int i = 0; most && i < w; i++) {
        most[i] = m[i];
        rest[i] = l[i];
    }
}

static void softmax_columns(bool log, int64_t rows, int64_t n, float *y, int64_t ldy, const float *x, int64_t ldx,
                            float *most, float *rest)
{
    for (int64_t i = 0; i < n; i += COLUMNS) {
        float *yi = y ? y + i : NULL, *mi = most ? most + i : NULL, *ri = rest ? rest + i : NULL;
        if (n - i < COLUMNS)
            softmax_group(log, (int)(n - i), rows, yi, ldy, x + i, ldx, mi, ri);
        else if (log)
            softmax_group(true, COLUMNS, rows, yi, ldy, x + i, ldx, mi, ri);
        else
            softmax_group(false, COLUMNS, rows, yi, ldy, x + i, ldx, mi, ri);
    }
}

/* The sum, or the largest, of what rows left in the virtual lanes. */
INLINE float lanes_sum(const float *acc)
{
    float sum[REDUCE_LANES];
    memcpy(sum, acc, sizeof sum);
    for (int half = REDUCE_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            sum[i] += sum[i + half];
    return sum[0];
}

INLINE float lanes_max(const float *acc)
{
    float m = acc[0];
    for (int i = 1; i < REDUCE_LANES; i++)
        m = acc[i] > m || acc[i] != acc[i] ? acc[i] : m;
    return m;
}

static void softmax_row(bool log, int64_t n, float *y, const float *x, float *most, float *rest)
{
    float acc[REDUCE_LANES], tile[TILE];
    for (int i = 0; i < REDUCE_LANES; i++)
        acc[i] = x[0];
    reduce_rows_op(SOCLE_REDUCE_MAX, 1, 0, n, x, 1, acc);
    float m = lanes_max(acc);
    memset(acc, 0, sizeof acc);
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t w = tile_at(from, n, TILE);
        for (int64_t i = 0; i < w; i++)
            tile[i] = math_exp(x[from + i] - m);
        reduce_rows_op(SOCLE_REDUCE_SUM, 1, 0, w, tile, 1, acc);
    }
    float l = math_log(lanes_sum(acc));
    if (y && log) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] - m - l;
    } else if (y) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = math_exp(x[i] - m - l);
    }
    if (most) {
        *most = m;
        *rest = l;
    }
}

/* ---- gradients ---- */

INLINE void softmax_grad_group(bool log, int w, int64_t rows, float *dx, int64_t lddx, const float *dy,
                               int64_t lddy, const float *y, int64_t ldy)
{
    float sum[COLUMNS] = { 0 };
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < w; i++)
            sum[i] += log ? dy[r * lddy + i] : dy[r * lddy + i] * y[r * ldy + i];
    for (int64_t r = 0; r < rows; r++) {
        INDEPENDENT
        for (int i = 0; i < w; i++) {
            float g = dy[r * lddy + i], v = y[r * ldy + i];
            dx[r * lddx + i] = log ? g - math_exp(v) * sum[i] : v * (g - sum[i]);
        }
    }
}

static void softmax_grad_columns(bool log, int64_t rows, int64_t n, float *dx, int64_t lddx, const float *dy,
                                 int64_t lddy, const float *y, int64_t ldy)
{
    for (int64_t i = 0; i < n; i += COLUMNS) {
        if (n - i < COLUMNS)
            softmax_grad_group(log, (int)(n - i), rows, dx + i, lddx, dy + i, lddy, y + i, ldy);
        else if (log)
            softmax_grad_group(true, COLUMNS, rows, dx + i, lddx, dy + i, lddy, y + i, ldy);
        else
            softmax_grad_group(false, COLUMNS, rows, dx + i, lddx, dy + i, lddy, y + i, ldy);
    }
}

static void softmax_grad_row(bool log, int64_t n, float *dx, const float *dy, const float *y)
{
    float acc[REDUCE_LANES] = { 0 }, tile[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t w = tile_at(from, n, TILE);
        for (int64_t i = 0; i < w; i++)
            tile[i] = log ? dy[from + i] : dy[from + i] * y[from + i];
        reduce_rows_op(SOCLE_REDUCE_SUM, 1, 0, w, tile, 1, acc);
    }
    float sum = lanes_sum(acc);
    if (log) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            dx[i] = dy[i] - math_exp(y[i]) * sum;
    } else {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] * (dy[i] - sum);
    }
}

INLINE void xent_grad_group(int w, int64_t rows, float *dx, int64_t lddx, const float *logp, int64_t ldp,
                            const int32_t *target, const float *g)
{
    for (int64_t r = 0; r < rows; r++) {
        int32_t k = (int32_t)r;
        INDEPENDENT
        for (int i = 0; i < w; i++)
            dx[r * lddx + i] = g[i] * (math_exp(logp[r * ldp + i]) - (target[i] == k ? 1.0f : 0.0f));
    }
}

static void xent_grad_columns(int64_t rows, int64_t n, float *dx, int64_t lddx, const float *logp, int64_t ldp,
                              const int32_t *target, const float *g)
{
    for (int64_t i = 0; i < n; i += COLUMNS) {
        if (n - i < COLUMNS)
            xent_grad_group((int)(n - i), rows, dx + i, lddx, logp + i, ldp, target + i, g + i);
        else
            xent_grad_group(COLUMNS, rows, dx + i, lddx, logp + i, ldp, target + i, g + i);
    }
}

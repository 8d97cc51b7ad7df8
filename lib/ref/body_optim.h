/* Optimizer steps, in the order and with the roundings of socle_sgd_args and its like. Sums are in double. */

/* One parameter p, gradient g, momentum m (NULL: none). */
static void sgd(socle_out p, socle_in g, socle_out m, const socle_sgd_args *a)
{
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real value = (real)load(p, i), step = (real)load(g, i) + (real)a->l2 * value;
        value = value * (R(1) - (real)a->lr * (real)a->wd);
        if (m) {
            real v = (real)a->mom * (real)load(m, i) + (R(1) - (real)a->damp) * step;
            store(m, i, v);
            step = a->nesterov ? step + (real)a->mom * v : v;
        }
        store(p, i, value - (real)a->lr * step);
    } while (next(p, i));
}

static socle_status sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                             const socle_sgd_args *a)
{
    (void)self;
    for (size_t k = 0; k < n; k++)
        sgd(&p[k], &g[k], m ? &m[k] : NULL, a);
    return SOCLE_OK;
}

/* What one element moves along, from its gradient d; m (NULL: none) and v are brought up to date. */
static real adam_step(real d, real *m, real *v, const socle_adam_args *a)
{
    real root = R(1), mom = (real)a->mom, sqr_mom = (real)a->sqr_mom;
    if (v) {
        *v = sqr_mom * *v + (R(1) - sqr_mom) * (d * d);
        root = R_SQRT((real)a->sqr_scale * *v + (real)a->sqr_eps) + (real)a->eps;
    }
    if (a->kind == SOCLE_ADAM_RMS) {
        real step = d / root;
        return m ? (*m = mom * *m + step) : step;
    }
    real average = mom * *m + (R(1) - mom) * d;
    if (a->kind != SOCLE_ADAM_SIGN) {
        *m = average;
        return a->kind == SOCLE_ADAM_SCALED ? average / root : average;
    }
    *m = sqr_mom * *m + (R(1) - sqr_mom) * d;
    return average > R(0) ? R(1) : average < R(0) ? R(-1) : average;
}

/* One parameter p, gradient g, averages m and v (NULL: none). */
static void adam(socle_out p, socle_in g, socle_out m, socle_out v, const socle_adam_args *a)
{
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real value = (real)load(p, i), d = (real)load(g, i) + (real)a->l2 * value;
        real average = m ? (real)load(m, i) : R(0), square = v ? (real)load(v, i) : R(0);
        real step = adam_step(d, m ? &average : NULL, v ? &square : NULL, a);
        if (m)
            store(m, i, average);
        if (v)
            store(v, i, square);
        store(p, i, (real)a->keep * value - (real)a->lr * step);
    } while (next(p, i));
}

static socle_status adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_view *v, const socle_adam_args *a)
{
    (void)self;
    for (size_t k = 0; k < n; k++)
        adam(&p[k], &g[k], m ? &m[k] : NULL, v ? &v[k] : NULL, a);
    return SOCLE_OK;
}

/* ---- steps as long as what they change ---- */

static real lamb_direction(real value, real m, real v, const socle_lamb_args *a)
{
    real root = R_SQRT((real)a->sqr_scale * v + (real)a->sqr_eps) + (real)a->eps;
    return (real)a->mom_scale * m / root + (real)a->wd * value;
}

/* What steps are multiplied by, from the sums of squares of the n elements of a parameter and its direction. */
static real lamb_rate(double n, double of_p, double of_s, const socle_lamb_args *a)
{
    of_p = sqrt(of_p / n);
    of_s = sqrt(of_s / n);
    if (!(of_p > 0 && of_s > 0))
        return R(1);
    return (real)(of_p / of_s < (double)a->trust ? of_p / of_s : (double)a->trust);
}

static void lamb(socle_out p, socle_in g, socle_out m, socle_out v, const socle_lamb_args *a)
{
    const real mom = (real)a->mom, sqr_mom = (real)a->sqr_mom;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    double n = 0, of_p = 0, of_s = 0;
    do {
        real value = (real)load(p, i), d = (real)load(g, i) + (real)a->l2 * value;
        real average = mom * (real)load(m, i) + (R(1) - mom) * d;
        real square = sqr_mom * (real)load(v, i) + (R(1) - sqr_mom) * (d * d);
        store(m, i, average);
        store(v, i, square);
        double s = (double)lamb_direction(value, average, square, a);
        of_p += (double)value * (double)value;
        of_s += s * s;
        n++;
    } while (next(p, i));
    const real rate = lamb_rate(n, of_p, of_s, a);
    do {
        real value = (real)load(p, i), s = lamb_direction(value, (real)load(m, i), (real)load(v, i), a);
        store(p, i, value - (real)a->lr * rate * s);
    } while (next(p, i));
}

static socle_status lamb_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_view *v, const socle_lamb_args *a)
{
    (void)self;
    for (size_t k = 0; k < n; k++)
        lamb(&p[k], &g[k], &m[k], &v[k], a);
    return SOCLE_OK;
}

/* ---- lists of tensors ---- */

static socle_status clip_many(void *self, size_t n, const socle_view *g, socle_out norm, float limit)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        do {
            double value = load(&g[k], i);
            sum += value * value;
        } while (next(&g[k], i));
    store(norm, i, sqrt(sum));
    const real over = ((real)sqrt(sum) + (real)1e-6f) / (real)limit;
    for (size_t k = 0; k < n && !(over <= R(1)); k++)
        do
            store(&g[k], i, (real)load(&g[k], i) / over);
        while (next(&g[k], i));
    return SOCLE_OK;
}

static socle_status axpby_many(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b)
{
    for (size_t k = 0; k < n; k++)
        (void)axpby(self, &y[k], a, &x[k], b);
    return SOCLE_OK;
}

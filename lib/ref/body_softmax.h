/* Softmax, cross entropy and their gradients. The largest element is subtracted first, so that no exponential
 * overflows: log softmax(x) = x - m - log(sum exp(x - m)). */

/* Logarithm of the sum of exponentials of the line of x through i along axes; i comes back as it was. */
static double log_sum_exp(socle_in x, uint32_t axes, int64_t *i, double *largest)
{
    double m = load(x, i), sum = 0;
    do {
        double v = load(x, i);
        m = beats(SOCLE_REDUCE_MAX, v, m) ? v : m;
    } while (next_along(x, axes, i));
    do {
        sum += exp(load(x, i) - m);
    } while (next_along(x, axes, i));
    *largest = m;
    return log(sum);
}

static socle_status softmax(void *self, socle_out y, socle_in x, int axis, bool log)
{
    (void)self;
    uint32_t line = 1u << axis;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double m, rest = log_sum_exp(x, line, i, &m);
        do {
            double v = load(x, i) - m - rest;
            store(y, i, log ? v : exp(v));
        } while (next_along(x, line, i));
    } while (next_along(x, ~line, i));
    return SOCLE_OK;
}

/* softmax: dx = y (dy - sum(dy y)); its logarithm: dx = dy - exp(y) sum(dy) */
static socle_status softmax_grad(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log)
{
    (void)self;
    uint32_t line = 1u << axis;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double sum = 0;
        do {
            sum += log ? load(dy, i) : load(dy, i) * load(y, i);
        } while (next_along(y, line, i));
        do {
            double g = load(dy, i), v = load(y, i);
            store(dx, i, log ? g - exp(v) * sum : v * (g - sum));
        } while (next_along(y, line, i));
    } while (next_along(y, ~line, i));
    return SOCLE_OK;
}

/* target (N) */
static socle_status check_targets(socle_in target, int64_t classes)
{
    for (int64_t n = 0; n < target->dim[0]; n++) {
        double t = load1(target, n);
        if (t < 0 || t >= (double)classes)
            return socle_fail(SOCLE_ERR_ARG, "cross entropy: target %.0f of sample %lld is outside [0, %lld)", t,
                              (long long)n, (long long)classes);
    }
    return SOCLE_OK;
}

static socle_status xent(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target)
{
    (void)self;
    socle_status s = check_targets(target, x->dim[1]);
    if (s != SOCLE_OK)
        return s;
    for (int64_t n = 0; n < x->dim[0]; n++) {
        int64_t i[2] = { n, 0 };
        double m, rest = log_sum_exp(x, 1u << 1, i, &m);
        store1(loss, n, rest + m - load2(x, n, (int64_t)load1(target, n)));
        for (int64_t k = 0; logp && k < x->dim[1]; k++)
            store2(logp, n, k, load2(x, n, k) - m - rest);
    }
    return SOCLE_OK;
}

static socle_status xent_grad(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target, float scale)
{
    (void)self;
    socle_status s = check_targets(target, logp->dim[1]);
    if (s != SOCLE_OK)
        return s;
    for (int64_t n = 0; n < logp->dim[0]; n++) {
        double g = (double)scale * load1(dloss, n);
        int64_t t = (int64_t)load1(target, n);
        for (int64_t k = 0; k < logp->dim[1]; k++)
            store2(dx, n, k, g * (exp(load2(logp, n, k)) - (k == t)));
    }
    return SOCLE_OK;
}

/* Means, variances, norms and their gradients, over x (N, G, K, S); socle_norm in sys/backend.h has the formulas. */

/* The dimensions that share a mean. */
static uint32_t shared_axes(const socle_norm *p)
{
    return p->batch ? 1u << 0 | 1u << 2 | 1u << 3 : 1u << 2 | 1u << 3;
}

static double shared_count(const socle_norm *p, socle_in x)
{
    return (double)x->dim[3] * (double)(p->batch ? x->dim[0] : x->dim[2]);
}

/* What a sum of squares is divided by. */
static double var_count(const socle_norm *p, socle_in x)
{
    double n = shared_count(p, x);
    return p->unbiased && n > 1 ? n - 1 : n;
}

/* mean or var of element i. */
static double stat_of(const socle_norm *p, socle_in stat, const int64_t *i)
{
    return p->batch ? load1(stat, i[1]) : load2(stat, i[0], i[1]);
}

static void store_stat(const socle_norm *p, socle_out stat, const int64_t *i, double value)
{
    if (p->batch)
        store1(stat, i[1], value);
    else
        store2(stat, i[0], i[1], value);
}

/* gamma or beta of element i. */
static double affine_of(socle_in v, const int64_t *i, double absent)
{
    if (v == NULL)
        return absent;
    return load3(v, v->dim[0] == 1 ? 0 : i[1], v->dim[1] == 1 ? 0 : i[2], v->dim[2] == 1 ? 0 : i[3]);
}

static socle_status moments(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x)
{
    (void)self;
    uint32_t axes = shared_axes(p);
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double sum = 0, squares = 0;
        do {
            sum += load(x, i);
        } while (next_along(x, axes, i));
        double m = sum / shared_count(p, x);
        do {
            squares += (load(x, i) - m) * (load(x, i) - m);
        } while (next_along(x, axes, i));
        store_stat(p, mean, i, m);
        store_stat(p, var, i, squares / var_count(p, x));
    } while (next_along(x, ~axes, i));
    return SOCLE_OK;
}

/* The operands of normalize, forward and backward. */
typedef struct norm_operands {
    const socle_norm *p;
    socle_in x, mean, var, gamma, beta;
} norm_operands;

/* Is the variance var_min's, a constant? */
static bool is_raised(const norm_operands *o, const int64_t *i)
{
    return stat_of(o->p, o->var, i) < (double)o->p->var_min;
}

static double inverse_std(const norm_operands *o, const int64_t *i)
{
    double var = is_raised(o, i) ? (double)o->p->var_min : stat_of(o->p, o->var, i);
    return 1 / sqrt(var + (double)o->p->eps);
}

static double centred(const norm_operands *o, const int64_t *i)
{
    return load(o->x, i) - stat_of(o->p, o->mean, i);
}

/* z: before the activation. */
static double normalized(const norm_operands *o, const int64_t *i)
{
    return centred(o, i) * inverse_std(o, i) * affine_of(o->gamma, i, 1) + affine_of(o->beta, i, 0);
}

static double activated(const socle_norm *p, double z)
{
    double y = (z > 0 ? z : (double)p->leak * z) - (double)p->sub;
    return y > (double)p->max ? (double)p->max : y;
}

static double activation_slope(const socle_norm *p, double z)
{
    bool cut = (z > 0 ? z : (double)p->leak * z) - (double)p->sub > (double)p->max;
    return cut ? 0 : z > 0 ? 1 : (double)p->leak;
}

static socle_status normalize(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                              socle_in gamma, socle_in beta)
{
    (void)self;
    norm_operands o = { p, x, mean, var, gamma, beta };
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double z = normalized(&o, i);
        store(y, i, p->act ? activated(p, z) : z);
    } while (next(x, i));
    return SOCLE_OK;
}

/* The gradient at z. */
static double passed(const norm_operands *o, socle_in dy, const int64_t *i)
{
    return load(dy, i) * (o->p->act ? activation_slope(o->p, normalized(o, i)) : 1);
}

/* dgamma (with_x) or dbeta: sums over whatever shares the parameter. */
static void parameter_grad(const norm_operands *o, socle_out d, bool with_x, socle_in dy)
{
    uint32_t axes = 1u << 0;
    for (int k = 0; k < 3; k++)
        if (d->dim[k] == 1)
            axes |= 2u << k;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double sum = 0;
        do {
            sum += passed(o, dy, i) * (with_x ? centred(o, i) * inverse_std(o, i) : 1);
        } while (next_along(o->x, axes, i));
        store3(d, i[1], i[2], i[3], sum);
    } while (next_along(o->x, ~axes, i));
}

/* dm and dv of what shares a mean with element i, which comes back as it was. */
static void stat_grads(const norm_operands *o, socle_in dy, int64_t *i, double *dm, double *dv)
{
    double sum = 0, with_x = 0, r = inverse_std(o, i);
    do {
        double g = affine_of(o->gamma, i, 1) * passed(o, dy, i);
        sum += g;
        with_x += g * centred(o, i);
    } while (next_along(o->x, shared_axes(o->p), i));
    *dm = -r * sum;
    *dv = is_raised(o, i) ? 0 : -r * r * r / 2 * with_x;
}

static void input_grad(const norm_operands *o, socle_out dx, socle_in dy)
{
    uint32_t axes = shared_axes(o->p);
    double share = (double)o->p->share, n = shared_count(o->p, o->x), n_var = var_count(o->p, o->x);
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double dm = 0, dv = 0, r = inverse_std(o, i);
        if (share != 0)
            stat_grads(o, dy, i, &dm, &dv);
        do {
            double through = share == 0 ? 0 : share * (dm / n + 2 * dv * centred(o, i) / n_var);
            store(dx, i, affine_of(o->gamma, i, 1) * r * passed(o, dy, i) + through);
        } while (next_along(o->x, axes, i));
    } while (next_along(o->x, ~axes, i));
}

static socle_status normalize_grad(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                   socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                   socle_in beta)
{
    (void)self;
    norm_operands o = { p, x, mean, var, gamma, beta };
    if (dgamma)
        parameter_grad(&o, dgamma, true, dy);
    if (dbeta)
        parameter_grad(&o, dbeta, false, dy);
    if (dx) /* last: it may lie on dy */
        input_grad(&o, dx, dy);
    return SOCLE_OK;
}

/* Initial weights: rules that fill host memory from a stream of random numbers, and how the numbers reach a tensor.
 *
 * The scale of a layer's weights decides whether signals keep their size through many layers: with weights of standard
 * deviation s, each output of a layer is a sum of `fan` products, so its variance is fan s^2 times that of the inputs'
 * squares. A (leaky) ReLU leaves (1 + leak^2) / 2 of that, whence s = gain / sqrt(fan). */
#include <math.h>
#include <socle/init.h>
#include <socle/sys/memory.h>

/* ---- scales ---- */

static int64_t numel_of(socle_shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.ndim; i++)
        n *= s.dim[i];
    return n;
}

/* A vector or a scalar is a weight of one input, one output each. */
int64_t socle_fan(socle_shape s, bool out)
{
    int64_t window = 1;
    for (int i = 2; i < s.ndim; i++)
        window *= s.dim[i];
    int axis = out ? 0 : 1;
    return axis < s.ndim ? s.dim[axis] * window : window;
}

double socle_gain(double leak)
{
    return sqrt(2.0 / (1.0 + leak * leak));
}

/* a: leak. */
static double kaiming_std(const socle_init *self, socle_shape s)
{
    return socle_gain(self->a) / sqrt((double)socle_fan(s, self->fan_out));
}

/* a: gain. */
static double xavier_std(const socle_init *self, socle_shape s)
{
    return self->a * sqrt(2.0 / (double)(socle_fan(s, false) + socle_fan(s, true)));
}

/* ---- fills ---- */

static void fill_constant(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    (void)r;
    int64_t n = numel_of(s);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)self->a;
}

static void uniform(socle_shape s, socle_rng *r, double low, double high, float *out)
{
    int64_t n = numel_of(s);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(low + (high - low) * socle_rng_uniform(r));
}

static void normal(socle_shape s, socle_rng *r, double mean, double std, float *out)
{
    int64_t n = numel_of(s);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(mean + std * socle_rng_normal(r));
}

static void fill_uniform(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    uniform(s, r, self->a, self->b, out);
}

static void fill_normal(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    normal(s, r, self->a, self->b, out);
}

static void fill_kaiming_normal(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    normal(s, r, 0.0, kaiming_std(self, s), out);
}

/* U(-b, b) has the standard deviation b / sqrt(3). */
static void fill_kaiming_uniform(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    double bound = sqrt(3.0) * kaiming_std(self, s);
    uniform(s, r, -bound, bound, out);
}

static void fill_xavier_normal(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    normal(s, r, 0.0, xavier_std(self, s), out);
}

static void fill_xavier_uniform(const socle_init *self, socle_shape s, socle_rng *r, float *out)
{
    double bound = sqrt(3.0) * xavier_std(self, s);
    uniform(s, r, -bound, bound, out);
}

/* ---- rules ---- */

socle_init socle_init_constant(double v)
{
    return (socle_init){ .fill = fill_constant, .a = v };
}

socle_init socle_init_uniform(double low, double high)
{
    return (socle_init){ .fill = fill_uniform, .a = low, .b = high };
}

socle_init socle_init_normal(double mean, double std)
{
    return (socle_init){ .fill = fill_normal, .a = mean, .b = std };
}

socle_init socle_init_kaiming_normal(double leak, bool fan_out)
{
    return (socle_init){ .fill = fill_kaiming_normal, .a = leak, .fan_out = fan_out };
}

socle_init socle_init_kaiming_uniform(double leak, bool fan_out)
{
    return (socle_init){ .fill = fill_kaiming_uniform, .a = leak, .fan_out = fan_out };
}

socle_init socle_init_xavier_normal(double gain)
{
    return (socle_init){ .fill = fill_xavier_normal, .a = gain };
}

socle_init socle_init_xavier_uniform(double gain)
{
    return (socle_init){ .fill = fill_xavier_uniform, .a = gain };
}

socle_init socle_init_bias(int64_t fan_in)
{
    double bound = fan_in > 0 ? 1.0 / sqrt((double)fan_in) : 0.0;
    return socle_init_uniform(-bound, bound);
}

/* ---- to a tensor ---- */

/* Numbers are drawn in float on every device, so that a network on "ref64" starts from the weights of all others. */
static socle_status write_as_double(socle_tensor *t, const float *values, size_t n)
{
    double *wide = socle_mem_alloc(n * sizeof *wide);
    if (wide == NULL)
        return socle_error_status();
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)values[i];
    socle_status s = socle_write(t, wide, n * sizeof *wide);
    socle_mem_free(wide);
    return s;
}

socle_status socle_init_tensor(socle_tensor *t, socle_init init, socle_rng *r)
{
    socle_dtype type = socle_dtype_of(t);
    if (t == NULL || init.fill == NULL || r == NULL)
        return socle_fail(SOCLE_ERR_ARG, "init: the %s is missing",
                          t == NULL           ? "tensor"
                          : init.fill == NULL ? "rule"
                                              : "stream");
    if (type != SOCLE_F32 && type != SOCLE_F64)
        return socle_fail(SOCLE_ERR_DTYPE, "init: the tensor is of type %s, weights are f32 or f64",
                          socle_dtype_name(type));
    size_t n = (size_t)socle_numel(t);
    float *values = socle_mem_alloc(n * sizeof *values);
    if (values == NULL)
        return socle_error_status();
    init.fill(&init, socle_shape_of(t), r, values);
    socle_status s = type == SOCLE_F64 ? write_as_double(t, values, n) : socle_write(t, values, n * sizeof *values);
    socle_mem_free(values);
    return s;
}

/* Tensors from literals and back, random values, budgets and comparison: see support.h. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/test.h>

#include "die.h"

static char message[512];

const budget budget_exact = { 0, 0 };

void support_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void *support_alloc(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (p == NULL)
        support_die("no memory for %zu bytes", bytes);
    return p;
}

/* ---- devices and tensors ---- */

const char *test_device(const char *usual)
{
    const char *named = getenv("SOCLE_TEST_DEVICE");
    return named != NULL && named[0] != '\0' ? named : usual;
}

socle_device *open_device(const char *spec, int threads)
{
    socle_device *d = socle_device_open(spec, (socle_device_desc){ .threads = threads });
    if (d == NULL)
        support_die("device %s: %s", spec, socle_error());
    return d;
}

size_t shape_count(socle_shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.ndim; i++)
        n *= (size_t)s.dim[i];
    return n;
}

void doubles_to(socle_dtype t, void *out, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (t) {
        case SOCLE_F32:
            ((float *)out)[i] = (float)values[i];
            break;
        case SOCLE_F64:
            ((double *)out)[i] = values[i];
            break;
        case SOCLE_I32:
            ((int32_t *)out)[i] = (int32_t)values[i];
            break;
        case SOCLE_U8:
            ((uint8_t *)out)[i] = (uint8_t)values[i];
            break;
        case SOCLE_F16:
            support_die("f16 has no values yet");
        }
    }
}

void doubles_from(socle_dtype t, double *out, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (t) {
        case SOCLE_F32:
            out[i] = (double)((const float *)data)[i];
            break;
        case SOCLE_F64:
            out[i] = ((const double *)data)[i];
            break;
        case SOCLE_I32:
            out[i] = ((const int32_t *)data)[i];
            break;
        case SOCLE_U8:
            out[i] = ((const uint8_t *)data)[i];
            break;
        case SOCLE_F16:
            support_die("f16 has no values yet");
        }
    }
}

socle_tensor *tensor_of(socle_device *d, socle_dtype t, socle_shape s, const double *values)
{
    size_t n = shape_count(s);
    void *host = support_alloc(n * socle_dtype_size(t));
    doubles_to(t, host, values, n);
    socle_tensor *x = socle_tensor_from(d, t, s, host);
    if (x == NULL)
        support_die("tensor of %zu %s: %s", n, socle_dtype_name(t), socle_error());
    free(host);
    return x;
}

socle_tensor *tensor_lanes(socle_device *d, socle_dtype t, socle_shape s, int lanes, const double *values)
{
    socle_tensor *plain = tensor_of(d, t, s, values);
    socle_tensor *x = socle_tensor_dense(d, t, s, lanes);
    if (x == NULL || socle_prim_copy(x, plain) != SOCLE_OK)
        support_die("tensor with %d lanes: %s", lanes, socle_error());
    socle_release(plain);
    return x;
}

socle_tensor *tensor_random(socle_device *d, socle_dtype t, socle_shape s, uint64_t seed, double lo, double hi)
{
    size_t n = shape_count(s);
    double *values = support_alloc(n * sizeof(*values));
    fill_random(values, n, seed, lo, hi);
    socle_tensor *x = tensor_of(d, t, s, values);
    free(values);
    return x;
}

double *values_of(const socle_tensor *t)
{
    size_t n = shape_count(socle_shape_of(t));
    socle_dtype type = socle_dtype_of(t);
    size_t bytes = n * socle_dtype_size(type);
    void *host = support_alloc(bytes);
    if (socle_read(t, host, bytes) != SOCLE_OK)
        support_die("read: %s", socle_error());
    double *values = support_alloc(n * sizeof(*values));
    doubles_from(type, values, host, n);
    free(host);
    return values;
}

/* splitmix64: the i-th value of a seed. */
static uint64_t random_bits(uint64_t seed, size_t i)
{
    uint64_t z = (seed + 1) * UINT64_C(0xD1B54A32D192ED03) + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void fill_random(double *out, size_t n, uint64_t seed, double lo, double hi)
{
    for (size_t i = 0; i < n; i++)
        out[i] = lo + (hi - lo) * ((double)(random_bits(seed, i) >> 11) * 0x1p-53);
}

void fill_whole(double *out, size_t n, uint64_t seed, int lo, int hi)
{
    uint64_t count = (uint64_t)((int64_t)hi - lo + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = lo + (double)((random_bits(seed, i) >> 11) % count);
}

/* ---- budgets and comparison ---- */

double eps_of(socle_dtype t)
{
    return t == SOCLE_F32 ? FLT_EPSILON : t == SOCLE_F64 ? DBL_EPSILON : 0;
}

budget budget_sum(socle_dtype t, double length, double scale)
{
    return (budget){ .relative = 4 * eps_of(t), .absolute = 4 * eps_of(t) * sqrt(length) * scale };
}

budget budget_roundings(socle_dtype t, double roundings)
{
    return (budget){ .relative = roundings * eps_of(t) };
}

static bool value_close(double got, double want, budget b)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return got == want;
    return fabs(got - want) <= b.absolute + b.relative * fabs(want);
}

bool values_close(const double *got, const double *want, size_t n, budget b)
{
    for (size_t i = 0; i < n; i++)
        if (!value_close(got[i], want[i], b)) {
            snprintf(message, sizeof(message),
                     "element %zu of %zu is %.17g instead of %.17g: off by %.3g, allowed %.3g", i, n, got[i],
                     want[i], fabs(got[i] - want[i]), b.absolute + b.relative * fabs(want[i]));
            return false;
        }
    return true;
}

bool tensor_close(const socle_tensor *t, const double *want, size_t n, budget b)
{
    if (t == NULL) {
        snprintf(message, sizeof(message), "no tensor: %s", socle_error());
        return false;
    }
    if (shape_count(socle_shape_of(t)) != n) {
        snprintf(message, sizeof(message), "the tensor has %zu elements instead of %zu",
                 shape_count(socle_shape_of(t)), n);
        return false;
    }
    double *got = values_of(t);
    bool close = values_close(got, want, n, b);
    free(got);
    return close;
}

bool tensors_identical(const socle_tensor *a, const socle_tensor *b)
{
    if (a == NULL || b == NULL || !socle_shape_equal(socle_shape_of(a), socle_shape_of(b)) ||
        socle_dtype_of(a) != socle_dtype_of(b)) {
        snprintf(message, sizeof(message), "the tensors differ in shape or type, or one is missing");
        return false;
    }
    size_t size = socle_dtype_size(socle_dtype_of(a)), n = shape_count(socle_shape_of(a));
    unsigned char *x = support_alloc(n * size), *y = support_alloc(n * size);
    if (socle_read(a, x, n * size) != SOCLE_OK || socle_read(b, y, n * size) != SOCLE_OK)
        support_die("read: %s", socle_error());
    size_t first = 0;
    while (first < n && memcmp(x + first * size, y + first * size, size) == 0)
        first++;
    if (first < n)
        snprintf(message, sizeof(message), "element %zu of %zu differs in its bits", first, n);
    free(x);
    free(y);
    return first == n;
}

const char *support_message(void)
{
    return message;
}

/* ---- memory ---- */

void assert_no_leak(int64_t live_before)
{
    int64_t more = socle_test_live_blocks() - live_before;
    if (more != 0)
        support_die("%lld blocks more are live than at the start of the test", (long long)more);
}

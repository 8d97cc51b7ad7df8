/* See data.h. */
#include "data.h"

#include <math.h>
#include <stdlib.h>

#include "harness.h"

bool data_empty(data *out, socle_device *d, socle_shape s, int lanes)
{
    out->n = 1;
    for (int i = 0; i < s.ndim; i++)
        out->n *= (size_t)s.dim[i];
    out->tensor = socle_tensor_dense(d, SOCLE_F32, s, lanes);
    out->host = out->tensor ? malloc(out->n * sizeof(float)) : NULL;
    if (out->tensor && !out->host)
        socle_fail(SOCLE_ERR_NOMEM, "out of memory for %zu values", out->n);
    return out->host;
}

bool data_random(data *out, socle_device *d, socle_shape s, int lanes, uint64_t seed)
{
    if (!data_empty(out, d, s, lanes))
        return false;
    uint64_t state = seed * 2654435761u + 88172645463325252u;
    for (size_t i = 0; i < out->n; i++) { /* xorshift64 */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out->host[i] = (float)(state >> 40) * 0x1p-23f - 1;
    }
    return socle_write(out->tensor, out->host, out->n * sizeof(float)) == SOCLE_OK;
}

socle_tensor *data_on(socle_device *ref, socle_shape s, const float *values)
{
    return values ? socle_tensor_from(ref, SOCLE_F32, s, values) : socle_tensor_new(ref, SOCLE_F32, s);
}

bool data_read(data *d)
{
    return socle_read(d->tensor, d->host, d->n * sizeof(float)) == SOCLE_OK;
}

void data_free(data *d, int n)
{
    for (int i = 0; i < n; i++) {
        socle_release(d[i].tensor);
        free(d[i].host);
        d[i] = (data){ 0 };
    }
}

size_t data_slice(socle_shape s)
{
    size_t n = 1;
    for (int i = 1; i < s.ndim; i++)
        n *= (size_t)s.dim[i];
    return n;
}

/* The bound is conformance's: budget eps sqrt(length) times the terms' size (a third a product, squared) or the value. */
bool data_agrees(const char *family, const char *name, const char *what, const float *got, const socle_tensor *want,
                 double length, double budget)
{
    const size_t n = (size_t)socle_numel(want);
    float *values = malloc(n * sizeof(float));
    if (!values || socle_read(want, values, n * sizeof(float)) != SOCLE_OK) {
        complain("%s %s: %s: the reference's values cannot be read", family, name, what);
        free(values);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        double size = fmax(sqrt(length) / 3, fabs((double)values[i]));
        double bound = (budget > 0 ? budget : 4) * 0x1p-23 * sqrt(length) * size,
               error = fabs((double)got[i] - (double)values[i]);
        good = error <= bound; /* false for NaN */
        if (!good)
            complain("%s %s: %s: element %zu is %.9g, the reference says %.9g", family, name, what, i,
                     (double)got[i], (double)values[i]);
    }
    free(values);
    return good;
}

/* See check.h. */
#include "check.h"

#include <stdio.h>

enum { REASON = 512 };

void ocl_check_values(float *to, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(seed >> 8) / (float)(1 << 23) - 1;
    }
}

socle_status ocl_check_upload(ocl_device *d, const ocl_buffer *to, const float *from, int64_t n)
{
    (void)pthread_mutex_lock(&d->lock);
    socle_status status = ocl_upload(d, to, 0, from, (size_t)n * sizeof *from);
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

socle_status ocl_check_read(ocl_device *d, float *to, const ocl_buffer *from, int64_t n)
{
    (void)pthread_mutex_lock(&d->lock);
    d->waits++;
    socle_status status = ocl_late(
        d, clEnqueueReadBuffer(d->queue, from->mem, CL_TRUE, from->at, (size_t)n * sizeof *to, to, 0, NULL, NULL),
        "reading");
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

socle_status ocl_check_verdict(const ocl_device *d, socle_status status, bool *good, char *why, size_t cap)
{
    if (status == SOCLE_ERR_UNSUPPORTED) /* is never used for such work */
        return SOCLE_OK;
    if (status == SOCLE_OK || d->late != SOCLE_OK || status == SOCLE_ERR_NOMEM)
        return status;
    *good = false;
    (void)snprintf(why, cap, "%s", socle_error());
    return SOCLE_OK;
}

socle_status ocl_check_all(ocl_device *d, ocl_variant v, size_t n, ocl_check_fn fn)
{
    char why[REASON] = "";
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        socle_status status = fn(d, v, i, &good, why, sizeof why);
        if (status != SOCLE_OK)
            return status;
    }
    if (good)
        ocl_put_back(d, v);
    else
        ocl_put_aside(d, v, why, true);
    return SOCLE_OK;
}

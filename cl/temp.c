/* See temp.h. */
#include "temp.h"
#include "slots.h"

#include <socle/sys/test.h>
#include <string.h>

static int64_t element_bytes(socle_dtype t)
{
    return t == SOCLE_U8 ? 1 : 4;
}

int64_t ocl_start(socle_in v)
{
    const ocl_buffer *b = v->buffer;
    return v->offset + (int64_t)b->at / element_bytes(v->dtype);
}

/* Strides of a dense view of v's dims; returns the elements it takes. */
static int64_t make_dense(socle_view *v, int lanes)
{
    int64_t n = lanes;
    v->lanes = lanes;
    v->offset = 0;
    for (int i = v->ndim - 1; i >= 1; i--) {
        v->stride[i] = n;
        n *= v->dim[i];
    }
    if (v->ndim == 0)
        return 1;
    v->stride[0] = n;
    return n * ((v->dim[0] + lanes - 1) / lanes);
}

static bool is_dense(socle_in v, int lanes)
{
    socle_view dense = *v;
    if (v->lanes != lanes)
        return false;
    (void)make_dense(&dense, lanes);
    for (int i = 0; i < v->ndim; i++) {
        bool matters = i == 0 && lanes > 1 ? v->dim[0] > lanes : v->dim[i] > 1;
        if (matters && v->stride[i] != dense.stride[i])
            return false;
    }
    return true;
}

socle_status ocl_temp_new(ocl_device *d, socle_dtype t, int ndim, const int64_t *dim, int lanes, ocl_temp *out)
{
    *out = (ocl_temp){ .view = { .dtype = t, .ndim = ndim } };
    memcpy(out->view.dim, dim, (size_t)ndim * sizeof *dim);
    size_t bytes = (size_t)(make_dense(&out->view, lanes) * element_bytes(t));
    if (socle_test_take_fault())
        return socle_fail(SOCLE_ERR_NOMEM, "opencl: out of device memory: %zu bytes of workspace were asked for",
                          bytes);
    (void)pthread_mutex_lock(&d->lock);
    out->owned = ocl_buffer_new(d, bytes);
    (void)pthread_mutex_unlock(&d->lock);
    out->view.buffer = out->owned;
    return out->owned ? SOCLE_OK : socle_error_status();
}

socle_status ocl_temp_in(ocl_device *d, socle_in v, int lanes, ocl_temp *out)
{
    if (is_dense(v, lanes)) {
        *out = (ocl_temp){ .view = *v };
        return SOCLE_OK;
    }
    socle_status status = ocl_temp_new(d, v->dtype, v->ndim, v->dim, lanes, out);
    if (status == SOCLE_OK)
        status = ocl_copy(d, &out->view, v);
    return status;
}

socle_status ocl_temp_out(ocl_device *d, socle_out v, int lanes, ocl_temp *out)
{
    if (is_dense(v, lanes)) {
        *out = (ocl_temp){ .view = *v };
        return SOCLE_OK;
    }
    return ocl_temp_new(d, v->dtype, v->ndim, v->dim, lanes, out);
}

socle_status ocl_temp_store(ocl_device *d, const ocl_temp *t, socle_out v)
{
    return t->owned ? ocl_copy(d, v, &t->view) : SOCLE_OK;
}

void ocl_temp_free(ocl_device *d, ocl_temp *t)
{
    if (!t->owned)
        return;
    (void)pthread_mutex_lock(&d->lock);
    ocl_buffer_free(d, t->owned);
    (void)pthread_mutex_unlock(&d->lock);
    t->owned = NULL;
}

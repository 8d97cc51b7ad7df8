/* Host data to the device and back. The host's side of the public functions is always row-major; a tensor in another
 * memory order goes through a dense temporary, which the device's copy rearranges. */
#include "error.h"
#include "shape.h"
#include "tensor.h"

static socle_status check_transfer(const char *what, const socle_tensor *t, const void *host, size_t bytes)
{
    SOCLE_CHECK(t != NULL, SOCLE_ERR_ARG, "%s: the tensor is NULL", what);
    socle_shape s = view_shape(&t->view);
    size_t want = (size_t)shape_numel(s) * socle_dtype_size(t->view.dtype);
    SOCLE_CHECK(bytes == want, SOCLE_ERR_ARG, "%s: %zu bytes for a tensor of %zu, %s of %s", what, bytes, want,
                shape_text(s).text, socle_dtype_name(t->view.dtype));
    SOCLE_CHECK(host != NULL || bytes == 0, SOCLE_ERR_ARG, "%s: the host memory is NULL", what);
    return SOCLE_OK;
}

static bool is_row_major(const socle_tensor *t)
{
    return t->view.lanes == 1 && view_is_dense(&t->view);
}

static size_t byte_offset(const socle_tensor *t)
{
    return (size_t)t->view.offset * socle_dtype_size(t->view.dtype);
}

static socle_tensor *row_major_like(const socle_tensor *t)
{
    return socle_tensor_new(t->store->device, t->view.dtype, view_shape(&t->view));
}

socle_status socle_read(const socle_tensor *t, void *host, size_t bytes)
{
    SOCLE_TRY(check_transfer("read", t, host, bytes));
    if (bytes == 0)
        return SOCLE_OK;
    const socle_device *d = t->store->device;
    if (is_row_major(t))
        return d->backend->read(d->self, t->store->buffer, byte_offset(t), host, bytes);
    socle_tensor *dense = row_major_like(t);
    if (dense == NULL)
        return socle_error_status();
    socle_status s = d->backend->copy(d->self, &dense->view, &t->view);
    if (s == SOCLE_OK)
        s = d->backend->read(d->self, dense->store->buffer, 0, host, bytes);
    socle_release(dense);
    return s;
}

/* Writing needs a place for every element. */
static socle_status check_distinct(const socle_tensor *t)
{
    for (int i = 0; i < t->view.ndim; i++)
        SOCLE_CHECK(t->view.stride[i] != 0 || t->view.dim[i] <= 1, SOCLE_ERR_ARG,
                    "write: dimension %d of the tensor, %s, is broadcast", i,
                    shape_text(view_shape(&t->view)).text);
    return SOCLE_OK;
}

socle_status socle_write(socle_tensor *t, const void *host, size_t bytes)
{
    SOCLE_TRY(check_transfer("write", t, host, bytes));
    if (bytes == 0)
        return SOCLE_OK;
    SOCLE_TRY(check_distinct(t));
    const socle_device *d = t->store->device;
    socle_status s;
    if (is_row_major(t)) {
        s = d->backend->write(d->self, t->store->buffer, byte_offset(t), host, bytes);
    } else {
        socle_tensor *dense = row_major_like(t);
        if (dense == NULL)
            return socle_error_status();
        s = d->backend->write(d->self, dense->store->buffer, 0, host, bytes);
        if (s == SOCLE_OK)
            s = d->backend->copy(d->self, &t->view, &dense->view);
        socle_release(dense);
    }
    tensor_touch(t); /* on failure too: what lies there is unknown then */
    return s;
}

socle_status tensor_upload_dense(socle_tensor *t, const void *host, size_t bytes)
{
    size_t want = (size_t)view_extent(&t->view) * socle_dtype_size(t->view.dtype);
    SOCLE_CHECK(view_is_dense(&t->view), SOCLE_ERR_ARG, "upload: the tensor, %s, has gaps",
                shape_text(view_shape(&t->view)).text);
    SOCLE_CHECK(bytes == want, SOCLE_ERR_ARG, "upload: %zu bytes for a tensor of %zu, %s of %s in blocks of %d",
                bytes, want, shape_text(view_shape(&t->view)).text, socle_dtype_name(t->view.dtype),
                (int)t->view.lanes);
    if (bytes == 0)
        return SOCLE_OK;
    const socle_device *d = t->store->device;
    socle_status s = d->backend->write(d->self, t->store->buffer, byte_offset(t), host, bytes);
    tensor_touch(t);
    return s;
}

socle_status socle_item(const socle_tensor *t, double *out)
{
    SOCLE_CHECK(t != NULL, SOCLE_ERR_ARG, "item: the tensor is NULL");
    SOCLE_CHECK(socle_numel(t) == 1, SOCLE_ERR_SHAPE, "item: the tensor has shape %s, not one element",
                shape_text(socle_shape_of(t)).text);
    union {
        float f32;
        double f64;
        int32_t i32;
        uint8_t u8;
    } value;
    SOCLE_TRY(socle_read(t, &value, socle_dtype_size(t->view.dtype)));
    switch (t->view.dtype) {
    case SOCLE_F32:
        *out = (double)value.f32;
        return SOCLE_OK;
    case SOCLE_F64:
        *out = value.f64;
        return SOCLE_OK;
    case SOCLE_I32:
        *out = value.i32;
        return SOCLE_OK;
    case SOCLE_U8:
        *out = value.u8;
        return SOCLE_OK;
    case SOCLE_F16:
        break;
    }
    return socle_fail(SOCLE_ERR_DTYPE, "item: elements of type %s cannot be read", socle_dtype_name(t->view.dtype));
}

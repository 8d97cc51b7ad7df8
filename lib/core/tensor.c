/* Tensors: reference-counted handles, each a view of reference-counted storage, with a place for a gradient.
 *
 * Questions about NULL are answered as for an empty shape, so that a forward pass written without checks survives
 * its first failure. */
#include "tensor.h"

#include "alloc.h"
#include "error.h"
#include "shape.h"

/* ---- making ---- */

/* A handle on store, whose reference is taken over (released on failure too); v without its buffer. */
static socle_tensor *handle_new(storage *store, const socle_view *v)
{
    socle_tensor *t = store == NULL ? NULL : socle_mem_cache_take(store->device->cache, sizeof *t);
    if (t == NULL) {
        storage_release(store);
        return NULL;
    }
    *t = (socle_tensor){ .store = store, .view = *v };
    atomic_init(&t->refs, 1);
    t->view.buffer = store->buffer;
    return t;
}

static socle_status check_dtype(const socle_device *d, socle_dtype t)
{
    bool known = t == SOCLE_F32 || t == SOCLE_I32 || t == SOCLE_U8 || t == d->caps.real;
    SOCLE_CHECK(known, SOCLE_ERR_DTYPE, "tensor: device '%s' has no %s", d->backend->name, socle_dtype_name(t));
    return SOCLE_OK;
}

/* bytes = room for a dense view of s. */
static socle_status dense_bytes(const socle_view *v, size_t *bytes)
{
    uint64_t extent = (uint64_t)view_extent(v);
    bool fits = extent <= SIZE_MAX && size_mul((size_t)extent, socle_dtype_size(v->dtype), bytes);
    SOCLE_CHECK(fits, SOCLE_ERR_NOMEM, "tensor: shape %s is larger than the address space",
                shape_text(view_shape(v)).text);
    return SOCLE_OK;
}

static socle_status check_dense(const socle_device *d, socle_dtype t, socle_shape s, int lanes)
{
    int64_t numel;
    SOCLE_TRY(check_dtype(d, t));
    SOCLE_TRY(shape_check("tensor", s, &numel));
    SOCLE_CHECK(lanes == 1 || (lanes == SOCLE_LANES && s.ndim >= 2), SOCLE_ERR_ARG,
                "tensor: shape %s cannot lie in blocks of %d", shape_text(s).text, lanes);
    return SOCLE_OK;
}

socle_tensor *socle_tensor_dense(socle_device *d, socle_dtype t, socle_shape s, int lanes)
{
    if (d == NULL)
        return NULL;
    if (lanes == 0)
        lanes = s.ndim >= 2 && s.dim[0] >= SOCLE_BATCH_MIN ? d->caps.lanes : 1;
    if (check_dense(d, t, s, lanes) != SOCLE_OK)
        return NULL;
    socle_view v = view_dense(t, s, lanes);
    size_t bytes;
    if (dense_bytes(&v, &bytes) != SOCLE_OK)
        return NULL;
    return handle_new(storage_new(d, bytes), &v);
}

socle_tensor *socle_tensor_new(socle_device *d, socle_dtype t, socle_shape s)
{
    return socle_tensor_dense(d, t, s, 1);
}

socle_tensor *socle_tensor_from(socle_device *d, socle_dtype t, socle_shape s, const void *host)
{
    socle_tensor *y = socle_tensor_new(d, t, s);
    if (y == NULL)
        return NULL;
    if (socle_write(y, host, (size_t)socle_numel(y) * socle_dtype_size(t)) != SOCLE_OK) {
        socle_release(y);
        return NULL;
    }
    return y;
}

/* ---- views ---- */

/* Adds steps * stride to *last, the element reached so far. */
static bool reach(int64_t steps, int64_t stride, int64_t *last)
{
    if (steps <= 0 || stride == 0)
        return true;
    if (stride > (INT64_MAX - *last) / steps)
        return false;
    *last += steps * stride;
    return true;
}

/* Every element of v, pad lanes included, lies in the storage's bytes. */
static bool is_inside(const socle_view *v, size_t bytes)
{
    int64_t last = v->offset;
    if (v->offset < 0 || !reach(1, v->lanes - 1, &last))
        return false;
    for (int i = 0; i < v->ndim; i++) {
        int64_t steps = i == 0 ? (v->dim[0] - 1) / v->lanes : v->dim[i] - 1;
        if (v->stride[i] < 0 || !reach(steps, v->stride[i], &last))
            return false;
    }
    return (uint64_t)last < bytes / socle_dtype_size(v->dtype);
}

static socle_status check_view(const socle_tensor *t, const socle_view *v)
{
    int64_t numel;
    socle_shape s = view_shape(v);
    SOCLE_TRY(check_dtype(t->store->device, v->dtype));
    SOCLE_TRY(shape_check("tensor_view", s, &numel));
    SOCLE_CHECK(v->lanes == 1 || (v->lanes == SOCLE_LANES && v->ndim >= 2), SOCLE_ERR_ARG,
                "tensor_view: shape %s cannot lie in blocks of %d", shape_text(s).text, (int)v->lanes);
    for (int i = 1; i < v->ndim && v->lanes != 1; i++)
        SOCLE_CHECK(v->dim[i] <= 1 || v->stride[i] % v->lanes == 0, SOCLE_ERR_ARG,
                    "tensor_view: stride %lld of dimension %d cuts blocks of %d", (long long)v->stride[i], i,
                    (int)v->lanes);
    SOCLE_CHECK(numel == 0 || is_inside(v, t->store->bytes), SOCLE_ERR_ARG,
                "tensor_view: shape %s at offset %lld leaves the storage of %zu bytes", shape_text(s).text,
                (long long)v->offset, t->store->bytes);
    return SOCLE_OK;
}

socle_tensor *socle_tensor_view(const socle_tensor *t, const socle_view *v)
{
    if (t == NULL || v->ndim < 0 || v->ndim > SOCLE_MAX_DIMS) {
        if (t != NULL)
            socle_fail(SOCLE_ERR_SHAPE, "tensor_view: %d dimensions, 0 to %d are possible", (int)v->ndim,
                       (int)SOCLE_MAX_DIMS);
        return NULL;
    }
    if (check_view(t, v) != SOCLE_OK)
        return NULL;
    return handle_new(storage_retain(t->store), v);
}

socle_view socle_view_of(const socle_tensor *t)
{
    return t->view;
}

/* ---- life ---- */

socle_tensor *socle_retain(socle_tensor *t)
{
    if (t != NULL)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void socle_release(socle_tensor *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    socle_release(t->grad);
    storage *store = t->store;
    socle_mem_cache_give(store->device->cache, t, sizeof *t);
    storage_release(store); /* and perhaps, with the last one, the device */
}

bool tensor_is_sole_owner(const socle_tensor *t)
{
    return atomic_load_explicit(&t->refs, memory_order_acquire) == 1 &&
           atomic_load_explicit(&t->store->refs, memory_order_acquire) == 1;
}

void *tensor_host(const socle_tensor *t)
{
    const socle_device *d = t->store->device;
    if (d->backend->host_ptr == NULL || t->store->buffer == NULL)
        return NULL;
    unsigned char *base = d->backend->host_ptr(d->self, t->store->buffer);
    return base == NULL ? NULL : base + (size_t)t->view.offset * socle_dtype_size(t->view.dtype);
}

uint64_t socle_tensor_version(const socle_tensor *t)
{
    return t == NULL ? 0 : atomic_load(&t->store->version);
}

void tensor_touch(socle_tensor *t)
{
    atomic_fetch_add_explicit(&t->store->version, 1, memory_order_relaxed);
}

/* ---- questions ---- */

socle_shape socle_shape_of(const socle_tensor *t)
{
    return t == NULL ? socle_shape1(0) : view_shape(&t->view);
}

int64_t socle_dim(const socle_tensor *t, int axis)
{
    socle_shape s = socle_shape_of(t);
    if (axis < 0)
        axis += s.ndim;
    return axis >= 0 && axis < s.ndim ? s.dim[axis] : 0;
}

int64_t socle_numel(const socle_tensor *t)
{
    return shape_numel(socle_shape_of(t));
}

socle_dtype socle_dtype_of(const socle_tensor *t)
{
    return t == NULL ? SOCLE_F32 : t->view.dtype;
}

socle_device *socle_device_of(const socle_tensor *t)
{
    return t == NULL ? NULL : t->store->device;
}

/* ---- gradients ---- */

/* A result that was recorded has the generation of its tape and keeps it when the tape moves on: such a tensor
 * stays a result. socle_detach makes a leaf of it. */
socle_status socle_set_requires_grad(socle_tensor *t, bool on)
{
    SOCLE_CHECK(t != NULL, SOCLE_ERR_ARG, "set_requires_grad: the tensor is NULL");
    SOCLE_CHECK(!on || t->view.dtype == SOCLE_F32 || t->view.dtype == SOCLE_F64, SOCLE_ERR_DTYPE,
                "set_requires_grad: the tensor is of type %s, gradients are real", socle_dtype_name(t->view.dtype));
    SOCLE_CHECK(!on || t->generation == 0, SOCLE_ERR_STATE,
                "set_requires_grad: the tensor is the result of a recorded op, not a leaf");
    t->requires_grad = on;
    return SOCLE_OK;
}

bool socle_requires_grad(const socle_tensor *t)
{
    return t != NULL && t->requires_grad;
}

socle_tensor *socle_grad(const socle_tensor *t)
{
    return t == NULL ? NULL : t->grad;
}

void tensor_set_grad(socle_tensor *t, socle_tensor *g)
{
    socle_release(t->grad);
    t->grad = g;
}

void socle_zero_grad(socle_tensor *t)
{
    if (t != NULL)
        tensor_set_grad(t, NULL);
}

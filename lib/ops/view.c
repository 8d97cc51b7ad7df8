/* Ops that move no numbers: reshape, permute, transpose, slice, detach. Forward makes a view wherever the
 * memory order allows it; backward is the inverse view of the gradient (for slice: zeros with the gradient in
 * their midst). */
#include "view.h"

#include <string.h>
#include "op.h"

/* ---- views as owned handles ---- */

/* One run of restride: old dimensions first .. last - 1 must be evenly spaced. *step gets the spacing of the
 * innermost. */
static bool run_is_even(const int64_t *dim, const int64_t *stride, int first, int last, int64_t *step)
{
    bool started = false;
    int64_t expected = 0;
    *step = 1;
    for (int d = last - 1; d >= first; d--) {
        if (dim[d] == 1)
            continue; /* its stride means nothing */
        if (!started)
            *step = stride[d];
        else if (stride[d] != expected)
            return false;
        started = true;
        expected = stride[d] * dim[d];
    }
    return true;
}

/* Strides `out` of dimensions to[n] that meet the same elements in the same order as dim[m], stride[m]: both
 * are cut into the shortest runs of equal size. False if a run is not evenly spaced. No dimension is 0; the
 * products agree. */
static bool restride(int m, const int64_t *dim, const int64_t *stride, int n, const int64_t *to, int64_t *out)
{
    int i = 0, j = 0;
    while (i < m || j < n) {
        int first_i = i, first_j = j;
        int64_t olds = i < m ? dim[i++] : 1, news = j < n ? to[j++] : 1;
        while (olds != news) {
            if (olds < news)
                olds *= dim[i++];
            else
                news *= to[j++];
        }
        int64_t step;
        if (!run_is_even(dim, stride, first_i, i, &step))
            return false;
        for (int d = j - 1; d >= first_j; d--) {
            out[d] = step;
            step *= to[d];
        }
    }
    return true;
}

/* t's view with shape s, or false. In blocks of images: the images stay, the rest is as in row-major. */
static bool reshape_view(const socle_view *v, socle_shape s, socle_view *out)
{
    int skip = v->lanes == 1 ? 0 : 1;
    if (skip == 1 && (s.ndim < 2 || s.dim[0] != v->dim[0]))
        return false;
    *out = *v;
    out->ndim = s.ndim;
    memcpy(out->dim, s.dim, sizeof out->dim);
    return restride(v->ndim - skip, v->dim + skip, v->stride + skip, s.ndim - skip, s.dim + skip,
                    out->stride + skip);
}

socle_tensor *view_reshaped(socle_tensor *t, socle_shape s)
{
    if (shape_numel(s) == 0)
        return socle_tensor_new(socle_device_of(t), socle_dtype_of(t), s);
    socle_view v = socle_view_of(t), seen;
    if (reshape_view(&v, s, &seen))
        return socle_tensor_view(t, &seen);
    socle_tensor *dense = socle_tensor_contiguous(t);
    if (dense == NULL)
        return NULL;
    seen = view_dense(v.dtype, s, 1);
    seen.offset = socle_view_of(dense).offset;
    socle_tensor *y = socle_tensor_view(dense, &seen);
    socle_release(dense);
    return y;
}

socle_tensor *view_permuted(socle_tensor *t, const int *axes)
{
    socle_view v = socle_view_of(t);
    if (v.lanes != 1 && axes[0] != 0) {
        socle_tensor *dense = socle_tensor_contiguous(t);
        socle_tensor *y = dense == NULL ? NULL : view_permuted(dense, axes);
        socle_release(dense);
        return y;
    }
    socle_view seen = v;
    for (int i = 0; i < v.ndim; i++) {
        seen.dim[i] = v.dim[axes[i]];
        seen.stride[i] = v.stride[axes[i]];
    }
    return socle_tensor_view(t, &seen);
}

socle_tensor *view_sliced(socle_tensor *t, int axis, int64_t start, int64_t stop)
{
    socle_view v = socle_view_of(t);
    int64_t at = start, into = 0;
    if (v.lanes != 1 && axis == 0) {
        into = start % v.lanes;
        at = start / v.lanes; /* blocks */
    }
    socle_view seen = v;
    seen.offset += at * v.stride[axis];
    seen.dim[axis] = stop - start + into;
    socle_tensor *y = socle_tensor_view(t, &seen);
    if (into == 0 || y == NULL)
        return y;
    socle_tensor *dense = socle_tensor_contiguous(y); /* whole blocks, from which the first `into` images go */
    socle_release(y);
    y = dense == NULL ? NULL : view_sliced(dense, 0, into, stop - start + into);
    socle_release(dense);
    return y;
}

/* Hands a new handle to a call's slot. */
static socle_status put(socle_tensor **slot, socle_tensor *t)
{
    if (t == NULL)
        return socle_error_status();
    *slot = t;
    return SOCLE_OK;
}

/* ---- reshape ---- */

typedef struct reshape_attr {
    socle_shape shape; /* one dim may be -1 */
} reshape_attr;

static socle_status reshape_infer(const socle_call *k, socle_spec *out)
{
    socle_shape x = k->spec[0].shape, s = ((const reshape_attr *)k->attr)->shape;
    SOCLE_CHECK(s.ndim >= 0 && s.ndim <= SOCLE_MAX_DIMS, SOCLE_ERR_SHAPE, "reshape: %d dimensions, at most %d",
                (int)s.ndim, (int)SOCLE_MAX_DIMS);
    int open = -1;
    socle_shape rest = s;
    for (int i = 0; i < s.ndim; i++) {
        if (s.dim[i] != -1)
            continue;
        SOCLE_CHECK(open < 0, SOCLE_ERR_SHAPE, "reshape: dimensions %d and %d are both -1", open, i);
        open = i;
        rest.dim[i] = 1;
    }
    int64_t have = shape_numel(x), need;
    SOCLE_TRY(shape_check("reshape", rest, &need));
    SOCLE_CHECK(open < 0 || need > 0, SOCLE_ERR_SHAPE, "reshape: any size fits dimension %d of %s", open,
                shape_text(s).text);
    if (open >= 0) {
        rest.dim[open] = have / need;
        need *= rest.dim[open];
    }
    SOCLE_CHECK(need == have, SOCLE_ERR_SHAPE, "reshape: input %s does not fit shape %s", shape_text(x).text,
                shape_text(s).text);
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = rest;
    return SOCLE_OK;
}

static socle_status reshape_forward(socle_call *k)
{
    return put(&k->out[0], view_reshaped(k->in[0], k->out_spec[0].shape));
}

/* dx = dy in x's shape. */
static socle_status reshape_backward(socle_call *k)
{
    return put(&k->gin[0], view_reshaped(k->gout[0], k->spec[0].shape));
}

const socle_op socle_op_reshape = { .name = "reshape",
                                    .attr_size = sizeof(reshape_attr),
                                    .n_out = 1,
                                    .view = true,
                                    .infer = reshape_infer,
                                    .forward = reshape_forward,
                                    .backward = reshape_backward };

socle_tensor *socle_reshape(socle_ctx *c, socle_tensor *x, socle_shape s)
{
    reshape_attr a = { s };
    return socle_apply(c, &socle_op_reshape, &a, 1, 1, &x);
}

/* ---- permute ---- */

typedef struct permute_attr {
    int axes[SOCLE_MAX_DIMS];
} permute_attr;

static socle_status permute_infer(const socle_call *k, socle_spec *out)
{
    const permute_attr *a = k->attr;
    socle_shape x = k->spec[0].shape;
    uint32_t seen = 0;
    out[0] = k->spec[0];
    for (int i = 0; i < x.ndim; i++) {
        SOCLE_CHECK(a->axes[i] >= 0 && a->axes[i] < x.ndim && !(seen & 1u << a->axes[i]), SOCLE_ERR_ARG,
                    "permute: axis %d at place %d is out of range or named twice, input is %s", a->axes[i], i,
                    shape_text(x).text);
        seen |= 1u << a->axes[i];
        out[0].shape.dim[i] = x.dim[a->axes[i]];
    }
    return SOCLE_OK;
}

static socle_status permute_forward(socle_call *k)
{
    return put(&k->out[0], view_permuted(k->in[0], ((const permute_attr *)k->attr)->axes));
}

/* dx = dy under the inverse permutation. */
static socle_status permute_backward(socle_call *k)
{
    const permute_attr *a = k->attr;
    int inverse[SOCLE_MAX_DIMS] = { 0 };
    for (int i = 0; i < k->spec[0].shape.ndim; i++)
        inverse[a->axes[i]] = i;
    return put(&k->gin[0], view_permuted(k->gout[0], inverse));
}

const socle_op socle_op_permute = { .name = "permute",
                                    .attr_size = sizeof(permute_attr),
                                    .n_out = 1,
                                    .view = true,
                                    .infer = permute_infer,
                                    .forward = permute_forward,
                                    .backward = permute_backward };

socle_tensor *socle_permute(socle_ctx *c, socle_tensor *x, const int *axes)
{
    permute_attr a = { { 0 } };
    for (int i = 0; x != NULL && i < socle_shape_of(x).ndim; i++)
        a.axes[i] = axes[i];
    return socle_apply(c, &socle_op_permute, &a, 1, 1, &x);
}

/* Swaps the last two. With fewer than two dimensions both name one axis, and permute refuses. */
socle_tensor *socle_transpose(socle_ctx *c, socle_tensor *x)
{
    permute_attr a = { { 0 } };
    int n = x == NULL ? 0 : socle_shape_of(x).ndim;
    for (int i = 0; i < n; i++)
        a.axes[i] = i < n - 2 ? i : 2 * n - 3 - i;
    return socle_apply(c, &socle_op_permute, &a, 1, 1, &x);
}

/* ---- slice ---- */

typedef struct slice_attr {
    int axis;
    int64_t start, stop; /* negative: from the end */
} slice_attr;

/* The attributes with everything non-negative. */
static slice_attr resolved(const slice_attr *a, socle_shape x)
{
    slice_attr r = *a;
    r.axis = op_axis(a->axis, x);
    int64_t size = x.dim[r.axis];
    r.start = a->start < 0 ? a->start + size : a->start;
    r.stop = a->stop < 0 ? a->stop + size : a->stop;
    return r;
}

static socle_status slice_infer(const socle_call *k, socle_spec *out)
{
    const slice_attr *a = k->attr;
    socle_shape x = k->spec[0].shape;
    int axis;
    SOCLE_TRY(shape_axis("slice", x, a->axis, &axis));
    slice_attr r = resolved(a, x);
    SOCLE_CHECK(r.start >= 0 && r.start < r.stop && r.stop <= x.dim[axis], SOCLE_ERR_ARG,
                "slice: %lld to %lld of axis %d is empty or outside, input is %s", (long long)a->start,
                (long long)a->stop, axis, shape_text(x).text);
    out[0] = k->spec[0];
    out[0].shape.dim[axis] = r.stop - r.start;
    return SOCLE_OK;
}

static socle_status slice_forward(socle_call *k)
{
    slice_attr r = resolved(k->attr, k->spec[0].shape);
    return put(&k->out[0], view_sliced(k->in[0], r.axis, r.start, r.stop));
}

/* dx = 0 but for dx[start .. stop) = dy. Images within a block cannot be written apart, so a slice of images
 * gives its gradient in row-major. */
static socle_status slice_backward(socle_call *k)
{
    slice_attr r = resolved(k->attr, k->spec[0].shape);
    socle_spec s = k->spec[0];
    if (r.axis == 0)
        s.lanes = 1;
    socle_tensor *dx = op_temp(k, s), *part = NULL;
    socle_status status = dx == NULL ? socle_error_status() : socle_prim_fill(dx, 0.0);
    if (status == SOCLE_OK)
        status = put(&part, view_sliced(dx, r.axis, r.start, r.stop));
    if (status == SOCLE_OK)
        status = socle_prim_copy(part, k->gout[0]);
    socle_release(part);
    if (status == SOCLE_OK)
        k->gin[0] = dx;
    else
        socle_release(dx);
    return status;
}

const socle_op socle_op_slice = { .name = "slice",
                                  .attr_size = sizeof(slice_attr),
                                  .n_out = 1,
                                  .view = true,
                                  .infer = slice_infer,
                                  .forward = slice_forward,
                                  .backward = slice_backward };

socle_tensor *socle_slice(socle_ctx *c, socle_tensor *x, int axis, int64_t start, int64_t stop)
{
    slice_attr a = { axis, start, stop };
    return socle_apply(c, &socle_op_slice, &a, 1, 1, &x);
}

/* ---- detach ---- */

static socle_status detach_infer(const socle_call *k, socle_spec *out)
{
    out[0] = k->spec[0];
    return SOCLE_OK;
}

static socle_status detach_forward(socle_call *k)
{
    socle_view v = socle_view_of(k->in[0]);
    return put(&k->out[0], socle_tensor_view(k->in[0], &v));
}

/* A new handle on the same memory that no gradient reaches: no backward, so never recorded. */
const socle_op socle_op_detach = {
    .name = "detach", .n_out = 1, .view = true, .infer = detach_infer, .forward = detach_forward
};

socle_tensor *socle_detach(socle_ctx *c, socle_tensor *x)
{
    return socle_apply(c, &socle_op_detach, NULL, 1, 1, &x);
}

/* Ops that put tensors into a larger one: concatenation and padding. Both copy into slices of the result;
 * these are views, because a result that grows along its images is row-major (its format is inherited only
 * with the number of images). */
#include "op.h"

#include "view.h"

/* part of whole = x. A part that holds nothing is no view. */
static socle_status put_slice(socle_tensor *whole, int axis, int64_t start, int64_t stop, const socle_tensor *x)
{
    if (socle_numel(x) == 0)
        return SOCLE_OK;
    socle_tensor *part = view_sliced(whole, axis, start, stop);
    if (part == NULL)
        return socle_error_status();
    socle_status s = socle_prim_copy(part, x);
    socle_release(part);
    return s;
}

/* y = part of whole. */
static socle_status get_slice(socle_tensor *y, socle_tensor *whole, int axis, int64_t start, int64_t stop)
{
    if (socle_numel(y) == 0)
        return SOCLE_OK;
    socle_tensor *part = view_sliced(whole, axis, start, stop);
    if (part == NULL)
        return socle_error_status();
    socle_status s = socle_prim_copy(y, part);
    socle_release(part);
    return s;
}

/* ---- concat ---- */

typedef struct concat_attr {
    int axis; /* may be negative */
} concat_attr;

static int concat_axis(const socle_call *k)
{
    return op_axis(((const concat_attr *)k->attr)->axis, k->spec[0].shape);
}

static socle_status concat_infer(const socle_call *k, socle_spec *out)
{
    SOCLE_CHECK(k->n_in >= 1, SOCLE_ERR_ARG, "concat: %d tensors", k->n_in);
    int axis;
    SOCLE_TRY(shape_axis("concat", k->spec[0].shape, ((const concat_attr *)k->attr)->axis, &axis));
    out[0] = k->spec[0];
    for (int i = 1; i < k->n_in; i++) {
        socle_shape fits = k->spec[i].shape;
        SOCLE_CHECK(k->spec[i].dtype == out[0].dtype, SOCLE_ERR_DTYPE,
                    "concat: input 0 is of type %s, input %d of type %s", socle_dtype_name(out[0].dtype), i,
                    socle_dtype_name(k->spec[i].dtype));
        if (axis < fits.ndim)
            fits.dim[axis] = k->spec[0].shape.dim[axis];
        SOCLE_CHECK(socle_shape_equal(fits, k->spec[0].shape), SOCLE_ERR_SHAPE,
                    "concat: input 0 %s and input %d %s differ in more than axis %d",
                    shape_text(k->spec[0].shape).text, i, shape_text(k->spec[i].shape).text, axis);
        SOCLE_CHECK(out[0].shape.dim[axis] <= INT64_MAX - k->spec[i].shape.dim[axis], SOCLE_ERR_SHAPE,
                    "concat: the result has too many elements");
        out[0].shape.dim[axis] += k->spec[i].shape.dim[axis];
    }
    return SOCLE_OK;
}

static socle_status concat_forward(socle_call *k)
{
    int axis = concat_axis(k);
    int64_t at = 0;
    for (int i = 0; i < k->n_in; i++) {
        int64_t n = k->spec[i].shape.dim[axis];
        SOCLE_TRY(put_slice(k->out[0], axis, at, at + n, k->in[i]));
        at += n;
    }
    return SOCLE_OK;
}

/* dx[i] = the part of dy that x[i] went to. */
static socle_status concat_backward(socle_call *k)
{
    int axis = concat_axis(k);
    int64_t at = 0;
    for (int i = 0; i < k->n_in; i++) {
        int64_t n = k->spec[i].shape.dim[axis];
        if (k->gin[i] != NULL)
            SOCLE_TRY(get_slice(k->gin[i], k->gout[0], axis, at, at + n));
        at += n;
    }
    return SOCLE_OK;
}

const socle_op socle_op_concat = { .name = "concat",
                                   .attr_size = sizeof(concat_attr),
                                   .n_out = 1,
                                   .infer = concat_infer,
                                   .forward = concat_forward,
                                   .backward = concat_backward };

socle_tensor *socle_concat(socle_ctx *c, int n, socle_tensor *const *x, int axis)
{
    concat_attr a = { axis };
    return socle_apply(c, &socle_op_concat, &a, n, n, x);
}

/* ---- pad ---- */

typedef struct pad_attr {
    int64_t before[SOCLE_MAX_DIMS], after[SOCLE_MAX_DIMS];
    double value;
} pad_attr;

static socle_status pad_infer(const socle_call *k, socle_spec *out)
{
    const pad_attr *a = k->attr;
    socle_shape x = k->spec[0].shape;
    const int64_t limit = INT64_MAX / 4; /* so that the sum of three cannot overflow */
    out[0] = k->spec[0];
    for (int i = 0; i < x.ndim; i++) {
        SOCLE_CHECK(a->before[i] >= 0 && a->after[i] >= 0, SOCLE_ERR_ARG,
                    "pad: %lld and %lld elements around dimension %d", (long long)a->before[i],
                    (long long)a->after[i], i);
        SOCLE_CHECK(a->before[i] < limit && a->after[i] < limit && x.dim[i] < limit, SOCLE_ERR_SHAPE,
                    "pad: dimension %d of the result is too large", i);
        out[0].shape.dim[i] = a->before[i] + x.dim[i] + a->after[i];
    }
    return SOCLE_OK;
}

/* The part of whole (y's shape) where x lies; owned. A view of whole wherever images are not padded or whole is
 * row-major. */
static socle_tensor *inside(const socle_call *k, socle_tensor *whole)
{
    const pad_attr *a = k->attr;
    socle_shape x = k->spec[0].shape;
    socle_tensor *part = socle_retain(whole);
    for (int i = 0; i < x.ndim && part != NULL; i++) {
        if (a->before[i] == 0 && a->after[i] == 0)
            continue;
        socle_tensor *next = view_sliced(part, i, a->before[i], a->before[i] + x.dim[i]);
        socle_release(part);
        part = next;
    }
    return part;
}

static socle_status pad_forward(socle_call *k)
{
    const pad_attr *a = k->attr;
    SOCLE_TRY(socle_prim_fill(k->out[0], a->value));
    if (shape_numel(k->spec[0].shape) == 0)
        return SOCLE_OK;
    socle_tensor *part = inside(k, k->out[0]);
    if (part == NULL)
        return socle_error_status();
    socle_status s = socle_prim_copy(part, k->in[0]);
    socle_release(part);
    return s;
}

/* dx = the part of dy where x lies. */
static socle_status pad_backward(socle_call *k)
{
    if (shape_numel(k->spec[0].shape) == 0)
        return SOCLE_OK;
    socle_tensor *part = inside(k, k->gout[0]);
    if (part == NULL)
        return socle_error_status();
    socle_status s = socle_prim_copy(k->gin[0], part);
    socle_release(part);
    return s;
}

const socle_op socle_op_pad = { .name = "pad",
                                .attr_size = sizeof(pad_attr),
                                .n_out = 1,
                                .infer = pad_infer,
                                .forward = pad_forward,
                                .backward = pad_backward };

socle_tensor *socle_pad(socle_ctx *c, socle_tensor *x, const int64_t *before, const int64_t *after, double value)
{
    pad_attr a = { .value = value };
    for (int i = 0; x != NULL && i < socle_shape_of(x).ndim; i++) {
        a.before[i] = before[i];
        a.after[i] = after[i];
    }
    return socle_apply(c, &socle_op_pad, &a, 1, 1, &x);
}

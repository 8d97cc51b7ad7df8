/* Sums and means over any set of axes; the largest along one axis. */
#include "op.h"

#include "view.h"

typedef struct reduce_attr {
    uint32_t axes; /* bit i = dimension i; 0 = all */
    bool keep;     /* reduced dimensions stay, with size 1 */
} reduce_attr;

static bool is_reduced(const reduce_attr *a, int dim)
{
    return a->axes == 0 || (a->axes & 1u << dim) != 0;
}

/* x's shape with size 1 along what is reduced. */
static socle_shape ones_shape(const reduce_attr *a, socle_shape x)
{
    for (int i = 0; i < x.ndim; i++)
        if (is_reduced(a, i))
            x.dim[i] = 1;
    return x;
}

static socle_status infer_reduce(const char *name, const socle_call *k, socle_spec *out)
{
    const reduce_attr *a = k->attr;
    socle_shape x = k->spec[0].shape, y = { 0 };
    SOCLE_TRY(op_check_real(k, name, 0));
    SOCLE_CHECK(a->axes >> x.ndim == 0, SOCLE_ERR_ARG, "%s: axes 0x%x name a dimension that input %s does not have",
                name, (unsigned)a->axes, shape_text(x).text);
    for (int i = 0; i < x.ndim; i++) {
        if (is_reduced(a, i) && !a->keep)
            continue;
        y.dim[y.ndim++] = is_reduced(a, i) ? 1 : x.dim[i];
    }
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = y;
    return SOCLE_OK;
}

/* The gradient with the reduced dimensions back in place, ready to be broadcast; owned. */
static socle_tensor *gout_with_ones(const socle_call *k)
{
    return view_reshaped(k->gout[0], ones_shape(k->attr, k->spec[0].shape));
}

/* ---- sum ---- */

static socle_status sum_infer(const socle_call *k, socle_spec *out)
{
    return infer_reduce("sum", k, out);
}

static socle_status sum_forward(socle_call *k)
{
    return socle_prim_reduce(SOCLE_REDUCE_SUM, k->out[0], k->in[0], ((const reduce_attr *)k->attr)->axes);
}

/* dx = dy, repeated along the reduced axes. */
static socle_status sum_backward(socle_call *k)
{
    socle_tensor *g = gout_with_ones(k);
    if (g == NULL)
        return socle_error_status();
    socle_status s = socle_prim_copy(k->gin[0], g);
    socle_release(g);
    return s;
}

const socle_op socle_op_sum = { .name = "sum",
                                .attr_size = sizeof(reduce_attr),
                                .n_out = 1,
                                .infer = sum_infer,
                                .forward = sum_forward,
                                .backward = sum_backward };

socle_tensor *socle_sum(socle_ctx *c, socle_tensor *x, uint32_t axes, bool keep)
{
    reduce_attr a = { axes, keep };
    return socle_apply(c, &socle_op_sum, &a, 1, 1, &x);
}

/* ---- mean ---- */

static socle_status mean_infer(const socle_call *k, socle_spec *out)
{
    return infer_reduce("mean", k, out);
}

static socle_status mean_forward(socle_call *k)
{
    return socle_prim_reduce(SOCLE_REDUCE_MEAN, k->out[0], k->in[0], ((const reduce_attr *)k->attr)->axes);
}

/* dx = dy / n, repeated; n numbers went into each mean. */
static socle_status mean_backward(socle_call *k)
{
    int64_t means = shape_numel(k->out_spec[0].shape), numbers = shape_numel(k->spec[0].shape);
    if (numbers == 0)
        return SOCLE_OK;
    socle_tensor *g = gout_with_ones(k);
    if (g == NULL)
        return socle_error_status();
    socle_status s = op_times(k, k->gin[0], g, (double)means / (double)numbers);
    socle_release(g);
    return s;
}

const socle_op socle_op_mean = { .name = "mean",
                                 .attr_size = sizeof(reduce_attr),
                                 .n_out = 1,
                                 .infer = mean_infer,
                                 .forward = mean_forward,
                                 .backward = mean_backward };

socle_tensor *socle_mean(socle_ctx *c, socle_tensor *x, uint32_t axes, bool keep)
{
    reduce_attr a = { axes, keep };
    return socle_apply(c, &socle_op_mean, &a, 1, 1, &x);
}

/* ---- max ---- */

typedef struct max_attr {
    int axis; /* may be negative */
    bool keep;
} max_attr;

/* out[0]: the largest; out[1]: its index, size 1 along the axis. */
static socle_status max_infer(const socle_call *k, socle_spec *out)
{
    const max_attr *a = k->attr;
    socle_shape x = k->spec[0].shape;
    int axis;
    SOCLE_TRY(op_check_real(k, "max", 0));
    SOCLE_TRY(shape_axis("max", x, a->axis, &axis));
    SOCLE_CHECK(x.dim[axis] > 0, SOCLE_ERR_SHAPE, "max: input %s is empty along axis %d", shape_text(x).text, axis);
    reduce_attr r = { 1u << axis, a->keep };
    socle_call as_reduce = *k;
    as_reduce.attr = &r;
    SOCLE_TRY(infer_reduce("max", &as_reduce, out));
    out[1].dtype = SOCLE_I32;
    out[1].shape = ones_shape(&r, x);
    return SOCLE_OK;
}

/* The value is taken by index, so that the gradient surely goes to the element that was returned. */
static socle_status max_forward(socle_call *k)
{
    int axis = op_axis(((const max_attr *)k->attr)->axis, k->spec[0].shape);
    if (k->out[1] == NULL)
        return socle_prim_reduce(SOCLE_REDUCE_MAX, k->out[0], k->in[0], 1u << axis);
    SOCLE_TRY(socle_prim_argreduce(SOCLE_REDUCE_MAX, k->out[1], k->in[0], axis));
    socle_spec s = { k->spec[0].dtype, k->out_spec[1].lanes, k->out_spec[1].shape };
    socle_tensor *y = op_temp(k, s), *flat = NULL;
    socle_status status = y == NULL ? socle_error_status() : socle_prim_gather(y, k->in[0], k->out[1], axis);
    if (status == SOCLE_OK) {
        flat = view_reshaped(y, k->out_spec[0].shape);
        status = flat == NULL ? socle_error_status() : socle_prim_copy(k->out[0], flat);
    }
    socle_release(flat);
    socle_release(y);
    return status;
}

/* dx = 0 but for dx[index] = dy. */
static socle_status max_backward(socle_call *k)
{
    int axis = op_axis(((const max_attr *)k->attr)->axis, k->spec[0].shape);
    socle_tensor *g = view_reshaped(k->gout[0], k->out_spec[1].shape);
    if (g == NULL)
        return socle_error_status();
    socle_status s = socle_prim_fill(k->gin[0], 0.0);
    if (s == SOCLE_OK)
        s = socle_prim_scatter_add(k->gin[0], g, k->out[1], axis);
    socle_release(g);
    return s;
}

const socle_op socle_op_max = { .name = "max",
                                .attr_size = sizeof(max_attr),
                                .n_out = 2,
                                .keep = SOCLE_KEEP_OUT(1),
                                .infer = max_infer,
                                .forward = max_forward,
                                .backward = max_backward };

socle_tensor *socle_max(socle_ctx *c, socle_tensor *x, int axis, bool keep)
{
    max_attr a = { axis, keep };
    return socle_apply(c, &socle_op_max, &a, 1, 1, &x);
}

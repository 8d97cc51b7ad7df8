/* Selection: by mask (where), by index (gather), and the index of the largest (argmax). */
#include "op.h"

#include "view.h"

/* ---- where: y = cond ? a : b ---- */

static socle_status where_infer(const socle_call *k, socle_spec *out)
{
    SOCLE_CHECK(k->spec[0].dtype == SOCLE_U8, SOCLE_ERR_DTYPE, "where: the condition is of type %s, expected is u8",
                socle_dtype_name(k->spec[0].dtype));
    SOCLE_CHECK(k->spec[1].dtype == k->spec[2].dtype, SOCLE_ERR_DTYPE, "where: chooses between %s and %s",
                socle_dtype_name(k->spec[1].dtype), socle_dtype_name(k->spec[2].dtype));
    socle_shape s;
    SOCLE_TRY(shape_broadcast("where", k->spec[1].shape, k->spec[2].shape, &s));
    out[0].dtype = k->spec[1].dtype;
    return shape_broadcast("where", k->spec[0].shape, s, &out[0].shape);
}

static socle_status where_forward(socle_call *k)
{
    return socle_prim_where(k->out[0], k->in[0], k->in[1], k->in[2]);
}

/* to = the part of dy that belongs to side 1 (a) or 2 (b), as yet of the result's shape. */
static socle_status where_part(const socle_call *k, int side, const socle_tensor *zero, socle_tensor *to)
{
    return socle_prim_where(to, k->in[0], side == 1 ? k->gout[0] : zero, side == 1 ? zero : k->gout[0]);
}

static socle_status where_side(socle_call *k, int side, const socle_tensor *zero)
{
    if (socle_shape_equal(k->spec[side].shape, k->out_spec[0].shape))
        return where_part(k, side, zero, k->gin[side]);
    socle_tensor *whole = op_temp(k, k->out_spec[0]);
    if (whole == NULL)
        return socle_error_status();
    socle_status s = where_part(k, side, zero, whole);
    if (s == SOCLE_OK)
        s = socle_prim_unbroadcast(k->gin[side], whole);
    socle_release(whole);
    return s;
}

/* da = cond ? dy : 0, db = cond ? 0 : dy, each summed over what broadcasting repeated. */
static socle_status where_backward(socle_call *k)
{
    socle_tensor *zero = op_scalar(k, k->out_spec[0].dtype, 0.0);
    socle_status s = zero == NULL ? socle_error_status() : SOCLE_OK;
    for (int side = 1; side <= 2 && s == SOCLE_OK; side++)
        if (k->gin[side] != NULL)
            s = where_side(k, side, zero);
    socle_release(zero);
    return s;
}

const socle_op socle_op_where = { .name = "where",
                                  .n_out = 1,
                                  .keep = SOCLE_KEEP_IN(0),
                                  .infer = where_infer,
                                  .forward = where_forward,
                                  .backward = where_backward };

socle_tensor *socle_where(socle_ctx *c, socle_tensor *cond, socle_tensor *a, socle_tensor *b)
{
    return socle_apply(c, &socle_op_where, NULL, 3, 3, (socle_tensor *[]){ cond, a, b });
}

/* ---- gather: y[i][j] = x[index[i][j]][j] for axis 0, and so on ---- */

typedef struct axis_attr {
    int axis; /* may be negative */
} axis_attr;

static int axis_of(const socle_call *k)
{
    return op_axis(((const axis_attr *)k->attr)->axis, k->spec[0].shape);
}

static socle_status gather_infer(const socle_call *k, socle_spec *out)
{
    socle_shape x = k->spec[0].shape, index = k->spec[1].shape;
    int axis;
    SOCLE_TRY(shape_axis("gather", x, ((const axis_attr *)k->attr)->axis, &axis));
    SOCLE_CHECK(k->spec[1].dtype == SOCLE_I32, SOCLE_ERR_DTYPE, "gather: index is of type %s, expected is i32",
                socle_dtype_name(k->spec[1].dtype));
    SOCLE_CHECK(index.ndim == x.ndim, SOCLE_ERR_SHAPE, "gather: index %s and input %s differ in dimensions",
                shape_text(index).text, shape_text(x).text);
    out[0].dtype = k->spec[0].dtype;
    out[0].shape = x;
    out[0].shape.dim[axis] = index.dim[axis];
    for (int i = 0; i < x.ndim; i++)
        SOCLE_CHECK(i == axis || index.dim[i] == 1 || index.dim[i] == x.dim[i], SOCLE_ERR_SHAPE,
                    "gather: index %s does not fit input %s along dimension %d", shape_text(index).text,
                    shape_text(x).text, i);
    SOCLE_CHECK(x.dim[axis] > 0 || shape_numel(out[0].shape) == 0, SOCLE_ERR_SHAPE,
                "gather: input %s is empty along axis %d", shape_text(x).text, axis);
    return SOCLE_OK;
}

static socle_status gather_forward(socle_call *k)
{
    return socle_prim_gather(k->out[0], k->in[0], k->in[1], axis_of(k));
}

/* dx[index[i][j]][j] += dy[i][j]. */
static socle_status gather_backward(socle_call *k)
{
    if (!k->accumulate)
        SOCLE_TRY(socle_prim_fill(k->gin[0], 0.0));
    return socle_prim_scatter_add(k->gin[0], k->gout[0], k->in[1], axis_of(k));
}

const socle_op socle_op_gather = { .name = "gather",
                                   .attr_size = sizeof(axis_attr),
                                   .n_out = 1,
                                   .keep = SOCLE_KEEP_IN(1),
                                   .accumulates = SOCLE_KEEP_IN(0),
                                   .infer = gather_infer,
                                   .forward = gather_forward,
                                   .backward = gather_backward };

socle_tensor *socle_gather(socle_ctx *c, socle_tensor *x, socle_tensor *index, int axis)
{
    axis_attr a = { axis };
    return socle_apply(c, &socle_op_gather, &a, 2, 2, (socle_tensor *[]){ x, index });
}

/* ---- argmax ---- */

static socle_status argmax_infer(const socle_call *k, socle_spec *out)
{
    socle_shape x = k->spec[0].shape;
    int axis;
    SOCLE_TRY(op_check_real(k, "argmax", 0));
    SOCLE_TRY(shape_axis("argmax", x, ((const axis_attr *)k->attr)->axis, &axis));
    SOCLE_CHECK(x.dim[axis] > 0, SOCLE_ERR_SHAPE, "argmax: input %s is empty along axis %d", shape_text(x).text,
                axis);
    out[0].dtype = SOCLE_I32;
    out[0].shape.ndim = 0;
    for (int i = 0; i < x.ndim; i++)
        if (i != axis)
            out[0].shape.dim[out[0].shape.ndim++] = x.dim[i];
    return SOCLE_OK;
}

/* The result is row-major (an axis is gone), so it can be written through the shape that still has the axis. */
static socle_status argmax_forward(socle_call *k)
{
    int axis = axis_of(k);
    socle_shape s = k->spec[0].shape;
    s.dim[axis] = 1;
    socle_tensor *index = view_reshaped(k->out[0], s);
    if (index == NULL)
        return socle_error_status();
    socle_status status = socle_prim_argreduce(SOCLE_REDUCE_MAX, index, k->in[0], axis);
    socle_release(index);
    return status;
}

const socle_op socle_op_argmax = {
    .name = "argmax", .attr_size = sizeof(axis_attr), .n_out = 1, .infer = argmax_infer, .forward = argmax_forward
};

socle_tensor *socle_argmax(socle_ctx *c, socle_tensor *x, int axis)
{
    axis_attr a = { axis };
    return socle_apply(c, &socle_op_argmax, &a, 1, 1, &x);
}

/* Rules of reductions, softmax, cross entropy, indexing, and histograms. */
#include "prim/validate.h"

#include <math.h>
#include "core/error.h"
#include "core/shape.h"

static const char *reduce_name(socle_reduce op)
{
    static const char *const names[] = { "sum", "mean", "sum of squares", "max", "min" };
    return (unsigned)op < sizeof names / sizeof names[0] ? names[op] : "reduce";
}

/* y is x's shape with `axes` of size 1, or without them: *missing says which. */
static socle_status check_reduced(const char *what, const socle_tensor *y, const socle_tensor *x, uint32_t axes,
                                  uint32_t *missing)
{
    socle_shape s = view_shape(&x->view), kept = s, removed = { 0 };
    for (int i = 0; i < s.ndim; i++) {
        if (axes >> i & 1)
            kept.dim[i] = 1;
        else
            removed.dim[removed.ndim++] = s.dim[i];
    }
    *missing = y->view.ndim == removed.ndim ? axes : 0;
    return validate_shape(what, "result", y, *missing ? removed : kept);
}

socle_status validate_reduce(socle_reduce op, const socle_tensor *y, const socle_tensor *x, uint32_t *axes,
                             uint32_t *missing)
{
    const char *what = reduce_name(op);
    SOCLE_CHECK((unsigned)op <= SOCLE_REDUCE_MIN, SOCLE_ERR_ARG, "reduce: there is no reduction %d", (int)op);
    SOCLE_TRY(validate_result(what, y, TYPE_REAL));
    SOCLE_TRY(validate_operand(what, "operand", x, y, TYPE_REAL));
    uint32_t all = (1u << x->view.ndim) - 1;
    SOCLE_CHECK((*axes & ~all) == 0, SOCLE_ERR_ARG, "%s: axes 0x%x of an operand of shape %s", what,
                (unsigned)*axes, shape_text(view_shape(&x->view)).text);
    *axes = *axes ? *axes : all;
    SOCLE_TRY(check_reduced(what, y, x, *axes, missing));
    bool picks = op == SOCLE_REDUCE_MAX || op == SOCLE_REDUCE_MIN;
    SOCLE_CHECK(!picks || !tensor_is_empty(x) || tensor_is_empty(y), SOCLE_ERR_SHAPE,
                "%s: nothing to choose from in an operand of shape %s", what,
                shape_text(view_shape(&x->view)).text);
    return SOCLE_OK;
}

socle_status validate_unbroadcast(const socle_tensor *y, const socle_tensor *x, uint32_t *axes, uint32_t *missing)
{
    SOCLE_TRY(validate_result("unbroadcast", y, TYPE_REAL));
    SOCLE_TRY(validate_operand("unbroadcast", "operand", x, y, TYPE_REAL));
    SOCLE_TRY(validate_broadcast("unbroadcast", "result", y, view_shape(&x->view)));
    int extra = x->view.ndim - y->view.ndim;
    *missing = (1u << extra) - 1;
    *axes = *missing;
    for (int i = extra; i < x->view.ndim; i++)
        if (y->view.dim[i - extra] != x->view.dim[i])
            *axes |= 1u << i;
    return SOCLE_OK;
}

socle_status validate_argreduce(socle_reduce op, const socle_tensor *index, const socle_tensor *x, int *axis,
                                uint32_t *missing)
{
    bool max = op == SOCLE_REDUCE_MAX;
    const char *what = max ? "argmax" : "argmin";
    SOCLE_CHECK(max || op == SOCLE_REDUCE_MIN, SOCLE_ERR_ARG, "argreduce: %s has no winner", reduce_name(op));
    SOCLE_TRY(validate_result(what, index, TYPE_INDEX));
    SOCLE_TRY(validate_operand(what, "operand", x, index, TYPE_REAL));
    SOCLE_TRY(shape_axis(what, view_shape(&x->view), *axis, axis));
    SOCLE_TRY(check_reduced(what, index, x, 1u << *axis, missing));
    int64_t size = x->view.dim[*axis];
    SOCLE_CHECK(size > 0 || tensor_is_empty(index), SOCLE_ERR_SHAPE,
                "%s: nothing to choose from in an operand of shape %s", what,
                shape_text(view_shape(&x->view)).text);
    SOCLE_CHECK(size <= INT32_MAX, SOCLE_ERR_SHAPE, "%s: an axis of %lld elements has no 32-bit index", what,
                (long long)size);
    return SOCLE_OK;
}

/* x has y's shape. */
static socle_status check_same(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y)
{
    SOCLE_TRY(validate_operand(what, name, x, y, TYPE_REAL));
    return validate_shape(what, name, x, view_shape(&y->view));
}

socle_status validate_softmax(const socle_tensor *y, const socle_tensor *x, int *axis)
{
    SOCLE_TRY(validate_result("softmax", y, TYPE_REAL));
    SOCLE_TRY(check_same("softmax", "operand", x, y));
    return shape_axis("softmax", view_shape(&y->view), *axis, axis);
}

socle_status validate_softmax_grad(const socle_tensor *dx, const socle_tensor *dy, const socle_tensor *y, int *axis)
{
    SOCLE_TRY(validate_result("softmax", dx, TYPE_REAL));
    SOCLE_TRY(check_same("softmax", "gradient", dy, dx));
    SOCLE_TRY(check_same("softmax", "kept result", y, dx));
    return shape_axis("softmax", view_shape(&dx->view), *axis, axis);
}

static const char xent_name[] = "cross entropy";

static socle_status check_targets(const socle_tensor *target, const socle_tensor *like, socle_shape s)
{
    SOCLE_TRY(validate_operand(xent_name, "target", target, like, TYPE_INDEX));
    return validate_shape(xent_name, "target", target, socle_shape1(s.dim[0]));
}

socle_status validate_xent(const socle_tensor *loss, const socle_tensor *logp, const socle_tensor *x,
                           const socle_tensor *target)
{
    SOCLE_TRY(validate_result(xent_name, loss, TYPE_REAL));
    SOCLE_TRY(validate_operand(xent_name, "prediction", x, loss, TYPE_REAL));
    SOCLE_TRY(validate_ndim(xent_name, "prediction", x, 2));
    socle_shape s = view_shape(&x->view);
    SOCLE_CHECK(s.dim[1] > 0, SOCLE_ERR_SHAPE, "%s: prediction of shape %s has no classes", xent_name,
                shape_text(s).text);
    SOCLE_TRY(check_targets(target, loss, s));
    SOCLE_TRY(validate_shape(xent_name, "result", loss, socle_shape1(s.dim[0])));
    if (!logp)
        return SOCLE_OK;
    SOCLE_TRY(validate_output(xent_name, "log-probability", logp, loss, TYPE_REAL));
    return validate_shape(xent_name, "log-probability", logp, s);
}

socle_status validate_xent_grad(const socle_tensor *dx, const socle_tensor *dloss, const socle_tensor *logp,
                                const socle_tensor *target)
{
    SOCLE_TRY(validate_result(xent_name, dx, TYPE_REAL));
    SOCLE_TRY(validate_ndim(xent_name, "result", dx, 2));
    SOCLE_TRY(check_same(xent_name, "log-probability", logp, dx));
    socle_shape s = view_shape(&dx->view);
    SOCLE_TRY(validate_operand(xent_name, "gradient", dloss, dx, TYPE_REAL));
    SOCLE_TRY(validate_broadcast(xent_name, "gradient", dloss, socle_shape1(s.dim[0])));
    return check_targets(target, dx, s);
}

/* `indexed` has the shape of `walked` but along the axis, and index stretches to walked's shape. */
static socle_status check_indexing(const char *what, const socle_tensor *indexed, const char *name,
                                   const socle_tensor *walked, const socle_tensor *index, int *axis)
{
    socle_shape s = view_shape(&walked->view), want = s;
    SOCLE_TRY(shape_axis(what, s, *axis, axis));
    SOCLE_TRY(validate_ndim(what, name, indexed, s.ndim));
    want.dim[*axis] = indexed->view.dim[*axis];
    SOCLE_TRY(validate_shape(what, name, indexed, want));
    SOCLE_TRY(validate_broadcast(what, "index", index, s));
    SOCLE_CHECK(want.dim[*axis] > 0 || tensor_is_empty(walked), SOCLE_ERR_SHAPE,
                "%s: axis %d of an operand of shape %s has nothing to index", what, *axis, shape_text(want).text);
    return SOCLE_OK;
}

socle_status validate_gather(const socle_tensor *y, const socle_tensor *x, const socle_tensor *index, int *axis)
{
    SOCLE_TRY(validate_result("gather", y, TYPE_ANY));
    SOCLE_TRY(validate_operand("gather", "operand", x, y, TYPE_ANY));
    SOCLE_TRY(validate_operand("gather", "index", index, y, TYPE_INDEX));
    SOCLE_CHECK(x->view.dtype == y->view.dtype, SOCLE_ERR_DTYPE, "gather: operand is %s, the result %s",
                socle_dtype_name(x->view.dtype), socle_dtype_name(y->view.dtype));
    return check_indexing("gather", x, "operand", y, index, axis);
}

socle_status validate_scatter_add(const socle_tensor *y, const socle_tensor *x, const socle_tensor *index,
                                  int *axis)
{
    SOCLE_TRY(validate_result("scatter_add", y, TYPE_REAL));
    SOCLE_TRY(validate_operand("scatter_add", "operand", x, y, TYPE_REAL));
    SOCLE_TRY(validate_operand("scatter_add", "index", index, y, TYPE_INDEX));
    return check_indexing("scatter_add", y, "result", x, index, axis);
}

socle_status validate_shift_images(const socle_tensor *y, const socle_tensor *x, const socle_tensor *place)
{
    SOCLE_TRY(validate_result("shift_images", y, TYPE_REAL));
    SOCLE_TRY(validate_operand("shift_images", "operand", x, y, TYPE_REAL));
    SOCLE_TRY(validate_operand("shift_images", "place", place, y, TYPE_INDEX));
    SOCLE_TRY(validate_ndim("shift_images", "operand", x, 4));
    SOCLE_TRY(validate_ndim("shift_images", "result", y, 4));
    socle_shape want = view_shape(&x->view);
    want.dim[2] = y->view.dim[2];
    want.dim[3] = y->view.dim[3];
    SOCLE_TRY(validate_shape("shift_images", "result", y, want));
    return validate_shape("shift_images", "place", place, socle_shape2(want.dim[0], 3));
}

socle_status validate_histogram(const socle_bins *b, const socle_tensor *counts, const socle_tensor *moments,
                                const socle_tensor *x)
{
    SOCLE_TRY(validate_result("histogram", counts, TYPE_INDEX));
    SOCLE_TRY(validate_output("histogram", "moments", moments, counts, TYPE_REAL));
    SOCLE_TRY(validate_operand("histogram", "operand", x, counts, TYPE_REAL));
    SOCLE_CHECK(b, SOCLE_ERR_ARG, "histogram: the bins are missing");
    SOCLE_CHECK(b->n >= 1 && b->n <= SOCLE_BINS_MAX, SOCLE_ERR_ARG, "histogram: %d bins, not 1 to %d", b->n,
                SOCLE_BINS_MAX);
    SOCLE_CHECK(isfinite(b->low) && isfinite(b->scale) && b->scale > 0, SOCLE_ERR_ARG,
                "histogram: bins from %g on, %g to a unit", (double)b->low, (double)b->scale);
    SOCLE_TRY(validate_shape("histogram", "result", counts, socle_shape1(b->n)));
    return validate_shape("histogram", "moments", moments, socle_shape1(2));
}

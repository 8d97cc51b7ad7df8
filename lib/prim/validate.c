/* Rules that all primitives share, and those of the elementwise and random ones. */
#include "prim/validate.h"

#include "core/error.h"
#include "core/shape.h"
#include "prim/stats.h"

bool tensor_is_empty(const socle_tensor *t)
{
    return shape_numel(view_shape(&t->view)) == 0;
}

static socle_status check_type(const char *what, const char *name, const socle_tensor *x, validate_type t)
{
    socle_dtype got = x->view.dtype;
    socle_dtype want = t == TYPE_INDEX ? SOCLE_I32 : t == TYPE_MASK ? SOCLE_U8 : x->store->device->caps.real;
    SOCLE_CHECK(t == TYPE_ANY || got == want, SOCLE_ERR_DTYPE, "%s: %s is %s, expected %s", what, name,
                socle_dtype_name(got), socle_dtype_name(want));
    return SOCLE_OK;
}

/* An output's elements must be distinct in memory: a view repeated by stride 0 cannot be written. */
static socle_status check_writable(const char *what, const char *name, const socle_tensor *x)
{
    for (int i = 0; i < x->view.ndim; i++) {
        int64_t within = i == 0 ? x->view.lanes : 1;
        SOCLE_CHECK(x->view.stride[i] != 0 || x->view.dim[i] <= within, SOCLE_ERR_ARG,
                    "%s: %s repeats its elements along dimension %d and cannot be written", what, name, i);
    }
    return SOCLE_OK;
}

socle_status validate_operand(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y,
                              validate_type t)
{
    SOCLE_CHECK(x, SOCLE_ERR_ARG, "%s: %s is missing", what, name);
    const socle_device *d = x->store->device, *home = y->store->device;
    SOCLE_CHECK(d == home, SOCLE_ERR_ARG, "%s: %s is on another device (%s) than the result (%s)", what, name,
                socle_device_name(d), socle_device_name(home));
    return check_type(what, name, x, t);
}

socle_status validate_output(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y,
                             validate_type t)
{
    SOCLE_TRY(validate_operand(what, name, x, y, t));
    return check_writable(what, name, x);
}

socle_status validate_result(const char *what, const socle_tensor *y, validate_type t)
{
    SOCLE_CHECK(y, SOCLE_ERR_ARG, "%s: the result is missing", what);
    SOCLE_TRY(stats_ready(y->store->device));
    return validate_output(what, "result", y, y, t);
}

socle_status validate_shape(const char *what, const char *name, const socle_tensor *x, socle_shape s)
{
    socle_shape got = view_shape(&x->view);
    SOCLE_CHECK(socle_shape_equal(got, s), SOCLE_ERR_SHAPE, "%s: %s has shape %s, expected %s", what, name,
                shape_text(got).text, shape_text(s).text);
    return SOCLE_OK;
}

socle_status validate_ndim(const char *what, const char *name, const socle_tensor *x, int ndim)
{
    SOCLE_CHECK(x->view.ndim == ndim, SOCLE_ERR_SHAPE, "%s: %s has shape %s, expected %d dimensions", what, name,
                shape_text(view_shape(&x->view)).text, ndim);
    return SOCLE_OK;
}

socle_status validate_broadcast(const char *what, const char *name, const socle_tensor *x, socle_shape s)
{
    socle_shape got = view_shape(&x->view);
    bool fits = got.ndim <= s.ndim;
    for (int i = 1; fits && i <= got.ndim; i++) {
        int64_t dim = got.dim[got.ndim - i];
        fits = dim == 1 || dim == s.dim[s.ndim - i];
    }
    SOCLE_CHECK(fits, SOCLE_ERR_SHAPE, "%s: %s of shape %s does not broadcast to %s", what, name,
                shape_text(got).text, shape_text(s).text);
    return SOCLE_OK;
}

static socle_status check_stretches(const char *what, const char *name, const socle_tensor *x,
                                    const socle_tensor *y, validate_type t)
{
    SOCLE_TRY(validate_operand(what, name, x, y, t));
    return validate_broadcast(what, name, x, view_shape(&y->view));
}

static socle_status check_same(const char *what, const char *name, const socle_tensor *x, const socle_tensor *y)
{
    SOCLE_TRY(validate_operand(what, name, x, y, TYPE_REAL));
    return validate_shape(what, name, x, view_shape(&y->view));
}

socle_status validate_copy(const socle_tensor *y, const socle_tensor *x)
{
    SOCLE_TRY(validate_result("copy", y, TYPE_ANY));
    return check_stretches("copy", "source", x, y, TYPE_ANY);
}

socle_status validate_unary(socle_unary op, const socle_tensor *y, const socle_tensor *x)
{
    SOCLE_CHECK((unsigned)op < SOCLE_UNARY_COUNT, SOCLE_ERR_ARG, "unary: there is no function %d", (int)op);
    const char *what = socle_unary_name(op);
    SOCLE_TRY(validate_result(what, y, TYPE_REAL));
    return check_same(what, "operand", x, y);
}

socle_status validate_unary_grad(socle_unary op, const socle_tensor *dx, const socle_tensor *dy,
                                 const socle_tensor *x, const socle_tensor *y)
{
    SOCLE_CHECK((unsigned)op < SOCLE_UNARY_COUNT, SOCLE_ERR_ARG, "unary_grad: there is no function %d", (int)op);
    const char *what = socle_unary_name(op);
    SOCLE_TRY(validate_result(what, dx, TYPE_REAL));
    SOCLE_TRY(check_same(what, "gradient", dy, dx));
    if (socle_unary_keep(op) == SOCLE_KEEP_X)
        SOCLE_TRY(check_same(what, "operand", x, dx));
    if (socle_unary_keep(op) == SOCLE_KEEP_Y)
        SOCLE_TRY(check_same(what, "kept result", y, dx));
    return SOCLE_OK;
}

/* Operands of a comparison or of where: any type that has kernels, but one. */
static socle_status check_one_type(const char *what, const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_CHECK(a->view.dtype == b->view.dtype, SOCLE_ERR_DTYPE, "%s: operands are %s and %s, expected one type",
                what, socle_dtype_name(a->view.dtype), socle_dtype_name(b->view.dtype));
    return SOCLE_OK;
}

socle_status validate_binary(socle_binary op, const socle_tensor *y, const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_CHECK((unsigned)op < SOCLE_BINARY_COUNT, SOCLE_ERR_ARG, "binary: there is no function %d", (int)op);
    const char *what = socle_binary_name(op);
    bool compares = socle_binary_compares(op);
    SOCLE_TRY(validate_result(what, y, compares ? TYPE_MASK : TYPE_REAL));
    SOCLE_TRY(check_stretches(what, "first operand", a, y, compares ? TYPE_ANY : TYPE_REAL));
    SOCLE_TRY(check_stretches(what, "second operand", b, y, compares ? TYPE_ANY : TYPE_REAL));
    return check_one_type(what, a, b);
}

socle_status validate_binary_grad(socle_binary op, int side, const socle_tensor *d, const socle_tensor *dy,
                                  const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_CHECK((unsigned)op < SOCLE_BINARY_COUNT, SOCLE_ERR_ARG, "binary_grad: there is no function %d", (int)op);
    const char *what = socle_binary_name(op);
    SOCLE_CHECK(!socle_binary_compares(op), SOCLE_ERR_ARG, "%s: a comparison has no gradient", what);
    SOCLE_CHECK(side == 0 || side == 1, SOCLE_ERR_ARG, "%s: side %d of a gradient, expected 0 or 1", what, side);
    SOCLE_TRY(validate_result(what, d, TYPE_REAL));
    SOCLE_TRY(check_stretches(what, "gradient", dy, d, TYPE_REAL));
    if (socle_binary_keep(op) == SOCLE_KEEP_NONE)
        return SOCLE_OK;
    SOCLE_TRY(check_stretches(what, "first operand", a, d, TYPE_REAL));
    return check_stretches(what, "second operand", b, d, TYPE_REAL);
}

socle_status validate_where(const socle_tensor *y, const socle_tensor *cond, const socle_tensor *a,
                            const socle_tensor *b)
{
    SOCLE_TRY(validate_result("where", y, TYPE_ANY));
    SOCLE_TRY(check_stretches("where", "condition", cond, y, TYPE_MASK));
    SOCLE_TRY(check_stretches("where", "first operand", a, y, TYPE_ANY));
    SOCLE_TRY(check_stretches("where", "second operand", b, y, TYPE_ANY));
    SOCLE_TRY(check_one_type("where", a, b));
    SOCLE_CHECK(a->view.dtype == y->view.dtype, SOCLE_ERR_DTYPE, "where: operands are %s, the result %s",
                socle_dtype_name(a->view.dtype), socle_dtype_name(y->view.dtype));
    return SOCLE_OK;
}

socle_status validate_axpby(const socle_tensor *y, const socle_tensor *x)
{
    SOCLE_TRY(validate_result("axpby", y, TYPE_REAL));
    return check_same("axpby", "operand", x, y);
}

socle_status validate_add_relu(socle_unary op, const socle_tensor *y, const socle_tensor *a, const socle_tensor *b)
{
    SOCLE_CHECK(op == SOCLE_UNARY_relu || op == SOCLE_UNARY_monotone_relu, SOCLE_ERR_ARG,
                "add_relu: function %d is no ReLU", (int)op);
    SOCLE_TRY(validate_result("add_relu", y, TYPE_REAL));
    SOCLE_TRY(check_same("add_relu", "first operand", a, y));
    return check_same("add_relu", "second operand", b, y);
}

socle_status validate_random(const char *what, const socle_tensor *y)
{
    return validate_result(what, y, TYPE_REAL);
}

socle_status validate_dropout(const socle_tensor *y, const socle_tensor *x, float p)
{
    SOCLE_CHECK(p >= 0 && p < 1, SOCLE_ERR_ARG, "dropout: probability %g is outside [0, 1)", (double)p);
    SOCLE_TRY(validate_result("dropout", y, TYPE_REAL));
    return check_same("dropout", "operand", x, y);
}

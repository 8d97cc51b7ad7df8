/* Rules of products, convolution, pooling and optimizer steps. */
#include "prim/validate.h"

#include <float.h>
#include <limits.h>
#include "core/error.h"
#include "core/shape.h"

/* ---- products ---- */

/* x's shape (..., r, c), its last two swapped where it is given transposed, stretched over c's leading dims. */
static socle_status check_factor(const char *name, const socle_tensor *x, bool transposed, socle_shape result,
                                 socle_shape *out)
{
    socle_shape s = view_shape(&x->view);
    SOCLE_CHECK(s.ndim >= 2 && s.ndim <= result.ndim, SOCLE_ERR_SHAPE,
                "matmul: %s has shape %s, expected 2 to %d dimensions", name, shape_text(s).text, (int)result.ndim);
    int64_t row = s.dim[s.ndim - 2], col = s.dim[s.ndim - 1];
    *out = result;
    out->dim[out->ndim - 2] = transposed ? col : row;
    out->dim[out->ndim - 1] = transposed ? row : col;
    for (int i = 3; i <= s.ndim; i++) {
        int64_t dim = s.dim[s.ndim - i];
        SOCLE_CHECK(dim == 1 || dim == result.dim[result.ndim - i], SOCLE_ERR_SHAPE,
                    "matmul: %s of shape %s does not broadcast to result %s", name, shape_text(s).text,
                    shape_text(result).text);
    }
    return SOCLE_OK;
}

socle_status validate_gemm(const socle_tensor *c, const socle_tensor *a, bool ta, const socle_tensor *b, bool tb,
                           socle_shape *sa, socle_shape *sb)
{
    SOCLE_TRY(validate_result("matmul", c, TYPE_REAL));
    SOCLE_TRY(validate_operand("matmul", "first operand", a, c, TYPE_REAL));
    SOCLE_TRY(validate_operand("matmul", "second operand", b, c, TYPE_REAL));
    socle_shape s = view_shape(&c->view);
    SOCLE_CHECK(s.ndim >= 2, SOCLE_ERR_SHAPE, "matmul: result has shape %s, expected at least 2 dimensions",
                shape_text(s).text);
    SOCLE_TRY(check_factor("first operand", a, ta, s, sa));
    SOCLE_TRY(check_factor("second operand", b, tb, s, sb));
    int row = s.ndim - 2, col = s.ndim - 1;
    SOCLE_CHECK(sa->dim[col] == sb->dim[row], SOCLE_ERR_SHAPE,
                "matmul: %s times %s: inner sizes %lld and %lld differ", shape_text(*sa).text, shape_text(*sb).text,
                (long long)sa->dim[col], (long long)sb->dim[row]);
    socle_shape want = s;
    want.dim[row] = sa->dim[row];
    want.dim[col] = sb->dim[col];
    return validate_shape("matmul", "result", c, want);
}

/* The shapes of x (N, in) and w (out, in) agree. */
static socle_status check_linear(const socle_tensor *x, const socle_tensor *w)
{
    SOCLE_TRY(validate_ndim("linear", "input", x, 2));
    SOCLE_TRY(validate_ndim("linear", "weight", w, 2));
    SOCLE_CHECK(x->view.dim[1] == w->view.dim[1], SOCLE_ERR_SHAPE,
                "linear: input has %lld features, weight expects %lld", (long long)x->view.dim[1],
                (long long)w->view.dim[1]);
    return SOCLE_OK;
}

/* b (outputs), where it is there. */
static socle_status check_bias(const char *what, const socle_tensor *b, const socle_tensor *y, int64_t outputs)
{
    if (!b)
        return SOCLE_OK;
    SOCLE_TRY(validate_operand(what, "bias", b, y, TYPE_REAL));
    return validate_shape(what, "bias", b, socle_shape1(outputs));
}

/* A gradient of `like`'s shape, where it is wanted. */
static socle_status check_gradient(const char *what, const char *name, const socle_tensor *grad,
                                   const socle_tensor *dy, socle_shape s)
{
    if (!grad)
        return SOCLE_OK;
    SOCLE_TRY(validate_output(what, name, grad, dy, TYPE_REAL));
    return validate_shape(what, name, grad, s);
}

/* The stored result y, which the derivative of an epilogue is taken from. */
static socle_status check_kept(const char *what, socle_epilogue e, const socle_tensor *y, const socle_tensor *dy)
{
    SOCLE_CHECK(e == SOCLE_EPILOGUE_NONE || e == SOCLE_EPILOGUE_RELU, SOCLE_ERR_ARG, "%s: there is no epilogue %d",
                what, (int)e);
    if (e == SOCLE_EPILOGUE_NONE)
        return SOCLE_OK;
    SOCLE_TRY(validate_operand(what, "kept result", y, dy, TYPE_REAL));
    return validate_shape(what, "kept result", y, view_shape(&dy->view));
}

socle_status validate_linear(socle_epilogue e, const socle_tensor *y, const socle_tensor *x, const socle_tensor *w,
                             const socle_tensor *bias)
{
    SOCLE_TRY(validate_result("linear", y, TYPE_REAL));
    SOCLE_TRY(check_kept("linear", e, y, y));
    SOCLE_TRY(validate_operand("linear", "input", x, y, TYPE_REAL));
    SOCLE_TRY(validate_operand("linear", "weight", w, y, TYPE_REAL));
    SOCLE_TRY(check_linear(x, w));
    SOCLE_TRY(check_bias("linear", bias, y, w->view.dim[0]));
    return validate_shape("linear", "result", y, socle_shape2(x->view.dim[0], w->view.dim[0]));
}

/* The first gradient that is wanted, NULL where none is. */
static const socle_tensor *first_of(const socle_tensor *dx, const socle_tensor *dw, const socle_tensor *db)
{
    return dx ? dx : dw ? dw : db;
}

socle_status validate_linear_grad(socle_epilogue e, const socle_tensor *dx, const socle_tensor *dw,
                                  const socle_tensor *db, const socle_tensor *dy, const socle_tensor *x,
                                  const socle_tensor *w, const socle_tensor *y)
{
    const socle_tensor *first = first_of(dx, dw, db);
    SOCLE_TRY(validate_result("linear", first, TYPE_REAL));
    SOCLE_TRY(validate_operand("linear", "gradient", dy, first, TYPE_REAL));
    SOCLE_TRY(validate_operand("linear", "input", x, first, TYPE_REAL));
    SOCLE_TRY(validate_operand("linear", "weight", w, first, TYPE_REAL));
    SOCLE_TRY(check_linear(x, w));
    SOCLE_TRY(validate_shape("linear", "gradient", dy, socle_shape2(x->view.dim[0], w->view.dim[0])));
    SOCLE_TRY(check_kept("linear", e, y, dy));
    SOCLE_TRY(check_gradient("linear", "input gradient", dx, dy, view_shape(&x->view)));
    SOCLE_TRY(check_gradient("linear", "weight gradient", dw, dy, view_shape(&w->view)));
    return check_gradient("linear", "bias gradient", db, dy, socle_shape1(w->view.dim[0]));
}

/* ---- convolution ---- */

static socle_status check_conv_size(const socle_conv *p, socle_shape x, socle_shape w, int axis, int64_t *size)
{
    int64_t kernel = p->dilation[axis] * (w.dim[2 + axis] - 1) + 1, image = x.dim[2 + axis];
    int64_t room = image + 2 * (int64_t)p->pad[axis] - kernel;
    SOCLE_CHECK(room >= 0, SOCLE_ERR_SHAPE,
                "conv2d: a kernel spanning %lld pixels does not fit input %s with padding %d", (long long)kernel,
                shape_text(x).text, p->pad[axis]);
    *size = room / p->stride[axis] + 1;
    return SOCLE_OK;
}

static socle_status check_conv_options(const socle_conv *p)
{
    for (int i = 0; i < 2; i++)
        SOCLE_CHECK(p->stride[i] >= 1 && p->dilation[i] >= 1 && p->pad[i] >= 0, SOCLE_ERR_ARG,
                    "conv2d: stride %d, padding %d, dilation %d", p->stride[i], p->pad[i], p->dilation[i]);
    SOCLE_CHECK(p->groups >= 1, SOCLE_ERR_ARG, "conv2d: %d groups", p->groups);
    return SOCLE_OK;
}

/* x (N, C, H, W) and w (K, C/groups, R, S) agree; *out is the result's shape (N, K, Ho, Wo). */
static socle_status check_conv(const socle_conv *p, const socle_tensor *x, const socle_tensor *w, socle_shape *out)
{
    SOCLE_TRY(check_conv_options(p));
    SOCLE_TRY(validate_ndim("conv2d", "input", x, 4));
    SOCLE_TRY(validate_ndim("conv2d", "weight", w, 4));
    socle_shape sx = view_shape(&x->view), sw = view_shape(&w->view);
    SOCLE_CHECK(sx.dim[1] == sw.dim[1] * p->groups, SOCLE_ERR_SHAPE,
                "conv2d: input has %lld channels, weight expects %lld", (long long)sx.dim[1],
                (long long)(sw.dim[1] * p->groups));
    SOCLE_CHECK(sw.dim[0] % p->groups == 0, SOCLE_ERR_SHAPE,
                "conv2d: weight makes %lld channels, not %d equal groups", (long long)sw.dim[0], p->groups);
    bool hollow = sx.dim[1] == 0 || sx.dim[2] == 0 || sx.dim[3] == 0 || sw.dim[2] == 0 || sw.dim[3] == 0;
    SOCLE_CHECK(!hollow, SOCLE_ERR_SHAPE, "conv2d: input %s or weight %s has no pixels", shape_text(sx).text,
                shape_text(sw).text);
    int64_t ho = 0, wo = 0;
    SOCLE_TRY(check_conv_size(p, sx, sw, 0, &ho));
    SOCLE_TRY(check_conv_size(p, sx, sw, 1, &wo));
    SOCLE_CHECK(sw.dim[2] <= INT_MAX && sw.dim[3] <= INT_MAX && ho <= INT_MAX && wo <= INT_MAX, SOCLE_ERR_SHAPE,
                "conv2d: a result of %lld by %lld pixels is too large", (long long)ho, (long long)wo);
    *out = socle_shape4(sx.dim[0], sw.dim[0], ho, wo);
    return SOCLE_OK;
}

socle_status validate_conv(const socle_conv *p, socle_epilogue e, const socle_tensor *y, const socle_tensor *x,
                           const socle_tensor *w, const socle_tensor *bias)
{
    socle_shape s;
    SOCLE_TRY(validate_result("conv2d", y, TYPE_REAL));
    SOCLE_TRY(check_kept("conv2d", e, y, y));
    SOCLE_TRY(validate_operand("conv2d", "input", x, y, TYPE_REAL));
    SOCLE_TRY(validate_operand("conv2d", "weight", w, y, TYPE_REAL));
    SOCLE_TRY(check_conv(p, x, w, &s));
    SOCLE_TRY(check_bias("conv2d", bias, y, w->view.dim[0]));
    return validate_shape("conv2d", "result", y, s);
}

socle_status validate_conv_grad(const socle_conv *p, socle_epilogue e, const socle_tensor *dx,
                                const socle_tensor *dw, const socle_tensor *db, const socle_tensor *dy,
                                const socle_tensor *x, const socle_tensor *w, const socle_tensor *y)
{
    socle_shape s;
    const socle_tensor *first = first_of(dx, dw, db);
    SOCLE_TRY(validate_result("conv2d", first, TYPE_REAL));
    SOCLE_TRY(validate_operand("conv2d", "gradient", dy, first, TYPE_REAL));
    SOCLE_TRY(validate_operand("conv2d", "input", x, first, TYPE_REAL));
    SOCLE_TRY(validate_operand("conv2d", "weight", w, first, TYPE_REAL));
    SOCLE_TRY(check_conv(p, x, w, &s));
    SOCLE_TRY(validate_shape("conv2d", "gradient", dy, s));
    SOCLE_TRY(check_kept("conv2d", e, y, dy));
    SOCLE_TRY(check_gradient("conv2d", "input gradient", dx, dy, view_shape(&x->view)));
    SOCLE_TRY(check_gradient("conv2d", "weight gradient", dw, dy, view_shape(&w->view)));
    return check_gradient("conv2d", "bias gradient", db, dy, socle_shape1(w->view.dim[0]));
}

/* ---- pooling ---- */

/* Every window covers a pixel: padding is at most half of it, and the last one starts inside the image. */
static socle_status check_windows(const socle_pool *p, socle_shape x, socle_shape y, int axis)
{
    int64_t image = x.dim[2 + axis], windows = y.dim[2 + axis];
    SOCLE_CHECK(image > 0 && windows > 0, SOCLE_ERR_SHAPE, "pool2d: input %s to result %s has no pixels",
                shape_text(x).text, shape_text(y).text);
    if (p->adaptive)
        return SOCLE_OK;
    int size = p->size[axis], stride = p->stride[axis], pad = p->pad[axis];
    SOCLE_CHECK(size >= 1 && stride >= 1 && pad >= 0, SOCLE_ERR_ARG, "pool2d: size %d, stride %d, padding %d", size,
                stride, pad);
    SOCLE_CHECK(pad <= size / 2, SOCLE_ERR_ARG, "pool2d: padding %d is more than half of window %d", pad, size);
    SOCLE_CHECK((windows - 1) * stride - pad < image, SOCLE_ERR_SHAPE,
                "pool2d: window %lld of result %s starts outside input %s", (long long)windows, shape_text(y).text,
                shape_text(x).text);
    return SOCLE_OK;
}

/* x (N, C, H, W), y (N, C, Ho, Wo); index, where it is there, has y's shape. */
static socle_status check_pool(const socle_pool *p, const socle_tensor *x, const socle_tensor *y,
                               const socle_tensor *index)
{
    SOCLE_TRY(validate_ndim("pool2d", "input", x, 4));
    SOCLE_TRY(validate_ndim("pool2d", "result", y, 4));
    socle_shape sx = view_shape(&x->view), sy = view_shape(&y->view);
    SOCLE_CHECK(sx.dim[0] == sy.dim[0] && sx.dim[1] == sy.dim[1], SOCLE_ERR_SHAPE,
                "pool2d: input %s and result %s differ in images or channels", shape_text(sx).text,
                shape_text(sy).text);
    SOCLE_TRY(check_windows(p, sx, sy, 0));
    SOCLE_TRY(check_windows(p, sx, sy, 1));
    SOCLE_CHECK(!p->max || sx.dim[2] <= INT32_MAX / sx.dim[3], SOCLE_ERR_SHAPE,
                "pool2d: input %s has pixels without a 32-bit index", shape_text(sx).text);
    SOCLE_CHECK(p->max || !index, SOCLE_ERR_ARG, "pool2d: an average has no winner's index");
    return index ? validate_shape("pool2d", "index", index, sy) : SOCLE_OK;
}

socle_status validate_pool(const socle_pool *p, const socle_tensor *y, const socle_tensor *index,
                           const socle_tensor *x)
{
    SOCLE_TRY(validate_result("pool2d", y, TYPE_REAL));
    SOCLE_TRY(validate_operand("pool2d", "input", x, y, TYPE_REAL));
    if (index)
        SOCLE_TRY(validate_output("pool2d", "index", index, y, TYPE_INDEX));
    return check_pool(p, x, y, index);
}

socle_status validate_pool_grad(const socle_pool *p, const socle_tensor *dx, const socle_tensor *dy,
                                const socle_tensor *index)
{
    SOCLE_TRY(validate_result("pool2d", dx, TYPE_REAL));
    SOCLE_TRY(validate_operand("pool2d", "gradient", dy, dx, TYPE_REAL));
    if (p->max)
        SOCLE_TRY(validate_operand("pool2d", "index", index, dx, TYPE_INDEX));
    return check_pool(p, dx, dy, index);
}

/* ---- optimizer steps ---- */

static socle_status check_step(const char *what, const socle_tensor *p, const socle_tensor *g,
                               const socle_tensor *home)
{
    SOCLE_TRY(validate_result(what, p, TYPE_REAL));
    SOCLE_TRY(validate_operand(what, "parameter", p, home, TYPE_REAL));
    SOCLE_TRY(validate_operand(what, "gradient", g, home, TYPE_REAL));
    return validate_shape(what, "gradient", g, view_shape(&p->view));
}

/* What is remembered of p from step to step. */
static socle_status check_memory(const char *what, const char *name, const socle_tensor *m, const socle_tensor *p,
                                 const socle_tensor *home)
{
    SOCLE_TRY(validate_operand(what, name, m, home, TYPE_REAL));
    SOCLE_TRY(validate_output(what, name, m, home, TYPE_REAL));
    return validate_shape(what, name, m, view_shape(&p->view));
}

static socle_status check_list(const char *what, const char *name, size_t n, socle_tensor *const *list)
{
    SOCLE_CHECK(n == 0 || list, SOCLE_ERR_ARG, "%s: the list of %s is missing", what, name);
    return SOCLE_OK;
}

/* m, v: NULL where the step has none. */
static socle_status check_averages(const char *what, size_t n, socle_tensor *const *p, socle_tensor *const *g,
                                   socle_tensor *const *m, socle_tensor *const *v)
{
    SOCLE_TRY(check_list(what, "parameters", n, p));
    SOCLE_TRY(check_list(what, "gradients", n, g));
    for (size_t i = 0; i < n; i++) {
        SOCLE_TRY(check_step(what, p[i], g[i], p[0]));
        if (m)
            SOCLE_TRY(check_memory(what, "average", m[i], p[i], p[0]));
        if (v)
            SOCLE_TRY(check_memory(what, "average of squares", v[i], p[i], p[0]));
    }
    return SOCLE_OK;
}

socle_status validate_sgd_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                               const socle_sgd_args *a)
{
    SOCLE_CHECK(a, SOCLE_ERR_ARG, "sgd: the hyperparameters are missing");
    SOCLE_TRY(check_list("sgd", "parameters", n, p));
    SOCLE_TRY(check_list("sgd", "gradients", n, g));
    for (size_t i = 0; i < n; i++) {
        SOCLE_TRY(check_step("sgd", p[i], g[i], p[0]));
        if (m)
            SOCLE_TRY(check_memory("sgd", "momentum", m[i], p[i], p[0]));
    }
    return SOCLE_OK;
}

socle_status validate_adam_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                socle_tensor *const *v, const socle_adam_args *a)
{
    SOCLE_CHECK(a, SOCLE_ERR_ARG, "adam: the hyperparameters are missing");
    SOCLE_CHECK(a->kind >= SOCLE_ADAM_SCALED && a->kind <= SOCLE_ADAM_SIGN, SOCLE_ERR_ARG,
                "adam: there is no step of kind %d", (int)a->kind);
    SOCLE_CHECK(m || a->kind == SOCLE_ADAM_RMS, SOCLE_ERR_ARG, "adam: the averages of gradients are missing");
    SOCLE_CHECK(!v == (a->kind == SOCLE_ADAM_SIGN), SOCLE_ERR_ARG, "adam: averages of squares are %s",
                v ? "given, the step has none" : "missing");
    return check_averages("adam", n, p, g, m, v);
}

socle_status validate_lamb_many(size_t n, socle_tensor *const *p, socle_tensor *const *g, socle_tensor *const *m,
                                socle_tensor *const *v, const socle_lamb_args *a)
{
    SOCLE_CHECK(a, SOCLE_ERR_ARG, "lamb: the hyperparameters are missing");
    SOCLE_CHECK(m && v, SOCLE_ERR_ARG, "lamb: the averages of %s are missing", m ? "squares" : "gradients");
    return check_averages("lamb", n, p, g, m, v);
}

/* ---- lists of tensors ---- */

socle_status validate_clip_many(size_t n, socle_tensor *const *g, const socle_tensor *norm, float limit)
{
    SOCLE_TRY(validate_result("clip", norm, TYPE_REAL));
    SOCLE_CHECK(limit > 0 && limit <= FLT_MAX, SOCLE_ERR_ARG, "clip: a limit of %g", (double)limit);
    SOCLE_CHECK(shape_numel(view_shape(&norm->view)) == 1, SOCLE_ERR_SHAPE,
                "clip: the length has shape %s, expected one element", shape_text(view_shape(&norm->view)).text);
    SOCLE_TRY(check_list("clip", "gradients", n, g));
    for (size_t i = 0; i < n; i++)
        SOCLE_TRY(validate_output("clip", "gradient", g[i], norm, TYPE_REAL));
    return SOCLE_OK;
}

socle_status validate_axpby_many(size_t n, socle_tensor *const *y, socle_tensor *const *x)
{
    SOCLE_TRY(check_list("axpby", "results", n, y));
    SOCLE_TRY(check_list("axpby", "inputs", n, x));
    for (size_t i = 0; i < n; i++) {
        SOCLE_TRY(validate_axpby(y[i], x[i]));
        SOCLE_TRY(validate_operand("axpby", "result", y[i], y[0], TYPE_REAL));
    }
    return SOCLE_OK;
}

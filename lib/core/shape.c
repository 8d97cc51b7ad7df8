/* Types and shapes as values: sizes, broadcasting, axes, text. */
#include "shape.h"

#include <inttypes.h>
#include <stdio.h>
#include "error.h"

size_t socle_dtype_size(socle_dtype t)
{
    switch (t) {
    case SOCLE_F32:
    case SOCLE_I32:
        return 4;
    case SOCLE_F16:
        return 2;
    case SOCLE_F64:
        return 8;
    case SOCLE_U8:
        return 1;
    }
    return 0;
}

const char *socle_dtype_name(socle_dtype t)
{
    switch (t) {
    case SOCLE_F32:
        return "f32";
    case SOCLE_F16:
        return "f16";
    case SOCLE_F64:
        return "f64";
    case SOCLE_I32:
        return "i32";
    case SOCLE_U8:
        return "u8";
    }
    return "unknown type";
}

socle_shape socle_shape0(void)
{
    return (socle_shape){ 0 };
}

socle_shape socle_shape1(int64_t a)
{
    return (socle_shape){ 1, { a } };
}

socle_shape socle_shape2(int64_t a, int64_t b)
{
    return (socle_shape){ 2, { a, b } };
}

socle_shape socle_shape3(int64_t a, int64_t b, int64_t c)
{
    return (socle_shape){ 3, { a, b, c } };
}

socle_shape socle_shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (socle_shape){ 4, { a, b, c, d } };
}

bool socle_shape_equal(socle_shape a, socle_shape b)
{
    if (a.ndim != b.ndim)
        return false;
    for (int i = 0; i < a.ndim; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

shape_string shape_text(socle_shape s)
{
    shape_string out = { "(" };
    int n = 1;
    for (int i = 0; i < s.ndim && i < SOCLE_MAX_DIMS; i++)
        n += snprintf(out.text + n, sizeof out.text - (size_t)n, i == 0 ? "%" PRId64 : ", %" PRId64, s.dim[i]);
    snprintf(out.text + n, sizeof out.text - (size_t)n, ")");
    return out;
}

/* So many that neither bytes nor blocks of 16 images, however empty, can overflow. */
static const int64_t most_elements = INT64_MAX / (SOCLE_LANES * (int64_t)sizeof(double));

/* A zero anywhere makes the product 0, but the others must fit all the same: strides are made of them. */
socle_status shape_check(const char *what, socle_shape s, int64_t *numel)
{
    SOCLE_CHECK(s.ndim >= 0 && s.ndim <= SOCLE_MAX_DIMS, SOCLE_ERR_SHAPE, "%s: %d dimensions, 0 to %d are possible",
                what, (int)s.ndim, (int)SOCLE_MAX_DIMS);
    int64_t product = 1;
    bool empty = false;
    for (int i = 0; i < s.ndim; i++) {
        SOCLE_CHECK(s.dim[i] >= 0, SOCLE_ERR_SHAPE, "%s: shape %s has a negative size", what, shape_text(s).text);
        if (s.dim[i] == 0) {
            empty = true;
            continue;
        }
        SOCLE_CHECK(product <= most_elements / s.dim[i], SOCLE_ERR_SHAPE, "%s: shape %s has too many elements",
                    what, shape_text(s).text);
        product *= s.dim[i];
    }
    *numel = empty ? 0 : product;
    return SOCLE_OK;
}

int64_t shape_numel(socle_shape s)
{
    int64_t product = 1;
    for (int i = 0; i < s.ndim; i++)
        product *= s.dim[i];
    return product;
}

socle_status shape_broadcast(const char *what, socle_shape a, socle_shape b, socle_shape *out)
{
    socle_shape s = { .ndim = a.ndim > b.ndim ? a.ndim : b.ndim };
    for (int i = 1; i <= s.ndim; i++) { /* from the right */
        int64_t p = i <= a.ndim ? a.dim[a.ndim - i] : 1;
        int64_t q = i <= b.ndim ? b.dim[b.ndim - i] : 1;
        SOCLE_CHECK(p == q || p == 1 || q == 1, SOCLE_ERR_SHAPE, "%s: shapes %s and %s do not broadcast", what,
                    shape_text(a).text, shape_text(b).text);
        s.dim[s.ndim - i] = p == 1 ? q : p;
    }
    *out = s;
    return SOCLE_OK;
}

socle_status shape_axis(const char *what, socle_shape s, int axis, int *out)
{
    SOCLE_CHECK(axis >= -s.ndim && axis < s.ndim, SOCLE_ERR_ARG, "%s: axis %d of shape %s, which has %d", what,
                axis, shape_text(s).text, (int)s.ndim);
    *out = axis < 0 ? axis + s.ndim : axis;
    return SOCLE_OK;
}

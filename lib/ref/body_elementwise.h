/* fill, copy, unary, binary, where, axpby, add_relu: one element at a time, each operation rounded to `real`. The expressions
 * come from sys/unary.def and sys/binary.def, whose x, y, a, b and c are the locals here. */

static socle_status fill(void *self, socle_out y, double value)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        store(y, i, value);
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status copy(void *self, socle_out y, socle_in x)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        store(y, i, load(x, i));
    } while (next(y, i));
    return SOCLE_OK;
}

static real unary_value(socle_unary op, real x, real a, real b, real c)
{
    switch (op) {
#define U(name, value, derivative, keep)                                                                           \
    case SOCLE_UNARY_##name:                                                                                       \
        return value;
#include <socle/sys/unary.def>
#undef U
    case SOCLE_UNARY_COUNT:
        break;
    }
    return x;
}

static real unary_slope(socle_unary op, real x, real y, real a, real b, real c)
{
    switch (op) {
#define U(name, value, derivative, keep)                                                                           \
    case SOCLE_UNARY_##name:                                                                                       \
        return derivative;
#include <socle/sys/unary.def>
#undef U
    case SOCLE_UNARY_COUNT:
        break;
    }
    return x;
}

static socle_status unary(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        store(y, i, unary_value(op, (real)load(x, i), a, b, c));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status unary_grad(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y,
                               float a, float b, float c)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real slope = unary_slope(op, x ? (real)load(x, i) : 0, y ? (real)load(y, i) : 0, a, b, c);
        store(dx, i, (real)load(dy, i) * slope);
    } while (next(dx, i));
    return SOCLE_OK;
}

static real binary_value(socle_binary op, real a, real b)
{
    switch (op) {
#define B(name, value, da, db, keep)                                                                               \
    case SOCLE_BINARY_##name:                                                                                      \
        return value;
#define C(name, value)
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        return a;
    }
}

/* In double whatever the operands' type: no value changes on the way there. */
static bool binary_holds(socle_binary op, double a, double b)
{
    switch (op) {
#define B(name, value, da, db, keep)
#define C(name, value)                                                                                             \
    case SOCLE_BINARY_##name:                                                                                      \
        return value;
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        return false;
    }
}

static bool is_comparison(socle_binary op)
{
    switch (op) {
#define B(name, value, da, db, keep)
#define C(name, value) case SOCLE_BINARY_##name:
#include <socle/sys/binary.def>
#undef B
#undef C
        return true;
    default:
        return false;
    }
}

static real binary_slope(socle_binary op, int side, real a, real b)
{
    switch (op) {
#define B(name, value, da, db, keep)                                                                               \
    case SOCLE_BINARY_##name:                                                                                      \
        return side == 0 ? (real)(da) : (real)(db);
#define C(name, value)
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        return 0;
    }
}

static socle_status binary(void *self, socle_binary op, socle_out y, socle_in a, socle_in b)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    bool compares = is_comparison(op);
    do {
        double u = load(a, i), v = load(b, i);
        store(y, i, compares ? binary_holds(op, u, v) : (double)binary_value(op, (real)u, (real)v));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status binary_grad(void *self, socle_binary op, int side, socle_out d, socle_in dy, socle_in a,
                                socle_in b)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real slope = binary_slope(op, side, (real)load(a, i), (real)load(b, i));
        store(d, i, (real)load(dy, i) * slope);
    } while (next(d, i));
    return SOCLE_OK;
}

static socle_status where(void *self, socle_out y, socle_in cond, socle_in a, socle_in b)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        store(y, i, load(load(cond, i) != 0 ? a : b, i));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status axpby(void *self, socle_out y, float a, socle_in x, float b)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real ax = (real)a * (real)load(x, i);
        store(y, i, b == 0 ? ax : ax + (real)b * (real)load(y, i));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status add_relu(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                             float max)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real sum = (real)load(a, i) + (real)load(b, i);
        store(y, i, unary_value(op, sum, leak, sub, max));
    } while (next(y, i));
    return SOCLE_OK;
}

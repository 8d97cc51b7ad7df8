/* Kernels of kernels_elementwise.h. The expressions come from sys/unary.def and sys/binary.def, whose x, y, a,
 * b and c are the locals here; `op` is a constant wherever a loop is made, so each line of the lists becomes one
 * vectorised loop. */
#include "kernels_elementwise.h"
#include "loop.h"
#include "math.h"

#define R(number) ((float)(number))
#define R_ABS     __builtin_fabsf
#define R_EXP     math_exp
#define R_LOG     math_log
#define R_SQRT    __builtin_sqrtf
#define R_TANH    math_tanh
#define R_CDF     math_cdf

/* ---- one element ---- */

INLINE float unary_value(socle_unary op, float x, float a, float b, float c)
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
    (void)a, (void)b, (void)c;
    return x;
}

INLINE float unary_slope(socle_unary op, float x, float y, float a, float b, float c)
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
    (void)y, (void)a, (void)b, (void)c;
    return x;
}

INLINE float binary_value(socle_binary op, float a, float b)
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

INLINE float binary_slope(socle_binary op, int side, float a, float b)
{
    switch (op) {
#define B(name, value, da, db, keep)                                                                               \
    case SOCLE_BINARY_##name:                                                                                      \
        return side == 0 ? (da) : (db);
#define C(name, value)
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        return a;
    }
}

INLINE bool holds_f32(socle_binary op, float a, float b)
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

INLINE bool holds_i32(socle_binary op, int32_t a, int32_t b)
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

/* ---- rows ---- */

INLINE void unary_row(socle_unary op, int64_t n, float *y, int64_t sy, const float *x, int64_t sx, float a, float b,
                      float c)
{
    float in[TILE], out[TILE];
    int64_t tile = sy == 1 && sx == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *u = row_in(x, sx, from, m, in);
        float *v = row_out_at(y, sy, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++)
            v[i] = unary_value(op, u[i], a, b, c);
        row_out(y, sy, from, m, out);
    }
}

static void elementwise_unary(socle_unary op, int64_t n, float *y, int64_t sy, const float *x, int64_t sx, float a,
                              float b, float c)
{
    switch (op) {
#define U(name, value, derivative, keep)                                                                           \
    case SOCLE_UNARY_##name:                                                                                       \
        unary_row(SOCLE_UNARY_##name, n, y, sy, x, sx, a, b, c);                                                   \
        break;
#include <socle/sys/unary.def>
#undef U
    case SOCLE_UNARY_COUNT:
        break;
    }
}

INLINE void unary_grad_row(socle_unary op, int64_t n, float *dx, int64_t sdx, const float *dy, int64_t sdy,
                           const float *k, int64_t sk, float a, float b, float c)
{
    float in[TILE], kept[TILE], out[TILE];
    int64_t tile = sdx == 1 && sdy == 1 && sk == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *g = row_in(dy, sdy, from, m, in), *u = row_in(k, sk, from, m, kept);
        float *v = row_out_at(dx, sdx, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++)
            v[i] = g[i] * unary_slope(op, u[i], u[i], a, b, c);
        row_out(dx, sdx, from, m, out);
    }
}

static void elementwise_unary_grad(socle_unary op, int64_t n, float *dx, int64_t sdx, const float *dy, int64_t sdy,
                                   const float *k, int64_t sk, float a, float b, float c)
{
    switch (op) {
#define U(name, value, derivative, keep)                                                                           \
    case SOCLE_UNARY_##name:                                                                                       \
        unary_grad_row(SOCLE_UNARY_##name, n, dx, sdx, dy, sdy, k, sk, a, b, c);                                   \
        break;
#include <socle/sys/unary.def>
#undef U
    case SOCLE_UNARY_COUNT:
        break;
    }
}

INLINE void binary_row(socle_binary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa, const float *b,
                       int64_t sb)
{
    float left[TILE], right[TILE], out[TILE];
    int64_t tile = sy == 1 && sa == 1 && sb == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *p = row_in(a, sa, from, m, left), *q = row_in(b, sb, from, m, right);
        float *v = row_out_at(y, sy, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++)
            v[i] = binary_value(op, p[i], q[i]);
        row_out(y, sy, from, m, out);
    }
}

static void elementwise_binary(socle_binary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa,
                               const float *b, int64_t sb)
{
    switch (op) {
#define B(name, value, da, db, keep)                                                                               \
    case SOCLE_BINARY_##name:                                                                                      \
        binary_row(SOCLE_BINARY_##name, n, y, sy, a, sa, b, sb);                                                   \
        break;
#define C(name, value)
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        break;
    }
}

INLINE void binary_grad_row(socle_binary op, int side, int64_t n, float *d, int64_t sd, const float *dy,
                            int64_t sdy, const float *a, int64_t sa, const float *b, int64_t sb)
{
    float in[TILE], left[TILE], right[TILE], out[TILE];
    int64_t tile = sd == 1 && sdy == 1 && sa == 1 && sb == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *g = row_in(dy, sdy, from, m, in);
        const float *p = row_in(a, sa, from, m, left), *q = row_in(b, sb, from, m, right);
        float *v = row_out_at(d, sd, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++)
            v[i] = g[i] * binary_slope(op, side, p[i], q[i]);
        row_out(d, sd, from, m, out);
    }
}

static void elementwise_binary_grad(socle_binary op, int side, int64_t n, float *d, int64_t sd, const float *dy,
                                    int64_t sdy, const float *a, int64_t sa, const float *b, int64_t sb)
{
    switch (op) {
#define B(name, value, da, db, keep)                                                                               \
    case SOCLE_BINARY_##name:                                                                                      \
        if (side == 0)                                                                                             \
            binary_grad_row(SOCLE_BINARY_##name, 0, n, d, sd, dy, sdy, a, sa, b, sb);                              \
        else                                                                                                       \
            binary_grad_row(SOCLE_BINARY_##name, 1, n, d, sd, dy, sdy, a, sa, b, sb);                              \
        break;
#define C(name, value)
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        break;
    }
}

/* ---- comparisons ---- */

INLINE void compare_f32_row(socle_binary op, int64_t n, uint8_t *y, int64_t sy, const float *a, int64_t sa,
                            const float *b, int64_t sb)
{
    float left[TILE], right[TILE];
    uint8_t out[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t m = tile_at(from, n, TILE);
        const float *p = row_in(a, sa, from, m, left), *q = row_in(b, sb, from, m, right);
        for (int64_t i = 0; i < m; i++)
            out[i] = holds_f32(op, p[i], q[i]);
        for (int64_t i = 0; i < m; i++)
            y[(from + i) * sy] = out[i];
    }
}

/* Integers of either size, as I32. */
INLINE void compare_i32_row(socle_binary op, bool bytes, int64_t n, uint8_t *y, int64_t sy, const void *a,
                            int64_t sa, const void *b, int64_t sb)
{
    int32_t left[TILE], right[TILE];
    uint8_t out[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t m = tile_at(from, n, TILE);
        for (int64_t i = 0; i < m; i++) {
            int64_t p = (from + i) * sa, q = (from + i) * sb;
            left[i] = bytes ? ((const uint8_t *)a)[p] : ((const int32_t *)a)[p];
            right[i] = bytes ? ((const uint8_t *)b)[q] : ((const int32_t *)b)[q];
        }
        for (int64_t i = 0; i < m; i++)
            out[i] = holds_i32(op, left[i], right[i]);
        for (int64_t i = 0; i < m; i++)
            y[(from + i) * sy] = out[i];
    }
}

static void elementwise_compare(socle_binary op, cpu_type type, int64_t n, uint8_t *y, int64_t sy, const void *a,
                                int64_t sa, const void *b, int64_t sb)
{
    switch (op) {
#define B(name, value, da, db, keep)
#define C(name, value)                                                                                             \
    case SOCLE_BINARY_##name:                                                                                      \
        if (type == CPU_TYPE_F32)                                                                                  \
            compare_f32_row(SOCLE_BINARY_##name, n, y, sy, a, sa, b, sb);                                          \
        else                                                                                                       \
            compare_i32_row(SOCLE_BINARY_##name, type == CPU_TYPE_U8, n, y, sy, a, sa, b, sb);                     \
        break;
#include <socle/sys/binary.def>
#undef B
#undef C
    default:
        break;
    }
}

/* ---- selection, sums ---- */

static void elementwise_where(int bytes, int64_t n, void *y, int64_t sy, const uint8_t *cond, int64_t sc,
                              const void *a, int64_t sa, const void *b, int64_t sb)
{
    if (bytes == 1) {
        uint8_t *v = y;
        const uint8_t *p = a, *q = b;
        for (int64_t i = 0; i < n; i++)
            v[i * sy] = cond[i * sc] ? p[i * sa] : q[i * sb];
        return;
    }
    int32_t left[TILE], right[TILE], out[TILE];
    uint8_t chosen[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t m = tile_at(from, n, TILE);
        const int32_t *p = row_in_i32(a, sa, from, m, left), *q = row_in_i32(b, sb, from, m, right);
        const uint8_t *c = row_in_u8(cond, sc, from, m, chosen);
        int32_t *v = sy == 1 ? (int32_t *)y + from : out;
        INDEPENDENT
        for (int64_t i = 0; i < m; i++) {
            int32_t yes = p[i], no = q[i];
            v[i] = c[i] ? yes : no;
        }
        row_out_i32(y, sy, from, m, out);
    }
}

static void elementwise_axpby(int64_t n, float *y, int64_t sy, const float *x, int64_t sx, float a, float b)
{
    float in[TILE], old[TILE], out[TILE];
    int64_t tile = sy == 1 && sx == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *u = row_in(x, sx, from, m, in);
        float *v = row_out_at(y, sy, from, out);
        if (b == 0.0f) {
            INDEPENDENT
            for (int64_t i = 0; i < m; i++)
                v[i] = a * u[i];
        } else {
            const float *w = row_in(y, sy, from, m, old);
            INDEPENDENT
            for (int64_t i = 0; i < m; i++)
                v[i] = a * u[i] + b * w[i];
        }
        row_out(y, sy, from, m, out);
    }
}

INLINE void add_relu_row(socle_unary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa,
                         const float *b, int64_t sb, float leak, float sub, float max)
{
    float left[TILE], right[TILE], out[TILE];
    int64_t tile = sy == 1 && sa == 1 && sb == 1 ? n : TILE;
    for (int64_t from = 0; from < n; from += tile) {
        int64_t m = tile_at(from, n, tile);
        const float *p = row_in(a, sa, from, m, left), *q = row_in(b, sb, from, m, right);
        float *v = row_out_at(y, sy, from, out);
        INDEPENDENT
        for (int64_t i = 0; i < m; i++)
            v[i] = unary_value(op, p[i] + q[i], leak, sub, max);
        row_out(y, sy, from, m, out);
    }
}

static void elementwise_add_relu(socle_unary op, int64_t n, float *y, int64_t sy, const float *a, int64_t sa,
                                 const float *b, int64_t sb, float leak, float sub, float max)
{
    if (op == SOCLE_UNARY_relu)
        add_relu_row(SOCLE_UNARY_relu, n, y, sy, a, sa, b, sb, leak, sub, max);
    else
        add_relu_row(SOCLE_UNARY_monotone_relu, n, y, sy, a, sa, b, sb, leak, sub, max);
}

/* ---- fill, copy ---- */

static void elementwise_fill(int bytes, int64_t n, void *y, int64_t sy, uint32_t pattern)
{
    if (bytes == 1) {
        uint8_t *v = y;
        for (int64_t i = 0; i < n; i++)
            v[i * sy] = (uint8_t)pattern;
        return;
    }
    int32_t *v = y, value = (int32_t)pattern;
    if (sy == 1)
        for (int64_t i = 0; i < n; i++)
            v[i] = value;
    else
        for (int64_t i = 0; i < n; i++)
            v[i * sy] = value;
}

/* Towards 0, saturating, NaN to 0. The largest float below 2^31 bounds what the conversion may see. */
INLINE int32_t i32_of_f32(float x)
{
    float cut = x > 2147483520.0f ? 2147483520.0f : x;
    cut = cut >= -2147483648.0f ? cut : -2147483648.0f;
    int32_t v = (int32_t)(x == x ? cut : 0.0f);
    return x >= 2147483648.0f ? INT32_MAX : v;
}

INLINE uint8_t u8_of_f32(float x)
{
    float cut = x > 255.0f ? 255.0f : x;
    return (uint8_t)(int32_t)(cut > 0.0f ? cut : 0.0f);
}

INLINE uint8_t u8_of_i32(int32_t x)
{
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* Rows of unit stride. */
static void convert_row(cpu_type to, cpu_type from, int64_t n, void *y, const void *x)
{
    if (to == CPU_TYPE_U8) {
        uint8_t *v = y;
        if (from == CPU_TYPE_F32)
            for (int64_t i = 0; i < n; i++)
                v[i] = u8_of_f32(((const float *)x)[i]);
        else
            for (int64_t i = 0; i < n; i++)
                v[i] = u8_of_i32(((const int32_t *)x)[i]);
    } else if (to == CPU_TYPE_I32) {
        int32_t *v = y;
        if (from == CPU_TYPE_F32)
            for (int64_t i = 0; i < n; i++)
                v[i] = i32_of_f32(((const float *)x)[i]);
        else
            for (int64_t i = 0; i < n; i++)
                v[i] = ((const uint8_t *)x)[i];
    } else {
        float *v = y;
        if (from == CPU_TYPE_I32)
            for (int64_t i = 0; i < n; i++)
                v[i] = (float)((const int32_t *)x)[i];
        else
            for (int64_t i = 0; i < n; i++)
                v[i] = (float)((const uint8_t *)x)[i];
    }
}

static void elementwise_copy(cpu_type to, cpu_type from, int64_t n, void *y, int64_t sy, const void *x, int64_t sx)
{
    size_t size = to == CPU_TYPE_U8 ? 1 : 4;
    if (to == from && sy == 1 && sx == 1) {
        memcpy(y, x, (size_t)n * size);
        return;
    }
    int32_t in[TILE], out[TILE];
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = tile_at(at, n, TILE);
        const void *u = from == CPU_TYPE_U8 ? (const void *)row_in_u8(x, sx, at, m, (uint8_t *)in)
                                            : (const void *)row_in_i32(x, sx, at, m, in);
        void *v = sy == 1 ? (uint8_t *)y + (size_t)at * size : (uint8_t *)out;
        if (to == from)
            memcpy(v, u, (size_t)m * size);
        else
            convert_row(to, from, m, v, u);
        if (to == CPU_TYPE_U8)
            row_out_u8(y, sy, at, m, (const uint8_t *)out);
        else
            row_out_i32(y, sy, at, m, out);
    }
}

#include "body_transpose.h"

static const struct cpu_elementwise_kernels elementwise_kernels = {
    .unary = elementwise_unary,
    .unary_grad = elementwise_unary_grad,
    .binary = elementwise_binary,
    .binary_grad = elementwise_binary_grad,
    .compare = elementwise_compare,
    .where = elementwise_where,
    .axpby = elementwise_axpby,
    .add_relu = elementwise_add_relu,
    .fill = elementwise_fill,
    .copy = elementwise_copy,
    .transpose = elementwise_transpose,
};

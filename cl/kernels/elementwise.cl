/* Elementwise primitives. Operand types and format are options: T, TX, OPERAND, FLAT (all operands dense, in one order: no
 * division). The function is an argument, the same for all work-items: to choose costs nothing next to the memory that is
 * read and written, while a program for each function costs its user a compilation for each.
 *
 * KERNEL_fill, ...: the one kernel that is wanted, since some drivers compile every kernel of a program. EACH_UNARY(F):
 * F(name) for every function of unary.def; EACH_BINARY(F, C): F for the arithmetic of binary.def, C for its comparisons.
 *
 * EACH(n) statement: the statement for every element of this work-item, which lies at at[v] in view v. That is one
 * element; but on processors, where finding a place costs as much as ten elements, RUN neighbours along the last dim. */
#ifdef FLAT
inline bool element(const loop *l, int n, index_t total, index_t *at)
{
    const index_t i = get_global_id(0);
    for (int v = 0; v < n; v++)
        at[v] = l->offset[v] + i;
    return i < total;
}
#    define EACH(n)                                                                                                  \
        index_t at[n];                                                                                               \
        if (element(&l, n, total, at))
#elif !defined(OCL_CPU)
inline bool element(const loop *l, int n, index_t total, index_t *at)
{
    const index_t i = get_global_id(0);
    return i < total && loop_at(l, n, i, at);
}
#    define EACH(n)                                                                                                  \
        index_t at[n];                                                                                               \
        if (element(&l, n, total, at))
#else
/* at = where the run begins; returns how long it is. A run along the lanes ends with the images. */
inline index_t run_of(const loop *l, int n, index_t total, index_t *at)
{
    const index_t width = l->dim[l->ndim - 1], pieces = (width + RUN - 1) / RUN, i = get_global_id(0);
    const index_t line = i / pieces, from = i % pieces * RUN;
    if (line >= total / width || !loop_at(l, n, line * width + from, at))
        return 0;
    const index_t length = min(width - from, (index_t)RUN);
    if (l->images == 0)
        return length;
    return min(length, l->images - line / (total / width / l->dim[0]) * 16 - from);
}
#    define EACH(n)                                                                                                  \
        index_t at[n];                                                                                               \
        const index_t run = run_of(&l, n, total, at), last = l.ndim - 1;                                             \
        for (index_t i = 0; i < run; i++, step(&l, n, last, at))
inline void step(const loop *l, int n, index_t last, index_t *at)
{
    for (int v = 0; v < n; v++)
        at[v] += l->stride[v][last];
}
#endif
#ifndef T
#    define T float
#endif
#ifndef TX
#    define TX float
#endif

#ifdef KERNEL_fill
__kernel void fill(loop l, index_t total, __global T *y, float value)
{
    EACH(1)
    {
        y[at[0]] = (T)value;
    }
}
#endif

#ifdef KERNEL_copy
__kernel void copy(loop l, index_t total, __global T *y, __global const T *x)
{
    EACH(2)
    {
        y[at[0]] = x[at[1]];
    }
}
#endif

#ifdef CONVERT
#ifdef FROM_FLOAT
#define CAST(v) (isnan(v) ? (T)0 : CONVERT(v))
#else
#define CAST(v) CONVERT(v)
#endif

/* NaN becomes 0. */
__kernel void cast(loop l, index_t total, __global T *y, __global const TX *x)
{
    EACH(2)
    {
        const TX v = x[at[1]];
        y[at[0]] = CAST(v);
    }
}
#endif

#define NUMBER(name)  NUMBER_##name,
#define NOTHING(name)

#if defined(KERNEL_unary) || defined(KERNEL_unary_grad)
enum { EACH_UNARY(NUMBER) };
#endif

#ifdef KERNEL_unary
inline real unary_of(int function, real x, real a, real b, real c)
{
#    undef CASE
#    define CASE(name)                                                                                               \
    case NUMBER_##name:                                                                                              \
        return unary_##name(x, a, b, c);
    switch (function) {
        EACH_UNARY(CASE)
    default:
        return x;
    }
}

__kernel void unary(loop l, index_t total, __global real *y, __global const real *x, int function, float a, float b,
                    float c)
{
    EACH(2)
    {
        y[at[0]] = unary_of(function, x[at[1]], a, b, c);
    }
}
#endif

#ifdef KERNEL_unary_grad
inline real slope_of(int function, real x, real y, real a, real b, real c)
{
#    undef CASE
#    define CASE(name)                                                                                               \
    case NUMBER_##name:                                                                                              \
        return unary_##name##_grad(x, y, a, b, c);
    switch (function) {
        EACH_UNARY(CASE)
    default:
        return x;
    }
}

/* x and y: dy's memory where the function does not need them. */
__kernel void unary_grad(loop l, index_t total, __global real *dx, __global const real *dy, __global const real *x,
                         __global const real *y, int function, float a, float b, float c)
{
    EACH(4)
    {
        dx[at[0]] = dy[at[1]] * slope_of(function, x[at[2]], y[at[3]], a, b, c);
    }
}
#endif

#if defined(KERNEL_binary) || defined(KERNEL_binary_grad) || defined(KERNEL_compare)
enum { EACH_BINARY(NUMBER, NUMBER) };
#endif

#ifdef KERNEL_binary
inline real binary_of(int function, real a, real b)
{
#    undef CASE
#    define CASE(name)                                                                                               \
    case NUMBER_##name:                                                                                              \
        return binary_##name(a, b);
    switch (function) {
        EACH_BINARY(CASE, NOTHING)
    default:
        return a;
    }
}

__kernel void binary(loop l, index_t total, __global real *y, __global const real *a, __global const real *b, int function)
{
    EACH(3)
    {
        y[at[0]] = binary_of(function, a[at[1]], b[at[2]]);
    }
}
#endif

#ifdef KERNEL_binary_grad
inline real slope_of(int function, int side, real a, real b)
{
#    undef CASE
#    define CASE(name)                                                                                               \
    case NUMBER_##name:                                                                                              \
        return side == 0 ? binary_##name##_grad0(a, b) : binary_##name##_grad1(a, b);
    switch (function) {
        EACH_BINARY(CASE, NOTHING)
    default:
        return a;
    }
}

__kernel void binary_grad(loop l, index_t total, __global real *d, __global const real *dy, __global const real *a,
                          __global const real *b, int function, int side)
{
    EACH(4)
    {
        d[at[0]] = dy[at[1]] * slope_of(function, side, a[at[2]], b[at[3]]);
    }
}
#endif

#ifdef KERNEL_compare
inline bool compare_of(int function, OPERAND a, OPERAND b)
{
#    undef CASE
#    define CASE(name)                                                                                               \
    case NUMBER_##name:                                                                                              \
        return compare_##name(a, b);
    switch (function) {
        EACH_BINARY(NOTHING, CASE)
    default:
        return false;
    }
}

__kernel void compare(loop l, index_t total, __global uchar *y, __global const OPERAND *a, __global const OPERAND *b,
                      int function)
{
    EACH(3)
    {
        y[at[0]] = compare_of(function, a[at[1]], b[at[2]]) ? 1 : 0;
    }
}
#endif

#ifdef KERNEL_where
__kernel void where(loop l, index_t total, __global T *y, __global const uchar *cond, __global const T *a,
                    __global const T *b)
{
    EACH(4)
    {
        y[at[0]] = cond[at[1]] ? a[at[2]] : b[at[3]];
    }
}
#endif

#ifdef KERNEL_axpby
__kernel void axpby(loop l, index_t total, __global real *y, __global const real *x, float a, float b)
{
    EACH(2)
    {
        if (b == 0)
            y[at[0]] = a * x[at[1]];
        else
            y[at[0]] = a * x[at[1]] + b * y[at[0]];
    }
}
#endif

#ifdef KERNEL_add_relu
/* general: monotone_relu with the parameters that follow; else relu, which has none. */
__kernel void add_relu(loop l, index_t total, __global real *y, __global const real *a, __global const real *b,
                       int general, float leak, float sub, float cut)
{
    EACH(3)
    {
        const real sum = a[at[1]] + b[at[2]];
        if (general)
            y[at[0]] = unary_monotone_relu(sum, leak, sub, cut);
        else
            y[at[0]] = unary_relu(sum, leak, sub, cut);
    }
}
#endif

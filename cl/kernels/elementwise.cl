/* Elementwise primitives. Function, operand types and format are options: UNARY, BINARY, ... (a function made from
 * unary.def or binary.def), T, TX, FLAT (all operands dense, in one order: no division).
 *
 * KERNEL_fill, ...: the one kernel that is wanted, since some drivers compile every kernel of a program.
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
/* NaN, which only a float can be, becomes 0. */
__kernel void cast(loop l, index_t total, __global T *y, __global const TX *x)
{
    EACH(2)
    {
        const TX v = x[at[1]];
        y[at[0]] = v == v ? CONVERT(v) : (T)0;
    }
}
#endif

#ifdef UNARY
__kernel void unary(loop l, index_t total, __global real *y, __global const real *x, float a, float b)
{
    EACH(2)
    {
        y[at[0]] = UNARY(x[at[1]], a, b);
    }
}
#endif

#ifdef UNARY_GRAD
/* x and y: dy's memory where the function does not need them. */
__kernel void unary_grad(loop l, index_t total, __global real *dx, __global const real *dy, __global const real *x,
                         __global const real *y, float a, float b)
{
    EACH(4)
    {
        dx[at[0]] = dy[at[1]] * UNARY_GRAD(x[at[2]], y[at[3]], a, b);
    }
}
#endif

#ifdef BINARY
__kernel void binary(loop l, index_t total, __global real *y, __global const real *a, __global const real *b)
{
    EACH(3)
    {
        y[at[0]] = BINARY(a[at[1]], b[at[2]]);
    }
}
#endif

#ifdef BINARY_GRAD
__kernel void binary_grad(loop l, index_t total, __global real *d, __global const real *dy, __global const real *a,
                          __global const real *b)
{
    EACH(4)
    {
        d[at[0]] = dy[at[1]] * BINARY_GRAD(a[at[2]], b[at[3]]);
    }
}
#endif

#ifdef COMPARE
__kernel void compare(loop l, index_t total, __global uchar *y, __global const OPERAND *a, __global const OPERAND *b)
{
    EACH(3)
    {
        y[at[0]] = COMPARE(a[at[1]], b[at[2]]) ? 1 : 0;
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

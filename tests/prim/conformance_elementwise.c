/* Conformance of fill, copy, unary, unary_grad, where, axpby. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/elementwise.h"

static const double pi_value = 3.14159265;

/* ---- fill and copy ---- */

static socle_status call_fill(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->fill(self, v[0], *(const double *)t->attr);
}

static socle_status prim_fill(socle_tensor *const *v, const trial *t)
{
    return socle_prim_fill(v[0], *(const double *)t->attr);
}

static const trial_slot fill_slot = { "fill", offsetof(socle_backend, fill), false, call_fill, prim_fill };

static void try_fill(session *s, const shape_row *row, socle_dtype dtype, double value)
{
    char words[64];
    trial t;
    trial_begin(&t, &fill_slot, &value, "%s %s", shape_words(case_shape(row), words), socle_dtype_name(dtype));
    t.flags = row->flags;
    trial_out(&t, "y", dtype, case_shape(row));
    trial_run(s, &t);
}

static socle_status call_copy(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    (void)t;
    return b->copy(self, v[0], v[1]);
}

static socle_status prim_copy(socle_tensor *const *v, const trial *t)
{
    (void)t;
    return socle_prim_copy(v[0], v[1]);
}

static const trial_slot copy_slot = { "copy", offsetof(socle_backend, copy), false, call_copy, prim_copy };

static void try_copy(session *s, const shape_row *row, uint32_t repeat, socle_dtype to, socle_dtype from)
{
    char words[64];
    trial t;
    trial_begin(&t, &copy_slot, NULL, "%s %s to %s repeat %u", shape_words(case_shape(row), words),
                socle_dtype_name(from), socle_dtype_name(to), repeat);
    t.flags = row->flags;
    t.mixes = 10; /* the slot is there to go from any format to any other */
    trial_out(&t, "y", to, case_shape(row))->exact = true;
    operand *x = trial_in(&t, "x", from, case_shape(row));
    operand_stored(x, repeat);
    if (from == TRIAL_REAL)
        operand_uniform(&t, x, -300, 300);
    else
        operand_whole(&t, x, from == SOCLE_U8 ? 0 : -300, from == SOCLE_U8 ? 255 : 300);
    trial_run(s, &t);
}

/* Out of the target's range, between integers, not numbers. */
static void try_conversions(session *s)
{
    static const double values[] = { 0,   -0.9, 0.9, 1.5,  -1.5,        254.9, 255,      255.5,     256,   -1,
                                     300, -3e9, 3e9, 1e20, 2147483520., -2e9,  INFINITY, -INFINITY, -1e-3, NAN };
    const shape_row row = { 1, { (int64_t)CASE_COUNT(values) }, 0 };
    static const socle_dtype to[] = { SOCLE_I32, SOCLE_U8 };
    for (size_t i = 0; i < CASE_COUNT(to); i++) {
        trial t;
        trial_begin(&t, &copy_slot, NULL, "real to %s, edges", socle_dtype_name(to[i]));
        trial_out(&t, "y", to[i], case_shape(&row));
        operand_values(trial_in(&t, "x", TRIAL_REAL, case_shape(&row)), values);
        trial_run(s, &t);
    }
}

static void try_fill_and_copy(session *s)
{
    static const socle_dtype types[] = { TRIAL_REAL, SOCLE_I32, SOCLE_U8 };
    static const double filling[] = { 0.1, -12345, 200 };
    for (size_t i = 0; i < CASE_COUNT(elementwise_shapes); i++) {
        const shape_row *row = &elementwise_shapes[i];
        if (!session_wants(s, row->flags))
            continue;
        for (size_t k = 0; k < CASE_COUNT(types); k++)
            try_fill(s, row, types[k], filling[k]);
        /* All nine pairs of types, one of them per shape, and the most common one always. */
        try_copy(s, row, 0, TRIAL_REAL, TRIAL_REAL);
        try_copy(s, row, 0, types[i % 3], types[i / 3 % 3]);
        try_copy(s, row, 0, types[(i + 1) % 3], types[i / 3 % 3]);
    }
    for (size_t i = 0; i < CASE_COUNT(broadcast_rows); i++) {
        const broadcast_row *row = &broadcast_rows[i];
        if (!session_wants(s, row->shape.flags))
            continue;
        try_copy(s, &row->shape, row->b, TRIAL_REAL, TRIAL_REAL);
        try_copy(s, &row->shape, row->b, types[i % 3], types[(i + 1) % 3]);
    }
    try_conversions(s);
}

/* ---- unary ---- */

static socle_status call_unary(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return b->unary(self, u->op, v[0], v[1], u->a, u->b, u->c);
}

static socle_status prim_unary(socle_tensor *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return socle_prim_unary(u->op, v[0], v[1], u->a, u->b, u->c);
}

static socle_status call_unary_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return b->unary_grad(self, u->op, v[0], v[1], v[2], v[3], u->a, u->b, u->c);
}

static socle_status prim_unary_grad(socle_tensor *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return socle_prim_unary_grad(u->op, v[0], v[1], v[2], v[3], u->a, u->b, u->c);
}

static const trial_slot unary_slot = { "unary", offsetof(socle_backend, unary), false, call_unary, prim_unary };
static const trial_slot unary_grad_slot = { "unary_grad", offsetof(socle_backend, unary_grad), false,
                                            call_unary_grad, prim_unary_grad };

/* values NULL: drawn from the row's domain. */
static void begin_unary(trial *t, const unary_row *u, socle_shape shape, unsigned flags, const double *values)
{
    char words[64];
    trial_begin(t, &unary_slot, u, "%s %s%s", socle_unary_name(u->op), shape_words(shape, words),
                values ? ", edges" : "");
    t->flags = flags;
    operand *y = trial_out(t, "y", TRIAL_REAL, shape);
    y->alias = 1u << 1;
    y->budget = u->budget;
    y->floor = u->floor;
    operand *x = trial_in(t, "x", TRIAL_REAL, shape);
    if (values)
        operand_values(x, values);
    else
        operand_uniform(t, x, u->lo, u->hi);
}

static void try_unary_grad(session *s, const unary_row *u, socle_shape shape, unsigned flags, const double *values)
{
    trial forward, t;
    begin_unary(&forward, u, shape, flags, values);
    if (!trial_expect(s, &forward)) {
        trial_run(s, &forward); /* reports what is wrong */
        return;
    }
    trial_begin(&t, &unary_grad_slot, u, "%s", forward.row);
    t.flags = flags;
    operand *dx = trial_out(&t, "dx", TRIAL_REAL, shape);
    dx->alias = 1u << 1;
    dx->floor = 1; /* |dy| <= 1, and 1 - y^2 cancels */
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, shape), -1, 1);
    socle_keep keep = socle_unary_keep(u->op);
    if (keep == SOCLE_KEEP_X)
        operand_values(trial_in(&t, "x", TRIAL_REAL, shape), forward.op[1].values);
    else
        trial_absent(&t, "x");
    if (keep == SOCLE_KEEP_Y)
        operand_values(trial_in(&t, "y", TRIAL_REAL, shape), operand_want(&forward, "y"));
    else
        trial_absent(&t, "y");
    trial_run(s, &t);
    trial_free(&forward);
}

/* The places where functions bend, overflow or stop being defined, and NaN among other lanes. */
static void try_edges(session *s, const unary_row *u)
{
    const double inf = INFINITY;
    const double edges[] = { 0,   -0.0, 1,   -1,   u->a, u->b,     -u->a, 1e-20, -1e-20, 20,   -20,   80,   -80,
                             100, -100, inf, -inf, NAN,  pi_value, 1e15,  -1e15, 0.5,    1e30, -1e30, u->c, NAN };
    socle_shape shape = socle_shape1((int64_t)CASE_COUNT(edges));
    trial t;
    begin_unary(&t, u, shape, 0, edges);
    trial_run(s, &t);
    const double bends[] = { 1,
                             u->a,
                             u->b,
                             2,
                             NAN,
                             0.5,
                             0.25,
                             1.75,
                             0.125,
                             3,
                             -u->a < u->lo ? 1 : -u->a,
                             u->lo < 0 ? 0 : 1,
                             u->lo < 0 ? -1 : 1,
                             NAN,
                             1.5,
                             1.25,
                             4 };
    try_unary_grad(s, u, socle_shape1((int64_t)CASE_COUNT(bends)), 0, bends);
}

static void try_unaries(session *s)
{
    for (int op = 0; op < SOCLE_UNARY_COUNT; op++) {
        unary_row u = unary_row_of((socle_unary)op);
        for (size_t i = 0; i < CASE_COUNT(elementwise_shapes); i++) {
            const shape_row *row = &elementwise_shapes[i];
            if (!session_wants(s, row->flags))
                continue;
            trial t;
            begin_unary(&t, &u, case_shape(row), row->flags, NULL);
            trial_run(s, &t);
            try_unary_grad(s, &u, case_shape(row), row->flags, NULL);
        }
        try_edges(s, &u);
    }
}

/* ---- where ---- */

static socle_status call_where(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    (void)t;
    return b->where(self, v[0], v[1], v[2], v[3]);
}

static socle_status prim_where(socle_tensor *const *v, const trial *t)
{
    (void)t;
    return socle_prim_where(v[0], v[1], v[2], v[3]);
}

static const trial_slot where_slot = { "where", offsetof(socle_backend, where), false, call_where, prim_where };

static void try_where(session *s, const shape_row *row, uint32_t repeat_cond, uint32_t repeat_b, socle_dtype dtype)
{
    char words[64];
    socle_shape shape = case_shape(row);
    trial t;
    trial_begin(&t, &where_slot, NULL, "%s %s repeat %u %u", shape_words(shape, words), socle_dtype_name(dtype),
                repeat_cond, repeat_b);
    t.flags = row->flags;
    operand *y = trial_out(&t, "y", dtype, shape);
    y->alias = 1u << 2 | 1u << 3;
    y->exact = true;
    operand *cond = trial_in(&t, "cond", SOCLE_U8, shape);
    operand_stored(cond, repeat_cond);
    operand_whole(&t, cond, 0, 1);
    operand *a = trial_in(&t, "a", dtype, shape), *b = trial_in(&t, "b", dtype, shape);
    operand_stored(b, repeat_b);
    operand_whole(&t, a, 0, 100);
    operand_whole(&t, b, 101, 200);
    trial_run(s, &t);
}

static void try_wheres(session *s)
{
    static const socle_dtype types[] = { TRIAL_REAL, SOCLE_I32, SOCLE_U8 };
    for (size_t i = 0; i < CASE_COUNT(elementwise_shapes); i++)
        if (session_wants(s, elementwise_shapes[i].flags)) {
            try_where(s, &elementwise_shapes[i], 0, 0, TRIAL_REAL);
            try_where(s, &elementwise_shapes[i], 0, 0, types[i % 3]);
        }
    for (size_t i = 0; i < CASE_COUNT(broadcast_rows); i++) {
        const broadcast_row *row = &broadcast_rows[i];
        if (!session_wants(s, row->shape.flags))
            continue;
        try_where(s, &row->shape, row->b, row->a, types[i % 3]);
        try_where(s, &row->shape, row->a, row->b, TRIAL_REAL);
    }
}

/* ---- axpby ---- */

static socle_status call_axpby(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const float *ab = t->attr;
    return b->axpby(self, v[0], ab[0], v[1], ab[1]);
}

static socle_status prim_axpby(socle_tensor *const *v, const trial *t)
{
    const float *ab = t->attr;
    return socle_prim_axpby(v[0], ab[0], v[1], ab[1]);
}

static const trial_slot axpby_slot = { "axpby", offsetof(socle_backend, axpby), true, call_axpby, prim_axpby };

static void try_axpby(session *s, const shape_row *row, const float *ab)
{
    char words[64];
    trial t;
    trial_begin(&t, &axpby_slot, ab, "%s a %g b %g", shape_words(case_shape(row), words), (double)ab[0],
                (double)ab[1]);
    t.flags = row->flags;
    operand *y = ab[1] == 0 ? trial_out(&t, "y", TRIAL_REAL, case_shape(row))
                            : trial_inout(&t, "y", TRIAL_REAL, case_shape(row));
    y->floor = 4; /* the terms */
    if (ab[1] != 0)
        operand_uniform(&t, y, -2, 2);
    operand_uniform(&t, trial_in(&t, "x", TRIAL_REAL, case_shape(row)), -2, 2);
    trial_run(s, &t);
}

static void try_axpbys(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(elementwise_shapes); i++)
        for (size_t k = 0; k < CASE_COUNT(axpby_rows); k++)
            if (session_wants(s, elementwise_shapes[i].flags))
                try_axpby(s, &elementwise_shapes[i], axpby_rows[k]);
}

void family_elementwise(session *s)
{
    try_fill_and_copy(s);
    try_unaries(s);
    try_wheres(s);
    try_axpbys(s);
}

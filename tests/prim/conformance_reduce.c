/* Conformance of reduce and argreduce. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/reduce.h"

typedef struct reduce_attr {
    socle_reduce op;
    uint32_t axes;
    int axis;
} reduce_attr;

static socle_status call_reduce(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const reduce_attr *a = t->attr;
    return b->reduce(self, a->op, v[0], v[1], a->axes);
}

static socle_status prim_reduce(socle_tensor *const *v, const trial *t)
{
    const reduce_attr *a = t->attr;
    return socle_prim_reduce(a->op, v[0], v[1], a->axes);
}

static socle_status call_argreduce(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const reduce_attr *a = t->attr;
    return b->argreduce(self, a->op, v[0], v[1], a->axis);
}

static socle_status prim_argreduce(socle_tensor *const *v, const trial *t)
{
    const reduce_attr *a = t->attr;
    return socle_prim_argreduce(a->op, v[0], v[1], a->axis);
}

static const trial_slot reduce_slot = { "reduce", offsetof(socle_backend, reduce), false, call_reduce,
                                        prim_reduce };
static const trial_slot argreduce_slot = { "argreduce", offsetof(socle_backend, argreduce), false, call_argreduce,
                                           prim_argreduce };

static const char *op_name(socle_reduce op)
{
    static const char *const names[] = { "sum", "mean", "sumsq", "max", "min" };
    return names[op];
}

static bool selects(socle_reduce op)
{
    return op == SOCLE_REDUCE_MAX || op == SOCLE_REDUCE_MIN;
}

static socle_shape reduced(socle_shape s, uint32_t axes, double *length)
{
    *length = 1;
    for (int i = 0; i < s.ndim; i++)
        if (axes >> i & 1) {
            *length *= (double)s.dim[i];
            s.dim[i] = 1;
        }
    return s;
}

/* repeat: dimensions of x with stride 0. edges: ties and NaN. */
static void try_reduce(session *s, const reduce_row *row, socle_reduce op, uint32_t repeat, bool edges)
{
    char words[64];
    double length;
    socle_shape shape = case_shape(&row->shape), out = reduced(shape, row->axes, &length);
    if (length == 0 && op != SOCLE_REDUCE_SUM && op != SOCLE_REDUCE_SUMSQ)
        return; /* nothing has no mean and no maximum */
    reduce_attr attr = { .op = op, .axes = row->axes }, squared = { .op = SOCLE_REDUCE_SUM, .axes = row->axes };
    trial t;
    trial_begin(&t, &reduce_slot, &attr, "%s %s axes %u repeat %u%s", op_name(op), shape_words(shape, words),
                row->axes, repeat, edges ? ", edges" : "");
    t.flags = row->shape.flags;
    operand *y = trial_out(&t, "y", TRIAL_REAL, out);
    y->length = length;
    y->exact = selects(op);
    operand *x = trial_in(&t, "x", TRIAL_REAL, shape);
    operand_stored(x, repeat);
    if (edges) {
        operand_whole(&t, x, -2, 2);
        for (size_t i = 3; i < operand_count(x); i += 29)
            x->values[i] = NAN;
    } else {
        operand_uniform(&t, x, -1, 1);
    }
    /* Terms of a sum of squares are its result; sums cancel. */
    t.terms = !edges && (op == SOCLE_REDUCE_SUM || op == SOCLE_REDUCE_MEAN);
    t.attr_squared = &squared;
    t.terms_factor = op == SOCLE_REDUCE_MEAN ? 1 / length : 1;
    trial_run(s, &t);
}

static void try_argreduce(session *s, const argreduce_row *row, socle_reduce op, bool ties, bool nan)
{
    char words[64];
    double length;
    socle_shape shape = case_shape(&row->shape), out = reduced(shape, 1u << row->axis, &length);
    reduce_attr attr = { .op = op, .axis = row->axis };
    trial t;
    trial_begin(&t, &argreduce_slot, &attr, "%s %s axis %d%s%s", op_name(op), shape_words(shape, words), row->axis,
                ties ? ", ties" : "", nan ? ", NaN" : "");
    t.flags = row->shape.flags;
    trial_out(&t, "index", SOCLE_I32, out);
    operand *x = trial_in(&t, "x", TRIAL_REAL, shape);
    if (ties)
        operand_whole(&t, x, -1, 1);
    else
        operand_uniform(&t, x, -1, 1);
    for (size_t i = 2; nan && i < operand_count(x); i += 7)
        x->values[i] = NAN;
    trial_run(s, &t);
}

/* Infinities are values: sums keep them, maxima find them. */
static void try_infinite(session *s)
{
    const double values[] = { 1, -INFINITY, 2, -INFINITY, -INFINITY, -INFINITY, 3, INFINITY, 4 };
    for (int op = SOCLE_REDUCE_SUM; op <= SOCLE_REDUCE_MIN; op++) {
        reduce_attr attr = { .op = (socle_reduce)op, .axes = 2 };
        trial t;
        trial_begin(&t, &reduce_slot, &attr, "%s of infinities", op_name(attr.op));
        trial_out(&t, "y", TRIAL_REAL, socle_shape2(3, 1));
        operand_values(trial_in(&t, "x", TRIAL_REAL, socle_shape2(3, 3)), values);
        trial_run(s, &t);
        if (!selects(attr.op))
            continue;
        attr.axis = 1;
        trial_begin(&t, &argreduce_slot, &attr, "%s of infinities", op_name(attr.op));
        trial_out(&t, "index", SOCLE_I32, socle_shape2(3, 1));
        operand_values(trial_in(&t, "x", TRIAL_REAL, socle_shape2(3, 3)), values);
        trial_run(s, &t);
    }
}

void family_reduce(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(reduce_rows); i++) {
        const reduce_row *row = &reduce_rows[i];
        for (int op = SOCLE_REDUCE_SUM; op <= SOCLE_REDUCE_MIN && session_wants(s, row->shape.flags); op++) {
            try_reduce(s, row, (socle_reduce)op, 0, false);
            if (row->shape.flags == 0)
                try_reduce(s, row, (socle_reduce)op, 0, true);
            if (row->shape.ndim == 4 && row->shape.flags == 0)
                try_reduce(s, row, (socle_reduce)op, i % 2 ? 8 : 2 | 4, false);
        }
    }
    for (size_t i = 0; i < CASE_COUNT(argreduce_rows); i++)
        for (int op = SOCLE_REDUCE_MAX; op <= SOCLE_REDUCE_MIN; op++) {
            if (!session_wants(s, argreduce_rows[i].shape.flags))
                continue;
            try_argreduce(s, &argreduce_rows[i], (socle_reduce)op, false, false);
            try_argreduce(s, &argreduce_rows[i], (socle_reduce)op, true, false);
            try_argreduce(s, &argreduce_rows[i], (socle_reduce)op, true, true);
        }
    try_infinite(s);
}

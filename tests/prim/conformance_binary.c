/* Conformance of binary and binary_grad: arithmetic and comparisons, with operands that repeat. And of add_relu. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/elementwise.h"

typedef struct binary_attr {
    socle_binary op;
    int side;
} binary_attr;

static socle_status call_binary(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const binary_attr *a = t->attr;
    return b->binary(self, a->op, v[0], v[1], v[2]);
}

static socle_status prim_binary(socle_tensor *const *v, const trial *t)
{
    const binary_attr *a = t->attr;
    return socle_prim_binary(a->op, v[0], v[1], v[2]);
}

static socle_status call_binary_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const binary_attr *a = t->attr;
    return b->binary_grad(self, a->op, a->side, v[0], v[1], v[2], v[3]);
}

static socle_status prim_binary_grad(socle_tensor *const *v, const trial *t)
{
    const binary_attr *a = t->attr;
    return socle_prim_binary_grad(a->op, a->side, v[0], v[1], v[2], v[3]);
}

static const trial_slot binary_slot = { "binary", offsetof(socle_backend, binary), false, call_binary,
                                        prim_binary };
static const trial_slot binary_grad_slot = { "binary_grad", offsetof(socle_backend, binary_grad), false,
                                             call_binary_grad, prim_binary_grad };

/* Away from 0, so that division is tame; both signs. Or small integers, so that ties are common. */
static void fill_operand(trial *t, operand *o, bool ties)
{
    if (o->dtype != TRIAL_REAL || ties) {
        operand_whole(t, o, o->dtype == SOCLE_U8 ? 0 : -2, o->dtype == SOCLE_U8 ? 3 : 2);
        return;
    }
    operand_uniform(t, o, 0.5, 2);
    for (size_t i = 0; i < operand_count(o); i += 2)
        o->values[i] = -o->values[i];
}

static void add_nan(operand *o, size_t every, size_t first)
{
    for (size_t i = first; i < operand_count(o); i += every)
        o->values[i] = NAN;
}

static void try_binary(session *s, const broadcast_row *row, socle_binary op, socle_dtype dtype, bool edges)
{
    char words[64];
    socle_shape shape = case_shape(&row->shape);
    binary_attr attr = { op, 0 };
    bool compares = socle_binary_compares(op);
    trial t;
    trial_begin(&t, &binary_slot, &attr, "%s %s %s repeat %u %u%s", socle_binary_name(op),
                shape_words(shape, words), socle_dtype_name(dtype), row->a, row->b, edges ? ", edges" : "");
    t.flags = row->shape.flags;
    operand *y = trial_out(&t, "y", compares ? SOCLE_U8 : dtype, shape);
    y->alias = compares ? 0 : 1u << 1 | 1u << 2;
    y->floor = 4; /* the terms of a sum */
    operand *a = trial_in(&t, "a", dtype, shape), *b = trial_in(&t, "b", dtype, shape);
    operand_stored(a, row->a);
    operand_stored(b, row->b);
    fill_operand(&t, a, edges || compares);
    fill_operand(&t, b, compares || (edges && op != SOCLE_BINARY_div));
    if (edges && dtype == TRIAL_REAL) {
        add_nan(a, 5, 1);
        add_nan(b, 7, 2);
    }
    trial_run(s, &t);
}

static void try_binary_grad(session *s, const broadcast_row *row, socle_binary op, int side, bool ties)
{
    char words[64];
    socle_shape shape = case_shape(&row->shape);
    binary_attr attr = { op, side };
    trial t;
    trial_begin(&t, &binary_grad_slot, &attr, "%s side %d %s repeat %u %u%s", socle_binary_name(op), side,
                shape_words(shape, words), row->a, row->b, ties ? ", ties" : "");
    t.flags = row->shape.flags;
    operand *d = trial_out(&t, "d", TRIAL_REAL, shape);
    d->alias = 1u << 1;
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, shape), -1, 1);
    operand *a = trial_in(&t, "a", TRIAL_REAL, shape), *b = trial_in(&t, "b", TRIAL_REAL, shape);
    operand_stored(a, row->a);
    operand_stored(b, row->b);
    fill_operand(&t, a, ties);
    fill_operand(&t, b, ties && op != SOCLE_BINARY_div);
    trial_run(s, &t);
}

static void try_arithmetic(session *s, const broadcast_row *row, socle_binary op)
{
    try_binary(s, row, op, TRIAL_REAL, false);
    try_binary_grad(s, row, op, 0, false);
    try_binary_grad(s, row, op, 1, false);
}

/* ---- add_relu ---- */

static socle_status call_add_relu(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return b->add_relu(self, u->op, v[0], v[1], v[2], u->a, u->b, u->c);
}

static socle_status prim_add_relu(socle_tensor *const *v, const trial *t)
{
    const unary_row *u = t->attr;
    return socle_prim_add_relu(u->op, v[0], v[1], v[2], u->a, u->b, u->c);
}

static const trial_slot add_relu_slot = { "add_relu", offsetof(socle_backend, add_relu), true, call_add_relu,
                                          prim_add_relu };

static void try_add_relu(session *s, const shape_row *row, const unary_row *u, bool edges)
{
    char words[64];
    trial t;
    trial_begin(&t, &add_relu_slot, u, "add_relu %s %s%s", u->op == SOCLE_UNARY_relu ? "plain" : "general",
                shape_words(case_shape(row), words), edges ? ", edges" : "");
    t.flags = row->flags;
    operand *y = trial_out(&t, "y", TRIAL_REAL, case_shape(row));
    y->alias = 1u << 1 | 1u << 2;
    y->floor = 4; /* the terms of a sum */
    operand *a = trial_in(&t, "a", TRIAL_REAL, case_shape(row)),
            *b = trial_in(&t, "b", TRIAL_REAL, case_shape(row));
    if (edges) {
        fill_operand(&t, a, true);
        fill_operand(&t, b, true);
        add_nan(a, 5, 1);
        add_nan(b, 7, 2);
    } else {
        operand_uniform(&t, a, -2, 2);
        operand_uniform(&t, b, -2, 2);
    }
    trial_run(s, &t);
}

static void try_add_relus(session *s, const shape_row *edges)
{
    static const socle_unary ops[] = { SOCLE_UNARY_relu, SOCLE_UNARY_monotone_relu };
    for (size_t i = 0; i < CASE_COUNT(ops); i++) {
        unary_row u = unary_row_of(ops[i]);
        for (size_t k = 0; k < CASE_COUNT(elementwise_shapes); k++)
            if (session_wants(s, elementwise_shapes[k].flags))
                try_add_relu(s, &elementwise_shapes[k], &u, false);
        try_add_relu(s, edges, &u, true);
    }
}

void family_binary(session *s)
{
    static const socle_dtype types[] = { TRIAL_REAL, SOCLE_I32, SOCLE_U8 };
    const broadcast_row edges = { { 2, { 9, 11 }, 0 }, 0, 0 };
    for (int i = 0; i < SOCLE_BINARY_COUNT; i++) {
        socle_binary op = (socle_binary)i;
        bool compares = socle_binary_compares(op);
        for (size_t k = 0; k < CASE_COUNT(elementwise_shapes); k++) {
            broadcast_row row = { elementwise_shapes[k], 0, 0 };
            if (!session_wants(s, row.shape.flags))
                continue;
            if (!compares)
                try_arithmetic(s, &row, op);
            else
                try_binary(s, &row, op, types[k % 3], false);
        }
        for (size_t k = 0; k < CASE_COUNT(broadcast_rows); k++) {
            if (!session_wants(s, broadcast_rows[k].shape.flags))
                continue;
            if (!compares)
                try_arithmetic(s, &broadcast_rows[k], op);
            else
                try_binary(s, &broadcast_rows[k], op, types[(k + (size_t)i) % 3], false);
        }
        try_binary(s, &edges, op, TRIAL_REAL, true);
        if (!compares) {
            try_binary_grad(s, &edges, op, 0, true);
            try_binary_grad(s, &edges, op, 1, true);
        }
    }
    try_add_relus(s, &edges.shape);
}

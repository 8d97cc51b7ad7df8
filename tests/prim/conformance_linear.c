/* Conformance of linear and linear_grad. */
#include "conformance_trial.h"
#include "cases/gemm.h"

static socle_status call_linear(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->linear(self, *(const socle_epilogue *)t->attr, v[0], v[1], v[2], v[3]);
}

static socle_status prim_linear(socle_tensor *const *v, const trial *t)
{
    return socle_prim_linear(*(const socle_epilogue *)t->attr, v[0], v[1], v[2], v[3]);
}

static socle_status call_linear_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->linear_grad(self, *(const socle_epilogue *)t->attr, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

static socle_status prim_linear_grad(socle_tensor *const *v, const trial *t)
{
    return socle_prim_linear_grad(*(const socle_epilogue *)t->attr, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

static const trial_slot linear_slot = { "linear", offsetof(socle_backend, linear), true, call_linear, prim_linear };
static const trial_slot linear_grad_slot = { "linear_grad", offsetof(socle_backend, linear_grad), true,
                                             call_linear_grad, prim_linear_grad };

static operand *parameter(trial *t, const char *name, socle_shape shape)
{
    operand *o = trial_in(t, name, TRIAL_REAL, shape);
    operand_uniform(t, o, -1, 1);
    return o;
}

static void begin_linear(trial *t, const linear_row *row, const socle_epilogue *e, bool bias)
{
    trial_begin(t, &linear_slot, e, "%d of %d to %d%s%s", row->n, row->in, row->out, bias ? " bias" : "",
                *e ? " relu" : "");
    t->flags = row->flags;
    t->terms = true;
    operand *y = trial_out(t, "y", TRIAL_REAL, socle_shape2(row->n, row->out));
    y->length = row->in + 1;
    y->budget = row->budget;
    operand_uniform(t, trial_in(t, "x", TRIAL_REAL, socle_shape2(row->n, row->in)), -1, 1);
    parameter(t, "w", socle_shape2(row->out, row->in));
    if (bias)
        parameter(t, "bias", socle_shape1(row->out));
    else
        trial_absent(t, "bias");
}

static void wanted(trial *t, const char *name, bool want, socle_shape shape, double length)
{
    if (!want) {
        trial_absent(t, name);
        return;
    }
    operand *o = trial_out(t, name, TRIAL_REAL, shape);
    o->length = length;
}

/* want: "xwb" or fewer of them. */
static void try_linear_grad(session *s, const linear_row *row, socle_epilogue e, bool x, bool w, bool b)
{
    trial forward, t;
    begin_linear(&forward, row, &e, true);
    bool ok = trial_expect(s, &forward);
    trial_begin(&t, &linear_grad_slot, &e, "%s d%s%s%s", forward.row, x ? "x" : "", w ? "w" : "", b ? "b" : "");
    t.flags = row->flags;
    t.terms = true;
    wanted(&t, "dx", x, socle_shape2(row->n, row->in), row->out);
    wanted(&t, "dw", w, socle_shape2(row->out, row->in), row->n);
    wanted(&t, "db", b, socle_shape1(row->out), row->n);
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, socle_shape2(row->n, row->out)), -1, 1);
    operand_values(trial_in(&t, "x", TRIAL_REAL, socle_shape2(row->n, row->in)), forward.op[1].values);
    parameter(&t, "w", socle_shape2(row->out, row->in));
    if (e != SOCLE_EPILOGUE_NONE && ok) {
        operand *y = trial_in(&t, "y", TRIAL_REAL, socle_shape2(row->n, row->out));
        y->keep_sign = true;
        operand_values(y, operand_want(&forward, "y"));
    } else {
        trial_absent(&t, "y");
    }
    trial_run(s, &t);
    trial_free(&forward);
}

void family_linear(session *s)
{
    const socle_epilogue none = SOCLE_EPILOGUE_NONE, relu = SOCLE_EPILOGUE_RELU;
    for (size_t i = 0; i < CASE_COUNT(linear_rows); i++) {
        const linear_row *row = &linear_rows[i];
        if (!session_wants(s, row->flags))
            continue;
        trial t;
        begin_linear(&t, row, &relu, true);
        trial_run(s, &t);
        begin_linear(&t, row, &none, false);
        trial_run(s, &t);
        try_linear_grad(s, row, relu, true, true, true);
        try_linear_grad(s, row, none, false, true, true);
        try_linear_grad(s, row, none, true, false, false);
        try_linear_grad(s, row, relu, false, true, false);
    }
}

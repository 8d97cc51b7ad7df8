/* Conformance of conv and conv_grad. */
#include <string.h>

#include "conformance_trial.h"
#include "cases/conv.h"

typedef struct conv_attr {
    socle_conv p;
    socle_epilogue e;
} conv_attr;

static socle_status call_conv(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const conv_attr *a = t->attr;
    return b->conv(self, &a->p, a->e, v[0], v[1], v[2], v[3]);
}

static socle_status prim_conv(socle_tensor *const *v, const trial *t)
{
    const conv_attr *a = t->attr;
    return socle_prim_conv(&a->p, a->e, v[0], v[1], v[2], v[3]);
}

static socle_status call_conv_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const conv_attr *a = t->attr;
    return b->conv_grad(self, &a->p, a->e, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

static socle_status prim_conv_grad(socle_tensor *const *v, const trial *t)
{
    const conv_attr *a = t->attr;
    return socle_prim_conv_grad(&a->p, a->e, v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

static const trial_slot conv_slot = { "conv", offsetof(socle_backend, conv), true, call_conv, prim_conv };
static const trial_slot conv_grad_slot = { "conv_grad", offsetof(socle_backend, conv_grad), true, call_conv_grad,
                                           prim_conv_grad };

static socle_shape x_shape(const conv_row *r)
{
    return socle_shape4(r->n, r->c, r->h, r->w);
}

static socle_shape y_shape(const conv_row *r)
{
    return socle_shape4(r->n, r->k, conv_row_out(r, 0), conv_row_out(r, 1));
}

static socle_shape w_shape(const conv_row *r)
{
    return socle_shape4(r->k, r->c / r->p.groups, r->r, r->s);
}

static operand *parameter(trial *t, const char *name, socle_shape shape)
{
    operand *o = trial_in(t, name, TRIAL_REAL, shape);
    o->row_major = shape.ndim == 4;
    operand_uniform(t, o, -1, 1);
    return o;
}

static void begin_conv(trial *t, const conv_row *row, const conv_attr *attr, bool bias)
{
    trial_begin(t, &conv_slot, attr, "%s%s%s", row->name, bias ? " bias" : "", attr->e ? " relu" : "");
    t->flags = row->flags;
    t->quick_step = 11; /* a device may build kernels for each shape; the epilogue changes from row to row */
    t->terms = true;
    operand *y = trial_out(t, "y", TRIAL_REAL, y_shape(row));
    y->length = row->c / row->p.groups * row->r * row->s + 1;
    y->budget = row->budget;
    operand_uniform(t, trial_in(t, "x", TRIAL_REAL, x_shape(row)), -1, 1);
    parameter(t, "w", w_shape(row));
    if (bias)
        parameter(t, "bias", socle_shape1(row->k));
    else
        trial_absent(t, "bias");
}

static void wanted(trial *t, const char *name, bool want, socle_shape shape, double length, double budget)
{
    if (!want) {
        trial_absent(t, name);
        return;
    }
    operand *o = trial_out(t, name, TRIAL_REAL, shape);
    o->length = length;
    o->budget = budget;
    o->row_major = strcmp(name, "dw") == 0;
}

static void try_conv_grad(session *s, const conv_row *row, socle_epilogue e, bool x, bool w, bool b)
{
    conv_attr attr = { row->p, e };
    trial forward, t;
    trial_begin(&t, &conv_grad_slot, &attr, "%s%s d%s%s%s", row->name, e ? " relu" : "", x ? "x" : "", w ? "w" : "",
                b ? "b" : "");
    if (!trial_wanted(s, &t))
        return;
    begin_conv(&forward, row, &attr, true);
    bool ok = e == SOCLE_EPILOGUE_NONE || trial_expect(s, &forward);
    t.flags = row->flags;
    t.quick_step = 17; /* see begin_conv */
    t.terms = true;
    double pixels = (double)row->n * conv_row_out(row, 0) * conv_row_out(row, 1);
    wanted(&t, "dx", x, x_shape(row), row->k / row->p.groups * row->r * row->s, row->budget);
    wanted(&t, "dw", w, w_shape(row), pixels, row->budget);
    wanted(&t, "db", b, socle_shape1(row->k), pixels, row->budget);
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, y_shape(row)), -1, 1);
    operand_values(trial_in(&t, "x", TRIAL_REAL, x_shape(row)), forward.op[1].values);
    parameter(&t, "w", w_shape(row));
    if (e != SOCLE_EPILOGUE_NONE && ok) {
        operand *y = trial_in(&t, "y", TRIAL_REAL, y_shape(row));
        y->keep_sign = true;
        operand_values(y, operand_want(&forward, "y"));
    } else {
        trial_absent(&t, "y");
    }
    trial_run(s, &t);
    trial_free(&forward);
}

static void try_conv(session *s, const conv_row *row, socle_epilogue e, bool bias)
{
    conv_attr attr = { row->p, e };
    trial t;
    begin_conv(&t, row, &attr, bias);
    trial_run(s, &t);
}

void family_conv(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(conv_rows); i++) {
        const conv_row *row = &conv_rows[i];
        if (!session_wants(s, row->flags))
            continue;
        try_conv(s, row, SOCLE_EPILOGUE_RELU, true);
        try_conv_grad(s, row, SOCLE_EPILOGUE_RELU, true, true, true);
        try_im2col(s, row);
        if (row->flags != 0)
            continue;
        try_conv(s, row, SOCLE_EPILOGUE_NONE, false);
        try_conv_grad(s, row, SOCLE_EPILOGUE_NONE, false, true, true);
        try_conv_grad(s, row, SOCLE_EPILOGUE_NONE, true, false, false);
        try_conv_grad(s, row, SOCLE_EPILOGUE_RELU, false, true, false);
    }
}

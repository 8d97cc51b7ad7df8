/* Conformance of softmax, cross entropy and their gradients. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/softmax.h"

typedef struct softmax_attr {
    int axis;
    bool log;
    float scale; /* of xent_grad */
} softmax_attr;

static socle_status call_softmax(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const softmax_attr *a = t->attr;
    return b->softmax(self, v[0], v[1], a->axis, a->log);
}

static socle_status prim_softmax(socle_tensor *const *v, const trial *t)
{
    const softmax_attr *a = t->attr;
    return socle_prim_softmax(v[0], v[1], a->axis, a->log);
}

static socle_status call_softmax_grad(const socle_backend *b, void *self, const socle_view *const *v,
                                      const trial *t)
{
    const softmax_attr *a = t->attr;
    return b->softmax_grad(self, v[0], v[1], v[2], a->axis, a->log);
}

static socle_status prim_softmax_grad(socle_tensor *const *v, const trial *t)
{
    const softmax_attr *a = t->attr;
    return socle_prim_softmax_grad(v[0], v[1], v[2], a->axis, a->log);
}

static socle_status call_xent(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    (void)t;
    return b->xent(self, v[0], v[1], v[2], v[3]);
}

static socle_status prim_xent(socle_tensor *const *v, const trial *t)
{
    (void)t;
    return socle_prim_xent(v[0], v[1], v[2], v[3]);
}

static socle_status call_xent_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->xent_grad(self, v[0], v[1], v[2], v[3], ((const softmax_attr *)t->attr)->scale);
}

static socle_status prim_xent_grad(socle_tensor *const *v, const trial *t)
{
    return socle_prim_xent_grad(v[0], v[1], v[2], v[3], ((const softmax_attr *)t->attr)->scale);
}

static const trial_slot softmax_slot = { "softmax", offsetof(socle_backend, softmax), true, call_softmax,
                                         prim_softmax };
static const trial_slot softmax_grad_slot = { "softmax_grad", offsetof(socle_backend, softmax_grad), true,
                                              call_softmax_grad, prim_softmax_grad };
static const trial_slot xent_slot = { "xent", offsetof(socle_backend, xent), true, call_xent, prim_xent };
static const trial_slot xent_grad_slot = { "xent_grad", offsetof(socle_backend, xent_grad), true, call_xent_grad,
                                           prim_xent_grad };

/* Logarithms are differences of logits: their error is that of the logits. A softmax is the exponential of one, whose
 * absolute error becomes relative: 4 eps and half an eps of the largest difference. */
static void begin_softmax(trial *t, const softmax_row *row, const softmax_attr *attr, bool nan)
{
    char words[64];
    socle_shape shape = case_shape(&row->shape);
    trial_begin(t, &softmax_slot, attr, "%s%s axis %d range %g%s", attr->log ? "log " : "",
                shape_words(shape, words), row->axis, row->range, nan ? ", NaN" : "");
    t->flags = row->shape.flags;
    operand *y = trial_out(t, "y", TRIAL_REAL, shape);
    y->alias = 1u << 1;
    y->length = (double)shape.dim[row->axis];
    y->floor = attr->log ? 1 + row->range : 0;
    y->budget = attr->log ? 0 : 4 + row->range;
    operand *x = trial_in(t, "x", TRIAL_REAL, shape);
    operand_uniform(t, x, -row->range, row->range);
    if (nan && operand_count(x) > 0)
        x->values[operand_count(x) / 2] = NAN;
}

static void try_softmax_grad(session *s, const softmax_row *row, const softmax_attr *attr)
{
    trial forward, t;
    begin_softmax(&forward, row, attr, false);
    bool ok = trial_expect(s, &forward);
    socle_shape shape = case_shape(&row->shape);
    trial_begin(&t, &softmax_grad_slot, attr, "%s", forward.row);
    t.flags = row->shape.flags;
    operand *dx = trial_out(&t, "dx", TRIAL_REAL, shape);
    dx->alias = 1u << 1;
    dx->length = (double)shape.dim[row->axis];
    /* |dy| <= 1; the sum of the logarithm's gradient grows with its length, at random signs with the root of it */
    dx->floor = attr->log ? sqrt(dx->length) : 1;
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, shape), -1, 1);
    operand *y = trial_in(&t, "y", TRIAL_REAL, shape);
    if (ok)
        operand_values(y, operand_want(&forward, "y"));
    trial_run(s, &t);
    trial_free(&forward);
}

static void begin_xent(trial *t, const xent_row *row, bool logp, bool outside)
{
    trial_begin(t, &xent_slot, NULL, "%dx%d range %g%s%s", row->n, row->k, row->range, logp ? " logp" : "",
                outside ? ", outside" : "");
    t->flags = row->flags;
    operand *loss = trial_out(t, "loss", TRIAL_REAL, socle_shape1(row->n));
    loss->length = row->k;
    loss->floor = 1 + row->range;
    if (logp) {
        operand *l = trial_out(t, "logp", TRIAL_REAL, socle_shape2(row->n, row->k));
        l->length = row->k;
        l->floor = 1 + row->range;
    } else {
        trial_absent(t, "logp");
    }
    operand_uniform(t, trial_in(t, "x", TRIAL_REAL, socle_shape2(row->n, row->k)), -row->range, row->range);
    operand *target = trial_in(t, "target", SOCLE_I32, socle_shape1(row->n));
    operand_whole(t, target, 0, row->k - 1);
    if (outside && row->n > 0) {
        target->values[row->n - 1] = row->k;
        target->values[row->n / 2] = -1;
        t->may_reject = true;
    }
}

static void try_xent_grad(session *s, const xent_row *row, uint32_t repeat, float scale)
{
    softmax_attr attr = { .scale = scale };
    trial forward, t;
    begin_xent(&forward, row, true, false);
    bool ok = trial_expect(s, &forward);
    trial_begin(&t, &xent_grad_slot, &attr, "%s scale %g%s", forward.row, (double)scale,
                repeat ? " one dloss" : "");
    t.flags = row->flags;
    operand *dx = trial_out(&t, "dx", TRIAL_REAL, socle_shape2(row->n, row->k));
    dx->alias = 1u << 2;
    dx->floor = (double)scale; /* exp(logp) - 1 */
    operand *dloss = trial_in(&t, "dloss", TRIAL_REAL, socle_shape1(row->n));
    operand_stored(dloss, repeat);
    operand_uniform(&t, dloss, 0.5, 1);
    operand *logp = trial_in(&t, "logp", TRIAL_REAL, socle_shape2(row->n, row->k));
    if (ok)
        operand_values(logp, operand_want(&forward, "logp"));
    operand_values(trial_in(&t, "target", SOCLE_I32, socle_shape1(row->n)), forward.op[3].values);
    trial_run(s, &t);
    trial_free(&forward);
}

static void try_softmax_row(session *s, const softmax_row *row)
{
    for (int log = 0; log < 2; log++) {
        softmax_attr attr = { .axis = row->axis, .log = log };
        trial t;
        begin_softmax(&t, row, &attr, false);
        trial_run(s, &t);
        begin_softmax(&t, row, &attr, true);
        trial_run(s, &t);
        try_softmax_grad(s, row, &attr);
    }
}

static void try_xent_row(session *s, const xent_row *row)
{
    trial t;
    begin_xent(&t, row, true, false);
    trial_run(s, &t);
    begin_xent(&t, row, false, false);
    trial_run(s, &t);
    begin_xent(&t, row, true, true);
    trial_run(s, &t);
    try_xent_grad(s, row, 0, 1);
    try_xent_grad(s, row, 1, row->n > 0 ? 1 / (float)row->n : 1);
}

void family_softmax(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(softmax_rows); i++)
        if (session_wants(s, softmax_rows[i].shape.flags))
            try_softmax_row(s, &softmax_rows[i]);
    for (size_t i = 0; i < CASE_COUNT(xent_rows); i++)
        if (session_wants(s, xent_rows[i].flags))
            try_xent_row(s, &xent_rows[i]);
}

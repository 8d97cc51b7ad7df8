/* Conformance of pool and pool_grad. */
#include <math.h>
#include <stdio.h>

#include "conformance_trial.h"
#include "cases/pool.h"

static socle_status call_pool(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->pool(self, t->attr, v[0], v[1], v[2]);
}

static socle_status prim_pool(socle_tensor *const *v, const trial *t)
{
    return socle_prim_pool(t->attr, v[0], v[1], v[2]);
}

typedef struct pool_grad_attr {
    socle_pool p;
    bool add;
} pool_grad_attr;

static socle_status call_pool_grad(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const pool_grad_attr *a = t->attr;
    return b->pool_grad(self, &a->p, a->add, v[0], v[1], v[2]);
}

static socle_status prim_pool_grad(socle_tensor *const *v, const trial *t)
{
    const pool_grad_attr *a = t->attr;
    return socle_prim_pool_grad(&a->p, a->add, v[0], v[1], v[2]);
}

static const trial_slot pool_slot = { "pool", offsetof(socle_backend, pool), false, call_pool, prim_pool };
static const trial_slot pool_grad_slot = { "pool_grad", offsetof(socle_backend, pool_grad), false, call_pool_grad,
                                           prim_pool_grad };

typedef enum pool_values { VALUES_UNIFORM, VALUES_TIES, VALUES_NAN } pool_values;

/* Pixels of the largest window. */
static double window_area(const pool_row *row)
{
    if (!row->p.adaptive)
        return (double)row->p.size[0] * row->p.size[1];
    return (double)((row->h + row->ho - 1) / row->ho + 1) * ((row->w + row->wo - 1) / row->wo + 1);
}

static void begin_pool(trial *t, const pool_row *row, const socle_pool *p, bool index, pool_values values)
{
    static const char *const words[] = { "", ", ties", ", NaN" };
    socle_shape y = socle_shape4(row->n, row->c, row->ho, row->wo);
    trial_begin(t, &pool_slot, p, "%s %s%s%s", p->max ? "max" : "average", row->name, index ? " index" : "",
                words[values]);
    t->flags = row->flags;
    t->terms = !p->max; /* of squares / count: an upper bound of the terms */
    operand *out = trial_out(t, "y", TRIAL_REAL, y);
    out->exact = p->max;
    out->length = window_area(row);
    out->budget = row->budget;
    if (index)
        trial_out(t, "index", SOCLE_I32, y);
    else
        trial_absent(t, "index");
    operand *x = trial_in(t, "x", TRIAL_REAL, socle_shape4(row->n, row->c, row->h, row->w));
    if (values == VALUES_UNIFORM)
        operand_uniform(t, x, -1, 1);
    else
        operand_whole(t, x, -1, 1);
    for (size_t i = 3; values == VALUES_NAN && i < operand_count(x); i += 13)
        x->values[i] = NAN;
}

static void try_pool_grad(session *s, const pool_row *row, const socle_pool *p, bool add)
{
    pool_grad_attr attr = { *p, add };
    trial forward, t;
    begin_pool(&forward, row, p, p->max, VALUES_TIES);
    bool ok = trial_expect(s, &forward);
    socle_shape y = socle_shape4(row->n, row->c, row->ho, row->wo);
    trial_begin(&t, &pool_grad_slot, &attr, "%s %s%s", p->max ? "max" : "average", row->name, add ? " add" : "");
    t.flags = row->flags;
    t.terms = true;
    socle_shape x = socle_shape4(row->n, row->c, row->h, row->w);
    operand *dx = add ? trial_inout(&t, "dx", TRIAL_REAL, x) : trial_out(&t, "dx", TRIAL_REAL, x);
    if (add)
        operand_uniform(&t, dx, -1, 1);
    dx->length = window_area(row); /* at most so many windows overlap; adaptive ones may repeat, and are small */
    dx->budget = row->budget;
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, y), -1, 1);
    if (p->max && ok)
        operand_values(trial_in(&t, "index", SOCLE_I32, y), operand_want(&forward, "index"));
    else
        trial_absent(&t, "index");
    trial_run(s, &t);
    trial_free(&forward);
}

void family_pool(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(pool_rows); i++) {
        const pool_row *row = &pool_rows[i];
        if (!session_wants(s, row->flags))
            continue;
        socle_pool max = row->p, average = row->p;
        max.max = true;
        max.count_pad = false;
        trial t;
        begin_pool(&t, row, &max, true, VALUES_UNIFORM);
        trial_run(s, &t);
        begin_pool(&t, row, &max, true, VALUES_TIES);
        trial_run(s, &t);
        begin_pool(&t, row, &max, true, VALUES_NAN);
        trial_run(s, &t);
        begin_pool(&t, row, &max, false, VALUES_UNIFORM);
        trial_run(s, &t);
        begin_pool(&t, row, &average, false, VALUES_UNIFORM);
        trial_run(s, &t);
        for (int add = 0; add <= 1; add++) {
            try_pool_grad(s, row, &max, add);
            try_pool_grad(s, row, &average, add);
        }
    }
}

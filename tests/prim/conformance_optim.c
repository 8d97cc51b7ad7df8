/* Conformance of slots over lists of tensors. Operands of steps: n parameters, n gradients, n momenta, n averages of
 * squares. */
#include "conformance_trial.h"
#include "cases/optim.h"

typedef struct sgd_attr {
    socle_sgd_args a;
    int n;
    bool momentum;
} sgd_attr;

static socle_status call_sgd(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const sgd_attr *attr = t->attr;
    socle_view view[3 * OPTIM_MAX_PARAMETERS];
    int n = attr->n;
    for (int i = 0; i < (attr->momentum ? 3 : 2) * n; i++)
        view[i] = *v[i];
    return b->sgd_many(self, (size_t)n, view, view + n, attr->momentum ? view + 2 * n : NULL, &attr->a);
}

static socle_status prim_sgd(socle_tensor *const *v, const trial *t)
{
    const sgd_attr *attr = t->attr;
    int n = attr->n;
    return socle_prim_sgd_many((size_t)n, v, v + n, attr->momentum ? v + 2 * n : NULL, &attr->a);
}

static const trial_slot sgd_slot = { "sgd_many", offsetof(socle_backend, sgd_many), true, call_sgd, prim_sgd };

static void try_sgd(session *s, const sgd_row *row, const parameter_list *list)
{
    static const char *const names[3][OPTIM_MAX_PARAMETERS] = { { "p0", "p1", "p2", "p3" },
                                                                { "g0", "g1", "g2", "g3" },
                                                                { "m0", "m1", "m2", "m3" } };
    char words[64];
    sgd_attr attr = { row->a, list->n, row->momentum };
    trial t;
    trial_begin(&t, &sgd_slot, &attr, "%s %d from %s", row->name, list->n,
                shape_words(case_shape(&list->shape[0]), words));
    t.flags = list->shape[0].flags;
    for (int kind = 0; kind < (row->momentum ? 3 : 2); kind++)
        for (int i = 0; i < list->n; i++) {
            socle_shape shape = case_shape(&list->shape[i]);
            operand *o = kind == 1 ? trial_in(&t, names[kind][i], TRIAL_REAL, shape)
                                   : trial_inout(&t, names[kind][i], TRIAL_REAL, shape);
            o->floor = 1; /* the values that are added */
            operand_uniform(&t, o, -1, 1);
        }
    trial_run(s, &t);
}

/* ---- adam_many ---- */

typedef struct adam_attr {
    socle_adam_args a;
    size_t n;
    bool momentum;
} adam_attr;

static bool has_squares(const adam_attr *attr)
{
    return attr->a.kind != SOCLE_ADAM_SIGN;
}

static socle_status call_adam(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const adam_attr *attr = t->attr;
    socle_view view[4 * OPTIM_MAX_PARAMETERS];
    size_t n = attr->n;
    for (int i = 0; i < t->n; i++)
        view[i] = *v[i];
    socle_view *m = attr->momentum ? view + 2 * n : NULL, *squares = view + (attr->momentum ? 3 : 2) * n;
    return b->adam_many(self, n, view, view + n, m, has_squares(attr) ? squares : NULL, &attr->a);
}

static socle_status prim_adam(socle_tensor *const *v, const trial *t)
{
    const adam_attr *attr = t->attr;
    size_t n = attr->n;
    socle_tensor *const *m = attr->momentum ? v + 2 * n : NULL, *const *squares = v + (attr->momentum ? 3 : 2) * n;
    return socle_prim_adam_many(n, v, v + n, m, has_squares(attr) ? squares : NULL, &attr->a);
}

static const trial_slot adam_slot = { "adam_many", offsetof(socle_backend, adam_many), true, call_adam, prim_adam };

/* Squares are at least 1/4, and steps no longer than about 2: a dozen roundings of numbers of that size. */
static void try_adam(session *s, const adam_row *row, const parameter_list *list)
{
    static const char *const names[4][OPTIM_MAX_PARAMETERS] = { { "p0", "p1", "p2", "p3" },
                                                                { "g0", "g1", "g2", "g3" },
                                                                { "m0", "m1", "m2", "m3" },
                                                                { "v0", "v1", "v2", "v3" } };
    char words[64];
    adam_attr attr = { row->a, (size_t)list->n, row->momentum };
    trial t;
    trial_begin(&t, &adam_slot, &attr, "%s %d from %s", row->name, list->n,
                shape_words(case_shape(&list->shape[0]), words));
    t.flags = list->shape[0].flags;
    for (int kind = 0; kind < 4; kind++) {
        if ((kind == 2 && !row->momentum) || (kind == 3 && !has_squares(&attr)))
            continue;
        for (int i = 0; i < list->n; i++) {
            socle_shape shape = case_shape(&list->shape[i]);
            operand *o = kind == 1 ? trial_in(&t, names[kind][i], TRIAL_REAL, shape)
                                   : trial_inout(&t, names[kind][i], TRIAL_REAL, shape);
            o->floor = 1;
            o->budget = 24;
            operand_uniform(&t, o, kind == 3 ? 0.25 : -1, 1);
        }
    }
    trial_run(s, &t);
}

/* ---- lamb_many ---- */

typedef struct lamb_attr {
    socle_lamb_args a;
    size_t n;
} lamb_attr;

static socle_status call_lamb(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const lamb_attr *attr = t->attr;
    socle_view view[4 * OPTIM_MAX_PARAMETERS];
    size_t n = attr->n;
    for (int i = 0; i < t->n; i++)
        view[i] = *v[i];
    return b->lamb_many(self, n, view, view + n, view + 2 * n, view + 3 * n, &attr->a);
}

static socle_status prim_lamb(socle_tensor *const *v, const trial *t)
{
    const lamb_attr *attr = t->attr;
    size_t n = attr->n;
    return socle_prim_lamb_many(n, v, v + n, v + 2 * n, v + 3 * n, &attr->a);
}

static const trial_slot lamb_slot = { "lamb_many", offsetof(socle_backend, lamb_many), true, call_lamb, prim_lamb };

/* As adam's; and a length's error grows slower than the numbers that it is made of. */
static void try_lamb(session *s, const lamb_row *row, const parameter_list *list)
{
    static const char *const names[4][OPTIM_MAX_PARAMETERS] = { { "p0", "p1", "p2", "p3" },
                                                                { "g0", "g1", "g2", "g3" },
                                                                { "m0", "m1", "m2", "m3" },
                                                                { "v0", "v1", "v2", "v3" } };
    char words[64];
    lamb_attr attr = { row->a, (size_t)list->n };
    trial t;
    trial_begin(&t, &lamb_slot, &attr, "%s %d from %s", row->name, list->n,
                shape_words(case_shape(&list->shape[0]), words));
    t.flags = list->shape[0].flags;
    for (int kind = 0; kind < 4; kind++)
        for (int i = 0; i < list->n; i++) {
            socle_shape shape = case_shape(&list->shape[i]);
            operand *o = kind == 1 ? trial_in(&t, names[kind][i], TRIAL_REAL, shape)
                                   : trial_inout(&t, names[kind][i], TRIAL_REAL, shape);
            const double most = kind == 0 ? row->most : 1;
            o->floor = 1;
            o->budget = 32;
            operand_uniform(&t, o, kind == 3 ? 0.25 : -most, most);
        }
    trial_run(s, &t);
}

/* ---- clip_many ---- */

typedef struct clip_attr {
    float limit;
    int n;
} clip_attr;

static socle_status call_clip(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const clip_attr *attr = t->attr;
    socle_view view[OPTIM_MAX_PARAMETERS];
    for (int i = 0; i < attr->n; i++)
        view[i] = *v[i];
    return b->clip_many(self, (size_t)attr->n, view, v[attr->n], attr->limit);
}

static socle_status prim_clip(socle_tensor *const *v, const trial *t)
{
    const clip_attr *attr = t->attr;
    return socle_prim_clip_many((size_t)attr->n, v, v[attr->n], attr->limit);
}

static const trial_slot clip_slot = { "clip_many", offsetof(socle_backend, clip_many), true, call_clip, prim_clip };

/* All results have the error of a sum over all gradients. */
static void try_clip(session *s, float limit, const parameter_list *list)
{
    static const char *const names[OPTIM_MAX_PARAMETERS] = { "g0", "g1", "g2", "g3" };
    char words[64];
    clip_attr attr = { limit, list->n };
    trial t;
    trial_begin(&t, &clip_slot, &attr, "to %g %d from %s", (double)limit, list->n,
                shape_words(case_shape(&list->shape[0]), words));
    t.flags = list->shape[0].flags;
    double count = 0;
    for (int i = 0; i < list->n; i++) {
        operand *o = trial_inout(&t, names[i], TRIAL_REAL, case_shape(&list->shape[i]));
        operand_uniform(&t, o, -1, 1);
        count += (double)operand_count(o);
    }
    (void)trial_out(&t, "norm", TRIAL_REAL, socle_shape0());
    for (int i = 0; i < t.n; i++)
        t.op[i].length = count;
    trial_run(s, &t);
}

/* ---- axpby_many ---- */

typedef struct axpby_attr {
    float a, b;
    int n;
} axpby_attr;

static socle_status call_axpby(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const axpby_attr *attr = t->attr;
    socle_view view[2 * OPTIM_MAX_PARAMETERS];
    for (int i = 0; i < t->n; i++)
        view[i] = *v[i];
    return b->axpby_many(self, (size_t)attr->n, view, attr->a, view + attr->n, attr->b);
}

static socle_status prim_axpby(socle_tensor *const *v, const trial *t)
{
    const axpby_attr *attr = t->attr;
    return socle_prim_axpby_many((size_t)attr->n, v, attr->a, v + attr->n, attr->b);
}

static const trial_slot axpby_slot = { "axpby_many", offsetof(socle_backend, axpby_many), true, call_axpby,
                                       prim_axpby };

static void try_axpby(session *s, const float *ab, const parameter_list *list)
{
    static const char *const names[2][OPTIM_MAX_PARAMETERS] = { { "y0", "y1", "y2", "y3" },
                                                                { "x0", "x1", "x2", "x3" } };
    char words[64];
    axpby_attr attr = { ab[0], ab[1], list->n };
    trial t;
    trial_begin(&t, &axpby_slot, &attr, "a %g b %g %d from %s", (double)ab[0], (double)ab[1], list->n,
                shape_words(case_shape(&list->shape[0]), words));
    t.flags = list->shape[0].flags;
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < list->n; i++) {
            socle_shape shape = case_shape(&list->shape[i]);
            operand *o = kind == 1    ? trial_in(&t, names[kind][i], TRIAL_REAL, shape)
                         : ab[1] == 0 ? trial_out(&t, names[kind][i], TRIAL_REAL, shape)
                                      : trial_inout(&t, names[kind][i], TRIAL_REAL, shape);
            o->floor = 4; /* the terms */
            if (o->role != TRIAL_OUT)
                operand_uniform(&t, o, -2, 2);
        }
    trial_run(s, &t);
}

/* ---- the family ---- */

static void try_list(session *s, const parameter_list *list)
{
    for (size_t i = 0; i < CASE_COUNT(sgd_rows); i++)
        try_sgd(s, &sgd_rows[i], list);
    for (size_t i = 0; i < CASE_COUNT(adam_rows); i++)
        try_adam(s, &adam_rows[i], list);
    for (size_t i = 0; i < CASE_COUNT(lamb_rows); i++)
        try_lamb(s, &lamb_rows[i], list);
    for (size_t i = 0; i < CASE_COUNT(clip_rows); i++)
        try_clip(s, clip_rows[i], list);
    for (size_t i = 0; i < CASE_COUNT(list_axpby_rows); i++)
        try_axpby(s, list_axpby_rows[i], list);
}

void family_optim(session *s)
{
    for (size_t k = 0; k < CASE_COUNT(parameter_lists); k++)
        if (session_wants(s, parameter_lists[k].shape[0].flags))
            try_list(s, &parameter_lists[k]);
}

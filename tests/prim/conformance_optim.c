/* Conformance of sgd_many and adam_many. Operands: n parameters, n gradients, n momenta, n averages of squares. */
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
            o->parameter = true;
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
            o->parameter = true;
            o->floor = 1;
            o->budget = 24;
            operand_uniform(&t, o, kind == 3 ? 0.25 : -1, 1);
        }
    }
    trial_run(s, &t);
}

void family_optim(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(sgd_rows); i++)
        for (size_t k = 0; k < CASE_COUNT(parameter_lists); k++)
            if (session_wants(s, parameter_lists[k].shape[0].flags))
                try_sgd(s, &sgd_rows[i], &parameter_lists[k]);
    for (size_t i = 0; i < CASE_COUNT(adam_rows); i++)
        for (size_t k = 0; k < CASE_COUNT(parameter_lists); k++)
            if (session_wants(s, parameter_lists[k].shape[0].flags))
                try_adam(s, &adam_rows[i], &parameter_lists[k]);
}

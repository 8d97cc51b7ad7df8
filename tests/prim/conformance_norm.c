/* Conformance of moments, normalize and normalize_grad. Slots see (N, G, K, S); as a primitive's argument that is an image
 * of one row, which means the same where each channel is its own group. */
#include <math.h>
#include <stdio.h>

#include "conformance_trial.h"
#include "cases/norm.h"

static socle_status call_moments(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->moments(self, t->attr, v[0], v[1], v[2]);
}

static socle_status prim_moments(socle_tensor *const *v, const trial *t)
{
    return socle_prim_moments(t->attr, v[0], v[1], v[2]);
}

static socle_status call_normalize(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->normalize(self, t->attr, v[0], v[1], v[2], v[3], v[4], v[5]);
}

static socle_status call_normalize_grad(const socle_backend *b, void *self, const socle_view *const *v,
                                        const trial *t)
{
    return b->normalize_grad(self, t->attr, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]);
}

static socle_status prim_normalize(socle_tensor *const *v, const trial *t)
{
    return socle_prim_normalize(t->attr, v[0], v[1], v[2], v[3], v[4], v[5]);
}

static socle_status prim_normalize_grad(socle_tensor *const *v, const trial *t)
{
    return socle_prim_normalize_grad(t->attr, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]);
}

/* With and without a primitive whose shapes mean the same. */
static const trial_slot moments_slot[2] = {
    { "moments", offsetof(socle_backend, moments), true, call_moments, NULL },
    { "moments", offsetof(socle_backend, moments), true, call_moments, prim_moments },
};
static const trial_slot normalize_slot[2] = {
    { "normalize", offsetof(socle_backend, normalize), true, call_normalize, NULL },
    { "normalize", offsetof(socle_backend, normalize), true, call_normalize, prim_normalize },
};
static const trial_slot normalize_grad_slot[2] = {
    { "normalize_grad", offsetof(socle_backend, normalize_grad), true, call_normalize_grad, NULL },
    { "normalize_grad", offsetof(socle_backend, normalize_grad), true, call_normalize_grad, prim_normalize_grad },
};

static socle_shape input_shape(const norm_row *row)
{
    return socle_shape4(row->n, row->g, row->k, row->s);
}

static socle_shape stat_shape(const norm_row *row)
{
    return row->batch ? socle_shape1(row->g) : socle_shape2(row->n, row->g);
}

static socle_shape affine_shape(const norm_row *row)
{
    switch (row->affine) {
    case NORM_ELEMENT:
        return socle_shape3(row->g, row->k, row->s);
    case NORM_CHANNEL:
        return socle_shape3(row->g, row->k, 1);
    default:
        return socle_shape3(1, 1, 1);
    }
}

/* Numbers that share a mean. */
static double shared(const norm_row *row)
{
    return (double)row->s * (row->batch ? row->n : row->k);
}

static char *words(const norm_row *row, const socle_norm *p, char text[112])
{
    static const char *const affine[] = { "plain", "scalar", "channel", "element" };
    snprintf(text, 112, "%dx%dx%dx%d %s %s at %g%s%s%s%s", row->n, row->g, row->k, row->s,
             row->batch ? "batch" : "group", affine[row->affine], row->centre, p->unbiased ? " unbiased" : "",
             p->act ? " act" : "", p->var_min > 0 ? " raised" : "", p->share == 0 ? " detached" : "");
    return text;
}

static void begin_moments(trial *t, const norm_row *row, const socle_norm *p)
{
    char text[112];
    trial_begin(t, &moments_slot[row->batch], p, "%s", words(row, p, text));
    t->flags = row->flags;
    operand *mean = trial_out(t, "mean", TRIAL_REAL, stat_shape(row));
    mean->length = shared(row);
    mean->floor = 1;
    operand *var = trial_out(t, "var", TRIAL_REAL, stat_shape(row));
    var->length = shared(row);
    var->floor = 0.3;
    /* the mean's own rounding enters every difference: at 100 that is 1e-5 of a deviation, squared it is nothing */
    operand *x = trial_in(t, "x", TRIAL_REAL, input_shape(row));
    operand_uniform(t, x, row->centre - 1, row->centre + 1);
}

/* x, mean, var, gamma, beta: what both directions read. Means and variances near those of x, not those of x: a running
 * norm's. */
static void add_operands(trial *t, const norm_row *row)
{
    operand_uniform(t, trial_in(t, "x", TRIAL_REAL, input_shape(row)), row->centre - 1, row->centre + 1);
    operand_uniform(t, trial_in(t, "mean", TRIAL_REAL, stat_shape(row)), row->centre - 0.25, row->centre + 0.25);
    operand_uniform(t, trial_in(t, "var", TRIAL_REAL, stat_shape(row)), 0.25, 0.5);
    if (row->affine == NORM_PLAIN) {
        trial_absent(t, "gamma");
        trial_absent(t, "beta");
        return;
    }
    operand *gamma = trial_in(t, "gamma", TRIAL_REAL, affine_shape(row));
    operand *beta = trial_in(t, "beta", TRIAL_REAL, affine_shape(row));
    gamma->row_major = beta->row_major = true;
    operand_uniform(t, gamma, 0.5, 1.5);
    operand_uniform(t, beta, -0.5, 0.5);
}

/* |z| is up to 1.25 / 0.5 * 1.5 + 0.5, the result of six roundings of numbers of that size. */
static void try_normalize(session *s, const norm_row *row, const socle_norm *p)
{
    trial t;
    char text[112];
    trial_begin(&t, &normalize_slot[row->batch], p, "%s", words(row, p, text));
    t.flags = row->flags;
    operand *y = trial_out(&t, "y", TRIAL_REAL, input_shape(row));
    y->alias = 1u << 1;
    y->floor = 4;
    add_operands(&t, row);
    trial_run(s, &t);
}

enum { WANT_DX = 1, WANT_DGAMMA = 2, WANT_DBETA = 4 };

static void add_gradient(trial *t, const char *name, const norm_row *row, bool wanted, double size)
{
    if (!wanted || row->affine == NORM_PLAIN) {
        trial_absent(t, name);
        return;
    }
    operand *d = trial_out(t, name, TRIAL_REAL, affine_shape(row));
    double elements = (double)row->n * row->g * row->k * row->s;
    double each = row->affine == NORM_ELEMENT   ? (double)row->g * row->k * row->s
                  : row->affine == NORM_CHANNEL ? (double)row->g * row->k
                                                : 1;
    d->row_major = true;
    d->length = each > 0 ? elements / each : 1;
    d->floor = size;
}

/* z comes nowhere within rounding of an activation's kinks: the values are few and always the same. */
static void try_normalize_grad(session *s, const norm_row *row, const socle_norm *p, unsigned want)
{
    trial t;
    char text[112];
    trial_begin(&t, &normalize_grad_slot[row->batch], p, "%s%s", words(row, p, text),
                want == WANT_DX                      ? ", dx"
                : want == (WANT_DGAMMA | WANT_DBETA) ? ", parameters"
                                                     : "");
    t.flags = row->flags;
    if (want & WANT_DX) {
        operand *dx = trial_out(&t, "dx", TRIAL_REAL, input_shape(row));
        dx->alias = 1u << 3;
        dx->floor = 4; /* gamma r dz up to 3, and through the variance r^3 c^2 up to 8 */
        dx->budget = 8;
    } else {
        trial_absent(&t, "dx");
    }
    add_gradient(&t, "dgamma", row, want & WANT_DGAMMA, 2.5);
    add_gradient(&t, "dbeta", row, want & WANT_DBETA, 1);
    operand_uniform(&t, trial_in(&t, "dy", TRIAL_REAL, input_shape(row)), -1, 1);
    add_operands(&t, row);
    trial_run(s, &t);
}

static void try_row(session *s, const norm_row *row)
{
    const socle_norm plain = { .batch = row->batch, .groups = row->g, .eps = 1e-5f, .share = 1 };
    socle_norm unbiased = plain, raised = plain, relu = plain, general = plain, detached = plain;
    unbiased.unbiased = true;
    raised.var_min = 0.375f; /* about half of the variances below it */
    raised.share = 0.5f;
    relu.act = true;
    relu.max = INFINITY;
    general.act = true;
    general.leak = 0.1f;
    general.sub = 0.4f;
    general.max = 0.5f;
    detached.share = 0;
    if (row->n > 0) {
        trial t;
        begin_moments(&t, row, &plain);
        trial_run(s, &t);
        begin_moments(&t, row, &unbiased);
        trial_run(s, &t);
    }
    try_normalize(s, row, &plain);
    try_normalize(s, row, &raised);
    try_normalize(s, row, &relu);
    try_normalize(s, row, &general);
    bool affine = row->affine != NORM_PLAIN;
    try_normalize_grad(s, row, &plain, WANT_DX | WANT_DGAMMA | WANT_DBETA);
    try_normalize_grad(s, row, &unbiased, WANT_DX);
    try_normalize_grad(s, row, &raised, WANT_DX | WANT_DGAMMA | WANT_DBETA);
    try_normalize_grad(s, row, &detached, WANT_DX | WANT_DGAMMA | WANT_DBETA);
    if (affine)
        try_normalize_grad(s, row, &plain, WANT_DGAMMA | WANT_DBETA);
    try_normalize_grad(s, row, &relu, WANT_DX | WANT_DGAMMA | WANT_DBETA);
    try_normalize_grad(s, row, &general, WANT_DX | WANT_DGAMMA | WANT_DBETA);
}

void family_norm(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(norm_rows); i++)
        if (session_wants(s, norm_rows[i].flags))
            try_row(s, &norm_rows[i]);
}

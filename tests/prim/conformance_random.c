/* Conformance of random_uniform, random_normal and dropout: the same Philox words on every device. */
#include <math.h>

#include "conformance_trial.h"
#include "cases/random.h"

static socle_status call_uniform(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return b->random_uniform(self, v[0], r->philox, r->a, r->b);
}

static socle_status prim_uniform(socle_tensor *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return socle_prim_random_uniform(v[0], r->philox, r->a, r->b);
}

static socle_status call_normal(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return b->random_normal(self, v[0], r->philox, r->a, r->b);
}

static socle_status prim_normal(socle_tensor *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return socle_prim_random_normal(v[0], r->philox, r->a, r->b);
}

static socle_status call_dropout(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return b->dropout(self, v[0], v[1], r->philox, r->a);
}

static socle_status prim_dropout(socle_tensor *const *v, const trial *t)
{
    const random_row *r = t->attr;
    return socle_prim_dropout(v[0], v[1], r->philox, r->a);
}

static const trial_slot uniform_slot = { "random_uniform", offsetof(socle_backend, random_uniform), false,
                                         call_uniform, prim_uniform };
static const trial_slot normal_slot = { "random_normal", offsetof(socle_backend, random_normal), false, call_normal,
                                        prim_normal };
static const trial_slot dropout_slot = { "dropout", offsetof(socle_backend, dropout), true, call_dropout,
                                         prim_dropout };

/* Box-Muller in float: the angle, at most 2 pi, is rounded, which moves the result by radius times 2 pi eps. */
static const double normal_budget = 8;
static const double largest_normal = 5.8; /* sqrt(-2 log 2^-24) */

static void try_draw(session *s, const trial_slot *slot, const random_row *row)
{
    char words[64];
    trial t;
    trial_begin(&t, slot, row, "%s key %llx counter %llx", shape_words(case_shape(&row->shape), words),
                (unsigned long long)row->philox.key, (unsigned long long)row->philox.counter);
    t.flags = row->shape.flags;
    operand *y = trial_out(&t, "y", TRIAL_REAL, case_shape(&row->shape));
    double a = fabs((double)row->a), b = fabs((double)row->b);
    bool normal = slot == &normal_slot;
    y->floor = normal ? a + largest_normal * b : a + b;
    y->budget = normal ? normal_budget : 0;
    trial_run(s, &t);
}

static void try_dropout(session *s, const random_row *row, float p)
{
    char words[64];
    random_row attr = *row;
    attr.a = p;
    trial t;
    trial_begin(&t, &dropout_slot, &attr, "%s p %g counter %llx", shape_words(case_shape(&row->shape), words),
                (double)p, (unsigned long long)row->philox.counter);
    t.flags = row->shape.flags;
    trial_out(&t, "y", TRIAL_REAL, case_shape(&row->shape))->alias = 1u << 1;
    operand_uniform(&t, trial_in(&t, "x", TRIAL_REAL, case_shape(&row->shape)), 0.5, 1);
    trial_run(s, &t);
}

void family_random(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(random_rows); i++) {
        if (!session_wants(s, random_rows[i].shape.flags))
            continue;
        try_draw(s, &uniform_slot, &random_rows[i]);
        try_draw(s, &normal_slot, &random_rows[i]);
        for (size_t k = 0; k < CASE_COUNT(dropout_rows); k++)
            try_dropout(s, &random_rows[i], dropout_rows[k]);
    }
}

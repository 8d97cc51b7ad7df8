/* Conformance of gemm. Transposed operands are among the layouts. */
#include "conformance_trial.h"
#include "cases/gemm.h"

typedef struct gemm_attr {
    float alpha, beta;
} gemm_attr;

static socle_status call_gemm(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const gemm_attr *a = t->attr;
    return b->gemm(self, v[0], v[1], v[2], a->alpha, a->beta);
}

static socle_status prim_gemm(socle_tensor *const *v, const trial *t)
{
    const gemm_attr *a = t->attr;
    return socle_prim_gemm(v[0], v[1], false, v[2], false, a->alpha, a->beta);
}

static const trial_slot gemm_slot = { "gemm", offsetof(socle_backend, gemm), false, call_gemm, prim_gemm };

static socle_shape matrix(const gemm_row *row, int rows, int columns)
{
    socle_shape s = { 0 };
    for (int i = 0; i < 2; i++)
        if (row->batch[i] > 0)
            s.dim[s.ndim++] = row->batch[i];
    s.dim[s.ndim++] = rows;
    s.dim[s.ndim++] = columns;
    return s;
}

static void try_gemm(session *s, const gemm_row *row, uint32_t repeat_b)
{
    gemm_attr attr = { row->alpha, row->beta };
    gemm_attr squared = { row->alpha * row->alpha, row->beta * row->beta };
    trial t;
    trial_begin(&t, &gemm_slot, &attr, "%dx%d of %dx%d batch %d %d alpha %g beta %g%s", row->m, row->n, row->k,
                row->n, row->batch[0], row->batch[1], (double)row->alpha, (double)row->beta,
                repeat_b ? " one b" : "");
    t.flags = row->flags;
    t.mixes = 6; /* transposed or not, each of three */
    t.terms = true;
    t.takes_empty = row->m > 0;
    t.attr_squared = &squared;
    operand *c = row->beta == 0 ? trial_out(&t, "c", TRIAL_REAL, matrix(row, row->m, row->n))
                                : trial_inout(&t, "c", TRIAL_REAL, matrix(row, row->m, row->n));
    c->length = row->k + 1;
    c->budget = row->budget;
    if (row->beta != 0)
        operand_uniform(&t, c, -1, 1);
    operand_uniform(&t, trial_in(&t, "a", TRIAL_REAL, matrix(row, row->m, row->k)), -1, 1);
    operand *b = trial_in(&t, "b", TRIAL_REAL, matrix(row, row->k, row->n));
    operand_stored(b, repeat_b);
    operand_uniform(&t, b, -1, 1);
    trial_run(s, &t);
}

void family_gemm(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(gemm_rows); i++) {
        if (!session_wants(s, gemm_rows[i].flags))
            continue;
        try_gemm(s, &gemm_rows[i], 0);
        if (gemm_rows[i].batch[0] > 0 && gemm_rows[i].batch[1] == 0)
            try_gemm(s, &gemm_rows[i], 1); /* one b for the whole batch */
        else if (gemm_rows[i].flags == 0 && gemm_rows[i].k > 1)
            try_gemm(s, &gemm_rows[i], 1); /* b's rows are all one row */
    }
}

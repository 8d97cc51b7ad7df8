/* Conformance of gather and scatter_add. */
#include "conformance_trial.h"
#include "cases/index.h"

static socle_status call_gather(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->gather(self, v[0], v[1], v[2], ((const index_row *)t->attr)->axis);
}

static socle_status prim_gather(socle_tensor *const *v, const trial *t)
{
    return socle_prim_gather(v[0], v[1], v[2], ((const index_row *)t->attr)->axis);
}

static socle_status call_scatter(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    return b->scatter_add(self, v[0], v[1], v[2], ((const index_row *)t->attr)->axis);
}

static socle_status prim_scatter(socle_tensor *const *v, const trial *t)
{
    return socle_prim_scatter_add(v[0], v[1], v[2], ((const index_row *)t->attr)->axis);
}

static const trial_slot gather_slot = { "gather", offsetof(socle_backend, gather), false, call_gather,
                                        prim_gather };
static const trial_slot scatter_slot = { "scatter_add", offsetof(socle_backend, scatter_add), false, call_scatter,
                                         prim_scatter };

static socle_shape table_shape(const index_row *row)
{
    socle_shape s = case_shape(&row->picked);
    s.dim[row->axis] = row->rows;
    return s;
}

static void add_index(trial *t, const index_row *row, bool outside)
{
    operand *index = trial_in(t, "index", SOCLE_I32, case_shape(&row->picked));
    operand_stored(index, row->repeat);
    operand_whole(t, index, 0, row->rows - 1);
    if (outside && operand_count(index) > 0) { /* rejected, or undefined values: never memory outside */
        index->values[0] = -1;
        index->values[operand_count(index) - 1] = row->rows;
        t->may_reject = true;
    }
}

static void try_gather(session *s, const index_row *row, socle_dtype dtype, bool outside)
{
    trial t;
    trial_begin(&t, &gather_slot, row, "%s %s%s", row->name, socle_dtype_name(dtype), outside ? ", outside" : "");
    t.flags = row->picked.flags;
    trial_out(&t, "y", dtype, case_shape(&row->picked))->exact = true;
    operand *x = trial_in(&t, "x", dtype, table_shape(row));
    if (dtype == TRIAL_REAL)
        operand_uniform(&t, x, -1, 1);
    else
        operand_whole(&t, x, 0, 250);
    add_index(&t, row, outside);
    trial_run(s, &t);
}

static void try_scatter(session *s, const index_row *row, bool outside)
{
    trial t;
    trial_begin(&t, &scatter_slot, row, "%s%s", row->name, outside ? ", outside" : "");
    t.flags = row->picked.flags;
    t.terms = !outside;
    operand *y = trial_inout(&t, "y", TRIAL_REAL, table_shape(row));
    operand_uniform(&t, y, -1, 1);
    y->length = (double)row->picked.dim[row->axis] + 1; /* at most so many land on one */
    operand_uniform(&t, trial_in(&t, "x", TRIAL_REAL, case_shape(&row->picked)), -1, 1);
    add_index(&t, row, outside);
    trial_run(s, &t);
}

void family_index(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(index_rows); i++) {
        const index_row *row = &index_rows[i];
        if (!session_wants(s, row->picked.flags))
            continue;
        try_gather(s, row, TRIAL_REAL, false);
        try_gather(s, row, SOCLE_I32, false);
        try_gather(s, row, SOCLE_U8, false);
        try_scatter(s, row, false);
        try_gather(s, row, TRIAL_REAL, true);
        try_scatter(s, row, true);
    }
}

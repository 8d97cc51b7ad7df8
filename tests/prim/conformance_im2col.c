/* Conformance of im2col and col2im, which have no primitive of their own: conv's composition uses them. */
#include "conformance_trial.h"
#include "cases/conv.h"

static socle_status call_im2col(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const conv_row *row = t->attr;
    return b->im2col(self, &row->p, v[0], v[1], row->r, row->s, conv_row_out(row, 0), conv_row_out(row, 1));
}

static socle_status call_col2im(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    const conv_row *row = t->attr;
    return b->col2im(self, &row->p, v[0], v[1], row->r, row->s, conv_row_out(row, 0), conv_row_out(row, 1));
}

static const trial_slot im2col_slot = { "im2col", offsetof(socle_backend, im2col), false, call_im2col, NULL };
static const trial_slot col2im_slot = { "col2im", offsetof(socle_backend, col2im), false, call_col2im, NULL };

void try_im2col(session *s, const conv_row *row)
{
    socle_shape x = socle_shape4(row->n, row->c, row->h, row->w);
    int64_t pixels = (int64_t)conv_row_out(row, 0) * conv_row_out(row, 1);
    socle_shape cols = socle_shape3(row->n, (int64_t)row->c * row->r * row->s, pixels);
    trial t;
    trial_begin(&t, &im2col_slot, row, "%s", row->name);
    t.flags = row->flags;
    trial_out(&t, "cols", TRIAL_REAL, cols)->exact = true;
    operand_uniform(&t, trial_in(&t, "x", TRIAL_REAL, x), -1, 1);
    trial_run(s, &t);

    trial_begin(&t, &col2im_slot, row, "%s", row->name);
    t.flags = row->flags;
    t.terms = true;
    trial_out(&t, "x", TRIAL_REAL, x)->length = row->r * row->s;
    operand_uniform(&t, trial_in(&t, "cols", TRIAL_REAL, cols), -1, 1);
    trial_run(s, &t);
}

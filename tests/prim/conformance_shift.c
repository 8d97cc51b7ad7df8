/* Conformance of shift_images. */
#include "conformance_trial.h"
#include "cases/shift.h"

static const float pad = 0.375f;

static socle_status call_shift(const socle_backend *b, void *self, const socle_view *const *v, const trial *t)
{
    (void)t;
    return b->shift_images(self, v[0], v[1], v[2], pad);
}

static socle_status prim_shift(socle_tensor *const *v, const trial *t)
{
    (void)t;
    return socle_prim_shift_images(v[0], v[1], v[2], pad);
}

static const trial_slot shift_slot = { "shift_images", offsetof(socle_backend, shift_images), true, call_shift,
                                       prim_shift };

static void try_shift(session *s, const shift_row *row)
{
    trial t;
    trial_begin(&t, &shift_slot, row, "%s", row->name);
    t.flags = row->x.flags;
    socle_shape y = case_shape(&row->x);
    y.dim[2] = row->height;
    y.dim[3] = row->width;
    trial_out(&t, "y", TRIAL_REAL, y)->exact = true;
    operand_uniform(&t, trial_in(&t, "x", TRIAL_REAL, case_shape(&row->x)), -1, 1);
    operand *place = trial_in(&t, "place", SOCLE_I32, socle_shape2(y.dim[0], 3));
    place->row_major = true;
    operand_whole(&t, place, -row->far, row->far);
    for (size_t i = 2; i < operand_count(place); i += 6) /* every other image as it is */
        place->values[i] = 0;
    trial_run(s, &t);
}

void family_shift(session *s)
{
    for (size_t i = 0; i < CASE_COUNT(shift_rows); i++)
        if (session_wants(s, shift_rows[i].x.flags))
            try_shift(s, &shift_rows[i]);
}

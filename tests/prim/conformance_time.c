/* Calls for those who time them: one layout, one number of threads, judged like any other. */
#include <stdio.h>

#include "conformance_session.h"
#include "cases/case.h"

/* As the device's own networks lay them out. */
static arrangement native(const rig *r, const trial *t)
{
    socle_caps caps = { .lanes = 1 };
    r->backend->caps(r->self, &caps);
    arrangement a = trial_uniform(t, caps.lanes == SOCLE_LANES ? LAYOUT_BLOCK : LAYOUT_PLAIN);
    for (int i = 0; i < t->n; i++)
        if (t->op[i].parameter)
            a.layout[i] = LAYOUT_PLAIN;
    return a;
}

/* What moves if everything is read: elements that are stored once count once. */
static size_t bytes_of(const trial *t, const layout_set *l)
{
    size_t bytes = 0;
    for (int i = 0; i < t->n; i++)
        if (t->op[i].role != TRIAL_ABSENT)
            bytes += l->operand[i]->count * l->operand[i]->size * (t->op[i].role == TRIAL_INOUT ? 2 : 1);
    return bytes;
}

static bool has_elements(const trial *t)
{
    for (int i = 0; i < t->n; i++)
        for (int k = 0; t->op[i].role != TRIAL_ABSENT && k < t->op[i].shape.ndim; k++)
            if (t->op[i].shape.dim[k] == 0)
                return false;
    return true;
}

static socle_status run_again(void *call)
{
    return rig_run(call);
}

void trial_time(session *s, trial *t)
{
    const conformance_timing *timing = s->options->timing;
    rig r = s->rig[0];
    r.prims = t->slot->prim != NULL; /* with its composition, where the device has nothing better */
    if (!(timing->all || (t->flags & CASE_BENCH)) || t->may_reject || !has_elements(t) ||
        !timing->wanted(timing->user, t->slot->name, t->row) || (!r.prims && !slot_present(r.backend, t->slot)))
        return;
    char text[TRIAL_TEXT] = "";
    double worst = 0;
    if (!trial_expect(s, t) || (t->terms && !trial_find_scales(s, t))) {
        snprintf(text, sizeof text, "the reference: %.200s", socle_error());
        trial_tell(s, t, CONFORMANCE_FAIL, "", text, 0, 0);
        s->summary->failed++;
        return;
    }
    arrangement a = native(&r, t);
    layout_set l = layout_set_make(t, &a, r.real);
    rig_operands o;
    rig_upload(&o, &r, t, &l);
    socle_status status = rig_run(&o);
    rig_download(&o);
    bool right = trial_judge(t, &l, status, r.real, &worst, text);
    if (right && status == SOCLE_OK) {
        conformance_call c = { t->slot->name, t->row, r.device, bytes_of(t, &l), run_again, &o };
        right = timing->time(timing->user, &c) == SOCLE_OK;
        if (!right)
            snprintf(text, sizeof text, "repeated: %.200s", socle_error());
    }
    rig_free(&o);
    layout_set_free(&l);
    s->summary->rows++;
    s->summary->failed += !right;
    trial_tell(s, t,
               !right               ? CONFORMANCE_FAIL
               : status == SOCLE_OK ? CONFORMANCE_PASS
                                    : CONFORMANCE_SKIP,
               "", text, worst, 0);
}

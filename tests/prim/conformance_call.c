/* One call of one slot, or of its primitive, on one device. */
#include <string.h>

#include "conformance_session.h"
#include "support/die.h"

layout_set layout_set_make(const trial *t, const arrangement *a, socle_dtype real)
{
    layout_set l = { .arrangement = a };
    for (int i = 0; i < t->n; i++)
        if (t->op[i].role != TRIAL_ABSENT && a->shared[i] < 0)
            l.operand[i] = place(&t->op[i], a->layout[i], real);
    return l;
}

void layout_set_free(layout_set *l)
{
    for (int i = 0; i < TRIAL_MAX_OPERANDS; i++)
        placed_free(l->operand[i]);
}

placed *layout_set_of(const layout_set *l, int i)
{
    int shared = l->arrangement->shared[i];
    return l->operand[shared >= 0 ? shared : i];
}

bool slot_present(const socle_backend *b, const trial_slot *slot)
{
    void (*entry)(void);
    memcpy(&entry, (const char *)b + slot->at, sizeof(entry));
    return entry != NULL;
}

static void place_views(rig_operands *o)
{
    for (int i = 0; i < o->trial->n; i++) {
        if (o->trial->op[i].role == TRIAL_ABSENT)
            continue;
        int shared = o->set->arrangement->shared[i];
        o->view[i] = socle_tensor_view(o->base[shared >= 0 ? shared : i], &layout_set_of(o->set, i)->view);
        if (o->view[i] == NULL)
            support_die("view of %s: %s", o->trial->op[i].name, socle_error());
    }
}

void rig_upload(rig_operands *o, const rig *r, const trial *t, const layout_set *l)
{
    *o = (rig_operands){ .rig = r, .trial = t, .set = l };
    for (int i = 0; i < t->n; i++) {
        const placed *p = l->operand[i];
        if (p == NULL)
            continue;
        o->base[i] = socle_tensor_from(r->device, p->dtype, socle_shape1((int64_t)p->elements), p->before);
        if (o->base[i] == NULL)
            support_die("upload: %s", socle_error());
    }
    place_views(o);
}

static socle_status run_slot(const rig_operands *o)
{
    socle_view view[TRIAL_MAX_OPERANDS];
    const socle_view *pointer[TRIAL_MAX_OPERANDS] = { NULL };
    for (int i = 0; i < o->trial->n; i++)
        if (o->view[i] != NULL) {
            view[i] = socle_view_of(o->view[i]);
            pointer[i] = &view[i];
        }
    return o->trial->slot->call(o->rig->backend, o->rig->self, pointer, o->trial);
}

socle_status rig_run(const rig_operands *o)
{
    return o->rig->prims ? o->trial->slot->prim(o->view, o->trial) : run_slot(o);
}

void rig_download(const rig_operands *o)
{
    for (int i = 0; i < o->trial->n; i++) {
        placed *p = o->set->operand[i];
        if (o->base[i] != NULL && socle_read(o->base[i], p->after, p->elements * p->size) != SOCLE_OK)
            support_die("download: %s", socle_error());
    }
}

void rig_free(rig_operands *o)
{
    for (int i = 0; i < o->trial->n; i++) {
        socle_release(o->view[i]);
        socle_release(o->base[i]);
    }
}

socle_status rig_call(const rig *r, const trial *t, layout_set *l)
{
    rig_operands o;
    rig_upload(&o, r, t, l);
    socle_status status = rig_run(&o);
    rig_download(&o);
    rig_free(&o);
    return status;
}

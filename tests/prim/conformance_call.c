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

static socle_tensor *upload(const rig *r, const placed *p)
{
    socle_tensor *t = socle_tensor_from(r->device, p->dtype, socle_shape1((int64_t)p->elements), p->before);
    if (t == NULL)
        support_die("upload: %s", socle_error());
    return t;
}

static socle_status call_slot(const rig *r, const trial *t, const layout_set *l, socle_tensor *const *base)
{
    socle_view view[TRIAL_MAX_OPERANDS];
    const socle_view *pointer[TRIAL_MAX_OPERANDS] = { NULL };
    for (int i = 0; i < t->n; i++) {
        if (t->op[i].role == TRIAL_ABSENT)
            continue;
        int shared = l->arrangement->shared[i];
        socle_view memory = socle_view_of(base[shared >= 0 ? shared : i]);
        view[i] = layout_set_of(l, i)->view;
        view[i].buffer = memory.buffer;
        view[i].offset += memory.offset;
        pointer[i] = &view[i];
    }
    return t->slot->call(r->backend, r->self, pointer, t);
}

static socle_status call_prim(const trial *t, const layout_set *l, socle_tensor *const *base)
{
    socle_tensor *tensor[TRIAL_MAX_OPERANDS] = { NULL };
    for (int i = 0; i < t->n; i++) {
        if (t->op[i].role == TRIAL_ABSENT)
            continue;
        int shared = l->arrangement->shared[i];
        tensor[i] = socle_tensor_view(base[shared >= 0 ? shared : i], &layout_set_of(l, i)->view);
        if (tensor[i] == NULL)
            support_die("view of %s: %s", t->op[i].name, socle_error());
    }
    socle_status status = t->slot->prim(tensor, t);
    for (int i = 0; i < t->n; i++)
        socle_release(tensor[i]);
    return status;
}

socle_status rig_call(const rig *r, const trial *t, layout_set *l)
{
    socle_tensor *base[TRIAL_MAX_OPERANDS] = { NULL };
    for (int i = 0; i < t->n; i++)
        if (l->operand[i] != NULL)
            base[i] = upload(r, l->operand[i]);
    socle_status status = r->prims ? call_prim(t, l, base) : call_slot(r, t, l, base);
    for (int i = 0; i < t->n; i++) {
        if (base[i] == NULL)
            continue;
        placed *p = l->operand[i];
        if (socle_read(base[i], p->after, p->elements * p->size) != SOCLE_OK)
            support_die("download: %s", socle_error());
        socle_release(base[i]);
    }
    return status;
}

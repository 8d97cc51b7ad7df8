/* Inside the conformance program: the devices of one run, and one call on one of them. */
#ifndef CONFORMANCE_SESSION_H
#define CONFORMANCE_SESSION_H

#include "conformance_trial.h"

enum { SESSION_MAX_RIGS = 4 };

typedef struct rig {
    socle_device *device;
    const socle_backend *backend;
    void *self;
    socle_dtype real;
    bool prims;
} rig;

struct session {
    const conformance_options *options;
    rig rig[SESSION_MAX_RIGS]; /* the same device with 1, 2, 3 threads */
    int n_rigs;
    rig reference;
    conformance_report report;
    void *user;
    conformance_summary *summary;
};

/* The operands of a trial in memory. */
typedef struct layout_set {
    placed *operand[TRIAL_MAX_OPERANDS]; /* NULL: absent, or on another's memory */
    const arrangement *arrangement;
} layout_set;

layout_set layout_set_make(const trial *t, const arrangement *a, socle_dtype real);
void layout_set_free(layout_set *l);
/* The memory of operand i: its own or the one it lies on. */
placed *layout_set_of(const layout_set *l, int i);
/* Uploads the images, calls, downloads. The answer of the slot; what the runner itself cannot do aborts. */
socle_status rig_call(const rig *r, const trial *t, layout_set *l);
/* NULL where the table has no such entry. */
bool slot_present(const socle_backend *b, const trial_slot *slot);

#endif

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
/* One call on one device with its operands in the device's memory. */
typedef struct rig_operands {
    const rig *rig;
    const trial *trial;
    const layout_set *set;
    socle_tensor *base[TRIAL_MAX_OPERANDS]; /* the images; NULL as in the set */
    socle_tensor *view[TRIAL_MAX_OPERANDS]; /* the operands in them; NULL: absent */
} rig_operands;
void rig_upload(rig_operands *o, const rig *r, const trial *t, const layout_set *l);
socle_status rig_run(const rig_operands *o);
void rig_download(const rig_operands *o); /* into the set's images */
void rig_free(rig_operands *o);
/* Uploads the images, calls, downloads. The answer of the slot; what the runner itself cannot do aborts. */
socle_status rig_call(const rig *r, const trial *t, layout_set *l);
/* NULL where the table has no such entry. */
bool slot_present(const socle_backend *b, const trial_slot *slot);

enum { TRIAL_TEXT = 320 };
/* The values of scale, where the trial wants them. */
bool trial_find_scales(session *s, trial *t);
arrangement trial_uniform(const trial *t, layout l);
/* Whether a call's answer and what it wrote are right; else text[TRIAL_TEXT] says what is wrong. */
bool trial_judge(const trial *t, const layout_set *l, socle_status status, socle_dtype real, double *worst,
                 char *text);
/* A line of the report. */
void trial_tell(session *s, const trial *t, conformance_verdict verdict, const char *where, const char *text,
                double ratio, double seconds);
/* What trial_run does where calls are timed: conformance_time.c. */
void trial_time(session *s, trial *t);

#endif

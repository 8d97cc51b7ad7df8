/* What a Learner keeps to itself, behind the open struct of learner.h. */
#ifndef LEARN_LEARNER_H
#define LEARN_LEARNER_H

#include <socle/learner.h>

typedef struct learner {
    socle_learner open; /* first: the public pointer is a pointer to this */
    const socle_opt_rule *rule;
    socle_group_fn group_of;
    void *group_user;
    /* In order while no fit runs. Callbacks added inside a fit wait behind the first n_active for the next one. */
    socle_callback *callback;
    size_t n_callbacks, cap_callbacks, n_active;
    bool fitting;
    bool rehearsing; /* callbacks that want no rehearsal are left out */
    bool dry;        /* fits walk through their batches for the callbacks that say dry */
    /* The first callback that could not be made or kept: fails the next fit. */
    socle_status add_status;
    char add_text[512];
    /* Message of the fit's failure: cleanup events may fail too, and must not hide it. */
    char fail_text[512];
} learner;

/* The message of this thread's last failure, kept. */
void keep_error(char text[512]);

/* Calls one event (its offset in socle_callback) of the active callbacks in order. emit: until one answers other
 * than 0. emit_all: every one; a failure wins over a cancellation, of several the first. */
socle_flow emit(socle_learner *l, size_t event);
socle_flow emit_all(socle_learner *l, size_t event);
/* Of two answers the one that matters more: the first failure, else the widest cancellation. */
socle_flow worse_flow(socle_flow a, socle_flow b);

void sort_callbacks(learner *p); /* stably, by order */
/* Keeps cb at the end of the list. False: ERR_NOMEM, with nothing kept and nothing dropped. */
bool push_callback(learner *p, socle_callback cb);

extern const socle_loop default_loop;

#endif

/* Hyper-parameters as they were in each training batch: a row of numbers for each parameter group. */
#ifndef LEARN_TRACKS_H
#define LEARN_TRACKS_H

#include <socle/optim.h>

typedef struct track {
    float *value;
    size_t n, cap;
} track;

typedef struct tracks {
    int hyper[SOCLE_HYPER_MAX]; /* of n */
    int n;
    track *row[SOCLE_HYPER_MAX]; /* of each of them: groups[i] rows */
    size_t groups[SOCLE_HYPER_MAX];
} tracks;

socle_status tracks_add(tracks *t, int hyper);
/* What o has now. */
socle_status tracks_push(tracks *t, const socle_optimizer *o);
/* NULL where nothing was kept. */
const track *tracks_find(const tracks *t, int hyper, int group);
void tracks_free(tracks *t);

#endif

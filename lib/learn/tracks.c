/* Hyper-parameters as they were in each training batch. */
#include "tracks.h"

#include <socle/sys/memory.h>

static int find(const tracks *t, int hyper)
{
    int i = 0;
    while (i < t->n && t->hyper[i] != hyper)
        i++;
    return i;
}

socle_status tracks_add(tracks *t, int hyper)
{
    if (hyper < 0 || hyper >= SOCLE_HYPER_MAX)
        return socle_fail(SOCLE_ERR_ARG, "recorder: there is no hyper-parameter %d", hyper);
    if (find(t, hyper) == t->n)
        t->hyper[t->n++] = hyper;
    return SOCLE_OK;
}

/* Rows for so many groups. */
static socle_status reach(tracks *t, int at, size_t groups)
{
    if (t->groups[at] >= groups)
        return SOCLE_OK;
    track *rows = socle_mem_zeroed(groups, sizeof *rows);
    if (!rows)
        return SOCLE_ERR_NOMEM;
    for (size_t g = 0; g < t->groups[at]; g++)
        rows[g] = t->row[at][g];
    socle_mem_free(t->row[at]);
    t->row[at] = rows;
    t->groups[at] = groups;
    return SOCLE_OK;
}

socle_status tracks_push(tracks *t, const socle_optimizer *o)
{
    size_t groups = (size_t)socle_optimizer_groups(o);
    for (int i = 0; i < t->n; i++) {
        if (reach(t, i, groups) != SOCLE_OK)
            return SOCLE_ERR_NOMEM;
        for (size_t g = 0; g < groups; g++) {
            track *row = &t->row[i][g];
            float *grown = socle_mem_grow(row->value, &row->cap, row->n + 1, sizeof *grown);
            if (!grown)
                return SOCLE_ERR_NOMEM;
            row->value = grown;
            row->value[row->n++] = socle_hyper_get(o, (int)g, t->hyper[i]);
        }
    }
    return SOCLE_OK;
}

const track *tracks_find(const tracks *t, int hyper, int group)
{
    int at = find(t, hyper);
    return at < t->n && group >= 0 && (size_t)group < t->groups[at] ? &t->row[at][group] : NULL;
}

void tracks_free(tracks *t)
{
    for (int i = 0; i < t->n; i++) {
        for (size_t g = 0; g < t->groups[i]; g++)
            socle_mem_free(t->row[i][g].value);
        socle_mem_free(t->row[i]);
    }
}

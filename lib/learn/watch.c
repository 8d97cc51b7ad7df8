/* One column of the rows that callbacks log. */
#include "watch.h"

#include <math.h>
#include <string.h>
#include <socle/sys/memory.h>

socle_status watch_init(watch *w, const socle_watch_desc *o)
{
    *w = (watch){ .higher = o->higher, .on_train = o->on_train, .min_delta = o->min_delta };
    if (!(o->min_delta >= 0) || !isfinite(o->min_delta))
        return socle_fail(SOCLE_ERR_ARG, "watch: an improvement by %g", o->min_delta);
    w->metric = socle_mem_string(o->metric ? o->metric : "loss");
    return w->metric ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

void watch_free(watch *w)
{
    socle_mem_free(w->metric);
}

bool watch_wants(const watch *w, const socle_learner *l)
{
    return l->training == w->on_train;
}

static void listen(socle_learner *l, int n, const char *const *name, const double *value)
{
    watch *w = l->log_user;
    for (int i = 0; i < n && watch_wants(w, l); i++)
        if (strcmp(name[i], w->metric) == 0) {
            w->value = value[i];
            w->logged = true;
        }
    if (w->next) {
        l->log_user = w->next_user;
        w->next(l, n, name, value);
        l->log_user = w;
    }
}

void watch_begin(watch *w, socle_learner *l)
{
    w->best = (double)NAN;
    w->logged = false;
    w->next = l->log;
    w->next_user = l->log_user;
    l->log = listen;
    l->log_user = w;
}

socle_status watch_judge(watch *w, const char *who, bool *improved)
{
    if (!w->logged)
        return socle_fail(SOCLE_ERR_ARG, "%s: nothing called %s was logged; the metrics callback logs", who,
                          w->metric);
    w->logged = false;
    double gain = w->higher ? w->value - w->best : w->best - w->value;
    *improved = !isnan(w->value) && (isnan(w->best) || gain > w->min_delta);
    if (*improved)
        w->best = w->value;
    return SOCLE_OK;
}

/* Events: the order of callbacks and what their answers mean. */
#include "learner.h"

#include <string.h>

void sort_callbacks(learner *p)
{
    for (size_t i = 1; i < p->n_callbacks; i++) {
        socle_callback moving = p->callback[i];
        size_t at = i;
        for (; at > 0 && p->callback[at - 1].order > moving.order; at--)
            p->callback[at] = p->callback[at - 1];
        p->callback[at] = moving;
    }
}

socle_flow worse_flow(socle_flow a, socle_flow b)
{
    if (a < 0 || b < 0)
        return a < 0 ? a : b;
    return a > b ? a : b;
}

/* The event of callback i, by value: a callback may add others, which moves the list. */
static socle_flow call(socle_learner *l, size_t i, size_t event)
{
    const learner *p = (learner *)l;
    const socle_callback cb = p->callback[i];
    if ((p->rehearsing && cb.no_rehearsal) || (p->dry && !cb.dry))
        return 0;
    socle_event f;
    memcpy(&f, (const char *)&cb + event, sizeof f);
    socle_flow answer = f ? f(l, cb.user) : 0;
    if (answer > SOCLE_CANCEL_FIT || answer < SOCLE_STATUS_LOWEST)
        return socle_fail(SOCLE_ERR_ARG, "learner: callback %s answered %d, which means nothing", cb.name, answer);
    if (answer < 0 && socle_error_status() != (socle_status)answer)
        return socle_fail((socle_status)answer, "callback %s: %s", cb.name,
                          socle_status_text((socle_status)answer));
    return answer;
}

socle_flow emit(socle_learner *l, size_t event)
{
    size_t n = ((learner *)l)->n_active;
    socle_flow answer = 0;
    for (size_t i = 0; i < n && !answer; i++)
        answer = call(l, i, event);
    return answer;
}

socle_flow emit_all(socle_learner *l, size_t event)
{
    size_t n = ((learner *)l)->n_active;
    socle_flow answer = 0;
    for (size_t i = 0; i < n; i++)
        answer = worse_flow(answer, call(l, i, event));
    return answer;
}

/* POSIX threads behind the face of thread.h. Locking cannot fail for objects that were made and are used properly,
 * so those calls are asserted, not reported. */
#include "thread.h"

#include <assert.h>
#include "error.h"

/* The system's refusal of something it has to make. */
static socle_status made(int error, const char *what)
{
    SOCLE_CHECK(error == 0, SOCLE_ERR_NOMEM, "the system has no more %s (error %d)", what, error);
    return SOCLE_OK;
}

static void done(int error)
{
    assert(error == 0);
    (void)error;
}

socle_status thread_start(thread *t, void *(*run)(void *), void *arg)
{
    return made(pthread_create(&t->id, NULL, run, arg), "threads");
}

void thread_join(thread *t)
{
    done(pthread_join(t->id, NULL));
}

socle_status mutex_init(mutex *m)
{
    return made(pthread_mutex_init(&m->m, NULL), "mutexes");
}

void mutex_free(mutex *m)
{
    done(pthread_mutex_destroy(&m->m));
}

void mutex_lock(mutex *m)
{
    done(pthread_mutex_lock(&m->m));
}

void mutex_unlock(mutex *m)
{
    done(pthread_mutex_unlock(&m->m));
}

socle_status condition_init(condition *c)
{
    return made(pthread_cond_init(&c->c, NULL), "condition variables");
}

void condition_free(condition *c)
{
    done(pthread_cond_destroy(&c->c));
}

void condition_wait(condition *c, mutex *m)
{
    done(pthread_cond_wait(&c->c, &m->m));
}

void condition_wake_all(condition *c)
{
    done(pthread_cond_broadcast(&c->c));
}

/* Threads behind one face: POSIX here; another system is another thread_*.c. */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include <pthread.h>
#include <socle/base.h>

typedef struct thread {
    pthread_t id;
} thread;
typedef struct mutex {
    pthread_mutex_t m;
} mutex;
typedef struct condition {
    pthread_cond_t c;
} condition;

/* ERR_NOMEM when the system has no more. */
socle_status thread_start(thread *t, void *(*run)(void *), void *arg) SOCLE_MUST_USE;
void thread_join(thread *t);
socle_status mutex_init(mutex *m) SOCLE_MUST_USE;
void mutex_free(mutex *m);
void mutex_lock(mutex *m);
void mutex_unlock(mutex *m);
socle_status condition_init(condition *c) SOCLE_MUST_USE;
void condition_free(condition *c);
void condition_wait(condition *c, mutex *m);
void condition_wake_all(condition *c);

#endif

/* The thread's error record, and the log. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"

Test(error, a_thread_starts_without_an_error)
{
    cr_assert_eq(socle_error_status(), SOCLE_OK);
    cr_assert_str_eq(socle_error(), socle_status_text(SOCLE_OK));
}

Test(error, fail_records_the_message_and_returns_the_status)
{
    cr_assert_eq(socle_fail(SOCLE_ERR_SHAPE, "%s: %d channels", "conv2d", 3), SOCLE_ERR_SHAPE);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_SHAPE);
    cr_assert_str_eq(socle_error(), "conv2d: 3 channels");
}

Test(error, a_long_message_is_cut_and_ends)
{
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)socle_fail(SOCLE_ERR_ARG, "%s", text);
    cr_assert_eq(strlen(socle_error()), 511);
}

Test(error, a_message_may_quote_the_one_before)
{
    (void)socle_fail(SOCLE_ERR_ARG, "first");
    (void)socle_fail(SOCLE_ERR_STATE, "second (before that: %s)", socle_error());
    cr_assert_str_eq(socle_error(), "second (before that: first)");
}

static void *fail_elsewhere(void *arg)
{
    (void)arg;
    bool fresh = socle_error_status() == SOCLE_OK;
    (void)socle_fail(SOCLE_ERR_IO, "elsewhere");
    return fresh ? NULL : "the record of another thread was seen";
}

Test(error, threads_do_not_see_each_others_errors)
{
    (void)socle_fail(SOCLE_ERR_ARG, "here");
    pthread_t id;
    cr_assert_eq(pthread_create(&id, NULL, fail_elsewhere, NULL), 0);
    void *complaint;
    pthread_join(id, &complaint);
    cr_assert_null(complaint);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "here");
}

Test(error, every_status_has_a_text_of_its_own)
{
    for (int i = 0; i >= SOCLE_STATUS_LOWEST; i--)
        for (int j = 0; j > i; j--)
            cr_assert_str_neq(socle_status_text((socle_status)i), socle_status_text((socle_status)j));
    cr_assert_not_null(socle_status_text((socle_status)-1000));
}

/* ---- log ---- */

typedef struct heard {
    int count;
    socle_log_level level;
    char text[64];
} heard;

static void listen(void *user, socle_log_level level, const char *text)
{
    heard *h = user;
    h->count++;
    h->level = level;
    snprintf(h->text, sizeof h->text, "%s", text);
}

Test(log, messages_go_to_the_sink_until_it_is_removed)
{
    unsetenv("SOCLE_LOG");
    heard h = { 0 };
    log_text(SOCLE_LOG_ERROR, "nobody hears this");
    socle_set_log(listen, &h);
    cr_assert(log_enabled(SOCLE_LOG_DEBUG));
    log_text(SOCLE_LOG_WARN, "%d of %d", 3, 4);
    cr_assert_eq(h.count, 1);
    cr_assert_eq(h.level, SOCLE_LOG_WARN);
    cr_assert_str_eq(h.text, "3 of 4");
    socle_set_log(NULL, NULL);
    log_text(SOCLE_LOG_ERROR, "nor this");
    cr_assert_eq(h.count, 1);
    cr_assert(!log_enabled(SOCLE_LOG_ERROR));
}

Test(log, the_environment_names_the_last_level_that_is_wanted)
{
    setenv("SOCLE_LOG", "warn", 1);
    cr_assert(log_enabled(SOCLE_LOG_ERROR));
    cr_assert(log_enabled(SOCLE_LOG_WARN));
    cr_assert(!log_enabled(SOCLE_LOG_INFO));
    setenv("SOCLE_LOG", "debug", 1);
    cr_assert(log_enabled(SOCLE_LOG_DEBUG));
    setenv("SOCLE_LOG", "nonsense", 1);
    cr_assert(!log_enabled(SOCLE_LOG_ERROR));
}

/* ---- threads ---- */

typedef struct meeting {
    mutex lock;
    condition changed;
    int arrived;
} meeting;

static void *arrive(void *arg)
{
    meeting *m = arg;
    mutex_lock(&m->lock);
    m->arrived++;
    condition_wake_all(&m->changed);
    while (m->arrived < 3)
        condition_wait(&m->changed, &m->lock);
    mutex_unlock(&m->lock);
    return NULL;
}

Test(thread, threads_wait_for_each_other)
{
    meeting m = { .arrived = 0 };
    cr_assert_eq(mutex_init(&m.lock), SOCLE_OK);
    cr_assert_eq(condition_init(&m.changed), SOCLE_OK);
    thread t[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(thread_start(&t[i], arrive, &m), SOCLE_OK);
    for (int i = 0; i < 3; i++)
        thread_join(&t[i]);
    cr_assert_eq(m.arrived, 3);
    condition_free(&m.changed);
    mutex_free(&m.lock);
}

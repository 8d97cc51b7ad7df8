/* Where messages go. The environment is asked anew for every message: it is rare, and nothing has to be remembered.
 */
#include "log.h"

#include <socle/sys/backend.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_name[] = { "error", "warn", "info", "debug" };

typedef struct log_sink {
    socle_log_fn fn;
    void *user;
} log_sink;
static log_sink current;
static atomic_flag current_lock = ATOMIC_FLAG_INIT; /* held for the copy of two words, so it spins */

static log_sink exchange_sink(const log_sink *next)
{
    while (atomic_flag_test_and_set_explicit(&current_lock, memory_order_acquire))
        ;
    log_sink before = current;
    if (next != NULL)
        current = *next;
    atomic_flag_clear_explicit(&current_lock, memory_order_release);
    return before;
}

void socle_set_log(socle_log_fn fn, void *user)
{
    exchange_sink(&(log_sink){ fn, user });
}

/* Does SOCLE_LOG ask for this level? */
static bool environment_wants(socle_log_level level)
{
    const char *asked = getenv("SOCLE_LOG");
    if (asked == NULL)
        return false;
    for (int i = (int)level; i <= (int)SOCLE_LOG_DEBUG; i++)
        if (strcmp(asked, level_name[i]) == 0)
            return true;
    return false;
}

bool log_enabled(socle_log_level level)
{
    return exchange_sink(NULL).fn != NULL || environment_wants(level);
}

static void send(socle_log_level level, const char *fmt, va_list args)
{
    log_sink sink = exchange_sink(NULL);
    if (sink.fn == NULL && !environment_wants(level))
        return;
    char text[1024];
    int n = vsnprintf(text, sizeof text, fmt, args);
    if (n < 0)
        return;
    if (sink.fn != NULL)
        sink.fn(sink.user, level, text);
    else
        fprintf(stderr, "socle: %s: %s\n", level_name[level], text);
}

void log_text(socle_log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    send(level, fmt, args);
    va_end(args);
}

void socle_log_text(socle_log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    send(level, fmt, args);
    va_end(args);
}

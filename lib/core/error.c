/* The thread's error record, and the words for statuses. A record is a fixed buffer, so that reporting that memory
 * is exhausted needs none. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    socle_status status;
    char text[512];
} last;

int socle_version(void)
{
    return 1000 * SOCLE_VERSION_MAJOR + SOCLE_VERSION_MINOR;
}

const char *socle_status_text(socle_status s)
{
    switch (s) {
#define SOCLE_X(name, value, text)                                                                                 \
    case SOCLE_##name:                                                                                             \
        return text;
        SOCLE_STATUS_MAP(SOCLE_X)
#undef SOCLE_X
    default: /* SOCLE_STATUS_LOWEST repeats the last line's value */
        return "a status this version does not know";
    }
}

socle_status socle_error_status(void)
{
    return last.status;
}

const char *socle_error(void)
{
    return last.status == SOCLE_OK ? socle_status_text(SOCLE_OK) : last.text;
}

/* The message is made beside the record: its arguments may quote the message before. */
socle_status socle_fail(socle_status s, const char *fmt, ...)
{
    char text[sizeof last.text];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0)
        snprintf(text, sizeof text, "%s", socle_status_text(s));
    memcpy(last.text, text, strlen(text) + 1);
    last.status = s;
    return s;
}

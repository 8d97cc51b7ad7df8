/* Messages to the sink of socle_set_log, else to stderr at the level SOCLE_LOG names, else nowhere. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <socle/base.h>

void log_text(socle_log_level level, const char *fmt, ...) SOCLE_PRINTF(2, 3);
/* Would anybody hear it? For messages that cost something to make. */
bool log_enabled(socle_log_level level);

#endif

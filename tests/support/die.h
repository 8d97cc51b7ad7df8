/* Inside tests/support: the way out, and memory that cannot fail. */
#ifndef SUPPORT_DIE_H
#define SUPPORT_DIE_H

#include <socle/base.h>

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void support_die(const char *fmt, ...) SOCLE_PRINTF(1, 2);
/* At least one byte, so that the result is never NULL. free() it. */
void *support_alloc(size_t bytes);

#endif

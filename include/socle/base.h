/* Status codes, error text, allocator and log hooks: what every other header builds on.
 *
 * Process-wide state of the library, all of it: the allocator (set before first use), the log sink, backends that the
 * program registered (sys/backend.h), the tests' fault countdown (sys/test.h), and one error record per thread.
 * Everything else hangs from a device, a context or an object the caller owns. */
#ifndef SOCLE_BASE_H
#define SOCLE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(SOCLE_SHARED)
#    ifdef SOCLE_BUILDING
#        define SOCLE_API __declspec(dllexport)
#    else
#        define SOCLE_API __declspec(dllimport)
#    endif
#elif defined(__GNUC__)
#    define SOCLE_API __attribute__((visibility("default")))
#else
#    define SOCLE_API
#endif
#if defined(__GNUC__)
#    define SOCLE_MUST_USE __attribute__((warn_unused_result))
#    define SOCLE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#    define SOCLE_MUST_USE
#    define SOCLE_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SOCLE_VERSION_MAJOR 0
#define SOCLE_VERSION_MINOR 1
/* 1000 * major + minor of the library that was loaded, to compare with the header's. */
SOCLE_API int socle_version(void);

/* One list: the enum, socle_status_text() and the manual are made from it. */
#define SOCLE_STATUS_MAP(X)                                                                                          \
    X(OK, 0, "success")                                                                                              \
    X(ERR_NOMEM, -1, "host or device memory is exhausted")                                                           \
    X(ERR_ARG, -2, "an argument is outside its documented domain")                                                   \
    X(ERR_SHAPE, -3, "operand shapes do not agree")                                                                  \
    X(ERR_DTYPE, -4, "operand types do not agree or are unsupported")                                                \
    X(ERR_DEVICE, -5, "the device, its driver or a kernel build failed")                                             \
    X(ERR_IO, -6, "the operating system refused a file operation")                                                   \
    X(ERR_FORMAT, -7, "a file does not hold what was expected")                                                      \
    X(ERR_STATE, -8, "the call came out of order")                                                                   \
    X(ERR_UNSUPPORTED, -9, "not implemented for these operands")                                                     \
    X(ERR_USER, -10, "a callback reported a failure of its own")

typedef enum socle_status {
#define SOCLE_X(name, value, text) SOCLE_##name = value,
    SOCLE_STATUS_MAP(SOCLE_X)
#undef SOCLE_X
    SOCLE_STATUS_LOWEST = -10
} socle_status;

/* A constant sentence for s; never NULL. */
SOCLE_API const char *socle_status_text(socle_status s);

/* Status and message of this thread's last detected failure. The text is never NULL, belongs to the library and is
 * overwritten by the next failure on this thread. Reporting out-of-memory allocates nothing. */
SOCLE_API socle_status socle_error_status(void);
SOCLE_API const char *socle_error(void);
/* For authors of ops, layers, datasets and backends: records the message and returns s. Lower case, no full stop,
 * the values that disagree: "conv2d: input has 3 channels, weight expects 8". Allocates nothing; text is cut at
 * 511 bytes. */
SOCLE_API socle_status socle_fail(socle_status s, const char *fmt, ...) SOCLE_PRINTF(2, 3);

/* Replaces malloc and free for all host memory. Call before anything else of the library; ERR_STATE once memory has
 * been taken. align is a power of two, at most 64. free gets the size that alloc got. Both may be called from any
 * thread. */
typedef struct socle_allocator {
    void *(*alloc)(void *user, size_t bytes, size_t align);
    void (*free)(void *user, void *ptr, size_t bytes);
    void *user;
} socle_allocator;
SOCLE_API socle_status socle_set_allocator(const socle_allocator *a);

/* The library never prints. Messages go to the sink; without one they are dropped, unless the environment asks
 * (SOCLE_LOG=error|warn|info|debug), which sends them to stderr. text has no newline and ends with the call. The sink may run
 * inside any call of the library, on its thread, and calls no function of the library itself. */
typedef enum socle_log_level { SOCLE_LOG_ERROR, SOCLE_LOG_WARN, SOCLE_LOG_INFO, SOCLE_LOG_DEBUG } socle_log_level;
typedef void (*socle_log_fn)(void *user, socle_log_level level, const char *text);
SOCLE_API void socle_set_log(socle_log_fn sink, void *user);

#ifdef __cplusplus
}
#endif
#endif

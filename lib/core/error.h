/* The only two error macros. Only the function that detects an error words it; everybody above forwards the status.
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include <socle/base.h>

/* Returns expr's status from the enclosing function unless it is SOCLE_OK. */
#define SOCLE_TRY(expr)                                                                                            \
    do {                                                                                                           \
        socle_status try_status_ = (expr);                                                                         \
        if (try_status_ != SOCLE_OK)                                                                               \
            return try_status_;                                                                                    \
    } while (0)

/* Raises status with a message (socle_fail) and returns it from the enclosing function unless cond holds. */
#define SOCLE_CHECK(cond, status, ...)                                                                             \
    do {                                                                                                           \
        if (!(cond))                                                                                               \
            return socle_fail((status), __VA_ARGS__);                                                              \
    } while (0)

#endif

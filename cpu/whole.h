/* Arithmetic of whole numbers, for sizes and how they are cut. */
#ifndef CPU_WHOLE_H
#define CPU_WHOLE_H

#include <stdint.h>

static inline int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a >= 0, b > 0 */
static inline int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

#endif

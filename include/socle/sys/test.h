/* Switches for tests of programs built on the library: make the k-th allocation fail, count what is still live. */
#ifndef SOCLE_SYS_TEST_H
#define SOCLE_SYS_TEST_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The allocation number `countdown` from now (0 = the next one), host or device memory, fails with ERR_NOMEM, once.
 * Negative: none does. Process-wide, for single-threaded tests. */
SOCLE_API void socle_test_fail_alloc(int64_t countdown);
/* True if the countdown has reached an allocation since it was set. */
SOCLE_API bool socle_test_alloc_failed(void);
/* Blocks taken from the allocator, or from a cache (sys/memory.h), and not given back, and device buffers in use by tensors. */
SOCLE_API int64_t socle_test_live_blocks(void);
/* Consulted by device memory allocation: counts, and says whether this one fails. */
SOCLE_API bool socle_test_take_fault(void);

#ifdef __cplusplus
}
#endif
#endif

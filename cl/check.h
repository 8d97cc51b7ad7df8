/* What the checks of variants share: values made on the host, because the device is in doubt, and brought there and back. */
#ifndef CL_CHECK_H
#define CL_CHECK_H

#include "choice.h"

/* n numbers in [-1, 1), the same everywhere. */
void ocl_check_values(float *to, int64_t n, uint32_t seed);
socle_status ocl_check_upload(ocl_device *d, const ocl_buffer *to, const float *from, int64_t n);
/* Waits for the device. */
socle_status ocl_check_read(ocl_device *d, float *to, const ocl_buffer *from, int64_t n);

/* Tries v on check number i of a family's. OK with *good false and a reason if v does not do it; *good stays where v does not
 * apply. Another status where the device or memory failed. */
typedef socle_status (*ocl_check_fn)(ocl_device *d, ocl_variant v, size_t i, bool *good, char *why, size_t cap);
/* Puts v aside if one of n checks fails, else takes it back. */
socle_status ocl_check_all(ocl_device *d, ocl_variant v, size_t n, ocl_check_fn fn);
/* What a variant's own status means to ocl_check_fn. */
socle_status ocl_check_verdict(const ocl_device *d, socle_status status, bool *good, char *why, size_t cap);

#endif

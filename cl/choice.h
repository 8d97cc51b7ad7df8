/* Which of several ways does a piece of work on this device: a table by kind of device and shape; before it, what `tune`
 * measured here; from both, less what was put aside because it did not build, run, or agree.
 *
 * Tuned choices, and what was put aside for disagreeing, are kept in a file beside the program cache, per device and
 * driver. */
#ifndef CL_CHOICE_H
#define CL_CHOICE_H

#include "device.h"

typedef enum ocl_variant {
#define V(family, name) OCL_##family##_##name,
#include "variants.def"
#undef V
    OCL_VARIANTS
} ocl_variant;

const char *ocl_variant_family(ocl_variant v); /* "gemm" */
const char *ocl_variant_name(ocl_variant v);   /* "cpu_14x32" */

/* NULL: no memory. What is wrong with a file is never an error. */
struct ocl_choice *ocl_choice_new(const ocl_device *d);
void ocl_choice_free(struct ocl_choice *c);

/* From now on v is not used on d; why goes to the log. kept: in later runs too. */
void ocl_put_aside(ocl_device *d, ocl_variant v, const char *why, bool kept);
/* v works after all. */
void ocl_put_back(ocl_device *d, ocl_variant v);
/* Is v aside? Then out, unless NULL, says why. */
bool ocl_is_aside(ocl_device *d, ocl_variant v, char *out, size_t cap);

/* The size of a product c (m, n) = a (m, k) b (k, n), batches of them. */
typedef struct ocl_size {
    int64_t m, n, k, batches;
} ocl_size;
/* The best way that is not aside and not in `tried` (bit v: variant v); the last resort where none is left. */
ocl_variant ocl_choose_gemm(ocl_device *d, ocl_size s, uint32_t tried);
/* The i-th way that may make sense on d, aside or not; OCL_VARIANTS past the last. */
ocl_variant ocl_gemm_candidate(const ocl_device *d, int i);

/* What decides how to convolve: c and k channels in and out of a group, pixels of a result, of a window. */
typedef enum ocl_pass { OCL_FORWARD = 1, OCL_BACKWARD_DATA = 2, OCL_BACKWARD_WEIGHTS = 4 } ocl_pass;
typedef struct ocl_layer {
    ocl_pass pass;
    int64_t c, k, pixels, window;
    bool strided;
} ocl_layer;
ocl_variant ocl_choose_conv(ocl_device *d, const ocl_layer *l, uint32_t tried);

/* Products of about this size, but no batches, use v. OCL_VARIANTS: the table decides again. */
void ocl_choice_set_gemm(ocl_device *d, ocl_size s, ocl_variant v);
/* Keeps what was set for later runs, where a folder is to be had. */
void ocl_choice_store(ocl_device *d);

#endif

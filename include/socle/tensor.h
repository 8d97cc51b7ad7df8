/* Types, shapes, devices and tensors: memory on a device, and how host data gets there and back. */
#ifndef SOCLE_TENSOR_H
#define SOCLE_TENSOR_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* F32 everywhere; F64 on the device "ref64" only; I32 for indices and targets; U8 for images and masks (0 or 1).
 * F16 is reserved: no device takes it yet. */
typedef enum socle_dtype { SOCLE_F32, SOCLE_F16, SOCLE_F64, SOCLE_I32, SOCLE_U8 } socle_dtype;
SOCLE_API size_t socle_dtype_size(socle_dtype t);      /* bytes of one element */
SOCLE_API const char *socle_dtype_name(socle_dtype t); /* "f32" */

enum { SOCLE_MAX_DIMS = 6 };
/* Sizes in logical order; images are N, C, H, W. ndim 0 is a scalar: one element. A value: compare and copy it. */
typedef struct socle_shape {
    int32_t ndim;
    int64_t dim[SOCLE_MAX_DIMS];
} socle_shape;
SOCLE_API socle_shape socle_shape0(void);
SOCLE_API socle_shape socle_shape1(int64_t a);
SOCLE_API socle_shape socle_shape2(int64_t a, int64_t b);
SOCLE_API socle_shape socle_shape3(int64_t a, int64_t b, int64_t c);
SOCLE_API socle_shape socle_shape4(int64_t a, int64_t b, int64_t c, int64_t d);
SOCLE_API bool socle_shape_equal(socle_shape a, socle_shape b);

/* A device is one opened accelerator and its single in-order command stream. Calls enqueue and return; only
 * socle_read, socle_item and socle_device_sync wait. Safe to use from several threads. */
typedef struct socle_device socle_device;
typedef struct socle_device_desc {
    int threads;        /* CPU threads, 1 to 1024; 0 = the cores this process may use */
    size_t cache_bytes; /* memory kept for reuse; 0 = half of the device */
    bool compose_only;  /* ignore optional primitives (tests, debugging) */
} socle_device_desc;
/* spec: "cpu"; "cl:1" or "cl:nvidia", an OpenCL device by number or by a part of its name in any case ("cl" is "cl:0");
 * "ref" and "ref64", the scalar definitions in float and double; or NULL: the environment's SOCLE_DEVICE, else the
 * first GPU, else "cpu". NULL on failure: ERR_ARG for a spec that fits no device or several (the text lists those that
 * exist), ERR_ARG for a negative thread count. */
SOCLE_API socle_device *socle_device_open(const char *spec, socle_device_desc desc);
SOCLE_API void socle_device_close(socle_device *d); /* tensors keep it alive; NULL is allowed */
SOCLE_API socle_status socle_device_sync(socle_device *d) SOCLE_MUST_USE; /* waits */
SOCLE_API const char *socle_device_name(const socle_device *d);           /* "cpu: AMD EPYC, avx512, 2 threads" */
/* The floating type its networks compute in: F32, or F64 on "ref64". */
SOCLE_API socle_dtype socle_device_real(const socle_device *d);

/* A view of reference-counted device memory. Handles may move between threads; contents follow their ctx. */
typedef struct socle_tensor socle_tensor;
/* Row-major, contents undefined. NULL on failure (ERR_SHAPE for negative sizes, ERR_DTYPE, ERR_NOMEM). */
SOCLE_API socle_tensor *socle_tensor_new(socle_device *d, socle_dtype t, socle_shape s);
/* The same, filled from host: numel elements of type t, row-major, copied before it returns. */
SOCLE_API socle_tensor *socle_tensor_from(socle_device *d, socle_dtype t, socle_shape s, const void *host);
SOCLE_API socle_tensor *socle_retain(socle_tensor *t); /* one more reference; returns t; NULL gives NULL */
SOCLE_API void socle_release(socle_tensor *t);         /* NULL is allowed */

/* Of NULL: shape (0), no elements, no device; so a forward pass without checks survives its first failure. */
SOCLE_API socle_shape socle_shape_of(const socle_tensor *t);
SOCLE_API int64_t socle_dim(const socle_tensor *t, int axis); /* axis -1 is the last; 0 for one that is not there */
SOCLE_API int64_t socle_numel(const socle_tensor *t);
SOCLE_API socle_dtype socle_dtype_of(const socle_tensor *t);
SOCLE_API socle_device *socle_device_of(const socle_tensor *t);

/* Gradients. Only leaves of type F32 or F64 can require one (ERR_DTYPE, ERR_STATE): what a recorded op produced is no
 * leaf, also when its tape is gone; socle_detach makes one. */
SOCLE_API socle_status socle_set_requires_grad(socle_tensor *t, bool on);
SOCLE_API bool socle_requires_grad(const socle_tensor *t);
SOCLE_API socle_tensor *socle_grad(const socle_tensor *t); /* borrowed from t; NULL before backward */
SOCLE_API void socle_zero_grad(socle_tensor *t);           /* drops the gradient: NULL until the next backward */

/* host holds exactly numel elements, row-major whatever the memory order on the device; bytes must say so (ERR_ARG).
 * write copies host before it returns and advances the version; read and item wait for the device. */
SOCLE_API socle_status socle_read(const socle_tensor *t, void *host, size_t bytes) SOCLE_MUST_USE;
SOCLE_API socle_status socle_write(socle_tensor *t, const void *host, size_t bytes) SOCLE_MUST_USE;
SOCLE_API socle_status socle_item(const socle_tensor *t, double *out) SOCLE_MUST_USE; /* the one element of t */

#ifdef __cplusplus
}
#endif
#endif

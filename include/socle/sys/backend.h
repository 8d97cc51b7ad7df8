/* The backend interface: what a device must be able to do, and what it may do faster. For authors of devices; it may
 * change in any minor release.
 *
 * Rules that hold for every slot, so that no slot's comment has to repeat them:
 *
 * - Arguments arrive validated (lib/prim/validate.c): shapes agree, types are legal, sizes do not overflow. Views of
 *   empty tensors never reach a slot. "real" below is F32, or F64 on a device whose caps say so.
 * - Operands that are optional are NULL when absent.
 * - Views are strided; stride 0 broadcasts inputs; outputs never overlap themselves. An output may alias an input only
 *   where the slot says so, and then exactly (same buffer, offset, strides, lanes).
 * - Formats (lanes 1 or 16, see socle_view) may differ from operand to operand of one call. A slot accepts any mixture,
 *   if need be with a slow loop.
 * - Outputs are overwritten and never read, except where the slot says so. beta == 0 must not read C.
 * - A slot enqueues and returns; commands of one device run in order. Workspace is the backend's own business.
 * - SOCLE_ERR_UNSUPPORTED is legal only from optional slots and only before anything was enqueued or written.
 * - Same inputs, same device, same library: same bits, for any number of threads. No floating-point atomics.
 * - Sums propagate NaN. Max and min: NaN wins, and of equal values the first in row-major order.
 * - A failing slot has called socle_fail(). */
#ifndef SOCLE_SYS_BACKEND_H
#define SOCLE_SYS_BACKEND_H

#include "../tensor.h"
#include "tune.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Images in blocks of 16: the CPU's batch format. A view with lanes = 16 keeps dim[0] = N images as ceil(N / 16)
 * blocks; image n of it lies at (n / 16) * stride[0] + n % 16, and the other dimensions' strides are multiples of 16.
 * Dense, that is [ceil(N/16)][C][H][W][16]. The lanes past N in the last block exist in memory: an output's may be
 * written with anything, an input's may hold anything (NaN too), so nothing that adds over images may read them. */
enum { SOCLE_LANES = 16 };
/* Fewer images than this stay row-major: their blocks would be mostly pad. */
enum { SOCLE_BATCH_MIN = 8 };

/* What a kernel sees: no ownership, no autograd. Strides and offset count elements. */
typedef struct socle_view {
    void *buffer;
    int64_t offset;
    socle_dtype dtype;
    int32_t ndim;
    int64_t dim[SOCLE_MAX_DIMS], stride[SOCLE_MAX_DIMS]; /* stride 0 broadcasts */
    int32_t lanes;                                       /* 1, or SOCLE_LANES (then ndim >= 2) */
} socle_view;
typedef const socle_view *socle_in;  /* read */
typedef const socle_view *socle_out; /* the memory it describes is written */

/* SOCLE_UNARY_relu, SOCLE_BINARY_add, ...: one enumerator a line of the two lists. */
typedef enum socle_unary {
#define U(name, value, derivative, keep) SOCLE_UNARY_##name,
#include "unary.def"
#undef U
    SOCLE_UNARY_COUNT
} socle_unary;
typedef enum socle_binary {
#define B(name, value, da, db, keep) SOCLE_BINARY_##name,
#define C(name, value)               SOCLE_BINARY_##name,
#include "binary.def"
#undef B
#undef C
    SOCLE_BINARY_COUNT
} socle_binary;

typedef enum socle_reduce {
    SOCLE_REDUCE_SUM,
    SOCLE_REDUCE_MEAN,
    SOCLE_REDUCE_SUMSQ, /* sum of squares */
    SOCLE_REDUCE_MAX,
    SOCLE_REDUCE_MIN
} socle_reduce;

/* What happens to a result before it is stored. Backward takes the derivative from the stored result. */
typedef enum socle_epilogue { SOCLE_EPILOGUE_NONE, SOCLE_EPILOGUE_RELU } socle_epilogue;

typedef struct socle_conv {
    int stride[2], pad[2], dilation[2]; /* rows, columns */
    int groups;
} socle_conv;
/* Window of output pixel (i, j): rows i stride[0] - pad[0] to + size[0], cut to the image; columns alike. adaptive:
 * rows floor(i H / Ho) to ceil((i + 1) H / Ho), and size, stride, pad, count_pad are not read. The average divides by
 * the window's pixels inside the image, or with count_pad by those inside the image grown by pad on every side. */
typedef struct socle_pool {
    bool max, adaptive, count_pad;
    int size[2], stride[2], pad[2];
} socle_pool;
/* Of x (N, G, K, S): images, groups, channels of a group, pixels. mean and var are one number for each group, over its
 * images and pixels (batch: (G), and K is 1), or one for each group of each image, over its channels and pixels
 * ((N, G)). What is made of them:
 *
 *     z = (x - mean) / sqrt(max(var, var_min) + eps) gamma + beta
 *     y = act ? min((z > 0 ? z : leak z) - sub, max) : z
 *
 * gamma and beta, each NULL where absent, are (G, K, 1), (1, 1, 1) or (G, K, S), row-major and dense. */
typedef struct socle_norm {
    bool batch;
    int groups;          /* of the channels; of a slot's call x.dim[1] */
    bool unbiased;       /* var divides by one less than the numbers it is made of; of a single number it is 0 */
    float eps, var_min;
    /* Backward: mean and var are this share of what x alone would make them, the rest being constant: 1 for plain norms,
     * 0 where no gradient flows through them. None flows through a variance that var_min replaced. */
    float share;
    bool act;
    float leak, sub, max;
} socle_norm;

/* Operands of conv_norm_grad, as those of conv_grad and normalize_grad have them: x (N, C, H, W), w row-major, y and dz
 * (N, K, Ho, Wo), all else (K) and dense. dx, dw, db, dgamma, dbeta, gamma and beta may be NULL, dx, dw and db not all of
 * them. y is read whatever the epilogue. */
typedef struct socle_conv_norm {
    socle_out dx, dw, db, dgamma, dbeta;
    socle_in dz, x, w, y, mean, var, gamma, beta;
} socle_conv_norm;
/* Element i of a draw, in row-major order of the logical shape, is made from word i % 4 of block counter + i / 4 of
 * Philox 4x32-10 under this key (sys/philox.h). */
typedef struct socle_philox {
    uint64_t key, counter;
} socle_philox;

/* Bins of equal width from low on. A value v, of |x| or x, is counted in bin floor(t) if 0 <= t < n, else (NaN too) nowhere;
 * t = (v - low) scale in F32, on devices of F64 too, each of the two operations rounded: all devices agree on every edge. */
typedef struct socle_bins {
    int n;            /* 1 to SOCLE_BINS_MAX */
    float low, scale; /* scale = n / (high - low) */
    bool absolute;
} socle_bins;
enum { SOCLE_BINS_MAX = 250 };

/* g = g + l2 p; p = p (1 - lr wd) (decoupled); without m: p -= lr g. With m, v = mom m + (1 - damp) g is stored, and
 * p -= lr (nesterov ? g + mom v : v). In this order, each operation rounded (or fused) as written. */
typedef struct socle_sgd_args {
    float lr, mom, damp, wd, l2;
    bool nesterov;
} socle_sgd_args;

/* Steps that are scaled by what gradients were: d = g + l2 p; where there is a v, v = sqr_mom v + (1 - sqr_mom) d^2 and
 * root = sqrt(sqr_scale v + sqr_eps) + eps; then s by kind, and p = keep p - lr s. Corrections of a young average's bias
 * are in lr and sqr_scale, decoupled decay in keep. */
typedef enum socle_adam_kind {
    SOCLE_ADAM_SCALED, /* m = mom m + (1 - mom) d, s = m / root: Adam */
    SOCLE_ADAM_PLAIN,  /* m = mom m + (1 - mom) d, s = m; v is kept up to date: rectified Adam's first steps */
    SOCLE_ADAM_RMS,    /* s = d / root without m, else m = mom m + d / root, s = m: RMSProp */
    SOCLE_ADAM_SIGN    /* s = sign(mom m + (1 - mom) d), m = sqr_mom m + (1 - sqr_mom) d; no v: Lion */
} socle_adam_kind;
typedef struct socle_adam_args {
    socle_adam_kind kind;
    float lr, keep, l2, mom, sqr_mom, sqr_scale, sqr_eps, eps;
} socle_adam_args;

/* Steps as long as what they change: d, v and root as above, m = mom m + (1 - mom) d, s = mom_scale m / root + wd p, and
 * p = p - lr min(rms(p) / rms(s), trust) s; where either rms is 0 that factor is 1. rms(x) = sqrt(mean(x^2)) over one
 * parameter, p before the step. Corrections of a young average's bias are in mom_scale and sqr_scale. */
typedef struct socle_lamb_args {
    float lr, l2, wd, mom, mom_scale, sqr_mom, sqr_scale, sqr_eps, eps, trust;
} socle_lamb_args;

typedef struct socle_caps {
    char name[128];   /* "Intel Xeon, avx512, 16 threads" */
    socle_dtype real; /* F32 or F64: the type its networks compute in. I32 and U8 always work */
    int32_t lanes;    /* batch format it wants activations in: 1, or SOCLE_LANES */
    size_t memory;    /* bytes; 0 = unknown */
} socle_caps;

typedef enum socle_device_kind {
    SOCLE_KIND_OTHER,
    SOCLE_KIND_CPU,
    SOCLE_KIND_GPU,
    SOCLE_KIND_REFERENCE
} socle_device_kind;
/* What is known of a device before it is opened. */
typedef struct socle_device_info {
    socle_device_kind kind;
    char spec[48];   /* "cl:0": what opens it. describe leaves this one to the caller */
    char name[128];  /* "NVIDIA H100"; any part of it serves as index in a spec: "cl:nvidia" */
    size_t memory;   /* bytes; 0 = unknown */
    char more[1024]; /* lines "key: value\n" for people to read: driver, limits, ... */
} socle_device_info;

/* What an open device has done since it was opened. */
typedef struct socle_counters {
    uint64_t bytes;            /* of memory taken from the system or driver, whether or not given back since */
    uint64_t launches;         /* kernels enqueued */
    uint64_t waits;            /* calls that waited for the device */
    uint64_t compiled, loaded; /* programs of kernels built from source; taken from a cache on disk */
} socle_counters;

typedef struct socle_backend {
    uint32_t size;    /* sizeof(socle_backend) where the backend was compiled */
    const char *name; /* "cpu": what users write in a device spec */

    /* ---- device and memory: required, but host_ptr may be NULL ---- */
    int (*count)(void);
    socle_status (*open)(int index, const socle_device_desc *o, void **self);
    void (*close)(void *self);
    void (*caps)(void *self, socle_caps *out);
    socle_status (*alloc)(void *self, size_t bytes, void **buffer); /* 64-byte aligned, padded to 64 */
    void (*free)(void *self, void *buffer, size_t bytes);           /* legal while commands use it */
    void *(*host_ptr)(void *self, void *buffer);                    /* memory the host may touch after sync */
    socle_status (*write)(void *self, void *buffer, size_t at, const void *src, size_t bytes); /* bytes */
    socle_status (*read)(void *self, void *buffer, size_t at, void *dst, size_t bytes);        /* waits */
    socle_status (*sync)(void *self);                                                          /* waits */

    /* ---- primitives: required ---- */
    /* y any type. */
    socle_status (*fill)(void *self, socle_out y, double value);
    /* Same dims, any types, any strides and formats. Real to integer truncates towards 0 and saturates, NaN gives 0;
     * I32 to U8 saturates. */
    socle_status (*copy)(void *self, socle_out y, socle_in x);
    /* real; y may alias x. a, b, c: the parameters of the line in unary.def. */
    socle_status (*unary)(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c);
    /* dx = dy * derivative; x and y are NULL unless the line keeps them. dx may alias dy. */
    socle_status (*unary_grad)(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y,
                               float a, float b, float c);
    /* All dims equal (broadcast by stride 0). Arithmetic: real. Comparisons: a, b of one type (real, I32 or U8), y U8.
     * Arithmetic: y may alias a or b. */
    socle_status (*binary)(void *self, socle_binary op, socle_out y, socle_in a, socle_in b);
    /* d = dy * d(op)/d(side), side 0 = a, 1 = b, not yet reduced to the side's shape; d may alias dy. Where the line
     * keeps neither, a and b are some views of d's shape, not to be relied on. */
    socle_status (*binary_grad)(void *self, socle_binary op, int side, socle_out d, socle_in dy, socle_in a,
                                socle_in b);
    /* cond U8; a, b, y of one type. y may alias a or b. */
    socle_status (*where)(void *self, socle_out y, socle_in cond, socle_in a, socle_in b);
    /* real. y has x's ndim, with size 1 along the reduced axes (bit i = dimension i, never 0). */
    socle_status (*reduce)(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes);
    /* index I32, size 1 along axis; op MAX or MIN; x real. */
    socle_status (*argreduce)(void *self, socle_reduce op, socle_out index, socle_in x, int axis);
    /* c (..., m, n) = alpha a (..., m, k) b (..., k, n) + beta c. real, 2 to 6 dims, the leading ones equal; a
     * transposed operand is a view with swapped strides. k may be 0 only here: c = beta c. */
    socle_status (*gemm)(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta);
    /* cols (N, C R S, Ho Wo) from x (N, C, H, W); the window is r by s, Ho and Wo follow p. Padding gives 0. */
    socle_status (*im2col)(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho,
                           int wo);
    /* The transpose of im2col: x is overwritten with the sum over the windows each pixel lies in. */
    socle_status (*col2im)(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho,
                           int wo);
    /* x (N, C, H, W) -> y (N, C, Ho, Wo). Max: index (I32, y's shape), unless NULL, gets h W + w of the winner. */
    socle_status (*pool)(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x);
    /* index: of max pooling, else NULL. dx is overwritten everywhere, or with add it is added to. */
    socle_status (*pool_grad)(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index);
    /* y[i][j] = x[index[i][j]][j] for axis 0, and so on. index I32 is broadcast to y's shape. x any type. An index
     * outside [0, size) is ERR_ARG where the device can tell at once; elsewhere the result is undefined, not the
     * memory access. */
    socle_status (*gather)(void *self, socle_out y, socle_in x, socle_in index, int axis);
    /* y[index[i][j]][j] += x[i][j], in row-major order of x. Reads y. real. */
    socle_status (*scatter_add)(void *self, socle_out y, socle_in x, socle_in index, int axis);
    /* real; lo + (hi - lo) u, u in [0, 1) with 24 bits. */
    socle_status (*random_uniform)(void *self, socle_out y, socle_philox r, float lo, float hi);
    /* real; Box-Muller on the words of a block: elements 4j and 4j+1 from words 0, 1; 4j+2 and 4j+3 from 2, 3. Of the
     * numbers u, v in [0, 1) of a pair: sqrt(-2 log(1 - u)) times cos(2 pi v), then times sin(2 pi v). */
    socle_status (*random_normal)(void *self, socle_out y, socle_philox r, float mean, float std);

    /* ---- fused: optional; NULL or UNSUPPORTED runs the composition in lib/prim ---- */
    /* y = a x + b y; b == 0 does not read y. real, one shape. */
    socle_status (*axpby)(void *self, socle_out y, float a, socle_in x, float b);
    /* y = op(a + b), op SOCLE_UNARY_relu, or SOCLE_UNARY_monotone_relu with these parameters: how residual blocks end. real,
     * one shape; y may alias a or b. */
    socle_status (*add_relu)(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                             float max);
    /* x (N, C, H, W), w (K, C/groups, R, S) row-major, bias (K) or NULL -> y (N, K, Ho, Wo) = epilogue(conv + bias). */
    socle_status (*conv)(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                         socle_in bias);
    /* Gradients of conv, each NULL where not wanted (one is not). y: the stored result, NULL without an epilogue. */
    socle_status (*conv_grad)(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                              socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y);
    /* x (N, in), w (out, in), bias (out) or NULL -> y (N, out) = epilogue(x w^T + bias). */
    socle_status (*linear)(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias);
    socle_status (*linear_grad)(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                                socle_in x, socle_in w, socle_in y);
    /* mean and var of x as p says; var is exact to rounding however far mean is from 0. Neither is NULL. */
    socle_status (*moments)(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x);
    /* y may alias x. */
    socle_status (*normalize)(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                              socle_in gamma, socle_in beta);
    /* Gradients of normalize, each NULL where not wanted (one is not), dgamma and dbeta of gamma's and beta's shape; with
     * r = 1 / sqrt(max(var, var_min) + eps), dz = dy act'(z), and sums over what shares a mean (of n numbers):
     *
     *     dm = -r sum(gamma dz),  dv = -r^3 / 2 sum(gamma dz (x - mean)), 0 where var < var_min
     *     dx = gamma r dz + share (dm / n + 2 dv (x - mean) / (unbiased ? n - 1 : n))
     *
     * dx may alias dy. */
    socle_status (*normalize_grad)(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                   socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma,
                                   socle_in beta);
    /* Of z = normalize(y), y = conv(x), p->batch: both gradients in one go. UNSUPPORTED is a good answer. */
    socle_status (*conv_norm_grad)(void *self, const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                                   const socle_conv_norm *v);
    /* Along one axis; log: logarithm of the softmax. y may alias x. */
    socle_status (*softmax)(void *self, socle_out y, socle_in x, int axis, bool log);
    /* y: softmax's result. dx may alias dy. */
    socle_status (*softmax_grad)(void *self, socle_out dx, socle_in dy, socle_in y, int axis, bool log);
    /* Cross entropy of logits x (N, K) and target (N) I32: loss (N), logp (N, K) or NULL. A target outside [0, K) as
     * an index of gather. */
    socle_status (*xent)(void *self, socle_out loss, socle_out logp, socle_in x, socle_in target);
    /* dx = scale dloss (softmax - onehot); dloss (N), possibly with stride 0. dx may alias logp. */
    socle_status (*xent_grad)(void *self, socle_out dx, socle_in dloss, socle_in logp, socle_in target,
                              float scale);
    /* y = x / (1 - p), or 0 where the draw of random_uniform(0, 1) is below p. y may alias x. Its own gradient. */
    socle_status (*dropout)(void *self, socle_out y, socle_in x, socle_philox r, float p);
    /* All parameters of a group in one go, n > 0. m NULL without momentum. p and m are read and written, g is only read. */
    socle_status (*sgd_many)(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                             const socle_sgd_args *a);
    /* The same for steps scaled by past gradients. m NULL: RMS without momentum; v NULL: SIGN. p, m and v are read and
     * written. */
    socle_status (*adam_many)(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_view *v, const socle_adam_args *a);
    /* m and v are not NULL. */
    socle_status (*lamb_many)(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                              const socle_view *v, const socle_lamb_args *a);
    /* norm (one element) = square root of the sum of squares over all g; g = g / max(1, (norm + 1e-6) / limit), and NaN
     * everywhere where norm is. norm stays on the device. */
    socle_status (*clip_many)(void *self, size_t n, const socle_view *g, socle_out norm, float limit);
    /* y = a x + b y for each pair of one shape; b == 0 does not read y. y and x do not overlap. */
    socle_status (*axpby_many)(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b);
    /* counts (n) I32: how many of x's elements lie in each bin. moments (2): their mean, and their variance with divisor
     * N - 1 (0 for one element). x real. */
    socle_status (*histogram)(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x);
    /* x (N, C, H, W) -> y (N, C, Ho, Wo): pixel (i, j) of image n is x's pixel (i + place[n][0], k + place[n][1]), k being j,
     * or Wo - 1 - j where place[n][2] is not 0; outside x it is pad. place (N, 3) I32, row-major, any values. real. */
    socle_status (*shift_images)(void *self, socle_out y, socle_in x, socle_in place, float pad);

    /* ---- what there is: optional ---- */
    /* About a device that need not be open; where count() is 0, describe(0) fails and the text says why there is
     * none. A backend without this has devices of kind OTHER, found by number only. */
    socle_status (*describe)(int index, socle_device_info *out);
    /* Of the kernels it chooses from; sys/tune.h has the meaning. Both may wait, and compile. */
    socle_status (*variants)(void *self, bool check, socle_variant_report fn, void *user);
    socle_status (*tune)(void *self, socle_tune_report fn, void *user);
    /* What does not apply to the device stays 0. */
    void (*counters)(void *self, socle_counters *out);
    /* fn(arg, first, last) over pieces of [0, n), on the threads the device computes with, when these are the host's; returns
     * when all is done. fn works on host memory, must not fail, and may find denormals flushed to zero. */
    void (*host_for)(void *self, int64_t n, void (*fn)(void *arg, int64_t first, int64_t last), void *arg);
} socle_backend;

/* For backends outside this repository. The table must outlive the process's use of it. ERR_ARG for an incomplete
 * table or a name that is taken. Not thread-safe against socle_device_open. */
SOCLE_API socle_status socle_backend_register(const socle_backend *b);

/* A message for the log (socle_set_log), for backends. */
SOCLE_API void socle_log_text(socle_log_level level, const char *fmt, ...) SOCLE_PRINTF(2, 3);

/* What a device runs on, for tests, benchmarks and tools. */
SOCLE_API const socle_backend *socle_device_backend(const socle_device *d);
SOCLE_API void *socle_device_self(const socle_device *d);
/* All 0 where the backend counts nothing. */
SOCLE_API socle_counters socle_device_counters(const socle_device *d);
/* The i-th of all devices of all backends, none of which is opened; false past the last. One that does not answer is
 * listed too, with the reason in its more. */
SOCLE_API bool socle_device_list(size_t i, socle_device_info *out);
/* What socle_device_open(NULL, ...) takes when SOCLE_DEVICE is not set: the first GPU, else the CPU's own backend. An
 * OpenCL device that is the same CPU is never taken unasked. */
SOCLE_API socle_status socle_device_default(char *spec, size_t cap);

#ifdef __cplusplus
}
#endif
#endif

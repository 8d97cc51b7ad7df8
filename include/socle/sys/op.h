/* How a differentiable function is made: a table, and socle_apply. For authors of ops, inside and outside the library;
 * it may change in any minor release. */
#ifndef SOCLE_SYS_OP_H
#define SOCLE_SYS_OP_H

#include "../ctx.h"
#include "prim.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SOCLE_OP_MAX_IN = 8, SOCLE_OP_MAX_OUT = 2, SOCLE_OP_ATTR_MAX = 128 /* bytes */ };

typedef struct socle_spec {
    socle_dtype dtype;
    int32_t lanes; /* memory format: 1 or SOCLE_LANES. infer leaves it alone; see socle_op.layout */
    socle_shape shape;
} socle_spec;

/* One application of an op. */
typedef struct socle_call {
    socle_ctx *ctx;
    const void *attr; /* the op's own struct; backward sees the copy on the tape */
    int n_in, n_out;
    socle_spec spec[SOCLE_OP_MAX_IN];     /* of the inputs; valid in infer, forward and backward */
    socle_spec out_spec[SOCLE_OP_MAX_OUT]; /* valid in forward and backward */
    socle_tensor *in[SOCLE_OP_MAX_IN];    /* NULL where optional and absent; backward: only those named in keep */
    socle_tensor *out[SOCLE_OP_MAX_OUT];  /* forward: allocated from infer's answer; backward: those named in keep */
    socle_tensor *gout[SOCLE_OP_MAX_OUT]; /* backward: NULL where no gradient arrived */
    socle_tensor *gin[SOCLE_OP_MAX_IN];   /* backward: allocated, in its input's format, where wanted; overwrite it */
    uint32_t accumulate;                  /* backward: SOCLE_KEEP_IN(i) where gin[i] holds a gradient; add to it instead */
} socle_call;

#define SOCLE_KEEP_IN(i) (1u << (i))
#define SOCLE_KEEP_OUT(i) (1u << (16 + (i)))

/* The format of an op's results. */
typedef enum socle_layout {
    SOCLE_LAYOUT_INHERIT,  /* in blocks if an input of as many dims and as many images is, else row-major */
    SOCLE_LAYOUT_BATCH,    /* the device's choice for N images (socle_tensor_dense with lanes 0) */
    SOCLE_LAYOUT_ROW_MAJOR
} socle_layout;

typedef struct socle_op {
    const char *name;
    size_t attr_size;    /* at most SOCLE_OP_ATTR_MAX */
    int n_out;           /* the first is returned; a second is for backward: NULL in forward if nothing is recorded */
    uint32_t keep;       /* SOCLE_KEEP_IN(0) | SOCLE_KEEP_OUT(0) ... */
    socle_layout layout;
    /* A view: forward sets out[0] to a new owned handle on in[0]'s memory (or a fresh tensor where memory order forbids
     * a view) and nothing is allocated for it; backward likewise sets gin[0]. */
    bool view;
    /* Judges the arguments and says what comes out. The only place that does. Presets: n_out specs of zeros. */
    socle_status (*infer)(const socle_call *k, socle_spec *out);
    socle_status (*forward)(socle_call *k);
    /* gin from gout, overwriting. NULL: not differentiable, nothing is recorded. gout may be overwritten only if
     * socle_call_owns_gout says so. */
    socle_status (*backward)(socle_call *k);
    /* Inputs (SOCLE_KEEP_IN) to whose gradient backward can add where they have one already, which spares a pass over both:
     * it must look at accumulate then. */
    uint32_t accumulates;
    /* What this call needs kept, when it depends on attr; NULL: keep. */
    uint32_t (*keep_of)(const void *attr);
} socle_op;

/* Runs op on n_in inputs (NULL: an optional one is absent), records it when a gradient can flow, and returns the first
 * result, borrowed from c; NULL with c's status set on failure. attr is copied. Required inputs come first: the first
 * n_required of them may not be NULL. */
SOCLE_API socle_tensor *socle_apply(socle_ctx *c, const socle_op *op, const void *attr, int n_in, int n_required,
                                    socle_tensor *const *in);

/* Normalises with statistics made elsewhere (mean and var as socle_prim_normalize takes them), which get no gradient of
 * their own; p->share says how much of them x made. */
SOCLE_API socle_tensor *socle_normalize_with(socle_ctx *c, const socle_norm *p, socle_tensor *x, socle_tensor *mean,
                                             socle_tensor *var, socle_tensor *gamma, socle_tensor *beta);

/* True when nobody but this backward call holds gradient i, so that it may be overwritten in place. */
SOCLE_API bool socle_call_owns_gout(const socle_call *k, int i);

/* Draws n elements' worth of the ctx's random stream: where they start. */
SOCLE_API socle_philox socle_ctx_draw(socle_ctx *c, int64_t n);

#ifdef __cplusplus
}
#endif
#endif

/* Inside the conformance program: a trial is one call of one slot, described by its operands' shapes and values; how they
 * lie in memory is up to the runner. Families make trials from the rows of tests/cases. */
#ifndef CONFORMANCE_TRIAL_H
#define CONFORMANCE_TRIAL_H

#include <stddef.h>
#include <socle/sys/prim.h>
#include "conformance.h"

enum { TRIAL_MAX_OPERANDS = 16 };

/* The device's real type, whichever it is: no trial means double as such. */
#define TRIAL_REAL SOCLE_F64

typedef enum trial_role { TRIAL_ABSENT, TRIAL_IN, TRIAL_OUT, TRIAL_INOUT } trial_role;

typedef struct operand {
    const char *name;
    trial_role role;
    socle_dtype dtype;
    socle_shape shape;
    uint32_t repeat; /* bit i: dimension i is stored once (stride 0). Inputs only */
    uint32_t alias;  /* of an output: bit i: it may lie exactly on operand i */
    bool row_major;  /* dense and row-major in a slot's contract; primitives take any layout */
    bool parameter;  /* row-major on every device where calls are timed */
    bool keep_sign;  /* not squared when the terms' sizes are computed: masks, results of other slots */
    double *values;  /* of inputs: as stored, so repeated dimensions count once */
    double *want;    /* of outputs: what the reference says */
    double *scale;   /* of outputs: the terms' size per element, or NULL */
    double length;   /* terms per element; 0 = 1 */
    double budget;   /* k; 0 = 4 */
    double floor;    /* least scale: where relative accuracy ends */
    bool exact;      /* of a real output: no rounding is allowed */
} operand;

struct trial;
typedef socle_status (*trial_slot_call)(const socle_backend *b, void *self, const socle_view *const *v,
                                        const struct trial *t);
typedef socle_status (*trial_prim_call)(socle_tensor *const *v, const struct trial *t);

/* What a slot is called, where it sits in the table, and how it is called. */
typedef struct trial_slot {
    const char *name;
    size_t at; /* offset in socle_backend */
    bool optional;
    trial_slot_call call;
    trial_prim_call prim; /* NULL: the slot has no primitive of its own */
} trial_slot;

typedef struct trial {
    const trial_slot *slot;
    const void *attr;         /* the family's own parameters */
    const void *attr_squared; /* for the run on squared operands; NULL: attr */
    char row[128];
    int n;
    operand op[TRIAL_MAX_OPERANDS];
    bool terms;          /* compute scale from squared operands */
    double terms_factor; /* times this; 0 = 1 */
    unsigned flags;      /* CASE_LARGE, CASE_HUGE */
    bool takes_empty;    /* gemm without terms, which is a call like any other; else only primitives meet nothing */
    bool may_reject;     /* ERR_ARG is as good as OK, and then outputs are not compared */
    int mixes;           /* layouts drawn per operand; 0 = 3 */
    int quick_step;      /* a quick run walks one row in so many; 0 = 7 */
    uint64_t seed;
} trial;

struct conv_row;
struct session;
typedef struct session session;

/* ---- for families ---- */
void trial_begin(trial *t, const trial_slot *slot, const void *attr, const char *fmt, ...) SOCLE_PRINTF(4, 5);
/* Adds an operand; the pointer is valid for the trial's life. */
operand *trial_in(trial *t, const char *name, socle_dtype dtype, socle_shape s);
operand *trial_out(trial *t, const char *name, socle_dtype dtype, socle_shape s);
operand *trial_inout(trial *t, const char *name, socle_dtype dtype, socle_shape s);
void trial_absent(trial *t, const char *name); /* keeps the place */
/* Values of an input: uniform in [lo, hi) and exact in float; integers in [lo, hi]; copies of stored values. */
void operand_uniform(trial *t, operand *o, double lo, double hi);
void operand_whole(trial *t, operand *o, int lo, int hi);
void operand_values(operand *o, const double *values);
void operand_stored(operand *o, uint32_t repeat); /* before its values: sets .repeat */
size_t operand_count(const operand *o);           /* of stored elements */
double *operand_want(trial *t, const char *name);
/* Reference results without judging a device: for operands that are other slots' results. False on failure. */
bool trial_expect(session *s, trial *t);
/* Is a trial that was begun among those to run? For families that compute much beforehand: trial_run asks by itself. */
bool trial_wanted(const session *s, const trial *t);
/* Walks all layouts, reports, frees. */
void trial_run(session *s, trial *t);
void trial_free(trial *t);
bool session_wants(const session *s, unsigned flags);
bool session_prims(const session *s);
char *shape_words(socle_shape s, char text[64]); /* "17x3x4x5" */

void family_elementwise(session *s);
void family_binary(session *s);
void family_reduce(session *s);
void family_gemm(session *s);
void family_linear(session *s);
void family_conv(session *s);
void try_im2col(session *s, const struct conv_row *row); /* part of conv */
void family_pool(session *s);
void family_index(session *s);
void family_random(session *s);
void family_norm(session *s);
void family_softmax(session *s);
void family_optim(session *s);
void family_histogram(session *s);
void family_shift(session *s);

/* ---- for the runner: conformance_memory.c ---- */

/* How one operand lies in memory. Gapped: odd distances in every dimension; stepped: inner stride 2; permuted: channels
 * innermost (matrices transposed). */
typedef enum layout {
    LAYOUT_PLAIN,
    LAYOUT_GAPPED,
    LAYOUT_STEPPED,
    LAYOUT_PERMUTED,
    LAYOUT_BLOCK,
    LAYOUT_BLOCK_GAPPED,
    LAYOUT_BLOCK_PERMUTED,
    LAYOUT_COUNT
} layout;
const char *layout_name(layout l);
layout layout_for(const operand *o, layout l); /* the nearest that the operand can have */

/* Layouts of a whole call; shared[i]: the operand whose memory output i uses, or -1. */
typedef struct arrangement {
    layout layout[TRIAL_MAX_OPERANDS];
    int shared[TRIAL_MAX_OPERANDS];
} arrangement;

/* One operand's memory image, before and after the call. */
typedef struct placed {
    socle_dtype dtype;
    socle_view view;       /* buffer unset */
    size_t elements, size; /* of the image; bytes of one */
    size_t count;          /* stored logical elements */
    int64_t *at;           /* their places in the image */
    unsigned char *kind;   /* per element of the image: 0 outside, 1 element, 2 lane past the last image */
    unsigned char *before, *after;
} placed;

placed *place(const operand *o, layout l, socle_dtype real);
void placed_free(placed *p);
/* True if nothing changed but what a call may write; with `strict` nothing at all. Else text says where. */
bool placed_intact(const placed *p, const char *name, bool strict, char *text, size_t cap);
void placed_values(const placed *p, double *out); /* after, row-major */
bool placed_unwritten(const placed *p,
                      size_t i); /* logical element i holds the filling, whose NaN arithmetic hands on */
/* "[3, 0, 2]" of logical element i. */
char *element_words(const operand *o, size_t i, char text[80]);

#endif

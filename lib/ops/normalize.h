/* Batch statistics, for the ops that end in a norm over images. */
#ifndef OPS_NORMALIZE_H
#define OPS_NORMALIZE_H

#include <socle/ops.h>
#include <socle/sys/prim.h>

/* What evaluation divides by, written in training; mean and var NULL: always the batch's own. */
typedef struct norm_running {
    socle_tensor *mean, *var; /* (C) */
    double momentum;
} norm_running;

socle_norm norm_params(socle_norm_opts o, bool batch);
bool norm_is_tracked(const norm_running *r);
/* x is not NULL. */
socle_status norm_check_batch(const socle_ctx *c, const socle_tensor *x, const norm_running *r);
/* New mean and variance of x, borrowed from c, which also enter the running ones. False, with c failed, on failure. */
bool norm_take_batch(socle_ctx *c, const socle_norm *p, const socle_tensor *x, const norm_running *r,
                     socle_tensor **mean, socle_tensor **var);

#endif

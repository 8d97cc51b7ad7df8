/* What the slots of norms share: operands as rows, and how the work is cut. */
#ifndef CPU_NORM_H
#define CPU_NORM_H

#include "isa/kernels_norm.h"
#include "workspace.h"

/* Where the rows of an operand (N, G, K, S) are: unit (block or image), group, channel of the group. */
typedef struct norm_rows {
    float *p;
    int64_t unit, group, channel; /* strides, in elements */
    socle_view own;               /* of an output that goes through workspace: what norm_settle copies from */
    socle_out to;                 /* and where to; NULL: nothing to do */
} norm_rows;

/* Units are blocks of 16 images or single images, whichever x is made of: `lanes` is 16 or 1, and all rows are brought
 * into that format. */
typedef struct norm_job {
    cpu_device *d;
    const struct cpu_norm_kernels *kernels;
    const socle_norm *p;
    int32_t lanes;
    int64_t images, units, groups, size, pixels, length; /* length: floats of a row */
    int64_t shared, divisor; /* numbers that share a mean; what a sum of squares is divided by */
    /* Cut: a task is `span` units of `per` groups. */
    int64_t chunks, span, parts, per;
    const float *gamma, *beta;           /* NULL: none */
    int64_t affine_channel, affine_step; /* gamma of channel c: c * affine_channel on; as step in cpu_norm_row */
    const float *mean, *var;             /* (G), or (units, G, lanes) */
} norm_job;

norm_job norm_job_of(cpu_device *d, const socle_norm *p, socle_in x);
/* gamma and beta, (1, 1, 1), (G, K, 1) or (G, K, S); either may be NULL. */
void norm_take_affine(norm_job *j, socle_in gamma, socle_in beta);
socle_status norm_take_stats(norm_job *j, workspace *w, socle_in mean, socle_in var);
socle_status norm_rows_in(const norm_job *j, workspace *w, socle_in v, norm_rows *r);
socle_status norm_rows_out(const norm_job *j, workspace *w, socle_out v, norm_rows *r);
/* Brings an output home. */
socle_status norm_settle(const norm_job *j, const norm_rows *r);

float *norm_row(const norm_rows *r, int64_t unit, int64_t group, int64_t channel);
/* Of a unit's 16 lanes, how many hold images; 16 where units are images, whose lanes are all theirs. */
int norm_valid(const norm_job *j, int64_t unit);
/* The part of a row's description that belongs to a channel; mean and inverse are the caller's. The rows that follow are
 * those of the next groups where images share a mean, else those of the group's next channels. */
cpu_norm_row norm_row_of(const norm_job *j, int64_t group, int64_t channel);
/* 1 / sqrt(max(var, var_min) + eps), and whether var_min decided. */
float norm_inverse(const socle_norm *p, float var);
bool norm_is_raised(const socle_norm *p, float var);
/* Of each group's variance, where images share a mean. */
socle_status norm_inverses(const norm_job *j, workspace *w, const float **out);

/* The gradient of a norm over images, but for dx, which a convolution's gradient makes piece by piece: pass two as
 * data. */
typedef struct norm_grad_rest {
    norm_job j;
    norm_rows x, dy;
    const float *inverse, *fixed, *slope; /* (G) */
} norm_grad_rest;
/* v's y and dz are in blocks, each channel without gaps. Writes dgamma and dbeta. */
socle_status norm_grad_begin(cpu_device *d, workspace *w, const socle_norm *p, const socle_conv_norm *v,
                             norm_grad_rest *out);
/* Channels g0 .. g1 - 1 of a block, pixels first .. last - 1. */
typedef struct norm_part {
    int64_t unit, g0, g1, first, last;
} norm_part;
/* dx of a part, dx_step floats from channel to channel. Lanes without an image get anything. of_relu: the gradient in front of
 * the ReLU that made x; only where there is no activation behind the norm. */
void norm_grad_part(const norm_grad_rest *n, bool of_relu, const norm_part *of, float *dx, int64_t dx_step);

/* One task of cpu_for over chunks * parts: units u0 .. u1 - 1 of groups g0 .. g1 - 1. */
typedef struct norm_task {
    int64_t chunk, u0, u1, g0, g1;
} norm_task;
norm_task norm_task_of(const norm_job *j, int64_t index);

#endif

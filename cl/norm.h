/* What the norm slots share: a call's operands as kernels/norm.clh walks them. */
#ifndef CL_NORM_H
#define CL_NORM_H

#include "launch.h"

enum { OCL_NORM_ABSENT, OCL_NORM_CONSTANT, OCL_NORM_ELEMENT }; /* a parameter along a row, as in kernels/norm.clh */

/* struct norm of kernels/norm.clh. */
typedef struct ocl_norm_args {
    cl_int apart, gamma, beta, act;
    cl_float eps, var_min, leak, sub, max, share, n, n_var;
} ocl_norm_args;

/* One call. gamma and beta NULL where absent. */
typedef struct ocl_norm {
    ocl_device *d;
    socle_in x, mean, var, gamma, beta;
    bool batch;
    bool pixels;                                  /* sixteen pixels abreast, not sixteen images */
    bool wide;                                    /* needs 64-bit numbers */
    bool dense;                                   /* as DENSE there */
    int64_t outers, groups, rows, ps, edge, tail; /* struct space */
    ocl_norm_args args;
} ocl_norm;

/* How units are cut into pieces: struct cut. */
typedef struct ocl_norm_cut {
    int64_t rows, ps, row_pieces, p_pieces;
} ocl_norm_cut;

/* large: the n operands of x's shape, x first. */
ocl_norm ocl_norm_of(ocl_device *d, const socle_norm *p, int n, const socle_in *large, socle_in mean, socle_in var,
                     socle_in gamma, socle_in beta);
int64_t ocl_norm_units(const ocl_norm *w);
/* Whether a unit had better be one work-group's: a second launch costs a processor more than it saves where there are units
 * for all of its threads and none is long. Results are the same bits either way. */
bool ocl_norm_whole_units(const ocl_norm *w);
int ocl_norm_parameter_kind(socle_in v);
/* one_row: no piece has more. */
ocl_norm_cut ocl_norm_cut_of(const ocl_norm *w, bool one_row);
int64_t ocl_norm_pieces(const ocl_norm_cut *c);

/* more: options of the file's own. */
ocl_call ocl_norm_begin(const ocl_norm *w, const char *file, const char *function, const char *more);
/* struct norm, space. */
void ocl_norm_arg_norm(ocl_call *k, const ocl_norm *w);
void ocl_norm_arg_space(ocl_call *k, const ocl_norm *w);
void ocl_norm_arg_cut(ocl_call *k, const ocl_norm *w, const ocl_norm_cut *c);
/* struct place of an operand of x's shape; of a parameter, and how many there are of it along groups and rows. */
void ocl_norm_arg_place(ocl_call *k, const ocl_norm *w, socle_in v);
void ocl_norm_arg_parameter(ocl_call *k, const ocl_norm *w, socle_in v);
/* struct places, and the memory that is read there. */
void ocl_norm_arg_places(ocl_call *k, const ocl_norm *w);
void ocl_norm_arg_operands(ocl_call *k, const ocl_norm *w);
/* One work-group each. */
socle_status ocl_norm_run(ocl_call *k, int64_t pieces, int64_t units);

#endif

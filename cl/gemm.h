/* Matrix products as every way to compute them sees them: c = alpha a b + beta c + bias, then perhaps relu.
 *
 * An index walks memory along a side: 16 neighbours `unit` apart, and each 16 of them `block` from the next (see
 * kernels/gemm.clh, which has the same structs). That covers any strides, transposes, and images in blocks of 16. */
#ifndef CL_GEMM_H
#define CL_GEMM_H

#include "choice.h"
#include "launch.h"

enum { OCL_BATCH_DIMS = SOCLE_MAX_DIMS - 2 };
typedef struct ocl_side {
    int64_t block, unit;
} ocl_side;
typedef struct ocl_matrix {
    const ocl_buffer *buffer;
    int64_t at; /* elements, within the cl_mem */
    ocl_side row, column, batch[OCL_BATCH_DIMS];
} ocl_matrix;
typedef struct ocl_product {
    int64_t m, n, k, batches, batch[OCL_BATCH_DIMS];
    float alpha, beta;
    ocl_matrix c, a, b;
    const ocl_buffer *bias; /* or NULL */
    int64_t bias_at, bias_row, bias_column;
    bool relu;
} ocl_product;

/* Of views as the slot gemm has them. */
ocl_product ocl_product_of(socle_out c, socle_in a, socle_in b, float alpha, float beta);
/* Of two-dimensional views; ta, tb: that operand is given transposed. */
ocl_product ocl_product_flat(socle_out c, socle_in a, bool ta, socle_in b, bool tb);
/* Adds bias (n), dense, to every row, and then perhaps relu. */
void ocl_product_finish(ocl_product *p, socle_in bias, socle_epilogue e);
/* The same product seen from behind: c^T = b^T a^T. */
ocl_product ocl_product_swapped(const ocl_product *p);
/* Chooses, runs, and puts aside what fails. */
socle_status ocl_multiply(ocl_device *d, const ocl_product *p);
/* One way; UNSUPPORTED, without a message, where it does not apply. */
socle_status ocl_multiply_by(ocl_device *d, ocl_variant v, const ocl_product *p);

/* Tries v on small products; puts it aside if it fails or disagrees, else takes it back. A status only where the device or
 * memory fails. */
socle_status ocl_gemm_check(ocl_device *d, ocl_variant v);

/* ---- the ways ---- */
socle_status ocl_multiply_any(ocl_device *d, const ocl_product *p);
typedef struct ocl_tile {
    int rows, columns; /* gemm_cpu: at most so many rows, 16 columns each; gemm_gpu: 16 rows and 16 columns each */
} ocl_tile;
socle_status ocl_multiply_cpu(ocl_device *d, const ocl_product *p, ocl_tile tile);
socle_status ocl_multiply_gpu(ocl_device *d, const ocl_product *p, ocl_tile tile);

/* ---- what they share ---- */
bool ocl_product_wide(const ocl_product *p); /* needs 64-bit numbers */
void ocl_arg_product(ocl_call *k, bool wide, const ocl_product *p);
/* k cut in slices, by the shape alone, where c is too small to keep a device busy; 1 where not. slice_k: a multiple of 16. */
int64_t ocl_product_slices(const ocl_product *p, int64_t *slice_k);
/* c from the slices' partial products (m, n), one after the other in `partial`. */
socle_status ocl_product_combine(ocl_device *d, const ocl_product *p, socle_in partial, int64_t slices);
/* Bias and relu of a c that a library has computed, in place. */
socle_status ocl_product_end(ocl_device *d, const ocl_product *p);
/* p's operand v, copied into `to`, which is row-major and dense. */
socle_status ocl_product_dense(ocl_device *d, const ocl_product *p, const ocl_matrix *v, socle_out to);
/* p without its end, into partial: what the slices compute. */
ocl_product ocl_product_partial(const ocl_product *p, socle_in partial);

#endif

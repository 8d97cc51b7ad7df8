/* Products on devices of many narrow work-items, by the tiles of kernels/gemm_gpu.cl. */
#include "gemm.h"
#include "temp.h"

#include <stdio.h>

enum { OPTIONS = 128, GROUP = 16, DEPTH = 16 /* of gemm_gpu.cl */ };

static size_t round_up(int64_t a, int64_t b)
{
    return (size_t)((a + b - 1) / b * b);
}

static socle_status run(ocl_device *d, const ocl_product *p, ocl_tile tile, int64_t slices, int64_t slice_k)
{
    char options[OPTIONS];
    bool wide = ocl_product_wide(p) || slices * p->m * p->n > INT32_MAX / 2;
    (void)snprintf(options, sizeof options, "-DINDEX=%s -DRM=%d -DRN=%d", wide ? "long" : "int", tile.rows,
                   tile.columns);
    ocl_call k = ocl_begin(d, "gemm_gpu.cl", "gemm_gpu", options);
    ocl_arg_product(&k, wide, p);
    ocl_arg_buffer(&k, p->c.buffer);
    ocl_arg_buffer(&k, p->a.buffer);
    ocl_arg_buffer(&k, p->b.buffer);
    ocl_arg_buffer(&k, p->bias ? p->bias : p->c.buffer);
    ocl_arg_index(&k, wide, slices);
    ocl_arg_index(&k, wide, slice_k);
    ocl_arg_index(&k, wide, p->m * p->n);
    ocl_arg_float(&k, p->alpha);
    ocl_arg_float(&k, p->beta);
    const size_t global[3] = { round_up(p->n, GROUP * tile.columns) / (size_t)tile.columns,
                               round_up(p->m, GROUP * tile.rows) / (size_t)tile.rows,
                               (size_t)(p->batches * slices) };
    return ocl_run(&k, 3, global, (size_t[]){ GROUP, GROUP, 1 });
}

socle_status ocl_multiply_gpu(ocl_device *d, const ocl_product *given, ocl_tile tile)
{
    const ocl_product turned = ocl_product_swapped(given); /* neighbouring items should write neighbours */
    const ocl_product *p = given->c.column.unit != 1 && given->c.row.unit == 1 ? &turned : given;
    const size_t local = sizeof(float) * DEPTH * (size_t)(GROUP * (tile.rows + tile.columns) + 2);
    if (d->max_group < (size_t)GROUP * GROUP || d->local_bytes < local)
        return SOCLE_ERR_UNSUPPORTED;
    int64_t slice_k, slices = ocl_product_slices(p, &slice_k);
    if (slices == 1)
        return run(d, p, tile, 1, slice_k);
    ocl_temp partial;
    socle_status status = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ slices * p->m * p->n }, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    const ocl_product part = ocl_product_partial(p, &partial.view);
    status = run(d, &part, tile, slices, slice_k);
    if (status == SOCLE_OK)
        status = ocl_product_combine(d, p, &partial.view, slices);
    ocl_temp_free(d, &partial);
    return status;
}

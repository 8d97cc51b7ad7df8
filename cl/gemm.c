/* Matrix products. */
#include "map.h"
#include "slots.h"

enum { OPTIONS = 64 };

socle_status ocl_gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    char options[OPTIONS];
    bool wide = ocl_maps_wide(3, (socle_in[]){ c, a, b });
    int64_t batches = 1;
    for (int d = 0; d < c->ndim - 2; d++)
        batches *= c->dim[d];
    ocl_call k = ocl_begin(self, "gemm.cl", "gemm_any", ocl_index_options(wide, options, sizeof options, ""));
    ocl_arg_map(&k, wide, c);
    ocl_arg_map(&k, wide, a);
    ocl_arg_map(&k, wide, b);
    ocl_arg_buffer(&k, c->buffer);
    ocl_arg_buffer(&k, a->buffer);
    ocl_arg_buffer(&k, b->buffer);
    ocl_arg_int(&k, c->ndim);
    ocl_arg_index(&k, wide, batches);
    ocl_arg_float(&k, alpha);
    ocl_arg_float(&k, beta);
    return ocl_run(&k, 3, (size_t[]){ (size_t)c->dim[c->ndim - 1], (size_t)c->dim[c->ndim - 2], (size_t)batches }, NULL);
}

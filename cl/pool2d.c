/* Pooling slots. */
#include "map.h"
#include "slots.h"

enum { OPTIONS = 64 };

typedef struct pool_args {
    cl_int adaptive, count_pad, size_h, size_w, stride_h, stride_w, pad_h, pad_w; /* struct pool of pool.cl */
} pool_args;

static pool_args args_of(const socle_pool *p)
{
    return (pool_args){ .adaptive = p->adaptive,
                        .count_pad = p->count_pad,
                        .size_h = p->size[0],
                        .size_w = p->size[1],
                        .stride_h = p->stride[0],
                        .stride_w = p->stride[1],
                        .pad_h = p->pad[0],
                        .pad_w = p->pad[1] };
}

static ocl_call begin(ocl_device *d, const char *function, const socle_pool *p, socle_in a, socle_in b,
                      socle_in index)
{
    char options[OPTIONS];
    bool wide = ocl_maps_wide(3, (socle_in[]){ a, b, index });
    ocl_call k = ocl_begin(d, "pool.cl", function, ocl_index_options(wide, options, sizeof options, ""));
    pool_args args = args_of(p);
    ocl_arg(&k, sizeof args, &args);
    ocl_arg_map(&k, wide, a);
    ocl_arg_map(&k, wide, b);
    ocl_arg_map(&k, wide, index);
    ocl_arg_buffer(&k, a->buffer);
    ocl_arg_buffer(&k, b->buffer);
    ocl_arg_buffer(&k, index->buffer);
    return k;
}

socle_status ocl_pool(void *self, const socle_pool *p, socle_out y, socle_out index, socle_in x)
{
    ocl_call k = begin(self, "pool_forward", p, y, x, index ? index : y);
    ocl_arg_int(&k, p->max);
    ocl_arg_int(&k, index != NULL);
    return ocl_run(&k, 3, (size_t[]){ (size_t)y->dim[0], (size_t)(y->dim[2] * y->dim[3]), (size_t)y->dim[1] },
                   NULL);
}

socle_status ocl_pool_grad(void *self, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index)
{
    ocl_call k = begin(self, "pool_backward", p, dx, dy, index ? index : dy);
    ocl_arg_int(&k, p->max);
    ocl_arg_int(&k, add);
    return ocl_run(&k, 3, (size_t[]){ (size_t)dx->dim[0], (size_t)(dx->dim[2] * dx->dim[3]), (size_t)dx->dim[1] },
                   NULL);
}

/* The required slots, called and counted. */
#include "prim/call.h"

socle_status call_fill(call *k, socle_out y, double value)
{
    stats_slot(k->device, PRIM_fill);
    return k->device->backend->fill(k->device->self, y, value);
}

socle_status call_copy(call *k, socle_out y, socle_in x)
{
    stats_slot(k->device, PRIM_copy);
    return k->device->backend->copy(k->device->self, y, x);
}

socle_status call_unary(call *k, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    stats_slot(k->device, PRIM_unary);
    return k->device->backend->unary(k->device->self, op, y, x, a, b, c);
}

socle_status call_unary_grad(call *k, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                             float b, float c)
{
    stats_slot(k->device, PRIM_unary_grad);
    return k->device->backend->unary_grad(k->device->self, op, dx, dy, x, y, a, b, c);
}

socle_status call_binary(call *k, socle_binary op, socle_out y, socle_in a, socle_in b)
{
    stats_slot(k->device, PRIM_binary);
    return k->device->backend->binary(k->device->self, op, y, a, b);
}

socle_status call_binary_grad(call *k, socle_binary op, int side, socle_out d, socle_in dy, socle_in a, socle_in b)
{
    stats_slot(k->device, PRIM_binary_grad);
    return k->device->backend->binary_grad(k->device->self, op, side, d, dy, a, b);
}

socle_status call_where(call *k, socle_out y, socle_in cond, socle_in a, socle_in b)
{
    stats_slot(k->device, PRIM_where);
    return k->device->backend->where(k->device->self, y, cond, a, b);
}

socle_status call_reduce(call *k, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    stats_slot(k->device, PRIM_reduce);
    return k->device->backend->reduce(k->device->self, op, y, x, axes);
}

socle_status call_argreduce(call *k, socle_reduce op, socle_out index, socle_in x, int axis)
{
    stats_slot(k->device, PRIM_argreduce);
    return k->device->backend->argreduce(k->device->self, op, index, x, axis);
}

socle_status call_gemm(call *k, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    stats_slot(k->device, PRIM_gemm);
    return k->device->backend->gemm(k->device->self, c, a, b, alpha, beta);
}

socle_status call_im2col(call *k, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo)
{
    stats_slot(k->device, PRIM_im2col);
    return k->device->backend->im2col(k->device->self, p, cols, x, r, s, ho, wo);
}

socle_status call_col2im(call *k, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo)
{
    stats_slot(k->device, PRIM_col2im);
    return k->device->backend->col2im(k->device->self, p, x, cols, r, s, ho, wo);
}

socle_status call_pool(call *k, const socle_pool *p, socle_out y, socle_out index, socle_in x)
{
    stats_slot(k->device, PRIM_pool);
    return k->device->backend->pool(k->device->self, p, y, index, x);
}

socle_status call_pool_grad(call *k, const socle_pool *p, bool add, socle_out dx, socle_in dy, socle_in index)
{
    stats_slot(k->device, PRIM_pool_grad);
    return k->device->backend->pool_grad(k->device->self, p, add, dx, dy, index);
}

socle_status call_gather(call *k, socle_out y, socle_in x, socle_in index, int axis)
{
    stats_slot(k->device, PRIM_gather);
    return k->device->backend->gather(k->device->self, y, x, index, axis);
}

socle_status call_scatter_add(call *k, socle_out y, socle_in x, socle_in index, int axis)
{
    stats_slot(k->device, PRIM_scatter_add);
    return k->device->backend->scatter_add(k->device->self, y, x, index, axis);
}

socle_status call_random_uniform(call *k, socle_out y, socle_philox r, float lo, float hi)
{
    stats_slot(k->device, PRIM_random_uniform);
    return k->device->backend->random_uniform(k->device->self, y, r, lo, hi);
}

socle_status call_random_normal(call *k, socle_out y, socle_philox r, float mean, float std)
{
    stats_slot(k->device, PRIM_random_normal);
    return k->device->backend->random_normal(k->device->self, y, r, mean, std);
}

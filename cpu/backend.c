/* The native CPU device: its table, how it is opened, its memory. Everything is done when a call returns, so
 * that free, read and sync need not wait. The primitives are in the files named in device.h. */
#include "device.h"

#include <stdio.h>
#include <string.h>
#include <socle/sys/memory.h>
#include <socle/sys/test.h>
#include "features.h"
#include "memory.h"
#include "parallel.h"
#include "select.h"

/* ---- workspace ---- */

void *cpu_scratch(cpu_device *d, size_t bytes)
{
    /* Kept blocks do not pass the allocator: ask here, so that tests see workspace fail too. */
    if (socle_test_take_fault()) {
        socle_fail(SOCLE_ERR_NOMEM, "out of memory: a workspace of %zu bytes was asked for", bytes);
        return NULL;
    }
    return memory_take(d->memory, bytes);
}

void cpu_scratch_free(cpu_device *d, void *p, size_t bytes)
{
    (void)bytes;
    memory_give(d->memory, p);
}

/* ---- device ---- */

static int cpu_count(void)
{
    return 1;
}

static void cpu_close(void *self)
{
    cpu_device *d = self;
    memory_pool_free(d->memory);
    socle_mem_free(d);
}

static socle_status cpu_open(int index, const socle_device_desc *o, void **self)
{
    if (index != 0)
        return socle_fail(SOCLE_ERR_ARG, "cpu: there is no device number %d", index);
    const struct cpu_kernels *kernels = NULL;
    socle_status s = cpu_select(&kernels);
    if (s != SOCLE_OK)
        return s;
    cpu_device *d = socle_mem_zeroed(1, sizeof *d);
    if (d == NULL)
        return SOCLE_ERR_NOMEM;
    size_t half = cpu_main_memory() / 2;
    d->kernels = kernels;
    d->threads = o->threads > 0 ? o->threads : cpu_cores();
    d->memory = memory_pool_new(o->cache_bytes > 0 ? o->cache_bytes : half > 0 ? half : SIZE_MAX);
    if (d->memory == NULL) {
        socle_mem_free(d);
        return SOCLE_ERR_NOMEM;
    }
    *self = d;
    return SOCLE_OK;
}

static void cpu_caps(void *self, socle_caps *out)
{
    const cpu_device *d = self;
    char brand[64];
    cpu_brand(brand, sizeof brand);
    *out = (socle_caps){ .real = SOCLE_F32, .lanes = SOCLE_LANES, .memory = cpu_main_memory() };
    snprintf(out->name, sizeof out->name, "%s, %s, %d thread%s", brand, d->kernels->name, d->threads,
             d->threads == 1 ? "" : "s");
}

static socle_status cpu_alloc(void *self, size_t bytes, void **buffer)
{
    cpu_device *d = self;
    *buffer = memory_take(d->memory, bytes);
    return *buffer != NULL ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static void cpu_free(void *self, void *buffer, size_t bytes)
{
    cpu_device *d = self;
    (void)bytes;
    memory_give(d->memory, buffer);
}

static void *cpu_host_ptr(void *self, void *buffer)
{
    (void)self;
    return buffer;
}

static socle_status cpu_write(void *self, void *buffer, size_t at, const void *src, size_t bytes)
{
    (void)self;
    memcpy((unsigned char *)buffer + at, src, bytes);
    return SOCLE_OK;
}

static socle_status cpu_read(void *self, void *buffer, size_t at, void *dst, size_t bytes)
{
    (void)self;
    memcpy(dst, (unsigned char *)buffer + at, bytes);
    return SOCLE_OK;
}

static socle_status cpu_sync(void *self)
{
    (void)self;
    return SOCLE_OK;
}

static void cpu_counters(void *self, socle_counters *out)
{
    const cpu_device *d = self;
    *out = (socle_counters){ .bytes = memory_taken(d->memory) };
}

static void cpu_host_for(void *self, int64_t n, void (*fn)(void *arg, int64_t first, int64_t last), void *arg)
{
    const cpu_device *d = self;
    cpu_for(d->threads, n, 1, fn, arg);
}

extern const socle_backend socle_backend_cpu;
const socle_backend socle_backend_cpu = {
    .size = sizeof(socle_backend),
    .name = "cpu",
    .count = cpu_count,
    .open = cpu_open,
    .close = cpu_close,
    .caps = cpu_caps,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .host_ptr = cpu_host_ptr,
    .write = cpu_write,
    .read = cpu_read,
    .sync = cpu_sync,
    .fill = cpu_fill,
    .copy = cpu_copy,
    .unary = cpu_unary,
    .unary_grad = cpu_unary_grad,
    .binary = cpu_binary,
    .binary_grad = cpu_binary_grad,
    .where = cpu_where,
    .reduce = cpu_reduce,
    .argreduce = cpu_argreduce,
    .gemm = cpu_gemm,
    .im2col = cpu_im2col,
    .col2im = cpu_col2im,
    .pool = cpu_pool,
    .pool_grad = cpu_pool_grad,
    .gather = cpu_gather,
    .scatter_add = cpu_scatter_add,
    .random_uniform = cpu_random_uniform,
    .random_normal = cpu_random_normal,
    .axpby = cpu_axpby,
    .add_relu = cpu_add_relu,
    .conv = cpu_conv,
    .conv_grad = cpu_conv_grad,
    .linear = cpu_linear,
    .linear_grad = cpu_linear_grad,
    .moments = cpu_moments,
    .normalize = cpu_normalize,
    .normalize_grad = cpu_normalize_grad,
    .conv_norm_grad = cpu_conv_norm_grad,
    .softmax = cpu_softmax,
    .softmax_grad = cpu_softmax_grad,
    .xent = cpu_xent,
    .xent_grad = cpu_xent_grad,
    .dropout = cpu_dropout,
    .sgd_many = cpu_sgd_many,
    .adam_many = cpu_adam_many,
    .lamb_many = cpu_lamb_many,
    .clip_many = cpu_clip_many,
    .axpby_many = cpu_axpby_many,
    .histogram = cpu_histogram,
    .shift_images = cpu_shift_images,
    .describe = cpu_describe,
    .counters = cpu_counters,
    .host_for = cpu_host_for,
};

/* Device memory: slabs taken from OpenCL, cut into pieces of a few size classes that are kept and reused.
 *
 * Small pieces share slabs, so that one kernel can reach all parameters of a network through one cl_mem and a table of
 * offsets; large ones have a slab of their own. A freed piece goes to the head of its class's list (the memory used last is
 * the warmest). A large one goes back to OpenCL when more than the bound of them lie idle, when memory runs out, and when
 * the device closes.
 *
 * SOCLE_CL_SLABS=0: every piece has a cl_mem of its own and is used once, for tools that look for accesses outside of one and
 * for reads of what nobody wrote. */
#include "device.h"

#include <socle/sys/memory.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGN = 256,     /* what OpenCL asks of any buffer's start, and a cache line of any GPU */
    CLASSES = 4 * 64 /* four to a power of two */
};
#define SLAB_BYTES   ((size_t)64 << 20)
#define SHARED_BYTES ((size_t)8 << 20) /* pieces up to this share slabs */

typedef struct ocl_slab {
    cl_mem mem;
    size_t bytes, used;
    struct ocl_slab *next;
} ocl_slab;

typedef struct ocl_memory {
    ocl_slab *slabs; /* the newest shared one is the one being cut */
    ocl_buffer *free[CLASSES];
    size_t taken, limit; /* bytes in slabs; what OpenCL says there is */
    size_t idle, keep;   /* bytes in free pieces with a slab of their own, and how many may be */
    size_t shared;       /* bytes of the largest piece that shares a slab */
} ocl_memory;

/* The smallest class that holds `bytes`, and its size: 4, 5, 6 or 7 quarters of a power of two. */
static int class_of(size_t bytes, size_t *size)
{
    size_t power = ALIGN;
    int octave = 0;
    while (2 * power <= bytes) {
        power *= 2;
        octave++;
    }
    size_t quarter = power / 4, n = bytes <= power ? 0 : (bytes - power + quarter - 1) / quarter; /* 0 .. 4 */
    *size = (power + n * quarter + ALIGN - 1) / ALIGN * ALIGN;
    return 4 * octave + (int)n;
}

struct ocl_memory *ocl_memory_new(ocl_device *d, size_t cache_bytes)
{
    ocl_memory *m = socle_mem_zeroed(1, sizeof *m);
    if (m) {
        m->limit = (size_t)d->memory;
        m->keep = cache_bytes > 0 ? cache_bytes : m->limit / 2;
        m->shared = SHARED_BYTES;
        const char *slabs = getenv("SOCLE_CL_SLABS");
        if (slabs && strcmp(slabs, "0") == 0) {
            m->shared = 0;
            m->keep = SIZE_MAX;
        }
    }
    return m;
}

static void drop_list(ocl_buffer *b)
{
    while (b) {
        ocl_buffer *next = b->next;
        socle_mem_free(b);
        b = next;
    }
}

void ocl_memory_free(struct ocl_memory *m)
{
    if (!m)
        return;
    for (int c = 0; c < CLASSES; c++)
        drop_list(m->free[c]);
    while (m->slabs) {
        ocl_slab *next = m->slabs->next;
        (void)clReleaseMemObject(m->slabs->mem);
        socle_mem_free(m->slabs);
        m->slabs = next;
    }
    socle_mem_free(m);
}

/* Has the piece a slab to itself? */
static bool is_alone(const ocl_buffer *b)
{
    return b->slab->bytes == b->bytes;
}

/* Gives slabs that one free piece fills back to OpenCL, which keeps them until the commands that use them are done. */
static void release_unused(ocl_memory *m)
{
    for (int c = 0; c < CLASSES; c++)
        for (ocl_buffer **link = &m->free[c]; *link;) {
            ocl_buffer *b = *link;
            if (!is_alone(b)) {
                link = &b->next;
                continue;
            }
            *link = b->next;
            ocl_slab **s = &m->slabs;
            while (*s != b->slab)
                s = &(*s)->next;
            *s = b->slab->next;
            m->taken -= b->slab->bytes;
            m->idle -= b->bytes;
            (void)clReleaseMemObject(b->slab->mem);
            socle_mem_free(b->slab);
            socle_mem_free(b);
        }
}

static ocl_slab *slab_new(ocl_device *d, size_t bytes)
{
    ocl_memory *m = d->pool;
    ocl_slab *s = socle_mem_zeroed(1, sizeof *s);
    if (!s)
        return NULL;
    cl_int code = CL_SUCCESS;
    for (int attempt = 0; attempt < 2; attempt++) {
        s->mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
        if (code == CL_SUCCESS)
            break;
        release_unused(m);
    }
    if (code != CL_SUCCESS) {
        socle_mem_free(s);
        (void)socle_fail(SOCLE_ERR_NOMEM,
                         "opencl: %zu bytes were asked for, %s has %zu, of which %zu are taken here: %s", bytes,
                         d->name, m->limit, m->taken, ocl_error_name(code));
        return NULL;
    }
    s->bytes = bytes;
    s->next = m->slabs;
    m->slabs = s;
    m->taken += bytes;
    d->bytes += bytes;
    return s;
}

/* A slab with room for a piece of `size`: the shared one being cut, or a new one. */
static ocl_slab *slab_for(ocl_device *d, size_t size)
{
    if (size > d->pool->shared)
        return slab_new(d, size);
    for (ocl_slab *s = d->pool->slabs; s; s = s->next)
        if (s->bytes - s->used >= size)
            return s;
    size_t bytes = SLAB_BYTES;
    while (bytes > d->max_alloc && bytes / 2 >= size)
        bytes /= 2;
    return slab_new(d, bytes);
}

ocl_buffer *ocl_buffer_new(ocl_device *d, size_t bytes)
{
    size_t size;
    int c = class_of(bytes, &size);
    ocl_buffer *b = d->pool->free[c];
    if (b && d->pool->shared > 0) {
        d->pool->free[c] = b->next;
        d->pool->idle -= is_alone(b) ? b->bytes : 0;
        return b;
    }
    if (size > d->max_alloc) {
        (void)socle_fail(SOCLE_ERR_NOMEM,
                         "opencl: %zu bytes were asked for at once, %s has %zu and gives at most %zu", bytes,
                         d->name, d->pool->limit, (size_t)d->max_alloc);
        return NULL;
    }
    b = socle_mem_zeroed(1, sizeof *b);
    if (!b)
        return NULL;
    ocl_slab *s = slab_for(d, size);
    if (!s) {
        socle_mem_free(b);
        return NULL;
    }
    *b = (ocl_buffer){ .mem = s->mem, .at = s->used, .bytes = size, .size_class = c, .slab = s };
    s->used += size;
    return b;
}

void ocl_buffer_free(ocl_device *d, ocl_buffer *b)
{
    if (!b)
        return;
    ocl_memory *m = d->pool;
    b->next = m->free[b->size_class];
    m->free[b->size_class] = b;
    m->idle += is_alone(b) ? b->bytes : 0;
    if (m->idle > m->keep)
        release_unused(m);
}

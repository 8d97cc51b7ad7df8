/* What "self" is in this backend: one OpenCL device, its context and its single in-order queue.
 *
 * Every slot takes the device's lock for the time it enqueues: kernel objects carry their arguments, so two threads may
 * not set them at once. Nothing but read and sync waits for the device; `waits` counts the calls that did. */
#ifndef CL_DEVICE_H
#define CL_DEVICE_H

#include <pthread.h>
#include <socle/sys/backend.h>
#include <socle/sys/memory.h>
#include "api.h"

struct ocl_memory;   /* memory.c */
struct ocl_programs; /* program.c */
struct ocl_staging;  /* staging.c */
struct ocl_choice;   /* choice.c */

typedef struct ocl_device {
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    bool is_cpu;      /* the device is a processor: few wide work-items instead of many narrow ones */
    size_t max_group; /* work-items a group may have */
    cl_uint units;    /* compute units */
    cl_ulong memory, max_alloc, local_bytes;
    char name[96];      /* "NVIDIA H100", trimmed */
    char identity[512]; /* platform, device, driver: the part of the cache key that is the machine's */
    pthread_mutex_t lock;
    struct ocl_memory *pool;
    socle_mem_cache *tables; /* host memory of a call: which parameters a launch takes */
    struct ocl_programs *programs;
    struct ocl_staging *staging;
    struct ocl_choice *choice;
    bool used_clblast; /* it then holds on to the context until told otherwise */
    socle_status late; /* an error found after its call had returned: every later call answers it */
    char late_text[256];
    const char *last_kernel;   /* enqueued last: named when the device reports late */
    uint64_t launches, waits;  /* kernels enqueued; calls that waited for the device */
    uint64_t compiled, loaded; /* programs from source; from the cache on disk */
    uint64_t bytes;            /* of all slabs ever taken from OpenCL */
} ocl_device;

/* ---- platform.c ---- */
/* All devices of all platforms, in the platforms' order: the numbering of "cl:N". */
int ocl_count(void);
/* The device of that number. ERR_DEVICE with the platform's word if it cannot be had. */
socle_status ocl_find(int index, cl_platform_id *platform, cl_device_id *id);

/* ---- describe.c ---- */
/* A text the device answers, without the blanks around it; "" if it does not answer. */
void ocl_info_string(cl_device_id id, cl_device_info what, char *out, size_t cap);
socle_status ocl_describe(int index, socle_device_info *out);

/* ---- error.c ---- */
const char *ocl_error_name(cl_int code); /* "CL_OUT_OF_RESOURCES" */
/* OK for CL_SUCCESS; else raises ERR_NOMEM or ERR_DEVICE as "what: CL_..." . */
socle_status ocl_status(cl_int code, const char *what);
/* Does the code say that nothing will work on this device any more? */
bool ocl_is_lost(cl_int code);
/* The same for a call at which the device may report what went wrong before: sticks in d. */
socle_status ocl_late(ocl_device *d, cl_int code, const char *what);

/* ---- memory.c: what socle_view.buffer points at ---- */
/* A piece of a slab: kernels get (mem, offset), never sub-buffers. */
typedef struct ocl_buffer {
    cl_mem mem;
    size_t at, bytes; /* within mem */
    int size_class;
    struct ocl_slab *slab;
    struct ocl_buffer *next; /* in its free list */
} ocl_buffer;
/* cache_bytes: of large pieces that are kept when nobody uses them; 0: half of the device. */
struct ocl_memory *ocl_memory_new(ocl_device *d, size_t cache_bytes);
void ocl_memory_free(struct ocl_memory *m); /* every slab, buffers in use included */
/* Freed buffers may be reused at once: the queue is in order, so reuse comes after use. Callers hold the lock. */
ocl_buffer *ocl_buffer_new(ocl_device *d, size_t bytes); /* NULL with ERR_NOMEM raised */
void ocl_buffer_free(ocl_device *d, ocl_buffer *b);

/* ---- staging.c: host memory on its way to the device ---- */
struct ocl_staging *ocl_staging_new(ocl_device *d);
void ocl_staging_free(ocl_device *d, struct ocl_staging *s);
/* Copies src before it returns; waits only when the ring is full of copies that have not left yet. */
socle_status ocl_upload(ocl_device *d, const ocl_buffer *b, size_t at, const void *src, size_t bytes);

#endif

/* The table, opening and closing, and memory transfer. */
#include "choice.h"
#include "clblast.h"
#include "device.h"
#include "program.h"
#include "slots.h"

#include <socle/sys/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES_KEEP = 4 << 20 }; /* bytes: tables of some ten thousand parameters */

/* Everything about the machine that a compiled program depends on. */
static void identify(ocl_device *d)
{
    char platform[256] = "", version[128], driver[128], vendor[128];
    (void)clGetPlatformInfo(d->platform, CL_PLATFORM_VERSION, sizeof platform - 1, platform, NULL);
    ocl_info_string(d->id, CL_DEVICE_NAME, d->name, sizeof d->name);
    ocl_info_string(d->id, CL_DEVICE_VENDOR, vendor, sizeof vendor);
    ocl_info_string(d->id, CL_DEVICE_VERSION, version, sizeof version);
    ocl_info_string(d->id, CL_DRIVER_VERSION, driver, sizeof driver);
    (void)snprintf(d->identity, sizeof d->identity, "%.100s|%.90s|%.60s|%.100s|%.100s", platform, d->name, vendor,
                   version, driver);
}

/* Whether kernels are those for processors: few wide work-items. SOCLE_CL_KIND=cpu or gpu overrules what the device says,
 * for tests: both kinds must compute the same on any device. */
static bool wants_cpu_kernels(cl_device_type type)
{
    const char *kind = getenv("SOCLE_CL_KIND");
    if (kind && strcmp(kind, "cpu") == 0)
        return true;
    if (kind && strcmp(kind, "gpu") == 0)
        return false;
    return (type & CL_DEVICE_TYPE_CPU) && !(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR));
}

static socle_status query(ocl_device *d)
{
    cl_device_type type = 0;
    cl_bool compiler = CL_FALSE, little = CL_TRUE;
    cl_int code = clGetDeviceInfo(d->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof d->max_group, &d->max_group, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof d->units, &d->units, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof d->memory, &d->memory, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof d->max_alloc, &d->max_alloc, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof d->local_bytes, &d->local_bytes, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    code |= clGetDeviceInfo(d->id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
    identify(d);
    if (code != CL_SUCCESS)
        return socle_fail(SOCLE_ERR_DEVICE, "opencl: %s does not answer the questions every device must answer",
                          d->name);
    if (!compiler)
        return socle_fail(SOCLE_ERR_DEVICE, "opencl: %s has no compiler for kernels", d->name);
    if (!little)
        return socle_fail(SOCLE_ERR_UNSUPPORTED, "opencl: %s is big-endian", d->name);
    d->is_cpu = wants_cpu_kernels(type);
    return SOCLE_OK;
}

static void destroy(ocl_device *d)
{
    if (d->queue)
        (void)clFinish(d->queue);
    if (d->late == SOCLE_OK)
        ocl_programs_store(d);
    ocl_clblast_close(d);
    ocl_choice_free(d->choice);
    ocl_programs_free(d->programs);
    ocl_staging_free(d, d->staging);
    ocl_memory_free(d->pool);
    socle_mem_cache_free(d->tables);
    if (d->queue)
        (void)clReleaseCommandQueue(d->queue);
    if (d->context)
        (void)clReleaseContext(d->context);
    (void)pthread_mutex_destroy(&d->lock);
    socle_mem_free(d);
}

static socle_status make(ocl_device *d, size_t cache_bytes)
{
    socle_status status = query(d);
    if (status != SOCLE_OK)
        return status;
    cl_int code = CL_SUCCESS;
    d->context =
        clCreateContext((cl_context_properties[]){ CL_CONTEXT_PLATFORM, (cl_context_properties)d->platform, 0 }, 1,
                        &d->id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_status(code, "creating a context");
    d->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    if (code != CL_SUCCESS)
        return ocl_status(code, "creating a command queue");
    d->pool = ocl_memory_new(d, cache_bytes);
    d->tables = socle_mem_cache_new(TABLES_KEEP);
    d->programs = ocl_programs_new(d);
    d->staging = ocl_staging_new(d);
    d->choice = ocl_choice_new(d);
    return d->pool && d->tables && d->programs && d->staging && d->choice ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static socle_status open_device(int index, const socle_device_desc *o, void **self)
{
    ocl_device *d = socle_mem_zeroed(1, sizeof *d);
    if (!d)
        return SOCLE_ERR_NOMEM;
    if (pthread_mutex_init(&d->lock, NULL) != 0) {
        socle_mem_free(d);
        return socle_fail(SOCLE_ERR_NOMEM, "opencl: no memory for a lock");
    }
    socle_status status = ocl_find(index, &d->platform, &d->id);
    if (status == SOCLE_OK)
        status = make(d, o->cache_bytes);
    if (status != SOCLE_OK) {
        destroy(d);
        return status;
    }
    *self = d;
    return SOCLE_OK;
}

static void close_device(void *self)
{
    destroy(self);
}

static void caps(void *self, socle_caps *out)
{
    const ocl_device *d = self;
    *out = (socle_caps){ .real = SOCLE_F32, .lanes = SOCLE_LANES, .memory = (size_t)d->memory };
    (void)snprintf(out->name, sizeof out->name, "%s", d->name);
}

static socle_status alloc(void *self, size_t bytes, void **buffer)
{
    ocl_device *d = self;
    (void)pthread_mutex_lock(&d->lock);
    ocl_buffer *b = ocl_buffer_new(d, bytes);
    (void)pthread_mutex_unlock(&d->lock);
    if (!b)
        return socle_error_status();
    *buffer = b;
    return SOCLE_OK;
}

static void free_buffer(void *self, void *buffer, size_t bytes)
{
    ocl_device *d = self;
    (void)bytes;
    (void)pthread_mutex_lock(&d->lock);
    ocl_buffer_free(d, buffer);
    (void)pthread_mutex_unlock(&d->lock);
}

static socle_status upload(void *self, void *buffer, size_t at, const void *src, size_t bytes)
{
    ocl_device *d = self;
    (void)pthread_mutex_lock(&d->lock);
    socle_status status =
        d->late != SOCLE_OK ? socle_fail(d->late, "%s", d->late_text) : ocl_upload(d, buffer, at, src, bytes);
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

static socle_status download(void *self, void *buffer, size_t at, void *dst, size_t bytes)
{
    ocl_device *d = self;
    const ocl_buffer *b = buffer;
    (void)pthread_mutex_lock(&d->lock);
    d->waits++;
    socle_status status =
        d->late != SOCLE_OK
            ? socle_fail(d->late, "%s", d->late_text)
            : ocl_late(d, clEnqueueReadBuffer(d->queue, b->mem, CL_TRUE, b->at + at, bytes, dst, 0, NULL, NULL),
                       "reading");
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

static socle_status finish(void *self)
{
    ocl_device *d = self;
    (void)pthread_mutex_lock(&d->lock);
    d->waits++;
    socle_status status = d->late != SOCLE_OK ? socle_fail(d->late, "%s", d->late_text)
                                              : ocl_late(d, clFinish(d->queue), "finishing");
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

static void counters(void *self, socle_counters *out)
{
    ocl_device *d = self;
    (void)pthread_mutex_lock(&d->lock);
    *out = (socle_counters){
        .bytes = d->bytes, .launches = d->launches, .waits = d->waits, .compiled = d->compiled, .loaded = d->loaded
    };
    (void)pthread_mutex_unlock(&d->lock);
}

const socle_backend socle_backend_cl = {
    .size = sizeof(socle_backend),
    .name = "cl",
    .count = ocl_count,
    .open = open_device,
    .close = close_device,
    .caps = caps,
    .alloc = alloc,
    .free = free_buffer,
    .write = upload,
    .read = download,
    .sync = finish,
    .fill = ocl_fill,
    .copy = ocl_copy,
    .unary = ocl_unary,
    .unary_grad = ocl_unary_grad,
    .binary = ocl_binary,
    .binary_grad = ocl_binary_grad,
    .where = ocl_where,
    .reduce = ocl_reduce,
    .argreduce = ocl_argreduce,
    .gemm = ocl_gemm,
    .im2col = ocl_im2col,
    .col2im = ocl_col2im,
    .pool = ocl_pool,
    .pool_grad = ocl_pool_grad,
    .gather = ocl_gather,
    .scatter_add = ocl_scatter_add,
    .random_uniform = ocl_random_uniform,
    .random_normal = ocl_random_normal,
    .axpby = ocl_axpby,
    .add_relu = ocl_add_relu,
    .conv = ocl_conv,
    .conv_grad = ocl_conv_grad,
    .linear = ocl_linear,
    .linear_grad = ocl_linear_grad,
    .moments = ocl_moments,
    .normalize = ocl_normalize,
    .normalize_grad = ocl_normalize_grad,
    .softmax = ocl_softmax,
    .softmax_grad = ocl_softmax_grad,
    .xent = ocl_xent,
    .xent_grad = ocl_xent_grad,
    .dropout = ocl_dropout,
    .sgd_many = ocl_sgd_many,
    .adam_many = ocl_adam_many,
    .lamb_many = ocl_lamb_many,
    .clip_many = ocl_clip_many,
    .axpby_many = ocl_axpby_many,
    .histogram = ocl_histogram,
    .shift_images = ocl_shift_images,
    .describe = ocl_describe,
    .variants = ocl_variants,
    .tune = ocl_tune,
    .counters = counters,
};

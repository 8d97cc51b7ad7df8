/* Arguments and work sizes of a kernel call. */
#include "launch.h"
#include "program.h"

ocl_call ocl_begin(ocl_device *d, const char *file, const char *function, const char *options)
{
    (void)pthread_mutex_lock(&d->lock);
    ocl_call k = { .d = d, .name = function };
    if (d->late != SOCLE_OK) {
        k.status = socle_fail(d->late, "%s", d->late_text);
        return k;
    }
    k.kernel = ocl_kernel(d, file, function, options);
    if (!k.kernel)
        k.status = socle_error_status();
    return k;
}

void ocl_arg(ocl_call *k, size_t bytes, const void *value)
{
    if (k->status == SOCLE_OK)
        k->status = ocl_status(clSetKernelArg(k->kernel, k->n_args++, bytes, value), k->name);
}

void ocl_arg_buffer(ocl_call *k, const ocl_buffer *b)
{
    cl_mem mem = b ? b->mem : NULL;
    ocl_arg(k, sizeof mem, &mem);
}

void ocl_arg_int(ocl_call *k, int64_t value)
{
    cl_int v = (cl_int)value;
    ocl_arg(k, sizeof v, &v);
}

void ocl_arg_index(ocl_call *k, bool wide, int64_t value)
{
    cl_long v = value;
    if (wide)
        ocl_arg(k, sizeof v, &v);
    else
        ocl_arg_int(k, value);
}

void ocl_arg_float(ocl_call *k, float value)
{
    ocl_arg(k, sizeof value, &value);
}

void ocl_arg_local(ocl_call *k, size_t bytes)
{
    ocl_arg(k, bytes, NULL);
}

/* Work-items of a group. GROUP: two of NVIDIA's warps, one of AMD's wavefronts. A processor's groups are loops, and starting
 * one costs more than going round: large ones where there are enough for all its units, else small ones. No sizes in
 * between, because a compiler for a processor (PoCL) compiles a kernel anew for each size that it meets. */
enum { GROUP = 64, CPU_GROUP = 512, CPU_FEW = 16 };

static void choose_local(const ocl_device *d, int ndim, const size_t *global, size_t *local)
{
    size_t want = !d->is_cpu ? GROUP : global[0] / CPU_GROUP >= 4 * (size_t)d->units ? CPU_GROUP : CPU_FEW;
    for (int i = 0; i < ndim; i++)
        local[i] = 1;
    local[0] = want > d->max_group ? d->max_group : want;
}

socle_status ocl_run(ocl_call *k, int ndim, const size_t *global, const size_t *local)
{
    if (k->status == SOCLE_OK) {
        size_t groups[3], sizes[3];
        if (local)
            for (int i = 0; i < ndim; i++)
                groups[i] = local[i];
        else
            choose_local(k->d, ndim, global, groups);
        for (int i = 0; i < ndim; i++)
            sizes[i] = (global[i] + groups[i] - 1) / groups[i] * groups[i];
        k->d->launches++;
        k->d->last_kernel = k->name;
        cl_int code =
            clEnqueueNDRangeKernel(k->d->queue, k->kernel, (cl_uint)ndim, NULL, sizes, groups, 0, NULL, NULL);
        k->status = ocl_is_lost(code) ? ocl_late(k->d, code, "taking a kernel") : ocl_status(code, k->name);
    }
    (void)pthread_mutex_unlock(&k->d->lock);
    return k->status;
}

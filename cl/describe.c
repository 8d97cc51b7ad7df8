/* What an OpenCL device says about itself, for people: nothing here decides anything, and nothing is opened. */
#include "device.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ocl_info_string(cl_device_id id, cl_device_info what, char *out, size_t cap)
{
    char text[512] = "";
    (void)clGetDeviceInfo(id, what, sizeof text - 1, text, NULL);
    const char *from = text;
    while (isspace((unsigned char)*from))
        from++;
    (void)snprintf(out, cap, "%s", from);
    for (size_t n = strlen(out); n > 0 && isspace((unsigned char)out[n - 1]); n--)
        out[n - 1] = '\0';
}

static void add(socle_device_info *out, const char *fmt, ...) SOCLE_PRINTF(2, 3);
static void add(socle_device_info *out, const char *fmt, ...)
{
    size_t n = strlen(out->more);
    va_list arguments;
    va_start(arguments, fmt);
    (void)vsnprintf(out->more + n, sizeof out->more - n, fmt, arguments);
    va_end(arguments);
}

static void add_text(socle_device_info *out, cl_device_id id, cl_device_info what, const char *key)
{
    char text[200];
    ocl_info_string(id, what, text, sizeof text);
    if (text[0] != '\0')
        add(out, "%s: %s\n", key, text);
}

static void add_platform(socle_device_info *out, cl_platform_id platform)
{
    char name[128] = "", version[128] = "";
    (void)clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    (void)clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof version - 1, version, NULL);
    add(out, "platform: %s (%s)\n", name, version);
}

static void add_limits(socle_device_info *out, cl_device_id id)
{
    cl_uint units = 0, mhz = 0;
    cl_ulong alloc = 0, local = 0;
    size_t group = 0;
    cl_device_local_mem_type kind = 0;
    cl_device_fp_config doubles = 0;
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof mhz, &mhz, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof alloc, &alloc, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_TYPE, sizeof kind, &kind, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof doubles, &doubles, NULL);
    add(out, "compute units: %u, %u MHz\n", units, mhz);
    add(out, "work-items in a group: at most %zu\n", group);
    add(out, "largest buffer: %llu MiB\n", (unsigned long long)(alloc >> 20));
    add(out, "local memory: %llu KiB%s\n", (unsigned long long)(local >> 10),
        kind == CL_LOCAL ? "" : " (in global memory)");
    add(out, "double precision: %s (not needed)\n", doubles != 0 ? "yes" : "no");
}

socle_status ocl_describe(int index, socle_device_info *out)
{
    cl_platform_id platform;
    cl_device_id id;
    socle_status s = ocl_find(index, &platform, &id);
    if (s != SOCLE_OK)
        return s;
    cl_device_type type = 0;
    cl_ulong memory = 0;
    cl_int code = clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    if (code != CL_SUCCESS)
        return ocl_status(code, "asking a device for its type");
    (void)clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
    *out = (socle_device_info){ .memory = (size_t)memory };
    out->kind = type & CL_DEVICE_TYPE_GPU   ? SOCLE_KIND_GPU
                : type & CL_DEVICE_TYPE_CPU ? SOCLE_KIND_CPU
                                            : SOCLE_KIND_OTHER;
    ocl_info_string(id, CL_DEVICE_NAME, out->name, sizeof out->name);
    add_platform(out, platform);
    add_text(out, id, CL_DEVICE_VENDOR, "vendor");
    add_text(out, id, CL_DEVICE_VERSION, "version");
    add_text(out, id, CL_DEVICE_OPENCL_C_VERSION, "language");
    add_text(out, id, CL_DRIVER_VERSION, "driver");
    add_limits(out, id);
    return SOCLE_OK;
}

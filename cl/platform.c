/* Which OpenCL devices there are. Asked anew at each open: the answer costs microseconds and nothing is remembered. */
#include "device.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 64 /* of one platform */ };

/* Visits the devices in order; stops at number `index` and gives it. Returns how many were seen. */
static int walk(int index, cl_platform_id *platform, cl_device_id *id)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n_platforms = 0;
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &n_platforms) != CL_SUCCESS)
        return 0;
    if (n_platforms > MAX_PLATFORMS)
        n_platforms = MAX_PLATFORMS;
    int seen = 0;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_device_id devices[MAX_DEVICES];
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, devices, &n) != CL_SUCCESS)
            continue;
        if (n > MAX_DEVICES)
            n = MAX_DEVICES;
        if (index >= seen && index < seen + (int)n) {
            *platform = platforms[p];
            *id = devices[index - seen];
            return index + 1;
        }
        seen += (int)n;
    }
    return seen;
}

int ocl_count(void)
{
    return walk(-1, NULL, NULL);
}

socle_status ocl_find(int index, cl_platform_id *platform, cl_device_id *id)
{
    int seen = walk(index, platform, id);
    if (seen == 0) {
        cl_uint platforms = 0;
        (void)clGetPlatformIDs(0, NULL, &platforms);
        return platforms == 0
                   ? socle_fail(SOCLE_ERR_DEVICE, "opencl: no platform: no device's driver is installed")
                   : socle_fail(SOCLE_ERR_DEVICE, "opencl: no device: the %u platforms have none", platforms);
    }
    if (seen != index + 1)
        return socle_fail(SOCLE_ERR_DEVICE, "opencl: device %d is not there, the platforms have %d", index, seen);
    return SOCLE_OK;
}

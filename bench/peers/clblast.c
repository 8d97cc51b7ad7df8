/* clblast-gemm: matrix products by CLBlast, untuned, on an OpenCL device: the peer of `socle-bench prim --device cl`.
 *
 *     clblast-gemm DEVICE SECONDS SHAPE...
 *
 * DEVICE counts all devices of all platforms from 0, as "cl:N" does; a SHAPE is MxNxK, c (M, N) = a (M, K) b (K, N), dense and
 * row-major. A line of JSON a shape, with the least and the median time of one call and its wait. */
#include <CL/cl.h>
#include <clblast_c.h>
#include <stdio.h>

#include "timing.h"

enum { MOST_DEVICES = 64 };

typedef struct peer {
    cl_context context;
    cl_command_queue queue;
    double seconds;
} peer;

static _Noreturn void give_up(const char *what, int code)
{
    fprintf(stderr, "clblast-gemm: %s fails with %d\n", what, code);
    exit(1);
}

static cl_device_id device_number(int wanted)
{
    cl_platform_id platform[MOST_DEVICES];
    cl_device_id device[MOST_DEVICES];
    cl_uint platforms = 0, devices;
    clGetPlatformIDs(MOST_DEVICES, platform, &platforms);
    for (cl_uint p = 0; p < platforms; p++) {
        devices = 0;
        if (clGetDeviceIDs(platform[p], CL_DEVICE_TYPE_ALL, MOST_DEVICES, device, &devices) != CL_SUCCESS)
            continue;
        if (wanted < (int)devices)
            return device[wanted];
        wanted -= (int)devices;
    }
    give_up("finding the device", wanted);
}

static cl_mem matrix(const peer *p, size_t n)
{
    cl_int code;
    float *values = malloc(n * sizeof *values);
    if (!values)
        give_up("allocating", 0);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(i * 7919 % 1009) / 504.5f - 1;
    cl_mem mem =
        clCreateBuffer(p->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, n * sizeof *values, values, &code);
    free(values);
    if (code != CL_SUCCESS)
        give_up("making a buffer", code);
    return mem;
}

typedef struct product {
    peer *peer;
    size_t m, n, k;
    cl_mem a, b, c;
} product;

static void multiply(void *arg)
{
    const product *p = arg;
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, p->m, p->n, p->k, 1, p->a, 0,
                     p->k, p->b, 0, p->n, 0, p->c, 0, p->n, &p->peer->queue, NULL);
    if (code != CLBlastSuccess)
        give_up("the product", (int)code);
    clFinish(p->peer->queue);
}

static void measure(peer *on, size_t m, size_t n, size_t k)
{
    product p = { on, m, n, k, matrix(on, m * k), matrix(on, k * n), matrix(on, m * n) };
    double min, median;
    timing_calls(multiply, &p, on->seconds, &min, &median); /* the call that does not count compiles */
    printf("{\"name\": \"%zux%zux%zu\", \"min_s\": %.6g, \"median_s\": %.6g}\n", m, n, k, min, median);
    fflush(stdout);
    clReleaseMemObject(p.a);
    clReleaseMemObject(p.b);
    clReleaseMemObject(p.c);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: clblast-gemm DEVICE SECONDS MxNxK...\n");
        return 2;
    }
    peer p = { .seconds = atof(argv[2]) };
    cl_int code;
    cl_device_id device = device_number(atoi(argv[1]));
    p.context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        give_up("making a context", code);
    p.queue = clCreateCommandQueue(p.context, device, 0, &code);
    if (code != CL_SUCCESS)
        give_up("making a queue", code);
    for (int i = 3; i < argc; i++) {
        size_t m, n, k;
        if (sscanf(argv[i], "%zux%zux%zu", &m, &n, &k) != 3)
            give_up(argv[i], 0);
        measure(&p, m, n, k);
    }
    clReleaseCommandQueue(p.queue);
    clReleaseContext(p.context);
    return 0;
}

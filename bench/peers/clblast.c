/* clblast-gemm: matrix products by CLBlast, untuned, on an OpenCL device: the peer of `socle-bench prim --device cl`.
 *
 *     clblast-gemm DEVICE SECONDS SHAPE...
 *
 * DEVICE counts all devices of all platforms from 0, as "cl:N" does; a SHAPE is MxNxK, c (M, N) = a (M, K) b (K, N), dense and
 * row-major. A line of JSON a shape, with the least and the median time of one call and its wait. */
#include <CL/cl.h>
#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_DEVICES = 64, MOST_TIMES = 100000, LEAST_TIMES = 3 };

typedef struct peer {
    cl_context context;
    cl_command_queue queue;
    double seconds;
} peer;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(peer *p, size_t m, size_t n, size_t k)
{
    static double time[MOST_TIMES];
    cl_mem a = matrix(p, m * k), b = matrix(p, k * n), c = matrix(p, m * n);
    int times = -1; /* the first call compiles */
    for (double end = 0; times < LEAST_TIMES || (now() < end && times < MOST_TIMES); times++) {
        const double start = now();
        CLBlastStatusCode code = CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n,
                                              k, 1, a, 0, k, b, 0, n, 0, c, 0, n, &p->queue, NULL);
        if (code != CLBlastSuccess)
            give_up("the product", (int)code);
        clFinish(p->queue);
        if (times < 0)
            end = now() + p->seconds;
        else
            time[times] = now() - start;
    }
    qsort(time, (size_t)times, sizeof *time, by_value);
    printf("{\"name\": \"%zux%zux%zu\", \"min_us\": %.2f, \"median_us\": %.2f, \"gflops\": %.2f}\n", m, n, k,
           time[0] * 1e6, time[times / 2] * 1e6, 2e-9 * (double)m * (double)n * (double)k / time[0]);
    fflush(stdout);
    clReleaseMemObject(a);
    clReleaseMemObject(b);
    clReleaseMemObject(c);
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

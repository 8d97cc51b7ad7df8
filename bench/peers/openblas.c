/* openblas-gemm: matrix products by OpenBLAS, the peer of `socle-bench prim --filter gemm`.
 *
 *     openblas-gemm SECONDS SHAPE...
 *
 * A SHAPE is MxNxK, c (M, N) = a (M, K) b (K, N), dense and row-major. A line of JSON a shape, with the least and the median
 * time of one call. Threads: OPENBLAS_NUM_THREADS. */
#include <cblas.h>
#include <stdio.h>

#include "timing.h"

typedef struct product {
    int m, n, k;
    float *a, *b, *c;
} product;

static void multiply(void *arg)
{
    const product *p = arg;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0, p->c,
                p->n);
}

static float *matrix(int rows, int columns)
{
    const size_t n = (size_t)rows * (size_t)columns;
    float *values = malloc(n * sizeof *values);
    for (size_t i = 0; values && i < n; i++)
        values[i] = (float)(i * 7919 % 1009) / 504.5f - 1;
    return values;
}

static int measure(const char *shape, double seconds)
{
    product p;
    if (sscanf(shape, "%dx%dx%d", &p.m, &p.n, &p.k) != 3 || p.m < 1 || p.n < 1 || p.k < 1) {
        fprintf(stderr, "openblas-gemm: \"%s\" is no MxNxK\n", shape);
        return 2;
    }
    p.a = matrix(p.m, p.k);
    p.b = matrix(p.k, p.n);
    p.c = matrix(p.m, p.n);
    if (p.a && p.b && p.c) {
        double min, median;
        timing_calls(multiply, &p, seconds, &min, &median);
        printf("{\"name\": \"%s\", \"min_s\": %.6g, \"median_s\": %.6g}\n", shape, min, median);
        fflush(stdout);
    } else {
        fprintf(stderr, "openblas-gemm: out of memory for %s\n", shape);
    }
    int failed = !p.a || !p.b || !p.c;
    free(p.a);
    free(p.b);
    free(p.c);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: openblas-gemm SECONDS MxNxK...\n");
        return 2;
    }
    int failed = 0;
    for (int i = 2; i < argc && !failed; i++)
        failed = measure(argv[i], atof(argv[1]));
    return failed;
}

/* Does every variant of a matrix product agree with the definition on this device? Small products, whose sizes are about
 * tiles and steps, against sums in double made here. What disagrees, or fails, is put aside for this device and driver. */
#include "check.h"
#include "gemm.h"
#include "slots.h"
#include "temp.h"

#include <float.h>
#include <math.h>
#include <socle/sys/memory.h>
#include <stdio.h>

typedef struct check {
    int64_t m, n, k;
    bool a_transposed, b_transposed;
    float beta;
} check;

/* Few heights of tiles among them, because each is a program to compile. */
static const check checks[] = {
    { 39, 53, 29, false, false, 1 },     { 64, 64, 64, false, true, 0 },
    { 18, 130, 300, true, false, 0.5f }, /* two steps of k */
    { 18, 20, 2100, false, true, 0 },    /* slices of k */
    { 130, 5, 33, true, true, 0 },
};

typedef struct trial {
    ocl_device *d;
    const check *z;
    float *a, *b, *c, *got;
    ocl_temp memory[3];
    ocl_product product;
} trial;

static socle_status upload(ocl_device *d, const float *from, int64_t rows, int64_t columns, bool transposed,
                           ocl_temp *memory, socle_view *v)
{
    socle_status status = ocl_temp_new(d, SOCLE_F32, 2, (int64_t[]){ rows, columns }, 1, memory);
    if (status != SOCLE_OK)
        return status;
    *v = memory->view;
    if (transposed) {
        v->stride[0] = 1;
        v->stride[1] = rows;
    }
    return ocl_check_upload(d, memory->owned, from, rows * columns);
}

static socle_status begin(trial *t)
{
    const check *z = t->z;
    socle_view a, b, c;
    if (!(t->a = socle_mem_alloc(sizeof *t->a * (size_t)(z->m * z->k))) ||
        !(t->b = socle_mem_alloc(sizeof *t->b * (size_t)(z->k * z->n))) ||
        !(t->c = socle_mem_alloc(sizeof *t->c * (size_t)(z->m * z->n))) ||
        !(t->got = socle_mem_alloc(sizeof *t->got * (size_t)(z->m * z->n))))
        return SOCLE_ERR_NOMEM;
    ocl_check_values(t->a, z->m * z->k, 1);
    ocl_check_values(t->b, z->k * z->n, 2);
    ocl_check_values(t->c, z->m * z->n, 3);
    if (z->beta == 0) /* must not be read */
        for (int64_t i = 0; i < z->m * z->n; i++)
            t->c[i] = NAN;
    socle_status status = upload(t->d, t->a, z->m, z->k, z->a_transposed, &t->memory[0], &a);
    if (status == SOCLE_OK)
        status = upload(t->d, t->b, z->k, z->n, z->b_transposed, &t->memory[1], &b);
    if (status == SOCLE_OK)
        status = upload(t->d, t->c, z->m, z->n, false, &t->memory[2], &c);
    if (status == SOCLE_OK)
        t->product = ocl_product_of(&c, &a, &b, 1, z->beta);
    return status;
}

static void end(trial *t)
{
    for (int i = 0; i < 3; i++)
        ocl_temp_free(t->d, &t->memory[i]);
    socle_mem_free(t->a);
    socle_mem_free(t->b);
    socle_mem_free(t->c);
    socle_mem_free(t->got);
}

static double wanted(const trial *t, int64_t i, int64_t j)
{
    const check *z = t->z;
    double sum = z->beta == 0 ? 0 : (double)z->beta * (double)t->c[i * z->n + j];
    for (int64_t k = 0; k < z->k; k++)
        sum += (double)t->a[z->a_transposed ? k * z->m + i : i * z->k + k] *
               (double)t->b[z->b_transposed ? j * z->k + k : k * z->n + j];
    return sum;
}

/* Elements are sums of k products of numbers in [-1, 1): off by at most 4 eps sqrt(k) of their usual size, sqrt(k) / 3. */
static bool agrees(const trial *t, char *why, size_t cap)
{
    const check *z = t->z;
    const double scale = sqrt((double)z->k + 1) / 3, bound = 4 * (double)FLT_EPSILON * sqrt((double)z->k + 1);
    for (int64_t i = 0; i < z->m; i++)
        for (int64_t j = 0; j < z->n; j++) {
            const double want = wanted(t, i, j), got = (double)t->got[i * z->n + j];
            if (fabs(got - want) <= bound * fmax(scale, fabs(want)))
                continue;
            (void)snprintf(why, cap, "in a product %lldx%lld of %lld, element (%lld, %lld) is %.9g instead of %.9g",
                           (long long)z->m, (long long)z->n, (long long)z->k, (long long)i, (long long)j, got,
                           want);
            return false;
        }
    return true;
}

static socle_status try_one(ocl_device *d, ocl_variant v, size_t i, bool *good, char *why, size_t cap)
{
    trial t = { .d = d, .z = &checks[i] };
    socle_status status = begin(&t);
    if (status == SOCLE_OK) {
        status = ocl_multiply_by(d, v, &t.product);
        if (status == SOCLE_OK)
            status = ocl_check_read(d, t.got, t.memory[2].owned, t.z->m * t.z->n);
        if (status == SOCLE_OK)
            *good = agrees(&t, why, cap);
        else
            status = ocl_check_verdict(d, status, good, why, cap);
    }
    end(&t);
    return status;
}

socle_status ocl_gemm_check(ocl_device *d, ocl_variant v)
{
    return ocl_check_all(d, v, sizeof checks / sizeof *checks, try_one);
}

/* The rows of tests/cases/gemm.h: linear layers (forward, and the gradients in one call as training makes it, with bias
 * and ReLU) and matrix products. Results are compared with "ref" before they are timed. */
#include "cases/gemm.h"

#include <stdio.h>

#include "data.h"
#include "harness.h"

/* ---- linear layers ---- */

enum { X, W, BIAS, DY, Y, DX, DW, DB, OPERANDS };

static bool is_weight(int operand)
{
    return operand == W || operand == DW;
}

static socle_status run_forward(void *arg)
{
    data *d = arg;
    return socle_prim_linear(SOCLE_EPILOGUE_RELU, d[Y].tensor, d[X].tensor, d[W].tensor, d[BIAS].tensor);
}

static socle_status run_backward(void *arg)
{
    data *d = arg;
    return socle_prim_linear_grad(SOCLE_EPILOGUE_RELU, d[DX].tensor, d[DW].tensor, d[DB].tensor, d[DY].tensor,
                                  d[X].tensor, d[W].tensor, d[Y].tensor);
}

static bool prepare_linear(data *d, const socle_shape *shape, socle_device *device)
{
    for (int i = 0; i < OPERANDS; i++)
        if (!(i < Y ? data_random(&d[i], device, shape[i], is_weight(i) ? 1 : 0, (uint64_t)i + 1)
                    : data_empty(&d[i], device, shape[i], is_weight(i) ? 1 : 0)))
            return false;
    return true;
}

static bool check_linear(data *d, const socle_shape *shape, const char *name, socle_device *ref)
{
    if (run_forward(d) != SOCLE_OK || run_backward(d) != SOCLE_OK)
        return false;
    data r[OPERANDS] = { 0 };
    bool good = true;
    for (int i = Y; i < OPERANDS; i++)
        good = good && data_read(&d[i]);
    for (int i = 0; i < OPERANDS && good; i++)
        good = (r[i].tensor = data_on(ref, shape[i], i <= Y ? d[i].host : NULL)) != NULL;
    const double in = (double)shape[X].dim[1], out = (double)shape[Y].dim[1], n = (double)shape[X].dim[0];
    good = good && run_backward(r) == SOCLE_OK && run_forward(r) == SOCLE_OK &&
           data_agrees("linear", name, "y", d[Y].host, r[Y].tensor, in, 0) &&
           data_agrees("linear", name, "dx", d[DX].host, r[DX].tensor, out, 0) &&
           data_agrees("linear", name, "dw", d[DW].host, r[DW].tensor, n, 0) &&
           data_agrees("linear", name, "db", d[DB].host, r[DB].tensor, 9 * n, 0);
    data_free(r, OPERANDS);
    return good;
}

static bool measure_linear(const bench *b, data *d, const linear_row *row, const char *name)
{
    const double flops = 2.0 * row->n * row->in * row->out;
    bench_task tasks[] = {
        { .what = "forward", .run = run_forward, .arg = d, .flops = flops, .nominal = flops },
        { .what = "backward", .run = run_backward, .arg = d, .flops = 2 * flops, .nominal = 2 * flops },
    };
    double peak;
    if (bench_measure(b, tasks, 2, &peak) != SOCLE_OK)
        return false;
    char shape[64];
    snprintf(shape, sizeof shape, "%dx%d %d", row->n, row->in, row->out);
    bench_print_row(b, "linear", name, shape, tasks, 2, peak);
    return true;
}

int bench_linear(const bench *b)
{
    socle_device *ref = socle_device_open("ref", (socle_device_desc){ 0 });
    int failed = ref ? 0 : 1;
    for (size_t i = 0; i < CASE_COUNT(linear_rows) && ref; i++) {
        const linear_row *row = &linear_rows[i];
        char name[32];
        snprintf(name, sizeof name, "%d-%d", row->in, row->out);
        if (!(row->flags & CASE_BENCH) || !bench_wanted(b, "linear", name))
            continue;
        const socle_shape x = socle_shape2(row->n, row->in), y = socle_shape2(row->n, row->out);
        const socle_shape w = socle_shape2(row->out, row->in), bias = socle_shape1(row->out);
        const socle_shape shape[OPERANDS] = { x, w, bias, y, y, x, w, bias };
        data d[OPERANDS] = { 0 };
        if (!prepare_linear(d, shape, b->device) || !check_linear(d, shape, name, ref) ||
            !measure_linear(b, d, row, name)) {
            complain("linear %s: stopped (last error of the library: %s)", name, socle_error());
            failed = 1;
        }
        data_free(d, OPERANDS);
    }
    socle_device_close(ref);
    return failed;
}

/* ---- products ---- */

enum { A, B, C, MATRICES };

static socle_status run_product(void *arg)
{
    data *d = arg;
    return socle_prim_gemm(d[C].tensor, d[A].tensor, false, d[B].tensor, false, 1, 0);
}

/* Rows [from, from + count) of c. */
static bool check_rows(const data *d, const socle_shape *shape, const char *name, socle_device *ref, int64_t from,
                       int64_t count)
{
    const int64_t k = shape[A].dim[1], n = shape[B].dim[1];
    data r[MATRICES] = { 0 };
    r[A].tensor = data_on(ref, socle_shape2(count, k), d[A].host + from * k);
    r[B].tensor = r[A].tensor ? data_on(ref, shape[B], d[B].host) : NULL;
    r[C].tensor = r[B].tensor ? data_on(ref, socle_shape2(count, n), NULL) : NULL;
    bool good = r[C].tensor && run_product(r) == SOCLE_OK &&
                data_agrees("gemm", name, "c", d[C].host + from * n, r[C].tensor, (double)k, 0);
    data_free(r, MATRICES);
    return good;
}

/* All rows, or of products too large for a scalar reference the first and last ones. */
static bool check_product(data *d, const socle_shape *shape, const char *name, socle_device *ref, bool huge)
{
    enum { SAMPLE = 4 };
    const int64_t m = shape[A].dim[0];
    if (run_product(d) != SOCLE_OK || !data_read(&d[C]))
        return false;
    if (!huge)
        return check_rows(d, shape, name, ref, 0, m);
    return check_rows(d, shape, name, ref, 0, SAMPLE) && check_rows(d, shape, name, ref, m - SAMPLE, SAMPLE);
}

static bool measure_product(const bench *b, data *d, const gemm_row *row, const char *name)
{
    const double flops = 2.0 * row->m * row->n * row->k;
    bench_task task = { .what = "c = a b", .run = run_product, .arg = d, .flops = flops, .nominal = flops };
    double peak;
    if (bench_measure(b, &task, 1, &peak) != SOCLE_OK)
        return false;
    bench_print_row(b, "gemm", name, "", &task, 1, peak);
    return true;
}

/* Those without batch dimensions, as alpha 1 and beta 0. */
int bench_gemm(const bench *b)
{
    socle_device *ref = socle_device_open("ref", (socle_device_desc){ 0 });
    int failed = ref ? 0 : 1;
    for (size_t i = 0; i < CASE_COUNT(gemm_rows) && ref; i++) {
        const gemm_row *row = &gemm_rows[i];
        char name[48];
        snprintf(name, sizeof name, "%dx%dx%d", row->m, row->n, row->k);
        if (!(row->flags & CASE_BENCH) || row->batch[0] || !bench_wanted(b, "gemm", name))
            continue;
        const socle_shape shape[MATRICES] = { socle_shape2(row->m, row->k), socle_shape2(row->k, row->n),
                                              socle_shape2(row->m, row->n) };
        data d[MATRICES] = { 0 };
        if (!data_random(&d[A], b->device, shape[A], 1, 1) || !data_random(&d[B], b->device, shape[B], 1, 2) ||
            !data_empty(&d[C], b->device, shape[C], 1) ||
            !check_product(d, shape, name, ref, row->flags & CASE_HUGE) || !measure_product(b, d, row, name)) {
            complain("gemm %s: stopped (last error of the library: %s)", name, socle_error());
            failed = 1;
        }
        data_free(d, MATRICES);
    }
    socle_device_close(ref);
    return failed;
}

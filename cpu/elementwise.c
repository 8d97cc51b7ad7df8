/* Elementwise slots: each brings its operands into loops of rows (iterate.h) and names the kernel for a row.
 *
 * Pad lanes are computed like any other where that keeps the operands one flat row; nobody reads what comes out
 * there. */
#include "device.h"

#include <string.h>
#include "isa/kernels_elementwise.h"
#include "iterate.h"

/* What every row needs: the kernels, the operands' buffers in the order of the views, and the parameters. */
typedef struct rows {
    const struct cpu_elementwise_kernels *kernels;
    void *buffer[LOOP_OPERANDS];
    int op, side;
    cpu_type type, from;
    int bytes;
    uint32_t pattern;
    float a, b, c;
} rows;

static rows rows_of(const cpu_device *d, int n, const socle_view *const *v)
{
    rows r = { .kernels = d->kernels->elementwise };
    for (int k = 0; k < n; k++)
        r.buffer[k] = v[k]->buffer;
    return r;
}

static float *f32(const rows *r, int k, const int64_t *at)
{
    return (float *)r->buffer[k] + at[k];
}

static uint8_t *u8(const rows *r, int k, const int64_t *at)
{
    return (uint8_t *)r->buffer[k] + at[k];
}

static void *bytes_at(const rows *r, int k, const int64_t *at, int size)
{
    return (uint8_t *)r->buffer[k] + at[k] * size;
}

static cpu_type type_of(socle_dtype t)
{
    return t == SOCLE_U8 ? CPU_TYPE_U8 : t == SOCLE_I32 ? CPU_TYPE_I32 : CPU_TYPE_F32;
}

static int size_of_type(cpu_type t)
{
    return t == CPU_TYPE_U8 ? 1 : 4;
}

/* ---- fill ---- */

static double clamp(double value, double low, double high)
{
    return value != value ? 0 : value < low ? low : value > high ? high : value;
}

/* The bits of one element, as copy would convert them. */
static uint32_t pattern_of(socle_dtype t, double value)
{
    if (t == SOCLE_U8)
        return (uint32_t)clamp(value, 0, UINT8_MAX);
    if (t == SOCLE_I32)
        return (uint32_t)(int32_t)clamp(value, INT32_MIN, INT32_MAX);
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static void fill_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->fill(r->bytes, n, bytes_at(r, 0, at, r->bytes), stride[0], r->pattern);
}

socle_status cpu_fill(void *self, socle_out y, double value)
{
    const cpu_device *d = self;
    rows r = rows_of(d, 1, &y);
    r.bytes = size_of_type(type_of(y->dtype));
    r.pattern = pattern_of(y->dtype, value);
    iterate(d->threads, LOOP_GRAIN, 1, &y, true, fill_row, &r);
    return SOCLE_OK;
}

/* ---- copy ---- */

static void copy_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    void *y = bytes_at(r, 0, at, size_of_type(r->type)), *x = bytes_at(r, 1, at, size_of_type(r->from));
    r->kernels->copy(r->type, r->from, n, y, stride[0], x, stride[1]);
}

/* A copy whose rows are contiguous in y while x is contiguous along another dimension of size cols. */
typedef struct transposition {
    rows r;
    int64_t cols, ldy, ldx; /* ldy: y from one element of x's row to the next; ldx: x along y's row */
} transposition;

static void transpose_rows(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const transposition *t = arg;
    (void)stride;
    t->r.kernels->transpose(n, t->cols, f32(&t->r, 0, at), t->ldy, f32(&t->r, 1, at), t->ldx);
}

/* Rewrites l so that its rows run along x's contiguous dimension, and takes y's out of it. False where there is
 * none, or y's rows follow x's anyway. */
static bool find_transposition(loop *l, transposition *t)
{
    int inner = l->ndim - 1, run = -1;
    if (l->stride[0][inner] != 1 || l->stride[1][inner] == 1)
        return false;
    for (int d = 0; d < inner; d++)
        if (l->stride[1][d] == 1 && l->dim[d] >= 4)
            run = d;
    if (run < 0)
        return false;
    t->cols = l->dim[inner];
    t->ldx = l->stride[1][inner];
    t->ldy = l->stride[0][run];
    l->dim[inner] = l->dim[run];
    for (int k = 0; k < 2; k++) {
        l->stride[k][inner] = l->stride[k][run];
        l->stride[k][run] = 0;
    }
    l->dim[run] = 1;
    return true;
}

socle_status cpu_copy(void *self, socle_out y, socle_in x)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, x };
    transposition t = { .r = rows_of(d, 2, v) };
    t.r.type = type_of(y->dtype);
    t.r.from = type_of(x->dtype);
    loop l[2];
    int loops = loop_build(l, 2, v, true);
    for (int i = 0; i < loops; i++) {
        bool words = t.r.type == t.r.from && t.r.type != CPU_TYPE_U8;
        if (words && find_transposition(&l[i], &t)) {
            /* Whole squares of 16 to a chunk. */
            int64_t grain = LOOP_GRAIN / t.cols / 16 * 16;
            loop_run(&l[i], d->threads, grain < 16 ? 16 : grain, transpose_rows, &t);
        } else {
            loop_run(&l[i], d->threads, LOOP_GRAIN, copy_row, &t.r);
        }
    }
    return SOCLE_OK;
}

/* ---- one operand ---- */

static int64_t unary_grain(socle_unary op)
{
    switch (op) {
    case SOCLE_UNARY_exp:
    case SOCLE_UNARY_log:
    case SOCLE_UNARY_sigmoid:
    case SOCLE_UNARY_tanh:
    case SOCLE_UNARY_silu:
    case SOCLE_UNARY_gelu:
    case SOCLE_UNARY_gelu_tanh:
    case SOCLE_UNARY_mish:
        return LOOP_GRAIN_HEAVY;
    default:
        return LOOP_GRAIN;
    }
}

static void unary_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->unary((socle_unary)r->op, n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1], r->a, r->b, r->c);
}

socle_status cpu_unary(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, x };
    rows r = rows_of(d, 2, v);
    r.op = (int)op;
    r.a = a;
    r.b = b;
    r.c = c;
    iterate(d->threads, unary_grain(op), 2, v, true, unary_row, &r);
    return SOCLE_OK;
}

static int64_t unary_grad_grain(socle_unary op)
{
    switch (op) {
    case SOCLE_UNARY_silu:
    case SOCLE_UNARY_gelu:
    case SOCLE_UNARY_gelu_tanh:
    case SOCLE_UNARY_mish:
        return LOOP_GRAIN_HEAVY;
    default:
        return LOOP_GRAIN;
    }
}

static void unary_grad_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->unary_grad((socle_unary)r->op, n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1], f32(r, 2, at),
                           stride[2], r->a, r->b, r->c);
}

socle_status cpu_unary_grad(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                            float b, float c)
{
    const cpu_device *d = self;
    const socle_view *v[] = { dx, dy, x != NULL ? x : y != NULL ? y : dy };
    rows r = rows_of(d, 3, v);
    r.op = (int)op;
    r.a = a;
    r.b = b;
    r.c = c;
    iterate(d->threads, unary_grad_grain(op), 3, v, true, unary_grad_row, &r);
    return SOCLE_OK;
}

/* ---- two operands ---- */

static void binary_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->binary((socle_binary)r->op, n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1], f32(r, 2, at),
                       stride[2]);
}

static void compare_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    int size = size_of_type(r->type);
    r->kernels->compare((socle_binary)r->op, r->type, n, u8(r, 0, at), stride[0], bytes_at(r, 1, at, size),
                        stride[1], bytes_at(r, 2, at, size), stride[2]);
}

static bool compares(socle_binary op)
{
    switch (op) {
#define B(name, value, da, db, keep)
#define C(name, value) case SOCLE_BINARY_##name:
#include <socle/sys/binary.def>
#undef B
#undef C
        return true;
    default:
        return false;
    }
}

socle_status cpu_binary(void *self, socle_binary op, socle_out y, socle_in a, socle_in b)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, a, b };
    rows r = rows_of(d, 3, v);
    r.op = (int)op;
    r.type = type_of(a->dtype);
    iterate(d->threads, LOOP_GRAIN, 3, v, true, compares(op) ? compare_row : binary_row, &r);
    return SOCLE_OK;
}

static void binary_grad_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->binary_grad((socle_binary)r->op, r->side, n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1],
                            f32(r, 2, at), stride[2], f32(r, 3, at), stride[3]);
}

socle_status cpu_binary_grad(void *self, socle_binary op, int side, socle_out g, socle_in dy, socle_in a,
                             socle_in b)
{
    const cpu_device *d = self;
    const socle_view *v[] = { g, dy, a != NULL ? a : dy, b != NULL ? b : dy };
    rows r = rows_of(d, 4, v);
    r.op = (int)op;
    r.side = side;
    iterate(d->threads, LOOP_GRAIN, 4, v, true, binary_grad_row, &r);
    return SOCLE_OK;
}

static void where_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->where(r->bytes, n, bytes_at(r, 0, at, r->bytes), stride[0], u8(r, 1, at), stride[1],
                      bytes_at(r, 2, at, r->bytes), stride[2], bytes_at(r, 3, at, r->bytes), stride[3]);
}

socle_status cpu_where(void *self, socle_out y, socle_in cond, socle_in a, socle_in b)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, cond, a, b };
    rows r = rows_of(d, 4, v);
    r.bytes = size_of_type(type_of(y->dtype));
    iterate(d->threads, LOOP_GRAIN, 4, v, true, where_row, &r);
    return SOCLE_OK;
}

static void axpby_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->axpby(n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1], r->a, r->b);
}

socle_status cpu_axpby(void *self, socle_out y, float a, socle_in x, float b)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, x };
    rows r = rows_of(d, 2, v);
    r.a = a;
    r.b = b;
    iterate(d->threads, LOOP_GRAIN, 2, v, true, axpby_row, &r);
    return SOCLE_OK;
}

static void add_relu_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const rows *r = arg;
    r->kernels->add_relu((socle_unary)r->op, n, f32(r, 0, at), stride[0], f32(r, 1, at), stride[1], f32(r, 2, at),
                         stride[2], r->a, r->b, r->c);
}

socle_status cpu_add_relu(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                          float max)
{
    const cpu_device *d = self;
    const socle_view *v[] = { y, a, b };
    rows r = rows_of(d, 3, v);
    r.op = (int)op;
    r.a = leak;
    r.b = sub;
    r.c = max;
    iterate(d->threads, LOOP_GRAIN, 3, v, true, add_relu_row, &r);
    return SOCLE_OK;
}

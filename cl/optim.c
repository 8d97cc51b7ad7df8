/* Slots over lists of tensors: a table of where each dense one lies, sent along, and one launch for each cl_mem they share; a
 * launch of its own for each parameter that is strided, or lies where 32-bit numbers do not reach.
 *
 * Sums are made of parts, one for each row of the table, in rows and groups of fixed sizes: the same bits every time. A
 * second launch over the same rows adds up the parts that it needs. */
#include "loop.h"
#include "slots.h"
#include "temp.h"

#include <socle/sys/memory.h>
#include <stdio.h>
#include <string.h>

enum {
    OPTIONS = 96,
    OPERANDS = 4,
    ROW = 2 + OPERANDS, /* numbers a table row */
    CHUNK = 4096,       /* elements of a row where one work-item, or group that makes a sum, does a whole one */
    GROUP = 64,         /* work-items that add up a row together; 1 on processors */
    MOST_PARTS = 1024,  /* of a sum that every row makes anew; on processors, one work-item each time: */
    MOST_PARTS_CPU = 64
};
#define MOST_ELEMENTS ((int64_t)INT32_MAX / 2) /* of one launch, and in front of an element, with 32-bit numbers */

typedef struct sgd_hyper {
    cl_float lr, mom, damp, wd, l2; /* struct sgd_hyper of optim.cl */
    cl_int momentum, nesterov;
} sgd_hyper;

typedef struct adam_hyper {
    cl_float lr, keep, l2, mom, sqr_mom, sqr_scale, sqr_eps, eps; /* struct adam_hyper of optim.cl */
} adam_hyper;

typedef struct lamb_hyper { /* as in optim.cl */
    cl_float lr, l2, wd, mom, mom_scale, sqr_mom, sqr_scale, sqr_eps, eps, trust;
} lamb_hyper;

typedef struct axpby_hyper {
    cl_float a, b; /* as in optim.cl */
} axpby_hyper;

/* The parameters of a step and what is done to them: parameter, gradient and two averages, NULL where there are none. */
typedef struct step {
    const socle_view *operand[OPERANDS];
    const char *table, *strided; /* kernels */
    int kind, momentum;          /* of adam, compiled into them: loops without branches are made of vectors */
    const void *hyper;           /* their first number */
    size_t hyper_bytes;
    const ocl_buffer *shared; /* numbers of all rows: parts of sums, or one sum; NULL where there are none */
    int64_t shared_at;        /* of the first row to come */
    int parts;                /* numbers a row, of shared */
    bool grouped;             /* a work-group does a row, everywhere */
    size_t rows;              /* of all parameters */
} step;

static int64_t numel(const socle_view *v)
{
    int64_t n = 1;
    for (int d = 0; d < v->ndim; d++)
        n *= v->dim[d];
    return n;
}

/* Row-major without gaps, which parameters and their gradients are as a rule. */
static bool is_flat(const socle_view *v)
{
    int64_t n = 1;
    for (int d = v->ndim - 1; d >= 0; d--) {
        if (v->dim[d] > 1 && v->stride[d] != n)
            return false;
        n *= v->dim[d];
    }
    return v->lanes == 1 && ocl_start(v) + n < MOST_ELEMENTS;
}

static bool all_flat(const step *s, size_t i)
{
    bool flat = true;
    for (int k = 0; k < OPERANDS; k++)
        flat = flat && (!s->operand[k] || is_flat(&s->operand[k][i]));
    return flat;
}

static cl_mem memory_of(const socle_view *v)
{
    return ((const ocl_buffer *)v->buffer)->mem;
}

static bool same_memory(const step *s, size_t i, size_t j)
{
    bool same = true;
    for (int k = 0; k < OPERANDS; k++)
        same = same && (!s->operand[k] || memory_of(&s->operand[k][i]) == memory_of(&s->operand[k][j]));
    return same;
}

/* Operand k of parameter i; in the place of one that there is not, the parameter, which a kernel does not touch there. */
static const socle_view *operand(const step *s, int k, size_t i)
{
    return s->operand[k] ? &s->operand[k][i] : &s->operand[0][i];
}

static size_t group_of(const ocl_device *d)
{
    return d->is_cpu ? 1 : d->max_group < GROUP ? d->max_group : GROUP;
}

/* Begins a kernel on the memory that parameter i lies in. index: "int" or "long". */
static ocl_call begin(ocl_device *d, const char *function, const step *s, size_t i, const char *index)
{
    char options[OPTIONS];
    (void)snprintf(options, sizeof options, "-DINDEX=%s -DKERNEL_%s -DKIND=%d -DMOMENTUM=%d -DGROUP=%d", index,
                   function, s->kind, s->momentum, (int)group_of(d));
    ocl_call k = ocl_begin(d, "optim.cl", function, options);
    for (int o = 0; o < OPERANDS; o++)
        ocl_arg_buffer(&k, operand(s, o, i)->buffer);
    ocl_arg(&k, s->hyper_bytes, s->hyper);
    if (s->shared) {
        ocl_arg_buffer(&k, s->shared);
        ocl_arg_int(&k, s->shared_at);
    }
    return k;
}

/* The parameters of a table of so many rows, which lie in the memory of parameter `first`. It is sent to a piece of memory
 * that has room for all parameters: how they are spread over memory may change with every step, and what a step takes does
 * not. */
static socle_status run_table(ocl_device *d, const step *s, size_t first, const cl_int *table, int rows,
                              int64_t total)
{
    ocl_temp sent;
    socle_status status = ocl_temp_new(d, SOCLE_I32, 1, (int64_t[]){ (int64_t)s->rows * ROW }, 1, &sent);
    if (status != SOCLE_OK)
        return status;
    (void)pthread_mutex_lock(&d->lock);
    status = ocl_upload(d, sent.owned, 0, table, (size_t)rows * ROW * sizeof *table);
    (void)pthread_mutex_unlock(&d->lock);
    if (status == SOCLE_OK) {
        ocl_call k = begin(d, s->table, s, first, "int");
        ocl_arg_buffer(&k, sent.owned);
        ocl_arg_int(&k, ocl_start(&sent.view));
        ocl_arg_int(&k, rows);
        ocl_arg_int(&k, total);
        const size_t group = group_of(d);
        if (d->is_cpu || s->grouped)
            status = ocl_run(&k, 1, (size_t[]){ (size_t)rows * group }, &group);
        else
            status = ocl_run(&k, 1, (size_t[]){ (size_t)total }, NULL);
    }
    ocl_temp_free(d, &sent);
    return status;
}

static socle_status run_strided(ocl_device *d, const step *s, size_t i)
{
    socle_in v[OPERANDS];
    for (int k = 0; k < OPERANDS; k++)
        v[k] = operand(s, k, i);
    const ocl_loop l = ocl_loop_over(OPERANDS, v, false);
    ocl_call k = begin(d, s->strided, s, i, l.wide ? "long" : "int");
    ocl_arg_loop(&k, &l);
    return ocl_run(&k, 1, (size_t[]){ (size_t)l.total }, NULL);
}

/* Elements of a row of a parameter that has `count`. */
static int64_t row_length(const ocl_device *d, const step *s, int64_t count)
{
    if (!s->grouped)
        return d->is_cpu ? CHUNK : count;
    const int64_t most = (int64_t)CHUNK * (d->is_cpu ? MOST_PARTS_CPU : MOST_PARTS);
    return CHUNK * ((count + most - 1) / most);
}

/* Rows for all parameters. */
static size_t count_rows(const ocl_device *d, const step *s, size_t n)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t count = numel(&s->operand[0][i]), length = row_length(d, s, count);
        rows += (size_t)((count + length - 1) / length);
    }
    return rows;
}

/* Writes the rows of parameter i, whose first element is element `start` of the whole, and whose first row is row `first` of
 * the table; how many. */
static int write_rows(const ocl_device *d, const step *s, size_t i, int64_t start, int first, cl_int *table)
{
    const int64_t count = numel(&s->operand[0][i]), length = row_length(d, s, count);
    cl_int *row = table + (size_t)first * ROW;
    int rows = 0;
    for (int64_t at = 0; at < count; at += length, rows++) {
        *row++ = (cl_int)(start + at);
        *row++ = first;
        for (int k = 0; k < OPERANDS; k++)
            *row++ = (cl_int)(ocl_start(operand(s, k, i)) + at);
    }
    return rows;
}

/* Runs parameter `first` and all later ones that its launch can take, and marks them done. */
static socle_status run_with(ocl_device *d, step *s, size_t n, size_t first, cl_int *table, bool *done)
{
    int rows = 0;
    int64_t total = 0;
    for (size_t i = first; i < n; i++) {
        const int64_t count = numel(&s->operand[0][i]);
        if (done[i] || !all_flat(s, i) || !same_memory(s, first, i) || total + count > MOST_ELEMENTS)
            continue;
        rows += write_rows(d, s, i, total, rows, table);
        total += count;
        done[i] = true;
    }
    socle_status status = run_table(d, s, first, table, rows, total);
    s->shared_at += (int64_t)rows * s->parts;
    return status;
}

static socle_status run(ocl_device *d, step *s, size_t n)
{
    s->rows = count_rows(d, s, n);
    const size_t table_bytes = s->rows * ROW * sizeof(cl_int), done_bytes = n * sizeof(bool);
    cl_int *table = socle_mem_cache_take(d->tables, table_bytes);
    bool *done = socle_mem_cache_take(d->tables, done_bytes);
    socle_status status = table && done ? SOCLE_OK : SOCLE_ERR_NOMEM;
    if (status == SOCLE_OK)
        memset(done, 0, done_bytes);
    for (size_t i = 0; i < n && status == SOCLE_OK; i++)
        if (!done[i])
            status = all_flat(s, i) ? run_with(d, s, n, i, table, done) : run_strided(d, s, i);
    socle_mem_cache_give(d->tables, table, table_bytes);
    socle_mem_cache_give(d->tables, done, done_bytes);
    return status;
}

socle_status ocl_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    const sgd_hyper h = { a->lr, a->mom, a->damp, a->wd, a->l2, m != NULL, a->nesterov };
    return run(self, &(step){ { p, g, m, NULL }, "sgd", "sgd_strided", .hyper = &h, .hyper_bytes = sizeof h }, n);
}

socle_status ocl_adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_adam_args *a)
{
    const adam_hyper h = { a->lr, a->keep, a->l2, a->mom, a->sqr_mom, a->sqr_scale, a->sqr_eps, a->eps };
    return run(self,
               &(step){ { p, g, m, v },
                        "adam",
                        "adam_strided",
                        .kind = (int)a->kind,
                        .momentum = m != NULL,
                        .hyper = &h,
                        .hyper_bytes = sizeof h },
               n);
}

/* ---- dense tensors only ---- */

static bool is_dense_throughout(const step *s, size_t n)
{
    bool flat = true;
    for (size_t i = 0; i < n; i++)
        flat = flat && all_flat(s, i);
    return flat;
}

socle_status ocl_axpby_many(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b)
{
    const axpby_hyper h = { a, b };
    step s = { { y, x, NULL, NULL }, "axpby_rows", .hyper = &h, .hyper_bytes = sizeof h };
    return is_dense_throughout(&s, n) ? run(self, &s, n) : SOCLE_ERR_UNSUPPORTED;
}

/* Room for the parts of a step's sums. */
static socle_status parts_new(ocl_device *d, step *s, size_t n, ocl_temp *parts)
{
    const int64_t numbers = (int64_t)count_rows(d, s, n) * s->parts;
    if (numbers > INT32_MAX)
        return SOCLE_ERR_UNSUPPORTED;
    socle_status status = ocl_temp_new(d, SOCLE_F32, 1, &numbers, 1, parts);
    s->shared = parts->owned;
    return status;
}

socle_status ocl_lamb_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_lamb_args *a)
{
    const lamb_hyper h = { a->lr,      a->l2,        a->wd,      a->mom, a->mom_scale,
                           a->sqr_mom, a->sqr_scale, a->sqr_eps, a->eps, a->trust };
    step average = { { p, g, m, v }, "lamb_average", .hyper = &h, .hyper_bytes = sizeof h };
    average.parts = 2;
    average.grouped = true;
    if (!is_dense_throughout(&average, n))
        return SOCLE_ERR_UNSUPPORTED;
    ocl_temp parts;
    socle_status status = parts_new(self, &average, n, &parts);
    if (status != SOCLE_OK)
        return status;
    average.shared_at = ocl_start(&parts.view);
    step change = average; /* rows and their parts in the same order */
    change.table = "lamb_step";
    status = run(self, &average, n);
    if (status == SOCLE_OK)
        status = run(self, &change, n);
    ocl_temp_free(self, &parts);
    return status;
}

/* norm = square root of the sum of n parts. */
static socle_status add_parts(ocl_device *d, const ocl_temp *parts, int64_t n, socle_out norm)
{
    char options[OPTIONS];
    const size_t group = group_of(d);
    (void)snprintf(options, sizeof options, "-DINDEX=int -DKERNEL_clip_norm -DKIND=0 -DMOMENTUM=0 -DGROUP=%d",
                   (int)group);
    ocl_call k = ocl_begin(d, "optim.cl", "clip_norm", options);
    ocl_arg_buffer(&k, norm->buffer);
    ocl_arg_int(&k, ocl_start(norm));
    ocl_arg_buffer(&k, parts->owned);
    ocl_arg_int(&k, ocl_start(&parts->view));
    ocl_arg_int(&k, n);
    return ocl_run(&k, 1, &group, &group);
}

socle_status ocl_clip_many(void *self, size_t n, const socle_view *g, socle_out norm, float limit)
{
    step squares = { { g, NULL, NULL, NULL }, "clip_squares", .hyper = &limit, .hyper_bytes = sizeof limit };
    step scale = { { g, NULL, NULL, NULL }, "clip_scale", .hyper = &limit, .hyper_bytes = sizeof limit };
    squares.parts = 1;
    squares.grouped = true;
    if (!is_dense_throughout(&squares, n) || !is_flat(norm))
        return SOCLE_ERR_UNSUPPORTED;
    ocl_temp parts;
    socle_status status = parts_new(self, &squares, n, &parts);
    if (status != SOCLE_OK)
        return status;
    squares.shared_at = ocl_start(&parts.view);
    scale.shared = norm->buffer;
    scale.shared_at = ocl_start(norm);
    status = run(self, &squares, n);
    if (status == SOCLE_OK)
        status = add_parts(self, &parts, parts.view.dim[0], norm);
    if (status == SOCLE_OK)
        status = run(self, &scale, n);
    ocl_temp_free(self, &parts);
    return status;
}

/* Optimizer slots: a table of where each dense parameter lies, sent along, and one launch for each cl_mem they share; a
 * launch of its own for each parameter that is strided, or lies where 32-bit numbers do not reach. */
#include "loop.h"
#include "slots.h"
#include "temp.h"

#include <socle/sys/memory.h>
#include <stdio.h>

enum { OPTIONS = 64, OPERANDS = 4, ROW = 1 + OPERANDS /* numbers a table row */ };
#define MOST_ELEMENTS ((int64_t)INT32_MAX / 2) /* of one launch, and in front of an element, with 32-bit numbers */

typedef struct sgd_hyper {
    cl_float lr, mom, damp, wd, l2; /* struct sgd_hyper of optim.cl */
    cl_int momentum, nesterov;
} sgd_hyper;

typedef struct adam_hyper {
    cl_float lr, keep, l2, mom, sqr_mom, sqr_scale, sqr_eps, eps; /* struct adam_hyper of optim.cl */
    cl_int kind, momentum;
} adam_hyper;

/* The parameters of a step and what is done to them: parameter, gradient and two averages, NULL where there are none. */
typedef struct step {
    const socle_view *operand[OPERANDS];
    const char *table, *strided; /* kernels */
    const void *hyper;           /* their first number */
    size_t hyper_bytes;
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

/* Begins a kernel on the memory that parameter i lies in. index: "int" or "long". */
static ocl_call begin(ocl_device *d, const char *function, const step *s, size_t i, const char *index)
{
    char options[OPTIONS];
    (void)snprintf(options, sizeof options, "-DINDEX=%s -DKERNEL_%s", index, function);
    ocl_call k = ocl_begin(d, "optim.cl", function, options);
    for (int o = 0; o < OPERANDS; o++)
        ocl_arg_buffer(&k, operand(s, o, i)->buffer);
    ocl_arg(&k, s->hyper_bytes, s->hyper);
    return k;
}

/* The parameters of a table of so many rows, which lie in the memory of parameter `first`. */
static socle_status run_table(ocl_device *d, const step *s, size_t first, const cl_int *table, int rows,
                              int64_t total)
{
    ocl_temp sent;
    socle_status status = ocl_temp_new(d, SOCLE_I32, 1, (int64_t[]){ (int64_t)rows * ROW }, 1, &sent);
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

/* Runs parameter `first` and all later ones that its launch can take, and marks them done. table: room for n rows. */
static socle_status run_with(ocl_device *d, const step *s, size_t n, size_t first, cl_int *table, bool *done)
{
    int rows = 0;
    int64_t total = 0;
    for (size_t i = first; i < n; i++) {
        const int64_t count = numel(&s->operand[0][i]);
        if (done[i] || !all_flat(s, i) || !same_memory(s, first, i) || total + count > MOST_ELEMENTS)
            continue;
        cl_int *row = table + (size_t)rows++ * ROW;
        *row++ = (cl_int)total;
        for (int k = 0; k < OPERANDS; k++)
            *row++ = (cl_int)ocl_start(operand(s, k, i));
        total += count;
        done[i] = true;
    }
    return run_table(d, s, first, table, rows, total);
}

static socle_status run(ocl_device *d, const step *s, size_t n)
{
    cl_int *table = socle_mem_alloc(n * ROW * sizeof *table);
    bool *done = socle_mem_zeroed(n, sizeof *done);
    socle_status status = table && done ? SOCLE_OK : SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < n && status == SOCLE_OK; i++)
        if (!done[i])
            status = all_flat(s, i) ? run_with(d, s, n, i, table, done) : run_strided(d, s, i);
    socle_mem_free(table);
    socle_mem_free(done);
    return status;
}

socle_status ocl_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    const sgd_hyper h = { a->lr, a->mom, a->damp, a->wd, a->l2, m != NULL, a->nesterov };
    return run(self, &(step){ { p, g, m, NULL }, "sgd", "sgd_strided", &h, sizeof h }, n);
}

socle_status ocl_adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_adam_args *a)
{
    const adam_hyper h = { a->lr,        a->keep,    a->l2,  a->mom,          a->sqr_mom,
                           a->sqr_scale, a->sqr_eps, a->eps, (cl_int)a->kind, m != NULL };
    return run(self, &(step){ { p, g, m, v }, "adam", "adam_strided", &h, sizeof h }, n);
}

/* Optimizer slots: a table of where each dense parameter lies, sent along, and one launch for each cl_mem they share; a
 * launch of its own for each parameter that is strided, or lies where 32-bit numbers do not reach. */
#include "loop.h"
#include "slots.h"
#include "temp.h"

#include <socle/sys/memory.h>
#include <stdio.h>

enum { OPTIONS = 64, ROW = 4 /* numbers a table row */ };
#define MOST_ELEMENTS ((int64_t)INT32_MAX / 2) /* of one launch, and in front of an element, with 32-bit numbers */

typedef struct hyper {
    cl_float lr, mom, damp, wd, l2; /* struct hyper of optim.cl */
    cl_int momentum, nesterov;
} hyper;

/* The parameters of a step and what is done to them: m NULL without momentum. */
typedef struct step {
    const socle_view *p, *g, *m;
    const socle_sgd_args *a;
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
    return is_flat(&s->p[i]) && is_flat(&s->g[i]) && (!s->m || is_flat(&s->m[i]));
}

static cl_mem memory_of(const socle_view *v)
{
    return ((const ocl_buffer *)v->buffer)->mem;
}

static bool same_memory(const step *s, size_t i, size_t j)
{
    return memory_of(&s->p[i]) == memory_of(&s->p[j]) && memory_of(&s->g[i]) == memory_of(&s->g[j]) &&
           (!s->m || memory_of(&s->m[i]) == memory_of(&s->m[j]));
}

/* Begins a kernel on the memory that parameter i lies in. index: "int" or "long". */
static ocl_call begin(ocl_device *d, const char *function, const step *s, size_t i, const char *index)
{
    char options[OPTIONS];
    (void)snprintf(options, sizeof options, "-DINDEX=%s -DKERNEL_%s", index, function);
    ocl_call k = ocl_begin(d, "optim.cl", function, options);
    const hyper h = { s->a->lr, s->a->mom, s->a->damp, s->a->wd, s->a->l2, s->m != NULL, s->a->nesterov };
    ocl_arg_buffer(&k, s->p[i].buffer);
    ocl_arg_buffer(&k, s->g[i].buffer);
    ocl_arg_buffer(&k, s->m ? s->m[i].buffer : s->p[i].buffer);
    ocl_arg(&k, sizeof h, &h);
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
        ocl_call k = begin(d, "sgd", s, first, "int");
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
    const socle_in v[] = { &s->p[i], &s->g[i], s->m ? &s->m[i] : &s->p[i] };
    const ocl_loop l = ocl_loop_over(3, v, false);
    ocl_call k = begin(d, "sgd_strided", s, i, l.wide ? "long" : "int");
    ocl_arg_loop(&k, &l);
    return ocl_run(&k, 1, (size_t[]){ (size_t)l.total }, NULL);
}

/* Runs parameter `first` and all later ones that its launch can take, and marks them done. table: room for n rows. */
static socle_status run_with(ocl_device *d, const step *s, size_t n, size_t first, cl_int *table, bool *done)
{
    int rows = 0;
    int64_t total = 0;
    for (size_t i = first; i < n; i++) {
        const int64_t count = numel(&s->p[i]);
        if (done[i] || !all_flat(s, i) || !same_memory(s, first, i) || total + count > MOST_ELEMENTS)
            continue;
        cl_int *row = table + (size_t)rows++ * ROW;
        row[0] = (cl_int)total;
        row[1] = (cl_int)ocl_start(&s->p[i]);
        row[2] = (cl_int)ocl_start(&s->g[i]);
        row[3] = s->m ? (cl_int)ocl_start(&s->m[i]) : 0;
        total += count;
        done[i] = true;
    }
    return run_table(d, s, first, table, rows, total);
}

socle_status ocl_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    const step s = { p, g, m, a };
    cl_int *table = socle_mem_alloc(n * ROW * sizeof *table);
    bool *done = socle_mem_zeroed(n, sizeof *done);
    socle_status status = table && done ? SOCLE_OK : SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < n && status == SOCLE_OK; i++)
        if (!done[i])
            status = all_flat(&s, i) ? run_with(self, &s, n, i, table, done) : run_strided(self, &s, i);
    socle_mem_free(table);
    socle_mem_free(done);
    return status;
}

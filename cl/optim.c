/* Optimizer slots: a table of where each parameter lies, sent along, and one launch for each cl_mem they share. */
#include "launch.h"
#include "slots.h"
#include "temp.h"

#include <socle/sys/memory.h>
#include <stdio.h>

enum { OPTIONS = 96, ROW = 4 /* numbers a table row */ };

static int64_t numel(const socle_view *v)
{
    int64_t n = 1;
    for (int d = 0; d < v->ndim; d++)
        n *= v->dim[d];
    return n;
}

/* Row-major without gaps, which parameters and their gradients are. */
static bool is_flat(const socle_view *v)
{
    int64_t n = 1;
    for (int d = v->ndim - 1; d >= 0; d--) {
        if (v->dim[d] > 1 && v->stride[d] != n)
            return false;
        n *= v->dim[d];
    }
    return v->lanes == 1 && ocl_start(v) + n < INT32_MAX / 2;
}

static cl_mem memory_of(const socle_view *v)
{
    return ((const ocl_buffer *)v->buffer)->mem;
}

static bool same_memory(const socle_view *p, const socle_view *g, const socle_view *m, size_t i, size_t j)
{
    return memory_of(&p[i]) == memory_of(&p[j]) && memory_of(&g[i]) == memory_of(&g[j]) &&
           (!m || memory_of(&m[i]) == memory_of(&m[j]));
}

static socle_status launch(ocl_device *d, const socle_view *p, const socle_view *g, const socle_view *m,
                           const cl_int *table, int rows, int64_t total, const socle_sgd_args *a)
{
    ocl_temp sent;
    socle_status status = ocl_temp_new(d, SOCLE_I32, 1, (int64_t[]){ (int64_t)rows * ROW }, 1, &sent);
    if (status != SOCLE_OK)
        return status;
    (void)pthread_mutex_lock(&d->lock);
    status = ocl_upload(d, sent.owned, 0, table, (size_t)rows * ROW * sizeof *table);
    (void)pthread_mutex_unlock(&d->lock);
    if (status == SOCLE_OK) {
        char options[OPTIONS];
        (void)snprintf(options, sizeof options, "-DINDEX=int -DSGD%s%s", m ? " -DMOMENTUM" : "",
                       m && a->nesterov ? " -DNESTEROV" : "");
        ocl_call k = ocl_begin(d, "optim.cl", "sgd", options);
        ocl_arg_buffer(&k, p->buffer);
        ocl_arg_buffer(&k, g->buffer);
        ocl_arg_buffer(&k, m ? m->buffer : p->buffer);
        ocl_arg_buffer(&k, sent.owned);
        ocl_arg_int(&k, ocl_start(&sent.view));
        ocl_arg_int(&k, rows);
        ocl_arg_int(&k, total);
        const float hypers[] = { a->lr, a->mom, a->damp, a->wd, a->l2 };
        for (size_t i = 0; i < sizeof hypers / sizeof *hypers; i++)
            ocl_arg_float(&k, hypers[i]);
        status = ocl_run(&k, 1, (size_t[]){ (size_t)total }, NULL);
    }
    ocl_temp_free(d, &sent);
    return status;
}

socle_status ocl_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    for (size_t i = 0; i < n; i++)
        if (!is_flat(&p[i]) || !is_flat(&g[i]) || (m && !is_flat(&m[i])))
            return SOCLE_ERR_UNSUPPORTED;
    cl_int *table = socle_mem_alloc(n * ROW * sizeof *table);
    bool *done = socle_mem_zeroed(n, sizeof *done);
    socle_status status = table && done ? SOCLE_OK : SOCLE_ERR_NOMEM;
    for (size_t first = 0; first < n && status == SOCLE_OK; first++) {
        int rows = 0;
        int64_t total = 0;
        if (done[first])
            continue;
        for (size_t i = first; i < n; i++) {
            if (done[i] || !same_memory(p, g, m, first, i) || total + numel(&p[i]) > INT32_MAX / 2)
                continue;
            cl_int *row = table + (size_t)rows++ * ROW;
            row[0] = (cl_int)total;
            row[1] = (cl_int)ocl_start(&p[i]);
            row[2] = (cl_int)ocl_start(&g[i]);
            row[3] = m ? (cl_int)ocl_start(&m[i]) : 0;
            total += numel(&p[i]);
            done[i] = true;
        }
        status = launch(self, &p[first], &g[first], m ? &m[first] : NULL, table, rows, total, a);
    }
    socle_mem_free(table);
    socle_mem_free(done);
    return status;
}

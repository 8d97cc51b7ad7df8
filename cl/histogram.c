/* Histogram, mean and variance of all elements: each group makes a table and three numbers of its chunk, and a
 * second kernel puts those together. */
#include "loop.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>

enum {
    OPTIONS = 128,
    GROUP = 256,       /* work-items of a group; on a processor, whose groups are threads, 1 */
    CHUNK = 8192,      /* elements of a group, */
    GROUPS_MAX = 1024, /* or more: what one work-item adds up */
    PARTS = 3          /* numbers of a group: count, mean, sum of squared deviations; one more for all */
};

static int group_size(const ocl_device *d)
{
    int size = d->is_cpu ? 1 : GROUP;
    while ((size_t)size > d->max_group)
        size /= 2;
    return size;
}

static socle_status count_chunks(ocl_device *d, const char *options, const ocl_loop *l, const socle_bins *b,
                                 socle_in x, int64_t chunk, int64_t groups, const ocl_temp *tables,
                                 const ocl_temp *parts)
{
    ocl_call k = ocl_begin(d, "histogram.cl", "histogram", options);
    ocl_arg_loop(&k, l);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_buffer(&k, tables->owned);
    ocl_arg_buffer(&k, parts->owned);
    ocl_arg_index(&k, l->wide, chunk);
    ocl_arg_index(&k, l->wide, ocl_start(&tables->view));
    ocl_arg_index(&k, l->wide, ocl_start(&parts->view));
    ocl_arg_int(&k, b->n);
    ocl_arg_float(&k, b->low);
    ocl_arg_float(&k, b->scale);
    ocl_arg_int(&k, b->absolute);
    const size_t local = (size_t)group_size(d), global = (size_t)groups * local;
    return ocl_run(&k, 1, &global, &local);
}

static socle_status combine(ocl_device *d, const char *options, const ocl_loop *l, const socle_bins *b,
                            socle_out counts, socle_out moments, int64_t groups, const ocl_temp *tables,
                            const ocl_temp *parts)
{
    ocl_call k = ocl_begin(d, "histogram.cl", "histogram_combine", options);
    ocl_arg_buffer(&k, counts->buffer);
    ocl_arg_buffer(&k, moments->buffer);
    ocl_arg_buffer(&k, tables->owned);
    ocl_arg_buffer(&k, parts->owned);
    ocl_arg_index(&k, l->wide, groups);
    ocl_arg_index(&k, l->wide, ocl_start(counts));
    ocl_arg_index(&k, l->wide, counts->stride[0]);
    ocl_arg_index(&k, l->wide, ocl_start(moments));
    ocl_arg_index(&k, l->wide, moments->stride[0]);
    ocl_arg_index(&k, l->wide, ocl_start(&tables->view));
    ocl_arg_index(&k, l->wide, ocl_start(&parts->view));
    ocl_arg_int(&k, b->n);
    return ocl_run(&k, 1, (size_t[]){ (size_t)b->n + 1 }, NULL);
}

socle_status ocl_histogram(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x)
{
    ocl_device *d = self;
    ocl_loop l = ocl_loop_over(1, &x, true);
    int64_t chunk = CHUNK, groups = (l.total + chunk - 1) / chunk;
    if (groups > GROUPS_MAX) {
        chunk = (l.total + GROUPS_MAX - 1) / GROUPS_MAX;
        groups = (l.total + chunk - 1) / chunk;
    }
    const socle_view *out[] = { counts, moments };
    for (int i = 0; i < 2; i++)
        l.wide |= ocl_start(out[i]) + out[i]->dim[0] * out[i]->stride[0] > INT32_MAX / 2;
    char buf[OPTIONS], more[OPTIONS / 2];
    (void)snprintf(more, sizeof more, "-DGROUP=%d -DBINS_MAX=%d", group_size(d), SOCLE_BINS_MAX);
    const char *options = ocl_loop_options(&l, buf, sizeof buf, more);
    ocl_temp tables = { 0 }, parts = { 0 };
    socle_status s = ocl_temp_new(d, SOCLE_I32, 1, (int64_t[]){ groups * b->n }, 1, &tables);
    if (s == SOCLE_OK)
        s = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ groups * PARTS + 1 }, 1, &parts);
    if (s == SOCLE_OK)
        s = count_chunks(d, options, &l, b, x, chunk, groups, &tables, &parts);
    if (s == SOCLE_OK)
        s = combine(d, options, &l, b, counts, moments, groups, &tables, &parts);
    ocl_temp_free(d, &tables);
    ocl_temp_free(d, &parts);
    return s;
}

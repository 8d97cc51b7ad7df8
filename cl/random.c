/* Random slots: draws by counter. */
#include "map.h"
#include "slots.h"

#include <stdio.h>

enum { OPTIONS = 64 };

static int64_t numel(socle_in v)
{
    int64_t n = 1;
    for (int d = 0; d < v->ndim; d++)
        n *= v->dim[d];
    return n;
}

/* Arguments shared by all: the views' maps and memory, the draw, two numbers. */
static socle_status run(ocl_device *d, const char *function, int n, const socle_in *v, socle_philox r, float a,
                        float b)
{
    char options[2 * OPTIONS], one[OPTIONS];
    (void)snprintf(one, sizeof one, "-DKERNEL_%s", function);
    bool wide = ocl_maps_wide(n, v);
    ocl_call k = ocl_begin(d, "random.cl", function, ocl_index_options(wide, options, sizeof options, one));
    for (int i = 0; i < n; i++)
        ocl_arg_map(&k, wide, v[i]);
    for (int i = 0; i < n; i++)
        ocl_arg_buffer(&k, v[i]->buffer);
    cl_ulong key = r.key, counter = r.counter;
    ocl_arg_int(&k, v[0]->ndim);
    ocl_arg_index(&k, wide, numel(v[0]));
    ocl_arg(&k, sizeof key, &key);
    ocl_arg(&k, sizeof counter, &counter);
    ocl_arg_float(&k, a);
    ocl_arg_float(&k, b);
    return ocl_run(&k, 1, (size_t[]){ (size_t)numel(v[0]) }, NULL);
}

socle_status ocl_random_uniform(void *self, socle_out y, socle_philox r, float lo, float hi)
{
    return run(self, "random_uniform", 1, &y, r, lo, hi);
}

socle_status ocl_random_normal(void *self, socle_out y, socle_philox r, float mean, float std)
{
    return run(self, "random_normal", 1, &y, r, mean, std);
}

socle_status ocl_dropout(void *self, socle_out y, socle_in x, socle_philox r, float p)
{
    return run(self, "dropout", 2, (socle_in[]){ y, x }, r, p, 1.0f / (1.0f - p));
}

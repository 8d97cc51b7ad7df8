/* Optimizer steps over all parameters in one parallel region: dense parameters are laid end to end in thought,
 * and chunks cut from the whole, so that a hundred small ones cost as little as a large one. */
#include "device.h"

#include "isa/kernels_optim.h"
#include "iterate.h"
#include "parallel.h"

/* A dense parameter: elements begin .. end - 1 of the whole. */
typedef struct segment {
    float *p, *m;
    const float *g;
    int64_t begin, end;
} segment;

typedef struct sgd_step {
    const struct cpu_optim_kernels *kernels;
    const socle_sgd_args *a;
    segment *segments;
    size_t n;
    float *p, *m; /* of the parameter that is not dense, now */
    const float *g;
} sgd_step;

static void sgd_range(void *arg, int64_t first, int64_t last)
{
    const sgd_step *s = arg;
    size_t low = 0, high = s->n - 1; /* the segment with element first */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->segments[middle].end > first)
            high = middle;
        else
            low = middle + 1;
    }
    for (const segment *t = &s->segments[low]; first < last; t++) {
        int64_t from = first - t->begin, n = (last < t->end ? last : t->end) - first;
        s->kernels->sgd(n, t->p + from, 1, t->g + from, 1, t->m != NULL ? t->m + from : NULL, 1, s->a);
        first += n;
    }
}

static void sgd_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const sgd_step *s = arg;
    float *m = s->m != NULL ? s->m + at[2] : NULL;
    s->kernels->sgd(n, s->p + at[0], stride[0], s->g + at[1], stride[1], m, m != NULL ? stride[2] : 0, s->a);
}

static bool is_flat(const loop *l)
{
    bool flat = l->ndim == 1;
    for (int k = 0; k < l->operands; k++)
        flat = flat && l->stride[k][0] == 1;
    return flat;
}

/* One parameter: into the list of segments, or, where its memory is not one row, done at once. */
static void add_parameter(const cpu_device *d, sgd_step *s, socle_in p, socle_in g, socle_in m)
{
    const socle_view *v[] = { p, g, m };
    loop l[2];
    int loops = loop_build(l, m != NULL ? 3 : 2, v, false);
    for (int i = 0; i < loops; i++) {
        float *pd = p->buffer, *md = m != NULL ? m->buffer : NULL;
        const float *gd = g->buffer;
        if (loops == 1 && is_flat(&l[i])) {
            int64_t begin = s->n > 0 ? s->segments[s->n - 1].end : 0;
            s->segments[s->n++] = (segment){ .p = pd + l[i].start[0],
                                             .g = gd + l[i].start[1],
                                             .m = md != NULL ? md + l[i].start[2] : NULL,
                                             .begin = begin,
                                             .end = begin + l[i].dim[0] };
        } else {
            s->p = pd;
            s->g = gd;
            s->m = md;
            loop_run(&l[i], d->threads, LOOP_GRAIN, sgd_row, s);
        }
    }
}

socle_status cpu_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    cpu_device *d = self;
    sgd_step s = { .kernels = d->kernels->optim, .a = a };
    if (n == 0)
        return SOCLE_OK;
    size_t bytes = n * sizeof *s.segments;
    s.segments = cpu_scratch(d, bytes);
    if (s.segments == NULL)
        return SOCLE_ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        add_parameter(d, &s, &p[k], &g[k], m != NULL ? &m[k] : NULL);
    if (s.n > 0)
        cpu_for(d->threads, s.segments[s.n - 1].end, LOOP_GRAIN, sgd_range, &s);
    cpu_scratch_free(d, s.segments, bytes);
    return SOCLE_OK;
}

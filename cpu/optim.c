/* Optimizer steps over all parameters in one parallel region: dense parameters are laid end to end in thought,
 * and chunks cut from the whole, so that a hundred small ones cost as little as a large one. */
#include "device.h"

#include "isa/kernels_optim.h"
#include "iterate.h"
#include "parallel.h"

enum { OPERANDS = 4 }; /* parameter, gradient, and two averages of it */
/* Elements of a chunk. A step of a small network is often the only thing left to share out, and a thread that is woken for it
 * takes its sibling's cycles for a while after: 8 us of work stay with the caller. */
enum { STEP_GRAIN = 2 * LOOP_GRAIN };

/* A dense parameter: elements begin .. end - 1 of the whole. */
typedef struct segment {
    float *data[OPERANDS]; /* NULL: the step has no such average */
    int64_t begin, end;
} segment;

typedef struct step {
    const struct cpu_optim_kernels *kernels;
    const socle_sgd_args *sgd; /* or */
    const socle_adam_args *adam;
    segment *segments;
    size_t n;
    float *data[OPERANDS]; /* of the parameter that is not dense, now */
} step;

static const int64_t dense[OPERANDS] = { 1, 1, 1, 1 };

static void run_row(const step *s, int64_t n, float *const *x, const int64_t *stride)
{
    if (s->sgd != NULL)
        s->kernels->sgd(n, x[0], stride[0], x[1], stride[1], x[2], stride[2], s->sgd);
    else
        s->kernels->adam(n, x[0], stride[0], x[1], stride[1], x[2], stride[2], x[3], stride[3], s->adam);
}

static void step_range(void *arg, int64_t first, int64_t last)
{
    const step *s = arg;
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
        float *x[OPERANDS];
        for (int k = 0; k < OPERANDS; k++)
            x[k] = t->data[k] != NULL ? t->data[k] + from : NULL;
        run_row(s, n, x, dense);
        first += n;
    }
}

/* at and stride are of the operands that there are. */
static void step_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    const step *s = arg;
    float *x[OPERANDS];
    int64_t strides[OPERANDS] = { 0 };
    for (int k = 0, used = 0; k < OPERANDS; k++) {
        x[k] = NULL;
        if (s->data[k] == NULL)
            continue;
        x[k] = s->data[k] + at[used];
        strides[k] = stride[used++];
    }
    run_row(s, n, x, strides);
}

static bool is_flat(const loop *l)
{
    bool flat = l->ndim == 1;
    for (int k = 0; k < l->operands; k++)
        flat = flat && l->stride[k][0] == 1;
    return flat;
}

/* One parameter (NULL: operands that it does not have): into the list of segments, or, where its memory is not one row,
 * done at once. */
static void add_parameter(const cpu_device *d, step *s, const socle_view *const *operand)
{
    const socle_view *v[OPERANDS];
    int used = 0;
    for (int k = 0; k < OPERANDS; k++) {
        s->data[k] = operand[k] != NULL ? operand[k]->buffer : NULL;
        if (operand[k] != NULL)
            v[used++] = operand[k];
    }
    loop l[2];
    int loops = loop_build(l, used, v, false);
    if (loops > 1 || !is_flat(&l[0])) {
        for (int i = 0; i < loops; i++)
            loop_run(&l[i], d->threads, LOOP_GRAIN, step_row, s);
        return;
    }
    segment *t = &s->segments[s->n];
    *t = (segment){ .begin = s->n > 0 ? t[-1].end : 0 };
    t->end = t->begin + l[0].dim[0];
    for (int k = 0, at = 0; k < OPERANDS; k++)
        if (operand[k] != NULL)
            t->data[k] = s->data[k] + l[0].start[at++];
    s->n++;
}

/* m and v NULL where the step has none. */
static socle_status run(cpu_device *d, step *s, size_t n, const socle_view *p, const socle_view *g,
                        const socle_view *m, const socle_view *v)
{
    if (n == 0)
        return SOCLE_OK;
    s->kernels = d->kernels->optim;
    size_t bytes = n * sizeof *s->segments;
    s->segments = cpu_scratch(d, bytes);
    if (s->segments == NULL)
        return SOCLE_ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        add_parameter(d, s,
                      (const socle_view *[]){ &p[k], &g[k], m != NULL ? &m[k] : NULL, v != NULL ? &v[k] : NULL });
    if (s->n > 0)
        cpu_for(d->threads, s->segments[s->n - 1].end, STEP_GRAIN, step_range, s);
    cpu_scratch_free(d, s->segments, bytes);
    return SOCLE_OK;
}

socle_status cpu_sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                          const socle_sgd_args *a)
{
    return run(self, &(step){ .sgd = a }, n, p, g, m, NULL);
}

socle_status cpu_adam_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_adam_args *a)
{
    return run(self, &(step){ .adam = a }, n, p, g, m, v);
}

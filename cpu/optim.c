/* Primitives over lists of tensors, each in one parallel region or two: dense tensors are laid end to end in thought,
 * and chunks cut from the whole, so that a hundred small ones cost as little as a large one.
 *
 * Sums over a parameter, or over all gradients, are made of one part for each chunk and parameter that meet, in double and
 * in their order: the same bits for any number of threads. */
#include "device.h"

#include <math.h>
#include "isa/kernels_elementwise.h"
#include "isa/kernels_optim.h"
#include "isa/kernels_reduce.h"
#include "iterate.h"
#include "parallel.h"
#include "workspace.h"

enum { OPERANDS = 4 }; /* parameter, gradient, and two averages of it */
enum {
    /* Elements of a chunk. A step of a small network is often the only thing left to share out, and a thread that is woken for
     * it takes its sibling's cycles for a while after: 8 us of work stay with the caller. */
    STEP_GRAIN = 2 * LOOP_GRAIN,
    TILE = 4096 /* elements added up in float, 128 to each of the lanes: they stay in the L1 cache until then */
};

/* A dense parameter: elements begin .. end - 1 of the whole. */
typedef struct segment {
    float *data[OPERANDS]; /* NULL: the step has no such average */
    int64_t begin, end;
    int64_t part; /* its first, of the step's parts */
    float rate;   /* LAMB: what its step is multiplied by */
} segment;

/* Sums of squares of a chunk's elements of one parameter. */
typedef struct part {
    double first, second; /* of parameter (or gradient) and direction */
} part;

typedef struct step {
    const struct cpu_kernels *kernels;
    /* Elements from .. from + n - 1 of a segment; part: where their sums go. */
    void (*run)(const struct step *s, const segment *t, int64_t from, int64_t n, part *part);
    const socle_sgd_args *sgd; /* one of these, or a and b */
    const socle_adam_args *adam;
    const socle_lamb_args *lamb;
    float a, b;
    segment *segments;
    size_t n;
    part *parts;           /* or NULL */
    float *data[OPERANDS]; /* of the parameter that is not dense, now */
} step;

static const int64_t dense[OPERANDS] = { 1, 1, 1, 1 };

static void run_row(const step *s, int64_t n, float *const *x, const int64_t *stride)
{
    const struct cpu_optim_kernels *k = s->kernels->optim;
    if (s->sgd != NULL)
        k->sgd(n, x[0], stride[0], x[1], stride[1], x[2], stride[2], s->sgd);
    else if (s->adam != NULL)
        k->adam(n, x[0], stride[0], x[1], stride[1], x[2], stride[2], x[3], stride[3], s->adam);
    else
        s->kernels->elementwise->axpby(n, x[0], stride[0], x[1], stride[1], s->a, s->b);
}

static void run_dense(const step *s, const segment *t, int64_t from, int64_t n, part *unused)
{
    (void)unused;
    float *x[OPERANDS];
    for (int k = 0; k < OPERANDS; k++)
        x[k] = t->data[k] != NULL ? t->data[k] + from : NULL;
    run_row(s, n, x, dense);
}

/* ---- the whole ---- */

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
        part *to = s->parts != NULL ? s->parts + t->part + (first / STEP_GRAIN - t->begin / STEP_GRAIN) : NULL;
        s->run(s, t, from, n, to);
        first += n;
    }
}

static void run_all(const cpu_device *d, step *s)
{
    if (s->n > 0)
        cpu_for(d->threads, s->segments[s->n - 1].end, STEP_GRAIN, step_range, s);
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

static int64_t chunks_of(const segment *t)
{
    return (t->end - 1) / STEP_GRAIN - t->begin / STEP_GRAIN + 1;
}

/* The loops of one parameter (NULL: operands that it does not have), whose memory goes into s->data. One that is a row of
 * memory joins the segments: 0 loops are left. */
static int add_parameter(step *s, const socle_view *const *operand, loop l[2])
{
    const socle_view *v[OPERANDS];
    int used = 0;
    for (int k = 0; k < OPERANDS; k++) {
        s->data[k] = operand[k] != NULL ? operand[k]->buffer : NULL;
        if (operand[k] != NULL)
            v[used++] = operand[k];
    }
    int loops = loop_build(l, used, v, false);
    if (loops > 1 || !is_flat(&l[0]))
        return loops;
    segment *t = &s->segments[s->n];
    *t = (segment){ .begin = s->n > 0 ? t[-1].end : 0, .part = s->n > 0 ? t[-1].part + chunks_of(&t[-1]) : 0 };
    t->end = t->begin + l[0].dim[0];
    for (int k = 0, at = 0; k < OPERANDS; k++)
        if (operand[k] != NULL)
            t->data[k] = s->data[k] + l[0].start[at++];
    s->n++;
    return 0;
}

/* m and v NULL where the step has none. Parameters whose memory is not one row are done at once. */
static socle_status run(cpu_device *d, step *s, size_t n, const socle_view *p, const socle_view *g,
                        const socle_view *m, const socle_view *v)
{
    if (n == 0)
        return SOCLE_OK;
    s->kernels = d->kernels;
    s->run = run_dense;
    size_t bytes = n * sizeof *s->segments;
    s->segments = cpu_scratch(d, bytes);
    if (s->segments == NULL)
        return SOCLE_ERR_NOMEM;
    for (size_t k = 0; k < n; k++) {
        loop l[2];
        const socle_view *operand[] = { &p[k], &g[k], m != NULL ? &m[k] : NULL, v != NULL ? &v[k] : NULL };
        int loops = add_parameter(s, operand, l);
        for (int i = 0; i < loops; i++)
            loop_run(&l[i], d->threads, LOOP_GRAIN, step_row, s);
    }
    run_all(d, s);
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

socle_status cpu_axpby_many(void *self, size_t n, const socle_view *y, float a, const socle_view *x, float b)
{
    return run(self, &(step){ .a = a, .b = b }, n, y, x, NULL, NULL);
}

/* ---- with sums ---- */

/* The lists that a call is given; g, m and v may be NULL. */
typedef struct lists {
    const socle_view *list[OPERANDS];
    socle_view *copy; /* [n][OPERANDS], of parameters whose memory is not a row, or NULL */
} lists;

/* Rows in w instead of operands whose memory is none. */
static socle_status add_copies(workspace *w, step *s, lists *v, size_t k, size_t n)
{
    if (v->copy == NULL) {
        v->copy = workspace_take(w, (int64_t)(n * OPERANDS), sizeof *v->copy);
        if (v->copy == NULL)
            return SOCLE_ERR_NOMEM;
        for (size_t i = 0; i < n * OPERANDS; i++)
            v->copy[i].buffer = NULL;
    }
    const socle_view *row[OPERANDS] = { NULL };
    for (int i = 0; i < OPERANDS; i++) {
        if (v->list[i] == NULL)
            continue;
        row[i] = &v->copy[k * OPERANDS + (size_t)i];
        socle_status status = workspace_dense(w, &v->list[i][k], &v->copy[k * OPERANDS + (size_t)i]);
        if (status != SOCLE_OK)
            return status;
    }
    loop l[2];
    return add_parameter(s, row, l) == 0 ? SOCLE_OK : SOCLE_ERR_UNSUPPORTED;
}

/* What was written to copies: the lists with a bit in `written`. */
static socle_status put_back(cpu_device *d, const lists *v, size_t n, unsigned written)
{
    socle_status status = SOCLE_OK;
    for (size_t at = 0; v->copy != NULL && at < n * OPERANDS && status == SOCLE_OK; at++) {
        const socle_view *copy = &v->copy[at], *list = v->list[at % OPERANDS];
        if (copy->buffer != NULL && copy->buffer != list[at / OPERANDS].buffer && written >> at % OPERANDS & 1)
            status = cpu_copy(d, &list[at / OPERANDS], copy);
    }
    return status;
}

/* Segments of all parameters and room for their parts. */
static socle_status lay_out(workspace *w, step *s, size_t n, lists *v)
{
    s->kernels = w->device->kernels;
    s->segments = workspace_take(w, (int64_t)n, sizeof *s->segments);
    if (s->segments == NULL)
        return SOCLE_ERR_NOMEM;
    for (size_t k = 0; k < n; k++) {
        loop l[2];
        const socle_view *operand[OPERANDS];
        for (int i = 0; i < OPERANDS; i++)
            operand[i] = v->list[i] != NULL ? &v->list[i][k] : NULL;
        socle_status status = add_parameter(s, operand, l) > 0 ? add_copies(w, s, v, k, n) : SOCLE_OK;
        if (status != SOCLE_OK)
            return status;
    }
    const segment *last = &s->segments[n - 1];
    s->parts = workspace_take(w, last->part + chunks_of(last), sizeof *s->parts);
    return s->parts != NULL ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

/* Of n <= TILE elements. */
static double sum_of_squares(const step *s, int64_t n, const float *x)
{
    float lane[REDUCE_LANES] = { 0 };
    s->kernels->reduce->rows(SOCLE_REDUCE_SUMSQ, 1, n, n, x, 1, lane);
    double sum = 0;
    for (int i = 0; i < REDUCE_LANES; i++)
        sum += (double)lane[i];
    return sum;
}

/* All parts of a segment together. */
static part add_parts(const step *s, const segment *t)
{
    part sum = { 0 };
    for (int64_t i = t->part; i < t->part + chunks_of(t); i++) {
        sum.first += s->parts[i].first;
        sum.second += s->parts[i].second;
    }
    return sum;
}

static void lamb_average(const step *s, const segment *t, int64_t from, int64_t n, part *to)
{
    float direction[TILE];
    *to = (part){ 0 };
    for (int64_t end = from + n; from < end; from += TILE) {
        const int64_t some = end - from < TILE ? end - from : TILE;
        const float *p = t->data[0] + from;
        s->kernels->optim->lamb_average(some, p, t->data[1] + from, t->data[2] + from, t->data[3] + from, direction,
                                        s->lamb);
        to->first += sum_of_squares(s, some, p);
        to->second += sum_of_squares(s, some, direction);
    }
}

static void lamb_step(const step *s, const segment *t, int64_t from, int64_t n, part *unused)
{
    (void)unused;
    s->kernels->optim->lamb_step(n, t->data[0] + from, t->data[2] + from, t->data[3] + from, t->rate, s->lamb);
}

socle_status cpu_lamb_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                           const socle_view *v, const socle_lamb_args *a)
{
    step s = { .lamb = a, .run = lamb_average };
    lists all = { { p, g, m, v }, NULL };
    workspace w = workspace_on(self);
    socle_status status = lay_out(&w, &s, n, &all);
    if (status != SOCLE_OK)
        return workspace_end(&w, status);
    run_all(self, &s);
    for (size_t i = 0; i < n; i++) {
        const part sum = add_parts(&s, &s.segments[i]);
        const double ratio = sqrt(sum.first) / sqrt(sum.second), trust = (double)a->trust;
        const bool both = sum.first > 0 && sum.second > 0;
        s.segments[i].rate = (float)((double)a->lr * (!both ? 1 : ratio < trust ? ratio : trust));
    }
    s.run = lamb_step;
    run_all(self, &s);
    return workspace_end(&w, put_back(self, &all, n, 1u << 0 | 1u << 2 | 1u << 3));
}

static void add_squares(const step *s, const segment *t, int64_t from, int64_t n, part *to)
{
    *to = (part){ 0 };
    for (int64_t end = from + n; from < end; from += TILE)
        to->first += sum_of_squares(s, end - from < TILE ? end - from : TILE, t->data[0] + from);
}

static void multiply(const step *s, const segment *t, int64_t from, int64_t n, part *unused)
{
    (void)unused;
    float *g = t->data[0] + from;
    s->kernels->elementwise->unary(SOCLE_UNARY_affine, n, g, 1, g, 1, s->a, 0, 0);
}

socle_status cpu_clip_many(void *self, size_t n, const socle_view *g, socle_out norm, float limit)
{
    step s = { .run = add_squares };
    lists all = { { g, NULL, NULL, NULL }, NULL };
    workspace w = workspace_on(self);
    socle_status status = lay_out(&w, &s, n, &all);
    if (status != SOCLE_OK)
        return workspace_end(&w, status);
    run_all(self, &s);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += add_parts(&s, &s.segments[i]).first;
    *view_floats(norm) = (float)sqrt(sum);
    const double over = (sqrt(sum) + 1e-6) / (double)limit;
    if (!(over <= 1)) {
        s.a = (float)(1 / over);
        s.run = multiply;
        run_all(self, &s);
        status = put_back(self, &all, n, 1u << 0);
    }
    return workspace_end(&w, status);
}

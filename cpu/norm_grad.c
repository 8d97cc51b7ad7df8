/* Norms, backward: the formulas are at normalize_grad in sys/backend.h.
 *
 * Two passes over dy and x: sums of dz and of dz (x - mean) first, which give the parameters' gradients and what flows
 * through mean and variance, dx then. Over images the sums need all units; over channels both passes stay with one group
 * of one unit, whose numbers are in cache the second time. */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "iterate.h"
#include "norm.h"
#include "parallel.h"

typedef struct grad_job {
    norm_job j;
    norm_rows x, dy, dx;
    bool wants_dx;
    /* Of each chunk: over images sums of dz and dz (x - mean), (chunks, G, 16); over channels parts of dbeta and dgamma,
     * (chunks, G K). */
    float *sum, *with_x;
    const float *inverse;            /* over images, (G): as kernels_norm.h names it, */
    float *fixed, *slope;            /* and its a and b */
    float *each_dgamma, *each_dbeta; /* parts of the gradients of a gamma for each element, (chunks, G K S) */
    float *dgamma, *dbeta;           /* or NULL; row-major */
} grad_job;

/* ---- what a row adds ---- */

/* A row's sums in 16 lanes, those without an image 0. */
static void row_sums(const grad_job *q, const cpu_norm_row *r, int64_t u, int64_t g, int64_t k, float *sum,
                     float *with_x)
{
    memset(sum, 0, NORM_LANES * sizeof *sum);
    memset(with_x, 0, NORM_LANES * sizeof *with_x);
    q->j.kernels->grad_sums(r, 1, q->j.length, norm_row(&q->dy, u, g, k), 0, norm_row(&q->x, u, g, k), 0, sum,
                            with_x);
    for (int i = norm_valid(&q->j, u); i < NORM_LANES; i++)
        sum[i] = with_x[i] = 0.0f;
}

/* The gradients of a gamma for each element. */
static void add_elements(const grad_job *q, const cpu_norm_row *r, int64_t chunk, int64_t u, int64_t g, int64_t k)
{
    const norm_job *j = &q->j;
    if (j->affine_step == 0 || (q->each_dgamma == NULL && q->each_dbeta == NULL))
        return;
    int64_t at = ((chunk * j->groups + g) * j->size + k) * j->pixels;
    j->kernels->grad_elements(r, j->length, norm_valid(j, u), norm_row(&q->dy, u, g, k), norm_row(&q->x, u, g, k),
                              q->each_dgamma != NULL ? q->each_dgamma + at : NULL,
                              q->each_dbeta != NULL ? q->each_dbeta + at : NULL);
}

/* dm and dv as multiples of 1 and x - mean in dx; sums of gamma dz and gamma dz (x - mean). */
static void through_stats(const norm_job *j, float inverse, float var, float sum, float with_x, float *fixed,
                          float *slope)
{
    float share = j->p->share, dv = norm_is_raised(j->p, var) ? 0.0f : -inverse * inverse * inverse * with_x;
    *fixed = share == 0.0f ? 0.0f : share * -inverse * sum / (float)j->shared;
    *slope = share == 0.0f ? 0.0f : share * dv / (float)j->divisor;
}

static float total(const float lane[NORM_LANES])
{
    float half[NORM_LANES];
    memcpy(half, lane, sizeof half);
    for (int n = NORM_LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            half[i] += half[i + n];
    return half[0];
}

/* ---- over images ---- */

static cpu_norm_row batch_row(const grad_job *q, int64_t g)
{
    cpu_norm_row r = norm_row_of(&q->j, g, 0);
    r.mean = q->j.mean + g;
    r.inverse = q->inverse + g;
    return r;
}

/* Adds what a block that lacks images gives to the sums of the task's groups. */
static void add_short_block(const grad_job *q, int64_t u, const norm_task *t, float *sum, float *with_x)
{
    for (int64_t g = t->g0; g < t->g1; g++, sum += NORM_LANES, with_x += NORM_LANES) {
        float own[NORM_LANES], own_with_x[NORM_LANES];
        cpu_norm_row r = batch_row(q, g);
        row_sums(q, &r, u, g, 0, own, own_with_x);
        for (int i = 0; i < NORM_LANES; i++) {
            sum[i] += own[i];
            with_x[i] += own_with_x[i];
        }
    }
}

static void batch_sums(void *arg, int64_t first, int64_t last)
{
    const grad_job *q = arg;
    const norm_job *j = &q->j;
    for (int64_t index = first; index < last; index++) {
        const norm_task t = norm_task_of(j, index);
        const cpu_norm_row r = batch_row(q, t.g0);
        const int64_t at = (t.chunk * j->groups + t.g0) * NORM_LANES, groups = t.g1 - t.g0;
        float *sum = q->sum + at, *with_x = q->with_x + at;
        memset(sum, 0, (size_t)(groups * NORM_LANES) * sizeof *sum);
        memset(with_x, 0, (size_t)(groups * NORM_LANES) * sizeof *with_x);
        for (int64_t u = t.u0; u < t.u1; u++) {
            if (norm_valid(j, u) == NORM_LANES)
                j->kernels->grad_sums(&r, groups, j->length, norm_row(&q->dy, u, t.g0, 0), q->dy.group,
                                      norm_row(&q->x, u, t.g0, 0), q->x.group, sum, with_x);
            else
                add_short_block(q, u, &t, sum, with_x);
            for (int64_t g = t.g0; j->affine_step != 0 && g < t.g1; g++) {
                const cpu_norm_row each = batch_row(q, g);
                add_elements(q, &each, t.chunk, u, g, 0);
            }
        }
    }
}

/* Chunks and lanes of group g together. */
static float joined(const norm_job *j, const float *part, int64_t g)
{
    float lane[NORM_LANES] = { 0 };
    for (int64_t c = 0; c < j->chunks; c++)
        for (int i = 0; i < NORM_LANES; i++)
            lane[i] += part[(c * j->groups + g) * NORM_LANES + i];
    return total(lane);
}

/* Parameters that are one for a channel, or one for all (which comes last, in add_scalar). Writes what pass two needs. */
static void finish_groups(void *arg, int64_t first, int64_t last)
{
    const grad_job *q = arg;
    const norm_job *j = &q->j;
    for (int64_t g = first; g < last; g++) {
        float sum = joined(j, q->sum, g), with_x = joined(j, q->with_x, g);
        cpu_norm_row r = norm_row_of(j, g, 0);
        float gamma = j->affine_step == 0 && r.gamma != NULL ? r.gamma[0] : 1.0f;
        through_stats(j, q->inverse[g], j->var[g], gamma * sum, gamma * with_x, &q->fixed[g], &q->slope[g]);
        q->sum[g * NORM_LANES] = sum; /* chunk 0's first lane: read by now */
        q->with_x[g * NORM_LANES] = with_x * q->inverse[g];
    }
}

static void batch_inputs(void *arg, int64_t first, int64_t last)
{
    const grad_job *q = arg;
    const norm_job *j = &q->j;
    const int64_t steps[] = { q->dx.group, q->dy.group, q->x.group };
    for (int64_t index = first; index < last; index++) {
        const norm_task t = norm_task_of(j, index);
        const cpu_norm_row r = batch_row(q, t.g0);
        for (int64_t u = t.u0; u < t.u1; u++)
            j->kernels->grad(&r, t.g1 - t.g0, j->length, norm_row(&q->dx, u, t.g0, 0), norm_row(&q->dy, u, t.g0, 0),
                             norm_row(&q->x, u, t.g0, 0), steps, q->fixed + t.g0, q->slope + t.g0);
    }
}

/* One number for each channel from those of each group, or their sum. */
static void store_parameters(const grad_job *q, float *d, const float *from, int64_t stride)
{
    const norm_job *j = &q->j;
    int64_t channels = j->groups * j->size;
    if (d == NULL || j->affine_step != 0)
        return;
    if (j->affine_channel == 0 && channels > 1)
        d[0] = 0.0f;
    for (int64_t c = 0; c < channels; c++) {
        if (j->affine_channel == 0 && channels > 1)
            d[0] += from[c * stride];
        else
            d[c] = from[c * stride];
    }
}

/* Pass one: the parameters' gradients, and what pass two needs. */
static socle_status sum_batch(grad_job *q, workspace *w)
{
    const norm_job *j = &q->j;
    int64_t n = j->chunks * j->groups * NORM_LANES;
    q->sum = workspace_floats(w, n);
    q->with_x = workspace_floats(w, n);
    q->fixed = workspace_floats(w, j->groups);
    q->slope = workspace_floats(w, j->groups);
    if (q->sum == NULL || q->with_x == NULL || q->fixed == NULL || q->slope == NULL)
        return SOCLE_ERR_NOMEM;
    socle_status s = norm_inverses(j, w, &q->inverse);
    if (s != SOCLE_OK)
        return s;
    cpu_for(j->d->threads, j->chunks * j->parts, 1, batch_sums, q);
    cpu_for(j->d->threads, j->groups, LOOP_GRAIN / (j->chunks * NORM_LANES), finish_groups, q);
    store_parameters(q, q->dbeta, q->sum, NORM_LANES);
    store_parameters(q, q->dgamma, q->with_x, NORM_LANES);
    return SOCLE_OK;
}

static socle_status run_batch(grad_job *q, workspace *w)
{
    socle_status s = sum_batch(q, w);
    if (s == SOCLE_OK && q->wants_dx)
        cpu_for(q->j.d->threads, q->j.chunks * q->j.parts, 1, batch_inputs, q);
    return s;
}

/* ---- over channels ---- */

/* A group of a unit: its numbers a lane, or in lane 0 alone. */
typedef struct group_stats {
    float inverse[NORM_LANES], sum[NORM_LANES], with_x[NORM_LANES], fixed[NORM_LANES], slope[NORM_LANES];
} group_stats;

/* Adds channel k's sums to the group's and to the parameters'. */
static void group_channel(const grad_job *q, int64_t chunk, int64_t u, int64_t g, int64_t k, const cpu_norm_row *r,
                          group_stats *s)
{
    const norm_job *j = &q->j;
    float sum[NORM_LANES], with_x[NORM_LANES], scaled[NORM_LANES];
    row_sums(q, r, u, g, k, sum, with_x);
    if (j->lanes == 1) {
        sum[0] = total(sum);
        with_x[0] = total(with_x);
    }
    float gamma = j->affine_step == 0 && r->gamma != NULL ? r->gamma[0] : 1.0f;
    for (int i = 0; i < j->lanes; i++) {
        s->sum[i] += gamma * sum[i];
        s->with_x[i] += gamma * with_x[i];
        scaled[i] = with_x[i] * s->inverse[i];
    }
    int64_t at = (chunk * j->groups + g) * j->size + k;
    q->sum[at] += j->lanes == 1 ? sum[0] : total(sum);
    q->with_x[at] += j->lanes == 1 ? scaled[0] : total(scaled);
    add_elements(q, r, chunk, u, g, k);
}

static void group_unit(const grad_job *q, int64_t chunk, int64_t u, int64_t g)
{
    const norm_job *j = &q->j;
    int64_t at = (u * j->groups + g) * j->lanes;
    int valid = j->lanes == 1 ? 1 : norm_valid(j, u);
    group_stats s = { .sum = { 0 } };
    for (int i = 0; i < valid; i++)
        s.inverse[i] = norm_inverse(j->p, j->var[at + i]);
    for (int64_t k = 0; k < j->size; k++) {
        cpu_norm_row r = norm_row_of(j, g, k);
        r.mean = j->mean + at;
        r.inverse = s.inverse;
        group_channel(q, chunk, u, g, k, &r, &s);
    }
    if (!q->wants_dx)
        return;
    for (int i = 0; i < valid; i++)
        through_stats(j, s.inverse[i], j->var[at + i], s.sum[i], s.with_x[i], &s.fixed[i], &s.slope[i]);
    cpu_norm_row r = norm_row_of(j, g, 0);
    r.mean = j->mean + at;
    r.inverse = s.inverse;
    j->kernels->grad(&r, j->size, j->length, norm_row(&q->dx, u, g, 0), norm_row(&q->dy, u, g, 0),
                     norm_row(&q->x, u, g, 0), (int64_t[]){ q->dx.channel, q->dy.channel, q->x.channel }, s.fixed,
                     s.slope);
}

static void group_units(void *arg, int64_t first, int64_t last)
{
    const grad_job *q = arg;
    for (int64_t index = first; index < last; index++) {
        norm_task t = norm_task_of(&q->j, index);
        for (int64_t u = t.u0; u < t.u1; u++)
            for (int64_t g = t.g0; g < t.g1; g++)
                group_unit(q, t.chunk, u, g);
    }
}

static socle_status run_groups(grad_job *q, workspace *w)
{
    const norm_job *j = &q->j;
    int64_t channels = j->groups * j->size, n = j->chunks * channels;
    q->sum = workspace_floats(w, n);
    q->with_x = workspace_floats(w, n);
    if (q->sum == NULL || q->with_x == NULL)
        return SOCLE_ERR_NOMEM;
    memset(q->sum, 0, (size_t)n * sizeof *q->sum);
    memset(q->with_x, 0, (size_t)n * sizeof *q->with_x);
    cpu_for(j->d->threads, j->chunks * j->parts, 1, group_units, q);
    for (int64_t c = 1; c < j->chunks; c++)
        for (int64_t k = 0; k < channels; k++) {
            q->sum[k] += q->sum[c * channels + k];
            q->with_x[k] += q->with_x[c * channels + k];
        }
    store_parameters(q, q->dbeta, q->sum, 1);
    store_parameters(q, q->dgamma, q->with_x, 1);
    return SOCLE_OK;
}

/* ---- a gamma for each element ---- */

/* Zeroed parts, (chunks, G K S), where d is wanted and has one number for each element. */
static socle_status element_parts(const grad_job *q, workspace *w, const float *d, float **parts)
{
    const norm_job *j = &q->j;
    *parts = NULL;
    if (d == NULL || j->affine_step == 0)
        return SOCLE_OK;
    int64_t n = j->chunks * j->groups * j->size * j->pixels;
    *parts = workspace_floats(w, n);
    if (*parts == NULL)
        return SOCLE_ERR_NOMEM;
    memset(*parts, 0, (size_t)n * sizeof **parts);
    return SOCLE_OK;
}

static void join_elements(const grad_job *q, float *d, const float *parts)
{
    const norm_job *j = &q->j;
    int64_t n = j->groups * j->size * j->pixels;
    if (parts == NULL)
        return;
    memcpy(d, parts, (size_t)n * sizeof *d);
    for (int64_t c = 1; c < j->chunks; c++)
        for (int64_t i = 0; i < n; i++)
            d[i] += parts[c * n + i];
}

static socle_status prepare(grad_job *q, workspace *w, socle_out dx, socle_in dy, socle_in x, socle_in mean,
                            socle_in var)
{
    socle_status s = norm_take_stats(&q->j, w, mean, var);
    if (s == SOCLE_OK)
        s = norm_rows_in(&q->j, w, x, &q->x);
    if (s == SOCLE_OK)
        s = norm_rows_in(&q->j, w, dy, &q->dy);
    if (s == SOCLE_OK && dx != NULL)
        s = norm_rows_out(&q->j, w, dx, &q->dx);
    if (s == SOCLE_OK)
        s = element_parts(q, w, q->dgamma, &q->each_dgamma);
    return s == SOCLE_OK ? element_parts(q, w, q->dbeta, &q->each_dbeta) : s;
}

socle_status cpu_normalize_grad(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma, socle_in beta)
{
    grad_job q = { .j = norm_job_of(self, p, x), .wants_dx = dx != NULL };
    workspace w = workspace_on(self);
    norm_take_affine(&q.j, gamma, beta);
    q.dgamma = dgamma != NULL ? view_floats(dgamma) : NULL;
    q.dbeta = dbeta != NULL ? view_floats(dbeta) : NULL;
    socle_status s = prepare(&q, &w, dx, dy, x, mean, var);
    if (s == SOCLE_OK)
        s = p->batch ? run_batch(&q, &w) : run_groups(&q, &w);
    if (s == SOCLE_OK) {
        join_elements(&q, q.dgamma, q.each_dgamma);
        join_elements(&q, q.dbeta, q.each_dbeta);
        if (dx != NULL)
            s = norm_settle(&q.j, &q.dx);
    }
    return workspace_end(&w, s);
}

/* ---- in front of a convolution's gradients ---- */

/* v (N, C, H, W) as (N, C, 1, H W); its pixels lie side by side. */
static socle_view norm_view(socle_in v)
{
    socle_view n = *v;
    n.dim[3] = v->dim[2] * v->dim[3];
    n.stride[3] = v->lanes;
    n.dim[2] = 1;
    n.stride[2] = 0;
    return n;
}

/* (C) as (C, 1, 1), or NULL. */
static socle_in channel_view(socle_in v, socle_view *room)
{
    if (v == NULL)
        return NULL;
    *room = *v;
    room->ndim = 3;
    room->dim[0] = v->dim[0];
    room->dim[1] = room->dim[2] = 1;
    room->stride[0] = 1;
    room->stride[1] = room->stride[2] = 0;
    return room;
}

socle_status norm_grad_begin(cpu_device *d, workspace *w, const socle_norm *p, const socle_conv_norm *v,
                             norm_grad_rest *out)
{
    const socle_view y = norm_view(v->y), dz = norm_view(v->dz);
    socle_view room[2];
    grad_job q = { .j = norm_job_of(d, p, &y) };
    norm_take_affine(&q.j, channel_view(v->gamma, &room[0]), channel_view(v->beta, &room[1]));
    q.dgamma = v->dgamma != NULL ? view_floats(v->dgamma) : NULL;
    q.dbeta = v->dbeta != NULL ? view_floats(v->dbeta) : NULL;
    socle_status s = prepare(&q, w, NULL, &dz, &y, v->mean, v->var);
    if (s == SOCLE_OK)
        s = sum_batch(&q, w);
    *out = (norm_grad_rest){
        .j = q.j, .x = q.x, .dy = q.dy, .inverse = q.inverse, .fixed = q.fixed, .slope = q.slope
    };
    return s;
}

void norm_grad_part(const norm_grad_rest *n, bool of_relu, const norm_part *of, float *dx, int64_t dx_step)
{
    const int64_t at = of->first * n->j.lanes;
    cpu_norm_row r = norm_row_of(&n->j, of->g0, 0);
    r.of_relu = of_relu;
    r.mean = n->j.mean + of->g0;
    r.inverse = n->inverse + of->g0;
    n->j.kernels->grad(&r, of->g1 - of->g0, (of->last - of->first) * n->j.lanes, dx,
                       norm_row(&n->dy, of->unit, of->g0, 0) + at, norm_row(&n->x, of->unit, of->g0, 0) + at,
                       (int64_t[]){ dx_step, n->dy.group, n->x.group }, n->fixed + of->g0, n->slope + of->g0);
}

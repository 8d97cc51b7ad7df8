/* Norms, forward: moments and normalize. norm_grad.c has the way back.
 *
 * A row is one channel of one unit, and what a kernel works on. Where images share a mean, each task keeps moments of its
 * own units for every lane, and they are joined at the end, in order: so the bits do not depend on threads, and a mean far
 * from 0 costs no digits of the variance. Where channels of an image do, a block's 16 images stay in their lanes from
 * beginning to end. */
#include "norm.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include "iterate.h"
#include "parallel.h"

enum { MOST_CHUNKS = 16 };

/* ---- the job ---- */

static void cut(norm_job *j)
{
    int64_t unit = j->groups * j->size * j->length, span = (j->units + MOST_CHUNKS - 1) / MOST_CHUNKS;
    if (span * unit < LOOP_GRAIN)
        span = (LOOP_GRAIN + unit - 1) / unit;
    j->span = span < j->units ? span : j->units;
    j->chunks = (j->units + j->span - 1) / j->span;
    int64_t parts = j->span * unit / LOOP_GRAIN;
    parts = parts < 1 ? 1 : parts < j->groups ? parts : j->groups;
    j->per = (j->groups + parts - 1) / parts;
    j->parts = (j->groups + j->per - 1) / j->per;
}

norm_job norm_job_of(cpu_device *d, const socle_norm *p, socle_in x)
{
    norm_job j = { .d = d, .kernels = d->kernels->norm, .p = p, .lanes = x->lanes };
    j.images = x->dim[0];
    j.units = (j.images + j.lanes - 1) / j.lanes;
    j.groups = x->dim[1];
    j.size = x->dim[2];
    j.pixels = x->dim[3];
    j.length = j.pixels * j.lanes;
    j.shared = j.pixels * (p->batch ? j.images : j.size);
    j.divisor = p->unbiased && j.shared > 1 ? j.shared - 1 : j.shared;
    cut(&j);
    return j;
}

norm_task norm_task_of(const norm_job *j, int64_t index)
{
    norm_task t = { .chunk = index / j->parts };
    t.u0 = t.chunk * j->span;
    t.u1 = t.u0 + j->span < j->units ? t.u0 + j->span : j->units;
    t.g0 = index % j->parts * j->per;
    t.g1 = t.g0 + j->per < j->groups ? t.g0 + j->per : j->groups;
    return t;
}

void norm_take_affine(norm_job *j, socle_in gamma, socle_in beta)
{
    socle_in some = gamma != NULL ? gamma : beta;
    j->gamma = gamma != NULL ? view_floats(gamma) : NULL;
    j->beta = beta != NULL ? view_floats(beta) : NULL;
    if (some == NULL)
        return;
    bool scalar = some->dim[0] * some->dim[1] * some->dim[2] == 1, each = some->dim[2] != 1;
    j->affine_channel = scalar ? 0 : some->dim[2];
    j->affine_step = each ? j->lanes : 0;
}

/* Statistics as a dense array in the job's format. */
static socle_status take_stat(const norm_job *j, workspace *w, socle_in v, const float **out)
{
    socle_view own = *v, dense;
    socle_status s = workspace_format(w, v, j->p->batch ? 1 : j->lanes, &own);
    if (s == SOCLE_OK && own.lanes == 1)
        s = workspace_dense(w, &own, &dense);
    else
        dense = own;
    bool packed = own.lanes == 1 || ((own.dim[0] <= own.lanes || own.stride[0] == own.dim[1] * own.lanes) &&
                                     (own.dim[1] == 1 || own.stride[1] == own.lanes));
    if (s == SOCLE_OK && !packed) {
        s = workspace_like(w, &own, own.lanes, &dense);
        if (s == SOCLE_OK)
            s = cpu_copy(j->d, &dense, &own);
    }
    *out = s == SOCLE_OK ? view_floats(&dense) : NULL;
    return s;
}

socle_status norm_take_stats(norm_job *j, workspace *w, socle_in mean, socle_in var)
{
    socle_status s = take_stat(j, w, mean, &j->mean);
    return s == SOCLE_OK ? take_stat(j, w, var, &j->var) : s;
}

/* ---- rows ---- */

/* Are v's rows what kernels take: in the job's format, each without gaps? */
static bool has_rows(const norm_job *j, socle_in v)
{
    return v->lanes == j->lanes && (v->dim[3] == 1 || v->stride[3] == j->lanes);
}

static norm_rows rows_of(socle_in v)
{
    return (norm_rows){ .p = view_floats(v), .unit = v->stride[0], .group = v->stride[1], .channel = v->stride[2] };
}

socle_status norm_rows_in(const norm_job *j, workspace *w, socle_in v, norm_rows *r)
{
    socle_view own = *v;
    if (!has_rows(j, v)) {
        socle_status s = workspace_like(w, v, j->lanes, &own);
        if (s == SOCLE_OK)
            s = cpu_copy(j->d, &own, v);
        if (s != SOCLE_OK)
            return s;
    }
    *r = rows_of(&own);
    return SOCLE_OK;
}

socle_status norm_rows_out(const norm_job *j, workspace *w, socle_out v, norm_rows *r)
{
    if (has_rows(j, v)) {
        *r = rows_of(v);
        return SOCLE_OK;
    }
    socle_view own;
    socle_status s = workspace_like(w, v, j->lanes, &own);
    if (s != SOCLE_OK)
        return s;
    *r = rows_of(&own);
    r->own = own;
    r->to = v;
    return SOCLE_OK;
}

socle_status norm_settle(const norm_job *j, const norm_rows *r)
{
    return r->to != NULL ? cpu_copy(j->d, r->to, &r->own) : SOCLE_OK;
}

float *norm_row(const norm_rows *r, int64_t unit, int64_t group, int64_t channel)
{
    return r->p + unit * r->unit + group * r->group + channel * r->channel;
}

int norm_valid(const norm_job *j, int64_t unit)
{
    int64_t left = j->images - unit * NORM_LANES;
    return j->lanes == 1 || left >= NORM_LANES ? NORM_LANES : (int)left;
}

cpu_norm_row norm_row_of(const norm_job *j, int64_t group, int64_t channel)
{
    const socle_norm *p = j->p;
    int64_t at = (group * j->size + channel) * j->affine_channel;
    bool relu = p->leak == 0.0f && p->sub == 0.0f && p->max == INFINITY;
    return (cpu_norm_row){
        .each_lane = !p->batch && j->lanes == NORM_LANES,
        .gamma = j->gamma != NULL ? j->gamma + at : NULL,
        .beta = j->beta != NULL ? j->beta + at : NULL,
        .step = j->affine_step,
        .next = p->batch ? 1 : 0,
        .next_affine = j->affine_channel,
        .act = !p->act ? CPU_NORM_PLAIN
               : relu  ? CPU_NORM_RELU
                       : CPU_NORM_GENERAL,
        .leak = p->leak,
        .sub = p->sub,
        .max = p->max,
    };
}

bool norm_is_raised(const socle_norm *p, float var)
{
    return var < p->var_min;
}

float norm_inverse(const socle_norm *p, float var)
{
    return 1.0f / sqrtf((norm_is_raised(p, var) ? p->var_min : var) + p->eps);
}

socle_status norm_inverses(const norm_job *j, workspace *w, const float **out)
{
    float *inverse = workspace_floats(w, j->groups);
    if (inverse == NULL)
        return SOCLE_ERR_NOMEM;
    for (int64_t g = 0; g < j->groups; g++)
        inverse[g] = norm_inverse(j->p, j->var[g]);
    *out = inverse;
    return SOCLE_OK;
}

/* ---- moments over images ---- */

typedef struct moments_job {
    norm_job j;
    norm_rows x;
    float *mean, *m2; /* over images: (chunks, G, lanes); else results, (units, G, lanes) */
    float *out_mean, *out_var;
} moments_job;

/* One row of a block joins the moments of those before it; lanes without an image stay out of it. */
static void join_block(const moments_job *m, int64_t unit, int64_t before, const float *x, const float *shift,
                       float *mean, float *m2)
{
    int valid = norm_valid(&m->j, unit);
    if (valid == NORM_LANES) {
        m->j.kernels->moments(m->j.length, x, shift, before, mean, m2);
        return;
    }
    float all[2][NORM_LANES];
    memcpy(all[0], mean, sizeof all[0]);
    memcpy(all[1], m2, sizeof all[1]);
    m->j.kernels->moments(m->j.length, x, shift, before, all[0], all[1]);
    for (int i = 0; i < NORM_LANES; i++) {
        bool own = i < valid;
        mean[i] = own ? all[0][i] : before > 0 ? mean[i] : 0.0f;
        m2[i] = own ? all[1][i] : before > 0 ? m2[i] : 0.0f;
    }
}

static void join_row(const moments_job *m, int64_t before, const float *x, float shift, float *mean, float *m2)
{
    float own_mean, own_m2;
    m->j.kernels->row_moments(m->j.length, x, shift, &own_mean, &own_m2);
    if (before == 0) {
        *mean = own_mean;
        *m2 = own_m2;
        return;
    }
    float share = (float)m->j.length / (float)(before + m->j.length), d = own_mean - *mean;
    *mean += d * share;
    *m2 += own_m2 + d * d * (float)before * share;
}

static void join(const moments_job *m, int64_t unit, int64_t before, const float *x, const float *shift,
                 float *mean, float *m2)
{
    if (m->j.lanes == 1)
        join_row(m, before, x, shift[0], mean, m2);
    else
        join_block(m, unit, before, x, shift, mean, m2);
}

/* What all of x is taken relative to where images share a mean: the group's first number. */
static float batch_shift(const moments_job *m, int64_t g)
{
    return norm_row(&m->x, 0, g, 0)[0];
}

static void batch_moments(void *arg, int64_t first, int64_t last)
{
    const moments_job *m = arg;
    for (int64_t index = first; index < last; index++) {
        norm_task t = norm_task_of(&m->j, index);
        for (int64_t u = t.u0; u < t.u1; u++)
            for (int64_t g = t.g0; g < t.g1; g++) {
                int64_t at = (t.chunk * m->j.groups + g) * m->j.lanes;
                float shift[NORM_LANES];
                for (int i = 0; i < NORM_LANES; i++)
                    shift[i] = batch_shift(m, g);
                join(m, u, (u - t.u0) * m->j.pixels, norm_row(&m->x, u, g, 0), shift, m->mean + at, m->m2 + at);
            }
    }
}

/* Numbers behind lane i of a chunk's moments. */
static float lane_count(const norm_job *j, int64_t chunk, int i)
{
    int64_t u0 = chunk * j->span, u1 = u0 + j->span < j->units ? u0 + j->span : j->units;
    bool short_of_one = j->lanes != 1 && i >= norm_valid(j, u1 - 1);
    return (float)((u1 - u0 - short_of_one) * j->pixels);
}

static float total(const float lane[NORM_LANES], int lanes)
{
    double sum = 0;
    for (int i = 0; i < lanes; i++)
        sum += (double)lane[i];
    return (float)sum;
}

/* Lanes and chunks of group g become one mean and one variance. */
static void finish_group(const moments_job *m, int64_t g, const float *count)
{
    const norm_job *j = &m->j;
    float sum[NORM_LANES] = { 0 }, squares[NORM_LANES] = { 0 };
    for (int64_t c = 0; c < j->chunks; c++)
        for (int i = 0; i < j->lanes; i++)
            sum[i] += count[c * j->lanes + i] * m->mean[(c * j->groups + g) * j->lanes + i];
    float mean = total(sum, j->lanes) / (float)j->shared;
    for (int64_t c = 0; c < j->chunks; c++)
        for (int i = 0; i < j->lanes; i++) {
            int64_t at = (c * j->groups + g) * j->lanes + i;
            float d = m->mean[at] - mean;
            squares[i] += m->m2[at] + count[c * j->lanes + i] * d * d;
        }
    m->out_mean[g] = batch_shift(m, g) + mean;
    m->out_var[g] = total(squares, j->lanes) / (float)j->divisor;
}

static void finish_groups(void *arg, int64_t first, int64_t last)
{
    const moments_job *m = arg;
    float count[MOST_CHUNKS * NORM_LANES];
    for (int64_t c = 0; c < m->j.chunks; c++)
        for (int i = 0; i < m->j.lanes; i++)
            count[c * m->j.lanes + i] = lane_count(&m->j, c, i);
    for (int64_t g = first; g < last; g++)
        finish_group(m, g, count);
}

static socle_status run_batch_moments(moments_job *m, workspace *w)
{
    const norm_job *j = &m->j;
    m->mean = workspace_floats(w, j->chunks * j->groups * j->lanes);
    m->m2 = workspace_floats(w, j->chunks * j->groups * j->lanes);
    if (m->mean == NULL || m->m2 == NULL)
        return SOCLE_ERR_NOMEM;
    cpu_for(j->d->threads, j->chunks * j->parts, 1, batch_moments, m);
    cpu_for(j->d->threads, j->groups, LOOP_GRAIN / (j->chunks * j->lanes), finish_groups, m);
    return SOCLE_OK;
}

/* ---- moments over channels ---- */

static void group_moments(void *arg, int64_t first, int64_t last)
{
    const moments_job *m = arg;
    const norm_job *j = &m->j;
    for (int64_t index = first; index < last; index++) {
        norm_task t = norm_task_of(j, index);
        for (int64_t u = t.u0; u < t.u1; u++)
            for (int64_t g = t.g0; g < t.g1; g++) {
                float *mean = m->out_mean + (u * j->groups + g) * j->lanes;
                float *var = m->out_var + (u * j->groups + g) * j->lanes;
                const float *shift = norm_row(&m->x, u, g, 0); /* each lane's first number */
                for (int64_t k = 0; k < j->size; k++)
                    join(m, u, k * j->pixels, norm_row(&m->x, u, g, k), shift, mean, var);
                for (int i = 0; i < j->lanes; i++) {
                    mean[i] += shift[i];
                    var[i] /= (float)j->divisor;
                }
            }
    }
}

socle_status cpu_moments(void *self, const socle_norm *p, socle_out mean, socle_out var, socle_in x)
{
    moments_job m = { .j = norm_job_of(self, p, x) };
    int32_t lanes = p->batch ? 1 : m.j.lanes;
    workspace w = workspace_on(self);
    socle_view own[2];
    socle_status s = norm_rows_in(&m.j, &w, x, &m.x);
    if (s == SOCLE_OK)
        s = workspace_like(&w, mean, lanes, &own[0]);
    if (s == SOCLE_OK)
        s = workspace_like(&w, var, lanes, &own[1]);
    if (s == SOCLE_OK) {
        m.out_mean = view_floats(&own[0]);
        m.out_var = view_floats(&own[1]);
        if (p->batch)
            s = run_batch_moments(&m, &w);
        else
            cpu_for(m.j.d->threads, m.j.chunks * m.j.parts, 1, group_moments, &m);
    }
    if (s == SOCLE_OK)
        s = cpu_copy(self, mean, &own[0]);
    if (s == SOCLE_OK)
        s = cpu_copy(self, var, &own[1]);
    return workspace_end(&w, s);
}

/* ---- normalize ---- */

typedef struct normalize_job {
    norm_job j;
    norm_rows x, y;
    const float *inverse; /* over images: (G) */
    bool stream;          /* y is more than caches keep */
} normalize_job;

/* Over images: all channels of a block or image at once. */
static void normalize_unit(const normalize_job *n, int64_t u, int64_t g0, int64_t g1)
{
    cpu_norm_row r = norm_row_of(&n->j, g0, 0);
    r.mean = n->j.mean + g0;
    r.inverse = n->inverse + g0;
    r.stream = n->stream;
    n->j.kernels->apply(&r, g1 - g0, n->j.length, norm_row(&n->y, u, g0, 0), n->y.group, norm_row(&n->x, u, g0, 0),
                        n->x.group);
}

static void normalize_group(const normalize_job *n, int64_t u, int64_t g)
{
    const norm_job *j = &n->j;
    float inverse[NORM_LANES];
    int64_t at = (u * j->groups + g) * j->lanes;
    for (int i = 0; i < j->lanes; i++)
        inverse[i] = norm_inverse(j->p, j->var[at + i]);
    cpu_norm_row r = norm_row_of(j, g, 0);
    r.mean = j->mean + at;
    r.inverse = inverse;
    r.stream = n->stream;
    j->kernels->apply(&r, j->size, j->length, norm_row(&n->y, u, g, 0), n->y.channel, norm_row(&n->x, u, g, 0),
                      n->x.channel);
}

static void normalize_rows(void *arg, int64_t first, int64_t last)
{
    const normalize_job *n = arg;
    for (int64_t index = first; index < last; index++) {
        norm_task t = norm_task_of(&n->j, index);
        for (int64_t u = t.u0; u < t.u1; u++) {
            if (n->j.p->batch) {
                normalize_unit(n, u, t.g0, t.g1);
                continue;
            }
            for (int64_t g = t.g0; g < t.g1; g++)
                normalize_group(n, u, g);
        }
    }
    if (n->stream)
        cpu_stream_end();
}

socle_status cpu_normalize(void *self, const socle_norm *p, socle_out y, socle_in x, socle_in mean, socle_in var,
                           socle_in gamma, socle_in beta)
{
    normalize_job n = { .j = norm_job_of(self, p, x) };
    n.stream = n.j.units * n.j.groups * n.j.size * n.j.length >= CPU_STREAM_FLOATS;
    workspace w = workspace_on(self);
    norm_take_affine(&n.j, gamma, beta);
    socle_status s = norm_take_stats(&n.j, &w, mean, var);
    if (s == SOCLE_OK)
        s = norm_rows_in(&n.j, &w, x, &n.x);
    if (s == SOCLE_OK)
        s = norm_rows_out(&n.j, &w, y, &n.y);
    if (s == SOCLE_OK && p->batch)
        s = norm_inverses(&n.j, &w, &n.inverse);
    if (s == SOCLE_OK) {
        cpu_for(n.j.d->threads, n.j.chunks * n.j.parts, 1, normalize_rows, &n);
        s = norm_settle(&n.j, &n.y);
    }
    return workspace_end(&w, s);
}

/* Predictions: a rehearsed evaluation pass, whose batches are read and cancelled once the model has answered. Further
 * models and forms of the input are run there too, through the learner's own predict verb. */
#include <socle/predict.h>

#include <limits.h>
#include <math.h>
#include <string.h>
#include <socle/augment.h>
#include <socle/ops.h>
#include <socle/sys/memory.h>
#include "rehearsal.h"

typedef struct gathering {
    const socle_predict_desc *o;
    size_t samples; /* that there is room for */
    socle_predictions got;
} gathering;

/* How x is changed before a model sees it. */
typedef struct form {
    int32_t top, left, mirrored;
} form;

enum { MAX_FORMS = 10 };

static int forms_of(const socle_predict_desc *o, form out[MAX_FORMS])
{
    const form moved[] = {
        { 0, 0, 0 }, { o->shift, 0, 0 }, { -o->shift, 0, 0 }, { 0, o->shift, 0 }, { 0, -o->shift, 0 }
    };
    int n = 0;
    for (int i = 0; i < (o->shift > 0 ? 5 : 1); i++)
        for (int32_t mirrored = 0; mirrored <= (int32_t)o->flip; mirrored++)
            out[n++] = (form){ moved[i].top, moved[i].left, mirrored };
    return n;
}

/* ---- the mean of several answers ---- */

static socle_tensor *formed(socle_ctx *c, socle_tensor *x, form f)
{
    int64_t n = socle_dim(x, 0);
    form *rows = socle_mem_alloc((size_t)n * sizeof *rows);
    if (!rows) {
        socle_ctx_fail(c, SOCLE_ERR_NOMEM);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        rows[i] = f;
    socle_tensor *place = socle_tensor_from(socle_ctx_device(c), SOCLE_I32, socle_shape2(n, 3), rows);
    socle_mem_free(rows);
    if (!place)
        socle_ctx_fail(c, socle_error_status());
    socle_tensor *y = socle_shift_images(c, x, place, socle_dim(x, -2), socle_dim(x, -1), 0);
    socle_release(place);
    return y;
}

/* l->pred = that of the learner's current model for x. */
static socle_flow answer(socle_learner *l, socle_tensor *x)
{
    l->batch.x = x;
    socle_flow f = x ? l->loop.predict(l, NULL) : 0;
    return f == 0 ? (socle_flow)socle_ctx_status(l->ctx) : f;
}

/* l->pred, the model's for x as it is, becomes the mean over all models and forms. */
static socle_flow average(socle_learner *l, const socle_predict_desc *o)
{
    form forms[MAX_FORMS];
    int n = forms_of(o, forms);
    socle_tensor *x = l->batch.x, *sum = l->pred;
    socle_module *own = l->model;
    socle_flow f = 0;
    for (int i = 0; i < n && !f; i++) {
        socle_tensor *input = i == 0 ? x : formed(l->ctx, x, forms[i]);
        for (int m = i == 0 ? 1 : 0; m <= o->n_others && !f; m++) {
            l->model = m == 0 ? own : o->others[m - 1];
            f = answer(l, input);
            if (!f)
                sum = socle_add(l->ctx, sum, l->pred);
        }
    }
    l->model = own;
    l->batch.x = x;
    int answers = n * (o->n_others + 1);
    l->pred = answers > 1 ? socle_scale(l->ctx, sum, 1.0 / answers, 0) : sum;
    return f == 0 ? (socle_flow)socle_ctx_status(l->ctx) : f;
}

/* ---- reading ---- */

/* n numbers of a tensor of the device's real type. */
static socle_status read_real(const socle_tensor *t, float *out, size_t n)
{
    if (socle_dtype_of(t) == SOCLE_F32)
        return socle_read(t, out, n * sizeof *out);
    double *wide = socle_mem_alloc(n * sizeof *wide);
    socle_status s = wide ? socle_read(t, wide, n * sizeof *wide) : SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < n && s == SOCLE_OK; i++)
        out[i] = (float)wide[i];
    socle_mem_free(wide);
    return s;
}

static socle_status read_inputs(gathering *g, socle_ctx *c, const socle_batch *b)
{
    socle_predictions *p = &g->got;
    size_t wanted = g->o->inputs < g->samples ? g->o->inputs : g->samples, left = wanted - p->inputs;
    size_t n = left < b->size ? left : b->size, length = (size_t)socle_numel(b->x) / b->size;
    if (n == 0)
        return SOCLE_OK;
    if (!p->x) {
        socle_shape s = socle_shape_of(b->x);
        p->x_shape.ndim = s.ndim - 1;
        memcpy(p->x_shape.dim, s.dim + 1, sizeof s.dim - sizeof *s.dim);
        p->x = socle_mem_zeroed(wanted * length, sizeof *p->x);
        if (!p->x)
            return SOCLE_ERR_NOMEM;
    }
    socle_tensor *x = n < b->size ? socle_slice(c, b->x, 0, 0, (int64_t)n) : b->x;
    socle_status s = x ? read_real(x, p->x + p->inputs * length, n * length) : socle_ctx_status(c);
    p->inputs += n;
    return s;
}

static bool are_labels(const socle_batch *b)
{
    return b->y && socle_dtype_of(b->y) == SOCLE_I32 && (size_t)socle_numel(b->y) == b->size;
}

/* Room for all samples, once the first answer says of what size. */
static socle_status make_room(gathering *g, const socle_batch *b, socle_shape pred)
{
    socle_predictions *p = &g->got;
    if (p->logits)
        return SOCLE_OK;
    p->classes = (int)pred.dim[1];
    p->logits = socle_mem_zeroed(g->samples * (size_t)p->classes, sizeof *p->logits);
    p->label = socle_mem_zeroed(g->samples, sizeof *p->label);
    p->target = are_labels(b) ? socle_mem_zeroed(g->samples, sizeof *p->target) : NULL;
    bool complete = p->logits && p->label && (p->target || !are_labels(b));
    return complete ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static int32_t largest(const float *v, int n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (v[i] > v[best] || (isnan(v[i]) && !isnan(v[best])))
            best = i;
    return best;
}

static socle_status read_batch(gathering *g, socle_learner *l)
{
    const socle_batch *b = &l->batch;
    socle_predictions *p = &g->got;
    socle_shape pred = socle_shape_of(l->pred);
    if (pred.ndim != 2 || (size_t)pred.dim[0] != b->size || pred.dim[1] < 1 || pred.dim[1] > INT_MAX)
        return socle_fail(SOCLE_ERR_SHAPE, "predict: the model's answer to %zu samples is not (N, classes)",
                          b->size);
    socle_status s = make_room(g, b, pred);
    if (s != SOCLE_OK)
        return s;
    if (pred.dim[1] != p->classes || p->n + b->size > g->samples || are_labels(b) != (p->target != NULL))
        return socle_fail(SOCLE_ERR_SHAPE, "predict: batches differ in their classes or targets");
    float *logits = p->logits + p->n * (size_t)p->classes;
    s = read_real(l->pred, logits, b->size * (size_t)p->classes);
    if (s == SOCLE_OK && p->target)
        s = socle_read(b->y, p->target + p->n, b->size * sizeof *p->target);
    if (s == SOCLE_OK)
        s = read_inputs(g, l->ctx, b);
    if (s != SOCLE_OK)
        return s;
    for (size_t i = 0; i < b->size; i++)
        p->label[p->n + i] = largest(logits + i * (size_t)p->classes, p->classes);
    p->n += b->size;
    return SOCLE_OK;
}

static socle_flow after_predict(socle_learner *l, void *user)
{
    gathering *g = user;
    socle_flow f = average(l, g->o);
    if (f)
        return f;
    socle_status s = read_batch(g, l);
    return s == SOCLE_OK ? SOCLE_CANCEL_BATCH : (socle_flow)s;
}

/* ---- the pass ---- */

static socle_status check(const socle_learner *l, const socle_predict_desc *o, const socle_predictions *out)
{
    if (!l)
        return socle_error_status() ? socle_error_status()
                                    : socle_fail(SOCLE_ERR_ARG, "predict: there is no learner");
    if (!out)
        return socle_fail(SOCLE_ERR_ARG, "predict: there is no room for the result");
    if (((const learner *)l)->fitting)
        return socle_fail(SOCLE_ERR_STATE, "predict: called from inside a fit of the same learner");
    if (o->shift < 0 || o->n_others < 0 || o->n_others > INT_MAX / MAX_FORMS - 1)
        return socle_fail(SOCLE_ERR_ARG, "predict: a shift of %d pixels, %d other models", o->shift, o->n_others);
    for (int i = 0; i < o->n_others; i++)
        if (!o->others || !o->others[i])
            return socle_fail(SOCLE_ERR_ARG, "predict: model %d of %d is missing", i, o->n_others);
    const socle_loader *loader = o->train ? l->data->train : l->data->valid;
    if (!loader || socle_loader_samples(loader) == 0)
        return socle_fail(SOCLE_ERR_ARG, "predict: there is no %s data", o->train ? "training" : "validation");
    return SOCLE_OK;
}

socle_status socle_predict(socle_learner *l, socle_predict_desc o, socle_predictions *out)
{
    socle_status s = check(l, &o, out);
    if (s != SOCLE_OK)
        return s;
    socle_data *data = l->data, seen = *data;
    if (o.train)
        seen.valid = data->train;
    gathering g = { .o = &o, .samples = socle_loader_samples(seen.valid) };
    socle_callback cb = { .name = "predict", .order = INT_MAX, .user = &g, .after_predict = after_predict };
    l->data = &seen;
    s = rehearse(l, cb, (socle_fit_desc){ .epochs = 1, .no_train = true });
    l->data = data;
    if (s != SOCLE_OK) {
        socle_predictions_free(&g.got);
        return s;
    }
    *out = g.got;
    return SOCLE_OK;
}

void socle_predictions_free(socle_predictions *p)
{
    if (!p)
        return;
    socle_mem_free(p->logits);
    socle_mem_free(p->label);
    socle_mem_free(p->target);
    socle_mem_free(p->x);
    *p = (socle_predictions){ 0 };
}

/* ---- what they say ---- */

double socle_predictions_accuracy(const socle_predictions *p)
{
    size_t hits = 0;
    if (!p->target)
        return NAN;
    for (size_t i = 0; i < p->n; i++)
        hits += p->label[i] == p->target[i];
    return (double)hits / (double)p->n;
}

socle_status socle_predictions_confusion(const socle_predictions *p, int64_t *counts)
{
    if (!p->target)
        return socle_fail(SOCLE_ERR_ARG, "confusion: there are no targets");
    for (size_t i = 0; i < p->n; i++)
        if (p->target[i] < 0 || p->target[i] >= p->classes)
            return socle_fail(SOCLE_ERR_ARG, "confusion: target %d of sample %zu is none of %d classes",
                              (int)p->target[i], i, p->classes);
    memset(counts, 0, (size_t)p->classes * (size_t)p->classes * sizeof *counts);
    for (size_t i = 0; i < p->n; i++)
        counts[p->target[i] * p->classes + p->label[i]]++;
    return SOCLE_OK;
}

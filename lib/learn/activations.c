/* Statistics of activations: hooks that let the device count into rows of a buffer as long as the pass, and read
 * it when the pass is over. */
#include <math.h>
#include <string.h>
#include <socle/activations.h>
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>

enum { DEFAULT_BINS = 40 };
static const double default_high = 10, default_both = 7;

typedef struct layer {
    char *path;
    float *mean, *std;
    int32_t *count; /* (steps, bins) */
    size_t n, cap_mean, cap_std, cap_count;
    size_t rows;   /* of the buffers, used in this pass */
    size_t before; /* batches of this pass up to and with the last that was counted */
} layer;

struct socle_activations {
    socle_activations_desc o;
    socle_bins bins;
    layer *layers;
    size_t n_layers;
    /* Of the fit under way. */
    socle_learner *l;
    socle_hooks *hooks;
    socle_tensor *counts, *moments; /* (layers, rows, bins) and (layers, rows, 2) */
    size_t rows;
};

/* ---- life ---- */

socle_activations *socle_activations_new(socle_activations_desc o)
{
    o.which = o.which ? o.which : socle_module_activates;
    o.bins = o.bins ? o.bins : DEFAULT_BINS;
    if (o.low == 0 && o.high == 0) {
        o.low = o.both_signs ? -default_both : 0;
        o.high = o.both_signs ? default_both : default_high;
    }
    if (o.bins < 1 || o.bins > SOCLE_BINS_MAX || !isfinite(o.low) || !(o.high - o.low > 0) || !isfinite(o.high)) {
        (void)socle_fail(SOCLE_ERR_ARG, "activations: %d bins from %g to %g; 1 to %d and a range are needed",
                         o.bins, o.low, o.high, SOCLE_BINS_MAX);
        return NULL;
    }
    socle_activations *a = socle_mem_zeroed(1, sizeof *a);
    if (!a)
        return NULL;
    a->o = o;
    a->bins = (socle_bins){
        .n = o.bins, .low = (float)o.low, .scale = (float)(o.bins / (o.high - o.low)), .absolute = !o.both_signs
    };
    return a;
}

static void end_fit(socle_activations *a)
{
    socle_hooks_free(a->hooks);
    socle_release(a->counts);
    socle_release(a->moments);
    a->hooks = NULL;
    a->counts = a->moments = NULL;
    a->rows = 0;
}

void socle_activations_free(socle_activations *a)
{
    if (!a)
        return;
    end_fit(a);
    for (size_t i = 0; i < a->n_layers; i++) {
        socle_mem_free(a->layers[i].path);
        socle_mem_free(a->layers[i].mean);
        socle_mem_free(a->layers[i].std);
        socle_mem_free(a->layers[i].count);
    }
    socle_mem_free(a->layers);
    socle_mem_free(a);
}

/* ---- a step ---- */

/* Row `row` of a layer's part of t, which is owned by the caller. */
static socle_tensor *row_of(const socle_tensor *t, size_t of, size_t row)
{
    socle_view v = socle_view_of(t);
    v.offset += (int64_t)of * v.stride[0] + (int64_t)row * v.stride[1];
    v.ndim = 1;
    v.dim[0] = v.dim[2];
    v.stride[0] = v.stride[2];
    return socle_tensor_view(t, &v);
}

static socle_tensor *count(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                           void *user)
{
    (void)m, (void)in;
    socle_activations *a = user;
    layer *y = &a->layers[index];
    if (a->rows == 0 || y->before > a->l->batch_index)
        return NULL;
    socle_tensor *counts = row_of(a->counts, index, y->rows), *moments = row_of(a->moments, index, y->rows);
    socle_status s =
        counts && moments ? socle_prim_histogram(&a->bins, counts, moments, out) : socle_error_status();
    socle_release(counts);
    socle_release(moments);
    if (s != SOCLE_OK)
        (void)socle_ctx_fail(c, s);
    y->rows++;
    y->before = a->l->batch_index + 1;
    return NULL;
}

/* ---- a fit ---- */

static socle_status make_layers(socle_activations *a, const socle_module_list *found)
{
    if (a->n_layers > 0 || found->n == 0)
        return SOCLE_OK;
    a->layers = socle_mem_zeroed(found->n, sizeof *a->layers);
    if (!a->layers)
        return SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < found->n; i++) {
        char *path = socle_mem_string(found->path[i]);
        if (!path)
            return SOCLE_ERR_NOMEM;
        a->layers[a->n_layers++].path = path;
    }
    return SOCLE_OK;
}

static socle_status check_layers(const socle_activations *a, const socle_module_list *found)
{
    if (found->n != a->n_layers)
        return socle_fail(SOCLE_ERR_STATE, "activations: %zu layers have been watched so far, this model has %zu",
                          a->n_layers, found->n);
    for (size_t i = 0; i < found->n; i++)
        if (strcmp(found->path[i], a->layers[i].path) != 0)
            return socle_fail(SOCLE_ERR_STATE,
                              "activations: layer %zu was \"%s\" so far, in this model it is \"%s\"", i,
                              a->layers[i].path, found->path[i]);
    return SOCLE_OK;
}

static socle_flow before_fit(socle_learner *l, void *user)
{
    socle_activations *a = user;
    a->l = l;
    a->hooks = socle_hooks_new(l->model, a->o.which, a->o.which_user, count, a);
    if (!a->hooks)
        return (socle_flow)socle_error_status();
    socle_status s = make_layers(a, socle_hooks_list(a->hooks));
    return (socle_flow)(s == SOCLE_OK ? check_layers(a, socle_hooks_list(a->hooks)) : s);
}

static socle_flow cleanup_fit(socle_learner *l, void *user)
{
    (void)l;
    end_fit(user);
    return 0;
}

/* ---- a pass ---- */

static socle_flow before_epoch(socle_learner *l, void *user)
{
    socle_activations *a = user;
    socle_device *d = socle_ctx_device(l->ctx);
    for (size_t i = 0; i < a->n_layers; i++)
        a->layers[i].rows = a->layers[i].before = 0;
    if (a->n_layers == 0 || l->n_batches == 0 || !(l->training || a->o.on_valid))
        return 0;
    socle_release(a->counts);
    socle_release(a->moments);
    int64_t layers = (int64_t)a->n_layers, rows = (int64_t)l->n_batches;
    a->counts = socle_tensor_new(d, SOCLE_I32, socle_shape3(layers, rows, a->o.bins));
    a->moments = socle_tensor_new(d, socle_device_real(d), socle_shape3(layers, rows, 2));
    if (!a->counts || !a->moments)
        return (socle_flow)socle_error_status();
    a->rows = l->n_batches;
    return 0;
}

/* Room for more steps. */
static bool grow(layer *y, size_t more, size_t bins)
{
    float *mean = socle_mem_grow(y->mean, &y->cap_mean, y->n + more, sizeof *mean);
    y->mean = mean ? mean : y->mean;
    float *std = mean ? socle_mem_grow(y->std, &y->cap_std, y->n + more, sizeof *std) : NULL;
    y->std = std ? std : y->std;
    int32_t *grown = std ? socle_mem_grow(y->count, &y->cap_count, (y->n + more) * bins, sizeof *grown) : NULL;
    y->count = grown ? grown : y->count;
    return grown != NULL;
}

/* Appends the pass's steps from the whole buffers. */
static void append(socle_activations *a, const int32_t *count_of, const void *moments, bool wide)
{
    size_t bins = (size_t)a->o.bins;
    for (size_t i = 0; i < a->n_layers; i++) {
        layer *y = &a->layers[i];
        memcpy(y->count + y->n * bins, count_of + i * a->rows * bins, y->rows * bins * sizeof *count_of);
        for (size_t row = 0; row < y->rows; row++, y->n++) {
            size_t at = (i * a->rows + row) * 2;
            double mean = wide ? ((const double *)moments)[at] : (double)((const float *)moments)[at];
            double variance = wide ? ((const double *)moments)[at + 1] : (double)((const float *)moments)[at + 1];
            y->mean[y->n] = (float)mean;
            y->std[y->n] = (float)sqrt(variance);
        }
    }
}

static socle_status read_pass(socle_activations *a)
{
    size_t n_counts = (size_t)socle_numel(a->counts), n_moments = (size_t)socle_numel(a->moments);
    size_t size = socle_dtype_size(socle_dtype_of(a->moments));
    int32_t *counts = socle_mem_alloc(n_counts * sizeof *counts);
    void *moments = socle_mem_alloc(n_moments * size);
    socle_status s = counts && moments ? SOCLE_OK : SOCLE_ERR_NOMEM;
    for (size_t i = 0; i < a->n_layers && s == SOCLE_OK; i++)
        s = grow(&a->layers[i], a->layers[i].rows, (size_t)a->o.bins) ? SOCLE_OK : SOCLE_ERR_NOMEM;
    if (s == SOCLE_OK)
        s = socle_read(a->counts, counts, n_counts * sizeof *counts);
    if (s == SOCLE_OK)
        s = socle_read(a->moments, moments, n_moments * size);
    if (s == SOCLE_OK)
        append(a, counts, moments, size == sizeof(double));
    socle_mem_free(counts);
    socle_mem_free(moments);
    return s;
}

/* Of a pass that was cancelled, what it came to; of one that failed, nothing. */
static socle_flow cleanup_epoch(socle_learner *l, void *user)
{
    socle_activations *a = user;
    socle_status s = a->rows > 0 && l->status == SOCLE_OK ? read_pass(a) : SOCLE_OK;
    a->rows = 0;
    return (socle_flow)s;
}

socle_callback socle_cb_activations(socle_activations *a)
{
    if (!a) {
        if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "activations: none was given");
        return (socle_callback){ 0 };
    }
    return (socle_callback){ .name = "activations",
                             .no_rehearsal = true,
                             .user = a,
                             .before_fit = before_fit,
                             .before_epoch = before_epoch,
                             .cleanup_epoch = cleanup_epoch,
                             .cleanup_fit = cleanup_fit };
}

/* ---- results ---- */

size_t socle_activations_layers(const socle_activations *a)
{
    return a ? a->n_layers : 0;
}

size_t socle_activations_bins(const socle_activations *a)
{
    return a ? (size_t)a->o.bins : 0;
}

static const layer *layer_at(const socle_activations *a, size_t i)
{
    static const layer none;
    return i < socle_activations_layers(a) ? &a->layers[i] : &none;
}

const char *socle_activations_path(const socle_activations *a, size_t i)
{
    return layer_at(a, i)->path;
}

size_t socle_activations_mean(const socle_activations *a, size_t i, const float **mean)
{
    *mean = layer_at(a, i)->mean;
    return layer_at(a, i)->n;
}

size_t socle_activations_std(const socle_activations *a, size_t i, const float **std)
{
    *std = layer_at(a, i)->std;
    return layer_at(a, i)->n;
}

size_t socle_activations_counts(const socle_activations *a, size_t i, const int32_t **out)
{
    *out = layer_at(a, i)->count;
    return layer_at(a, i)->n;
}

double socle_activations_share(const socle_activations *a, size_t i, size_t step, int first, int last)
{
    const layer *y = layer_at(a, i);
    if (step >= y->n)
        return NAN;
    double part = 0, all = 0;
    for (int bin = 0; bin < a->o.bins; bin++) {
        double n = y->count[step * (size_t)a->o.bins + (size_t)bin];
        part += bin >= first && bin <= last ? n : 0;
        all += n;
    }
    return all > 0 ? part / all : NAN;
}

/* Means over the samples of a pass. Each metric, and the loss, has one running sum on the device, to which every
 * batch adds; the sums are read when the pass is over. */
#include <string.h>
#include <socle/callbacks.h>
#include <socle/sys/memory.h>

typedef struct metrics {
    int n;
    socle_metric *metric; /* n, their names copied into one block */
    char *names;
    socle_tensor **sum;  /* n + 1; the last is the loss's. NULL until the first fit */
    size_t samples;      /* of this pass */
    const char **column; /* n + 3, and what is logged under them */
    double *value;
} metrics;

static void metrics_drop(void *user)
{
    metrics *m = user;
    if (!m)
        return;
    for (int i = 0; m->sum && i <= m->n; i++)
        socle_release(m->sum[i]);
    socle_mem_free(m->sum);
    socle_mem_free(m->metric);
    socle_mem_free(m->names);
    socle_mem_free(m->column);
    socle_mem_free(m->value);
    socle_mem_free(m);
}

static socle_flow before_fit(socle_learner *l, void *user)
{
    metrics *m = user;
    socle_device *d = socle_ctx_device(l->ctx);
    for (int i = 0; i <= m->n; i++)
        if (!m->sum[i] && !(m->sum[i] = socle_tensor_new(d, socle_device_real(d), socle_shape0())))
            return (socle_flow)socle_error_status();
    return 0;
}

static socle_flow before_epoch(socle_learner *l, void *user)
{
    metrics *m = user;
    m->samples = 0;
    socle_status s = SOCLE_OK;
    for (int i = 0; i <= m->n && s == SOCLE_OK; i++)
        s = socle_fill(l->ctx, m->sum[i], 0);
    return (socle_flow)s;
}

static socle_status add(socle_learner *l, socle_tensor *sum, double weight, socle_tensor *v, const char *name)
{
    if (!v && socle_ctx_status(l->ctx) == SOCLE_OK)
        return socle_fail(SOCLE_ERR_USER, "metrics: %s gave no tensor", name);
    socle_tensor *scalar = socle_reshape(l->ctx, v, socle_shape0());
    return scalar ? socle_axpby(l->ctx, sum, weight, scalar, 1) : socle_ctx_status(l->ctx);
}

static socle_flow after_batch(socle_learner *l, void *user)
{
    metrics *m = user;
    bool recorded = socle_ctx_set_grad(l->ctx, false);
    socle_status s = add(l, m->sum[m->n], (double)l->batch.size, l->loss, "the loss");
    for (int i = 0; i < m->n && s == SOCLE_OK; i++)
        s = add(l, m->sum[i], 1, m->metric[i].batch(l->ctx, l->pred, l->batch.y), m->metric[i].name);
    (void)socle_ctx_set_grad(l->ctx, recorded);
    m->samples += l->batch.size;
    return (socle_flow)s;
}

static socle_flow after_epoch(socle_learner *l, void *user)
{
    metrics *m = user;
    for (int i = 0; i <= m->n; i++) {
        socle_status s = socle_item(m->sum[i], &m->value[i]);
        if (s != SOCLE_OK)
            return (socle_flow)s;
        m->value[i] /= (double)m->samples; /* NaN for a pass without a whole batch */
    }
    m->value[m->n + 1] = l->epoch;
    m->value[m->n + 2] = l->training;
    if (l->log)
        l->log(l, m->n + 3, m->column, m->value);
    return 0;
}

/* Copies the metrics and their names. */
static bool copy_metrics(metrics *m, const socle_metric *from, int n)
{
    size_t length = 1;
    for (int i = 0; i < n; i++)
        length += strlen(from[i].name) + 1;
    m->n = n;
    m->metric = socle_mem_zeroed((size_t)n, sizeof *m->metric);
    m->names = socle_mem_alloc(length);
    m->sum = socle_mem_zeroed((size_t)n + 1, sizeof(socle_tensor *));
    m->column = socle_mem_zeroed((size_t)n + 3, sizeof(char *));
    m->value = socle_mem_zeroed((size_t)n + 3, sizeof *m->value);
    if (!m->metric || !m->names || !m->sum || !m->column || !m->value)
        return false;
    char *to = m->names;
    for (int i = 0; i < n; i++) {
        size_t bytes = strlen(from[i].name) + 1;
        memcpy(to, from[i].name, bytes);
        m->metric[i] = (socle_metric){ .name = to, .batch = from[i].batch };
        m->column[i] = to;
        to += bytes;
    }
    m->column[n] = "loss";
    m->column[n + 1] = "epoch";
    m->column[n + 2] = "train";
    return true;
}

socle_callback socle_cb_metrics(const socle_metric *from, int n)
{
    for (int i = 0; i < n; i++) {
        if (!from || !from[i].name || !from[i].batch) {
            (void)socle_fail(SOCLE_ERR_ARG, "metrics: number %d has no name or no function", i);
            return (socle_callback){ 0 };
        }
    }
    metrics *m = socle_mem_zeroed(1, sizeof *m);
    if (!m || !copy_metrics(m, from, n > 0 ? n : 0)) {
        metrics_drop(m);
        return (socle_callback){ 0 };
    }
    return (socle_callback){ .name = "metrics",
                             .no_rehearsal = true,
                             .user = m,
                             .drop = metrics_drop,
                             .before_fit = before_fit,
                             .before_epoch = before_epoch,
                             .after_batch = after_batch,
                             .after_epoch = after_epoch };
}

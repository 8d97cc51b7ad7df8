/* Scratch memory of one call, and operands brought into the format a kernel wants. */
#include "workspace.h"

#include <assert.h>

workspace workspace_on(cpu_device *d)
{
    return (workspace){ .device = d };
}

void *workspace_take(workspace *w, int64_t count, size_t size)
{
    assert(w->n < (int)(sizeof w->block / sizeof w->block[0]));
    if (count < 1)
        count = 1;
    size_t bytes = (uint64_t)count > SIZE_MAX / 2 / size ? SIZE_MAX : (size_t)count * size;
    void *p = cpu_scratch(w->device, bytes);
    if (!p)
        return NULL;
    w->block[w->n].p = p;
    w->block[w->n++].bytes = bytes;
    return p;
}

float *workspace_floats(workspace *w, int64_t count)
{
    return workspace_take(w, count, sizeof(float));
}

socle_status workspace_end(workspace *w, socle_status s)
{
    while (w->n > 0) {
        w->n--;
        cpu_scratch_free(w->device, w->block[w->n].p, w->block[w->n].bytes);
    }
    return s;
}

float *view_floats(socle_in v)
{
    return (float *)v->buffer + v->offset;
}

static bool is_dense(socle_in v)
{
    int64_t expected = 1;
    for (int32_t i = v->ndim - 1; i >= 0; i--) {
        if (v->dim[i] != 1 && v->stride[i] != expected)
            return false;
        expected *= v->dim[i];
    }
    return v->lanes == 1;
}

socle_status workspace_like(workspace *w, socle_in v, int32_t lanes, socle_view *out)
{
    *out = *v;
    out->lanes = lanes;
    out->offset = 0;
    int64_t count = lanes;
    for (int32_t i = v->ndim - 1; i >= 0; i--) {
        out->stride[i] = count;
        count *= i == 0 ? (v->dim[0] + lanes - 1) / lanes : v->dim[i];
    }
    out->buffer = workspace_floats(w, count);
    return out->buffer ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static socle_status copied(workspace *w, socle_in v, int32_t lanes, socle_view *out)
{
    socle_status s = workspace_like(w, v, lanes, out);
    return s == SOCLE_OK ? cpu_copy(w->device, out, v) : s;
}

socle_status workspace_dense(workspace *w, socle_in v, socle_view *out)
{
    if (!is_dense(v))
        return copied(w, v, 1, out);
    *out = *v;
    return SOCLE_OK;
}

socle_status workspace_format(workspace *w, socle_in v, int32_t lanes, socle_view *out)
{
    if (v->lanes != lanes)
        return copied(w, v, lanes, out);
    *out = *v;
    return SOCLE_OK;
}

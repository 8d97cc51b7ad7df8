/* Scratch memory of one call, and operands brought into the format a kernel wants. Small requests share a block: plans are
 * made of many, and a call of a small layer takes only microseconds. */
#include "workspace.h"

enum { LINE = 64, SMALL = 2048, SHARED = 8192 };

/* In the first line of each block from the device. */
typedef struct workspace_block {
    struct workspace_block *next;
    size_t bytes;
} workspace_block;

workspace workspace_on(cpu_device *d)
{
    return (workspace){ .device = d };
}

/* bytes behind a header. */
static char *new_block(workspace *w, size_t bytes)
{
    workspace_block *b = cpu_scratch(w->device, bytes > SIZE_MAX - LINE ? SIZE_MAX : bytes + LINE);
    if (!b)
        return NULL;
    *b = (workspace_block){ .next = w->blocks, .bytes = bytes + LINE };
    w->blocks = b;
    return (char *)b + LINE;
}

void *workspace_take(workspace *w, int64_t count, size_t size)
{
    const uint64_t n = count < 1 ? 1 : (uint64_t)count;
    const size_t bytes = n > SIZE_MAX / 2 / size ? SIZE_MAX : ((size_t)n * size + LINE - 1) / LINE * LINE;
    if (bytes > SMALL)
        return new_block(w, bytes);
    if (bytes > w->left) {
        char *block = new_block(w, SHARED);
        if (!block)
            return NULL;
        w->free = block;
        w->left = SHARED;
    }
    void *p = w->free;
    w->free += bytes;
    w->left -= bytes;
    return p;
}

float *workspace_floats(workspace *w, int64_t count)
{
    return workspace_take(w, count, sizeof(float));
}

socle_status workspace_end(workspace *w, socle_status s)
{
    while (w->blocks) {
        workspace_block *b = w->blocks;
        w->blocks = b->next;
        cpu_scratch_free(w->device, b, b->bytes);
    }
    w->left = 0;
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
